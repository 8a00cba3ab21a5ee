"""The base class of agents: actor, critic, their optimizers, renderer and reward."""

from __future__ import annotations

import copy
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from agents.common.config import AlgorithmConfig
from agents.common.replay import Transition
from agents.networks.actor import Actor
from paint_gym.canvas import CanvasState
from paint_gym.renderers import Renderer
from paint_gym.rewards import RewardFunction, as_reward
from paint_gym.utils.device import has_bf16
from paint_gym.utils.weights import set_layout


class Agent:
    """The base of the algorithms: a subclass implements `update`, and `setup` for its target networks.

    Args:
        actor: ``(canvas, target, step, steps) -> action (B, bundle * stroke_dim)``; any `Actor`.
        critic: what it estimates differs from algorithm to algorithm.
        renderer: paints the strokes.
        reward: eq. (1); any function of canvas before, canvas after and target.
        steps: steps per episode.
        bundle: strokes per step.
        config: how to learn.

    Raises:
        TypeError: the actor is no `Actor`.
        ValueError: it shall imitate what planning makes of its bundles, and the agent uses no model.

    Attributes:
        uses_model: whether it looks ahead, plans, and learns through the renderer.
    """

    uses_model: bool = False

    def __init__(
        self,
        actor: Actor,
        critic: nn.Module,
        renderer: Renderer,
        reward: RewardFunction,
        steps: int,
        bundle: int,
        config: AlgorithmConfig | None = None,
    ) -> None:
        if not isinstance(actor, Actor):
            raise TypeError(
                f"the actor is a {type(actor).__name__}; derive it from agents.Actor, a torch.nn.Module with "
                "the defaults that agents rely on"
            )
        self.config = config or AlgorithmConfig()
        if self.config.imitate and not self.uses_model:
            raise ValueError("what learns by trial and error has no plan to imitate; leave imitate at 0")
        self.renderer, self.reward = renderer, as_reward(reward)
        self.steps, self.bundle = steps, bundle
        self.discount = self.config.gamma**bundle
        self.device = next((weights.device for weights in actor.parameters()), torch.device("cpu"))
        self.bf16 = has_bf16(self.device) if self.config.bf16 is None else self.config.bf16
        self.actor, self.critic = actor, critic
        for network in (actor, critic):
            set_layout(network, self.config.channels_last)
            if self.config.compile:
                network.compile()  # in place: the names of the parameters stay
        self.setup()

    def setup(self) -> None:
        """Called last by the constructor: build target networks, refuse parts that do not go together."""

    def make_target_network(self, network: nn.Module) -> nn.Module:
        """A copy without gradients, which `polyak_update` moves."""
        target = copy.deepcopy(network).requires_grad_(False)
        if self.config.compile:
            target.compile()
        return target

    @cached_property
    def actor_optimizer(self) -> torch.optim.Optimizer:
        """Adam for the actor; made at first use, since it takes seconds to load and painting needs none."""
        return torch.optim.Adam(self.actor.parameters(), self.config.actor_lr)

    @cached_property
    def critic_optimizer(self) -> torch.optim.Optimizer:
        """Adam for the critic; see `actor_optimizer`."""
        return torch.optim.Adam(self.critic.parameters(), self.config.critic_lr)

    @torch.no_grad()
    def act(self, state: CanvasState, steps: int | None = None) -> Tensor:
        """The bundle for each canvas, ``(B, bundle * stroke_dim)`` in [0, 1].

        Args:
            state: what to paint on.
            steps: steps per episode, if not those of training.
        """
        self.actor.eval()
        return apply_network(self.actor, state, steps or self.steps, self.bf16)

    def explore(self, state: CanvasState) -> Tensor:
        """The bundle for each canvas while learning: by default that of `act`."""
        return self.act(state)

    def warm_start(self, actor: nn.Module) -> list[str]:
        """Copy the weights of another actor, as far as names and shapes are the same.

        Returns:
            Names of the tensors that were not copied.

        Raises:
            ValueError: none could be copied.
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
        """One update from a batch of the replay, and of a reward that learns; losses by name."""
        raise NotImplementedError(f"{type(self).__name__} does not learn")

    def set_learning_rates(self, progress: float) -> None:
        """Set the learning rates.

        Args:
            progress: fraction of updates completed, in [0, 1].
        """
        actor, critic = self.config.learning_rates(progress)
        self.actor_optimizer.param_groups[0]["lr"] = actor
        self.critic_optimizer.param_groups[0]["lr"] = critic

    def parts(self) -> dict[str, Any]:
        """Networks and optimizers that a checkpoint holds, by name."""
        names = ("actor", "critic", "actor_optimizer", "critic_optimizer")
        return {name: getattr(self, name) for name in names}

    def state_dict(self) -> dict[str, Any]:
        """Everything that is needed to go on learning."""
        return {name: part.state_dict() for name, part in self.parts().items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict`."""
        for name, part in self.parts().items():
            part.load_state_dict(state[name])


def apply_network(
    network: nn.Module, state: CanvasState, steps: int, bf16: bool, action: Tensor | None = None
) -> Tensor:
    """A network's output for a state (and an action), float32.

    Args:
        network: ``(canvas, target, step, steps[, action]) -> Tensor``.
        state: its input.
        steps: steps per episode.
        bf16: run in bfloat16 where autocast allows it.
        action: ``(B, bundle * stroke_dim)``, for critics Q(s, a).
    """
    extra = () if action is None else (action,)
    with torch.autocast(state.canvas.device.type, torch.bfloat16, enabled=bf16):
        output: Tensor = network(state.canvas, state.target, state.step, steps, *extra)
    return output.float()


def not_done(state: CanvasState, steps: int) -> Tensor:
    """``(B,)``: 1 where the episode goes on, 0 where the budget of strokes is spent."""
    return (state.step < steps).float()
