"""Adam for strokes: the steps are those of PyTorch's, within the unit cube."""

from __future__ import annotations

import torch

from agents.painting.stroke_adam import StrokeAdam, rates
from paint_gym.strokes import get_stroke


def test_steps_are_those_of_torch() -> None:
    start, wanted = (torch.rand(2, 5, 13, generator=torch.Generator().manual_seed(i)) for i in range(2))
    rate = rates(get_stroke("bezier"), 0.02, 0.1)
    ours, theirs = StrokeAdam(start, rate, (0.7, 0.85)), start.clone().requires_grad_()
    adam = torch.optim.Adam([theirs], lr=1.0, betas=(0.7, 0.85))
    for i in range(10):
        ours.step(2 * (ours.strokes - wanted), 1 - i / 10)
        before = theirs.detach().clone()
        adam.zero_grad()
        (theirs - wanted).square().sum().backward()
        adam.step()
        with torch.no_grad():  # the rate of each number, and the cube
            theirs.copy_((before + (1 - i / 10) * rate * (theirs - before)).clamp(0, 1))
    torch.testing.assert_close(ours.strokes, theirs.detach())
