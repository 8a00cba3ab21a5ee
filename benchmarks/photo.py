"""One photo, painted large by the command line: seconds, memory, and the painting to look at.

Run: python -m benchmarks.photo --json benchmarks/results/photo.json --out runs/photo
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from skimage import data

from benchmarks.harness.suite import BenchmarkConfig, Row, Table, main, peak_memory

SECONDS_BAR = 20.0
MEMORY_BAR = 2.0  # GiB


@dataclass(frozen=True)
class Photo(BenchmarkConfig):
    """One photo, painted large."""

    photo: str = "astronaut"
    """Name in skimage.data."""
    strokes: int = 1000
    """Strokes to paint."""
    size: int = 512
    """Shorter side in pixels of the canvas."""
    out: Path = Path("runs/photo")
    """Folder of the photo and the painting."""


def paint(arguments: list[str]) -> None:
    """Paint, and print the peak of memory. For a process of its own."""
    from agents.cli.main import main

    main(["paint", *arguments])
    print(json.dumps({"peak, GiB": peak_memory()}))


def tables(options: Photo) -> Iterator[Table]:
    """The one row, from the start of Python to the written file."""
    options.out.mkdir(parents=True, exist_ok=True)
    photo, painting = options.out / "photo.png", options.out / "painting.png"
    Image.fromarray(getattr(data, options.photo)()).save(photo)
    arguments = [str(photo), "-o", str(painting)]
    arguments += ["--strokes", str(options.strokes), "--canvas", str(options.size), "--draft"]
    code = f"from benchmarks.photo import paint; paint({arguments})"
    began = time.perf_counter()
    child = subprocess.run(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, check=True, text=True,
        env=os.environ | {"OMP_NUM_THREADS": str(options.threads)},
    )  # fmt: skip
    seconds = time.perf_counter() - began
    peak: float = json.loads(child.stdout.splitlines()[-1])["peak, GiB"]
    row: Row = {"photo": options.photo, "strokes": options.strokes, "size": options.size}
    row |= {"seconds": seconds, "peak, GiB": peak}
    met = seconds <= SECONDS_BAR and peak <= MEMORY_BAR
    row |= {"bar": f"<= {SECONDS_BAR:g} s, {MEMORY_BAR:g} GiB", "met": met}
    yield "paint-gym paint, no refinement", [row]


if __name__ == "__main__":
    main(Photo, tables)
