"""What makes the agent of preset `cpu` learn faster, and what does not: each change alone, for equal time.

Run: python -m benchmarks.variants --workers 2 --json benchmarks/results/levers.json --plot docs/levers.png
     python -m benchmarks.variants --variants preset resnet --minutes 20 --seeds 0 1 --workers 2 \
         --out runs/actors --json benchmarks/results/actors.json --plot docs/actors.png

CelebA at 128 px, 200 strokes, l2 by `raster` on pictures of `val`. Time is that of the processor, by thread:
what a machine with nothing else to do would take. Learning rates fall to 0 in the time that there is.
Evaluations are not counted.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from agents import PRESETS, Actor, Agent, ModelBasedDDPG, TrainConfig, Trainer, build_agent
from agents.common.agent import apply_network
from agents.common.augmentation import augment
from agents.common.optim import gradient_step
from agents.common.replay import Transition
from agents.networks.glimpse import GlimpseActor, SummedAreaTable
from agents.painting.paint import Policy
from benchmarks.harness.curves import draw_curves
from benchmarks.harness.statistics import interval
from benchmarks.harness.suite import Row, Table, main, take_turns
from benchmarks.harness.training import Training, TrainingBenchmarkConfig, curves_and_jobs, points, train
from paint_gym.canvas import CanvasState, as_strokes
from paint_gym.metrics import mean_squared_error
from paint_gym.strokes import StrokeDesign


class Explores(ModelBasedDDPG):
    """Learns from the states that its lookahead leads to."""

    def explore(self, state: CanvasState) -> Tensor:
        """Look ahead while learning, too."""
        return self.act(state)


class Unrolled(ModelBasedDDPG):
    """Climbs the gain of two steps at once, the second from where the first led."""

    def update(self, batch: Transition) -> dict[str, float]:
        """One gradient step through two steps of the canvas."""
        first = augment(batch.state)
        self.actor.train()
        state = first
        for _ in range(2):
            strokes = as_strokes(self._act(state), self.renderer.design.dim)
            state = CanvasState(self.renderer.paint(state.canvas, strokes), state.target, state.step + 1)
        return self._climb(first, state.canvas)

    def _act(self, state: CanvasState) -> Tensor:
        return apply_network(self.actor, state, self.steps, self.bf16)

    def _climb(self, state: CanvasState, painted: Tensor) -> dict[str, float]:
        error = mean_squared_error(painted, state.target)
        gain = 1 - error / mean_squared_error(state.canvas, state.target).clamp(min=1e-4)
        return gradient_step(self.actor_optimizer, -gain.mean(), "losses/actor", self.config.max_grad_norm)


class TwoWindows(GlimpseActor):
    """Paints a bundle of ten: five strokes in each of two windows. It has nothing else to propose."""

    steps_per_window = GlimpseActor.steps_per_window / 2
    propose = Actor.propose

    def forward(self, canvas: Tensor, target: Tensor, step: Tensor, steps: int) -> Tensor:
        """As its parent, of ``2 * bundle`` strokes."""
        height, width = canvas.shape[2:]
        level = self.level(step, height, width)
        windows = self.select_windows(SummedAreaTable(canvas, target), level, step, 2)  # (N, B), N is 1 or 2
        strokes = self.decode_strokes(windows.flat(), height, width).view(len(windows.side), len(canvas), -1)
        return torch.cat([strokes[0], strokes[-1]], 1)


def actor(
    levels: int = GlimpseActor.levels,
    steps_per_window: float = GlimpseActor.steps_per_window,
    kind: type[GlimpseActor] = GlimpseActor,
) -> type:
    """A glimpse actor with another schedule of windows."""
    return type(kind.__name__, (kind,), {"levels": levels, "steps_per_window": steps_per_window})


@dataclass(frozen=True)
class Variant:
    """A change of the preset.

    Attributes:
        what: in words.
        config: settings of training that differ.
        agent_config: settings of the agent that differ.
        learning: settings of the algorithm that differ.
        agent: who learns.
        actor: ``(design, bundle, width)`` to the actor; by default the one of the settings.
    """

    what: str
    config: Row = field(default_factory=dict)
    agent_config: Row = field(default_factory=dict)
    learning: Row = field(default_factory=dict)
    agent: type[ModelBasedDDPG] = ModelBasedDDPG
    actor: Callable[[StrokeDesign, int, int], Actor] | None = None

    def build(self, config: TrainConfig) -> Agent:
        """The agent that learns."""
        torch.manual_seed(config.seed)
        base = build_agent(config.agent, "cpu", config.seed)
        actor = base.actor
        if self.actor is not None:
            torch.manual_seed(config.seed)
            actor = self.actor(base.renderer.design, config.agent.bundle, config.agent.actor_width)
        return self.agent(
            actor, base.critic, base.renderer, base.reward, base.steps, base.bundle, base.config
        )


VARIANTS: dict[str, Variant] = {
    "preset": Variant("the glimpse actor, as it is"),
    "resnet": Variant("the paper's actor, 32 channels", agent_config={"actor": "resnet", "actor_width": 32}),
    "critic": Variant("a critic on top, gamma 0.95", learning={"gamma": 0.95}),
    "absolute": Variant(
        "the gain itself as reward, not relative to the error", learning={"normalize_by_error": False}
    ),
    "plain-data": Variant("no augmentation", learning={"augment": False}),
    "more-data": Variant("ImageNet's pictures as well", config={"dataset": "celeba+imagenet"}),
    "batch-96": Variant("twice the batch", config={"batch": 96}),
    "quick": Variant("twice the learning rate", learning={"actor_lr": 2e-3}),
    "early": Variant("smaller windows sooner: 2 steps for each, not 3", actor=actor(steps_per_window=2)),
    "late": Variant("larger windows for longer: 5 steps for each", actor=actor(steps_per_window=5)),
    "3-levels": Variant("no windows of an eighth", actor=actor(levels=3)),
    "two-windows": Variant(
        "two windows a bundle, of ten", agent_config={"bundle": 10},
        actor=lambda design, bundle, width: TwoWindows(design, bundle // 2, width),
    ),
    "unrolled": Variant("gradients through two steps", agent=Unrolled),
    "imitates": Variant("imitates its actions, improved by 5 steps of planning", learning={"imitate": 5}),
    "explores": Variant("lookahead while learning", agent=Explores),
}  # fmt: skip


@dataclass(frozen=True)
class Variants(TrainingBenchmarkConfig):
    """What makes the agent learn faster, each change alone, for equal time."""

    out: Path = Path("runs/variants")
    """Folder of the jobs' results."""
    plot: Path | None = None
    """PNG to draw the curves in."""
    variants: tuple[str, ...] = tuple(VARIANTS)
    """Which."""
    seeds: tuple[int, ...] = (0,)
    """Each is trained once with each."""
    minutes: float = 4.0
    """Time of each."""
    dataset: str = "celeba"
    """A name, or a folder of images."""
    size: int = 128
    """Side of the canvas in pixels."""
    strokes: int = 200
    """Strokes of a painting that is scored."""
    points: int = 4
    """Evaluations on the way, the last at the end."""
    eval_images: int = 32
    """Pictures that an evaluation paints."""
    batch: int | None = None
    """Transitions per update, and environments, where no variant says otherwise; by default the preset's."""

    def __post_init__(self) -> None:
        """Refuse what is not there.

        Raises:
            ValueError: an unknown variant.
        """
        if unknown := set(self.variants) - VARIANTS.keys():
            raise ValueError(f"no variants {sorted(unknown)}; there are {', '.join(VARIANTS)}")


