"""What the agents' files share: settings, acting, a checked step of gradient, slow copies of networks."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from agents.common.replay import Transition
from paint_gym.canvas import CanvasState, RewardFunction
from paint_gym.renderers import Renderer
from paint_gym.utils.distributed import average, average_gradients


@dataclass(frozen=True)
class Learning:
    """Settings of an algorithm; the defaults are Table 1 of the paper."""

    actor_lr: float = 3e-4
    """Learning rate of the actor in the first half of training."""
    actor_lr_late: float = 1e-4
    """And in the second half; with schedule cosine, what the rate falls to at the end."""
    critic_lr: float = 1e-3
    """Learning rate of the critic in the first half."""
    critic_lr_late: float = 3e-4
    """And in the second half."""
    schedule: Literal["halves", "cosine"] = "halves"
    """How the learning rates change."""
    gamma: float = 0.95
    """Discount per stroke, gamma ** k per bundle of k. Model-based with 0: no critic."""
    tau: float = 0.001
    """How fast target networks follow."""
    noise: float = 0.1
    """Standard deviation of the model-free agents' action noise."""
    relative: bool = False
    """Model-based: weigh each state by 1 / l2, so that late steps count as much as early ones."""
    augment: bool = False
    """Model-based: turn, mirror and recolour the states of a batch."""
    lookahead: int = 2
    """Model-based, when painting: windows of each side that are tried out with the renderer before a step, if
    the actor has some to propose; 0 for none."""
    max_grad_norm: float = 5.0
    """Gradients of the actor are clipped to this norm."""
    bf16: bool | None = None
    """Run the networks in bfloat16 where autocast allows it; None: where the processor computes with it."""
    channels_last: bool = True
    """Keep convolutions in the layout in which they are fastest."""
    compile: bool = False
    """Compile actor and critic with torch.compile: minutes at the start, so for long trainings on a GPU."""

    def __post_init__(self) -> None:
        """Refuse what would never end.

        Raises:
            ValueError: a negative lookahead.
        """
        if self.lookahead < 0:
            raise ValueError(f"lookahead must be at least 0, not {self.lookahead}")

    def rates(self, progress: float) -> tuple[float, float]:
        """Learning rates of actor and critic when a part `progress` in [0, 1] of the updates is done."""
        if self.schedule == "halves":
            late = float(progress >= 0.5)
        else:
            late = 0.5 * (1 - math.cos(math.pi * progress))
        actor = (1 - late) * self.actor_lr + late * self.actor_lr_late
        critic = (1 - late) * self.critic_lr + late * self.critic_lr_late
        return actor, critic


class Proposals(NamedTuple):
    """Actions that could be taken, and the part of the canvas that each touches.

    Attributes:
        action: ``(N, B, bundle * stroke_dim)`` in [0, 1].
        top: ``(N, B)`` int64, where the parts begin, in pixels.
        left: ``(N, B)`` int64.
        size: of all parts, height and width in pixels.
    """

    action: Tensor
    top: Tensor
    left: Tensor
    size: tuple[int, int]


