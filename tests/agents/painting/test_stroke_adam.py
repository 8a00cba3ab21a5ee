"""Adam for strokes: the steps are those of PyTorch's, within the unit cube; new strokes have no past."""

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


def test_new_strokes_lie_on_top_and_have_no_past() -> None:
    adam = StrokeAdam(torch.rand(1, 3, 7), torch.full((7,), 0.01), (0.9, 0.99))
    adam.step(torch.ones(1, 3, 7))
    before, new = adam.strokes, torch.rand(1, 1, 7)
    adam.replace(torch.tensor([[0, 2]]), new)
    torch.testing.assert_close(adam.strokes, torch.cat([before[:, [0, 2]], new], 1))
    assert adam.steps.flatten().tolist() == [1, 1, 0] and not adam.mean[:, 2].any()
    adam.step(torch.ones(1, 3, 7))
    torch.testing.assert_close(adam.strokes[:, 2], (new[:, 0] - 0.01).clamp(0, 1))
