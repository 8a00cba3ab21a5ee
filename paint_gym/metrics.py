"""Metrics of paintings: mean squared error (the l2 of the paper's tables), PSNR and SSIM."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torch.nn.functional import mse_loss

MAX_PSNR = 100.0  # dB; a perfect copy has infinity, which would spoil means
SSIM_WINDOW = 11  # pixels


def mean_squared_error(canvas: Tensor, target: Tensor) -> Tensor:
    """The l2 of the paper's tables: ``(B, 3, H, W)`` twice, in [0, 1], to ``(B,)`` in [0, 1]."""
    return mse_loss(canvas, target, reduction="none").mean((1, 2, 3))


def psnr(l2: ArrayLike) -> NDArray[np.float64]:
    """Peak signal-to-noise ratio in dB, at most `MAX_PSNR`, of mean squared errors ``(...)`` in [0, 1]."""
    return 10 * np.log10(1 / np.maximum(l2, 10 ** (-MAX_PSNR / 10)))


def ssim(canvas: NDArray[np.floating], target: NDArray[np.floating]) -> float:
    """Structural similarity in [-1, 1], with the Gaussian window of Wang et al. (2004); mean over channels.

    Canvas and target are ``(3, H, W)`` in [0, 1]; a `ValueError` if a side is shorter than the window.
    """
    from skimage.metrics import structural_similarity

    check_ssim_size(*target.shape[1:])
    pictures = canvas.astype(np.float64), target.astype(np.float64)
    window = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    return float(structural_similarity(*pictures, data_range=1, channel_axis=0, **window))


def check_ssim_size(height: int, width: int) -> None:
    """Raise a `ValueError` if pictures of this size are too small for SSIM."""
    if min(height, width) < SSIM_WINDOW:
        raise ValueError(f"SSIM needs {SSIM_WINDOW} pixels a side; {height} x {width} is too small")
