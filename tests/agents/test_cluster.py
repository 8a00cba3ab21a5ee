"""Ray: the same bytes on any node, and the work of a lost node is done again."""

from __future__ import annotations

import operator
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from agents import cluster
from agents.cli.main import main
from agents.cluster import run_on_cluster

ray = pytest.importorskip("ray")
FAST = ["--strokes", "10", "--canvas", "32", "--refine", "5"]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Address of a cluster on this machine, with two processors, which the tests join in turn."""
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
    """Lose the process in the first `task` attempts."""
    attempts = len(list(shared.glob(f"{task}-*")))
    (shared / f"{task}-{attempts}").touch()
    if attempts < task:
        os.kill(os.getpid(), 9)
    return attempts


@pytest.mark.ci
def test_each_task_has_its_answer_or_its_error(address: str) -> None:
    tasks: list[int] = []
    coming = (tasks.append(task) or task for task in range(40))
    answers: dict[int, object] = {}
    for task, answer in run_on_cluster(double, 100, coming, address):
        answers[task] = answer
        assert len(tasks) <= len(answers) + 4  # read as they are needed
    assert isinstance(answers.pop(13), KeyError)
    assert answers == {task: 100 + 2 * task for task in range(40) if task != 13}


@pytest.mark.ci
def test_lost_processes_are_tried_again(address: str, tmp_path: Path, monkeypatch) -> None:
    assert dict(run_on_cluster(lose, tmp_path, [0, 2], address)) == {0: 0, 2: 2}
    monkeypatch.setattr(cluster, "RETRIES", 1)
    ((_, error),) = run_on_cluster(lose, tmp_path, [9], address)
    assert isinstance(error, RuntimeError) and "lost 2 times" in str(error)


@pytest.mark.ci
def test_nodes_that_differ_are_named(address: str, tmp_path: Path, monkeypatch) -> None:
    with pytest.raises(ValueError, match=r"cannot import what this machine can: .*no_such_module"):
        list(run_on_cluster(operator.add, 1, [1], address, ("no_such_module",)))
    with pytest.raises(ValueError, match="a task takes 99 processors, and the largest node has 2"):
        list(run_on_cluster(operator.add, 1, [1], address, processors=99))
    # operator.add, as nobody can import these tests from that folder
    monkeypatch.setattr(os, "getcwd", lambda: f"{tmp_path}/nowhere")
    with pytest.raises(ValueError, match=r"node .* has no folder .*nowhere; share it"):
        list(run_on_cluster(operator.add, 1, [1], address))
    monkeypatch.setattr(cluster, "versions", lambda: {"paint_gym": "9.9", "torch": "1.1", "Python": "3.8"})
    with pytest.raises(
        ValueError, match=r"node .* has {'paint_gym': .*, and this machine {'paint_gym': '9\.9'"
    ):
        list(run_on_cluster(operator.add, 1, [1], address))


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("127.0.0.1:9", "no Ray cluster at '127.0.0.1:9'"), ("ray://127.0.0.1:9", "no Ray cluster at 'ray:"),
        ("nowhere", "cannot join the Ray cluster at 'nowhere'"), (":1", "no Ray cluster at ':1'"),
        ("127.0.0.1:99999", "no Ray cluster at '127.0.0.1:99999'"),
    ],
)  # fmt: skip
def test_an_address_where_nobody_answers_is_refused(address: str, text: str) -> None:
    with pytest.raises((ConnectionError, ValueError), match=text):
        list(run_on_cluster(double, 1, [1], address))


@pytest.mark.ci
def test_paintings_of_a_cluster_are_those_of_one_process(address: str, tmp_path: Path) -> None:
    photos = pictures(tmp_path / "in", 5)
    (tmp_path / "in" / "bad.png").write_bytes(b"no picture")
    (tmp_path / "list.txt").write_text("\n".join([*photos, str(tmp_path / "in" / "bad.png"), "none.png"]))
    mask = str(tmp_path / "mask.png")
    Image.fromarray(np.eye(8, dtype=np.uint8) * 255).save(mask)
    options = [f"@{tmp_path}/list.txt", *FAST, "--detail", mask]
    for name, ray_options in (("alone", []), ("cluster", ["--ray", address])):
        outputs = ["-o", f"{tmp_path}/{name}/", "-o", f"{tmp_path}/{name}/{{name}}.json"]
        report = ["--report", f"{tmp_path}/{name}.jsonl"]
        with pytest.raises(SystemExit, match=r"2 of 7 pictures were not painted: .*bad\.png, none\.png"):
            main(["paint", *options, *outputs, *report, *ray_options])
    alone = contents(tmp_path / "alone")
    assert alone == contents(tmp_path / "cluster") and len(alone) == 10
    lines = [(tmp_path / f"{name}.jsonl").read_text().splitlines() for name in ("alone", "cluster")]
    assert len(lines[0]) == len(lines[1]) == 5 and f"{tmp_path}/cluster/00.json" in "".join(lines[1])
    with pytest.raises(SystemExit, match=r"2 of 2 pictures were not painted"):  # the others are there
        main(["paint", *options, "-o", f"{tmp_path}/cluster/", "--ray", address])
    with pytest.raises(SystemExit, match="not to standard output"):
        main(["paint", photos[0], *FAST, "-o", "-", "--ray", address])


@pytest.mark.ci
def test_a_lost_node(tmp_path: Path) -> None:
    from ray.cluster_utils import Cluster

    photos = pictures(tmp_path / "in", 40)
    main(["paint", *photos, *FAST, "-o", f"{tmp_path}/alone/"])
    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    second, out = nodes.add_node(num_cpus=1), tmp_path / "cluster"

    def remove_after_the_first() -> None:
        while not out.is_dir() or not list(out.iterdir()):
            time.sleep(0.05)
        nodes.remove_node(second, allow_graceful=False)

    removal = threading.Thread(target=remove_after_the_first)
    removal.start()
    try:
        main(["paint", *photos, *FAST, "-o", f"{out}/", "--ray", nodes.address])
        removal.join()
        assert contents(out) == contents(tmp_path / "alone")
    finally:
        nodes.shutdown()
