"""The training loop: environments fill the replay, the agent learns from it, all can stop and go on."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from gymnasium.vector import AutoresetMode

from agents.checkpoint import AgentSpec, build_agent, read_spec
from agents.common.agent import Learning
from agents.common.replay import Replay, Transition
from agents.painter import l2_by_raster, paint
from agents.training.logger import CHECKPOINT, checkpoint_of
from paint_gym.canvas import CanvasState, mean_squared_error
from paint_gym.datasets import Dataset, load_dataset
from paint_gym.envs import PaintCanvasVectorEnv
from paint_gym.painting import Painting
from paint_gym.rewards import WGANReward
from paint_gym.utils.serialization import Tree, check_fit, load_tree, save_tree

LOG_EVERY = 20  # updates from one line of metrics to the next


@dataclass(frozen=True)
class TrainConfig:
    """What is learned, on what, and for how long."""

    agent: AgentSpec = dataclasses.field(default_factory=AgentSpec)
    """Networks, algorithm, reward, strokes."""
    dataset: str = "photos"
    """A name, or a folder of images."""
    data_root: str | None = None
    """Where data sets lie; by default the environment variable PAINT_GYM_DATA."""
    size: int = 128
    """Side of the canvas in pixels."""
    updates: int = 6000
    """Steps of gradient in all."""
    batch: int = 48
    """Transitions per update, and process."""
    num_envs: int = 64
    """Canvases that are painted at once."""
    episodes: int = 128
    """Episodes that the replay keeps."""
    updates_per_step: int = 2
    """Updates for each step of the environments."""
    eval_every: int = 500
    """Updates from one evaluation to the next."""
    eval_split: str = "test"
    """Split that evaluations paint; choose settings on val."""
    eval_images: int = 32
    """Pictures that an evaluation paints."""
    eval_strokes: int = 200
    """Strokes of such a painting, at most max_strokes."""
    seed: int = 0
    """Of everything random."""


PRESETS: dict[str, TrainConfig] = {
    "smoke": TrainConfig(
        agent=AgentSpec(actor_width=8, critic_width=8, discriminator_width=4, max_strokes=20),
        size=32, updates=40, batch=8, num_envs=8, episodes=16, eval_every=20, eval_images=4,
    ),
    "cpu": TrainConfig(
        agent=AgentSpec(
            max_strokes=400,
            learning=Learning(
                actor_lr=1e-3, actor_lr_late=0.0, critic_lr=1e-3, critic_lr_late=0.0, schedule="cosine",
                gamma=0.0, relative=True, augment=True,
            ),
        ),
        num_envs=32, episodes=96, updates_per_step=4,
    ),
    "paper": TrainConfig(
        agent=AgentSpec(actor="resnet", actor_width=64, critic_width=64, reward="wgan"),
        dataset="celeba", updates=200_000, batch=96, num_envs=96, episodes=800, updates_per_step=1,
        eval_every=2000,
    ),
}  # fmt: skip
"""smoke: seconds; cpu: what learns fastest on two cores; paper: Tables 1 and 2 to the letter."""


class Trainer:
    """An agent at work: environments, replay, and everything random.

    In a process group of torch.distributed, each process has its own environments, replay and seeds;
    gradients are averaged.

    Args:
        config: see `TrainConfig`.
        device: where networks, canvases and replay are.
    """

    def __init__(self, config: TrainConfig, device: str | torch.device = "auto") -> None:
        self.rank = rank = dist.get_rank() if dist.is_initialized() else 0
        self.config, spec = config, config.agent
        torch.manual_seed(config.seed)  # the same weights in all processes
        self.agent = build_agent(spec, device, config.seed)
        torch.manual_seed(config.seed + rank)
        self.draw = torch.Generator().manual_seed(config.seed + rank)
        self.env = PaintCanvasVectorEnv(
            config.num_envs, array="torch", autoreset_mode=AutoresetMode.DISABLED, dataset=config.dataset,
            data_root=config.data_root, size=config.size, max_strokes=spec.max_strokes, bundle=spec.bundle,
            stroke=spec.stroke, opacity=spec.opacity, renderer=spec.renderer, device=self.agent.device,
        )  # fmt: skip
        self.env.reset(seed=config.seed + rank)
        steps, action_dim = self.env.task.steps, spec.bundle * self.env.task.stroke_dim
        self.replay = Replay(
            config.episodes, steps, config.num_envs, action_dim, self.env.task.dataset, self.agent.device
        )
        if config.batch > self.replay.capacity:
            raise ValueError(
                f"a batch of {config.batch} is larger than the replay of {self.replay.capacity} transitions; "
                "choose a smaller batch or keep more episodes"
            )
        self.updates = 0

    def update(self) -> dict[str, float]:
        """Paint a step if one is due, then one update of the agent, and of the discriminator if there is one.

        Returns:
            Losses and rewards by name; every `LOG_EVERY` updates also ``charts/reward_l2``.

        Raises:
            Diverged: a loss is not finite.
        """
        if self.updates % self.config.updates_per_step == 0:
            self.paint_step()
        while len(self.replay) < self.config.batch:
            self.paint_step()
        self.agent.set_rates(self.progress)
        batch = self.replay.sample(self.config.batch, self.draw)
        metrics = self.agent.update(batch)
        reward = self.agent.reward
        if isinstance(reward, WGANReward):
            metrics |= reward.update(batch.after.canvas, batch.after.target)
        self.updates += 1
        if self.updates % LOG_EVERY == 0:
            metrics["charts/reward_l2"] = _l2_gain(batch)
        return metrics

    @property
    def progress(self) -> float:
        """The part of training that is done, 0 to 1; learning rates follow it."""
        return self.updates / self.config.updates

    def paint_step(self) -> None:
        """One bundle in each environment; after the last, keep the canvases and begin new ones."""
        state = self.env.state
        step = int(state.step[0])
        index = torch.from_numpy(self.env.index)
        if step == self.env.task.steps:
            self.replay.add(state.canvas, index, step, None)
            self.env.reset()
            return
        action = self.agent.explore(state)
        self.replay.add(state.canvas, index, step, action)
        self.env.step(action)

    def state_dict(self) -> Tree:
        """Everything that is needed to go on as if nothing had happened."""
        canvas, _, step = self.env.state
        tree: Tree = {
            "spec": dataclasses.asdict(self.config.agent),
            "config": dataclasses.asdict(dataclasses.replace(self.config, agent=AgentSpec())),
            "agent": self.agent.state_dict(),
            "replay": self.replay.state_dict(),
            "env": {
                "canvas": canvas,
                "index": torch.from_numpy(self.env.index),
                "step": step,
                "random": self.env.np_random.bit_generator.state,
            },
            "random": {"torch": torch.get_rng_state(), "draw": self.draw.get_state()},
            "updates": self.updates,
        }
        if isinstance(self.agent.reward, WGANReward):
            tree["reward"] = self.agent.reward.state_dict()
        return tree

    def load_state_dict(self, tree: Tree, file: Path) -> None:
        """Go on from `state_dict`; of several processes, only the first is as before.

        Raises:
            ValueError: the tensors do not fit this trainer.
        """
        own = self.agent.state_dict()
        names = [name for name in own if not name.endswith("optimizer")]
        check_fit(
            {name: own[name] for name in names}, {name: tree["agent"].get(name, {}) for name in names}, file
        )
        self.agent.load_state_dict(tree["agent"])
        if isinstance(self.agent.reward, WGANReward):
            self.agent.reward.load_state_dict(tree["reward"])
        self.updates = int(tree["updates"])
        if self.rank:  # the file holds the first process's pictures and draws; the others begin theirs anew
            return
        self.replay.load_state_dict(tree["replay"])
        env, index = tree["env"], tree["env"]["index"].numpy()
        canvas, step = (env[name].to(self.agent.device) for name in ("canvas", "step"))
        self.env.restore(CanvasState(canvas, self.env.task.targets(index), step), index)
        self.env.np_random.bit_generator.state = env["random"]
        torch.set_rng_state(tree["random"]["torch"])
        self.draw.set_state(tree["random"]["draw"])

    def save(self, folder: Path) -> None:
        """Write ``checkpoint.safetensors``, whole or not at all."""
        save_tree(folder / CHECKPOINT, self.state_dict())

    @classmethod
    def resume(cls, folder: Path, device: str | torch.device = "auto") -> Trainer:
        """The trainer that `save` wrote.

        Raises:
            FileNotFoundError: there is no run in this folder.
            ValueError: the checkpoint is damaged, or does not fit.
        """
        file = checkpoint_of(folder)
        tree = load_tree(file)
        spec = read_spec(file, tree.get("spec"))
        try:
            config = TrainConfig(**{**tree["config"], "agent": spec})
        except (KeyError, TypeError) as error:
            raise ValueError(f"{file} holds an agent, but no run that can be resumed: {error}") from error
        trainer = cls(config, device)
        trainer.load_state_dict(tree, file)
        return trainer

    def evaluate(self, watched: np.ndarray) -> tuple[float, list[Painting]]:
        """Paint pictures ``(n, 3, size, size)`` uint8; mean l2 by `raster`, and the paintings."""
        kept = torch.get_rng_state()
        strokes = min(self.config.eval_strokes, self.config.agent.max_strokes)
        paintings = paint(self.agent, torch.from_numpy(watched), strokes)
        torch.set_rng_state(kept)
        return float(l2_by_raster(paintings, watched).mean()), paintings

    def watched(self) -> np.ndarray:
        """The pictures that evaluations paint, the first of the evaluation split."""
        config = self.config
        root = None if config.data_root is None else Path(config.data_root)
        pictures: Dataset = load_dataset(config.dataset, config.eval_split, config.size, root)
        return pictures[np.arange(min(config.eval_images, len(pictures)))]


def run_to_the_end(trainer: Trainer, on_update: Callable[[int, dict[str, float]], bool | None]) -> None:
    """Update until all updates are done, or `on_update` answers True.

    Args:
        trainer: who learns.
        on_update: called after each update with the number done and the metrics.
    """
    while trainer.updates < trainer.config.updates:
        metrics = trainer.update()
        if on_update(trainer.updates, metrics):
            return


def _l2_gain(batch: Transition) -> float:
    """How much the transitions of a batch lowered the mean squared error."""
    before = mean_squared_error(batch.state.canvas, batch.state.target)
    return (before - mean_squared_error(batch.after.canvas, batch.state.target)).mean().item()
