"""The analytic renderer against the ground truth, against itself in PyTorch, and its gradients."""

import itertools

import pytest
import torch
from torch import Tensor

from paint_gym.renderers import make_renderer
from paint_gym.renderers.analytic import autograd
from paint_gym.renderers.analytic.c import library
from paint_gym.strokes import get_stroke
from paint_gym.utils.images import crop

DESIGNS = ["bezier", "circle", "straight", "triangle"]
needs_kernel = pytest.mark.skipif(library.load(torch.float32) is None, reason="no kernel, and no C compiler")


@pytest.fixture(params=["kernel", "pytorch"])
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The compiled kernel, and PyTorch."""
    if request.param != "kernel":
        monkeypatch.setenv("PAINT_GYM_KERNEL", "torch")
    elif library.load(torch.float32) is None:
        pytest.skip("no kernel, and no C compiler")
    return str(request.param)


def random_strokes(stroke: str, *shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(*shape, get_stroke(stroke).dim, generator=generator, dtype=dtype)


@pytest.mark.parametrize("stroke", DESIGNS)
def test_agrees_with_the_ground_truth(stroke: str) -> None:
    strokes = random_strokes(stroke, 200)
    strokes[::4] = strokes[::4].round()  # the border of the cube
    coverage, expected = (make_renderer(name, stroke)(strokes, 128) for name in ("analytic", "raster"))
    error = coverage - expected
    for values in (coverage, expected):
        assert values.min() >= 0 and values.max() <= 1
    assert error.square().mean() < 1.5e-4
    assert error.mean().abs() < 1e-3


def paint_with_gradients(stroke: str, canvas: Tensor, strokes: Tensor, weight: Tensor) -> list[Tensor]:
    """The canvas after strokes, and the gradients of both."""
    inputs = canvas.clone().requires_grad_(), strokes.clone().requires_grad_()
    painted = make_renderer("analytic", stroke).paint(*inputs)
    return [painted.detach(), *torch.autograd.grad((painted * weight).sum(), inputs)]


@pytest.mark.parametrize("stroke", ["bezier", "triangle"])
def test_bands_change_nothing(stroke: str, monkeypatch: pytest.MonkeyPatch) -> None:
    strokes, (canvas, weight) = random_strokes(stroke, 2, 5), torch.rand(2, 2, 3, 21, 16)
    monkeypatch.setenv("PAINT_GYM_KERNEL", "torch")
    results = []
    for limit in (2**40, 2**11, 2**8):
        monkeypatch.setattr(autograd, "MAX_RECORDED", limit)
        results.append(paint_with_gradients(stroke, canvas, strokes, weight))
    for banded in results[1:]:
        assert torch.equal(banded[0], results[0][0]) and torch.equal(banded[1], results[0][1])
        torch.testing.assert_close(banded[2], results[0][2], rtol=1e-4, atol=1e-4)  # sums in another order


@pytest.mark.parametrize("stroke", DESIGNS)
def test_a_part_is_painted_as_on_the_whole(stroke: str, backend: str) -> None:
    strokes, canvas = random_strokes(stroke, 2, 5), torch.rand(2, 3, 40, 56)
    top, left, size = torch.tensor([3, 20]), torch.tensor([36, 0]), (17, 20)
    renderer = make_renderer("analytic", stroke)
    part = renderer.paint_part(crop(canvas, top, left, size), strokes, top, left, (40, 56))
    expected = crop(renderer.paint(canvas, strokes), top, left, size)
    torch.testing.assert_close(part, expected, rtol=0, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("stroke", DESIGNS)
def test_gradient_by_central_differences(stroke: str, backend: str) -> None:
    """Of a weighted sum of the canvas, in all strokes and the canvas, in float64."""
    renderer = make_renderer("analytic", stroke)
    checked = 0
    for seed in range(3):
        strokes = random_strokes(stroke, 2, 3, seed=seed, dtype=torch.float64).requires_grad_()
        canvas = torch.rand(2, 3, 24, 20, dtype=torch.float64, requires_grad=True)
        weight = torch.randn(2, 3, 24, 20, dtype=torch.float64)
        (renderer.paint(canvas, strokes) * weight).sum().backward()

        def weighted_sums(batch: Tensor, canvas: Tensor = canvas, weight: Tensor = weight) -> Tensor:
            canvases, weights = (value.repeat(len(batch), 1, 1, 1) for value in (canvas, weight))
            sums = (renderer.paint(canvases, batch.flatten(0, 1)) * weights).sum((1, 2, 3))
            return sums.view(len(batch), 2).sum(1)

        forward, backward = one_sided(weighted_sums, strokes)
        smooth = (forward - backward).abs() < 1e-3 * (1 + forward.abs())  # elsewhere is a kink
        slope = (forward + backward) / 2
        torch.testing.assert_close(strokes.grad[smooth], slope[smooth], rtol=1e-3, atol=1e-3)
        checked += int(smooth.sum())
        alphas = renderer(strokes.detach().flatten(0, 1), (24, 20)).view(2, 3, 24, 20)
        expected = weight * (1 - alphas).prod(1, keepdim=True)
        torch.testing.assert_close(canvas.grad, expected, rtol=1e-6, atol=1e-9)
    assert checked > 0.95 * 3 * strokes.numel()


def one_sided(function, at: Tensor, eps: float = 1e-6) -> tuple[Tensor, Tensor]:
    """Forward and backward differences of a function of batches ``(n, *at.shape)`` to ``(n,)``."""
    with torch.no_grad():
        steps = torch.eye(at.numel(), dtype=at.dtype).view(-1, *at.shape) * eps
        here, ahead, behind = function(at[None]), function(at + steps), function(at - steps)
    return ((ahead - here) / eps).view_as(at), ((here - behind) / eps).view_as(at)


@pytest.mark.slow
def test_gradcheck_of_torch(backend: str) -> None:
    """PyTorch's own check, on strokes away from kinks."""
    strokes = random_strokes("straight", 1, 2, seed=3, dtype=torch.float64) * 0.6 + 0.2
    inputs = torch.rand(1, 3, 12, 12, dtype=torch.float64, requires_grad=True), strokes.requires_grad_()
    assert torch.autograd.gradcheck(make_renderer("analytic", "straight").paint, inputs)


