"""``paint-gym paint``: photos of any size and aspect, painted by an agent, as pictures, strokes or films."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
import tyro
from torch import Tensor
from tqdm.contrib.logging import logging_redirect_tqdm

from agents.checkpoint import load, shipped_agent
from agents.cli.batch import (
    SENT,
    Job,
    Outcome,
    batches,
    fetched,
    paint_elsewhere,
    paint_jobs,
    slice_of,
    with_content,
)
from agents.cli.command import Command
from agents.cli.pictures import (
    STREAM,
    Picture,
    check_distinct,
    check_outputs,
    check_outside,
    find_pictures,
    output_files,
)
from agents.cli.studio import Studio
from agents.cluster import LostTaskError, check_address, run_on_cluster
from agents.common.agent import Agent
from agents.common.config import LOOKAHEAD, PLAN, STROKES
from agents.common.settings import COUNT, RATE, Between
from agents.common.signals import StopSignals
from agents.painting.palette import MOST, parse_palette, read_palette
from paint_gym.painting import MAX_SIDE, Painting, Paper, check_size
from paint_gym.renderers import make_renderer
from paint_gym.strokes import get_stroke
from paint_gym.utils.files import check_writable, writing
from paint_gym.utils.progress import progress

logger = logging.getLogger(__name__)
REFINE = 200  # iterations, if nothing else is said
PAPERS = {"a5": "148x210", "a4": "210x297", "a3": "297x420", "a2": "420x594", "letter": "215.9x279.4"}


@dataclass(frozen=True, kw_only=True)
class Paint(Command):
    """Paint pictures of your own."""

    images: tyro.conf.Positional[tuple[Path, ...]]
    """The pictures: JPEG, PNG, WebP, AVIF, ... of any size; files, folders, patterns ("*.jpg"), "@list.txt"
    for the files that a text names, one a line, or "-" for standard input."""
    output: Annotated[tuple[Path, ...], tyro.conf.UseAppendAction, tyro.conf.arg(aliases=["-o"])] = ()
    """The painting: .png .jpg .svg .json .gif .mp4; may be repeated. Write {name} where the name of a picture
    goes and {strokes} where their number goes, as in "out/{name}.svg"; or a folder, as in "out/"; or "-" for
    standard output. By default "{name}-painted.png"."""
    format: Literal["png", "jpg", "svg", "json", "gif", "mp4"] = "png"
    """What is written to folders, to standard output, and by default."""
    overwrite: bool = False
    """Write over files that are there; never over a picture that is to be painted."""
    shard: str | None = None
    """Paint only a part of the pictures, as "3/16" the third of sixteen, so that many machines share them;
    files that are there already are skipped, so that a part can be started again. It takes one thread, unless
    OMP_NUM_THREADS says more."""
    skip_bad: bool = True
    """Go on after a picture that cannot be read or painted; it is named at the end, and the exit status
    is 1."""
    ray: str | None = None
    """Paint on a Ray cluster: "local" for the processors of this machine, "auto" for the cluster that it is
    part of, or an address, as in "10.0.0.1:6379". Nodes need the same version of this package, and no shared
    folder; files that are there already are skipped. Needs pip install 'paint-gym[cluster]'."""
    report: Path | None = None
    """A file to which a line of JSON is added for each painting: its picture, files, size, strokes, l2 and
    PSNR on the canvas, and seconds."""
    strokes: Annotated[tuple[int, ...], STROKES] = (500,)
    """Strokes to paint each with; of several numbers, as in "50 200 1000", each makes a painting."""
    begun: Annotated[Path | None, tyro.conf.arg(name="from")] = None
    """A painting (.json) of the picture to go on with: strokes are added up to their number, and all are
    refined."""
    canvas_image: Path | None = None
    """A photo of what is on the easel: the strokes are what it still needs, on a transparent sheet."""
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
    background: str | None = None
    """Colour of the fresh canvas: "#rrggbb", "auto" for the mean of each picture, or "none": what is
    transparent in it stays so in .png and .svg. By default black; white, as the paper, for a plotter."""
    palette: str | None = None
    """The only colours of strokes: how many, to be chosen from each picture; or a file of hex colours or of
    GIMP (.gpl); or "#rrggbb,#rrggbb,...". Transparent strokes still mix them: see --opaque."""
    svg: Literal["filled", "plotter"] = "filled"
    """What an .svg holds: the shapes of the strokes; or opaque lines in mm, a layer for each colour, for a
    pen plotter, best with a --palette."""
    paper: str | None = None
    """Width and height in mm of a plotter's paper, or A5, A4, A3, A2 or letter. By default A4."""
    margin_mm: Annotated[float | None, Between(0, 10_000)] = None
    """Its empty margin on all sides, by default 10."""
    width_mm: Annotated[tuple[float, float] | None, Between(0, 10_000)] = None
    """The least and the greatest width of a plotter's pens, by default 0.5 and 6: strokes are painted so."""
    seconds: Annotated[float, Between(0.1, 3600)] = 8.0
    """Longest time that a film shows the painting grow."""
    canvas: Annotated[int, Between(1, MAX_SIDE)] = 256
    """Shorter side in pixels at which the photo is looked at, at most its own: 512 shows refinement more
    details, and takes two to three times as long. The output may be larger."""
    size: int | None = None
    """Longer side of the output in pixels, by default that of the picture."""
    agent: str | None = None
    """Agent that paints: a file or a run's folder; by default an agent that comes with the package."""
    device: str = "auto"
    """Device to paint on."""

    @property
    def completes(self) -> bool:
        """Whether what is there is kept and the rest painted, so that the command can be started again."""
        return self.shard is not None or self.ray is not None


