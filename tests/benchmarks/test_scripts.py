"""Every benchmark runs, at a size that takes seconds, and writes finite figures."""

import dataclasses
import importlib.util
import json
import math
import shutil
import sys
from types import ModuleType

import pytest
import torch
from PIL import Image

from benchmarks import (
    accuracy,
    adapter,
    cold_start,
    cost,
    gallery,
    gpu,
    kernel_levels,
    memory,
    palette,
    pareto,
    photo,
    portraits,
    refinement,
    renderers,
    scaling,
    speed,
    stroke_budget,
    svg,
    web,
)
from benchmarks.harness import suite
from benchmarks.harness.paper_renderer import PaperRenderer
from paint_gym.renderers.analytic.c.library import CBackend
from paint_gym.strokes import get_stroke, stroke_names

pytestmark = pytest.mark.slow

SMALL = {
    "accuracy": accuracy.Accuracy(strokes=8, size=32, reduced_strokes=4, finer=2),
    "adapter": adapter.Adapter(envs=2, size=16, max_strokes=10, repeats=1),
    "speed": speed.Speed(canvases=2, max_strokes=10, repeats=1, fallback_repeats=1),
    "scaling": scaling.Scaling(
        canvases=(1, 2), strokes=(5, 10), sizes=(32, 64), repeats=1, memory_strokes=10, memory_size=64
    ),
    "cold_start": cold_start.ColdStart(strokes=5, size=32),
    "memory": memory.Memory(steps=60, envs=2, window=20, every=5),
    "web": web.Web(strokes=10, repeats=1),
    "svg": svg.Svg(strokes=5, many=10, refine=2),
    "cost": cost.Cost(strokes=10, repeats=1),
    "gallery": gallery.Gallery(strokes=(5, 10), iterations=1, size=32),
    "gpu": gpu.Gpu(device="cpu", smoke=True),
    "kernel_levels": kernel_levels.KernelLevels(strokes=5, repeats=1),
    "palette": palette.Palette(datasets=("photos",), images=2, colours=3, strokes=10, size=32, refine=4),
    "pareto": pareto.Pareto(dataset="photos", portraits=2, strokes=10, size=32, photos=0),
    "photo": photo.Photo(strokes=5, size=32),
    "portraits": portraits.Portraits(dataset="photos", images=3, strokes=10, size=32, batch=2),
    "refinement": refinement.Refinement(images=2, strokes=10, iterations=1, repeats=1),
    "renderers": renderers.Renderers(strokes=8, gradients=3, batch=2, repeats=1),
    "stroke_budget": stroke_budget.StrokeBudget(
        dataset="photos", split="test", images=2, strokes=(5, 10), size=32, refine=2
    ),
}
CHROMIUM = (1,) if shutil.which("chromium") else ()
DESIGNS = len(stroke_names())
ROWS = {  # of each table, in order
    "accuracy": (DESIGNS, 2 * DESIGNS),
    "adapter": (1,),
    "speed": (4 * DESIGNS, 2, 1, 4 * DESIGNS),
    "scaling": (2, 2, 2, 3, 3),
    "cold_start": (4,),
    "memory": (1, 12),
    "cost": (3, 3, 3),
    "web": (2,),
    "svg": (DESIGNS, *CHROMIUM, 2 * DESIGNS - 1),  # a triangle has no radius
    "gallery": (2 * len(gallery.CROPS),),
    "gpu": (2 * DESIGNS, *((18,) if importlib.util.find_spec("triton") else ()), 4 * DESIGNS, 1, 2),
    "kernel_levels": (4,),
    "palette": (1,),
    "pareto": (len(pareto.WAYS),),
    "photo": (2,),
    "portraits": (6,),
    "refinement": (1,),
    "renderers": (8, 8, 12),
    "stroke_budget": (2,),
}
FIGURES = {  # that its first row, or every row, holds
    "accuracy": {"stroke", "MSE", "PSNR, dB", "bias", "MSE of the worst 1%", "bar", "met"},
    "adapter": {"steps per second", "through the adapter", "overhead", "bar", "met"},
    "speed": {"stroke", "what", "seconds", "seconds of the paper's network", "times faster", "bar", "met"},
    "scaling": {"canvases", "strokes", "size", "forward, s", "forward, us per canvas"},
    "cold_start": {"cache", "what", "seconds", "bar", "met"},
    "memory": {"steps", "environments", "growth", "bar", "met"},
    "cost": {"of 5 strokes", "operations", "in the paper"},
    "web": {"what", "seconds", "bar", "met"},
    "svg": {"stroke", "kilobytes", "PSNR at 128 px, dB", "PSNR at 512 px, dB", "bar", "met"},
    "gallery": {"photo", "strokes", "l2, agent alone", "l2, refined", "seconds, with refinement"},
    "gpu": {
        "stroke",
        "what",
        "MB",
        "times what must be",
        "million operations",
        "kernels started",
        "bar",
        "met",
    },
    "photo": {"photo", "options", "seconds", "l2", "peak, GiB", "bar", "met"},
    "kernel_levels": {"numbers", "what", "seconds", "native", "times", "bar", "met"},
    "palette": {"pictures", "any colours", "palette", "picture in these colours", "times", "bar", "met"},
    "pareto": {"by", "effort", "pictures", "seconds a picture", "l2", "PSNR, dB"},
    "portraits": {"by", "effort", "images", "l2", "low", "high", "seconds an image", "bar", "met"},
    "refinement": {"seconds an iteration", "and image", "times faster", "bar", "met"},
    "renderers": {"stroke", "renderer", "MSE", "PSNR, dB", "MSE of the worst 1%", "bar", "met"},
    "stroke_budget": {"strokes", "l2, agent alone", "l2, refined", "seconds of refinement an image"},
}


