"""Kodak's pictures at full size, 768 x 512, against what is published of curve fitting on GPUs.

Run: python -m benchmarks.painting.kodak --threads 2 --json benchmarks/results/kodak.json

PSNR and SSIM are at full size, by `raster`, and refinement sees the pictures at full size, too. The folder
has the odd half of the 24 pictures. Published figures are means over all 24, of closed Bezier curves after
5,000 iterations on an A100, from the papers; a curve has more numbers than a stroke.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from agents.painting.evaluation import l2_by_raster
from agents.painting.paint import fit_to_canvas
from benchmarks.harness.painting import Way
from benchmarks.harness.scores import likeness
from benchmarks.harness.tables import FolderConfig, Row, Table, main
from paint_gym.datasets import read_image
from paint_gym.metrics import psnr
from paint_gym.painting import Painting

PUBLISHED: dict[str, dict[int, float]] = {  # dB of PSNR
    "Bezier Splatting (NeurIPS 2025), A100": {256: 24.2, 512: 25.6, 1024: 26.9},
    "Vector Scaffolding (2026), A100": {256: 25.2, 512: 26.7, 1024: 28.3},
}


@dataclass(frozen=True)
class Kodak(FolderConfig):
    """Kodak's pictures against what is published of curve fitting."""

    out: Path = Path("runs/kodak")
    """Folder of the paintings, to look at."""
    folder_of_pictures: Path = Path("../shared/data/kodak")
    """Where the pictures are."""
    strokes: tuple[int, ...] = (256, 512, 1024)
    """Budgets."""
    canvas: int = 512
    """Shorter side in pixels of the canvas that is refined on."""
    plan: int = 10
    """Steps of planning of each bundle, in rows with a plan."""
    refine: int = 600
    """Iterations of refinement."""
    refine_random: int = 100
    """The same for strokes that begin at random: they are large, so that each takes several times as long."""
    pictures: int | None = None
    """How many; by default all."""


def kodak_pictures(folder: Path, count: int | None) -> dict[str, np.ndarray]:
    """The first pictures of a folder, ``(H, W, 3)`` uint8, by name.

    Raises:
        ValueError: there are none.
    """
    files = sorted(folder.glob("kodim*.png"))[:count]
    if not files:
        raise ValueError(f"no kodim*.png in {folder}")
    return {file.stem: read_image(file) for file in files}


def of_size(picture: np.ndarray) -> np.ndarray:
    """A picture ``(H, W, 3)`` uint8 as a target ``(1, 3, H, W)``."""
    return np.ascontiguousarray(picture.transpose(2, 0, 1)[None])


def ways(options: Kodak) -> list[Way]:
    """The rows."""
    return [
        Way(),
        Way(plan=options.plan),
        Way(plan=options.plan, refine=options.refine),
        Way(refine=options.refine_random, random=True),
    ]


def tables(options: Kodak) -> Iterator[Table]:
    """A row for each method, and the published ones."""
    pictures = kodak_pictures(options.folder_of_pictures, 1 if options.smoke else options.pictures)
    strokes = options.strokes[:1] if options.smoke else options.strokes
    rows: list[Row] = []
    for budget in strokes:
        for way in ways(options):
            method, found = f"{way.curve}, {way.effort}", list[Row]()
            for stem, picture in pictures.items():
                target = fit_to_canvas(torch.tensor(picture), 32 if options.smoke else options.canvas)
                began = time.perf_counter()
                (painting,) = way.paint(target, 10 if options.smoke else budget)
                seconds = time.perf_counter() - began
                full, whole = of_size(picture), Painting(painting.strokes, size=picture.shape[:2])
                decibels = float(psnr(l2_by_raster([whole], full).item()))
                found.append({"psnr": decibels, "seconds": seconds} | likeness([whole], full))
                name = f"{stem}, {budget} strokes, {method}.png".replace(" ", "_")
                painting.save(options.folder / name, size=max(picture.shape[:2]))
            means = {
                name: float(np.mean([one[name] for one in found])) for name in ("psnr", "ssim", "seconds")
            }
            row: Row = {"strokes": budget, "by": method, "pictures": len(found), "PSNR, dB": means["psnr"]}
            row |= {"SSIM": means["ssim"], "seconds a picture": means["seconds"]}
            rows.append(row | {"numbers": budget * painting.design.dim})
        rows += [
            {"strokes": budget, "by": name, "pictures": 24, "PSNR, dB": figures[budget]}
            for name, figures in PUBLISHED.items()
            if budget in figures
        ]
    yield f"mean over the pictures, {options.threads} threads", rows


if __name__ == "__main__":
    main(Kodak, tables)
