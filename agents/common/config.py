"""Configuration of learning, of an agent, and of a training run; saved as JSON beside the results."""

from __future__ import annotations

import math
import reprlib
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import tyro

from agents.painting.planning import LOOKAHEAD, PLAN
from paint_gym.utils.errors import as_int, check_one_of

MAX = 1_000_000_000
COUNT = (0, MAX)
POSITIVE = (1, MAX)
WIDTH = (1, 1024)
STROKES = (1, 1_000_000)
SIZE = (8, 8192)  # side of a canvas, in pixels
FRACTION = (0.0, 1.0)
RATE = (0.0, 10.0)


def check_ranges(settings: object, **ranges: tuple[float, float]) -> None:
    """Refuse numbers of a dataclass that are out of their range ``(low, high)``.

    Fields whose limits are whole hold whole numbers. A value may also be None, or a tuple of numbers.
    """
    for name, (low, high) in ranges.items():
        value = getattr(settings, name)
        for number in value if isinstance(value, tuple) else (value,):
            if number is None:
                continue
            if isinstance(low, int) and isinstance(high, int):
                as_int(name, number, low, high)
            elif not isinstance(number, int | float) or isinstance(number, bool) or not low <= number <= high:
                limits = f"{low:,.10g} to {high:,.10g}"
                raise ValueError(f"{name} must be a number from {limits}, not {reprlib.repr(number)}")


