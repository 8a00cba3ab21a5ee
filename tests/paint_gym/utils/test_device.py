"""Devices by name."""

from __future__ import annotations

import gymnasium as gym
import pytest
import torch

from agents.cli.main import main
from paint_gym.utils.device import pick_device


def test_devices() -> None:
    assert pick_device("cpu") == pick_device(torch.device("cpu")) == torch.device("cpu")
    assert pick_device("auto").type in ("cpu", "cuda", "mps", "xpu")


@pytest.mark.parametrize("device", ["gpu", "cuda:99", "", "hpu"])
def test_what_is_not_there_is_one_sentence(device: str, tmp_path) -> None:
    with pytest.raises(ValueError, match=f"device '{device}' cannot be used here: .*try \"auto\""):
        pick_device(device)
    with pytest.raises(ValueError, match="cannot be used here"):
        gym.make("PaintCanvas-v0", device=device)
    for command in (["train", "--preset", "smoke"], ["train-renderer"]):
        with pytest.raises(SystemExit, match="cannot be used here"):
            main([*command, "--out", str(tmp_path), "--device", device])
