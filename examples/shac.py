"""Short-horizon actor-critic: ``OMP_NUM_THREADS=1 python examples/shac.py --dataset celeba --seconds 60``."""

import time

import numpy as np
import torch
import tyro
from torch import Tensor, nn

import agents
from paint_gym import CanvasState, PaintCanvasVectorEnv

GAMMA, LR = 0.9, 1e-3


class SHAC(nn.Module):
    """SHAC (Xu et al., ICLR 2022); `agents.evaluate` needs `act`, `renderer`, `bundle` and `device`."""

    def __init__(self, env: PaintCanvasVectorEnv) -> None:
        super().__init__()
        self.env, self.device = env, env.task.device
        self.renderer, self.bundle = env.task.renderer, env.task.bundle
        self.actor, self.critic = network(env.single_action_space.shape[0]), network(1)

    def act(self, state: CanvasState) -> Tensor:
        """Bundles ``(B, action_dim)`` in [0, 1], differentiable in the canvas."""
        return self.actor(self.env.observe(state, torch.float32)).sigmoid()

    def value(self, state: CanvasState) -> Tensor:
        """Discounted sum of the rewards to come, ``(B,)``; 0 when the budget is spent."""
        return self.critic(self.env.observe(state, torch.float32))[:, 0] * ~self.env.is_terminal(state)


def network(outputs: int) -> nn.Sequential:
    """Observations ``(B, 7, H, W)`` in [0, 1] to ``(B, outputs)``."""
    convs = [nn.Sequential(nn.Conv2d(i, o, 3, 2, 1), nn.ReLU()) for i, o in ((7, 32), (32, 64), (64, 64))]
    return nn.Sequential(*convs, nn.Flatten(), nn.LazyLinear(256), nn.ReLU(), nn.Linear(256, outputs))


def main(dataset: str = "photos", size: int = 32, max_strokes: int = 100, seconds: float = 60) -> float:
    """Learn for some seconds of a processor; returns the l2 of 100 test pictures."""
    torch.manual_seed(0)
    rng, task = np.random.default_rng(0), {"dataset": dataset, "size": size, "max_strokes": max_strokes}
    env = PaintCanvasVectorEnv(**task, device="cpu")
    agent, state = SHAC(env), env.initial(32, rng, step=rng.integers(env.task.steps, size=32))
    agent.act(state), agent.value(state)  # LazyLinear takes its size
    optimizer, start = torch.optim.Adam(agent.parameters(), LR), time.process_time()
    while (share := (time.process_time() - start) / seconds) < 1:
        window, objective, discount, loss = [], 0, 1, 0
        for _ in range(4):
            after, reward = env.model_step(state, agent.act(state))
            not_done = ~env.is_terminal(after)
            objective, discount = objective + discount * reward, discount * GAMMA * not_done
            window.append((state.detach(), reward.detach(), not_done))
            state = env.renew(after, ~not_done, rng)
        agent.critic.requires_grad_(False)  # the actor's objective is none of the critic's
        objective, target = objective + discount * agent.value(after), agent.value(after.detach())
        agent.critic.requires_grad_(True)
        for before, reward, not_done in reversed(window):
            target = reward + GAMMA * not_done * target
            loss = loss + (agent.value(before) - target).square().mean()
        optimizer.param_groups[0]["lr"], state = LR * (1 - share), state.detach()
        optimizer.zero_grad()
        (loss - objective.mean()).backward()
        optimizer.step()
    return agents.evaluate(agent, **task, images=100)["l2"]["mean"]


if __name__ == "__main__":
    print(f"l2 of test pictures: {tyro.cli(main):.4f}")
