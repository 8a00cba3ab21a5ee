"""The environment on each accelerator of this machine paints what it paints on the CPU."""

from typing import Any

import numpy as np
import pytest
import torch
from conftest import devices

from paint_gym import PaintCanvasVectorEnv

ACCELERATORS = [name for name in devices() if name != "cpu"]
EPISODE = 3
TASK = {"dataset": "photos", "size": 24, "max_strokes": 5 * EPISODE, "array": "torch"}


def rollout(device: str, **task: Any) -> list[torch.Tensor]:
    """Results of eight steps, a reset to given pictures, and the finished paintings, as floats on the CPU."""
    env = PaintCanvasVectorEnv(4, device=device, **TASK | task)
    generator = torch.Generator().manual_seed(0)
    observation, infos = env.reset(seed=0)
    results = [(observation, infos["l2"])]
    paintings = []
    for _ in range(8):
        action = torch.rand(env.action_space.shape, generator=generator).to(device)
        *step, infos = env.step(action)
        results.append((*step, infos["l2"], infos["index"]))
        if "final_info" in infos:
            paintings += [painting for painting in infos["final_info"]["painting"] if painting is not None]
    observation, infos = env.reset(options={"indices": [3, 0, 1, 2], "reset_mask": np.ones(4, bool)})
    results.append((observation, infos["l2"]))
    tensors = []
    for value in (value for result in results for value in result):
        for tensor in value.values() if isinstance(value, dict) else [value]:
            assert tensor.device.type == device
            tensors.append(tensor.cpu().float() / (255 if tensor.dtype == torch.uint8 else 1))
    return tensors + [torch.tensor(painting.strokes) for painting in paintings]


@pytest.mark.skipif(not ACCELERATORS, reason="no accelerator")
@pytest.mark.parametrize("device", ACCELERATORS)
@pytest.mark.parametrize(
    "task",
    [
        {"autoreset_mode": "NextStep"},
        {"observation": "dict", "max_episode_steps": 2},
        {"observation": "float", "action_range": (-1, 1), "opacity": (0.5, 1), "stroke": "triangle"},
        {"reward": "wgan"},
    ],
)
def test_the_same_as_on_the_cpu(device: str, task: dict[str, Any]) -> None:
    results, expected = rollout(device, **task), rollout("cpu", **task)
    assert len(results) == len(expected)
    for result, reference in zip(results, expected, strict=True):
        torch.testing.assert_close(result, reference, rtol=0, atol=0.005)


@pytest.mark.skipif(not ACCELERATORS, reason="no accelerator")
@pytest.mark.parametrize("device", ACCELERATORS)
def test_bad_actions_are_refused_at_once(device: str) -> None:
    env = PaintCanvasVectorEnv(2, device=device, **TASK)
    env.reset(seed=0)
    before, action = env.state, torch.rand(env.action_space.shape)
    action[1, 7] = torch.nan
    for actions in (action, action.numpy(), action.to(device)):
        with pytest.raises(ValueError, match="NaN or inf"):
            env.step(actions)
    assert env.state is before


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, ">i8"])
def test_pictures_that_stay_on_the_device_are_the_same(dtype: object, pictures: np.ndarray) -> None:
    env = PaintCanvasVectorEnv(6, dataset=pictures, size=32, device="cpu", array="torch", max_strokes=10)
    env.task.targets.keep()
    for indices in (np.array([3, 3, 0, 1, 11, 3], dtype=dtype), np.arange(6, dtype=dtype)[::-1]):
        env.reset(seed=0, options={"indices": indices})
        expected = torch.from_numpy(pictures[indices.astype(int)]).float() / 255
        torch.testing.assert_close(env.state.target, expected)
        assert env.index.tolist() == indices.tolist()
