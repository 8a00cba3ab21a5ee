"""Flags of ``paint-gym paint``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from agents.cli.command import Command
from agents.common.config import COUNT, STROKES, check_ranges
from paint_gym.painting import MAX_SIDE


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
    part of, or an address, as in "10.0.0.1:6379". Nodes need the same version of this package, and a shared
    folder with the files; files that exist are skipped. Needs pip install 'paint-gym[cluster]'."""
    report: Path | None = None
    """A file to which a line of JSON is added for each painting: its picture, files, size, strokes, l2 and
    PSNR on the canvas, and seconds."""
    strokes: tuple[int, ...] = (500,)
    """Strokes to paint each with; of several numbers, as in "50 200 1000", each makes a painting."""
    init: Annotated[Path | None, tyro.conf.arg(name="from")] = None
    """A painting (.json) of the picture to go on with: strokes are added up to their number, and all are
    refined."""
    canvas_image: Path | None = None
    """A photo of the canvas as it is: the strokes are those that it still needs, on a transparent layer."""
    stroke: str | None = None
    """Stroke design: bezier, straight, circle or triangle. An agent for each comes with the package."""
    lookahead: int | None = None
    """Candidates of each window size that are tried out before each step: more are better and slower. By
    default the agent's own number."""
    plan: int | None = None
    """Steps of gradient by which each bundle is improved before it is painted, for paintings that are to be
    made stroke by stroke: more are better and slower. By default the agent's own number, mostly 0."""
    refine: int | None = None
    """Iterations of refinement: all strokes of the finished painting are optimised together, which lowers the
    error most in a given time. By default 200, 0 for a draft."""
    until: float = 0.0
    """An l2, the mean squared error of values in [0, 1], at which refinement ends; as the progress bar shows
    it, on the canvas: the picture that is written, with more details, is less like the photo."""
    draft: bool = False
    """The agent alone, for a look in little time: no plan and no refinement."""
    detail: str | None = None
    """Where errors count more, and so more strokes go: "faces", which are looked for, or a mask, a picture
    that is white there, grey where it counts in part, stretched over the photo. A face that is small in its
    picture has no eyes without it."""
    seed: int = 0
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
    margin_mm: float | None = None
    """Its empty margin on all sides, by default 10."""
    width_mm: tuple[float, float] | None = None
    """The least and the greatest width of a plotter's pens, by default 0.5 and 6: strokes are painted so."""
    seconds: float = 8.0
    """Longest time that a film shows the painting grow."""
    canvas: int = 256
    """Shorter side in pixels at which the photo is looked at, at most its own: 512 shows refinement more
    details, and takes two to three times as long. The output may be larger."""
    size: int | None = None
    """Longer side of the output in pixels, by default that of the picture."""
    agent: str | None = None
    """Agent that paints: a file or a run's folder; by default an agent that comes with the package."""
    device: str = "auto"
    """Device to paint on."""

    def __post_init__(self) -> None:
        check_ranges(
            self, strokes=STROKES, lookahead=(0, 256), plan=(0, 100_000), refine=COUNT, until=(0.0, 10.0),
            seed=COUNT, margin_mm=(0.0, 10_000.0), width_mm=(0.0, 10_000.0), seconds=(0.1, 3600.0),
            canvas=(1, MAX_SIDE),
        )  # fmt: skip
        if not self.strokes:
            raise ValueError("--strokes is a number, or several")

    @property
    def completes(self) -> bool:
        """Whether files that exist are skipped, so that the command can be started again."""
        return self.shard is not None or self.ray is not None
