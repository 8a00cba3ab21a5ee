"""One photo, painted large by the command line: seconds, memory, and the painting to look at.

Run: python -m benchmarks.painting.photo
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data

from benchmarks.harness.measure import Row, peak_memory
from benchmarks.harness.tables import FolderConfig, Table, main
from paint_gym.datasets import read_image

SECONDS_BAR = {"draft, empty cache": 20.0, "draft": 20.0, "no options": 10.0}
L2_BAR = 0.0055
MEMORY_BAR = 2.0  # GiB


@dataclass(frozen=True)
class Photo(FolderConfig):
    """One photo, painted large."""

    out: Path = Path("runs/photo")


def paint(arguments: list[str]) -> None:
    """Paint, and print the peak of memory; for a process of its own."""
    from agents.cli.main import main

    main(["paint", *arguments])
    print(json.dumps({"peak, GiB": peak_memory()}))


def tables(options: Photo) -> Iterator[Table]:
    """Rows for many strokes on a large canvas, and one without options: from Python's start to the file."""
    options.folder.mkdir(parents=True, exist_ok=True)
    picture, strokes = data.astronaut(), options.pick(1000, 5)
    Image.fromarray(picture).save(options.folder / "photo.png")
    draft = ["--strokes", str(strokes), "--canvas", str(options.pick(512, 32)), "--draft"]
    commands = {"draft, empty cache": draft, "draft": draft, "no options": []}
    if options.smoke:
        del commands["no options"]
    yield "paint-gym paint", [measure(options, picture, name, flags) for name, flags in commands.items()]


def measure(options: Photo, picture: np.ndarray, name: str, flags: list[str]) -> Row:
    """Run the command with flags."""
    output = options.folder / f"{name.replace(' ', '-')}.png"
    arguments = [str(options.folder / "photo.png"), "-o", str(output), "--overwrite", *flags]
    code = f"from benchmarks.painting.photo import paint; paint({arguments})"
    began = time.perf_counter()
    environment = os.environ | {"OMP_NUM_THREADS": str(options.threads)}
    command = [sys.executable, "-c", code]
    with tempfile.TemporaryDirectory() as cache:
        environment |= {"PAINT_GYM_CACHE": cache} if "cache" in name else {}
        child = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True, env=environment)
    seconds = time.perf_counter() - began
    peak: float = json.loads(child.stdout.splitlines()[-1])["peak, GiB"]
    l2 = float(np.square(read_image(output) / 255.0 - picture / 255.0).mean())
    bar = f"<= {SECONDS_BAR[name]:g} s, {MEMORY_BAR:g} GiB"
    met = seconds <= SECONDS_BAR[name] and peak <= MEMORY_BAR
    if not flags:
        bar, met = f"{bar}, l2 {L2_BAR:g}", met and l2 <= L2_BAR
    row: Row = {"photo": "astronaut", "run": name, "options": " ".join(flags), "seconds": seconds, "l2": l2}
    return row | {"peak, GiB": peak, "bar": bar, "met": met}


if __name__ == "__main__":
    main(tables, Photo)
