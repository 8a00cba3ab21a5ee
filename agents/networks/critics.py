"""Critics: the paper's V(s) (Fig. 14), and Q(s, a) with a value for each patch of the canvas."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from agents.networks.resnet import Convolution, ResidualBlock, ResNet, coordinates, state_planes
from paint_gym.rewards.discriminator import TReLU


class ValueCritic(nn.Module):
    """The paper's critic V(s): the reward that is still to come. ``width`` and ``depth`` as for the actor."""

    def __init__(self, width: int = 64, depth: int = 2) -> None:
        super().__init__()
        self.net = ResNet(7, 1, weight_norm, TReLU, width, depth)

    def forward(self, canvas: Tensor, target: Tensor, step: Tensor, steps: int) -> Tensor:
        """``(B, 3, H, W)`` twice and ``(B,)``, of `steps`, to ``(B,)``."""
        return self.net(state_planes(canvas, target, step, steps)).float().squeeze(1)


class ActionCritic(nn.Module):
    """The critic Q(s, a) of DDPG and PatchQ: a value for each patch of the canvas.

    The paper does not say how its model-free critics read the action. As in the code that the authors
    published, a small network turns the action and the coordinates of each pixel into a picture, which a
    convolutional network sees beside the state.

    `patches` is their number per side; ``width`` and ``depth`` as for the actor.
    """

    def __init__(self, action_dim: int, width: int = 64, patches: int = 8, depth: int = 2) -> None:
        super().__init__()
        self.patches = patches
        self.stem = nn.Sequential(weight_norm(Convolution(9, width, 3, 2, 1)), TReLU())
        self.action = nn.Linear(action_dim, 2 * width)
        self.place = nn.Conv2d(2, 2 * width, 1)
        self.picture = nn.Sequential(
            nn.ReLU(), nn.Conv2d(2 * width, 2 * width, 1), nn.ReLU(), nn.Conv2d(2 * width, width, 1)
        )
        self.stages, channels = nn.ModuleList(), 2 * width
        for stage in range(4):
            blocks = nn.Sequential()
            for _ in range(depth):
                wide = width * 2**stage
                blocks.append(ResidualBlock(channels, wide, 1, weight_norm, TReLU))
                channels = wide
            self.stages.append(blocks)
        self.head = nn.Conv2d(channels, 1, 1)

    def forward(self, canvas: Tensor, target: Tensor, step: Tensor, steps: int, action: Tensor) -> Tensor:
        """``(B, 3, H, W)`` twice, ``(B,)`` of `steps`, ``(B, action_dim)`` to ``(B, patches, patches)``."""
        planes = state_planes(canvas, target, step, steps)
        features = self.stem(torch.cat([planes, coordinates(planes)], 1))  # (B, width, H / 2, W / 2)
        places = self.place(coordinates(features[:1]).to(action.dtype))
        x = torch.cat([features, self.picture(self.action(action)[:, :, None, None] + places)], 1)
        for stage in self.stages:
            if min(x.shape[2:]) >= 2 * self.patches:  # never coarser than the patches
                x = nn.functional.avg_pool2d(x, 2)
            x = stage(x)
        return nn.functional.adaptive_avg_pool2d(self.head(x), self.patches).squeeze(1)
