"""Every benchmark runs, at a size that takes seconds, and writes finite figures."""

from __future__ import annotations

import importlib.util
import math
import subprocess
import sys
from collections.abc import Callable

import pytest
import torch
from PIL import Image

from benchmarks.harness import tables as harness
from benchmarks.harness.paper_renderer import PaperRenderer
from benchmarks.harness.tables import Result
from benchmarks.painting import kodak, renderers
from benchmarks.speed import rendering
from paint_gym.renderers.analytic.c.library import CBackend
from paint_gym.strokes import STROKES, get_stroke

DESIGNS = len(STROKES)
KERNELS = (18,) if importlib.util.find_spec("triton") else ()  # times GPUs
TABLES = {  # rows of each table, in order
    "rendering": (4 * DESIGNS, 2, 1, 4 * DESIGNS), "memory": (1, 12),
    "cost": (3, 3), "svg": (DESIGNS,), "gallery": (6,), "gpu": (*KERNELS, 4 * DESIGNS),
    "photo": (2,), "pareto": (30,), "portraits": (6,), "refinement": (1,), "renderers": (8, 8, 8, 12),
}  # fmt: skip


@pytest.mark.ci
@pytest.mark.parametrize("name", TABLES)
def test_writes_finite_figures(name: str, smoke: Callable[[str], Result]) -> None:
    tables = list(smoke(name).tables.values())
    assert tuple(len(table) for table in tables) == TABLES[name]
    values = [value for table in tables for row in table for value in row.values()]
    numbers = [value for value in values if isinstance(value, float)]
    assert numbers and all(math.isfinite(number) for number in numbers)


def test_a_missed_bar_is_said_and_fails_only_the_check(capsys):
    rows = [{"figure": 2.0, **harness.at_most(2.0, 1.0)}, {"figure": 2.0, **harness.at_least(2.0, 1.0)}]
    harness.report(harness.BenchmarkConfig(), [("title", rows)])
    assert "bars missed: 1" in capsys.readouterr().out
    with pytest.raises(SystemExit) as stopped:
        harness.report(harness.BenchmarkConfig(check=True), [("title", rows)])
    assert stopped.value.code == 1
    harness.report(harness.BenchmarkConfig(check=True), [("title", rows[1:])])


@pytest.mark.slow
def test_peak_memory_leaves_out_what_the_parent_held():
    held = torch.ones(2**27)  # half a GiB
    code = "from benchmarks.harness.measure import peak_memory; print(peak_memory())"
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert len(held) and 0.05 < float(child.stdout) < 0.5


def test_fallback_is_measured_without_the_kernel(monkeypatch):
    used = []
    monkeypatch.setattr(CBackend, "paint_forward", lambda *arguments: used.append(1))
    options = harness.BenchmarkConfig(smoke=True)
    list(rendering.compare_renderers(get_stroke("circle"), options, kernel=False))
    assert not used


@pytest.mark.slow
def test_gradients_are_compared_where_they_are_known():
    """The gradient of `raster`'s own loss, by central differences, is that of `analytic`."""
    rows = list(renderers.gradients(get_stroke("circle"), renderers.Renderers(smoke=True)))
    assert rows[0]["renderer"] == "analytic" and rows[0]["cosine, mean"] > 0.95


def test_the_papers_renderer_paints_and_takes_gradients():
    network = PaperRenderer()
    strokes = torch.rand(2, 3, 13, requires_grad=True)
    canvas = network.paint(torch.zeros(2, 3, 128, 128), strokes)
    (gradient,) = torch.autograd.grad(canvas.sum(), strokes)
    assert canvas.shape == (2, 3, 128, 128) and gradient.abs().sum((0, 1)).all()
    with pytest.raises(ValueError, match="128 x 128 pixels"):
        network(strokes[0], 64)


@pytest.mark.ci
def test_kodak_is_painted_at_its_size(pictures, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("PAINT_GYM_DATA", str(tmp_path))
    options = kodak.Kodak(smoke=True, threads=1, out=tmp_path / "out")
    with pytest.raises(ValueError, match=r"no kodim\*\.png in"):
        list(kodak.tables(options))
    (tmp_path / "kodak").mkdir()
    Image.fromarray(pictures[0].transpose(1, 2, 0)).save(tmp_path / "kodak" / "kodim01.png")
    by = {row["by"]: row["PSNR, dB"] for row in dict(kodak.tables(options)).popitem()[1]}
    refined, planned = by["planned, refined, 10 steps, 600 iterations"], by["planned, 10 steps"]
    assert len(by) == 6 and refined > planned > by["the agent alone, as shipped"]
    with Image.open(next((tmp_path / "out" / "smoke").glob("*.png"))) as painted:
        assert painted.size == (32, 32)
