"""How close a saved SVG is to the painting: PSNR of resvg's picture against our renderer, and file sizes.

Run: python benchmarks/svg.py --json benchmarks/results/svg.json
"""

from __future__ import annotations

import argparse
import io
import json
import tempfile
from pathlib import Path

import numpy as np
import resvg_py
from PIL import Image

from paint_gym.files import replace_when_done
from paint_gym.painting import Painting
from paint_gym.strokes import get_stroke, stroke_names

SIZES = (128, 512)


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
            row[f"psnr_{side}"] = round(float(10 * np.log10(255**2 / np.mean(error**2))), 2)
    return row


def main() -> None:
    """Measure every design, with all radii and with small ones; print a table, write JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--strokes", type=int, default=200)
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    options = parser.parse_args()
    rows = []
    print(
        "| strokes | radii | PSNR at 128 px, dB | PSNR at 512 px, dB | kB |\n| --- | --- | --- | --- | --- |"
    )
    for stroke in stroke_names():
        for radii, thickness in (("all", 1.0), ("small", 0.1)):
            if thickness < 1 and not any(name.startswith("r") for name in get_stroke(stroke).parameters):
                continue
            row = measure(random_painting(stroke, options.strokes, thickness))
            rows.append({"stroke": stroke, "radii": radii, **row})
            name = f"{options.strokes} {stroke}"
            print(
                f"| {name} | {radii} | {row['psnr_128']} | {row['psnr_512']} | {row['kilobytes']} |",
                flush=True,
            )
    if options.json:
        with replace_when_done(options.json) as temporary:
            temporary.write_text(json.dumps({"strokes": options.strokes, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
