"""Renderers with gradients paint the same on every device, and under autocast."""

from __future__ import annotations

import pytest
import torch

from paint_gym.renderers import make_renderer

RENDERERS = [("analytic", 64, 1e-4), ("neural", 128, 1e-3)]  # with a size, and what devices may differ by


@pytest.mark.parametrize(("name", "size", "tolerance"), RENDERERS)
def test_works_under_autocast(name: str, size: int, tolerance: float, device: torch.device) -> None:
    strokes, canvas = torch.rand(2, 5, 13, device=device), torch.zeros(2, 3, size, size, device=device)
    with torch.autocast(device.type, torch.bfloat16):
        inside = make_renderer(name).paint(canvas, strokes)
    torch.testing.assert_close(inside, make_renderer(name).paint(canvas, strokes))


@pytest.mark.parametrize(("name", "size", "tolerance"), RENDERERS)
def test_devices_agree(name: str, size: int, tolerance: float, device: torch.device) -> None:
    strokes, canvas = torch.rand(2, 5, 13), torch.rand(2, 3, size, size)
    there = make_renderer(name).paint(canvas.to(device), strokes.to(device))
    torch.testing.assert_close(
        there.cpu(), make_renderer(name).paint(canvas, strokes), rtol=tolerance, atol=tolerance
    )
