"""A drawn sheet of a plotter against its painting: error, order of layers, bare paper, travel, minutes.

Run: python -m benchmarks.painting.plotter --sheet docs/plot.png
"""

from __future__ import annotations

import io
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import resvg_py
import torch
from PIL import Image
from skimage import data

import agents
from agents.painting.paint import fit_to_canvas
from benchmarks.harness.measure import Row
from benchmarks.harness.painting import write_rows
from benchmarks.harness.tables import BenchmarkConfig, Table, main
from paint_gym.metrics import psnr
from paint_gym.painting import Painting, Paper
from paint_gym.painting.svg import plotter

PHOTOS = ("astronaut", "camera", "chelsea", "coffee", "moon", "rocket")
PIXELS = 8  # of the drawn sheet, per mm
PALETTE = 6
L2_BAR, REVERSED_BAR, BARE_BAR, ORDER_BAR, SHORT_BAR = 1.3, 35.0, 0.02, 1.2, 0.05


@dataclass(frozen=True)
class Plotter(BenchmarkConfig):
    """Photos drawn by pens of 0.8 mm on A4."""

    sheet: Path | None = None
    """PNG of the first photo: the painting, and the sheet that the pens draw."""


def draw_svg(svg: str, painting: Painting, paper: Paper) -> np.ndarray:
    """The canvas on the drawn sheet, ``(H, W, 3)`` in [0, 1], by resvg, with round pens on white paper."""
    svg = re.sub(r'width="\S+mm" height="\S+mm"', "", svg)
    width, height = round(paper.width * PIXELS), round(paper.height * PIXELS)
    png = resvg_py.svg_to_bytes(svg_string=svg, background="white", width=width, height=height)
    left, top, width, height = (round(PIXELS * side) for side in paper.canvas(painting.size))
    sheet = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")) / 255
    return sheet[top : top + height, left : left + width]


def layer_of(group: str) -> plotter.Layer:
    """Layer of a group of the SVG."""
    lines = [np.array(path.split(), float).reshape(-1, 2) for path in re.findall(r' d="M([^"]+)"', group)]
    (colour,), pen = re.findall(r' stroke="(#\w+)"', group), re.findall(r'stroke-width="([\d.]+)"', group)[0]
    return plotter.Layer(colour, float(pen), lines)


def vpype_gain(svg: str) -> tuple[float, float]:
    """Times as many paths, and as long a way between them, as after vpype's `linemerge linesort`."""
    import vpype
    import vpype_cli

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sheet.svg"
        path.write_text(svg)
        document = vpype.read_multilayer_svg(str(path), quantization=0.1)
    better = vpype_cli.execute("linemerge linesort", document)
    paths = [sum(map(len, drawing.layers.values())) for drawing in (document, better)]
    return paths[0] / paths[1], float(document.pen_up_length() / max(better.pen_up_length(), 1e-9))


def measure(painting: Painting, picture: np.ndarray, paper: Paper) -> tuple[Row, np.ndarray]:
    """Figures of a sheet, and the sheet as it is drawn."""
    paper = paper.turned(painting.size)
    svg = "\n".join(plotter.lines(painting, paper))
    head, *groups = svg.removesuffix("</svg>").split("<g ")
    layers = [layer_of(group) for group in groups]
    sheet = draw_svg(svg, painting, paper)
    backwards = draw_svg("<g ".join([head, *groups[::-1]]) + "</svg>", painting, paper)
    black = draw_svg(re.sub(r' stroke="#\w+"', ' stroke="#000"', svg), painting, paper)
    height, width = sheet.shape[:2]
    layer = Painting(painting.strokes, painting.design, painting.size, None, painting.opacity)
    bare = float(black.mean(2)[layer.render_rgba((height, width))[..., 3] == 255].mean())
    photo = np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.BICUBIC)) / 255
    right = float(((painting.render((height, width)) / 255 - photo) ** 2).mean())
    drawn = float(((sheet - photo) ** 2).mean())
    reverse = float(psnr(np.square(sheet - backwards).mean()))
    lengths = np.array([np.hypot(*np.diff(line, axis=0).T).sum() for layer in layers for line in layer.lines])
    short = float((lengths < 1).mean())
    paths, travel = vpype_gain(svg)
    row: Row = {
        "layers": len(layers), "metres": float(lengths.sum() / 1000), "lifts": len(lengths),
        "minutes": int(re.findall(r"about (\d+)", plotter.summary(layers))[0]),
        "l2, painting": right, "l2, sheet": drawn, "l2, times": drawn / right, "reversed, dB": reverse,
        "bare paper": bare, "under 1 mm": short,
        "paths, times vpype's": paths, "travel, times vpype's": travel,
    }  # fmt: skip
    met = drawn <= L2_BAR * right and reverse >= REVERSED_BAR and bare <= BARE_BAR
    met = met and short <= SHORT_BAR and max(paths, travel) <= ORDER_BAR
    return row | {"met": met}, sheet


def tables(options: Plotter) -> Iterator[Table]:
    """A row for each photo."""
    strokes, iterations, names = options.pick((2000, 20, PHOTOS), (20, 1, PHOTOS[:1]))
    policy, paper = agents.load("pretrained", opacity=(1, 1)), Paper(turns=True)
    rows: list[Row] = []
    for name in names:
        picture = getattr(data, name)()
        picture = np.stack([picture] * 3, 2) if picture.ndim == 2 else picture
        painting = agents.paint_photo(
            picture, strokes, iterations, policy, palette=PALETTE, background=(1.0, 1.0, 1.0), paper=paper
        )
        row, sheet = measure(painting, picture, paper)
        rows.append({"photo": name} | row)
        if options.sheet and name == PHOTOS[0]:
            small = (
                fit_to_canvas(torch.tensor((255 * sheet).astype(np.uint8)), 640)[0].permute(1, 2, 0).numpy()
            )
            flat = painting.render((small.shape[0], small.shape[1]))
            write_rows(options.sheet, [np.concatenate([flat, (255 * small).round().astype(np.uint8)], 1)])
    bar = f"l2 <= {L2_BAR:g} times, reversed >= {REVERSED_BAR:g} dB, bare paper <= {BARE_BAR:.0%}, "
    bar += f"under 1 mm <= {SHORT_BAR:.0%}, paths and travel <= {ORDER_BAR:g} times"
    yield f"{strokes} strokes in {PALETTE} colours, a pen of {paper.pens[0]:g} mm on A4; the bar: {bar}", rows


if __name__ == "__main__":
    main(tables, Plotter)
