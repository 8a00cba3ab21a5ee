"""Configuration: of an algorithm, of an agent, of a training run; saved as JSON beside what they made."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import tyro


def flag(name: str) -> Any:
    """A short flag on the command line, beside the one with the path of the setting."""
    return tyro.conf.arg(aliases=[f"--{name}"])


def check_counts(config: Any, least: dict[str, int]) -> None:
    """Raise a `ValueError` unless settings are whole numbers, each at least what is given for its name."""
    for name, bound in least.items():
        value = getattr(config, name)
        if not isinstance(value, int) or isinstance(value, bool) or value < bound:
            raise ValueError(f"{name} must be a whole number from {bound}, not {value!r}")


@dataclass(frozen=True)
class AlgorithmConfig:
    """Configuration of an algorithm; the defaults are Table 1 of the paper."""

    actor_lr: Annotated[float, flag("actor-lr")] = 3e-4
    """Learning rate of the actor in the first half of training."""
    actor_lr_late: float = 1e-4
    """Its learning rate in the second half; with schedule cosine, what it falls to at the end."""
    critic_lr: Annotated[float, flag("critic-lr")] = 1e-3
    """Learning rate of the critic in the first half."""
    critic_lr_late: float = 3e-4
    """Its learning rate in the second half, or at the end."""
    schedule: Literal["halves", "cosine"] = "halves"
    """Schedule of the learning rates."""
    gamma: Annotated[float, flag("gamma")] = 0.95
    """Discount per stroke, gamma ** k per bundle of k. Model-based with 0: no critic."""
    tau: Annotated[float, flag("tau")] = 0.001
    """Fraction by which target networks move in each update."""
    noise: Annotated[float, flag("noise")] = 0.1
    """Standard deviation of the model-free agents' action noise."""
    normalize_by_error: bool = False
    """Model-based: weigh each state by 1 / l2, so that late steps count as much as early ones."""
    augment: bool = False
    """Model-based: rotate, mirror and recolour the states of a batch."""
    lookahead: Annotated[int, flag("lookahead")] = 2
    """Model-based, when painting: candidates of each window size that are tried out with the renderer before
    a step, if the actor proposes any; 0 for none."""
    plan: Annotated[int, flag("plan")] = 0
    """Model-based, when painting: steps of gradient by which each bundle is improved through the renderer
    before it is painted; 0 for none."""
    imitate: Annotated[int, flag("imitate")] = 0
    """Model-based, when learning: steps of gradient by which the actor's bundles are improved through the
    renderer, for it to imitate; 0 to learn from the gradient itself."""
    max_grad_norm: float = 5.0
    """Gradients of the actor are clipped to this norm."""
    bf16: Annotated[bool | None, flag("bf16")] = None
    """Run the networks in bfloat16 where autocast allows it; None: where the processor computes in it."""
    channels_last: Annotated[bool, tyro.conf.FlagConversionOff, flag("channels-last")] = True
    """Keep convolutions in the layout in which they are fastest."""
    compile: Annotated[bool, tyro.conf.FlagConversionOff, flag("compile")] = False
    """Compile actor and critic with torch.compile: minutes at the start, so for long trainings on a GPU."""

    def __post_init__(self) -> None:
        """Refuse what would never end.

        Raises:
            ValueError: a negative lookahead or plan, or number of steps to imitate.
        """
        check_counts(self, {"lookahead": 0, "plan": 0, "imitate": 0})

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
    actor_width: int = 48
    """Channels of the actor's first stage."""
    critic_width: int = 16
    """Channels of the critic's first stage."""
    depth: int = 2
    """Blocks per stage of the resnet actor and the critics; 2 is a ResNet-18."""
    stroke: Annotated[str, flag("stroke")] = "bezier"
    """Stroke design: bezier, straight, circle, triangle, or one of your own."""
    opacity: tuple[float, float] = (0.0, 1.0)
    """The range that alphas are mapped to; 1 1 is opaque paint."""
    renderer: Annotated[str, flag("renderer")] = "analytic"
    """The renderer that the actor learns through."""
    reward: Annotated[str, flag("reward")] = "l2"
    """What drives learning: l2, the gain in l2; wgan, in the score of a discriminator that learns too; or a
    reward of your own. The gain in l2 is always logged beside it."""
    discriminator_width: int = 16
    """Channels of the discriminator's first layer, with reward wgan."""
    discriminator_lr: Annotated[float, flag("discriminator-lr")] = 1e-3
    """Learning rate of the discriminator."""
    discriminator_tau: float = 1.0
    """Fraction by which the discriminator's target network, which scores, moves in each update."""
    patches: int = 8
    """Patches a side of the critic of DDPG and PatchQ, and of patch-level rewards."""
    bundle: Annotated[int, flag("bundle")] = 5
    """Strokes per step."""
    max_strokes: Annotated[int, flag("max-strokes")] = 200
    """Strokes per episode of training."""
    learning: AlgorithmConfig = dataclasses.field(default_factory=AlgorithmConfig)
    """Configuration of the algorithm."""

    def __post_init__(self) -> None:
        """Refuse sizes that are none.

        Raises:
            ValueError: naming the setting.
        """
        names = ("actor_width", "critic_width", "depth", "discriminator_width", "patches")
        check_counts(self, dict.fromkeys((*names, "bundle", "max_strokes"), 1))


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
        opacity = tuple(values.get("opacity", (0.0, 1.0)))
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
    eval_split: Literal["train", "val", "test"] = "test"
    """Split that evaluations paint; choose settings on val."""
    eval_images: int = 32
    """Pictures that an evaluation paints."""
    eval_strokes: int = 200
    """Strokes of such a painting, at most max_strokes."""
    seed: int = 0
    """Random seed."""

    def __post_init__(self) -> None:
        """Refuse sizes that are none.

        Raises:
            ValueError: naming the setting.
        """
        names = ("size", "batch", "num_envs", "episodes", "updates_per_step", "eval_every", "eval_images")
        check_counts(self, dict.fromkeys((*names, "eval_strokes"), 1) | {"updates": 0, "seed": 0})
