"""Failing machines: processes that are killed at any moment, and full disks."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from agents.cli.main import main
from paint_gym import load_dataset

pytestmark = pytest.mark.slow
PAINT = ["paint", "photos/0.png", "--overwrite", "--strokes", "20", "--refine", "60", "--canvas", "64"]
JOBS = {
    "paint": [*PAINT, "-o", "out/a.svg", "-o", "out/a.gif"],
    "cache": ["evaluate", "pretrained-mnist", "--dataset", "photos", "--images", "2", "--strokes", "5"],
    "train": [
        "train", "--preset", "smoke", "--dataset", "photos", "--updates", "40", "--eval-every", "20",
        "--out", "run", "--checkpoint-minutes", "0", "--device", "cpu",
    ],
}  # fmt: skip
RESUME = ["train", "--resume", "--out", "run", "--device", "cpu"]
CHANGING = ("tfevents", "metrics.jsonl", "checkpoint", "-8-", "-16-", "-64-", "-128-")


def photos(folder: Path, count: int = 40) -> None:
    (folder / "photos").mkdir(parents=True)
    y, x = np.mgrid[:96, :96]
    for i in range(count):
        waves = np.stack([x + 3 * i, y * 2, x * y // 9 + i], -1) % 256
        Image.fromarray(waves.astype(np.uint8)).save(folder / "photos" / f"{i}.png")


def start(folder: Path, arguments: list[str]) -> subprocess.Popen:
    environment = os.environ | {"PAINT_GYM_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "agents", *arguments]
    return subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)


def finish(folder: Path, arguments: list[str]) -> dict[str, bytes | None]:
    """All files after a command, with their content if it is the same each time."""
    process = start(folder, arguments)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    files = [file for file in sorted(folder.rglob("*")) if file.is_file() and "native" not in file.parts]
    contents = [None if any(part in file.name for part in CHANGING) else file.read_bytes() for file in files]
    names = [str(file.relative_to(folder)).split(".tfevents")[0] for file in files]
    return dict(zip(names, contents, strict=True))


@pytest.mark.parametrize("job", JOBS)
def test_kill_9_at_any_moment(job: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Started again, the command ends with the same files, and no more or less."""
    once, rounds = tmp_path / "once", request.config.getoption("--rounds") or 1
    photos(once)
    start_time = time.perf_counter()
    expected = finish(once, JOBS[job])
    seconds = time.perf_counter() - start_time
    for number in range(rounds):
        folder = tmp_path / f"{number}"
        photos(folder)
        process = start(folder, JOBS[job])
        moment = np.random.default_rng(number).uniform(0.3, 1) * seconds
        time.sleep(moment)
        process.kill()
        process.communicate()
        arguments = RESUME if (folder / "run" / "checkpoint.pt").exists() else JOBS[job]
        assert finish(folder, arguments) == expected, f"killed after {moment:.2f} of {seconds:.2f} s"
        shutil.rmtree(folder)


@pytest.fixture
def full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A disk without room for one byte more, on which there are old files; there are photos elsewhere."""
    photos(tmp_path, 12)
    monkeypatch.chdir(tmp_path)
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(disk)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no right to mount a small disk")
    try:
        for ending in ("png", "svg", "json", "gif", "mp4"):
            (disk / f"old.{ending}").write_bytes(b"old")
        with pytest.raises(OSError, match="No space left"), (disk / "filler").open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def refusal(arguments: list[str]) -> str:
    """The line with which a command ends."""
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    (line,) = str(stopped.value).splitlines()
    return line


@pytest.mark.parametrize(
    "name", ["old.png", "old.svg", "old.json", "old.gif", "old.mp4", "new.png", "sub/new.svg"]
)
def test_paintings_on_a_full_disk(name: str, full: Path) -> None:
    before = sorted(file.name for file in full.iterdir())
    assert name in refusal([*PAINT, "--refine", "0", "-o", str(full / name)])
    assert {file.read_bytes() for file in full.glob("old.*")} == {b"old"}
    assert sorted(file.name for file in full.iterdir() if file.name != "sub") == before


def test_a_full_disk_ends_a_long_list_at_once(full: Path, caplog: pytest.LogCaptureFixture) -> None:
    command = ["paint", "photos", *PAINT[2:], "--refine", "0", "-o", str(full / "new-{name}.png")]
    assert "new-0.png: No space left" in refusal(command)
    assert "is not painted" not in caplog.text  # as if the next could be


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # TensorBoard's thread
@pytest.mark.parametrize("writer", ["train", "train-renderer", "cache"])
def test_other_writers_on_a_full_disk(writer: str, full: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = full / "run"
    if writer == "cache":
        monkeypatch.setenv("PAINT_GYM_CACHE", str(full / "cache"))
        with pytest.raises(OSError, match=rf"{full}.*No space left.*PAINT_GYM_CACHE"):
            load_dataset("./photos", size=64)
        return
    small = ["--updates", "2", "--out", str(run), "--device", "cpu", "--batch", "2", "--eval-every", "1"]
    preset = ["--preset", "smoke", "--dataset", "./photos"] if writer == "train" else []
    assert str(run) in refusal([writer, *preset, *small])
    assert not [file for file in run.rglob("*.safetensors") if file.stat().st_size == 0]