class Agent:
    """What all agents are: an actor and a critic, their optimizers, and what they paint with.

    Args:
        actor: ``(canvas, target, step, steps) -> action (B, bundle * stroke_dim)``; agents do not know which.
        critic: what it answers differs from agent to agent.
        renderer: paints the strokes.
        reward: eq. (1).
        steps: steps per episode.
        bundle: strokes per step.
        learning: settings.
    """

    def __init__(
        self,
        actor: nn.Module,
        critic: nn.Module,
        renderer: Renderer,
        reward: RewardFunction,
        steps: int,
        bundle: int,
        learning: Learning | None = None,
    ) -> None:
        self.learning = learning or Learning()
        self.renderer, self.reward, self.steps, self.bundle = renderer, reward, steps, bundle
        self.discount = self.learning.gamma**bundle
        self.device = next(actor.parameters()).device
        bf16 = self.learning.bf16
        self.bf16 = has_bf16(self.device) if bf16 is None else bf16
        self.actor, self.critic = (set_layout(net, self.learning.channels_last) for net in (actor, critic))
        self.target_critic = self._slow(self.critic)
        if self.learning.compile:
            self.actor.compile()  # in place: the names of the parameters stay
            self.critic.compile()

    def _slow(self, network: nn.Module) -> nn.Module:
        """A target network: a copy that `follow` moves, and no gradient."""
        slow = copy.deepcopy(network).requires_grad_(False)
        if self.learning.compile:
            slow.compile()
        return slow

    @cached_property
    def actor_optimizer(self) -> torch.optim.Optimizer:
        """Made when learning begins: who only paints need not wait seconds for what PyTorch loads with it."""
        return torch.optim.Adam(self.actor.parameters(), self.learning.actor_lr)

    @cached_property
    def critic_optimizer(self) -> torch.optim.Optimizer:
        """See `actor_optimizer`."""
        return torch.optim.Adam(self.critic.parameters(), self.learning.critic_lr)

    @torch.no_grad()
    def act(self, state: CanvasState, steps: int | None = None) -> Tensor:
        """The bundle for each canvas, ``(B, bundle * stroke_dim)`` in [0, 1].

        Args:
            state: what to paint on.
            steps: steps per episode, if not those of training.
        """
        self.actor.eval()
        return run(self.actor, state, steps or self.steps, self.bf16)

    def explore(self, state: CanvasState) -> Tensor:
        """What to do while learning: by default the same as `act`."""
        return self.act(state)

    def begin_with(self, actor: nn.Module) -> list[str]:
        """Take over what another actor has learnt, as far as names and shapes are the same.

        Returns:
            Names of the own tensors that found nothing.

        Raises:
            ValueError: none did.
        """
        own, other = self.actor.state_dict(), actor.state_dict()
        same = {name: other[name] for name in own if name in other and other[name].shape == own[name].shape}
        if not same:
            raise ValueError(
                "the two actors have no tensor in common; choose the same --actor and width as the other's"
            )
        self.actor.load_state_dict(own | same)
        return sorted(own.keys() - same.keys())

    def update(self, batch: Transition) -> dict[str, float]:
        """One step of learning; returns losses by name."""
        raise TypeError(f"{type(self).__name__} does not learn")

    def set_rates(self, progress: float) -> None:
        """Set the learning rates for a part `progress` in [0, 1] of training."""
        actor, critic = self.learning.rates(progress)
        self.actor_optimizer.param_groups[0]["lr"] = actor
        self.critic_optimizer.param_groups[0]["lr"] = critic

    def parts(self) -> dict[str, Any]:
        """All that learns, by name."""
        names = ("actor", "critic", "target_critic", "actor_optimizer", "critic_optimizer")
        return {name: getattr(self, name) for name in names}

    def state_dict(self) -> dict[str, Any]:
        """Everything that is needed to go on learning."""
        return {name: part.state_dict() for name, part in self.parts().items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict`."""
        for name, part in self.parts().items():
            part.load_state_dict(state[name])


class Diverged(FloatingPointError):
    """A loss is NaN or inf; nothing has been changed by it."""


def descend(
    optimizer: torch.optim.Optimizer, loss: Tensor, name: str, max_norm: float | None = None
) -> dict[str, float]:
    """One step of gradient, averaged over all processes.

    Args:
        optimizer: of the parameters that learn.
        loss: scalar.
        name: of the loss, for the metrics.
        max_norm: to which the gradient is clipped.

    Returns:
        The loss, its mean over all processes, under its name.

    Raises:
        Diverged: the loss is not finite.
    """
    value = average(loss).item()  # NaN in one process is NaN in all, and none waits for another
    if not math.isfinite(value):
        raise Diverged(f"{name} is {value}")
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    average_gradients(parameters)
    if max_norm is not None:
        nn.utils.clip_grad_norm_(parameters, max_norm)
    optimizer.step()
    return {name: value}


@torch.no_grad()
def follow(slow: nn.Module, quick: nn.Module, tau: float) -> None:
    """Move a target network towards its source: parameters by `tau`, buffers (batch norm's) wholly."""
    for old, new in zip(slow.parameters(), quick.parameters(), strict=True):
        old.lerp_(new, tau)
    for copied, buffer in zip(slow.buffers(), quick.buffers(), strict=True):
        copied.copy_(buffer)


@contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """Let gradients pass through a network without reaching its parameters."""
    network.requires_grad_(False)
    try:
        yield
    finally:
        network.requires_grad_(True)


def run(
    network: nn.Module, state: CanvasState, steps: int, bf16: bool, action: Tensor | None = None
) -> Tensor:
    """A network's answer to a state (and an action), float32.

    Args:
        network: ``(canvas, target, step, steps[, action]) -> Tensor``.
        state: what it sees.
        steps: steps per episode.
        bf16: run in bfloat16 where autocast allows it.
        action: ``(B, bundle * stroke_dim)``, for critics Q(s, a).
    """
    extra = () if action is None else (action,)
    with torch.autocast(state.canvas.device.type, torch.bfloat16, enabled=bf16):
        output: Tensor = network(state.canvas, state.target, state.step, steps, *extra)
    return output.float()


def has_bf16(device: torch.device) -> bool:
    """Whether a device computes in bfloat16; those that only imitate it are many times slower so."""
    if device.type == "cpu":
        return torch.cpu._is_avx512_bf16_supported()
    return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)


def left(state: CanvasState, steps: int) -> Tensor:
    """``(B,)``: 1 where strokes are left, 0 where the episode is over."""
    return (state.step < steps).float()


def set_layout(network: nn.Module, channels_last: bool) -> nn.Module:
    """The network with its convolutions in channels_last, if wanted."""
    if channels_last:
        for parameter in network.parameters():
            if parameter.ndim == 4:
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return network
