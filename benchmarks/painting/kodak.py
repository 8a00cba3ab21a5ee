"""Kodak's pictures at full size, 768 x 512, against what is published of curve fitting on GPUs.

Run: python -m benchmarks.painting.kodak --threads 2

PSNR and SSIM are at full size, by `raster`, and refinement sees the pictures at full size, too. The folder
of our result has the odd half of the 24 pictures. Published figures are means over all 24, of closed Bezier
curves after 5,000 iterations on an A100, from the papers; a curve has more numbers than a stroke.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from agents.painting.paint import fit_to_canvas
from benchmarks.harness.measure import Row
from benchmarks.harness.painting import Painted, PaintingVariant, paint_and_score, similarity
from benchmarks.harness.tables import FolderConfig, Table, main
from paint_gym.datasets import read_image
from paint_gym.metrics import psnr

STROKES, CANVAS = (256, 512, 1024), 512  # the shorter side in pixels that paintings are refined at
VARIANTS = (  # random strokes are large, so that each takes several times as long
    PaintingVariant(),
    PaintingVariant(plan=10),
    PaintingVariant(plan=10, refine=600),
    PaintingVariant(refine=100, random=True),
)
PUBLISHED: dict[str, dict[int, float]] = {  # dB of PSNR
    "Bezier Splatting (NeurIPS 2025), A100": {256: 24.2, 512: 25.6, 1024: 26.9},
    "Vector Scaffolding (2026), A100": {256: 25.2, 512: 26.7, 1024: 28.3},
}


@dataclass(frozen=True)
class Kodak(FolderConfig):
    """Kodak's pictures against what is published of curve fitting."""

    out: Path = Path("runs/kodak")


def kodak_pictures(count: int | None = None) -> dict[str, np.ndarray]:
    """First pictures of Kodak by name, each a batch ``(1, 3, H, W)`` uint8.

    Raises:
        ValueError: there are none.
    """
    folder = Path(os.environ.get("PAINT_GYM_DATA", "")) / "kodak"
    files = sorted(folder.glob("kodim*.png"))[:count]
    if not files:
        raise ValueError(f"no kodim*.png in {folder}; PAINT_GYM_DATA is the folder that holds kodak/")
    return {file.stem: np.ascontiguousarray(read_image(file).transpose(2, 0, 1)[None]) for file in files}


def paint_at(picture: np.ndarray, strokes: int, variant: PaintingVariant, canvas: int = CANVAS) -> Painted:
    """Paint ``(1, 3, H, W)`` on a canvas of another shorter side, and score at full size."""
    target = fit_to_canvas(torch.tensor(picture[0].transpose(1, 2, 0)), canvas)
    return paint_and_score(picture, strokes, variant, targets=target)


def tables(options: Kodak) -> Iterator[Table]:
    """A row for each variant, and the published ones."""
    pictures = kodak_pictures(options.pick(None, 1))
    rows: list[Row] = []
    for budget in options.pick(STROKES, STROKES[:1]):
        strokes, canvas = options.pick((budget, CANVAS), (10, 32))
        for variant in VARIANTS:
            method, figures = f"{variant.curve}, {variant.effort}", list[Row]()
            for stem, picture in pictures.items():
                painted = paint_at(picture, strokes, variant, canvas)
                row: Row = {"PSNR, dB": float(psnr(painted.l2.item())), "seconds a picture": painted.seconds}
                figures.append(row | {"SSIM": similarity(painted.paintings, picture)["ssim"]})
                (painting,) = painted.paintings
                name = f"{stem}, {budget} strokes, {method}.png".replace(" ", "_")
                painting.save(options.folder / name, size=max(painting.size))
            row = {"strokes": budget, "by": method, "pictures": len(figures)}
            for column in ("PSNR, dB", "SSIM", "seconds a picture"):
                row[column] = float(np.mean([figure[column] for figure in figures]))
            rows.append(row | {"numbers": budget * painting.design.dim})
        rows += [
            {"strokes": budget, "by": name, "pictures": 24, "PSNR, dB": decibels[budget]}
            for name, decibels in PUBLISHED.items()
            if budget in decibels
        ]
    yield f"mean over the pictures, {options.threads} threads", rows


if __name__ == "__main__":
    main(tables, Kodak)
