"""The base class of learners: actor, critic, their optimizers, renderer and reward."""

from __future__ import annotations

import copy
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor, nn

from agents.common.config import LearningConfig
from agents.common.replay import Transition
from agents.networks.actor import Actor, apply_network
from paint_gym.canvas import CanvasState
from paint_gym.renderers import Renderer
from paint_gym.rewards import RewardFunction, as_reward
from paint_gym.utils.device import has_bf16
from paint_gym.utils.weights import set_layout


class Agent:
    """The base of the algorithms: a subclass implements `update`, and `setup` for its target networks.

    Args:
        actor: ``(canvas, target, step, steps) -> action (B, bundle * stroke_dim)``; any `Actor`.
        critic: the network whose meaning each algorithm says; None for an algorithm without.
        renderer: renderer of the strokes.
        reward: eq. (1); any function of canvas before, canvas after and target.
        steps: steps per episode.
        bundle: strokes per step.
        config: settings of the algorithm, an instance of its `Config`.

    Raises:
        TypeError: the actor is not an `Actor`, or the settings are those of another algorithm.
        ValueError: the algorithm learns through the renderer, which has no gradients.

    Attributes:
        Config: class of the settings; its fields are flags of ``paint-gym train``.
        uses_model: whether it learns through the renderer; its policy may then look ahead and plan.
    """

    Config: type[LearningConfig] = LearningConfig
    uses_model: bool = False

    def __init_subclass__(cls) -> None:
        """Refuse settings that would not become flags."""
        super().__init_subclass__()
        if not issubclass(cls.Config, LearningConfig) or "__dataclass_fields__" not in vars(cls.Config):
            advice = "derive it from that of the base class, and decorate it with @dataclass(frozen=True)"
            raise TypeError(f"{cls.__name__}.Config is no dataclass of settings; {advice}")

    def __init__(
        self,
        actor: Actor,
        critic: nn.Module | None,
        renderer: Renderer,
        reward: RewardFunction,
        steps: int,
        bundle: int,
        config: LearningConfig | None = None,
    ) -> None:
        if not isinstance(actor, Actor):
            raise TypeError(f"the actor is a {type(actor).__name__}; derive it from agents.Actor")
        config = config or self.Config()
        if type(config) is LearningConfig:  # the algorithm's own settings stay at their defaults
            config = self.Config(**asdict(config))
        if not isinstance(config, self.Config):
            kind = type(self).__name__
            raise TypeError(f"{kind} takes settings of {kind}.Config, not of {type(config).__qualname__}")
        if self.uses_model and not renderer.differentiable:
            raise ValueError(f"the agent learns through the renderer, and {renderer.name!r} has no gradients")
        self.config = config
        self.renderer, self.reward = renderer, as_reward(reward)
        self.steps, self.bundle = steps, bundle
        self.discount = config.gamma**bundle
        self.device = next((parameter.device for parameter in actor.parameters()), torch.device("cpu"))
        self.bf16 = has_bf16(self.device) if config.bf16 is None else config.bf16
        self.actor, self.critic = actor, critic or nn.Identity()
        for network in (self.actor, self.critic):
            set_layout(network, config.channels_last)
            if config.compile:
                network.compile()  # in place: the names of the parameters stay
        self.actor_optimizer = torch.optim.Adam(actor.parameters(), config.actor_lr)
        self.has_critic = critic is not None
        if critic is not None:
            self.critic_optimizer = torch.optim.Adam(critic.parameters(), config.critic_lr)
        self.setup()

    def setup(self) -> None:
        """Build target networks, and refuse parts that do not go together; called last by the constructor."""

    def make_target_network(self, network: nn.Module) -> nn.Module:
        """A copy without gradients, for `polyak_update` to move."""
        target = copy.deepcopy(network).requires_grad_(False)
        if self.config.compile:
            target.compile()
        return target

    def apply(self, network: nn.Module, state: CanvasState, action: Tensor | None = None) -> Tensor:
        """Output of an actor or a critic for each state, float32, with gradients."""
        return apply_network(network, state, self.steps, self.bf16, action)

    @torch.no_grad()
    def act(self, state: CanvasState, steps: int | None = None) -> Tensor:
        """The actor's bundle for each canvas, ``(B, bundle * stroke_dim)`` in [0, 1].

        `steps` is the length of an episode, by default that of training.
        """
        self.actor.eval()
        return apply_network(self.actor, state, steps or self.steps, self.bf16)

    def explore(self, state: CanvasState) -> Tensor:
        """The bundle for each canvas while learning; by default that of `act`."""
        return self.act(state)

    def warm_start(self, actor: nn.Module) -> list[str]:
        """Copy the weights of another actor where names and shapes are the same; names of all other tensors.

        Raises:
            ValueError: the actors have no tensor in common.
        """
        target, source = self.actor.state_dict(), actor.state_dict()
        names = target.keys() & source.keys()
        same = {name: source[name] for name in names if source[name].shape == target[name].shape}
        if not same:
            raise ValueError("the two actors have no tensor in common; choose the same --actor and width")
        self.actor.load_state_dict(target | same)
        return sorted(target.keys() - same.keys())

    def update(self, batch: Transition) -> dict[str, float]:
        """One update from a batch of the replay, and of a reward that learns; losses by name."""
        raise NotImplementedError(f"{type(self).__name__} does not learn")

    def set_learning_rates(self, progress: float) -> None:
        """Set the learning rates after a fraction of the updates, in [0, 1]."""
        actor_lr, critic_lr = self.config.learning_rates(progress)
        self.actor_optimizer.param_groups[0]["lr"] = actor_lr
        if self.has_critic:
            self.critic_optimizer.param_groups[0]["lr"] = critic_lr

    def parts(self) -> dict[str, Any]:
        """Networks and optimizers that a checkpoint holds, by name."""
        names = ["actor", "actor_optimizer"]
        if self.has_critic:
            names += ["critic", "critic_optimizer"]
        return {name: getattr(self, name) for name in names}

    def state_dict(self) -> dict[str, Any]:
        """Everything that is needed to go on learning."""
        return {name: part.state_dict() for name, part in self.parts().items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict`."""
        for name, part in self.parts().items():
            part.load_state_dict(state[name])


def not_done(state: CanvasState, steps: int) -> Tensor:
    """``(B,)``: 1 where the episode goes on, 0 where the budget of strokes is spent."""
    return (state.step < steps).float()
