"""The command ``paint-gym``."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from agents.demo import Demo
from agents.evaluate import Evaluate
from agents.train import Train

logger = logging.getLogger(__name__)
Output = Annotated[Path, tyro.conf.arg(aliases=["-o"])]


@dataclass(frozen=True)
class Paint:
    """Paint a picture of your own."""

    image: tyro.conf.Positional[Path]
    """The picture: JPEG, PNG, WebP, ..."""
    output: Output = Path("painting.png")
    """The painting: .png .jpg .svg .json .gif .mp4."""
    strokes: int = 200
    """Strokes to paint it with."""
    canvas: int = 128
    """Shorter side in pixels of the canvas that the agent paints on; the output may be larger."""
    size: int | None = None
    """Longer side of the output in pixels, by default that of the canvas."""
    agent: str = "pretrained"
    """Who paints: a file written by `demo`, or the agent that comes with the package."""


@dataclass(frozen=True)
class Render:
    """Draw a painting again, from its strokes, at any size."""

    painting: tyro.conf.Positional[Path]
    """A painting's .json."""
    output: Output = Path("painting.png")
    """What to write: .png .jpg .svg .json .gif .mp4."""
    size: int | None = None
    """Longer side in pixels, by default that at which it was painted."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; what the user can mend ends with one line, not with a traceback."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    command = tyro.extras.subcommand_cli_from_dict(
        {"demo": Demo, "train": Train, "evaluate": Evaluate, "paint": Paint, "render": Render},
        prog="paint-gym",
        description="Reinforcement learning that paints.",
        args=arguments,
    )
    try:
        match command:
            case Demo():
                _demo(command)
            case Train():
                _train(command)
            case Evaluate():
                _evaluate(command)
            case Paint():
                _paint(command)
            case Render():
                _render(command)
    except (OSError, ValueError, ArithmeticError) as error:
        sys.exit(f"paint-gym: {error}")
    except KeyboardInterrupt:
        sys.exit("paint-gym: interrupted")


def _demo(command: Demo) -> None:
    from agents.demo import run

    scores = run(command)
    logger.info(
        "l2 on %d held-out crops: %.4f untrained, %.4f after %.0f s; see %s",
        scores["images"],
        scores["l2_untrained"],
        scores["l2"],
        scores["seconds"],
        command.out / "overview.png",
    )


def _train(command: Train) -> None:
    from agents.train import run

    last = run(command)
    logger.info("%s: l2 %.4f", command.out, last.get("eval/l2", float("nan")))


def _evaluate(command: Evaluate) -> None:
    from agents.evaluate import run

    run(command)


def _paint(command: Paint) -> None:
    import torch
    from torch.nn.functional import interpolate
    from tqdm import tqdm

    from agents.checkpoint import load
    from agents.evaluation import paint
    from paint_gym.datasets import read_image
    from paint_gym.painting import check_ending

    check_ending(command.output)  # before the work, not after it
    picture = torch.tensor(read_image(command.image)).permute(2, 0, 1)[None].float() / 255  # (1, 3, H, W)
    scale = command.canvas / min(picture.shape[2:])
    agent = load(command.agent)
    sides = [max(1, round(side * scale)) for side in picture.shape[2:]]
    target = interpolate(picture, sides, mode="bilinear", antialias=True, align_corners=False).clamp(0, 1)
    with tqdm(total=command.strokes, desc="painting", unit="stroke") as bar:

        def on_bundle(l2: float) -> None:
            bar.update(agent.bundle)
            bar.set_postfix(l2=f"{l2:.4f}")

        (painting,) = paint(agent, target, command.strokes, on_bundle)
    painting.save(command.output, size=command.size)
    logger.info("%s: %d strokes", command.output, len(painting))


def _render(command: Render) -> None:
    from paint_gym.painting import Painting

    Painting.load(command.painting).save(command.output, size=command.size)
