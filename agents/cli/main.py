"""The command ``paint-gym``."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from agents.cli import demo, evaluate, train
from agents.cli import paint as paint_photos
from agents.training import renderer_trainer as train_renderer
from paint_gym.painting import Painting

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Render:
    """Draw a painting again, from its strokes, at any size."""

    painting: tyro.conf.Positional[Path]
    """A painting's .json."""
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("painting.png")
    """What to write: .png .jpg .svg .json .gif .mp4."""
    size: int | None = None
    """Longer side in pixels, by default that at which it was painted."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; what the user can mend ends with one line, not with a traceback."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    command = tyro.extras.subcommand_cli_from_dict(
        {
            "demo": demo.Demo,
            "train": train.Train,
            "train-renderer": train_renderer.TrainRenderer,
            "evaluate": evaluate.Evaluate,
            "paint": paint_photos.Paint,
            "render": Render,
        },
        prog="paint-gym",
        description="Reinforcement learning that paints.",
        args=arguments,
    )
    try:
        match command:
            case demo.Demo():
                _demo(command)
            case train.Train():
                last = train.run(command)
                logger.info("%s: l2 %.4f", command.out, last.get("eval/l2", float("nan")))
            case train_renderer.TrainRenderer():
                error = train_renderer.run(command)
                logger.info("%s: mean squared error %.2e to the ground truth", command.out, error)
            case evaluate.Evaluate():
                evaluate.run(command)
            case paint_photos.Paint():
                paint_photos.run(command)
            case Render():
                Painting.load(command.painting).save(command.output, size=command.size)
    except (OSError, ValueError, ArithmeticError) as error:
        sys.exit(f"paint-gym: {error}")
    except KeyboardInterrupt:
        sys.exit("paint-gym: interrupted")


def _demo(command: demo.Demo) -> None:
    scores = demo.run(command)
    logger.info(
        "l2 on %d held-out crops: %.4f untrained, %.4f after %.0f s; see %s",
        scores["images"],
        scores["l2_untrained"],
        scores["l2"],
        scores["seconds"],
        command.out / "overview.png",
    )
