"""Devices by name."""

import gymnasium as gym
import pytest
import torch

from paint_gym.utils.device import pick_device


def test_devices() -> None:
    assert pick_device("cpu") == pick_device(torch.device("cpu")) == torch.device("cpu")
    assert pick_device("auto").type in ("cpu", "cuda", "mps", "xpu")


@pytest.mark.parametrize("device", ["gpu", "cuda:99", "", "hpu", "meta"])
def test_what_is_not_there_is_one_sentence(device: str) -> None:
    for use in (pick_device, lambda device: gym.make("PaintCanvas-v0", device=device)):
        with pytest.raises(ValueError, match=f"device '{device}' cannot be used here: .*try \"auto\""):
            use(device)
