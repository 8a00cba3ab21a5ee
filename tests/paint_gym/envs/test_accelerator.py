"""On a GPU: nothing is made elsewhere, and the host does not wait; on a device that pretends to be one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from paint_gym import PaintCanvasVectorEnv

PRETEND = Path(__file__).parents[2] / "pretend.py"


def run(script: str, folder: Path) -> None:
    """Run a script where the device "pretend" exists; see `tests/pretend.py`."""
    (folder / "script.py").write_text(script)
    command = [sys.executable, str(PRETEND), str(folder / "script.py")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=PRETEND.parents[1])
    assert done.returncode == 0 and done.stdout.endswith("done\n"), done.stderr[-3000:]


def test_the_device_tells(tmp_path: Path) -> None:
    """Whoever waits, or mixes tensors of the host and the device, is told."""
    run(
        """
import pytest, torch
from pretend import no_waiting
there, here = torch.rand(3, 4, device="pretend"), torch.rand(3, 4)
assert there.device.type == "pretend" and here.to("pretend").cpu().equal(here)
with pytest.raises(AssertionError, match="tensors of the CPU among"):
    there + here
with pytest.raises(AssertionError, match="tensors of the CPU among"):
    there[torch.tensor([0])]
with no_waiting():
    for wait in (lambda: bool(there.isfinite().all()), there.cpu, there.tolist, there.nonzero,
                 lambda: here.to("pretend"), lambda: there.new_tensor([1.0])):
        with pytest.raises(AssertionError, match="the host waits"):
            wait()
    here.to("pretend", non_blocking=True)
print("done")
""",
        tmp_path,
    )


STEPS = """
import torch
from paint_gym import PaintCanvasVectorEnv
from pretend import no_waiting

def rollout(device, **task):
    env = PaintCanvasVectorEnv(
        4, dataset="photos", size=24, device=device, array="torch", max_strokes=15, **task
    )
    env.reset(seed=0)
    generator = torch.Generator().manual_seed(0)
    actions = torch.rand(8, *env.action_space.shape, generator=generator).to(device)
    if device == "pretend":
        with no_waiting():
            steps = [env.step(action) for action in actions]
    else:
        steps = [env.step(action) for action in actions]
    kept = []
    for observation, reward, terminated, truncated, infos in steps:
        seen = observation["canvas"] if isinstance(observation, dict) else observation
        for part in (seen, reward, terminated, truncated, infos["l2"], infos["index"]):
            assert part.device.type == device
            kept.append(part.cpu().float() / (255 if part.dtype == torch.uint8 else 1))
        if "final_info" in infos:
            paintings = infos["final_info"]["painting"]
            assert len(paintings) == 4
            kept += [torch.from_numpy(one.strokes) for one in paintings if one is not None]
    return kept

def l1(before, after, target):
    return (before - target).abs().mean((1, 2, 3)) - (after - target).abs().mean((1, 2, 3))

for task in TASKS:
    there, here = rollout("pretend", **task), rollout("cpu", **task)
    assert len(there) == len(here) > 48 - 4 * ("autoreset_mode" in task)
    for ours, theirs in zip(there, here):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0.005)
print("done")
"""


@pytest.mark.parametrize(
    "task",
    [
        "{}", "{'autoreset_mode': 'NextStep'}", "{'observation': 'dict', 'max_episode_steps': 2}",
        "{'observation': 'float', 'action_range': (-1, 1), 'opacity': (0.5, 1)}",
        "{'stroke': 'triangle', 'reward': l1}",
    ],
)  # fmt: skip
def test_steps_do_not_wait_and_are_those_of_the_cpu(task: str, tmp_path: Path) -> None:
    run(STEPS.replace("TASKS", f"[{task}]"), tmp_path)


def test_bad_actions_are_refused_later(tmp_path: Path) -> None:
    run(
        """
import pytest, torch
from paint_gym import PaintCanvasVectorEnv
from pretend import no_waiting
env = PaintCanvasVectorEnv(2, dataset="photos", size=24, device="pretend", array="torch", max_strokes=30)
env.reset(seed=0)
good = torch.rand(2, 65).to("pretend")
bad = good.clone()
bad[1, 7] = float("nan")
env.step(good)
other = PaintCanvasVectorEnv(2, dataset="photos", size=24, device="pretend", array="torch", max_strokes=30)
other.reset(seed=0)
before = env.state.canvas.cpu()
with no_waiting():
    _, reward, *_ = env.step(bad)
    for _ in range(4):  # whose actions were good
        other.step(good)
