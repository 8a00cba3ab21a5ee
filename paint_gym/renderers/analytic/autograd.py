"""First derivatives only: the analytic renderer's second ones are refused, not wrong."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

from paint_gym.utils.images import is_concrete

NO_SECOND = "the analytic renderer has no second derivatives; see AnalyticRenderer"


def are_followed(*tensors: Tensor) -> bool:
    """Whether PyTorch may ask for derivatives of what is computed from tensors that have storage."""
    if forward_ad._current_level >= 0:
        return True
    return torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)


def only_pytorch_follows(*tensors: Tensor) -> bool:
    """Whether derivatives may be asked for that a kernel has not: in forward mode, or by torch.func."""
    if forward_ad._current_level >= 0:
        return True
    return torch._C._are_functorch_transforms_active() and are_followed(*tensors)


def once(x: Tensor) -> Tensor:
    """`x`, of which only first derivatives can be taken; while compiling, PyTorch refuses others itself."""
    if torch.compiler.is_compiling() or (is_concrete(x) and not are_followed(x)):
        return x
    return _Once.apply(x)


def final(gradient: Tensor | None, *inputs: Tensor) -> Tensor | None:
    """`gradient`, as the result of a backward pass; where a graph is made, with an error behind it.

    Args:
        gradient: of any shape, or None.
        inputs: which it depends on, in a way that is not known.
    """
    if gradient is None or not torch.is_grad_enabled():
        return gradient
    if not is_concrete(gradient) and any(is_concrete(each) for each in inputs):
        # by is_grads_batched, which would forget what the next line adds
        raise RuntimeError(NO_SECOND)
    return _NoSecond.apply(gradient, *inputs)


class _Once(torch.autograd.Function):
    """The identity; whoever asks for a second derivative through it gets an error, not a wrong number."""

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
        return final(grad_out, x)

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return _NoSecond.apply(tangent, x)


class _NoSecond(torch.autograd.Function):
    """A gradient that depends on the inputs in a way that is not known."""

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
