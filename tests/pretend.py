"""A device that is none: its tensors are the CPU's, but whoever mixes them with others, or waits, is told.

`python tests/pretend.py SCRIPT` runs a script where ``torch.device("pretend")`` exists. Everything above the
kernels happens as on a GPU, as PyTorch dispatches what is done with these tensors to the functions below.
"""

from __future__ import annotations

import runpy
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.backend_registration import (
    _DummyBackendModule,
    _setup_privateuseone_for_python_backend,
)

NAME = "pretend"
ATEN = torch.ops.aten
READS = (ATEN._local_scalar_dense.default, ATEN.equal.default, ATEN.nonzero.default)
TENSOR = torch.tensor
waits_forbidden = False
times_waited = 0


class There(Tensor):
    """A tensor on the device; `here` is where its numbers are."""

    here: Tensor

    @staticmethod
    def __new__(cls, here: Tensor) -> There:
        there = Tensor._make_wrapper_subclass(
            cls, here.shape, here.stride(), here.storage_offset(), dtype=here.dtype, layout=here.layout,
            device=torch.device(NAME, 0),
        )  # fmt: skip
        there.here = here
        return there

    @classmethod
    def __torch_dispatch__(cls, function: Any, types: Any, arguments: Any = (), named: Any = None) -> Any:
        return dispatch(function, arguments, named or {})

    def tolist(self) -> Any:
        return self.cpu().tolist()


class Everywhere(TorchDispatchMode):
    """Sees what makes tensors, too."""

    def __torch_dispatch__(self, function: Any, types: Any, arguments: Any = (), named: Any = None) -> Any:
        return dispatch(function, arguments, named or {})


@contextmanager
def no_waiting() -> Iterator[None]:
    """Within, it is an error if the host waits for the device."""
    global waits_forbidden
    waits_forbidden = True
    try:
        yield
    finally:
        waits_forbidden = False


def waits(why: str) -> None:
    global times_waited
    times_waited += 1
    if waits_forbidden:
        raise AssertionError(f"the host waits for the device: {why}")


def dispatch(function: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
    tensors = [each for each in pytree.tree_leaves((arguments, named)) if isinstance(each, Tensor)]
    there = any(isinstance(each, There) for each in tensors)
    device = named.get("device")
    asked = device is not None and torch.device(device).type == NAME
    result_there = asked or (there and device is None)
    if function is ATEN._to_copy.default:
        check_copy(there, result_there, bool(named.get("non_blocking")))
    elif function is ATEN.copy_.default:
        source_there, later = isinstance(arguments[1], There), (*arguments, False)[2]
        result_there = isinstance(arguments[0], There)
        later = bool(later or named.get("non_blocking"))
        if not (source_there and later):  # into pinned memory, with an event behind it
            check_copy(source_there, result_there, later)
    elif there:
        if any(not isinstance(each, There) and each.ndim for each in tensors):
            raise AssertionError(f"{function}: tensors of the CPU among those of the device")
        if function in READS:
            waits(str(function))
    if asked:
        named = named | {"device": torch.device("cpu")}
    if named.get("pin_memory"):
        named = named | {"pin_memory": False}
    here, named = pytree.tree_map_only(There, lambda each: each.here, (arguments, named))
    result = function(*here, **named)
    if not result_there or function in READS[:2]:
        return result
    if isinstance(result, Tensor) and function._schema.is_mutable:
        return next((each for each in tensors if isinstance(each, There) and each.here is result), result)
    return pytree.tree_map_only(Tensor, There, result)


class Module(_DummyBackendModule):
    """What torch.pretend is."""

    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.bfloat16]


def tensor(data: Any, dtype: torch.dtype | None = None, device: Any = None) -> Tensor:
    """PyTorch's own goes past what sees it: a copy of numbers of the host, for which it waits."""
    made = TENSOR(data, dtype=dtype)
    return made if device is None else made.to(device)


def new_tensor(self: Tensor, data: Any, dtype: torch.dtype | None = None) -> Tensor:
    return tensor(data, dtype or self.dtype, self.device)


class Event:
    """Of the device, which is done with nothing before it is asked twice."""

    def __init__(self, device: torch.device) -> None:
        self.asked = 0

    def record(self, stream: object) -> None:
        pass

    def query(self) -> bool:
        self.asked += 1
        return self.asked > 1

    def synchronize(self) -> None:
        waits("an event")


def check_copy(source: bool, target: bool, later: bool) -> None:
    """A copy between host and device; one to the device may be made later, as PyTorch stages it."""
    if source and not target:
        waits("a copy from it")
    elif target and not source and not later:
        waits("a copy to it")


if __name__ == "__main__":
    _setup_privateuseone_for_python_backend(NAME, Module())
    torch.__future__.set_swap_module_params_on_conversion(True)  # parameters stay the optimiser's
    torch.tensor = tensor  # type: ignore[assignment]
    Tensor.new_tensor = new_tensor  # type: ignore[method-assign, assignment]
    torch.Event = Event  # type: ignore[misc, assignment]
    torch.accelerator.current_stream = lambda device: None  # type: ignore[assignment, return-value]
    del sys.argv[0]
    del sys.path[0]  # this folder, which has an `agents` of its own
    sys.modules["pretend"] = sys.modules["__main__"]
    with Everywhere():
        runpy.run_path(sys.argv[0], run_name="__main__")