def flatten(settings: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Settings of nested dataclasses, from `dataclasses.asdict`, by their dotted names."""
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        flat |= flatten(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return flat


@dataclass(frozen=True)
class LearningConfig:
    """Settings that all algorithms share; the defaults are Table 1 of the paper."""

    actor_lr: float = 3e-4
    """Learning rate of the actor in the first half of training."""
    actor_lr_late: float = 1e-4
    """Learning rate of the actor in the second half; with schedule cosine, at the end."""
    critic_lr: float = 1e-3
    """Learning rate of the critic in the first half."""
    critic_lr_late: float = 3e-4
    """Learning rate of the critic in the second half, or at the end."""
    schedule: Literal["halves", "cosine"] = "halves"
    """Schedule of the learning rates."""
    gamma: float = 0.95
    """Discount per stroke, gamma ** k per bundle of k. Model-based with 0: no critic."""
    max_grad_norm: float = 5.0
    """Gradients of the actor are clipped to this norm."""
    bf16: bool | None = None
    """Run the networks in bfloat16 where autocast allows it; None: where the processor computes in it."""
    channels_last: Annotated[bool, tyro.conf.FlagConversionOff] = True
    """Keep convolutions in the layout in which they are fastest."""
    compile: Annotated[bool, tyro.conf.FlagConversionOff] = False
    """Compile actor and critic with torch.compile: minutes at the start, so for long trainings on a GPU."""

    def __post_init__(self) -> None:
        check_one_of("schedule", self.schedule, ("halves", "cosine"))
        check_ranges(
            self, actor_lr=RATE, actor_lr_late=RATE, critic_lr=RATE, critic_lr_late=RATE, gamma=FRACTION,
            max_grad_norm=(0.0, float(MAX)),
        )  # fmt: skip

    def check_updates(self, updates: int) -> None:
        """Check that an actor learns in a training of so many updates; by default it does.

        Raises:
            ValueError: naming the setting.
        """

    def learning_rates(self, progress: float) -> tuple[float, float]:
        """Learning rates of actor and critic after a fraction of the updates, in [0, 1]."""
        cosine = 0.5 * (1 - math.cos(math.pi * progress))
        late = float(progress >= 0.5) if self.schedule == "halves" else cosine
        actor = (1 - late) * self.actor_lr + late * self.actor_lr_late
        critic = (1 - late) * self.critic_lr + late * self.critic_lr_late
        return actor, critic


@dataclass(frozen=True)
class AgentConfig:
    """Configuration of an agent; saved beside its weights, so that it can be built anew."""

    algo: str = "model-based"
    """How it learns: model-based through the renderer; imitation of plans; ddpg or patchq by trial and error,
    with one value or one per patch; or an algorithm of your own."""
    actor: str = "glimpse"
    """The network that paints: glimpse, one window per step; resnet, the paper's; or one of your own."""
    actor_width: int = 48
    """Channels of the actor's first stage."""
    critic_width: int = 16
    """Channels of the critic's first stage."""
    depth: int = 2
    """Blocks per stage of the resnet actor and the critics; 2 is a ResNet-18."""
    stroke: str = "bezier"
    """Stroke design: bezier, straight, circle, triangle, or one of your own."""
    opacity: tuple[float, float] = (0.0, 1.0)
    """The range that alphas are mapped to; 1 1 is opaque paint."""
    renderer: str = "analytic"
    """The renderer that the actor learns through."""
    reward: str = "l2"
    """The reward: l2, the gain in l2; wgan, the gain in the score of a discriminator that learns too; or one
    of your own. The gain in l2 is always logged beside it."""
    discriminator_width: int = 16
    """Channels of the discriminator's first layer, with reward wgan."""
    discriminator_lr: float = 1e-3
    """Learning rate of the discriminator."""
    discriminator_tau: float = 1.0
    """Fraction by which the discriminator's target network, which scores, moves in each update."""
    patches: int = 8
    """Patches a side of the critic of DDPG and PatchQ, and of patch-level rewards."""
    bundle: int = 5
    """Strokes per step."""
    max_strokes: int = 200
    """Strokes per episode of training."""
    lookahead: int = 2
    """When painting, for algorithms that use the model: candidates of each window size that are tried out
    with the renderer before a step, if the actor proposes any; 0 for none."""
    plan: int = 0
    """When painting, for algorithms that use the model: gradient steps that improve each bundle through the
    renderer before it is painted; 0 for none."""
    learning: Annotated[LearningConfig, tyro.conf.arg(name="")] = field(default_factory=LearningConfig)
    """Settings of the algorithm, an instance of its `Config`."""

    def __post_init__(self) -> None:
        check_ranges(
            self, actor_width=WIDTH, critic_width=WIDTH, discriminator_width=WIDTH, depth=(1, 32),
            opacity=FRACTION, discriminator_lr=RATE, discriminator_tau=FRACTION, patches=(1, 64),
            bundle=(1, 1024), max_strokes=STROKES, lookahead=LOOKAHEAD, plan=PLAN,
        )  # fmt: skip


@dataclass(frozen=True)
class TrainConfig:
    """Configuration of a training run."""

    agent: Annotated[AgentConfig, tyro.conf.arg(name="")] = field(default_factory=AgentConfig)
    """Networks, algorithm, reward, strokes."""
    dataset: str = "photos"
    """Data set to paint: a name, or a folder of images."""
    data_root: str | None = None
    """Folder of the data sets; by default the environment variable PAINT_GYM_DATA."""
    size: int = 128
    """Side of the canvas in pixels."""
    updates: int = 6000
    """Updates in all."""
    batch: int = 48
    """Transitions per update, in each process."""
    num_envs: int = 64
    """Canvases that are painted at once."""
    episodes: int = 128
    """Episodes that the replay keeps."""
    updates_per_step: int = 2
    """Updates per step of the canvases."""
    eval_every: int = 500
    """Updates from one evaluation to the next."""
    eval_split: Literal["train", "val", "test"] = "val"
    """Split that evaluations paint; test is for the score at the end."""
    eval_images: int = 32
    """Pictures that an evaluation paints."""
    eval_strokes: int = 200
    """Strokes of such a painting, at most max_strokes."""
    seed: int = 0
    """Random seed."""

    def __post_init__(self) -> None:
        check_one_of("eval_split", self.eval_split, ("train", "val", "test"))
        check_ranges(
            self, size=SIZE, updates=COUNT, batch=(1, 1_000_000), num_envs=(1, 100_000),
            episodes=(1, 1_000_000), updates_per_step=POSITIVE, eval_every=POSITIVE, eval_images=POSITIVE,
            eval_strokes=STROKES, seed=COUNT,
        )  # fmt: skip
        self.agent.learning.check_updates(self.updates)
