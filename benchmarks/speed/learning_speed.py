"""Speed of learning and painting at the paper's size, against the same algorithm run plainly.

Run: OMP_WAIT_POLICY=PASSIVE python -m benchmarks.speed.learning_speed

Plainly: float32, contiguous, through the network of Fig. 12, gradients wherever autograd puts them. Both take
turns in one process, with the networks of Figs. 11, 13 and 14, on the same random states at 128 px.
"""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from agents import PRESETS, AgentConfig, build_agent
from agents.common.agent import not_done
from agents.common.replay import Transition
from agents.networks import ResNetActor, ValueCritic
from agents.painting.paint import Policy
from benchmarks.harness.measure import Row, take_turns
from benchmarks.harness.painting import paint_with
from benchmarks.harness.paper_renderer import SIZE, PaperRenderer
from benchmarks.harness.tables import BenchmarkConfig, Table, at_least, main
from paint_gym.canvas import CanvasState, as_strokes, model_step
from paint_gym.renderers import Renderer
from paint_gym.rewards.discriminator import Discriminator
from paint_gym.rewards.wgan import gradient_penalty
from paint_gym.strokes import get_stroke
from paint_gym.utils.networks import polyak_update

UPDATE_BAR = 4.0
PAINT_BAR = 3.0


@dataclass(frozen=True)
class LearningSpeed(BenchmarkConfig):
    """Speed of learning and painting at the paper's size."""

    batch: int = 96
    """Transitions per update."""
    width: int = 64
    """Channels of the first stage of actor and critic; 64 is the paper's."""
    strokes: int = 200
    """Strokes of the picture that is painted."""
    compile: bool = False
    """Compile our networks."""
    repeats: int = 3
    """Timed turns, after one that warms up."""


class PlainAgent:
    """Model-based DDPG with the WGAN reward (sections 3.3.1 and 3.3.3), as one would write it down.

    Args:
        config: widths of the networks, bundle, strokes, and how to learn.
    """

    def __init__(self, config: AgentConfig) -> None:
        self.renderer: Renderer = PaperRenderer()
        self.bundle, self.device = config.bundle, torch.device("cpu")
        self.steps, self.config = config.max_strokes // config.bundle, config.learning
        self.discount = self.config.gamma**config.bundle
        self.actor = ResNetActor(config.bundle * self.renderer.design.dim, config.actor_width)
        self.critic = ValueCritic(config.critic_width)
        self.discriminator = Discriminator(config.discriminator_width)
        self.target_critic, self.target_discriminator = map(copy.deepcopy, (self.critic, self.discriminator))
        self.actor_optimizer = torch.optim.Adam(self.actor.parameters(), self.config.actor_lr)
        self.critic_optimizer = torch.optim.Adam(self.critic.parameters(), self.config.critic_lr)
        self.discriminator_optimizer = torch.optim.Adam(
            self.discriminator.parameters(), 1e-4, betas=(0.5, 0.999)
        )

    @torch.no_grad()
    def act(self, state: CanvasState, steps: int | None = None) -> Tensor:
        """Bundle for each canvas, ``(B, 65)`` in [0, 1]."""
        self.actor.eval()
        action: Tensor = self.actor(state.canvas, state.target, state.step, steps or self.steps)
        return action

    def update(self, batch: Transition) -> dict[str, float]:
        """One gradient step for the critic, from the replay; then for actor and discriminator, anew."""
        state, _, next_state = batch
        with torch.no_grad():
            reward = self._reward(state.canvas, next_state.canvas, state.target)
            td_target = reward + self._next_value(self.target_critic, next_state)
        value = self.critic(state.canvas, state.target, state.step, self.steps)
        critic_loss = nn.functional.mse_loss(value, td_target)
        self.critic_optimizer.zero_grad()
        critic_loss.backward()
        self.critic_optimizer.step()

        self.actor.train()
        action = self.actor(state.canvas, state.target, state.step, self.steps)
        painted, reward = model_step(state, action, self.renderer, self._reward)
        actor_loss = -(reward + self._next_value(self.critic, painted)).mean()
        self.actor_optimizer.zero_grad()
        actor_loss.backward()
        self.actor_optimizer.step()
        polyak_update(self.target_critic, self.critic, self.config.tau)
        self.update_discriminator(painted.canvas.detach(), painted.target)
        return {"losses/critic": critic_loss.item(), "losses/actor": actor_loss.item()}

    def update_discriminator(self, canvas: Tensor, target: Tensor) -> float:
        """One step of WGAN-GP; returns the loss."""
        penalty = gradient_penalty(self.discriminator, canvas, target, torch.rand(len(canvas)))
        real, fake = self.discriminator(target, target), self.discriminator(canvas, target)
        loss = 10 * penalty + fake.mean() - real.mean()
        self.discriminator_optimizer.zero_grad()
        loss.backward()
        self.discriminator_optimizer.step()
        polyak_update(self.target_discriminator, self.discriminator, 0.001)
        return loss.item()

    def _next_value(self, critic: nn.Module, state: CanvasState) -> Tensor:
        value: Tensor = critic(state.canvas, state.target, state.step, self.steps)
        return self.discount * not_done(state, self.steps) * value

    def _reward(self, before: Tensor, after: Tensor, target: Tensor) -> Tensor:
        gain = self.target_discriminator(after, target) - self.target_discriminator(before, target)
        return gain / math.sqrt(target[0].numel())


