"""Agents and tools of other libraries paint; .ci/run installs those that pip can (extra `clients`)."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
import torch
from torch import nn

import paint_gym  # noqa: F401  # registers PaintCanvas-v0

pytestmark = [pytest.mark.ci, pytest.mark.filterwarnings("ignore")]  # the warnings are the libraries' own
STEPS = 4
PAINT = {"dataset": "photos", "size": 36, "max_strokes": 5 * STEPS}
GAUSSIAN = PAINT | {"observation": "float", "action_range": (-1, 1)}
CLEANRL = Path(os.environ.get("CLEANRL", ""))  # a clone; it is no package
README = (Path(__file__).parents[2] / "README.md").read_text()
FLAT_PAINT = README.partition("# flat_paint.py")[2].partition("```")[0]


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
    (tmp_path / "flat_paint.py").write_text(FLAT_PAINT)
    sizes = (
        ["--num-steps=32", "--num-minibatches=4"]
        if name == "ppo"
        else ["--buffer-size=500", "--learning-starts=30"]
    )
    output = run(
        "script.py", "--env-id=flat_paint:FlatPaint-v0", "--no-cuda", "--total-timesteps=64", *sizes,
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


@pytest.mark.parametrize("num_envs", [1, 4])
def test_skrl(num_envs: int, tmp_path: Path):
    pytest.importorskip("skrl")
    from skrl.agents.torch.ppo import PPO
    from skrl.envs.wrappers.torch import wrap_env
    from skrl.memories.torch import RandomMemory
    from skrl.models.torch import DeterministicMixin, GaussianMixin, Model
    from skrl.trainers.torch import SequentialTrainer

    class Policy(GaussianMixin, Model):
        def __init__(self, observation_space, action_space, device):
            Model.__init__(
                self, observation_space=observation_space, action_space=action_space, device=device
            )
            GaussianMixin.__init__(self)
            self.net = nn.Linear(self.num_observations, self.num_actions)
            self.log_std = nn.Parameter(torch.zeros(self.num_actions))

        def compute(self, inputs, role=""):
            return self.net(inputs["observations"]), {"log_std": self.log_std}

    class Value(DeterministicMixin, Model):
        def __init__(self, observation_space, action_space, device):
            Model.__init__(
                self, observation_space=observation_space, action_space=action_space, device=device
            )
            DeterministicMixin.__init__(self)
            self.net = nn.Linear(self.num_observations, 1)

        def compute(self, inputs, role=""):
            return self.net(inputs["observations"]), {}

    if num_envs == 1:
        env = wrap_env(gym.make("PaintCanvas-v0", **GAUSSIAN))
    else:
        made = gym.make_vec(
            "PaintCanvas-v0", num_envs=num_envs, vectorization_mode="vector_entry_point", **GAUSSIAN
        )
        env = wrap_env(made)
    assert env.num_envs == num_envs
    spaces = (env.observation_space, env.action_space, env.device)
    agent = PPO(
        models={"policy": Policy(*spaces), "value": Value(*spaces)},
        memory=RandomMemory(memory_size=8, num_envs=num_envs, device=env.device),
        observation_space=env.observation_space, action_space=env.action_space, device=env.device,
        cfg={"rollouts": 8, "learning_epochs": 1, "experiment": {"directory": str(tmp_path)}},
    )  # fmt: skip
    before = agent.policy.net.weight.clone()
    trainer = SequentialTrainer(
        env=env,
        agents=agent,
        cfg={
            "timesteps": 16,
            "headless": True,
            "disable_progressbar": True,
            "close_environment_at_exit": False,
        },
    )
    trainer.train()
    assert not torch.equal(before, agent.policy.net.weight)


def test_tianshou():
    pytest.importorskip("tianshou")
    from tianshou.algorithm import DDPG
    from tianshou.algorithm.modelfree.ddpg import ContinuousDeterministicPolicy
    from tianshou.algorithm.optim import AdamOptimizerFactory
    from tianshou.data import Collector, VectorReplayBuffer
    from tianshou.env import DummyVectorEnv
    from tianshou.trainer import OffPolicyTrainerParams
    from tianshou.utils.net.common import Net
    from tianshou.utils.net.continuous import ContinuousActorDeterministic, ContinuousCritic

    envs = DummyVectorEnv([lambda: gym.make("PaintCanvas-v0", **GAUSSIAN) for _ in range(2)])
    env = gym.make("PaintCanvas-v0", **GAUSSIAN)
    shape, action = env.observation_space.shape, env.action_space
    actor = ContinuousActorDeterministic(
        preprocess_net=Net(state_shape=shape, hidden_sizes=[8]), action_shape=action.shape
    )
    critic_net = Net(state_shape=shape, action_shape=action.shape, hidden_sizes=[8], concat=True)
    agent = DDPG(
        policy=ContinuousDeterministicPolicy(actor=actor, action_space=action, action_scaling=True),
        policy_optim=AdamOptimizerFactory(lr=1e-3),
        critic=ContinuousCritic(preprocess_net=critic_net),
        critic_optim=AdamOptimizerFactory(lr=1e-3),
    )
    before = [weights.clone() for weights in actor.parameters()]
    result = agent.run_training(
        OffPolicyTrainerParams(
            training_collector=Collector(agent, envs, VectorReplayBuffer(64, 2)),
            max_epochs=1, epoch_num_steps=8 * STEPS, collection_step_num_env_steps=8, batch_size=8,
            show_progress=False,
        )
    )  # fmt: skip
    assert result.train_episode == 8
    assert any(not torch.equal(a, b) for a, b in zip(before, actor.parameters(), strict=True))


@pytest.mark.parametrize("observation", ["stacked", "float", "dict"])
def test_minari(observation: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    minari = pytest.importorskip("minari")
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    env = minari.DataCollector(
        gym.make("PaintCanvas-v0", **PAINT, observation=observation), record_infos=True
    )
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