def paint_pictures(command: Paint) -> None:
    """Paint and write; options that cannot work are refused before the work.

    On SIGINT or SIGTERM while paintings are refined, these are written as they are by then, and no others; of
    a command that completes what is there, they are not, so that it can do them again.

    Raises:
        SystemExit: after such a signal; the status is 128 and its number.
        ValueError: an option that is not possible, or pictures that were not painted; says which.
        OSError: the one picture cannot be read or written, or the disk is full.
    """
    if not command.strokes:
        raise ValueError("--strokes is a number, or several")
    everything = find_pictures(command.images)
    several = "-{strokes}" if len(command.strokes) > 1 else ""
    patterns = command.output or (Path(f"{{name}}-painted{several}.{command.format}"),)
    outputs = output_files(everything, patterns, command.strokes, command.format)
    check_distinct(everything, outputs)
    jobs = _jobs(command, everything, outputs)
    studio = _studio(command, patterns, len(everything))
    kept = [*_inputs(command), *(picture.path for picture in everything)]
    written = [file for job in jobs for _, files in job.budgets for file in files]
    check_outputs(written, kept, command.overwrite or command.completes)
    if command.report is not None:
        check_outputs([command.report], [*kept, *written], overwrite=True)
        if command.report in written:
            raise ValueError(f"{command.report} cannot be the report and a painting")
    if command.completes:
        check_outside(command.images, written)
    jobs = _missing(command, jobs)
    signals = StopSignals()
    failed: list[Picture] = []
    total = sum(len(job.budgets) for job in jobs)
    bar = progress(total=total, desc="paintings", unit="painting", disable=len(jobs) < 2)
    with bar, logging_redirect_tqdm():
        for outcome in _outcomes(command, studio, jobs, signals):
            names = ", ".join(str(file) for file in outcome.files)
            if outcome.error is not None:
                if len(everything) == 1 or not command.skip_bad:
                    raise outcome.error
                logger.warning("%s is not painted: %s", outcome.picture, outcome.error)
                failed.append(outcome.picture)
            elif outcome.line is not None:
                line = outcome.line
                logger.info("%s: %d strokes in %.1f s", names, line["strokes"], line["seconds"])
                if command.report is not None:
                    _add_line(command.report, line)
            bar.update()
            if signals.received is not None and not command.completes:
                logger.info("stopped: %s is not refined to the end, nothing after it is painted", names)
    if signals.received is not None:
        if command.completes:
            logger.info("stopped; the same command goes on")
        sys.exit(128 + signals.received)
    if failed:
        names = ", ".join(sorted(map(str, failed)))
        raise ValueError(f"{len(failed)} of {len(jobs)} pictures were not painted: {names}")


