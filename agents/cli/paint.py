"""``paint-gym paint``: photos of any size and aspect, painted by an agent, as pictures, strokes or films."""

from __future__ import annotations

import glob
import logging
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
import tyro
from torch import Tensor

from agents.checkpoint import WEIGHTS, load
from agents.cli.command import Command
from agents.common.agent import Agent
from agents.common.config import LOOKAHEAD, PLAN, STROKES
from agents.common.settings import COUNT, RATE, Between
from agents.common.signals import StopSignals
from agents.detail import face_weight, mask_weight
from agents.painter import CANVAS, Policy, fit_to_canvas, paint
from agents.refinement import refine
from paint_gym.datasets import picture_size, read_image
from paint_gym.datasets.sources import is_special, list_images
from paint_gym.painting import MAX_SIDE, Painting, check_ending, check_size
from paint_gym.renderers import make_renderer
from paint_gym.strokes import get_stroke
from paint_gym.utils.errors import named_file
from paint_gym.utils.files import check_writable
from paint_gym.utils.progress import progress

logger = logging.getLogger(__name__)
REFINE = 200  # iterations, if nothing else is said
NAME = "{name}"  # in --output: the picture's own name


@dataclass(frozen=True, kw_only=True)
class Paint(Command):
    """Paint pictures of your own."""

    images: tyro.conf.Positional[tuple[Path, ...]]
    """The pictures: JPEG, PNG, WebP, AVIF, ... of any size; files, folders, or patterns ("*.jpg")."""
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path(f"{NAME}-painted.png")
    """The painting: .png .jpg .svg .json .gif .mp4. Write {name} where the name of a picture goes, as in
    "out/{name}.svg", or a folder, as in "out/", for .png."""
    strokes: Annotated[int, STROKES] = 500
    """Strokes to paint each with."""
    stroke: str | None = None
    """Stroke design: bezier, straight, circle or triangle. An agent for each comes with the package."""
    lookahead: Annotated[int | None, LOOKAHEAD] = None
    """Candidates of each window size that are tried out before each step: more are better and slower. By
    default the agent's own number."""
    plan: Annotated[int | None, PLAN] = None
    """Steps of gradient by which each bundle is improved before it is painted, for paintings that are to be
    made stroke by stroke: more are better and slower. By default the agent's own number, mostly 0."""
    refine: Annotated[int | None, COUNT] = None
    """Iterations of refinement: all strokes of the finished painting are optimised together, which lowers the
    error most in a given time. By default 200, 0 for a draft."""
    until: Annotated[float, RATE] = 0.0
    """An l2, the mean squared error of values in [0, 1], at which refinement ends; as the progress bar shows
    it, on the canvas: the picture that is written, with more details, is less like the photo."""
    draft: bool = False
    """The agent alone, for a look in little time: no plan and no refinement."""
    detail: str | None = None
    """Where errors count more, and so more strokes go: "faces", which are looked for, or a mask, a picture
    that is white there, grey where it counts in part, stretched over the photo. A face that is small in its
    picture has no eyes without it."""
    seed: Annotated[int, COUNT] = 0
    """Another painting of the same picture for each seed."""
    opaque: bool = False
    """Paint that covers: no stroke is transparent."""
    canvas: Annotated[int, Between(1, MAX_SIDE)] = 256
    """Shorter side in pixels at which the photo is looked at, at most its own: 512 shows refinement more
    details, and takes two to three times as long. The output may be larger."""
    size: int | None = None
    """Longer side of the output in pixels, by default that of the picture."""
    agent: str | None = None
    """Agent that paints: a file or a run's folder; by default an agent that comes with the package."""
    device: str = "auto"
    """Device to paint on."""


def paint_pictures(command: Paint) -> list[Painting]:
    """Paint and write; options that cannot work are refused before the work.

    A picture that cannot be read or written does not keep the others from being painted. On SIGINT or SIGTERM
    while a painting is refined, it is written as it is by then, and that is the end.

    Raises:
        SystemExit: after such a signal; the status is 128 and its number.
        ValueError: an option that is not possible, or pictures that were not painted; says which.
        OSError: the one picture cannot be read or written.
    """
    images = _images(command.images)
    outputs = _outputs(images, command.output)
    mask = None if command.detail in (None, "faces") else Path(command.detail)
    _check_outputs(outputs, [*images, mask] if mask else images)
    if command.draft and (command.plan or command.refine or command.until):
        raise ValueError(
            "--draft goes with none of --plan, --refine and --until; a plan without refinement is --plan 10 "
            "--refine 0"
        )
    if mask and not mask.is_file():
        raise ValueError(f"detail is 'faces' or a picture, and there is no picture {mask}")
    if command.size is not None:
        check_size(command.size)
    agent = _load_agent(command)
    agent.actor.reseed(command.seed)
    opacity = (1.0, 1.0) if command.opaque else agent.renderer.opacity
    agent.renderer = make_renderer("analytic", agent.renderer.design, opacity)  # it paints any size
    paintings, failed, signals = [], [], StopSignals()
    for image, output in zip(images, outputs, strict=True):
        began = time.monotonic()
        try:
            own = picture_size(image)
            side = min(command.canvas, max(CANVAS, min(own)))  # no more than there is to see
            picture = torch.tensor(read_image(image, at_least=2 * side))
            target = _target(picture, image, side)
            weight = _weight(picture, image, target, command.detail)
            painting = _paint(agent, target, command, weight, signals)
            painting.save(output, size=_size(own, output, command.size, painting))
        except (ValueError, OSError) as error:
            if len(images) == 1:
                raise
            logger.warning("%s is not painted: %s", image, error)
            failed.append(str(image))
        else:
            logger.info("%s: %d strokes in %.1f s", output, len(painting), time.monotonic() - began)
            paintings.append(painting)
        if signals.received is not None:
            left = len(images) - len(paintings) - len(failed)
            others = f", {left} more not painted" if left else ""
            logger.info("stopped: %s is not refined to the end%s", output, others)
            sys.exit(128 + signals.received)
    if failed:
        raise ValueError(f"{len(failed)} of {len(images)} pictures were not painted: {', '.join(failed)}")
    return paintings


