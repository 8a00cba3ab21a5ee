"""Networks have the paper's shapes and cost."""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from agents.networks import ActionCritic, ResNetActor
from agents.networks.resnet import Convolution


def test_the_actor_costs_what_the_paper_says() -> None:
    """554 M multiply-adds (section 5.2); that leaves out the CoordConv layer's 21 M."""
    actor = ResNetActor(65).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        actor(torch.rand(1, 3, 128, 128), torch.rand(1, 3, 128, 128), torch.zeros(1), 40)
    first = 64 * 64 * 64 * 9 * 9
    assert abs(counter.get_total_flops() / 2 - first - 554e6) < 0.01 * 554e6


@pytest.mark.parametrize(("size", "patches"), [(32, 4), (16, 8), (128, 8), (33, 1)])
def test_a_value_for_each_patch(size: int, patches: int) -> None:
    critic = ActionCritic(10, width=4, patches=patches)
    canvas, target = torch.rand(2, 2, 3, size, size)
    assert critic(canvas, target, torch.zeros(2), 40, torch.rand(2, 10)).shape == (2, patches, patches)


def test_values_follow_their_own_patch_and_the_action() -> None:
    """A change of a corner of the canvas moves the value of that corner most; the action moves all."""
    torch.manual_seed(0)
    critic = ActionCritic(10, width=8, patches=8, depth=1)
    canvas, target = torch.rand(2, 1, 3, 128, 128)
    action, step = torch.rand(1, 10), torch.zeros(1)
    before = critic(canvas, target, step, 40, action)
    canvas[..., 112:, 112:] = 0
    moved = (critic(canvas, target, step, 40, action) - before).abs()[0]
    assert moved.argmax() == 63 and moved[0, 0] < 0.01 * moved[7, 7]
    assert ((critic(canvas, target, step, 40, 1 - action) - before).abs() > 0).all()


@pytest.mark.parametrize("side", [1, 6, 7])
@pytest.mark.parametrize("kernel", [1, 3])
def test_a_convolution_without_its_own_strides_is_the_same(kernel: int, side: int) -> None:
    torch.manual_seed(0)
    layer = Convolution(4, 8, kernel, 2, kernel // 2).to(memory_format=torch.channels_last)
    x = torch.rand(2, 4, side, side, requires_grad=True)
    weight, bias = layer.weight.double(), layer.bias.double()
    expected = torch.nn.functional.conv2d(x.double(), weight, bias, 2, kernel // 2)
    answer = layer(x.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(answer, expected.float())
    gradients = (torch.autograd.grad(value.sum(), (x, layer.weight)) for value in (answer, expected))
    torch.testing.assert_close(*gradients)