def _jobs(command: Paint, pictures: list[Picture], outputs: list[list[list[Path]]]) -> list[Job]:
    """Pictures, and of each the numbers of strokes and their files; those of the shard, if there is one."""
    every = [
        Job(picture, tuple(zip(command.strokes, map(tuple, budgets), strict=True)))
        for picture, budgets in zip(pictures, outputs, strict=True)
    ]
    if command.shard is None:
        return every
    ours = slice_of(every, command.shard)
    if not ours:
        logger.info("nothing to paint: shard %s of %d pictures is empty", command.shard, len(every))
    return ours


def _missing(command: Paint, jobs: list[Job]) -> list[Job]:
    """What is not there yet, where what is there is kept."""
    if command.overwrite or not command.completes:
        return jobs
    missing = [
        replace(job, budgets=tuple(budget for budget in job.budgets if not all(map(Path.exists, budget[1]))))
        for job in jobs
    ]
    left = [job for job in missing if job.budgets]
    if len(left) < len(jobs):
        logger.info("%d of %d pictures are painted already", len(jobs) - len(left), len(jobs))
    return left


def _outcomes(command: Paint, studio: Studio, jobs: list[Job], signals: StopSignals) -> Iterator[Outcome]:
    """Paint here, or on a cluster."""
    if command.ray is None:
        if command.shard is not None and "OMP_NUM_THREADS" not in os.environ:
            torch.set_num_threads(1)  # there are other shards for the other processors
        for batch in batches(jobs) if command.skip_bad else batches(jobs, 1):
            yield from paint_jobs(studio, batch, signals, not command.completes)
            if signals.received is not None:
                return
        return
    with signals:
        yield from _on_cluster(command, studio, jobs, signals)


def _on_cluster(command: Paint, studio: Studio, jobs: list[Job], signals: StopSignals) -> Iterator[Outcome]:
    """Paint on a cluster; what is lost with others is tried alone, as one of them may be the reason."""
    assert command.ray is not None
    waiting, sent = batches(jobs, SENT), studio.with_content()
    while waiting and signals.received is None:
        lost: list[Sequence[Job]] = []
        for batch, answer in run_on_cluster(
            paint_elsewhere, sent, map(with_content, waiting), command.ray, command.imports,
            stop=lambda: signals.received is not None,
        ):  # fmt: skip
            if isinstance(answer, LostTaskError) and len(batch) > 1:
                lost += [[job] for job in batch]
            elif isinstance(answer, LostTaskError):
                yield Outcome(batch[0].picture, error=ValueError(str(answer)))
            elif isinstance(answer, Exception):
                raise answer
            else:
                yield from (fetched(*each) for each in answer)
        waiting = lost


def _add_line(report: Path, line: dict[str, Any]) -> None:
    """Add to a report what came of a picture, in one write, so that several processes can share it."""
    with writing(report), report.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def _inputs(command: Paint) -> list[Path]:
    """Files that must not be written over, beside the pictures."""
    lists = [Path(str(path).removeprefix("@")) for path in command.images]
    others = (command.detail, command.canvas_image, command.palette)
    return lists + [Path(given) for given in others if given is not None]