def _size(own: tuple[int, int], output: Path, longer: int | None, painting: Painting) -> tuple[int, int]:
    """Size of the output, in the picture's aspect: as large as that; films are as large as the canvas."""
    height, width = own
    if longer is None:
        film = output.suffix.lower() in (".gif", ".mp4")
        longer = max(painting.size) if film else min(MAX_SIDE, max(height, width))
    scale = longer / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def _target(picture: Tensor, image: Path, side: int) -> Tensor:
    try:
        return fit_to_canvas(picture, side)
    except ValueError as error:
        raise error if str(image) in str(error) else ValueError(f"{image}: {error}") from None


def _weight(picture: Tensor, image: Path, target: Tensor, detail: str | None) -> Tensor | None:
    """How much the error of each pixel of a target counts, ``(H, W)``; None where all count the same."""
    if detail is None:
        return None
    size = (target.shape[2], target.shape[3])
    if detail != "faces":
        with named_file(detail):
            return mask_weight(read_image(detail, behind=0, at_least=min(size)), size)
    weight = face_weight(picture.numpy(), size)
    if weight is None:
        logger.warning("%s: no face is seen, all of it counts the same", image)
    else:
        logger.info("%s: faces are seen, on %.0f%% of it", image, 100 * (weight > 1).float().mean().item())
    return weight


def _images(given: Sequence[Path]) -> list[Path]:
    """Files as they are, folders and patterns as the pictures in them."""
    found: list[Path] = []
    for path in given:
        if path.is_dir():
            inside = list_images(path)
        elif not path.exists() and any(mark in str(path) for mark in "*?["):
            inside = sorted(Path(name) for name in glob.glob(str(path)) if not is_special(Path(name)))
        else:
            found.append(path)
            continue
        if not inside:
            raise ValueError(f"no pictures in {path}")
        found += inside
    if not found:
        raise ValueError("no picture to paint; name at least one file")
    return found


def _load_agent(command: Paint) -> Agent:
    ours = "pretrained" if command.stroke in (None, "bezier") else f"pretrained-{command.stroke}"
    if command.stroke is not None:
        get_stroke(command.stroke)  # refuses names that are none
        if command.agent is None and not (WEIGHTS / f"{ours}.safetensors").exists():
            raise ValueError(f"no agent for {command.stroke} strokes comes with the package; pass --agent")
    plan = 0 if command.draft else command.plan
    agent = load(ours if command.agent is None else command.agent, command.device, command.lookahead, plan)
    paints = agent.renderer.design.name
    if command.stroke not in (None, paints):
        raise ValueError(f"{command.agent} paints {paints} strokes, not {command.stroke}")
    return agent


def _outputs(images: Sequence[Path], pattern: Path) -> list[Path]:
    """A file for each picture."""
    if pattern.is_dir() or not pattern.suffix:
        pattern = pattern / f"{NAME}.png"
    check_ending(pattern)
    if len(images) > 1 and NAME not in pattern.name:
        raise ValueError(
            f"{len(images)} pictures cannot all be written to {pattern}; write {NAME} where their names go, "
            f"as in {pattern.with_stem(NAME)}"
        )
    return [Path(str(pattern).replace(NAME, image.stem)) for image in images]


def _check_outputs(outputs: Sequence[Path], kept: Sequence[Path]) -> None:
    """Refuse files that cannot be written, that would overwrite each other, or one of those to be kept."""
    inputs = {_identity(file) for file in kept if file.exists()}
    for output in outputs:
        if output.exists() and _identity(output) in inputs:
            raise ValueError(f"{output} is a picture to be painted, or its mask; choose another file")
        check_writable(output)
    twice = {str(output) for output in outputs if outputs.count(output) > 1}
    if twice:
        raise ValueError(f"pictures of the same name would overwrite each other: {', '.join(sorted(twice))}")


def _identity(file: Path) -> tuple[int, int]:
    """The same for all names of a file, links too."""
    status = file.stat()
    return status.st_dev, status.st_ino


def _paint(
    agent: Policy, target: Tensor, command: Paint, weight: Tensor | None, signals: StopSignals
) -> Painting:
    """A painting; a signal that comes while it is refined ends the refinement."""
    with progress(total=command.strokes, desc="painting", unit="stroke") as bar:

        def on_bundle(l2: float) -> None:
            bar.update(agent.bundle)
            bar.set_postfix(l2=f"{l2:.4f}", refresh=False)

        (painting,) = paint(agent, target, command.strokes, on_bundle, weight)
    iterations = 0 if command.draft else REFINE if command.refine is None else command.refine
    if not iterations:
        return painting
    with signals, progress(total=iterations, desc="refining", unit="iteration") as bar:

        def on_iteration(l2: float) -> bool:
            bar.update()
            bar.set_postfix(l2=f"{l2:.4f}", refresh=False)
            return signals.received is not None

        return refine(painting, target[0], iterations, agent.device, on_iteration, command.until, weight)