@pytest.mark.parametrize("name", SMALL)
def test_writes_finite_figures(name, tmp_path, monkeypatch, capsys):
    path = tmp_path / "figures.json"
    if name == "photo":
        monkeypatch.setitem(SMALL, name, dataclasses.replace(SMALL[name], out=tmp_path))
    options = dataclasses.replace(SMALL[name], json=path)
    module = sys.modules[f"benchmarks.{name}"]
    assert isinstance(module, ModuleType)
    suite.report(options, module.tables(options))
    report = json.loads(path.read_text())
    assert {"cpu", "cores", "threads", "torch"} <= report["machine"].keys()
    tables = list(report["tables"].values())
    assert tuple(len(rows) for rows in tables) == ROWS[name]
    assert FIGURES[name] <= tables[0][0].keys()
    numbers = [value for rows in tables for row in rows for value in row.values() if isinstance(value, float)]
    assert numbers and all(math.isfinite(number) for number in numbers)
    printed = capsys.readouterr().out
    assert all(title in printed for title in report["tables"])


def test_missed_bar_is_said_and_fails_only_the_check(capsys):
    rows = [{"figure": 2.0, **suite.at_most(2.0, 1.0)}, {"figure": 2.0, **suite.at_least(2.0, 1.0)}]
    suite.report(suite.BenchmarkConfig(), [("title", rows)])
    assert "bars missed: 1" in capsys.readouterr().out
    with pytest.raises(SystemExit) as stopped:
        suite.report(suite.BenchmarkConfig(check=True), [("title", rows)])
    assert stopped.value.code == 1
    suite.report(suite.BenchmarkConfig(check=True), [("title", rows[1:])])


def test_nan_misses_every_bar():
    assert not suite.at_most(math.nan, 1)["met"] and not suite.at_least(math.nan, 1)["met"]


def test_calls_take_turns():
    made = []
    seconds = suite.take_turns({"a": lambda: made.append("a"), "b": lambda: made.append("b")}, 2, warmup=1)
    assert made == ["a", "b"] * 3 and seconds.keys() == {"a", "b"}


def test_cliff_is_the_worst_growth():
    assert scaling.cliff([4.0, 2.0, 3.0, 3.0]) == 1.5
    assert scaling.cliff([4.0, 2.0, 1.0]) == 0.5


def test_memory_through_the_adapter(tmp_path):
    samples = list(memory.sample(memory.Memory(steps=20, envs=2, every=10, adapter=True)))
    assert [row["step"] for row in samples] == [10, 20]


def test_memory_growth_compares_after_warm_up_with_the_end():
    samples = [{"step": step, "MiB": 1.0 if step <= 10 else 100.0 + step // 30} for step in range(1, 41)]
    row = memory.growth(samples, memory.Memory(steps=40, window=10))
    assert row["growth"] == pytest.approx(0.01, rel=0.2) and row["met"]


def test_peak_memory_leaves_out_what_the_parent_held():
    held = torch.ones(2**27)  # half a GiB
    rows = list(scaling.memory(scaling.Scaling(memory_strokes=1, memory_size=32)))
    assert len(held) and all(0.05 < row["peak, GiB"] < 0.5 for row in rows)


def test_fallback_is_measured_without_the_kernel(monkeypatch):
    used = []
    monkeypatch.setattr(CBackend, "paint_forward", lambda *arguments: used.append(1))
    options = speed.Speed(canvases=1, bundle=1, fallback_repeats=1)
    list(speed.compare_renderers(speed.get_stroke("circle"), options, kernel=False))
    assert not used


def test_gradients_are_compared_where_they_are_known():
    """The gradient of `raster`'s own loss, by central differences, is that of `analytic`."""
    rows = list(renderers.gradients(get_stroke("circle"), renderers.Renderers(gradients=40)))
    assert rows[0]["renderer"] == "analytic" and rows[0]["cosine, mean"] > 0.95


def test_renderers_are_drawn_side_by_side(tmp_path):
    renderers.sheet(tmp_path / "sheet.png", strokes=2)
    with Image.open(tmp_path / "sheet.png") as picture:
        assert picture.size == (256, 12 * 128)


def test_the_papers_renderer_paints_and_takes_gradients():
    network = PaperRenderer()
    strokes = torch.rand(2, 3, 13, requires_grad=True)
    assert network(strokes[0]).shape == (3, 128, 128)
    canvas = network.paint(torch.zeros(2, 3, 128, 128), strokes)
    assert canvas.shape == (2, 3, 128, 128)
    (gradient,) = torch.autograd.grad(canvas.sum(), strokes)
    assert gradient.abs().sum((0, 1)).all()