@dataclass(frozen=True)
class Trial(Training):
    """One variant, one seed, scored on the validation pictures, and once more with lookahead."""

    def build(self) -> Agent:
        """The variant's agent."""
        return VARIANTS[self.method].build(self.config)

    def finish(self, policy: Policy, curve: list[Row]) -> None:
        """Score with lookahead, and write the result."""
        assert isinstance(policy, Agent)
        policy.config = dataclasses.replace(policy.config, lookahead=2)
        ahead, _ = self.paint(policy, self.watched)
        self.write({"l2": curve[-1]["l2"], "l2 with lookahead": ahead, "curve": curve})


def configure(options: Variants, variant: Variant, seed: int) -> TrainConfig:
    """The preset with what a variant changes."""
    preset = PRESETS["cpu"]
    learning = dataclasses.replace(preset.agent.learning, lookahead=0, **variant.learning)
    agent = dataclasses.replace(preset.agent, learning=learning, **variant.agent_config)
    base: Row = {"dataset": options.dataset, "size": options.size, "eval_images": options.eval_images}
    if options.batch is not None:
        base |= {"batch": options.batch, "num_envs": options.batch}
    base |= {"agent": agent, "seed": seed, "eval_strokes": options.strokes, "eval_split": "val"}
    return dataclasses.replace(preset, **base | variant.config)


