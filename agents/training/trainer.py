"""The trainer of agents: canvases fill the replay, the agent learns from it; a run can stop and go on."""

from __future__ import annotations

import logging
from dataclasses import asdict, replace
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch

from agents.checkpoint import AGENT, CHECKPOINT, checkpoint_of, save_agent
from agents.common.agent import Agent
from agents.common.config import TrainConfig
from agents.common.replay import Replay
from agents.factory import ALGORITHMS, agent_config_from_dict, build_agent
from agents.painting.evaluation import l2_by_raster
from agents.painting.options import PaintOptions
from agents.painting.paint import paint
from agents.painting.policy import PaintingPolicy
from agents.training.loop import TrainingLoop
from paint_gym.canvas import CanvasState
from paint_gym.datasets import load_dataset
from paint_gym.datasets.dataset import Dataset
from paint_gym.envs import PaintTask
from paint_gym.metrics import mean_squared_error
from paint_gym.painting import Painting
from paint_gym.utils.device import float32_default
from paint_gym.utils.distributed import processes, rank
from paint_gym.utils.errors import named_file
from paint_gym.utils.weights import load_checkpoint, save_checkpoint

logger = logging.getLogger(__name__)
PER_PROCESS = ("replay", "env", "random")  # parts of a checkpoint that each process has
SHOWN = 8  # paintings of an evaluation in the picture


