"""Seconds of `paint-gym paint`: to the first stroke and in all, with an empty cache and with a warm one.

Run: python -m benchmarks.speed.cold_start
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
from pathlib import Path

from PIL import Image

from agents import AgentConfig, build_agent, save_agent
from benchmarks.harness.measure import Row
from benchmarks.harness.tables import BenchmarkConfig, Table, at_most, main
from benchmarks.painting.gallery import photo

FIRST_STROKE_BAR = 10.0  # seconds, with an empty cache
COMMAND_BAR = 6.0  # seconds, with a warm one
PAINTED = re.compile(rb"\b([1-9]\d*)/\d+ \[")  # in tqdm's bar, once its count is over 0


def time_command(command: list[str], cache: Path) -> tuple[float, float]:
    """Seconds to the first stroke, and of the whole command.

    Raises:
        RuntimeError: the command failed, or never showed a stroke; holds what it wrote.
    """
    environment = os.environ | {"PAINT_GYM_CACHE": str(cache), "TQDM_NCOLS": "80", "TQDM_NROWS": "24"}
    start, first, output = time.perf_counter(), None, b""
    reader, terminal = os.openpty()  # a terminal: a log would get a line a minute
    process = subprocess.Popen(command, stderr=terminal, env=environment)
    with process, open(reader, "rb", 0) as file:
        os.close(terminal)
        with contextlib.suppress(OSError):  # which Linux raises when the command has closed its end
            while chunk := file.read(4096):
                output += chunk
                if first is None and PAINTED.search(output):
                    first = time.perf_counter() - start
    seconds = time.perf_counter() - start
    if process.returncode or first is None:
        raise RuntimeError(f"{' '.join(command)} exited with {process.returncode}: {output.decode()}")
    return first, seconds


def measure(strokes: int, size: int, folder: Path) -> Iterator[Row]:
    """Two runs of the command, the first with an empty cache."""
    image, agent = folder / "cat.png", folder / "agent.safetensors"
    Image.fromarray(photo("chelsea", size).transpose(1, 2, 0)).save(image)
    save_agent(agent, build_agent(AgentConfig(), "cpu"), AgentConfig())  # untrained
    flags = f"--agent {agent} --strokes {strokes} --canvas {size} --draft --overwrite".split()
    command = [sys.executable, "-m", "agents", "paint", str(image), "-o", str(folder / "out.png"), *flags]
    for cache in ("empty", "warm"):
        first, whole = time_command(command, folder / "cache")
        bars = (FIRST_STROKE_BAR, None) if cache == "empty" else (None, COMMAND_BAR)
        for what, seconds, bar in zip(("first stroke", "whole command"), (first, whole), bars, strict=True):
            row = {"cache": cache, "what": what, "seconds": seconds}
            yield row | at_most(seconds, bar) if bar else row


def tables(options: BenchmarkConfig) -> Iterator[Table]:
    """One table."""
    strokes, size = options.pick((200, 128), (5, 32))
    with tempfile.TemporaryDirectory() as folder:
        rows = list(measure(strokes, size, Path(folder)))
    yield f"paint-gym paint, {strokes} strokes, {size} px", rows


if __name__ == "__main__":
    main(tables)
