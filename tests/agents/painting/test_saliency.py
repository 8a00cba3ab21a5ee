"""Faces become weights of errors."""

from __future__ import annotations

from skimage import data

from agents.painting.saliency import face_weight


def test_a_face_is_found_where_it_is() -> None:
    weight = face_weight(data.astronaut(), (128, 128))
    assert weight is not None and weight.shape == (128, 128)
    assert weight[28, 56] > 5 and weight[100, 20] == 1  # the face, and the sleeve
    assert weight.min() == 1 and (weight > 1).float().mean() < 0.1
