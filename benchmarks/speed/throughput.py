"""Pictures a minute: batches, shards, and a Ray cluster of this machine; memory of a long list.

Run: python -m benchmarks.speed.throughput --json benchmarks/results/throughput.json
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.harness.tables import BenchmarkConfig, Row, Table, at_least, at_most, main
from paint_gym import load_dataset

NODES, CORES = 100, 32  # of a cluster on paper


@dataclass(frozen=True)
class Config(BenchmarkConfig):
    """Pictures of CelebA, painted by the command with 50 strokes and refined with 200 iterations."""

    size: int = 64
    """Pixels of a picture's side."""
    images: int = 240
    """Pictures for each way to paint them."""
    many: int = 2000
    """Pictures of the long list, whose memory is measured; CelebA's, over and over."""
    strokes: int = 50
    """Of each painting."""


def tables(options: Config) -> Iterator[Table]:
    """Measure."""
    with tempfile.TemporaryDirectory() as folder:
        yield "pictures a minute", list(_speed(options, Path(folder)))
    with tempfile.TemporaryDirectory() as folder:
        yield "memory", list(_memory(options, Path(folder)))


def _speed(options: Config, folder: Path) -> Iterator[Row]:
    _pictures(folder, options.images, options.size)
    _paint(folder, "warm", 1, options, "--shard", "1/100")  # compiles, and fills the caches of the disk
    alone = _paint(folder, "alone", 1, options, "--until", "1e-9")  # which is not done together
    one = _paint(folder, "one", 1, options)
    both = _paint(folder, "both", None, options)
    with ThreadPoolExecutor(2) as pool:
        began = time.perf_counter()
        shards = [pool.submit(_paint, folder, "shards", None, options, "--shard", f"{i}/2") for i in (1, 2)]
        for shard in shards:
            shard.result()
        two = time.perf_counter() - began
    begun = _paint(folder, "shards", None, options, "--shard", "1/2")  # all is there: what starting takes
    ray = _paint(folder, "ray", None, options, "--ray", "local")
    same = all(
        (folder / "one" / file.name).read_bytes() == file.read_bytes()
        for way in ("alone", "both", "shards", "ray")
        for file in (folder / way).iterdir()
    )

    def row(way: str, seconds: float) -> Row:
        return {"way": way, "pictures a minute": 60 * options.images / seconds, "seconds": seconds}

    yield row("one core, one by one", alone)
    yield row("one core, in batches", one) | at_least(alone / one, 1.3)
    yield row("one process, all cores", both)
    yield row("two shards, one core each", two) | at_least((one - begun) / (two - begun), 1.7)
    yield row("Ray, local", ray)
    per_core = (one - begun) / options.images
    on_paper = f"on paper: {NODES} nodes of {CORES} cores, once they have begun"
    yield {"way": on_paper, "pictures a minute": 60 * NODES * CORES / per_core}
    yield {"way": "seconds to begin", "seconds": begun}
    yield {"way": "the same bytes by every way", "met": same}


def _memory(options: Config, folder: Path) -> Iterator[Row]:
    """Peak memory of a list of a tenth, and of the whole."""
    _pictures(folder, options.many, options.size)
    peaks = []
    for count in (options.many // 10, options.many):
        code = "import sys; from agents.cli.main import main; main(sys.argv[1:]); "
        code += "from benchmarks.harness.tables import peak_memory; print(peak_memory())"
        names = folder / f"{count}.txt"
        names.write_text("\n".join(str(folder / "in" / f"{i:05}.png") for i in range(count)))
        command = [sys.executable, "-c", code, "paint", f"@{names}", "-o", f"{folder}/{count}/"]
        done = subprocess.run(
            [*command, *_options(options)], check=True, capture_output=True, text=True,
            env=os.environ | {"OMP_NUM_THREADS": "2"},
        )  # fmt: skip
        peaks.append(float(done.stdout.split()[-1]) * 2**10)
        yield {"pictures": count, "peak MiB": peaks[-1]} | (
            at_most(peaks[-1] / peaks[0], 1.05) if len(peaks) > 1 else {}
        )


def _pictures(folder: Path, count: int, size: int) -> None:
    data = load_dataset("celeba", "test", size)
    (folder / "in").mkdir()
    for i in range(count):
        image = data[np.array([i % len(data)])][0].transpose(1, 2, 0)
        Image.fromarray(image).save(folder / "in" / f"{i:05}.png")


def _options(options: Config) -> list[str]:
    return ["--strokes", str(options.strokes), "--canvas", str(options.size)]


def _paint(folder: Path, way: str, threads: int | None, options: Config, *more: str) -> float:
    """Seconds of the command, from its start to its end."""
    quiet = ("OMP_NUM_THREADS", "OMP_WAIT_POLICY")  # as for a user who has said nothing
    environment = {name: value for name, value in os.environ.items() if name not in quiet}
    if threads is not None:
        environment["OMP_NUM_THREADS"] = str(threads)
    command = [sys.executable, "-m", "agents", "paint", f"{folder}/in", "-o", f"{folder}/{way}/"]
    began = time.perf_counter()
    subprocess.run([*command, *_options(options), *more], check=True, capture_output=True, env=environment)
    return time.perf_counter() - began


if __name__ == "__main__":
    main(Config, tables)
