"""How close a saved SVG is to the painting, by resvg and by Chromium, and how large it is.

Run: python -m benchmarks.painting.svg --json benchmarks/results/svg.json

Chromium is the one on the path; without it, its columns are missing.
"""

from __future__ import annotations

import io
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import resvg_py
import torch
from PIL import Image

from agents import load, paint, refine
from agents.checkpoint import shipped_agent
from benchmarks.harness.tables import BenchmarkConfig, Row, Table, at_most, main
from benchmarks.painting.gallery import photo
from paint_gym.painting import Painting
from paint_gym.strokes import get_stroke, stroke_names

SIZES = (128, 512)
BYTES_BAR = {"bezier": 90.0}  # kilobytes of 200 strokes
OTHERS_BAR = 40.0
PSNR_BAR = 33.0  # of Bezier strokes
SHOWN_BAR = 1.0  # seconds that a browser takes to show 1,000 strokes
REPEATS = 5


@dataclass(frozen=True)
class Svg(BenchmarkConfig):
    """How close a saved SVG is to the painting, and how large it is."""

    strokes: int = 200
    """Strokes of each painting."""
    many: int = 1000
    """Strokes of the painting whose display is timed."""
    refine: int = 200
    """Iterations of refinement."""


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


def chromium(path: Path, side: int, folder: Path) -> np.ndarray | None:
    """The picture ``(side, side, 3)`` uint8 that Chromium makes of a file in a page; None where it is not."""
    program = shutil.which("chromium")
    if program is None:
        return None
    page, shot = folder / "page.html", folder / "page.png"
    drawing = f'<img src="{path.name}" width="{side}" height="{side}" style="display:block">'
    page.write_text(f"<!doctype html><body style='margin:0;background:#000'>{drawing}")
    flags = ["--headless=new", "--disable-gpu", "--hide-scrollbars", "--force-device-scale-factor=1"]
    if os.geteuid() == 0:
        flags.append("--no-sandbox")  # which it demands of root
    command = [program, *flags, f"--window-size={side},{side + 200}", f"--screenshot={shot}", page.as_uri()]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    return np.asarray(Image.open(shot).convert("RGB"))[:side, :side]


def psnr(shown: np.ndarray, painting: Painting) -> float:
    """In dB, of a picture against our own, which is as large."""
    error = shown.astype(float) - painting.render(shown.shape[:2])
    return round(float(10 * np.log10(255**2 / np.mean(error**2))), 2)


def measure(painting: Painting) -> Row:
    """The file's kilobytes, and PSNR at each size by resvg, at the greatest by Chromium."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "painting.svg"
        painting.save(path)
        row: Row = {"kilobytes": round(path.stat().st_size / 1000, 1)}
        for side in SIZES:
            row[f"PSNR at {side} px, dB"] = psnr(resvg(path, side), painting)
        browser = chromium(path, max(SIZES), Path(name))
        if browser is not None:
            row[f"by Chromium at {max(SIZES)} px, dB"] = psnr(browser, painting)
    return row


def refined(stroke: str, strokes: int, iterations: int) -> Painting:
    """The astronaut, painted and refined."""
    picture = torch.from_numpy(photo("astronaut", 256))
    agent = load(shipped_agent(stroke))
    (painting,) = paint(agent, picture[None], strokes)
    return refine(painting, picture, iterations)


def seconds_to_show(painting: Painting) -> float | None:
    """Time of Chromium from its start to the picture, less that for an empty painting."""
    took: dict[str, list[float]] = {"full": [], "empty": []}
    with tempfile.TemporaryDirectory() as name:
        for _ in range(REPEATS):
            for which, shown in (("full", painting), ("empty", painting[:0])):
                path = Path(name) / f"{which}.svg"
                shown.save(path)
                began = time.perf_counter()
                if chromium(path, max(SIZES), Path(name)) is None:
                    return None
                took[which].append(time.perf_counter() - began)
    return statistics.median(took["full"]) - statistics.median(took["empty"])


def tables(options: Svg) -> Iterator[Table]:
    """Refined paintings of every design; random strokes, with all radii and with small ones."""
    rows: list[Row] = []
    for stroke in stroke_names():
        figures = measure(refined(stroke, options.strokes, options.refine))
        most = BYTES_BAR.get(stroke, OTHERS_BAR)
        bar = f"<= {most:g} kB"
        met = figures["kilobytes"] <= most
        if stroke == "bezier":
            bar = f"{bar}, >= {PSNR_BAR:g} dB"
            met = met and min(value for key, value in figures.items() if "512 px" in key) >= PSNR_BAR
        rows.append({"stroke": stroke, **figures, "bar": bar, "met": met})
    yield f"SVG against our renderer, the astronaut in {options.strokes} strokes, refined", rows
    seconds = seconds_to_show(refined("bezier", options.many, 0))
    if seconds is not None:
        row: Row = {"strokes": options.many, "seconds": seconds}
        yield "until Chromium shows it", [row | at_most(seconds, SHOWN_BAR)]
    rows = []
    for stroke in stroke_names():
        for radii, thickness in (("all", 1.0), ("small", 0.1)):
            if thickness < 1 and not any(name.startswith("r") for name in get_stroke(stroke).parameters):
                continue
            figures = measure(random_painting(stroke, options.strokes, thickness))
            rows.append({"stroke": stroke, "radii": radii, **figures})
    yield f"SVG against our renderer, {options.strokes} random strokes", rows


if __name__ == "__main__":
    main(Svg, tables)
