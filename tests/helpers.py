"""Small networks and batches that several test modules share."""

import os

import numpy as np
import torch

from agents import Actor, Agent, AgentConfig, TrainConfig, Trainer
from agents.common.replay import Transition
from agents.painting.evaluation import l2_by_raster
from agents.painting.paint import paint
from paint_gym import L2Reward, Reward, make_renderer, register_dataset
from paint_gym.canvas import CanvasState
from paint_gym.strokes import StrokeDesign


class Constant(Actor):
    """Parameters as the output, whatever the input."""

    def __init__(self, *shape: int, value: float = 0.5) -> None:
        super().__init__()
        self.value = torch.nn.Parameter(torch.full(shape, value))

    def forward(self, canvas, target, step, steps, action: torch.Tensor | None = None) -> torch.Tensor:
        output = self.value.expand(len(canvas), *self.value.shape)
        return output if action is None else output + 0 * action.sum()  # gradients for the actor


def transition(step: int = 0) -> Transition:
    torch.manual_seed(0)
    canvas, target, painted = torch.rand(3, 4, 3, 16, 16)
    states = [
        CanvasState(image, target, torch.full((4,), step + i)) for i, image in enumerate((canvas, painted))
    ]
    return Transition(states[0], torch.rand(4, 14), states[1])


def agent_of(kind: type[Agent], critic: torch.nn.Module | None, **learning) -> Agent:
    """An agent that paints two circles a step, four steps, always the same."""
    settings = kind.Config(bf16=False, **learning)
    renderer = make_renderer("analytic", "circle")
    return kind(Constant(14), critic, renderer, L2Reward(patches=4), 4, 2, settings)


def l2(canvas: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return (canvas - target).square().mean((1, 2, 3))


class Small(Actor):
    """A network of three layers on canvas and target at 4 x 4, for quick tests.

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
        small = [torch.nn.functional.adaptive_avg_pool2d(image, 4).flatten(1) for image in (canvas, target)]
        raw = self.net(torch.cat([*small, (step / steps).view(-1, 1), *action], 1))
        return raw.sigmoid() if self.critic is None else raw.view(len(raw), *self.critic)


def remaining_l2(
    pictures: np.ndarray, config: TrainConfig, device: torch.device, agent: Agent | None = None
) -> float:
    """The part of a blank canvas's l2 that remains after learning, on the last 8 pictures, by `raster`."""
    register_dataset("solid", lambda split, size, data_root: pictures[:-8], replace=True)
    trainer = Trainer(config, device, agent).fit()
    paintings = paint(trainer.policy, torch.from_numpy(pictures[-8:]), config.agent.max_strokes)
    return l2_by_raster(paintings, pictures[-8:]).mean() / np.square(pictures[-8:] / 255).mean()


def run_on_solid(agent: AgentConfig, **settings) -> TrainConfig:
    """A short training on the data set of `remaining_l2`."""
    sizes = {"size": 32, "batch": 32, "num_envs": 16, "episodes": 256} | settings
    return TrainConfig(agent=agent, dataset="solid", **sizes)


def one_colour(count: int = 24) -> np.ndarray:
    """Pictures of one colour, ``(count, 3, 32, 32)``."""
    return np.tile(np.array([200, 120, 60], np.uint8).reshape(1, 3, 1, 1), (count, 1, 32, 32))


def remaining_l2_of_one_colour(
    kind: type[Agent], critic: tuple[int, ...], updates: int, device: torch.device, seed: int,
    reward: Reward | None = None,
) -> float:  # fmt: skip
    """`remaining_l2` after learning one colour by trial and error, in bundles of five opaque strokes.

    The bound in the tests is 0.15: 20 updates end at 0.92, 2,000 at 0.054 (DDPG) and 0.062 (PatchQ), seed 0.
    """
    rates = {"actor_lr": 3e-4, "actor_lr_late": 0.0, "critic_lr": 1e-3, "critic_lr_late": 1e-4}
    learning = kind.Config(**rates, schedule="cosine", gamma=0.0, tau=0.01, noise=0.2, bf16=False)
    renderer = make_renderer("analytic", "straight", (1.0, 1.0))
    torch.manual_seed(seed)
    networks = [Small(55).to(device), Small(55, critic).to(device)]
    agent = kind(*networks, renderer, reward or L2Reward(patches=2), 1, 5, learning)
    config = AgentConfig(stroke="straight", opacity=(1.0, 1.0), max_strokes=5)
    run = run_on_solid(config, updates=updates, batch=64, episodes=4096, seed=seed)
    return remaining_l2(one_colour(), run, device, agent)


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
"""The design of README: it reaches far beyond its window."""

HATCH = StrokeDesign(
    "hatch", ("x", "y", "across", "down", "t"), "sweep", _hatch, kinds=("x", "y", "width", "height", "alpha")
)
"""The design of the doctest: its radius is the same in all windows."""


def assert_equal_weights(trainer: Trainer, expected: Trainer) -> None:
    for name, network in trainer.agent.parts().items():
        if isinstance(network, torch.nn.Module):
            other = getattr(expected.agent, name).state_dict()
            for key, value in network.state_dict().items():
                assert torch.equal(value, other[key]), f"{name}.{key}"


def leave_group() -> None:
    """End a child process without Python's teardown, in which gloo's threads abort one time in forty."""
    torch.distributed.destroy_process_group()
    os._exit(0)