class Trainer(TrainingLoop):
    """An agent with its canvases, its replay, and all random states.

    In a process group of torch.distributed, each process has its own canvases, replay and seeds, in a file of
    their own; gradients are averaged.

    Args:
        config: settings of the run.
        device: device of networks, canvases and replay.
        agent: an agent of your own, in place of that of ``config.agent``; the configuration takes its
            strokes, renderer and budget from it. Unless the configuration builds the same actor, `resume`
            needs the agent again, and `agents.load` cannot build it.

    Raises:
        ValueError: a batch larger than the replay, or settings that do not go together.
    """

    @float32_default()
    def __init__(
        self, config: TrainConfig, device: str | torch.device = "auto", agent: Agent | None = None
    ) -> None:
        super().__init__()
        seed = config.seed + rank()
        torch.manual_seed(config.seed)  # the same weights in all processes
        self.agent = build_agent(config.agent, device, config.seed) if agent is None else agent
        self.device = self.agent.device
        renderer, bundle = self.agent.renderer, self.agent.bundle
        names = [name for name in ALGORITHMS if ALGORITHMS[name].agent is type(self.agent)]
        algo = config.agent.algo if config.agent.algo in names or not names else names[0]
        max_strokes = bundle * self.agent.steps
        agent_config = replace(
            config.agent, algo=algo, stroke=renderer.design.name, opacity=renderer.opacity,
            renderer=renderer.name, bundle=bundle, max_strokes=max_strokes, learning=self.agent.config,
        )  # fmt: skip
        self.config: TrainConfig = replace(config, agent=agent_config)
        torch.manual_seed(seed)
        self.replay_rng = torch.Generator().manual_seed(seed)
        self.picture_rng = np.random.default_rng(seed)
        self.task = PaintTask(
            dataset=config.dataset, data_root=config.data_root, size=config.size, bundle=bundle,
            max_strokes=max_strokes, renderer=renderer, device=self.device,
        )  # fmt: skip
        action_dim = bundle * self.task.stroke_dim
        self.replay = Replay(config.episodes, self.task.steps, config.num_envs, action_dim, self.task.targets)
        if config.batch > self.replay.capacity:
            raise ValueError(
                f"a batch of {config.batch} is larger than the replay of {self.replay.capacity} transitions; "
                "choose a smaller batch or keep more episodes"
            )
        self._begin_episodes()

    def _begin_episodes(self) -> None:
        self.indices = self.task.indices(None, self.config.num_envs, self.picture_rng)
        self.state = self.task.initial_state(self.indices)

    @float32_default()
    @torch.no_grad()
    def collect_step(self) -> None:
        """Paint one bundle on each canvas; after the last, keep the canvases and begin new ones."""
        step, indices = int(self.state.step[0]), torch.from_numpy(self.indices)
        if step == self.task.steps:
            self.replay.add(self.state.canvas, indices, step, None)
            self._begin_episodes()
            return
        action = self.agent.explore(self.state)
        self.replay.add(self.state.canvas, indices, step, action)
        self.state, _ = self.task.model_step(self.state, action)

    def collect(self) -> None:
        """Paint the steps that are due: one every `updates_per_step` updates, more for the first batch."""
        if self.updates % self.config.updates_per_step == 0:
            self.collect_step()
        while len(self.replay) < self.config.batch:
            self.collect_step()

    @float32_default()
    def update(self) -> dict[str, float]:
        """One update of the agent from the replay, after `collect`; losses and rewards by name.

        Raises:
            TrainingDivergedError: a loss is not finite.
        """
        self.agent.set_learning_rates(self.progress)
        batch = self.replay.sample(self.config.batch, self.replay_rng)
        metrics = self.agent.update(batch)
        self.updates += 1
        if self.updates % self.log_every == 0:
            (canvas, target, _), _, (next_canvas, _, _) = batch
            gain = mean_squared_error(canvas, target) - mean_squared_error(next_canvas, target)
            metrics["charts/reward_l2"] = gain.mean().item()
        return metrics

    @property
    def counters(self) -> dict[str, float]:
        """``charts/env_steps``: steps of single canvases so far, in all processes."""
        return {"charts/env_steps": self.replay.env_steps * processes()}

    @property
    def policy(self) -> PaintingPolicy:
        """The policy that evaluations paint with."""
        config, uses_model = self.config.agent, self.agent.uses_model
        return PaintingPolicy.of(self.agent, *((config.lookahead, config.plan) if uses_model else ()))

    @cached_property
    def eval_targets(self) -> np.ndarray:
        """Pictures of evaluations, ``(n, 3, size, size)`` uint8: the first of `eval_split`."""
        config = self.config
        data = load_dataset(config.dataset, config.eval_split, config.size, config.data_root)
        return data[np.arange(min(config.eval_images, len(data)))]

    def evaluate(self) -> tuple[float, list[Painting]]:
        """Mean l2 by `raster` of paintings of `eval_targets`, and the paintings; changes no random state."""
        random_state = torch.get_rng_state()
        strokes = min(self.config.eval_strokes, self.task.max_strokes)
        targets = torch.from_numpy(self.eval_targets)
        paintings = paint(self.policy, targets, strokes, PaintOptions(canvas=None))
        torch.set_rng_state(random_state)
        return float(l2_by_raster(paintings, self.eval_targets).mean()), paintings

    def evaluation(self) -> tuple[dict[str, float], np.ndarray]:
        """``eval/l2``, and a row of targets above a row of their paintings."""
        l2, paintings = self.evaluate()
        targets = np.concatenate(list(self.eval_targets[:SHOWN].transpose(0, 2, 3, 1)), 1)
        row = np.concatenate([painting.render() for painting in paintings[:SHOWN]], 1)
        return {"eval/l2": l2}, np.concatenate([targets, row], 0)

    def state_dict(self) -> dict[str, Any]:
        """Everything that is needed to go on as if nothing had happened."""
        return {
            "config": asdict(self.config),
            "agent": self.agent.state_dict(),
            "reward": self.agent.reward.state_dict(),
            "replay": self.replay.state_dict(),
            "env": {
                "canvas": self.state.canvas,
                "index": torch.from_numpy(self.indices),
                "step": self.state.step,
                "random": self.picture_rng.bit_generator.state,
            },
            "random": {"torch": torch.get_rng_state(), "draw": self.replay_rng.get_state()},
            "updates": self.updates,
            "processes": processes(),
            "pictures": _fingerprint(self.task.targets.dataset),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict`; without replay and canvases, these start anew."""
        self.agent.load_state_dict(state["agent"])
        self.agent.reward.load_state_dict(state["reward"])
        self.updates = state["updates"]
        if "replay" not in state:
            return
        self.replay.load_state_dict(state["replay"])
        env = state["env"]
        self.indices = env["index"].numpy().copy()
        canvas, step = env["canvas"].to(self.device), env["step"].to(self.device)
        self.state = CanvasState(canvas, self.task.targets(self.indices), step)
        self.picture_rng.bit_generator.state = env["random"]
        torch.set_rng_state(state["random"]["torch"])
        self.replay_rng.set_state(state["random"]["draw"])

    def save(self, folder: str | PathLike[str]) -> None:
        """Write ``checkpoint.pt`` and ``agent.safetensors``, each whole or not at all.

        Of several processes, each but the first only writes its own ``checkpoint-<rank>.pt``.
        """
        save_checkpoint(_process_file(folder), self.state_dict())
        if not rank():
            save_agent(Path(folder) / AGENT, self.agent, self.config.agent)

    @classmethod
    def resume(
        cls,
        folder: str | PathLike[str],
        device: str | torch.device = "auto",
        agent: Agent | None = None,
        dataset: str | None = None,
        data_root: str | None = None,
    ) -> Self:
        """The trainer that `save` wrote.

        Args:
            folder: folder of the run.
            device: device of networks, canvases and replay.
            agent: an agent of your own, which must be passed again.
            dataset: place where the pictures of the run are now; None for that of before.
            data_root: folder where the data sets are now; None for that of before.

        Raises:
            FileNotFoundError: there is no run in this folder.
            ValueError: the checkpoint is damaged or does not fit, or the pictures are others or missing.
        """
        file = checkpoint_of(folder)
        state = load_checkpoint(file)
        with named_file(file):
            config = _config_of(state, own_agent=agent is not None)
            config = replace(
                config, dataset=dataset or config.dataset, data_root=data_root or config.data_root
            )
            if "pictures" in state:
                config = replace(config, dataset=_place_of(config, state["pictures"]))
            trainer = cls(config, device, agent)
            for name in ("stroke", "bundle", "max_strokes"):
                before, now = getattr(config.agent, name), getattr(trainer.config.agent, name)
                if before != now:
                    raise ValueError(f"the run has {name} {before!r}, the agent that is given {now!r}")
            trainer.load_state_dict(_process_state(folder, state) if rank() else state)
            before, now = state["processes"], processes()
        if before != now and not rank():
            logger.warning(
                "%s was saved by %d processes, and %d go on: weights, optimisers and updates stay; an "
                "update is now of %d transitions, not of %d",
                file, before, now, now * config.batch, before * config.batch,
            )  # fmt: skip
        return trainer


def load_config(folder: str | PathLike[str]) -> TrainConfig:
    """The settings of a run; errors as of `Trainer.resume`."""
    file = checkpoint_of(folder)
    with named_file(file):
        return _config_of(load_checkpoint(file))


def _config_of(state: dict[str, Any], own_agent: bool = False) -> TrainConfig:
    """The settings in a checkpoint; those of an agent of a user's own may be of any class, and stay out."""
    if "replay" not in state:
        raise ValueError("no run of an agent that can be resumed")
    values = state["config"]["agent"] | ({"learning": {}} if own_agent else {})
    return TrainConfig(**state["config"] | {"agent": agent_config_from_dict(values)})


def _process_file(folder: str | PathLike[str]) -> Path:
    return Path(folder) / (f"checkpoint-{rank()}.pt" if rank() else CHECKPOINT)


def _process_state(folder: str | PathLike[str], state: dict[str, Any]) -> dict[str, Any]:
    """The state of this process; that of the first without its canvases, if there is none of this update."""
    file = _process_file(folder)
    own_state = load_checkpoint(file) if file.is_file() else {}
    if own_state.keys() == state.keys() and own_state["updates"] == state["updates"]:
        return own_state
    logger.warning("process %d begins new paintings: there is no %s of the same update", rank(), file)
    return {name: value for name, value in state.items() if name not in PER_PROCESS}


def _fingerprint(data: Dataset) -> list[float]:
    """Number of pictures, and means of 64 of them: the same wherever they are, and whatever decodes them."""
    indices = np.linspace(0, len(data) - 1, min(len(data), 64)).astype(int)
    return [float(len(data)), *data[indices].mean((1, 2, 3)).tolist()]


def _place_of(config: TrainConfig, fingerprint: list[float]) -> str:
    """The data set, or else the folder of that name, whose pictures have a fingerprint."""
    name = config.dataset
    remedy = "name the place of its pictures by --dataset or --data-root"
    for place in (name, str(Path(name).resolve())) if Path(name).is_dir() else (name,):
        try:
            pictures = _fingerprint(load_dataset(place, "train", config.size, config.data_root))
        except (FileNotFoundError, ValueError) as error:
            raise ValueError(f"{error}; if the pictures of the run have moved, {remedy}") from error
        if pictures[0] == fingerprint[0] and np.allclose(pictures, fingerprint, rtol=0, atol=1):
            return place
    raise ValueError(
        f"data set {name} has other pictures than the run; {remedy}, or start another run from this one with "
        "--init"
    )
