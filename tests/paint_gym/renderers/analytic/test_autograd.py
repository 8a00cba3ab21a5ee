"""The choice of a backend; torch.func, batched gradients, compilation; second derivatives are refused."""

import pytest
import torch
from torch import Tensor

from paint_gym import CanvasState, L2Reward, make_renderer, model_step
from paint_gym.renderers.analytic import autograd
from paint_gym.renderers.analytic import renderer as analytic
from paint_gym.renderers.analytic.c import library
from paint_gym.renderers.base import Renderer
from paint_gym.strokes import get_stroke
from paint_gym.utils.images import crop

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")  # in torch.func.jvp
DESIGNS = ["bezier", "triangle"]


@pytest.fixture(params=["kernel", "pytorch", "raster"])
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "pytorch":
        monkeypatch.setenv("PAINT_GYM_KERNEL", "torch")
    return "raster" if request.param == "raster" else "analytic"


@pytest.fixture(params=["kernel", "pytorch", "bands"])
def gradients(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param != "kernel":
        monkeypatch.setenv("PAINT_GYM_KERNEL", "torch")
    if request.param == "bands":
        monkeypatch.setattr(autograd, "MAX_RECORDED", 2**10)


def parts(canvases: int, strokes: int, stroke: str = "bezier") -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    canvas = torch.rand(canvases, 3, 20, 24, generator=generator)
    return canvas, torch.rand(strokes, 3, get_stroke(stroke).dim, generator=generator)


@pytest.mark.parametrize("stroke", DESIGNS)
def test_one_of_a_kind_serves_for_all(backend: str, stroke: str) -> None:
    renderer: Renderer = make_renderer(backend, stroke)
    for canvases, count in ((1, 4), (4, 1), (1, 1)):
        canvas, strokes = parts(canvases, count, stroke)
        batch = max(canvases, count)
        whole = canvas.expand(batch, -1, -1, -1).contiguous(), strokes.expand(batch, -1, -1).contiguous()
        assert torch.equal(renderer.paint(canvas, strokes), renderer.paint(*whole))
        top, left = torch.zeros(batch, dtype=torch.long), torch.arange(batch)
        part = crop(whole[0], top, left, (9, 10))
        expected = renderer.paint_part(part, whole[1], top, left, (20, 24))
        assert torch.equal(renderer.paint_part(part, strokes, top, left, (20, 24)), expected)


def test_unequal_numbers_are_refused(backend: str) -> None:
    renderer = make_renderer(backend)
    canvas, strokes = parts(3, 2)
    with pytest.raises(ValueError, match="3 canvases, but strokes for 2"):
        renderer.paint(canvas, strokes)
    with pytest.raises(ValueError, match="2 canvases, but strokes for 3"):
        renderer.paint_part(canvas[:2], torch.rand(3, 1, 13), *torch.zeros(2, 2).long(), 24)
    with pytest.raises(ValueError, match=r"canvases \(B, 3, H, W\) and strokes"):
        renderer.paint(canvas[0], strokes)


@pytest.mark.parametrize("stroke", DESIGNS)
def test_second_derivatives_are_refused(gradients: None, stroke: str) -> None:
    renderer = make_renderer("analytic", stroke)
    canvas, strokes = (tensor.double().requires_grad_() for tensor in parts(1, 1, stroke))
    loss = renderer.paint(canvas, strokes).square().sum() + renderer(strokes[0], 16).sum()
    of_canvas, of_strokes = torch.autograd.grad(loss, (canvas, strokes), create_graph=True)
    for second in (of_strokes.sum(), (of_strokes**2).sum() + of_canvas.sum()):
        for variable in (canvas, strokes):
            with pytest.raises(RuntimeError, match="no second derivatives"):
                torch.autograd.grad(second, variable, retain_graph=True, allow_unused=True)
        with pytest.raises(RuntimeError, match="no second derivatives"):
            second.backward(retain_graph=True)
    canvas, strokes = canvas.detach(), strokes.detach()

    def paint(x: Tensor) -> Tensor:
        return renderer.paint(canvas, x)

    def along(x: Tensor) -> Tensor:
        return torch.func.jvp(paint, (x,), (torch.ones_like(x),))[1].sum()

    for derivative in (
        lambda: torch.func.hessian(lambda x: paint(x).square().sum())(strokes),
        lambda: torch.func.grad(along)(strokes),
        lambda: torch.func.jvp(along, (strokes,), (strokes,)),
        lambda: torch.autograd.functional.jvp(paint, strokes, torch.ones_like(strokes)),
    ):
        with pytest.raises(RuntimeError, match="no second derivatives"):
            derivative()


@pytest.mark.parametrize("stroke", DESIGNS)
def test_torch_func(gradients: None, stroke: str) -> None:
    renderer = make_renderer("analytic", stroke)
    canvas, strokes = (tensor.double() for tensor in parts(2, 2, stroke))

    def loss(x: Tensor) -> Tensor:
        return renderer.paint(canvas, x).square().mean((1, 2, 3))  # (2,)

    leaf = strokes.clone().requires_grad_()
    rows = [torch.autograd.grad(loss(leaf)[i], leaf, retain_graph=True)[0] for i in range(2)]
    jacobian, close = torch.stack(rows), {"rtol": 1e-6, "atol": 1e-9}
    torch.testing.assert_close(torch.func.grad(lambda x: loss(x).sum())(strokes), jacobian.sum(0), **close)
    torch.testing.assert_close(torch.func.jacrev(loss)(strokes), jacobian, **close)
    values, pull = torch.func.vjp(loss, strokes)
    torch.testing.assert_close(values, loss(strokes), **close)
    pulled = pull(torch.tensor([1.0, 2.0]).double())[0]
    torch.testing.assert_close(pulled, jacobian[0] + 2 * jacobian[1], **close)
    direction = torch.rand_like(strokes)
    _, pushed = torch.func.jvp(loss, (strokes,), (direction,))
    torch.testing.assert_close(pushed, (jacobian * direction).flatten(1).sum(1), **close)
    many = torch.stack([strokes, strokes.flip(1), strokes * 0.5])
    torch.testing.assert_close(torch.vmap(loss)(many), torch.stack([loss(one) for one in many]), **close)
    batched = torch.autograd.grad(loss(leaf), leaf, torch.eye(2).double(), is_grads_batched=True)[0]
    torch.testing.assert_close(batched, jacobian, **close)


@pytest.mark.filterwarnings("ignore:The .grad attribute")  # of PyTorch's compiler
def test_the_kernel_paints_in_a_compiled_model_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Traced, its PyTorch twin would take minutes to compile."""
    monkeypatch.setattr(autograd.TorchBackend, "paint", None)
    canvas, strokes = parts(2, 2)
    state, renderer, reward = CanvasState(canvas, canvas.flip(3), torch.zeros(2)), make_renderer(), L2Reward()

    def step(action: Tensor) -> Tensor:
        return model_step(state, action, renderer, reward)[1]

    compiled = torch.compile(step, backend="eager")
    results = []
    for function in (step, compiled):
        action = strokes.flatten(1).clone().requires_grad_()
        gain = function(action)
        gain.sum().backward()
        results.append((gain.detach(), action.grad))
    torch.testing.assert_close(results[0], results[1], rtol=1e-4, atol=1e-6)


def test_gradients_that_the_renderer_lacks_are_refused() -> None:
    canvas, strokes = parts(1, 1)
    state, raster = CanvasState(canvas, canvas, torch.zeros(1)), make_renderer("raster")
    action = strokes.flatten(1).requires_grad_()
    with pytest.raises(ValueError, match=r"the renderer 'raster' has no gradients; take renderer='analytic'"):
        model_step(state, action, raster, L2Reward())
    painted = state._replace(canvas=canvas.clone().requires_grad_())
    with pytest.raises(ValueError, match="has no gradients"):
        model_step(painted, action.detach(), raster, L2Reward())
    with torch.no_grad():
        assert model_step(state, action, raster, L2Reward())[1].shape == (1,)
    assert model_step(state, action.detach(), raster, L2Reward())[1].shape == (1,)


def test_no_strokes_give_a_new_canvas(backend: str) -> None:
    canvas, strokes = parts(2, 2)
    painted = make_renderer(backend).paint(canvas, strokes[:, :0])
    assert torch.equal(painted, canvas) and painted.data_ptr() != canvas.data_ptr()


def paint() -> Tensor:
    return make_renderer("analytic").paint(torch.zeros(1, 3, 16, 16), torch.rand(1, 2, 13))


@pytest.mark.parametrize("name", ["cuda", "C", "tritn"])
def test_kernels_that_do_not_exist_are_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAINT_GYM_KERNEL", name)
    with pytest.raises(ValueError, match="PAINT_GYM_KERNEL"):
        paint()


def test_absent_kernels(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise ImportError("No module named 'triton'")

    monkeypatch.setattr(analytic, "TritonBackend", fail)
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    monkeypatch.setenv("PAINT_GYM_KERNEL", "triton")
    analytic._load_triton.cache_clear()
    for _ in range(2):
        with pytest.raises(RuntimeError, match="Triton does not work here"):
            paint()
    assert caplog.text.count("as Triton does not work here: No module") == 1
    analytic._load_triton.cache_clear()
    monkeypatch.setattr(library, "load", lambda dtype: None)
    monkeypatch.setenv("PAINT_GYM_KERNEL", "c")
    with pytest.raises(RuntimeError, match="there is no C kernel and no compiler"):
        paint()
    monkeypatch.delenv("PAINT_GYM_KERNEL")
    assert analytic.choose_backend(torch.zeros(1)) is analytic.TORCH
