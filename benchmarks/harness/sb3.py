"""Agents of stable-baselines3 as trainings that a benchmark compares."""

from __future__ import annotations

import math
import time
from abc import abstractmethod
from dataclasses import dataclass

import gymnasium as gym
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn

from agents.networks.resnet import ResNet, batch_normed
from benchmarks.harness.tables import Row
from benchmarks.harness.training import Training
from paint_gym.adapters.sb3 import PaintVecEnv
from paint_gym.canvas import CanvasState

FEATURES = 256  # of the trunk, for the heads of stable-baselines3


class Trunk(BaseFeaturesExtractor):
    """The ResNet of our actors, as stable-baselines3 wants it."""

    def __init__(self, observation_space: gym.spaces.Box, width: int) -> None:
        super().__init__(observation_space, FEATURES)
        self.net = ResNet(7, FEATURES, batch_normed, nn.ReLU, width, depth=1)

    def forward(self, obs: Tensor) -> Tensor:
        """Observations ``(B, 7, H, W)`` in [0, 1] to ``(B, FEATURES)``."""
        return self.net(obs).relu()


class Sb3Policy:
    """An agent of stable-baselines3 as `agents.paint` wants it.

    Args:
        agent: trained on `env`.
        env: knows what an observation is.
    """

    def __init__(self, agent: BaseAlgorithm, env: PaintVecEnv) -> None:
        self.agent, self.task = agent, env.canvases.task
        self.renderer, self.bundle, self.device = self.task.renderer, self.task.bundle, self.task.device

    def act(self, state: CanvasState, steps: int | None = None) -> Tensor:
        """The bundle for each canvas, ``(B, bundle * stroke_dim)`` in [0, 1]."""
        obs = self.task.observe(state)
        assert isinstance(obs, Tensor)
        action, _ = self.agent.predict(obs.cpu().numpy(), deterministic=True)
        return torch.from_numpy((action + 1) / 2).float()


@dataclass(frozen=True)
class Sb3Training(Training):
    """An agent of stable-baselines3, trained for `seconds`; of `config`, the environment's settings count."""

    @abstractmethod
    def make(self, env: PaintVecEnv) -> BaseAlgorithm:
        """The agent that learns."""

    def work(self) -> None:
        """Train until time is up, watched on the way; then score and show. A killed one begins anew."""
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


def gradient_steps(agent: BaseAlgorithm) -> int:
    """Gradient steps so far; what PPO counts are passes over its rollouts."""
    count = int(getattr(agent, "_n_updates", 0))
    if isinstance(agent, PPO):
        count *= math.ceil(agent.n_steps * agent.n_envs / agent.batch_size)
    return count


class _Watch(BaseCallback):
    """Ends the training when its time is up, and measures on the way."""

    def __init__(self, job: Sb3Training, policy: Sb3Policy) -> None:
        super().__init__()
        self.job, self.policy = job, policy
        self.limit = job.seconds or 0.0
        self.curve: list[Row] = []
        self.spent = 0.0

    def _on_training_start(self) -> None:
        self._measure()
        self.since = time.process_time()

    def _on_step(self) -> bool:
        self.spent += (time.process_time() - self.since) / torch.get_num_threads()
        if self.spent >= len(self.curve) / self.job.points * self.limit:
            self._measure()
        self.since = time.process_time()
        return len(self.curve) <= self.job.points

    def _measure(self) -> None:
        with torch.random.fork_rng(devices=[]):
            l2, _ = self.job.paint(self.policy, self.job.watched)
        counts = {
            "updates": gradient_steps(self.model),
            "env_steps": self.num_timesteps,
            "seconds": self.spent,
        }
        self.curve.append(self.job.say(counts | {"l2": l2}))