@pytest.mark.parametrize("stroke", DESIGNS)
def test_an_image_does_not_depend_on_its_batch(stroke: str, backend: str) -> None:
    renderer = make_renderer("analytic", stroke)
    strokes, canvas = random_strokes(stroke, 9, 5), torch.rand(9, 3, 32, 32)
    together = renderer.paint(canvas, strokes)
    alone = torch.cat([renderer.paint(canvas[i : i + 1], strokes[i : i + 1]) for i in range(9)])
    assert torch.equal(together, alone)


def test_opaque_circle_is_the_circle_one_expects(backend: str) -> None:
    """A disc of radius (1 + 64 r) / 256 of the shorter side, around x widths and y heights."""
    stroke = torch.tensor([[0.25, 0.5, 0.5, 1.0, 0.2, 0.4, 0.6]])
    coverage = make_renderer("analytic", "circle")(stroke, (64, 128))[0]
    radius = (1 + 32) / 256 * 64
    assert coverage.sum().item() == pytest.approx(3.14159 * radius**2, rel=0.01)
    ys, xs = torch.meshgrid(torch.arange(64) + 0.5, torch.arange(128) + 0.5, indexing="ij")
    assert (coverage * xs).sum() / coverage.sum() == pytest.approx(32, abs=0.01)
    assert (coverage * ys).sum() / coverage.sum() == pytest.approx(32, abs=0.01)
    assert coverage.max() == 1 and coverage[0].max() == 0


