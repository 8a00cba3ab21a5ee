"""``python -m benchmarks``: what it lists, what it would run, which result files it refuses."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import __main__ as tool
from benchmarks.harness import pages, results
from benchmarks.harness.curves import Point
from benchmarks.harness.tables import CURVES, FINALS, JOBS, SCHEMA, BenchmarkConfig, report

FIG7 = "python -m benchmarks.paper.fig7 --workers"


def test_every_benchmark_is_listed_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "is_stale", lambda result: False)
    benchmarks = tool.benchmarks()
    files = {path.stem for path in tool.FOLDER.rglob("[a-z]*.py") if path.parent.name != "harness"}
    assert set(benchmarks) == files and len(list(tool.list_all())) == 2 * len(files)
    assert all(benchmark.module in benchmark.command for benchmark in benchmarks.values())


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        ("fig7 --seeds 0 1 --plot p.png", f"{FIG7} 2 --seeds 0 1 --plot p.png"),
        ("fig7 --options=--paper --options=--threads=1", f"{FIG7} 2 --paper --threads=1"),
        ("fig7 --smoke --workers 3 --ray auto", f"{FIG7} 3 --ray auto --smoke"),
        ("fig7 --publish", f"{FIG7} 2 --json benchmarks/results/fig7.json"),
        ("svg --ray auto", "python -m benchmarks.painting.svg"),
    ],
)
def test_only_publish_writes_to_the_results(
    arguments: str, command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmarks", "run", *arguments.split(), "--dry-run"])
    tool.main()
    assert capsys.readouterr().out == command + "\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("run renderin", "unknown benchmark 'renderin': did you mean 'rendering'"), ("run", "run which"),
        ("run fig7 --workers 0", "workers must be at least 1"), ("check --x", "unknown: --x"),
        ("run fig7 --publish --updates 9", "what is published is measured without"),
    ],
)  # fmt: skip
def test_what_a_user_does_wrong_is_one_line(
    arguments: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmarks", *arguments.split()])
    with pytest.raises(SystemExit, match=f"benchmarks: {said}"):
        tool.main()


@pytest.mark.slow
def test_ctrl_c_ends_a_run_with_a_sentence_and_the_same_command_goes_on(tmp_path: Path) -> None:
    options = "--updates 30 --size 16 --dataset photos --algos model-based --seeds 0"
    command = [sys.executable, "-m", "benchmarks", "run", "fig8a", *options.split(), "--threads", "1"]
    command += ["--test-images", "4", "--out", str(tmp_path)]
    streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, cwd=tool.ROOT, **streams)
    assert process.stdout is not None
    next(line for line in process.stdout if "after 12 updates" in line)
    process.send_signal(signal.SIGINT)
    assert "fig8a: interrupted; the same command goes on from here" in process.communicate()[1]
    assert process.returncode == 130
    assert "goes on after" in subprocess.run(command, check=True, cwd=tool.ROOT, **streams).stdout
    folder = tmp_path / "updates_30_size_16_dataset_photos"
    assert all((folder / name).stat().st_size for name in ("tables.md", "curves.png", "result.csv"))
    result = results.read_result(folder / "result.json")
    assert result.finals() == {"model-based, resnet": [result.curves[-1].l2]}


MACHINE = {"cpu": "a processor", "threads": 1, "cores": 2, "torch": "2"}
EMPTY: dict[str, object] = {"tables": {}, "machine": MACHINE}


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("{", "damaged"),
        (json.dumps(EMPTY | {"schema": SCHEMA + 1}), "of schema 4; known here"),
        (json.dumps(EMPTY | {"schema": SCHEMA, "provenance": {"version": 1}}), "where it comes from"),
        (json.dumps({"tables": {}, "machine": {}}), "no result of a benchmark"),
        (json.dumps(EMPTY | {"tables": {"rows": [{"l2": float("nan")}]}}), "damaged: NaN"),
        (json.dumps(EMPTY | {"tables": {FINALS: [{"method": "a", "l2": 1}]}}), "a row of finals lacks"),
        (json.dumps(EMPTY | {"tables": {JOBS: [{"method": "a"}]}}), "a row of jobs lacks one of"),
    ],
)
def test_a_result_that_is_none_is_named(content: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text(content)
    with pytest.raises(ValueError, match=rf"bad\.json: .*{text}"):
        results.read_result(tmp_path / "bad.json")


def test_results_and_curves_belong_together(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path, rows = tmp_path / "result.json", [Point("m", 0, n, n, float(n), 0.5) for n in range(3)]
    report(BenchmarkConfig(json=path, threads=1), [(CURVES, rows), ("a table", [{"figure": 1.0}])])
    result = results.read_result(path)
    assert result.curves == rows and result.provenance is not None
    assert result.provenance["command"] == shlex.join(sys.orig_argv[1:])
    curves = path.with_suffix(".csv")
    curves.write_text(curves.read_text()[:-1])
    with pytest.raises(ValueError, match=r"result\.csv: not the curves that result\.json was made with"):
        results.read_result(path)
    curves.rename(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match=r"result\.json: its learning curves, result\.csv, must"):
        results.read_result(path)
    (tmp_path / "elsewhere").rename(curves)
    path.unlink()
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    with pytest.raises(ValueError, match=r"result\.csv: learning curves without their result\.json"):
        results.all_results()


def test_what_smoke_measures_is_not_published(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    options = BenchmarkConfig(json=tmp_path / "result.json", threads=1, smoke=True)
    report(options, [("a table", [{"figure": 1.0}])])
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    with pytest.raises(ValueError, match=r"result\.json: made with --smoke"):
        results.all_results()


def test_the_pages_are_what_the_results_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "is_stale", lambda result: False)  # they may have been written since
    for path, text in pages.pages().items():
        assert path.read_text().replace(results.STALE, "") == text.replace(results.STALE, ""), "run `report`"
    assert all(pages.plot(result).exists() for result in results.all_results() if result.curves)


def test_prose_quotes_what_is_published() -> None:
    """The scores of README's and measured.md's sentences on the shipped agent and on model-free agents."""
    names = ("reference_scores", "portraits", "fig8a")
    published = [results.read_result(results.RESULTS / f"{name}.json") for name in names]
    reference, portraits = (next(iter(result.tables.values())) for result in published[:2])
    faces = [row for row in reference if (row["data set"], row["size"]) == ("celeba", 128)]
    (alone,) = (row["l2"] for row in faces if row["painter"] == "pretrained")
    scores = {method: np.mean(l2) for result in published[2:] for method, l2 in result.finals().items()}
    exact = portraits[0]["l2"], alone
    methods = ("model-based", "no critic", "patchq", "ddpg", "ppo, gamma 0, longer")
    numbers = [f"{l2:.4f}" for l2 in (*exact, *(scores[f"{method}, resnet"] for method in methods))]
    for page in ("README.md", "docs/measured.md"):
        text = (tool.ROOT / page).read_text()
        assert all(number in text for number in numbers), page
    ppo, longer = (f"{scores[f'{method}, resnet']:.3f}" for method in ("ppo", "ppo, gamma 0, longer"))
    for page, quoted in (("docs/gotchas.md", (ppo, longer)), ("docs/plug_in.md", (longer,))):
        assert all(number in (tool.ROOT / page).read_text() for number in quoted), page


MADE = {"date": "2026-01-01", "version": "1", "commit": "0123456789ab", "changed": False}
FIG3 = results.Result("fig3", MADE, MACHINE, {}, [])


def test_a_result_says_whether_its_code_was_committed() -> None:
    result = FIG3._replace(provenance=MADE | {"changed": True})
    assert results.origin(result).endswith(f"012345678 with {results.UNCOMMITTED}.{results.STALE}")


@pytest.mark.parametrize(
    ("after", "stale"),
    [
        ("'Other docstring.'\nx = 1  # comment\ndef f():\n    'Doc.'\n    return x", False),
        ("'Docstring.'\nx = 2\ndef f():\n    return x", True),
        ("'Docstring.'\nx = 1\ndef f():\n    return 'x'", True),
    ],
)
def test_a_result_is_of_older_code_if_what_it_ran_has_changed(
    after: str, stale: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = "'Docstring.'\nx = 1\ndef f():\n    return x"

    def git(*arguments: str) -> str:
        if arguments[0] == "diff":
            assert "agents/ddpg.py" in arguments
            return "agents/ddpg.py"
        return "commit" if arguments[0] == "cat-file" else after if "HEAD" in arguments[1] else before

    monkeypatch.setattr(results, "git", git)
    results.code_of.cache_clear()
    assert (results.STALE in results.origin(FIG3)) == stale
    results.code_of.cache_clear()


def test_a_benchmark_is_measured_by_what_it_imports() -> None:
    training, command = (set(results.measuring_files(name)) for name in ("fig8c", "throughput"))
    assert {"agents/ddpg.py", "benchmarks/harness/training.py", "benchmarks/paper/fig8c.py"} <= training
    assert {"paint_gym/*.c", "agents/*.safetensors"} <= training
    assert not {"agents/cli/paint.py", "benchmarks/harness/statistics.py"} & training
    assert "agents/cli/paint.py" in command


def test_a_result_that_no_benchmark_measures_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    report(BenchmarkConfig(json=tmp_path / "gone.json", threads=1), [("a table", [{"figure": 1.0}])])
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    with pytest.raises(ValueError, match=r"gone\.json: no benchmark of this name measures it"):
        results.all_results()