def _studio(command: Paint, patterns: tuple[Path, ...], pictures: int) -> Studio:
    """What the options ask for.

    Raises:
        ValueError: options that are not possible, or do not go together.
    """
    if command.draft and (command.plan or command.refine or command.until):
        raise ValueError(
            "--draft goes with none of --plan, --refine and --until; a plan without refinement is --plan 10 "
            "--refine 0"
        )
    if command.detail not in (None, "faces") and not Path(command.detail).is_file():
        raise ValueError(f"detail is 'faces' or a picture, and there is no picture {command.detail}")
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise ValueError(
            "torchrun is for train: each of its processes would paint all; use --shard, or --ray"
        )
    if command.report is not None:
        check_writable(command.report)
        command.report.parent.mkdir(parents=True, exist_ok=True)
    if command.size is not None:
        check_size(command.size)
    begun = None if command.begun is None else Painting.load(command.begun)
    if begun is not None and (command.background or command.opaque):
        raise ValueError("--from goes with neither --background nor --opaque: the painting has its own")
    if command.canvas_image is not None and (begun is not None or command.background or pictures > 1):
        raise ValueError("--canvas-image goes with one picture, and with neither --from nor --background")
    if begun is not None and pictures > 1:
        raise ValueError("--from goes on with the painting of one picture")
    paper, palette = _paper(command, patterns), _palette(command.palette)
    background = _background(command) if begun is None else begun.background
    if command.ray is not None:
        check_address(command.ray)
        if STREAM in patterns:
            raise ValueError("--ray writes files, not to standard output")
    agent = _load_agent(command, begun)
    agent.actor.reseed(command.seed)
    opacity = (1.0, 1.0) if command.opaque or paper else agent.renderer.opacity
    opacity = opacity if begun is None else begun.opacity
    agent.renderer = make_renderer("analytic", agent.renderer.design, opacity)  # it paints any size
    refine = 0 if command.draft else REFINE if command.refine is None else command.refine
    detail: Picture | Literal["faces"] | None = None
    if command.detail is not None:
        detail = "faces" if command.detail == "faces" else Picture(Path(command.detail))
    easel = None if command.canvas_image is None else Picture(command.canvas_image)
    return Studio(
        agent, refine, command.until, command.canvas, background, palette, paper, detail, begun, easel,
        command.size, command.format, command.seconds, pictures > 1,
    )  # fmt: skip


def _paper(command: Paint, patterns: tuple[Path, ...]) -> Paper | None:
    """A plotter's sheet, if there is one."""
    if command.svg == "filled":
        for name in ("width_mm", "paper", "margin_mm"):
            if getattr(command, name) is not None:
                raise ValueError(f"--{name.replace('_', '-')} is of a plotter: it goes with --svg plotter")
        return None
    endings = {f".{command.format}" if path.suffix == "" else path.suffix.lower() for path in patterns}
    if ".svg" not in endings:
        raise ValueError("--svg plotter needs an output that ends in .svg, as in -o {name}.svg")
    given = command.paper or "A4"
    sides = re.fullmatch(r"(\d{1,5}(?:\.\d+)?)x(\d{1,5}(?:\.\d+)?)", PAPERS.get(given.lower(), given))
    if sides is None:
        raise ValueError(f"paper is width x height in mm, as in 210x297, or A4, not {given!r}")
    if command.palette is None:
        logger.warning("each colour is a layer of its own: --palette 6 makes it six")
    margin = 10.0 if command.margin_mm is None else command.margin_mm
    return Paper(float(sides[1]), float(sides[2]), margin, command.width_mm or Paper.pen)


def _palette(given: str | None) -> int | Tensor | None:
    """How many colours, or which."""
    if given is None:
        return None
    if given.isascii() and given.isdigit() and len(given) < 6 and not Path(given).is_file():
        if not 1 <= int(given) <= MOST:
            raise ValueError(f"palette must be 1 to {MOST} colours, not {given}")
        return int(given)
    if given.startswith("#") or "," in given:
        return parse_palette([text for text in given.split(",") if text.strip()], "palette")
    if not Path(given).is_file():
        raise ValueError(
            f"palette is a number, '#rrggbb,#rrggbb,...' or a file, and there is no file {given}"
        )
    return read_palette(Path(given))


def _background(command: Paint) -> tuple[float, ...] | Literal["auto"] | None:
    """Colour of the fresh canvas."""
    if command.background == "none":
        return None
    if command.background == "auto":
        return "auto"
    given = command.background or ("#fff" if command.svg == "plotter" else "#000")
    return tuple(parse_palette([given], "background")[0].tolist())


def _load_agent(command: Paint, begun: Painting | None) -> Agent:
    stroke = command.stroke or (None if begun is None else begun.stroke)
    if stroke is not None:
        get_stroke(stroke)  # refuses names that are none
    path = shipped_agent(stroke or "bezier") if command.agent is None else command.agent
    agent = load(path, command.device, command.lookahead, 0 if command.draft else command.plan)
    paints = agent.renderer.design.name
    if stroke not in (None, paints):
        raise ValueError(f"{path} paints {paints} strokes, not {stroke}")
    return agent
