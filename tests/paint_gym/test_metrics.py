"""Metrics against values worked out by hand."""

import numpy as np
import pytest

from paint_gym.metrics import MAX_PSNR, psnr, ssim


def test_psnr() -> None:
    assert psnr([1, 0.1, 0.001]) == pytest.approx([0, 10, 30])
    assert psnr(0) == pytest.approx(MAX_PSNR)


def test_ssim_sees_structure_that_l2_does_not() -> None:
    picture = np.random.default_rng(0).random((3, 32, 32))
    noise = np.random.default_rng(1).choice([-0.1, 0.1], picture.shape)
    assert ssim(picture, picture) == 1
    assert ssim(picture + noise, picture) < ssim(picture + 0.1, picture) < 1
    assert ssim(1 - picture, picture) < 0


def test_ssim_needs_eleven_pixels() -> None:
    small = np.zeros((3, 10, 40))
    with pytest.raises(ValueError, match=r"11 pixels a side; 10 x 40"):
        ssim(small, small)
    assert ssim(np.zeros((3, 11, 11)), np.zeros((3, 11, 11))) == 1