def trials(options: Variants) -> list[Trial]:
    """All jobs, seed by seed."""
    return [
        Trial(
            options.out / f"{name}_{seed}.json", options.threads_each, name,
            configure(options, VARIANTS[name], seed), options.minutes * 60, options.points,
        )
        for seed in options.seeds
        for name in options.variants
    ]  # fmt: skip


def parts(options: Variants) -> Iterator[Row]:
    """Where the time of an update of the preset goes: what it would gain to make a part quicker."""
    config = configure(options, VARIANTS["preset"], 0)
    trainer = Trainer(config, "cpu")
    while len(trainer.replay) < max(config.batch, 10 * config.num_envs):
        trainer.collect_step()
    agent, batch = trainer.agent, trainer.replay.sample(config.batch, trainer.replay_rng)
    agent.actor.train()
    action = apply_network(agent.actor, batch.state, agent.steps, agent.bf16)
    upstream = torch.randn_like(action)
    leaf = action.detach().requires_grad_()

    def render() -> None:
        strokes = as_strokes(leaf, agent.renderer.design.dim)
        painted = agent.renderer.paint(batch.state.canvas, strokes)
        torch.autograd.grad(mean_squared_error(painted, batch.state.target).sum(), leaf)

    def network() -> None:
        agent.actor_optimizer.zero_grad()
        apply_network(agent.actor, batch.state, agent.steps, agent.bf16).backward(upstream)

    calls: dict[str, Callable[[], object]] = {
        "a whole update, without the canvases": partial(agent.update, batch),
        "rendering and back, all strokes, whole canvas": render,
        "windows and network, and back": network,
        "sampling a batch of the replay": partial(trainer.replay.sample, config.batch, trainer.replay_rng),
        "symmetries": partial(augment, batch.state),
        "a step of the canvases": trainer.collect_step,
    }
    for name, seconds in take_turns(calls, 10).items():
        yield {"part": name, "seconds": seconds}


def compare(results: dict[str, list[Row]]) -> Iterator[Row]:
    """A row for each variant."""
    for name, found in results.items():
        mean, low, high = interval([result["l2"] for result in found])
        row: Row = {"variant": name, "what": VARIANTS[name].what, "seeds": len(found)}
        row |= {"updates": found[0]["curve"][-1]["updates"], "l2": mean, "low": low, "high": high}
        yield row | {"l2 with lookahead 2": float(np.mean([one["l2 with lookahead"] for one in found]))}


def tables(options: Variants) -> Iterator[Table]:
    """The variants, where the time goes, and the curves."""
    results = train(trials(options), options)
    title = f"{options.dataset}, val, {options.strokes} strokes at {options.size} px"
    yield f"{title}, {options.minutes:g} minutes each", list(compare(results))
    yield "where the time of an update goes", list(parts(options))
    curves = list(points(results))
    yield from curves_and_jobs(results)
    if options.plot:
        draw_curves(curves, options.plot, ["seconds"])


if __name__ == "__main__":
    main(Variants, tables)
