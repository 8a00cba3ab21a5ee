"""Which kernel paints, and what is said where it cannot."""

from __future__ import annotations

import importlib
import logging

import pytest
import torch

from paint_gym import make_renderer
from paint_gym.renderers.analytic import backends
from paint_gym.renderers.analytic.c import library as kernel

CPU = torch.device("cpu")


def paint(**kind: object) -> torch.Tensor:
    return make_renderer("analytic").paint(torch.zeros(1, 3, 16, 16, **kind), torch.rand(1, 2, 13, **kind))


@pytest.mark.parametrize("name", ["cuda", "C", "tritn"])
def test_kernels_that_do_not_exist_are_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAINT_GYM_KERNEL", name)
    with pytest.raises(ValueError, match="PAINT_GYM_KERNEL"):
        paint()


def test_triton_wants_a_gpu_or_its_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAINT_GYM_KERNEL", "triton")
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    with pytest.raises(
        ValueError, match="paints on a GPU, and the canvas is on cpu; unset it, or set TRITON"
    ):
        paint()


def test_triton_that_is_not_there(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def fail(name: str) -> None:
        raise ImportError("No module named 'triton'")

    monkeypatch.setattr(importlib, "import_module", fail)
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    backends._triton.cache_clear()
    with caplog.at_level(logging.WARNING):
        assert backends._triton(CPU) is None and backends._triton(CPU) is None
        assert caplog.text.count("as Triton does not work here: No module") == 1
        monkeypatch.setenv("PAINT_GYM_KERNEL", "triton")
        with pytest.raises(RuntimeError, match="Triton does not work here"):
            paint()
    backends._triton.cache_clear()


def test_c_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "load", lambda dtype: None)
    assert backends.choose(torch.zeros(1)) is None
    monkeypatch.setenv("PAINT_GYM_KERNEL", "c")
    with pytest.raises(RuntimeError, match="there is no C kernel and no compiler"):
        paint()


def test_no_kernel_for_other_devices_and_types(monkeypatch: pytest.MonkeyPatch) -> None:
    assert backends.choose(torch.zeros(1, dtype=torch.bfloat16)) is None
    monkeypatch.setattr(backends, "is_concrete", lambda *tensors: True)
    assert backends.choose(torch.zeros(1, device="meta")) is None
    assert backends.choose(torch.zeros(1), torch.zeros(1, device="meta")) is None
    monkeypatch.setenv("PAINT_GYM_KERNEL", "c")
    with pytest.raises(ValueError, match="paints on the CPU, and the canvas is on meta"):
        backends.choose(torch.zeros(1, device="meta"))
