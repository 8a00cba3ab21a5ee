"""The paper's actor (Fig. 13), a ResNet-18 behind a CoordConv layer, and the parts that critics share."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from agents.networks.actor import Actor, squash

Norm = Callable[[nn.Conv2d], nn.Module]
Activation = Callable[[], nn.Module]


def batch_normed(convolution: nn.Conv2d) -> nn.Module:
    """The convolution, then batch norm."""
    return nn.Sequential(convolution, nn.BatchNorm2d(convolution.out_channels))


class Convolution(nn.Conv2d):
    """A convolution that leaves strides to others where PyTorch 2.13 gets them wrong on CPUs.

    On a map of one pixel a stride changes nothing, but the gradient of the weights is wrong or NaN in
    bfloat16; small canvases shrink to such maps. With a 1x1 kernel a stride only picks pixels, but the
    gradient writes past its memory for 4 channels in channels_last without AVX-512.
    """

    def forward(self, x: Tensor) -> Tensor:
        """``(B, in, H, W)`` to ``(B, out, ceil(H / stride), ceil(W / stride))``."""
        stride = (1, 1) if x.shape[2] == x.shape[3] == 1 else self.stride
        if self.kernel_size == (1, 1):
            x, stride = x[:, :, :: stride[0], :: stride[1]], (1, 1)
        return nn.functional.conv2d(x, self.weight, self.bias, stride, self.padding)


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions and a short cut."""

    def __init__(self, inputs: int, outputs: int, stride: int, norm: Norm, activation: Activation) -> None:
        super().__init__()
        bias = norm is weight_norm  # batch norm has its own
        first = norm(Convolution(inputs, outputs, 3, stride, 1, bias=bias))
        second = norm(Convolution(outputs, outputs, 3, 1, 1, bias=bias))
        self.body = nn.Sequential(first, activation(), second)
        same = stride == 1 and inputs == outputs
        self.short_cut = nn.Identity() if same else norm(Convolution(inputs, outputs, 1, stride, bias=bias))
        self.activation = activation()

    def forward(self, x: Tensor) -> Tensor:
        """``(B, inputs, H, W)`` to ``(B, outputs, H / stride, W / stride)``."""
        return self.activation(self.body(x) + self.short_cut(x))


class ResNet(nn.Module):
    """ResNet-18's stages behind a 3x3 CoordConv of stride 2; pooled to one vector.

    The actor has `batch_normed` and ReLU, the critic `weight_norm` and `TReLU`. The first stage has `width`
    channels, each stage `depth` blocks and twice the channels of the stage before.
    """

    def __init__(
        self, inputs: int, outputs: int, norm: Norm, activation: Activation, width: int = 64, depth: int = 2
    ) -> None:
        super().__init__()
        stem = Convolution(inputs + 2, width, 3, 2, 1, bias=norm is weight_norm)
        layers: list[nn.Module] = [norm(stem), activation()]
        channels = width
        for stage in range(4):
            for block in range(depth):
                wide = width * 2**stage
                layers.append(ResidualBlock(channels, wide, 2 if block == 0 else 1, norm, activation))
                channels = wide
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(channels, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, inputs, H, W)`` to ``(B, outputs)``."""
        return self.head(self.body(torch.cat([x, coordinates(x)], 1)).mean((2, 3)))


def coordinates(like: Tensor) -> Tensor:
    """The two planes of CoordConv, x and y in [-1, 1]: ``(B, 2, H, W)`` for ``(B, _, H, W)``."""
    batch, _, height, width = like.shape
    y = torch.linspace(-1, 1, height, dtype=like.dtype, device=like.device).view(1, 1, -1, 1)
    x = torch.linspace(-1, 1, width, dtype=like.dtype, device=like.device).view(1, 1, 1, -1)
    return torch.cat([x.expand(batch, 1, height, width), y.expand(batch, 1, height, width)], 1)


def state_planes(canvas: Tensor, target: Tensor, step: Tensor, steps: int) -> Tensor:
    """The paper's state as one picture ``(B, 7, H, W)``: canvas, target, and ``step / steps`` as a plane."""
    plane = (step / steps).to(canvas.dtype).view(-1, 1, 1, 1).expand(-1, 1, *canvas.shape[2:])
    return torch.cat([canvas, target, plane], 1)


class ResNetActor(Actor):
    """The paper's actor: sees the whole state, gives a bundle of strokes in [0, 1]; see `ResNet`."""

    def __init__(self, action_dim: int, width: int = 64, depth: int = 2) -> None:
        super().__init__()
        self.net = ResNet(7, action_dim, batch_normed, nn.ReLU, width, depth)

    def forward(self, canvas: Tensor, target: Tensor, step: Tensor, steps: int) -> Tensor:
        """``(B, 3, H, W)`` twice and ``(B,)``, of `steps`, to ``(B, action_dim)`` in [0, 1]."""
        return squash(self.net(state_planes(canvas, target, step, steps)).float())
