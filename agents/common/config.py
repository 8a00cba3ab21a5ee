"""Configuration: of an algorithm, of an agent, of a training run; saved as JSON beside what they made."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import tyro

from agents.common.settings import (
    COUNT,
    FRACTION,
    POSITIVE,
    RATE,
    WIDTH,
    Between,
    check_settings,
    flag,
)

LOOKAHEAD = Between(0, 256)
PLAN = Between(0, 100_000)
STROKES = Between(1, 1_000_000)
SIZE = Between(8, 8192)  # of a canvas, in pixels


@dataclass(frozen=True)
class AlgorithmConfig:
    """Configuration of an algorithm; the defaults are Table 1 of the paper."""

    actor_lr: Annotated[float, RATE, flag("actor-lr")] = 3e-4
    """Learning rate of the actor in the first half of training."""
    actor_lr_late: Annotated[float, RATE] = 1e-4
    """Its learning rate in the second half; with schedule cosine, what it falls to at the end."""
    critic_lr: Annotated[float, RATE, flag("critic-lr")] = 1e-3
    """Learning rate of the critic in the first half."""
    critic_lr_late: Annotated[float, RATE] = 3e-4
    """Its learning rate in the second half, or at the end."""
    schedule: Literal["halves", "cosine"] = "halves"
    """Schedule of the learning rates."""
    gamma: Annotated[float, FRACTION, flag("gamma")] = 0.95
    """Discount per stroke, gamma ** k per bundle of k. Model-based with 0: no critic."""
    tau: Annotated[float, FRACTION, flag("tau")] = 0.001
    """Fraction by which target networks move in each update."""
    noise: Annotated[float, RATE, flag("noise")] = 0.1
    """Standard deviation of the model-free agents' action noise."""
    normalize_by_error: bool = False
    """Model-based: weigh each state by 1 / l2, so that late steps count as much as early ones."""
    augment: bool = False
    """Model-based: rotate, mirror and recolour the states of a batch."""
    lookahead: Annotated[int, LOOKAHEAD, flag("lookahead")] = 2
    """Model-based, when painting: candidates of each window size that are tried out with the renderer before
    a step, if the actor proposes any; 0 for none."""
    plan: Annotated[int, PLAN, flag("plan")] = 0
    """Model-based, when painting: steps of gradient by which each bundle is improved through the renderer
    before it is painted; 0 for none."""
    imitate: Annotated[int, Between(0, 1000), flag("imitate")] = 0
    """Model-based, when learning: steps of gradient by which the actor's bundles are improved through the
    renderer, for it to imitate; 0 to learn from the gradient itself."""
    max_grad_norm: Annotated[float, Between(0, 1_000_000_000)] = 5.0
    """Gradients of the actor are clipped to this norm."""
    bf16: Annotated[bool | None, flag("bf16")] = None
    """Run the networks in bfloat16 where autocast allows it; None: where the processor computes in it."""
    channels_last: Annotated[bool, tyro.conf.FlagConversionOff, flag("channels-last")] = True
    """Keep convolutions in the layout in which they are fastest."""
    compile: Annotated[bool, tyro.conf.FlagConversionOff, flag("compile")] = False
    """Compile actor and critic with torch.compile: minutes at the start, so for long trainings on a GPU."""

    def __post_init__(self) -> None:
        """Refuse settings of another type or beyond their range, as a `ValueError` that names one."""
        check_settings(self)

    def learning_rates(self, progress: float) -> tuple[float, float]:
        """Learning rates of actor and critic.

        Args:
            progress: fraction of updates completed, in [0, 1].
        """
        if self.schedule == "halves":
            late = float(progress >= 0.5)
        else:
            late = 0.5 * (1 - math.cos(math.pi * progress))
        actor = (1 - late) * self.actor_lr + late * self.actor_lr_late
        critic = (1 - late) * self.critic_lr + late * self.critic_lr_late
        return actor, critic