def paper_config(width: int = 64, compiled: bool = False) -> AgentConfig:
    """Agent of the preset "paper", with actor and critic of a width."""
    config = PRESETS["paper"].agent
    learning = dataclasses.replace(config.learning, compile=compiled)
    return dataclasses.replace(config, actor_width=width, critic_width=width, learning=learning)


def random_batch(batch: int, bundle: int, steps: int, device: str | torch.device = "cpu") -> Transition:
    """Transitions between random canvases at 128 px, the same at each call."""
    generator = torch.Generator().manual_seed(0)
    before, after, target = torch.rand(3, batch, 3, SIZE, SIZE, generator=generator).to(device)
    action = torch.rand(batch, bundle * get_stroke("bezier").dim, generator=generator).to(device)
    step = torch.randint(steps, (batch,), generator=generator).to(device)
    return Transition(CanvasState(before, target, step), action, CanvasState(after, target, step + 1))


def compare(what: str, ours: float, plain: float) -> Row:
    """Both seconds, and their ratio."""
    return {"what": what, "seconds": ours, "seconds, plainly": plain, "times faster": plain / ours}


def compare_update(options: LearningSpeed) -> Iterator[Row]:
    """One full update: critic, actor, discriminator and the target networks."""
    torch.manual_seed(0)
    config = paper_config(options.width, options.compile)
    agent, plain = build_agent(config, "cpu"), PlainAgent(config)
    batch = random_batch(options.batch, config.bundle, agent.steps)
    pair = (batch.next_state.canvas, batch.next_state.target)
    calls: dict[str, Callable[[], object]] = {
        "update": lambda: agent.update(batch),
        "plain update": lambda: plain.update(batch),
        "discriminator": lambda: agent.reward.update(*pair),
        "plain discriminator": lambda: plain.update_discriminator(*pair),
    }
    update, plain_update, part, plain_part = take_turns(calls, options.repeats, warmup=1).values()
    yield compare("critic and actor", update - part, plain_update - plain_part)
    yield compare("discriminator", part, plain_part)
    row = compare("update", update, plain_update)
    yield row | at_least(row["times faster"], UPDATE_BAR)


@torch.no_grad()
def compare_painting(options: LearningSpeed) -> Iterator[Row]:
    """One picture, painted from the first stroke to the last; then its parts, the same number of times."""
    torch.manual_seed(0)
    config = paper_config(options.width, options.compile)
    agents: dict[str, Policy] = {"ours": build_agent(config, "cpu"), "plain": PlainAgent(config)}
    bundles = options.strokes // config.bundle
    state, action, _ = random_batch(1, config.bundle, bundles)
    bundle = as_strokes(action, get_stroke(config.stroke).dim)

    def act(agent: Policy) -> None:
        for _ in range(bundles):
            agent.act(state, bundles)

    def render(agent: Policy) -> None:
        for _ in range(bundles):
            agent.renderer.paint(state.canvas, bundle)

    calls: dict[str, Callable[[], object]] = {}
    for name, agent in agents.items():
        calls[f"{name}, painting"] = partial(paint_with, agent, state.target, options.strokes)
        calls[f"{name}, actor"] = partial(act, agent)
        calls[f"{name}, renderer"] = partial(render, agent)
    seconds = take_turns(calls, options.repeats, warmup=1)
    for what in ("actor", "renderer", "painting"):
        row = compare(what, seconds[f"ours, {what}"], seconds[f"plain, {what}"])
        yield row | at_least(row["times faster"], PAINT_BAR) if what == "painting" else row


def tables(options: LearningSpeed) -> Iterator[Table]:
    """An update, and a painting."""
    yield f"one update, batch {options.batch}", list(compare_update(options))
    yield f"{options.strokes} strokes on one picture", list(compare_painting(options))


if __name__ == "__main__":
    main(LearningSpeed, tables)
