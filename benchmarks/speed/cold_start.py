"""How long `paint-gym paint` takes: to the first stroke and in all, with an empty cache and with a warm one.

Run: python -m benchmarks.speed.cold_start --json benchmarks/results/cold_start.json
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from skimage import data

from agents import AgentConfig, build_agent, save_agent
from benchmarks.harness.tables import BenchmarkConfig, Row, Table, at_most, main

FIRST_STROKE_BAR = 10.0  # seconds, with an empty cache
COMMAND_BAR = 6.0  # seconds, with a warm one
PAINTED = re.compile(rb"\b([1-9]\d*)/\d+ \[")  # in tqdm's bar, once its count is over 0


@dataclass(frozen=True)
class ColdStart(BenchmarkConfig):
    """How long `paint-gym paint` takes, with an empty cache and with a warm one."""

    agent: Path | None = None
    """A file of `save_agent`; by default a new, untrained agent."""
    strokes: int = 200
    """Strokes to paint."""
    size: int = 128
    """Side in pixels of the picture and the canvas."""


def picture(path: Path, size: int) -> None:
    """Write the middle square of scikit-image's cat, reduced."""
    cat = Image.fromarray(data.chelsea())
    left = (cat.width - cat.height) // 2
    cat.crop((left, 0, left + cat.height, cat.height)).resize((size, size), Image.Resampling.BOX).save(path)


def time_command(command: list[str], cache: Path) -> tuple[float, float]:
    """Seconds to the first stroke, and of the whole command.

    Raises:
        RuntimeError: the command failed, or never showed a stroke; holds what it wrote.
    """
    environment = os.environ | {"PAINT_GYM_CACHE": str(cache), "TQDM_NCOLS": "80", "TQDM_NROWS": "24"}
    start, first, written = time.perf_counter(), None, b""
    ours, its = os.openpty()  # a terminal: a log would get a line a minute
    with subprocess.Popen(command, stderr=its, env=environment) as process, open(ours, "rb", 0) as shown:
        os.close(its)
        with contextlib.suppress(OSError):  # which Linux raises when the command has closed its end
            while chunk := shown.read(4096):
                written += chunk
                if first is None and PAINTED.search(written):
                    first = time.perf_counter() - start
    whole = time.perf_counter() - start
    if process.returncode or first is None:
        raise RuntimeError(f"{' '.join(command)} exited with {process.returncode}: {written.decode()}")
    return first, whole


def measure(options: ColdStart, folder: Path) -> Iterator[Row]:
    """Two runs of the command, the first with an empty cache."""
    image, agent, output = (
        folder / "cat.png",
        options.agent or folder / "agent.safetensors",
        folder / "out.png",
    )
    picture(image, options.size)
    if options.agent is None:
        save_agent(agent, build_agent(AgentConfig(), "cpu"), AgentConfig())
    command = [sys.executable, "-m", "agents", "paint", str(image), "-o", str(output), "--overwrite"]
    command += [
        "--agent",
        str(agent),
        "--strokes",
        str(options.strokes),
        "--canvas",
        str(options.size),
        "--draft",
    ]
    for cache in ("empty", "warm"):
        first, whole = time_command(command, folder / "cache")
        bars = (FIRST_STROKE_BAR, None) if cache == "empty" else (None, COMMAND_BAR)
        for what, seconds, bar in zip(("first stroke", "whole command"), (first, whole), bars, strict=True):
            row = {"cache": cache, "what": what, "seconds": seconds}
            yield row | at_most(seconds, bar) if bar else row


def tables(options: ColdStart) -> Iterator[Table]:
    """The one table."""
    with tempfile.TemporaryDirectory() as folder:
        yield (
            f"paint-gym paint, {options.strokes} strokes, {options.size} px",
            list(measure(options, Path(folder))),
        )


if __name__ == "__main__":
    main(ColdStart, tables)
