"""Agents and tools of other libraries paint; .ci/run installs those that pip can (extra `clients`).

`tests/docs` runs the recipes of the page, among them those for skrl and tianshou.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
import torch

import paint_gym  # noqa: F401  # registers PaintCanvas-v0

pytestmark = [pytest.mark.ci, pytest.mark.filterwarnings("ignore")]  # the warnings are the libraries' own
STEPS = 4
PAINT = {"dataset": "photos", "size": 36, "max_strokes": 5 * STEPS}
CLEANRL = Path(os.environ.get("CLEANRL", ""))  # a clone; it is no package


def run(*command: str, folder: Path, **variables: str) -> str:
    """What a Python command prints on both streams; its status must be 0."""
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, capture_output=True, text=True, timeout=300,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | variables,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.skipif(not CLEANRL.name, reason="the variable CLEANRL names no clone of CleanRL")
@pytest.mark.parametrize("name", ["ddpg", "td3", "sac", "ppo"])
def test_cleanrl(name: str, tmp_path: Path):
    script = (CLEANRL / "cleanrl" / f"{name}_continuous_action.py").read_text()
    # written for Gymnasium 0.29; since 1.0 this wrapper is told the space that comes out
    script = script.replace("np.clip(obs, -10, 10))", "np.clip(obs, -10, 10), env.observation_space)")
    (tmp_path / "script.py").write_text(script)
    sizes = ["--num-steps=32", "--num-minibatches=4"]
    if name != "ppo":
        sizes = ["--buffer-size=500", "--learning-starts=30"]
    output = run(
        "script.py", "--env-id=paint_gym:PaintCanvasFlat-v0", "--no-cuda", "--total-timesteps=64", *sizes,
        folder=tmp_path, PYTHONPATH=f"{tmp_path}:{CLEANRL.resolve()}",
    )  # fmt: skip
    assert "Traceback" not in output
    assert list(tmp_path.glob("runs/*/events*")), "it logs its episodes"


def test_rl_zoo3(tmp_path: Path):
    pytest.importorskip("rl_zoo3")
    (tmp_path / "ppo.yml").write_text(
        "PaintCanvas-v0: {n_timesteps: 96, policy: CnnPolicy, n_steps: 16, batch_size: 16, n_epochs: 1}"
    )
    paint = [f"{name}:{value!r}" for name, value in (PAINT | {"action_range": (-1, 1)}).items()]
    which = ["--algo", "ppo", "--env", "PaintCanvas-v0", "--gym-packages", "paint_gym", "-f", "logs"]
    run(
        "-m", "rl_zoo3.train", *which, "--conf-file", "ppo.yml", "--env-kwargs", *paint,
        "--eval-freq", "48", "--eval-episodes", "1", folder=tmp_path,
    )  # fmt: skip
    enjoyed = run("-m", "rl_zoo3.enjoy", *which, "-n", "20", "--no-render", folder=tmp_path)
    rewards = [float(number) for number in re.findall(r"Episode Reward: (\S+)", enjoyed)]
    assert len(rewards) == 20 // STEPS
    assert any(rewards), "an untrained Gaussian policy paints something"


def test_sb3_contrib():
    contrib = pytest.importorskip("sb3_contrib")
    env = gym.make("PaintCanvas-v0", **PAINT, action_range=(-1, 1))
    agent = contrib.TQC("CnnPolicy", env, buffer_size=200, learning_starts=8, batch_size=8, seed=0)
    before = [weights.clone() for weights in agent.actor.parameters()]
    agent.learn(8 * STEPS)
    assert len(agent.ep_info_buffer) == 8
    assert any(not torch.equal(a, b) for a, b in zip(before, agent.actor.parameters(), strict=True))


@pytest.mark.parametrize("observation", ["stacked", "float", "dict"])
def test_minari(observation: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    minari = pytest.importorskip("minari")
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    env = gym.make("PaintCanvas-v0", **PAINT, observation=observation)
    env = minari.DataCollector(env, record_infos=True)
    painted = []
    for seed in range(2):
        env.reset(seed=seed)
        done = False
        while not done:
            _, _, done, _, info = env.step(env.action_space.sample())
        painted.append(info["l2"])
    env.create_dataset(dataset_id="paint/random-v0", algorithm_name="random", description="chance")
    data = minari.load_dataset("paint/random-v0")
    episodes = list(data.iterate_episodes())
    assert [len(episode.actions) for episode in episodes] == [STEPS, STEPS]
    np.testing.assert_array_equal([episode.infos["l2"][-1] for episode in episodes], painted)
    again = data.recover_environment()
    assert again.observation_space == env.observation_space
