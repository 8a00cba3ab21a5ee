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
    """Pictures of any size, as JPEG, PNG, WebP, AVIF, ...: files, folders, patterns ("*.jpg"), "@list.txt"
    for a text file with one name a line, or "-" for standard input."""
    output: Annotated[tuple[str, ...], tyro.conf.UseAppendAction, tyro.conf.arg(aliases=["-o"])] = ()
    """File of the painting: .png .jpg .svg .json .gif .mp4; may be repeated. {name} stands for the name of
    the picture, {strokes} for the number of strokes, as in "out/{name}.svg"; or a folder, as in "out/"; or
    "-" for standard output. By default "{name}-painted.png"."""
    format: str = "png"
    """Format in folders, on standard output, and by default."""
    overwrite: bool = False
    """Write over existing files, but never over an input."""
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
    strokes: tuple[int, ...] = (500,)
    """Number of strokes; several numbers, as in "50 200 1000", make a painting each."""
    init: Annotated[Path | None, tyro.conf.arg(name="from")] = None
    """Painting (.json) of the picture to continue: strokes are added up to the number of --strokes, and all
    are refined."""
    canvas_image: Path | None = None
    """Photo of a half-finished canvas: paints the strokes that it still needs, on a transparent layer."""
    stroke: str | None = None
    """Stroke design: bezier, straight, circle or triangle. The package has an agent for each."""
    lookahead: int | None = None
    """Candidates of each window size tried before each step; by default the agent's own number."""
    plan: int | None = None
    """Gradient steps that improve each bundle before it is painted; by default the agent's own number."""
    refine: int | None = None
    """Iterations of refinement, which optimises all strokes together. By default 200, 0 for a draft."""
    until: float = 0.0
    """l2 (mean squared error of values in [0, 1]) on the canvas at which refinement ends."""
    draft: bool = False
    """A quick preview by the agent alone, without plan and refinement."""
    detail: str | None = None
    """Where errors count more, and more strokes go: "faces" finds faces; or a mask, a picture that is white
    there, stretched over the photo. A small face needs it to have eyes."""
    seed: int = 0
    """A different painting of the same picture for each seed."""
    opaque: bool = False
    """Opaque paint: no stroke is transparent."""
    background: str | None = None
    """Colour of the empty canvas: "#rrggbb", "auto" for the mean of each picture, or "none" to keep its
    transparent parts transparent in .png and .svg. By default black; white for a plotter."""
    palette: str | None = None
    """The only colours of strokes: a number of colours to choose from each picture; or a file of hex colours
    or of GIMP (.gpl); or "#rrggbb,#rrggbb,...". Transparent strokes still mix them: see --opaque."""
    svg: Literal["filled", "plotter"] = "filled"
    """Content of an .svg: "filled" shapes; or, for a pen plotter, lines in mm with a layer for each colour
    and pen, best with a --palette. Needs the extra [plotter]."""
    paper: str | None = None
    """A plotter's paper: A0 to A6, legal or letter, which turn with the picture; or "A4 landscape"; or width
    and height in mm, as in 210x297. By default A4."""
    margin_mm: float | None = None
    """Empty margin of the paper on all sides in mm, by default 10."""
    pens: Annotated[tuple[str, ...] | None, tyro.conf.arg(aliases=["--width-mm"])] = None
    """Widths of a plotter's pens in mm, by default 0.8; with several, as in "0.3,0.8,2", the widest that fits
    draws."""
    seconds: float = 8.0
    """Longest duration of a film, in seconds."""
    canvas: int = 256
    """Shorter side of the canvas in pixels, at most that of the photo: 512 has more details, and takes two to
    three times as long. The output may be larger."""
    size: int | None = None
    """Longer side of the output in pixels, by default that of the picture."""
    agent: str | None = None
    """Agent that paints: a file or a run's folder; by default an agent of the package."""
    device: str = "auto"
    """Device to paint on."""

    def __post_init__(self) -> None:
        check_ranges(
            self, strokes=STROKES, lookahead=(0, 256), plan=(0, 100_000), refine=COUNT, until=(0.0, 10.0),
            seed=COUNT, margin_mm=(0.0, 10_000.0), seconds=(0.1, 3600.0),
            canvas=(1, MAX_SIDE),
        )  # fmt: skip
        if not self.strokes:
            raise ValueError("--strokes is a number, or several")

    @property
    def completes(self) -> bool:
        """Skip files that exist, so that the command can be started again."""
        return self.shard is not None or self.ray is not None
