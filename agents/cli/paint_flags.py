"""Flags of ``paint-gym paint``, in the groups of its help; `render` has some of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal

import tyro

from agents.cli.command import Command
from agents.cli.plotter import Plotter
from agents.common.config import COUNT, STROKES, check_ranges
from agents.painting.options import PLOTTER_STROKES, QUALITIES, Quality
from agents.painting.planning import LOOKAHEAD, PLAN
from paint_gym.painting import MAX_SIDE
from paint_gym.painting.video import SECONDS


@dataclass(frozen=True, kw_only=True)
class Files(Command):
    """Flags of the files that are written."""

    output: Annotated[tuple[str, ...], tyro.conf.UseAppendAction, tyro.conf.arg(aliases=["-o"])] = ()
    """File to write: .png .jpg .svg .json .gif .mp4; may be repeated. {name} is the name of the input and
    {strokes} the number of strokes, as in "out/{name}.svg"; a folder, as in "out/"; or "-" for stdout."""
    format: str = "png"
    """Format in folders, on standard output, and by default."""
    overwrite: bool = False
    """Write over existing files, but never over an input."""
    strokes: tuple[int, ...] = ()
    """Number of strokes at most; several numbers make a painting each."""
    size: int | None = None
    """Longer side of the output in pixels, by default that of the input; of films at most 1,080."""
    seconds: float = SECONDS
    """Longest time in which a film grows, in seconds; the finished painting stays for 1.5 more."""

    plotter: tyro.conf.OmitArgPrefixes[Plotter] = field(default_factory=Plotter)

    def __post_init__(self) -> None:
        check_ranges(self, strokes=STROKES, seconds=(0.1, 3600.0), size=(1, MAX_SIDE))


@dataclass(frozen=True, kw_only=True)
class Look:
    """Style of the painting, and its start."""

    stroke: str | None = None
    """Stroke design: bezier, straight, circle or triangle. The package has an agent for each."""
    opaque: bool = False
    """Opaque paint: no stroke is transparent."""
    palette: str | None = None
    """The only colours of strokes: a number of colours to choose from each picture; or a file of colours, as
    text or of GIMP (.gpl); or "#rrggbb,navy,...". Transparent strokes still mix them: see --opaque."""
    save_palette: Path | None = None
    """File for the colours chosen by --palette 8; {name} stands for the name of the picture."""
    background: str | None = None
    """Colour of the empty canvas: "#rrggbb", a name, "auto" for the mean of each picture, or "none". By
    default none for pictures with transparent parts, auto for films, white for a plotter, else black."""
    detail: str = "auto"
    """Where errors count more, and more strokes go: "auto" finds faces; "none"; or a mask, a picture that is
    white there, stretched over the photo."""
    seed: int = 0
    """A different painting of the same picture for each seed."""
    init: Annotated[Path | None, tyro.conf.arg(name="from")] = None
    """Painting (.json) to continue: strokes are added up to the number of --strokes, and all are refined."""
    canvas_image: Path | None = None
    """Photo of a half-finished canvas: paints the strokes that it still needs, on a transparent layer."""


@dataclass(frozen=True, kw_only=True)
class Many:
    """For many pictures."""

    shard: str | None = None
    """Part of the pictures to paint, as in "3/16" for the third of sixteen. Existing files are skipped, so a
    part can be started again. Uses one thread, unless OMP_NUM_THREADS says otherwise."""
    skip_bad: bool = True
    """Continue after a picture that cannot be painted; it is named at the end, and the exit status is 1."""
    ray: str | None = None
    """Paint on a Ray cluster: "local" for the processors of this machine, "auto" for the cluster that it is
    part of, or an address, as in "10.0.0.1:6379". Files that exist are skipped. Needs the extra [cluster]."""
    report: Path | None = None
    """File to which a line of JSON is added for each painting: picture, files, size, strokes, l2 and PSNR on
    the canvas, seconds."""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """The painter, and the machine."""

    refine: int | None = None
    """Iterations of refinement, which optimises all strokes together; by default those of --quality."""
    until: float = 0.0
    """l2 (mean squared error of values in [0, 1]) on the canvas at which refinement ends."""
    canvas: int | None = None
    """Shorter side of the canvas in pixels, above 256 at most that of the photo; the output may be larger.
    512 has more details than 256, and takes two to three times as long."""
    lookahead: int | None = None
    """Candidates of each window size tried before each step; by default the agent's own number."""
    plan: int | None = None
    """Gradient steps that improve each bundle before it is painted; by default the agent's own number."""
    agent: str | None = None
    """Agent that paints: a file or a run's folder; by default an agent of the package."""
    device: str = "auto"
    """Device to paint on."""


@dataclass(frozen=True, kw_only=True)
class Paint(Files):
    """Paint pictures of your own."""

    images: tyro.conf.Positional[tuple[Path, ...]]
    """Pictures of any size, as JPEG, PNG, WebP, AVIF, ...: files, folders, patterns ("*.jpg"), "@list.txt"
    for a text file with one name a line, or "-" for standard input."""
    quality: Literal["draft", "normal", "fine"] = "normal"
    """"draft": 500 strokes by the agent alone; "normal": 1,000 strokes, refined; "fine": 1,500 strokes,
    refined on a canvas of 512 pixels. A plotter's sheet has 2,000 strokes."""
    draft: bool = False
    """The same as --quality draft: quick."""
    look: tyro.conf.OmitArgPrefixes[Look] = Look()
    many: tyro.conf.OmitArgPrefixes[Many] = Many()
    machine: tyro.conf.OmitArgPrefixes[Machine] = Machine()

    def __post_init__(self) -> None:
        super().__post_init__()
        check_ranges(self.machine, lookahead=LOOKAHEAD, plan=PLAN)
        check_ranges(self.machine, refine=COUNT, until=(0.0, 10.0))
        check_ranges(self.look, seed=COUNT)

    @property
    def completes(self) -> bool:
        """Skip files that exist, so that the command can be started again."""
        return self.many.shard is not None or self.many.ray is not None

    @property
    def budgets(self) -> tuple[int, ...]:
        """Numbers of strokes of the paintings of each picture."""
        return self.strokes or (self.numbers.strokes,)

    @property
    def is_draft(self) -> bool:
        """A quick preview, by --draft or by --quality draft."""
        return self.draft or self.quality == "draft"

    @property
    def numbers(self) -> Quality:
        """The numbers of the quality; a plotter's sheet needs more strokes."""
        numbers = QUALITIES["draft" if self.is_draft else self.quality]
        return numbers if self.plotter.svg == "filled" else replace(numbers, strokes=PLOTTER_STROKES)
