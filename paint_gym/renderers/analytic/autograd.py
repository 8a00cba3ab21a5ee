"""Backends of the analytic renderer as PyTorch's autograd sees them: PyTorch itself, and kernels.

Both have first derivatives only. Second ones are refused, not wrong.
"""

from __future__ import annotations

import itertools
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.utils.checkpoint import checkpoint

from paint_gym.renderers.analytic.coverage import coverage
from paint_gym.renderers.analytic.nodes import NodeArgs, pixel_nodes
from paint_gym.renderers.base import composite
from paint_gym.strokes import COLOUR
from paint_gym.utils.images import is_concrete

NO_SECOND = "the analytic renderer has no second derivatives; see AnalyticRenderer"
MAX_RECORDED = 2**20  # strokes times pixels that autograd may record without a kernel: 250 MB

Tensors = tuple[Tensor, ...]
"""Canvas ``(B, C, H, W)``, nodes ``(B, K, M, 4)``, colours ``(B, K, C)``, and a kernel's record."""
Gradients = tuple[Tensor | None, Tensor, Tensor]


class TorchBackend:
    """PyTorch: what kernels compute, on any device, of any float type, and under any transform."""

    def nodes(self, strokes: Tensor, args: NodeArgs) -> tuple[Tensor, Tensor]:
        """Nodes ``(..., M, 4)`` in pixels and colours ``(..., 3)`` of strokes ``(..., dim)``."""
        return pixel_nodes(strokes, args)

    def coverage(self, nodes: Tensor, height: int, width: int, primitive: str) -> Tensor:
        """Coverage ``(N, height, width)`` of strokes with nodes ``(N, M, 4)`` in pixels."""
        return coverage(forbid_double_backward(nodes), height, width, primitive)

    def paint(self, canvas: Tensor, nodes: Tensor, colours: Tensor, primitive: str) -> Tensor:
        """The canvas ``(B, C, H, W)`` after strokes: nodes ``(B, K, M, 4)`` in pixels, colours ``(B, K, C)``.

        On the CPU, where gradients need more than `MAX_RECORDED`, the backward pass paints again, a part of
        the rows and of the strokes at a time.
        """
        canvas, nodes, colours = map(forbid_double_backward, (canvas, nodes, colours))
        batch, _, height, width = canvas.shape
        if not nodes.shape[1]:
            return canvas.clone()
        recorded = batch * height * width * nodes.shape[1]
        if recorded <= MAX_RECORDED or not _can_repaint(canvas, nodes, colours):
            return _paint_rows(canvas, nodes, colours, primitive)
        rows = max(1, MAX_RECORDED // 8 // (batch * width))
        count = max(1, MAX_RECORDED // (batch * width * min(rows, height)))
        parts = list(zip(nodes.split(count, 1), colours.split(count, 1), strict=True))
        bands = list(canvas.split(rows, 2))
        for i, part in itertools.product(range(len(bands)), parts):
            args = (bands[i], *part, primitive, i * rows)
            bands[i] = checkpoint(_paint_rows, *args, use_reentrant=False, preserve_rng_state=False)
        return torch.cat(bands, 2)


class KernelBackend:
    """A kernel and its gradients.

    A subclass implements `run_nodes`, `paint_forward` and `paint_backward`, which get contiguous tensors.
    """

    def nodes(self, strokes: Tensor, args: NodeArgs) -> tuple[Tensor, Tensor]:
        """See `TorchBackend.nodes`."""
        rows = strokes.reshape(-1, strokes.shape[-1])
        if needs_grad(rows):
            nodes, colours = _Nodes.apply(rows, args, self)
        else:
            nodes, colours = self.nodes_forward(rows.contiguous(), args)
        shape = strokes.shape[:-1]
        return nodes.view(*shape, *nodes.shape[1:]), colours.view(*shape, *colours.shape[1:])

    def coverage(self, nodes: Tensor, height: int, width: int, primitive: str) -> Tensor:
        """See `TorchBackend.coverage`: white strokes on black canvases."""
        canvas, white = nodes.new_zeros(len(nodes), 1, height, width), nodes.new_ones(len(nodes), 1, 1)
        return self.paint(canvas, nodes.unsqueeze(1), white, primitive).squeeze(1)

    def paint(self, canvas: Tensor, nodes: Tensor, colours: Tensor, primitive: str) -> Tensor:
        """See `TorchBackend.paint`; a ValueError for shapes that make a kernel read out of bounds."""
        (batch, channels), (strokes, count) = canvas.shape[:2], nodes.shape[1:3]
        if nodes.shape != (batch, strokes, max(count, 1), 4) or colours.shape != (batch, strokes, channels):
            shapes = ", ".join(str(tuple(tensor.shape)) for tensor in (canvas, nodes, colours))
            needed = "a canvas (B, C, H, W), nodes (B, K, M, 4) and colours (B, K, C)"
            raise ValueError(f"the kernel needs {needed}, not {shapes}")
        if needs_grad(canvas, nodes, colours):
            return _Paint.apply(canvas, nodes, colours, primitive, self)
        inputs = canvas.contiguous(), nodes.contiguous(), colours.contiguous()
        return self.paint_forward(inputs, primitive, False)[0]

    def nodes_forward(self, strokes: Tensor, args: NodeArgs) -> tuple[Tensor, Tensor]:
        """Nodes ``(N, M, 4)`` in pixels and colours ``(N, 3)`` of strokes ``(N, dim)``."""
        nodes = strokes.new_empty(len(strokes), args.node_count, 4)
        colours = strokes.new_empty(len(strokes), len(COLOUR))
        self.run_nodes("nodes", args, strokes, nodes, colours)
        return nodes, colours

    def nodes_backward(self, strokes: Tensor, args: NodeArgs, *grads: Tensor) -> Tensor:
        """Gradient ``(N, dim)`` of the strokes, from those of nodes and colours."""
        gradient = torch.zeros_like(strokes)
        self.run_nodes("nodes_backward", args, strokes, *grads, gradient)
        return gradient

    def run_nodes(self, name: str, args: NodeArgs, *tensors: Tensor) -> None:
        """Call the kernel ``"nodes"`` or ``"nodes_backward"`` with its tensors, the strokes first."""
        raise NotImplementedError

    def paint_forward(self, inputs: Tensors, primitive: str, record: bool) -> tuple[Tensor, Tensors]:
        """The canvas after strokes, and with `record` what `paint_backward` reads besides the inputs."""
        raise NotImplementedError

    def paint_backward(self, inputs: Tensors, primitive: str, grad: Tensor, canvas_grad: bool) -> Gradients:
        """Gradients of canvas (None unless `canvas_grad`), nodes and colours; of inputs and record."""
        raise NotImplementedError


class _Nodes(torch.autograd.Function):
    """Nodes (N, M, 4) and colours (N, 3) of strokes (N, dim), by a kernel."""

    @staticmethod
    def forward(ctx: Any, strokes: Tensor, args: NodeArgs, kernel: KernelBackend) -> tuple[Tensor, Tensor]:
        strokes = strokes.contiguous()
        ctx.save_for_backward(strokes)
        ctx.args, ctx.kernel = args, kernel
        return kernel.nodes_forward(strokes, args)

    @staticmethod
    def backward(ctx: Any, grad_nodes: Tensor, grad_colours: Tensor) -> tuple[Tensor | None, ...]:
        (strokes,) = ctx.saved_tensors
        if is_concrete(grad_nodes, grad_colours):
            grads = grad_nodes.contiguous(), grad_colours.contiguous()
            gradient = ctx.kernel.nodes_backward(strokes.detach(), ctx.args, *grads)
        else:  # several gradients at once, by vmap
            with torch.enable_grad():
                leaf = strokes.detach().requires_grad_()
                outputs = pixel_nodes(leaf, ctx.args)
            (gradient,) = torch.autograd.grad(outputs, leaf, (grad_nodes, grad_colours))
        return guard_gradient(gradient, grad_nodes, grad_colours, strokes), None, None


class _Paint(torch.autograd.Function):
    """Canvas (B, C, H, W) after strokes with nodes (B, K, M, 4) and colours (B, K, C), by a kernel."""

    @staticmethod
    def forward(
        ctx: Any, canvas: Tensor, nodes: Tensor, colours: Tensor, primitive: str, kernel: KernelBackend
    ) -> Tensor:
        inputs = canvas.contiguous(), nodes.contiguous(), colours.contiguous()
        painted, record = kernel.paint_forward(inputs, primitive, True)
        ctx.save_for_backward(canvas, nodes, colours, *record)
        ctx.primitive, ctx.kernel = primitive, kernel
        return painted

    @staticmethod
    def backward(ctx: Any, grad_out: Tensor) -> tuple[Tensor | None, ...]:
        saved = ctx.saved_tensors  # asked for once, as checkpointing computes them then
        inputs = tuple(tensor.detach().contiguous() for tensor in saved)
        if is_concrete(grad_out):
            args = ctx.primitive, grad_out.contiguous(), ctx.needs_input_grad[0]
            gradients = ctx.kernel.paint_backward(inputs, *args)
        else:  # several gradients at once, by vmap
            with torch.enable_grad():
                canvas, nodes, colours = (tensor.requires_grad_() for tensor in inputs[:3])
                painted = TorchBackend().paint(canvas, nodes, colours, ctx.primitive)
            gradients = torch.autograd.grad(painted, (canvas, nodes, colours), grad_out)
        return (*(guard_gradient(gradient, grad_out, *saved[:3]) for gradient in gradients), None, None)


def _paint_rows(canvas: Tensor, nodes: Tensor, colours: Tensor, primitive: str, top: int = 0) -> Tensor:
    """Rows of the canvas from `top` on after strokes, one by one: maps of all strokes can be large."""
    height, width = canvas.shape[-2:]
    for k in range(nodes.shape[1]):
        canvas = composite(canvas, coverage(nodes[:, k], height, width, primitive, top), colours[:, k])
    return canvas


def _can_repaint(*tensors: Tensor) -> bool:
    """True if gradients are needed on the CPU, and a checkpoint has them."""
    eager = is_concrete(*tensors) and not needs_torch(*tensors)
    return eager and tensors[0].device.type == "cpu" and needs_grad(*tensors)


def needs_grad(*tensors: Tensor) -> bool:
    """True if PyTorch may ask for derivatives of what is computed from the tensors."""
    if forward_ad._current_level >= 0:
        return True
    return torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)


def needs_torch(*tensors: Tensor) -> bool:
    """True if derivatives may be asked for that only PyTorch has: in forward mode, or by torch.func."""
    if forward_ad._current_level >= 0:
        return True
    return torch._C._are_functorch_transforms_active() and needs_grad(*tensors)


def forbid_double_backward(x: Tensor) -> Tensor:
    """`x`, of which only first derivatives can be taken; while compiling, PyTorch refuses others itself."""
    if torch.compiler.is_compiling() or (is_concrete(x) and not needs_grad(x)):
        return x
    return _FirstDerivative.apply(x)


def guard_gradient(gradient: Tensor | None, *inputs: Tensor) -> Tensor | None:
    """`gradient`; where a graph is made, a derivative by `inputs` is an error."""
    if gradient is None or not torch.is_grad_enabled():
        return gradient
    if not is_concrete(gradient) and any(is_concrete(tensor) for tensor in inputs):
        raise RuntimeError(NO_SECOND)  # is_grads_batched would forget what the next line adds
    return _NoSecond.apply(gradient, *inputs)


class _FirstDerivative(torch.autograd.Function):
    """The identity; a second derivative through it is an error, not a wrong number."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return x.view_as(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)
        if forward_ad._current_level >= 0:  # else the inputs would be kept after the backward pass, too
            ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad_out: Tensor) -> Tensor | None:
        (x,) = ctx.saved_tensors
        return guard_gradient(grad_out, x)

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return _NoSecond.apply(tangent, x)


class _NoSecond(torch.autograd.Function):
    """A gradient that depends on the inputs in a way that autograd does not know."""

    generate_vmap_rule = True

    @staticmethod
    def forward(gradient: Tensor, *inputs: Tensor) -> Tensor:
        return gradient.view_as(gradient)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, grad_out: Tensor) -> Any:
        raise RuntimeError(NO_SECOND)

    @staticmethod
    def jvp(ctx: Any, *tangents: Tensor) -> Any:
        raise RuntimeError(NO_SECOND)
