"""Masks and faces become weights of errors, and paintings are more exact there."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage import data

import agents
from agents import PaintOptions
from agents.painting.paint import paint
from agents.painting.saliency import face_weight


def test_a_face_is_found_where_it_is() -> None:
    weight = face_weight(data.astronaut(), (128, 128))
    assert weight is not None and weight.shape == (128, 128)
    assert weight[28, 56] > 5 and weight[100, 20] == 1  # the face, and the sleeve
    assert weight.min() == 1 and (weight > 1).float().mean() < 0.1


@pytest.mark.parametrize("shape", [(96, 96), (16, 300)])
def test_where_no_face_is_there_are_no_weights(shape: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (*shape, 3), dtype=np.uint8)
    assert face_weight(noise, (64, 64)) is None


def test_a_policy_that_does_not_weigh_errors_is_named() -> None:
    class Random:
        renderer, bundle, device = agents.load("pretrained", "cpu").renderer, 5, torch.device("cpu")

        def act(self, state, steps=None):
            return torch.rand(len(state.canvas), 65)

    target = torch.rand(1, 3, 16, 16)
    assert len(paint(Random(), target, 10)[0]) == 10
    with pytest.raises(ValueError, match="Random does not weigh errors"):
        paint(Random(), target, 10, PaintOptions(weight=torch.ones(16, 16)))
    with pytest.raises(ValueError, match=r"weight must be \(16, 16\)"):
        paint(agents.load("pretrained", "cpu"), target, 10, PaintOptions(weight=torch.ones(3, 16)))
