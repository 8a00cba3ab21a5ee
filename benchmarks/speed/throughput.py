"""Pictures a minute: batches, shards, and a Ray cluster of this machine; memory of a long list.

Run: python -m benchmarks.speed.throughput
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

import agents.__main__ as program
from benchmarks.harness.measure import Row
from benchmarks.harness.tables import BenchmarkConfig, Table, at_least, at_most, main
from paint_gym import load_dataset

SIZE, IMAGES, MANY = 64, 240, 2000  # side in pixels, pictures of each way, pictures of the long list
FLAGS = ("--strokes", "50", "--canvas", str(SIZE))


def write_pictures(folder: Path, count: int) -> None:
    """Write pictures of CelebA into the folder ``in``."""
    data = load_dataset("celeba", "test", SIZE)
    (folder / "in").mkdir()
    for i in range(count):
        image = data[np.array([i % len(data)])][0].transpose(1, 2, 0)
        Image.fromarray(image).save(folder / "in" / f"{i:05}.png")


def paint(folder: Path, output: str, threads: int | None, *flags: str) -> float:
    """Seconds of the command, from its start to its end."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OMP_")}
    if threads is not None:
        environment["OMP_NUM_THREADS"] = str(threads)
    command = [sys.executable, "-m", program.__name__, "paint", f"{folder}/in", "-o", f"{folder}/{output}/"]
    began = time.perf_counter()
    subprocess.run([*command, *FLAGS, *flags], check=True, capture_output=True, env=environment)
    return time.perf_counter() - began


def speed(folder: Path, images: int) -> Iterator[Row]:
    """Pictures a minute in each way."""
    write_pictures(folder, images)
    paint(folder, "warm", 1, "--shard", "1/100")  # compiles, and fills the caches of the disk
    single = paint(folder, "single", 1, "--until", "1e-9")  # which is not done together
    batched = paint(folder, "batched", 1)
    threads = paint(folder, "threads", None)
    with ThreadPoolExecutor(2) as pool:
        began = time.perf_counter()
        shards = [pool.submit(paint, folder, "shards", None, "--shard", f"{i}/2") for i in (1, 2)]
        for shard in shards:
            shard.result()
        sharded = time.perf_counter() - began
    startup = paint(folder, "shards", None, "--shard", "1/2")  # all is painted: only starting takes time
    ray = paint(folder, "ray", None, "--ray", "local")
    same = all(
        (folder / "batched" / file.name).read_bytes() == file.read_bytes()
        for way in ("single", "threads", "shards", "ray")
        for file in (folder / way).iterdir()
    )

    def row(way: str, seconds: float) -> Row:
        return {"way": way, "pictures a minute": 60 * images / seconds, "seconds": seconds}

    yield row("one core, one by one", single)
    yield row("one core, in batches", batched) | at_least(single / batched, 1.3)
    yield row("one process, all cores", threads)
    yield row("two shards, one core each", sharded) | at_least((batched - startup) / (sharded - startup), 1.7)
    yield row("Ray, local", ray)
    yield {"way": "seconds to begin", "seconds": startup}
    yield {"way": "the same bytes by every way", "met": same}


def memory(folder: Path, images: int) -> Iterator[Row]:
    """Peak memory of a list of a tenth, and of the whole."""
    write_pictures(folder, images)
    code = "import sys; from agents.cli.main import main; main(sys.argv[1:]); "
    code += "from benchmarks.harness.measure import peak_memory; print(peak_memory())"
    peaks: list[float] = []
    for count in (images // 10, images):
        names = folder / f"{count}.txt"
        names.write_text("\n".join(str(folder / "in" / f"{i:05}.png") for i in range(count)))
        arguments = ["paint", f"@{names}", "-o", f"{folder}/{count}/", *FLAGS]
        command = [sys.executable, "-c", code, *arguments]
        environment = os.environ | {"OMP_NUM_THREADS": "2"}
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
        peaks.append(float(done.stdout.split()[-1]) * 2**10)
        bar = at_most(peaks[-1] / peaks[0], 1.05) if len(peaks) > 1 else {}
        yield {"pictures": count, "peak MiB": peaks[-1]} | bar


def tables(options: BenchmarkConfig) -> Iterator[Table]:
    """Speed, then memory."""
    measures = (("pictures a minute", speed, IMAGES), ("memory", memory, MANY))
    for title, measure, images in measures:
        with tempfile.TemporaryDirectory() as folder:
            yield title, list(measure(Path(folder), options.pick(images, 10)))


if __name__ == "__main__":
    main(tables)
