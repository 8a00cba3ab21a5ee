"""The neural renderer, with the weights that ship."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from paint_gym.renderers import make_renderer, neural
from paint_gym.renderers.neural import PaperNetwork, make_network, save_network
from paint_gym.strokes import get_stroke

BARS = {"bezier": 1.2e-3, "straight": 1e-3, "circle": 1e-3, "triangle": 1e-3}
DESIGNS = sorted(BARS)


def random_strokes(stroke: str, *shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(*shape, get_stroke(stroke).dim, generator=generator, dtype=dtype)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A network for circles with random weights."""
    torch.manual_seed(0)
    file = tmp_path / "circle.safetensors"
    save_network(file, make_network("grid", get_stroke("circle")), "grid", get_stroke("circle"))
    return file


@pytest.mark.parametrize("stroke", DESIGNS)
def test_agrees_with_the_ground_truth(stroke: str) -> None:
    strokes = random_strokes(stroke, 200)
    coverage, expected = (make_renderer(name, stroke)(strokes, 128) for name in ("neural", "raster"))
    error = coverage - expected
    assert coverage.min() >= 0 and coverage.max() <= 1
    assert error.square().mean() < BARS[stroke]
    assert error.mean().abs() < 2e-3


@pytest.mark.parametrize("stroke", DESIGNS)
def test_gradient_by_central_differences(stroke: str) -> None:
    """Of a weighted sum of the canvas, in all numbers of all strokes, in float64."""
    renderer = make_renderer("neural", stroke)
    strokes = random_strokes(stroke, 1, 2, dtype=torch.float64).requires_grad_()
    canvas = torch.rand(1, 3, 128, 128, dtype=torch.float64)
    weight = torch.rand(1, 3, 128, 128, dtype=torch.float64)
    assert torch.autograd.gradcheck(
        lambda s: (renderer.paint(canvas, s) * weight).sum(), (strokes,), eps=1e-7, atol=1e-3, rtol=1e-3,
        fast_mode=True,
    )  # fmt: skip


@pytest.mark.parametrize("size", [64, (128, 96)])
def test_other_sizes_name_the_analytic_renderer(size: int | tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r'128 x 128 pixels.*renderer="analytic"'):
        make_renderer("neural")(torch.rand(2, 13), size)


def test_networks_of_ones_own(saved: Path) -> None:
    renderer = make_renderer(f"neural:{saved}", "circle", (0.5, 1.0))
    assert renderer.name == f"neural:{saved}" and renderer.opacity == (0.5, 1.0)
    torch.manual_seed(0)
    network = make_network("grid", get_stroke("circle")).half().float()
    strokes = torch.rand(3, 7)
    faded = strokes[:, :4] * torch.tensor([1, 1, 1, 0.5]) + torch.tensor([0, 0, 0, 0.5])
    torch.testing.assert_close(renderer(strokes, 128), network(faded), rtol=1e-3, atol=1e-4)
    trained_on = make_network("grid", get_stroke("circle"))
    save_network(saved, trained_on, "grid", get_stroke("circle"))
    os.utime(saved, ns=(0, saved.stat().st_mtime_ns + 1))
    torch.testing.assert_close(renderer(strokes, 128), trained_on(faded), rtol=1e-2, atol=1e-3)


def test_the_papers_network_is_that_of_fig_12() -> None:
    layers = list(PaperNetwork(10).layers)
    linear = [layer.out_features for layer in layers if isinstance(layer, torch.nn.Linear)]
    assert linear == [512, 1024, 2048, 4096]
    convolutions = [layer for layer in layers if isinstance(layer, torch.nn.Conv2d)]
    assert [layer.out_channels for layer in convolutions] == [32, 32, 16, 16, 8, 4]
    assert sum(isinstance(layer, torch.nn.PixelShuffle) for layer in layers) == 3


def test_a_design_without_weights_says_what_to_do() -> None:
    with pytest.raises(FileNotFoundError, match=r"train-renderer --stroke hatch.*analytic"):
        neural.load_network(Path("nowhere.safetensors"), replace(get_stroke("circle"), name="hatch"))


def test_wrong_and_damaged_files_say_so(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"circle.safetensors holds a network for circle strokes"):
        make_renderer(f"neural:{saved}", "bezier")(torch.rand(1, 13), 128)
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(saved.read_bytes()[:-10])
    with pytest.raises(ValueError, match=r"cut.safetensors is damaged"):
        make_renderer(f"neural:{cut}", "circle")(torch.rand(1, 7), 128)
    other = tmp_path / "other.safetensors"
    save_file({"x": torch.zeros(1)}, other)
    with pytest.raises(ValueError, match=r"other.safetensors is a safetensors file, but none that"):
        make_renderer(f"neural:{other}", "circle")(torch.rand(1, 7), 128)