def test_where_a_stroke_overlaps_itself_the_later_part_covers(backend: str) -> None:
    """A short thick stroke: alpha is that of the last disc over a pixel, not a mixture."""
    stroke = torch.tensor([[0.48, 0.5, 0.5, 0.5, 0.52, 0.5, 0.5, 0.0, 0.5, 1.0, 1, 1, 1]])
    coverage = make_renderer("analytic", "bezier")(stroke, 128)[0]
    assert coverage[64, 66] == pytest.approx(1.0, abs=1e-5)
    x, radius = 47.5, (1 + 32) / 2 + 0.5
    left_behind = (x + radius - 0.48 * 128) / (0.04 * 128)  # when the trailing edge passes x
    assert coverage[64, 47] == pytest.approx(left_behind, abs=0.01)


def test_strokes_without_length_or_area_are_no_trouble(backend: str) -> None:
    for stroke in DESIGNS:
        strokes = torch.full((1, 2, get_stroke(stroke).dim), 0.5, requires_grad=True)
        painted = make_renderer("analytic", stroke).paint(torch.zeros(1, 3, 16, 16), strokes)
        painted.sum().backward()
        assert painted.isfinite().all() and strokes.grad.isfinite().all()


def random_nodes(
    primitive: str, count: int, generator: torch.Generator, reach: float, widest: float
) -> Tensor:
    """Nodes ``(2, 3, count, 4)`` in pixels; some are off the canvas, repeated, or of equal alpha."""
    nodes = torch.rand(2, 3, count, 4, generator=generator, dtype=torch.float64)
    nodes[..., :2] = (nodes[..., :2] - 0.2) * reach
    nodes[..., 2] = 0.5 + nodes[..., 2] ** 2 * widest
    nodes[0, :, :, 3] = 1.0
    if primitive == "polygon":
        nodes[..., 3] = nodes[..., :1, 3]
    else:
        nodes[:, 1, -1] = nodes[:, 1, 0]
    return nodes


@needs_kernel
@pytest.mark.parametrize(("primitive", "count"), [("sweep", 1), ("sweep", 2), ("sweep", 40), ("polygon", 3)])
def test_kernel_equals_pytorch_for_any_nodes(primitive: str, count: int) -> None:
    generator, kernel = torch.Generator().manual_seed(count), library.load(torch.float64)
    cases = itertools.product(((31, 22), (1, 50), (4, 4)), (3.0, 30.0, 100.0), (2.0, 25.0))
    for (height, width), reach, widest in cases:
        canvas, weight = torch.rand(2, 2, 3, height, width, generator=generator, dtype=torch.float64)
        colours = torch.rand(2, 3, 3, generator=generator, dtype=torch.float64)
        inputs = [canvas, random_nodes(primitive, count, generator, reach, widest), colours]
        results = []
        for backend in (kernel, autograd.TorchBackend()):
            leaves = [tensor.clone().requires_grad_() for tensor in inputs]
            painted = backend.paint(*leaves, primitive)
            results.append((painted.detach(), *torch.autograd.grad((painted * weight).sum(), leaves)))
        for ours, reference in zip(*results, strict=True):
            torch.testing.assert_close(ours, reference, rtol=1e-7, atol=1e-9)


def test_wild_but_finite_numbers_do_not_crash(backend: str) -> None:
    """Alphas stay in [0, 1]: beyond, canvases under many strokes grow without bounds."""
    for seed in range(4):
        generator = torch.Generator().manual_seed(seed)
        strokes = torch.randn(1, 50, 13, generator=generator) * 1e4
        alphas = [i for i, kind in enumerate(get_stroke("bezier").kinds) if kind == "alpha"]
        strokes[..., alphas] = torch.rand(1, 50, len(alphas), generator=generator)
        assert make_renderer("analytic").paint(torch.zeros(1, 3, 32, 32), strokes).isfinite().all()
