"""Agents of stable-baselines3 as trainings that a benchmark compares."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
import torch
from stable_baselines3 import PPO, SAC, TD3
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.noise import NormalActionNoise
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.vec_env import VecEnv, VecNormalize
from torch import Tensor
from torch.nn.utils.parametrizations import weight_norm

from agents.networks.resnet import ResNet
from benchmarks.harness.measure import Row
from benchmarks.harness.training import Training, clock
from paint_gym.adapters.sb3 import PaintVecEnv, Sb3Policy
from paint_gym.rewards.discriminator import TReLU

FEATURES = 256  # of the trunk, for the heads of stable-baselines3
SB3: dict[str, Any] = {"ppo": PPO, "sac": SAC, "td3": TD3}
REPLAY: Row = {"buffer_size": 20_000, "learning_starts": 5000}
OFF_POLICY: dict[str, Row] = {
    # by default the entropy bonus outweighs the reward for minutes
    "sac": REPLAY | {"learning_rate": 1e-3, "ent_coef": 3e-4},
    # by default the actor saturates before the critic has learnt anything
    "td3": REPLAY | {"policy_delay": 10, "noise": 0.5},
}
"""Settings of the agents with a replay, in place of their defaults."""


class Trunk(BaseFeaturesExtractor):
    """ResNet of our critics as a feature extractor of stable-baselines3.

    It has no batch norm: with it the ratio of PPO is not 1 at its first step, and target networks lag behind.
    """

    def __init__(self, observation_space: gym.spaces.Box, width: int) -> None:
        super().__init__(observation_space, FEATURES)
        self.net = ResNet(7, FEATURES, weight_norm, TReLU, width, depth=1)

    def forward(self, obs: Tensor) -> Tensor:
        """Observations ``(B, 7, H, W)`` in [0, 1] to ``(B, FEATURES)``."""
        return self.net(obs).relu()


@dataclass(frozen=True)
class Baseline(Training):
    """Training of an agent of stable-baselines3 for `seconds`, in the environment of `config`.

    The agent has its defaults, but for what our agents share, for exploration, and for `OFF_POLICY`.

    Attributes:
        algorithm: a name of `SB3`.
        epochs: passes of PPO over its rollouts.
        minibatch: states in a gradient step of PPO.
    """

    algorithm: str = "ppo"
    epochs: int = 6
    minibatch: int = 128
    has_config: ClassVar[bool] = False

    def settings(self) -> Row:
        """Settings that the result depends on, as JSON gives them back."""
        return super().settings() | OFF_POLICY.get(self.algorithm, {})

    def work(self) -> None:
        """Train until time is up, then score and write; a killed training begins anew."""
        assert self.seconds is not None, "it ends by time"
        torch.set_num_threads(self.threads)
        config = self.config
        env = PaintVecEnv(
            num_envs=config.num_envs, dataset=config.dataset, data_root=config.data_root, size=config.size,
            bundle=config.agent.bundle, max_strokes=config.agent.max_strokes, opacity=config.agent.opacity,
            device=self.device,
        )  # fmt: skip
        agent = self.make(env)
        policy = Sb3Policy(agent, env)
        watch = _Watch(self, policy)
        agent.learn(10**9, watch)
        self.finish(policy, watch.curve)

    def make(self, env: VecEnv) -> BaseAlgorithm:
        """Make the agent that learns."""
        agent, batch = self.config.agent, self.config.batch
        gamma = agent.learning.gamma**agent.bundle
        rewards = VecNormalize(env, norm_obs=False, gamma=gamma)  # the gains are small
        width = {"width": agent.actor_width}
        policy: Row = {"features_extractor_class": Trunk, "features_extractor_kwargs": width}
        shared: Row = {"gamma": gamma, "learning_rate": agent.learning.actor_lr, "policy_kwargs": policy}
        shared |= {"seed": self.config.seed, "device": self.device}
        if self.algorithm == "ppo":
            policy["log_std_init"] = -1.0  # actions in [-1, 1], so the default of 1 clips every third
            batch = min(self.minibatch, 16 * env.num_envs)
            return PPO("CnnPolicy", rewards, n_steps=16, n_epochs=self.epochs, batch_size=batch, **shared)
        settings = shared | {"batch_size": batch} | OFF_POLICY[self.algorithm]
        if "noise" in settings:
            size = env.action_space.shape or (0,)
            settings["action_noise"] = NormalActionNoise(np.zeros(size), np.full(size, settings.pop("noise")))
        made: BaseAlgorithm = SB3[self.algorithm]("CnnPolicy", rewards, **settings)
        return made


def gradient_steps(agent: BaseAlgorithm) -> int:
    """Gradient steps so far; PPO counts passes over its rollouts."""
    count = int(getattr(agent, "_n_updates", 0))
    if isinstance(agent, PPO):
        count *= math.ceil(agent.n_steps * agent.n_envs / agent.batch_size)
    return count


class _Watch(BaseCallback):
    """Ends the training when its time is up, and measures on the way."""

    def __init__(self, job: Baseline, policy: Sb3Policy) -> None:
        super().__init__()
        self.job, self.policy = job, policy
        self.pictures = job.pictures(job.config.eval_split, job.config.eval_images)
        self.limit = job.seconds or 0.0
        self.curve: list[Row] = []
        self.spent = 0.0

    def _on_training_start(self) -> None:
        self._measure()
        self.since = clock(self.model.device)

    def _on_step(self) -> bool:
        self.spent += clock(self.model.device) - self.since
        if self.spent >= len(self.curve) / self.job.points * self.limit:
            self._measure()
        self.since = clock(self.model.device)
        return len(self.curve) <= self.job.points

    def _measure(self) -> None:
        with torch.random.fork_rng(devices=[]):
            l2 = float(self.job.paint(self.policy, self.pictures).l2.mean())
        counts = {"updates": gradient_steps(self.model), "env_steps": self.num_timesteps}
        self.curve.append(self.job.show(counts | {"seconds": self.spent, "l2": l2}))
