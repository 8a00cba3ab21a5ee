"""Error of a saved SVG against the painting, by resvg and by Chromium, and the size of its file.

Run: python -m benchmarks.painting.svg

Chromium is the one on the path; without it, its columns are missing.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import resvg_py
import torch
from PIL import Image

from agents.checkpoint import shipped_agent
from benchmarks.harness.measure import Row
from benchmarks.harness.painting import PaintingVariant
from benchmarks.harness.tables import BenchmarkConfig, Table, main
from benchmarks.painting.gallery import photo
from paint_gym import metrics
from paint_gym.painting import Painting
from paint_gym.strokes import STROKES

SIZES = (128, 512)
BYTES_BAR = {"bezier": 90.0}  # kilobytes of 200 strokes
OTHERS_BAR = 40.0
PSNR_BAR = 33.0  # of Bezier strokes


def resvg(path: Path, side: int) -> np.ndarray:
    """Picture ``(side, side, 3)`` uint8 of a file, by resvg."""
    png = resvg_py.svg_to_bytes(svg_path=str(path), width=side, height=side)
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def chromium(path: Path, side: int) -> np.ndarray | None:
    """Picture ``(side, side, 3)`` uint8 of a file in a page, by Chromium; None where it is missing."""
    program = shutil.which("chromium")
    if program is None:
        return None
    page, shot = path.with_name("page.html"), path.with_name("page.png")
    drawing = f'<img src="{path.name}" width="{side}" height="{side}" style="display:block">'
    page.write_text(f"<!doctype html><body style='margin:0;background:#000'>{drawing}")
    flags = ["--headless=new", "--disable-gpu", "--hide-scrollbars", "--force-device-scale-factor=1"]
    if os.geteuid() == 0:
        flags.append("--no-sandbox")  # which it demands of root
    command = [program, *flags, f"--window-size={side},{side + 200}", f"--screenshot={shot}", page.as_uri()]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    return np.asarray(Image.open(shot).convert("RGB"))[:side, :side]


def psnr(picture: np.ndarray, painting: Painting) -> float:
    """PSNR in dB of a picture ``(H, W, 3)`` uint8 against our own of the same size."""
    error = picture / 255 - painting.render(picture.shape[:2]) / 255
    return round(float(metrics.psnr(np.square(error).mean())), 2)


def measure(painting: Painting) -> Row:
    """Kilobytes of the file, and PSNR at each size by resvg, at the greatest by Chromium."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "painting.svg"
        painting.save(path)
        row: Row = {"kilobytes": round(path.stat().st_size / 1000, 1)}
        for side in SIZES:
            row[f"PSNR at {side} px, dB"] = psnr(resvg(path, side), painting)
        picture = chromium(path, max(SIZES))
        if picture is not None:
            row[f"by Chromium at {max(SIZES)} px, dB"] = psnr(picture, painting)
    return row


def astronaut(stroke: str, strokes: int, iterations: int) -> Painting:
    """The astronaut, painted and refined."""
    targets = torch.from_numpy(photo("astronaut", 256))[None]
    (painting,) = PaintingVariant(shipped_agent(stroke), refine=iterations).paint(targets, strokes)
    return painting


def tables(options: BenchmarkConfig) -> Iterator[Table]:
    """A row for the refined painting of each design."""
    strokes, iterations = options.pick((200, 200), (5, 2))
    rows: list[Row] = []
    for stroke in STROKES:
        row: Row = {"stroke": stroke} | measure(astronaut(stroke, strokes, iterations))
        kilobytes = BYTES_BAR.get(stroke, OTHERS_BAR)
        bar, met = f"<= {kilobytes:g} kB", row["kilobytes"] <= kilobytes
        if stroke == "bezier":
            bar = f"{bar}, >= {PSNR_BAR:g} dB"
            met = met and min(value for key, value in row.items() if "512 px" in key) >= PSNR_BAR
        rows.append(row | {"bar": bar, "met": met})
    yield f"SVG against our renderer, the astronaut in {strokes} strokes, refined", rows


if __name__ == "__main__":
    main(tables)
