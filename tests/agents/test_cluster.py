"""Ray: the same bytes on any node, and a lost node's work is done again."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from agents import cluster
from agents.cli.main import main
from agents.cli.pictures import Picture
from agents.cluster import LostTaskError, run_on_cluster

ray = pytest.importorskip("ray")
KILLER = """
import os
import ray
from agents.cli.pictures import Picture

read = Picture.read

def deadly(picture, *arguments, **options):
    if picture.stem == "02" and ray.is_initialized() and ray.get_runtime_context().worker.mode == 1:
        os._exit(1)
    return read(picture, *arguments, **options)

Picture.read = deadly
"""
FAST = ["--strokes", "10", "--canvas", "32", "--refine", "5"]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Of a cluster of this machine, with two processors, which the tests join one after the other."""
    from ray.cluster_utils import Cluster

    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False})
    yield nodes.address
    nodes.shutdown()


def pictures(folder: Path, count: int) -> list[str]:
    folder.mkdir()
    random = np.random.default_rng(0)
    for i in range(count):
        coarse = Image.fromarray(random.integers(0, 255, (4, 4 + i % 2, 3), dtype=np.uint8))
        coarse.resize((8 * coarse.width, 32), Image.Resampling.BICUBIC).save(folder / f"{i:02}.png")
    return [str(path) for path in sorted(folder.iterdir())]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def double(shared: int, task: int) -> int:
    if task == 13:
        raise KeyError("thirteen")
    return shared + 2 * task


def lose(shared: Path, task: int) -> int:
    """The first two times the process is lost."""
    tries = len(list(shared.glob(f"{task}-*")))
    (shared / f"{task}-{tries}").touch()
    if tries < task:
        os.kill(os.getpid(), 9)
    return tries


def test_each_task_has_its_answer_or_its_error(address: str) -> None:
    asked: list[int] = []

    def tasks() -> Iterator[int]:
        for task in range(40):
            asked.append(task)
            yield task

    answers: dict[int, Any] = {}
    for task, answer in run_on_cluster(double, 100, tasks(), address):
        answers[task] = answer
        assert len(asked) <= len(answers) + 4  # they are read as they are needed
    assert isinstance(answers.pop(13), KeyError)
    assert answers == {task: 100 + 2 * task for task in range(40) if task != 13}


def test_lost_processes_are_tried_again(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert dict(run_on_cluster(lose, tmp_path, [0, 2], address)) == {0: 0, 2: 2}
    monkeypatch.setattr(cluster, "TRIES", 1)
    ((_, error),) = run_on_cluster(lose, tmp_path, [9], address)
    assert isinstance(error, LostTaskError) and "lost 2 times" in str(error)


def test_a_picture_that_ends_its_process_takes_no_other_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = pictures(tmp_path / "in", 4)
    (tmp_path / "killer.py").write_text(KILLER)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(Picture, "read", Picture.read)
    monkeypatch.setattr(cluster, "TRIES", 0)
    command = ["paint", *some, *FAST, "-o", f"{tmp_path}/out/", "--ray", "local", "--import", "killer"]
    with pytest.raises(SystemExit, match=r"1 of 4 pictures were not painted: .*02\.png"):
        main(command)
    assert sorted(contents(tmp_path / "out")) == ["00.png", "01.png", "03.png"]


def test_nodes_of_other_versions_are_named(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "versions", lambda: {"paint_gym": "9.9", "torch": "1.1", "Python": "3.8"})
    with pytest.raises(ValueError, match=r"node .* has paint_gym .*, and this machine paint_gym 9\.9, torch"):
        list(run_on_cluster(double, 1, [1], address))


def test_what_is_no_cluster() -> None:
    for address, text in {
        "127.0.0.1:9": "no Ray cluster at '127.0.0.1:9'", "ray://127.0.0.1:9": "no Ray cluster at 'ray:",
        "nowhere": "local, auto or an address", ":1": "not ':1'", "a:99999": "not 'a:99999'",
    }.items():  # fmt: skip
        with pytest.raises((ConnectionError, ValueError), match=text):
            list(run_on_cluster(double, 1, [1], address))


def test_paintings_of_a_cluster_are_those_of_one_process(address: str, tmp_path: Path) -> None:
    some = pictures(tmp_path / "in", 5)
    (tmp_path / "in" / "bad.png").write_bytes(b"no picture")
    (tmp_path / "list.txt").write_text("\n".join([*some, str(tmp_path / "in" / "bad.png"), "none.png"]))
    mask = str(tmp_path / "mask.png")
    Image.fromarray(np.eye(8, dtype=np.uint8) * 255).save(mask)
    options = [f"@{tmp_path}/list.txt", *FAST, "--detail", mask]
    for folder, more in (("here", []), ("there", ["--ray", address])):
        outputs = ["-o", f"{tmp_path}/{folder}/", "-o", f"{tmp_path}/{folder}/{{name}}.json"]
        report = ["--report", f"{tmp_path}/{folder}.jsonl"]
        with pytest.raises(SystemExit, match=r"2 of 7 pictures were not painted: .*bad\.png, none\.png"):
            main(["paint", *options, *outputs, *report, *more])
    here = contents(tmp_path / "here")
    assert here == contents(tmp_path / "there") and len(here) == 10
    lines = [(tmp_path / f"{name}.jsonl").read_text().splitlines() for name in ("here", "there")]
    assert len(lines[0]) == len(lines[1]) == 5 and f"{tmp_path}/there/00.json" in "".join(lines[1])
    with pytest.raises(SystemExit, match=r"2 of 2 pictures were not painted"):  # started again: what is left
        main(["paint", *options, "-o", f"{tmp_path}/there/", "--ray", address])
    with pytest.raises(SystemExit, match="not to standard output"):
        main(["paint", some[0], *FAST, "-o", "-", "--ray", address])


@pytest.mark.slow
def test_a_lost_node_is_done_without(tmp_path: Path) -> None:
    from ray.cluster_utils import Cluster

    some = pictures(tmp_path / "in", 40)
    main(["paint", *some, *FAST, "-o", f"{tmp_path}/here/"])
    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    second = nodes.add_node(num_cpus=1)
    there = tmp_path / "there"

    def remove_when_begun() -> None:
        while not there.is_dir() or not list(there.iterdir()):
            time.sleep(0.05)
        nodes.remove_node(second, allow_graceful=False)

    removal = threading.Thread(target=remove_when_begun)
    removal.start()
    try:
        main(["paint", *some, *FAST, "-o", f"{there}/", "--ray", nodes.address])
        removal.join()
        assert contents(there) == contents(tmp_path / "here")
    finally:
        nodes.shutdown()