@dataclass(frozen=True)
class AgentConfig:
    """Configuration of an agent; saved beside its weights, so that it can be built anew."""

    algo: Annotated[str, flag("algo")] = "model-based"
    """How it learns: model-based through the renderer; ddpg or patchq by trial and error, with one value or
    one per patch; or an algorithm of your own."""
    actor: Annotated[str, flag("actor")] = "glimpse"
    """The network that paints: glimpse, one window per step; resnet, the paper's; or one of your own."""
    actor_width: Annotated[int, WIDTH] = 48
    """Channels of the actor's first stage."""
    critic_width: Annotated[int, WIDTH] = 16
    """Channels of the critic's first stage."""
    depth: Annotated[int, Between(1, 32)] = 2
    """Blocks per stage of the resnet actor and the critics; 2 is a ResNet-18."""
    stroke: Annotated[str, flag("stroke")] = "bezier"
    """Stroke design: bezier, straight, circle, triangle, or one of your own."""
    opacity: Annotated[tuple[float, float], FRACTION] = (0.0, 1.0)
    """The range that alphas are mapped to; 1 1 is opaque paint."""
    renderer: Annotated[str, flag("renderer")] = "analytic"
    """The renderer that the actor learns through."""
    reward: Annotated[str, flag("reward")] = "l2"
    """What drives learning: l2, the gain in l2; wgan, in the score of a discriminator that learns too; or a
    reward of your own. The gain in l2 is always logged beside it."""
    discriminator_width: Annotated[int, WIDTH] = 16
    """Channels of the discriminator's first layer, with reward wgan."""
    discriminator_lr: Annotated[float, RATE, flag("discriminator-lr")] = 1e-3
    """Learning rate of the discriminator."""
    discriminator_tau: Annotated[float, FRACTION] = 1.0
    """Fraction by which the discriminator's target network, which scores, moves in each update."""
    patches: Annotated[int, Between(1, 64)] = 8
    """Patches a side of the critic of DDPG and PatchQ, and of patch-level rewards."""
    bundle: Annotated[int, Between(1, 1024), flag("bundle")] = 5
    """Strokes per step."""
    max_strokes: Annotated[int, STROKES, flag("max-strokes")] = 200
    """Strokes per episode of training."""
    learning: AlgorithmConfig = dataclasses.field(default_factory=AlgorithmConfig)
    """Configuration of the algorithm."""

    def __post_init__(self) -> None:
        """Refuse settings of another type or beyond their range, as a `ValueError` that names one."""
        check_settings(self)


RENAMED = {"relative": "normalize_by_error"}
"""Settings of files that an earlier version wrote, and what they are called now."""


def agent_config_from_dict(values: Any) -> AgentConfig:
    """The `AgentConfig` that `dataclasses.asdict` turned into plain values.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(values, dict) or not isinstance(values.get("learning", {}), dict):
        raise ValueError("this is not an agent of Paint Gym")
    learning = {RENAMED.get(name, name): value for name, value in values.get("learning", {}).items()}
    try:
        opacity = values.get("opacity", (0.0, 1.0))
        opacity = tuple(opacity) if isinstance(opacity, list) else opacity
        return AgentConfig(**{**values, "learning": AlgorithmConfig(**learning), "opacity": opacity})
    except TypeError as error:
        raise ValueError(f"settings that this Paint Gym does not know: {error}") from error


@dataclass(frozen=True)
class TrainConfig:
    """Configuration of a training run."""

    agent: AgentConfig = dataclasses.field(default_factory=AgentConfig)
    """Networks, algorithm, reward, strokes."""
    dataset: str = "photos"
    """Data set to paint: a name, or a folder of images."""
    data_root: str | None = None
    """Folder of the data sets; by default the environment variable PAINT_GYM_DATA."""
    size: Annotated[int, SIZE] = 128
    """Side of the canvas in pixels."""
    updates: Annotated[int, COUNT] = 6000
    """Updates in all."""
    batch: Annotated[int, Between(1, 1_000_000)] = 48
    """Transitions per update, in each process."""
    num_envs: Annotated[int, Between(1, 100_000)] = 64
    """Canvases that are painted at once."""
    episodes: Annotated[int, Between(1, 1_000_000)] = 128
    """Episodes that the replay keeps."""
    updates_per_step: Annotated[int, POSITIVE] = 2
    """Updates per step of the canvases."""
    eval_every: Annotated[int, POSITIVE] = 500
    """Updates from one evaluation to the next."""
    eval_split: Literal["train", "val", "test"] = "test"
    """Split that evaluations paint; choose settings on val."""
    eval_images: Annotated[int, POSITIVE] = 32
    """Pictures that an evaluation paints."""
    eval_strokes: Annotated[int, STROKES] = 200
    """Strokes of such a painting, at most max_strokes."""
    seed: Annotated[int, COUNT] = 0
    """Random seed."""

    def __post_init__(self) -> None:
        """Refuse settings of another type or beyond their range, as a `ValueError` that names one."""
        check_settings(self)
