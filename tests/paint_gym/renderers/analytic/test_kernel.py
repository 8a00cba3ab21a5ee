"""Building and finding the compiled kernel."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest
import torch

from paint_gym.renderers import make_renderer
from paint_gym.renderers.analytic import kernel

pytestmark = pytest.mark.skipif(kernel.find_compiler() is None, reason="no C compiler on this machine")


@pytest.fixture(autouse=True)
def fresh_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PAINT_GYM_CACHE", str(tmp_path))
    kernel.load.cache_clear()
    yield
    kernel.load.cache_clear()


def test_builds_once_and_reuses(tmp_path: Path) -> None:
    assert kernel.load(torch.float32) is not None
    (library,) = (tmp_path / "native").glob("*.so")
    made = library.stat().st_mtime_ns
    kernel.load.cache_clear()
    assert kernel.load(torch.float32) is not None
    assert library.stat().st_mtime_ns == made
    assert list((tmp_path / "native").iterdir()) == [library]  # nothing half-built is left


def test_without_a_compiler_it_still_paints_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    strokes = torch.rand(2, 5, 13)
    canvas = torch.zeros(2, 3, 48, 48)
    expected = make_renderer("analytic").paint(canvas, strokes)
    kernel.load.cache_clear()
    monkeypatch.setattr(kernel, "find_compiler", lambda: None)
    assert kernel.load(torch.float32) is None
    torch.testing.assert_close(
        make_renderer("analytic").paint(canvas, strokes), expected, rtol=1e-4, atol=1e-4
    )


def test_a_broken_compiler_is_reported_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken = tmp_path / "cc"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("CC", str(broken))
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            make_renderer("analytic")(torch.rand(1, 13), 16)
    assert [record.message for record in caplog.records if "no native kernel" in record.message] != []
    assert len(caplog.records) == 1


def test_it_paints_after_a_fork() -> None:
    """Threads do not survive a fork; a child must make its own."""
    strokes, canvas = torch.rand(64, 5, 13), torch.zeros(64, 3, 64, 64)
    renderer = make_renderer("analytic")
    renderer.paint(canvas, strokes)
    child = os.fork()
    if child == 0:  # torch's own threads do not survive either, so only one is used
        torch.set_num_threads(1)
        os._exit(0 if renderer.paint(canvas, strokes).isfinite().all() else 1)
    assert os.waitpid(child, 0)[1] == 0
