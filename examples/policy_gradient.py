"""An agent of one's own that learns through the environment: gradients flow back through whole paintings.

`model_step` is pure and differentiable, so an analytic policy gradient is the plain derivative of the last
error in the weights of a policy. Nothing here comes from the package `agents`.

Run: python examples/policy_gradient.py --updates 300
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import tyro
from torch import Tensor, nn

from paint_gym import CanvasState, PaintCanvasVectorEnv


@dataclass
class Args:
    """Settings."""

    dataset: str = "photos"
    size: int = 32
    strokes: int = 20
    bundle: int = 5
    batch: int = 16
    updates: int = 300
    lr: float = 1e-3
    seed: int = 0


class Policy(nn.Module):
    """Canvas and target to a bundle of strokes in [0, 1]."""

    def __init__(self, action_dim: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs in ((6, 32), (32, 32), (32, 64)):
            layers += [nn.Conv2d(inputs, outputs, 3, 2, 1), nn.ReLU()]
        self.net = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(1024, action_dim))

    def forward(self, state: CanvasState) -> Tensor:
        """``(B, action_dim)``."""
        return self.net(torch.cat([state.canvas, state.target], 1)).sigmoid()


def train(args: Args) -> list[float]:
    """Learn; returns the mean l2 at the end of each update's paintings."""
    torch.manual_seed(args.seed)
    env = PaintCanvasVectorEnv(
        args.batch, dataset=args.dataset, size=args.size, max_strokes=args.strokes, bundle=args.bundle,
        array="torch", device="cpu",
    )  # fmt: skip
    policy = Policy(env.single_action_space.shape[0])
    optimizer = torch.optim.Adam(policy.parameters(), args.lr)
    scores = []
    for update in range(args.updates):
        env.reset(seed=args.seed if update == 0 else None)
        state, gained = env.state, torch.zeros(args.batch)
        for _ in range(args.strokes // args.bundle):
            state, reward = env.model_step(state, policy(state))
            gained = gained + reward
        optimizer.zero_grad()
        (-gained.mean()).backward()
        optimizer.step()
        scores.append((state.canvas - state.target).square().mean().item())
        if update % 20 == 0:
            print(f"update {update}: l2 {scores[-1]:.4f}", flush=True)
    return scores


if __name__ == "__main__":
    train(tyro.cli(Args))