assert env.state.canvas.cpu().equal(before) and not reward.cpu().any()
with pytest.raises(ValueError, match="NaN or inf.*in an earlier step"):
    for _ in range(3):
        env.step(good)
assert env.step(good)[1].cpu().isfinite().all()
env.step(bad)
with pytest.raises(ValueError, match="NaN or inf"):  # no painting is handed out before it is known
    env.paintings
assert len(env.paintings[0].strokes) % 5 == 0
env.step(bad)
env.reset(seed=0)  # a new episode does not hear of the last one
for _ in range(4):
    env.step(good)
for host in (bad.cpu(), bad.cpu().numpy()):  # of the host's own, at once
    with pytest.raises(ValueError, match="NaN or inf"):
        env.step(host)
arrays = PaintCanvasVectorEnv(2, dataset="photos", size=24, device="pretend", max_strokes=30)
arrays.reset(seed=0)
with pytest.raises(ValueError, match="NaN or inf"):  # this one waits for the observation anyway
    arrays.step(bad)
assert (arrays.state.step.cpu() == 0).all()
print("done")
""",
        tmp_path,
    )


@pytest.mark.slow
@pytest.mark.parametrize("algo", ["model-based", "ddpg", "patchq"])
@pytest.mark.parametrize(("actor", "reward"), [("glimpse", "l2"), ("resnet", "wgan")])
def test_agents_learn_there(algo: str, actor: str, reward: str, tmp_path: Path) -> None:
    run(
        f"""
import torch
from dataclasses import replace
from agents import PRESETS, Trainer, paint, refine
config = PRESETS["smoke"]
learning = replace(config.agent.learning, bf16=False)
agent = replace(config.agent, algo={algo!r}, actor={actor!r}, reward={reward!r}, learning=learning)
config = replace(config, agent=agent, updates=3, eval_images=2)
results = []
for device in ("pretend", "cpu"):
    trainer = Trainer(config, device)
    results.append([trainer.update() for _ in range(3)])
    targets = torch.from_numpy(trainer.eval_targets)
    paintings = refine(paint(trainer.agent, targets, 10), targets, 2, device)
for ours, theirs in zip(*results):
    for name, value in ours.items():
        assert abs(value - theirs[name]) < 0.02 * abs(theirs[name]) + 2e-4, (name, value, theirs[name])
trainer.save({str(tmp_path)!r})
Trainer.resume({str(tmp_path)!r}, "pretend").update()
print("done")
""",
        tmp_path,
    )


def test_an_update_waits_for_its_losses(tmp_path: Path) -> None:
    """For four numbers, of critic, actor, discriminator and reward; and whether actions are finite."""
    run(
        """
import pretend
from dataclasses import replace
from agents import PRESETS, Trainer
config = PRESETS["smoke"]
agent = replace(config.agent, algo="model-based", actor="resnet", reward="wgan")
agent = replace(agent, learning=replace(agent.learning, bf16=False))
trainer = Trainer(replace(config, agent=agent, updates=3, eval_images=2), "pretend")
trainer.update()
batch = trainer.replay.sample(4, trainer.replay_rng)
before = pretend.times_waited
trainer.agent.update(batch)
assert pretend.times_waited - before == 5, pretend.times_waited - before
print("done")
""",
        tmp_path,
    )


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_steps_do_not_wait_for_a_gpu() -> None:
    env = PaintCanvasVectorEnv(8, dataset="photos", size=64, device="cuda", array="torch", max_strokes=15)
    env.reset(seed=0)
    actions = torch.rand(8, *env.action_space.shape, device="cuda")
    env.step(actions[0])  # compiles the kernels
    torch.cuda.set_sync_debug_mode("error")
    try:
        for action in actions:
            env.step(action)
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint64, ">i8", np.int64])
def test_pictures_that_stay_on_the_device_are_the_same(dtype: object, pictures: np.ndarray) -> None:
    env = PaintCanvasVectorEnv(6, dataset=pictures, size=32, device="cpu", array="torch", max_strokes=10)
    env.task.targets.keep()
    for indices in (np.array([3, 3, 0, 1, 11, 3], dtype=dtype), np.arange(6, dtype=dtype)[::-1]):
        env.reset(seed=0, options={"indices": indices})
        expected = torch.from_numpy(pictures[indices.astype(int)]).float() / 255
        torch.testing.assert_close(env.state.target, expected)
        assert env.index.tolist() == indices.tolist()
