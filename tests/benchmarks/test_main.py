"""``python -m benchmarks``: what it lists, what it would run, which result files it refuses."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import pytest

from benchmarks import __main__ as tool
from benchmarks.harness.suite import SCHEMA, BenchmarkConfig, report


def test_every_benchmark_is_listed_with_its_command() -> None:
    found = tool.benchmarks()
    assert set(found) == {path.stem for path in tool.FOLDER.glob("[a-z]*.py")}
    for name, benchmark in found.items():
        assert f"benchmarks.{name}" in benchmark.command
        assert benchmark.result is not None and benchmark.result.parent == tool.RESULTS
    assert len(list(tool.list_all())) == 2 * len(found)


def test_dry_run_prints_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    tool.run(tool.Run(("speed", "svg"), dry_run=True, options=("--threads", "1")))
    first, second = capsys.readouterr().out.splitlines()
    assert shlex.split(first)[-4:] == ["--json", "benchmarks/results/speed.json", "--threads", "1"]
    assert "benchmarks.svg" in second
    with pytest.raises(ValueError, match="unknown benchmark 'sped': did you mean 'speed'"):
        tool.run(tool.Run(("svg", "sped")))


def test_run_ends_with_the_status_of_what_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    failing = tool.Benchmark(
        "svg", "", ("A=1", "python", "-c", "import os; raise SystemExit(int(os.environ['A']) + 6)")
    )
    monkeypatch.setattr(tool, "benchmarks", lambda: {"svg": failing})
    with pytest.raises(SystemExit) as stop:
        tool.run(tool.Run(("svg",)))
    assert stop.value.code == 7


def test_results_in_the_repository_are_sound(capsys: pytest.CaptureFixture[str]) -> None:
    tool.check()
    assert "results are sound" in capsys.readouterr().out


def test_a_result_says_where_it_comes_from(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    report(BenchmarkConfig(json=path, threads=1), [("a table", [{"figure": 1.0}])])
    found = tool.read_result(path)
    assert found["schema"] == SCHEMA
    assert found["provenance"]["date"].endswith("+00:00")
    assert found["provenance"]["command"] == shlex.join(sys.orig_argv[1:])


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("{", "damaged"),
        ("[" * 100_000, "damaged"),
        ("[]", "no result of a benchmark"),
        (json.dumps({"tables": {}, "machine": {}, "schema": SCHEMA + 1}), "newer than"),
        (json.dumps({"tables": {}, "machine": {}, "schema": SCHEMA}), "where it comes from"),
    ],
)
def test_a_result_that_is_none_is_named(content: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text(content)
    with pytest.raises(ValueError, match=rf"bad\.json: .*{text}"):
        tool.read_result(tmp_path / "bad.json")


def test_the_page_is_what_the_results_say() -> None:
    assert tool.PAGE.read_text() == "\n".join(tool.page()) + "\n", "run `python -m benchmarks report`"
