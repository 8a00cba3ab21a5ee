"""How close a saved SVG is to the painting: PSNR of resvg's picture against our renderer, and file sizes.

Run: python -m benchmarks.svg --json benchmarks/results/svg.json
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import resvg_py
from PIL import Image

from benchmarks.harness.suite import BenchmarkConfig, Table, main
from paint_gym.painting import Painting
from paint_gym.strokes import get_stroke, stroke_names

SIZES = (128, 512)


@dataclass(frozen=True)
class Svg(BenchmarkConfig):
    """How close a saved SVG is to the painting, and how large it is."""

    strokes: int = 200
    """Strokes of each painting."""


def random_painting(stroke: str, strokes: int, thickness: float) -> Painting:
    """Uniformly random strokes, the same at each call; `thickness` scales their radius parameters."""
    design = get_stroke(stroke)
    values = np.random.default_rng(0).random((strokes, design.dim))
    for i, name in enumerate(design.parameters):
        if name.startswith("r"):
            values[:, i] *= thickness
    return Painting(values, stroke)


def resvg(path: Path, side: int) -> np.ndarray:
    """The picture ``(side, side, 3)`` uint8 that resvg makes of a file."""
    png = resvg_py.svg_to_bytes(svg_path=str(path), width=side, height=side)
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def measure(painting: Painting) -> dict[str, float]:
    """PSNR in dB at each size, and the file's kilobytes."""
    row: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "painting.svg"
        painting.save(path)
        row["kilobytes"] = round(path.stat().st_size / 1000, 1)
        for side in SIZES:
            error = resvg(path, side).astype(float) - painting.render(side)
            row[f"PSNR at {side} px, dB"] = round(float(10 * np.log10(255**2 / np.mean(error**2))), 2)
    return row


def tables(options: Svg) -> Iterator[Table]:
    """Every design, with all radii and with small ones."""
    rows = []
    for stroke in stroke_names():
        for radii, thickness in (("all", 1.0), ("small", 0.1)):
            if thickness < 1 and not any(name.startswith("r") for name in get_stroke(stroke).parameters):
                continue
            figures = measure(random_painting(stroke, options.strokes, thickness))
            rows.append({"stroke": stroke, "radii": radii, **figures})
    yield f"SVG by resvg against our renderer, {options.strokes} strokes", rows


if __name__ == "__main__":
    main(Svg, tables)
