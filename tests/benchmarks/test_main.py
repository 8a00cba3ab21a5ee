"""``python -m benchmarks``: what it lists, what it would run, which result files it refuses."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import pytest

from benchmarks import __main__ as tool
from benchmarks.harness import pages, results
from benchmarks.harness.curves import Point
from benchmarks.harness.tables import CLAIMS, CURVES, SCHEMA, BenchmarkConfig, main, report
from benchmarks.painting import reference_scores
from benchmarks.paper import fig8b


def test_every_benchmark_is_listed_with_its_command() -> None:
    found = tool.benchmarks()
    assert set(found) == {
        path.stem for path in tool.FOLDER.rglob("[a-z]*.py") if path.parent.name != "harness"
    }
    for name, benchmark in found.items():
        assert benchmark.module in benchmark.command
        assert benchmark.result == results.RESULTS / f"{name}.json"
    assert len(list(tool.list_all())) == 2 * len(found)


def test_dry_run_prints_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    tool.run(tool.Run(("rendering", "svg"), dry_run=True, options=("--threads", "1")))
    first, second = capsys.readouterr().out.splitlines()
    assert shlex.split(first)[-4:] == ["--json", "benchmarks/results/rendering.json", "--threads", "1"]
    assert "benchmarks.painting.svg" in second
    with pytest.raises(ValueError, match="unknown benchmark 'renderin': did you mean 'rendering'"):
        tool.run(tool.Run(("svg", "renderin")))


def test_smoke_leaves_what_is_published_alone(capsys: pytest.CaptureFixture[str]) -> None:
    tool.run(tool.Run(("fig7", "fig10"), dry_run=True, smoke=True, workers=3))
    fig7, fig10 = capsys.readouterr().out.splitlines()
    assert fig7 == "python -m benchmarks.paper.fig7 --workers 3 --smoke"
    assert fig10 == "python -m benchmarks.paper.fig10 --smoke"
    tool.run(tool.Run(("fig8b",), dry_run=True, options=("--paper",)))
    assert capsys.readouterr().out == "python -m benchmarks.paper.fig8b --workers 2 --paper\n"
    tool.run(tool.Run(("fig8b", "rendering"), dry_run=True, ray="auto"))
    fig8b, rendering = capsys.readouterr().out.splitlines()
    assert fig8b.endswith(" --ray auto") and "--ray" not in rendering


def test_run_ends_with_the_status_of_what_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    failing = tool.Benchmark(
        tool.FOLDER / "painting" / "svg.py",
        "",
        ("A=1", "python", "-c", "import os; raise SystemExit(int(os.environ['A']) + 6)"),
    )
    monkeypatch.setattr(tool, "benchmarks", lambda: {"svg": failing})
    with pytest.raises(SystemExit) as stop:
        tool.run(tool.Run(("svg",)))
    assert stop.value.code == 7


def test_results_in_the_repository_are_sound() -> None:
    assert len(results.all_results()) == len(list(results.RESULTS.glob("*.json"))) > 20


def test_a_result_says_where_it_comes_from(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    report(BenchmarkConfig(json=path, threads=1), [("a table", [{"figure": 1.0}])])
    assert json.loads(path.read_text())["schema"] == SCHEMA
    made = results.read_result(path).provenance
    assert made is not None and made["date"].endswith("+00:00")
    assert made["command"] == shlex.join(sys.orig_argv[1:])


EMPTY: dict[str, object] = {
    "tables": {}, "machine": {"cpu": "a processor", "threads": 1, "cores": 2, "torch": "2"},
}  # fmt: skip
UNCLEAR: dict[str, object] = {"claim": "a", "the paper": "b", "here": "c", "holds?": "perhaps"}


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("{", "damaged"),
        ("[]", "no result of a benchmark"),
        (json.dumps(EMPTY | {"schema": SCHEMA + 1}), "of schema 3; known here"),
        (json.dumps(EMPTY | {"schema": True}), "of schema True"),
        (json.dumps(EMPTY | {"schema": SCHEMA}), "where it comes from"),
        (json.dumps(EMPTY | {"schema": SCHEMA, "provenance": {"version": 1}}), "where it comes from"),
        (json.dumps({"tables": {}, "machine": {}}), "no result of a benchmark"),
        (json.dumps(EMPTY | {"tables": {"rows": [{"l2": float("nan")}]}}), "damaged: NaN"),
        (json.dumps(EMPTY | {"tables": []}), "no result of a benchmark"),
        (json.dumps(EMPTY | {"tables": {"one": [1]}}), "no result of a benchmark"),
        (json.dumps(EMPTY | {"tables": {CLAIMS: [UNCLEAR]}}), "holds. is one of"),
        (json.dumps(EMPTY | {"tables": {CLAIMS: [UNCLEAR | {"holds?": []}]}}), "holds. is one of"),
    ],
)
def test_a_result_that_is_none_is_named(content: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text(content)
    with pytest.raises(ValueError, match=rf"bad\.json: .*{text}"):
        results.read_result(tmp_path / "bad.json")


def test_curves_without_their_result_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    (tmp_path / "lost.csv").write_text("method,seed,updates,env_steps,seconds,l2\n")
    with pytest.raises(ValueError, match=r"lost\.csv: learning curves without their lost\.json"):
        results.all_results()


def test_curves_of_another_run_are_named(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    rows = [Point("m", 0, n, n, float(n), 0.5) for n in range(3)]
    report(BenchmarkConfig(json=path, threads=1), [(CURVES, rows)])
    assert results.read_result(path).curves == rows
    curves = path.with_suffix(".csv")
    curves.write_text(curves.read_text()[:-1])
    with pytest.raises(ValueError, match=r"result\.csv: not the curves that result\.json was made with"):
        results.read_result(path)
    curves.unlink()
    with pytest.raises(ValueError, match=r"result\.csv: damaged: .*No such file"):
        results.read_result(path)


def test_what_a_user_does_wrong_is_one_line(
    datasets: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmarks/fig8b.py", "--workers", "0"])
    with pytest.raises(SystemExit):
        main(fig8b.tables, fig8b.Fig8b)
    assert "workers must be at least 1, not 0" in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", ["benchmarks/reference_scores.py", "--smoke", "--agents", "nobody"])
    with pytest.raises(SystemExit, match="reference_scores: no agent at nobody"):
        main(reference_scores.tables, reference_scores.ReferenceScores)
    for names, workers, said in (((), None, "run which"), (("fig7",), 0, "workers must be at least 1")):
        with pytest.raises(ValueError, match=said):
            tool.run(tool.Run(names, workers=workers))


def test_the_pages_are_what_the_results_say() -> None:
    for path, text in pages.pages().items():
        assert path.read_text() == text, "run `python -m benchmarks report`"
    for result in results.all_results():
        assert not result.curves or pages.plot(result).exists()


def test_claims_of_all_figures_are_in_one_table() -> None:
    claim = {"claim": "a", "the paper": "b", "here": "c", "holds?": "in part"}
    machine = {"cpu": "a processor", "threads": 1, "cores": 2, "torch": "2"}
    made = {"command": "-m benchmarks.fig1", "date": "2026-01-01", "version": "1", "commit": "0123456789ab"}
    found = [
        results.Result(name, made, machine, {CLAIMS: [claim], "l2": [{"l2": 0.5}]}, [])
        for name in ("fig1", "fig2")
    ]
    text = pages.paper_page(found)
    assert "| [fig1](#fig1) | a | b | c | in part |" in text and "| [fig2](#fig2) | a |" in text
    assert text.count("| l2 |") == 2 and "## fig2" in text
