"""Small networks and batches that several test modules share."""

from __future__ import annotations

import os

import numpy as np
import torch

from agents import (
    Actor,
    Agent,
    AgentConfig,
    AlgorithmConfig,
    ModelBasedDDPG,
    TrainConfig,
    Trainer,
)
from agents.common.replay import Transition
from agents.painting.evaluation import l2_by_raster
from agents.painting.paint import paint
from paint_gym import L2Reward, Reward, make_renderer, register_dataset
from paint_gym.canvas import CanvasState
from paint_gym.strokes import StrokeDesign


class Constant(Actor):
    """Answers with learnt numbers, whatever it sees."""

    def __init__(self, *shape: int, value: float = 0.5) -> None:
        super().__init__()
        self.value = torch.nn.Parameter(torch.full(shape, value))

    def forward(self, canvas, target, step, steps, action: torch.Tensor | None = None) -> torch.Tensor:
        answer = self.value.expand(len(canvas), *self.value.shape)
        return answer if action is None else answer + 0 * action.sum()  # an actor has what to climb


def transition(step: int = 0) -> Transition:
    torch.manual_seed(0)
    canvas, target, painted = torch.rand(3, 4, 3, 16, 16)
    states = [CanvasState(one, target, torch.full((4,), step + i)) for i, one in enumerate((canvas, painted))]
    return Transition(states[0], torch.rand(4, 14), states[1])


def agent_of(kind: type, critic: torch.nn.Module, **learning) -> ModelBasedDDPG:
    settings = AlgorithmConfig(bf16=False, **learning)
    return kind(
        Constant(14), critic, make_renderer("analytic", "circle"), L2Reward(patches=4), 4, 2, settings
    )


def l2(canvas: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return (canvas - target).square().mean((1, 2, 3))


class Small(Actor):
    """A network of three layers that sees canvas and target at 4 x 4, for quick tests.

    With ``critic=None`` it is an actor; else the critic's values have that shape.
    """

    def __init__(self, action_dim: int, critic: tuple[int, ...] | None = None) -> None:
        super().__init__()
        self.critic = critic
        inputs, outputs = (97, action_dim) if critic is None else (97 + action_dim, int(np.prod(critic)))
        self.net = torch.nn.Sequential(
            torch.nn.Linear(inputs, 256), torch.nn.ReLU(),
            torch.nn.Linear(256, 256), torch.nn.ReLU(),
            torch.nn.Linear(256, outputs),
        )  # fmt: skip

    def forward(self, canvas, target, step, steps, *action) -> torch.Tensor:
        small = [torch.nn.functional.adaptive_avg_pool2d(one, 4).flatten(1) for one in (canvas, target)]
        raw = self.net(torch.cat([*small, (step / steps).view(-1, 1), *action], 1))
        return raw.sigmoid() if self.critic is None else raw.view(len(raw), *self.critic)


def left_after(
    pictures: np.ndarray,
    agent_config: AgentConfig,
    updates: int,
    device: torch.device,
    batch: int = 32,
    episodes: int = 256,
    agent: Agent | None = None,
    seed: int = 0,
) -> float:
    """The part of a blank canvas's l2 that is left after learning, on the last pictures, by `raster`."""
    register_dataset("solid", lambda split, size, data_root: pictures[:-8], replace=True)
    config = TrainConfig(
        agent=agent_config, dataset="solid", size=pictures.shape[2], updates=updates, batch=batch,
        num_envs=16, episodes=episodes, seed=seed,
    )  # fmt: skip
    trainer = Trainer(config, device, agent).fit()
    paintings = paint(trainer.agent, torch.from_numpy(pictures[-8:]), agent_config.max_strokes)
    return l2_by_raster(paintings, pictures[-8:]).mean() / np.square(pictures[-8:] / 255).mean()


def one_colour_left(
    kind: type[Agent],
    critic: tuple[int, ...],
    updates: int,
    device: torch.device,
    seed: int,
    reward: Reward | None = None,
) -> float:
    """The part of the l2 that is left after learning one colour, with networks of one's own.

    Of a bundle of five opaque strokes. The bar in the tests is 0.05: with seeds 0 to 3, and the instruction
    sets AVX-512, AVX2 and neither, 6,000 updates end at 0.006 to 0.026.
    """
    torch.set_num_threads(1)  # for networks this small a second thread only waits
    one = np.tile(np.array([200, 120, 60], np.uint8).reshape(1, 3, 1, 1), (24, 1, 32, 32))
    rates = {"actor_lr": 3e-4, "actor_lr_late": 0.0, "critic_lr": 1e-3, "critic_lr_late": 1e-4}
    config = AlgorithmConfig(**rates, schedule="cosine", gamma=0.0, tau=0.01, noise=0.2, bf16=False)
    renderer = make_renderer("analytic", "straight", (1.0, 1.0))
    torch.manual_seed(seed)
    networks = [Small(55).to(device), Small(55, critic).to(device)]
    agent = kind(*networks, renderer, reward or L2Reward(patches=2), 1, 5, config)
    agent_config = AgentConfig(stroke="straight", opacity=(1.0, 1.0), max_strokes=5)
    return left_after(one, agent_config, updates, device, 64, 4096, agent, seed)


def _diamond(parameters: torch.Tensor, segments: int) -> torch.Tensor:
    x, y, width, height, t = parameters.unbind(-1)
    flat = torch.zeros_like(x)
    corners = [(x - width, y), (x, y - height), (x + width, y), (x, y + height)]
    return torch.stack([torch.stack([cx, cy, flat, t], -1) for cx, cy in corners], -2)


def _hatch(parameters: torch.Tensor, segments: int) -> torch.Tensor:
    x, y, across, down, t = parameters.unbind(-1)
    r = torch.full_like(x, 0.01)
    ends = [(x, y), (x + across, y + down)]
    return torch.stack([torch.stack([ex, ey, r, t], -1) for ex, ey in ends], -2)


DIAMOND = StrokeDesign("diamond", ("x", "y", "w", "h", "t"), "polygon", _diamond)
"""The design of README: it reaches far beyond the windows that it is painted in."""

HATCH = StrokeDesign(
    "hatch", ("x", "y", "across", "down", "t"), "sweep", _hatch, kinds=("x", "y", "width", "height", "alpha")
)
"""The design of the doctest: its radius is the same in all windows."""


def weights_of(trainer: Trainer) -> dict[str, torch.Tensor]:
    parts = ("actor", "critic", "target_critic")
    return {
        f"{part}.{name}": value
        for part in parts
        for name, value in getattr(trainer.agent, part).state_dict().items()
    }


def assert_equal_weights(one: Trainer, other: Trainer) -> None:
    for name, value in weights_of(one).items():
        assert torch.equal(value, weights_of(other)[name]), name


def leave_group() -> None:
    """End a child process without Python's teardown, in which gloo's threads abort one time in forty."""
    torch.distributed.destroy_process_group()
    os._exit(0)
