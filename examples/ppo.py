"""PPO in one file, in the manner of CleanRL, on the vector environment: no adapter, no library but PyTorch.

Run: python examples/ppo.py --dataset photos --size 32 --total-steps 200000
"""

from __future__ import annotations

from dataclasses import dataclass

import gymnasium as gym
import torch
import tyro
from gymnasium.wrappers.vector import NormalizeReward
from torch import Tensor, nn
from torch.distributions import Normal

import paint_gym  # noqa: F401  # registers PaintCanvas-v0


@dataclass
class Args:
    """Settings."""

    dataset: str = "photos"
    size: int = 32
    max_strokes: int = 20
    bundle: int = 5
    num_envs: int = 64
    num_steps: int = 16
    total_steps: int = 200_000
    lr: float = 5e-4
    gamma: float = 0.9
    gae_lambda: float = 0.9
    epochs: int = 4
    minibatches: int = 8
    clip: float = 0.2
    seed: int = 0


class Agent(nn.Module):
    """A Gaussian policy and a value over one convolutional trunk."""

    def __init__(self, action_dim: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs in ((7, 16), (16, 32), (32, 32)):
            layers += [nn.Conv2d(inputs, outputs, 3, 2, 1), nn.ReLU()]
        self.trunk = nn.Sequential(
            *layers, nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(512, 256), nn.ReLU()
        )
        self.mean, self.value = nn.Linear(256, action_dim), nn.Linear(256, 1)
        nn.init.orthogonal_(self.mean.weight, 0.01)
        self.log_std = nn.Parameter(torch.full((action_dim,), -1.5))

    def forward(self, obs: Tensor) -> tuple[Normal, Tensor]:
        """Actions and a value ``(B,)`` for observations ``(B, 7, H, W)`` uint8."""
        features = self.trunk(obs.float() / 255)
        return Normal(0.5 + self.mean(features), self.log_std.exp()), self.value(features).squeeze(1)


def train(args: Args) -> list[float]:
    """Learn; returns the mean l2 of the paintings that were finished in each iteration."""
    torch.manual_seed(args.seed)
    env = gym.make_vec(
        "PaintCanvas-v0", num_envs=args.num_envs, vectorization_mode="vector_entry_point",
        dataset=args.dataset, size=args.size, max_strokes=args.max_strokes, bundle=args.bundle, device="cpu",
    )  # fmt: skip
    env = NormalizeReward(env, gamma=args.gamma)
    agent = Agent(env.single_action_space.shape[0])
    optimizer = torch.optim.Adam(agent.parameters(), args.lr, eps=1e-5)
    observation, _ = env.reset(seed=args.seed)
    scores = []
    for _ in range(args.total_steps // (args.num_envs * args.num_steps)):
        obs, actions, logs, values, rewards, dones, finished = [], [], [], [], [], [], []
        for _ in range(args.num_steps):
            obs.append(torch.from_numpy(observation))
            with torch.no_grad():
                policy, value = agent(obs[-1])
            action = policy.sample()
            observation, reward, terminated, _, infos = env.step(action.clamp(0, 1).numpy())
            actions.append(action)
            values.append(value)
            logs.append(policy.log_prob(action).sum(1))
            rewards.append(torch.from_numpy(reward).float())
            dones.append(torch.from_numpy(terminated).float())
            if terminated.any():
                finished.append(infos["final_info"]["l2"][terminated].mean())
        with torch.no_grad():
            next_value, advantage = agent(torch.from_numpy(observation))[1], torch.zeros(args.num_envs)
        advantages = []
        for t in reversed(range(args.num_steps)):
            not_done = 1 - dones[t]
            delta = rewards[t] + args.gamma * not_done * next_value - values[t]
            advantage = delta + args.gamma * args.gae_lambda * not_done * advantage
            advantages.insert(0, advantage)
            next_value = values[t]
        data = [torch.cat(part) for part in (obs, actions, logs, values, advantages)]
        for _ in range(args.epochs):
            for rows in torch.randperm(len(data[0])).chunk(args.minibatches):
                x, a, log, v, adv = (part[rows] for part in data)
                policy, value = agent(x)
                ratio = (policy.log_prob(a).sum(1) - log).exp()
                returns, adv = v + adv, (adv - adv.mean()) / (adv.std() + 1e-8)
                gain = torch.min(adv * ratio, adv * ratio.clamp(1 - args.clip, 1 + args.clip)).mean()
                loss = (value - returns).square().mean() / 2 - gain
                optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(agent.parameters(), 0.5)
                optimizer.step()
        scores.append(sum(finished) / max(1, len(finished)))
        print(f"iteration {len(scores)}: l2 of finished paintings {scores[-1]:.4f}", flush=True)
    env.close()
    return scores


if __name__ == "__main__":
    train(tyro.cli(Args))
