"""The sigmoid of actions: it never saturates."""

from __future__ import annotations

import pytest
import torch
from helpers import Constant

from agents.networks.actor import FARTHEST, squash


def test_squash_is_the_sigmoid() -> None:
    logits = torch.linspace(-4.9, 4.9, 50, dtype=torch.float64, requires_grad=True)
    assert torch.equal(squash(logits), logits.sigmoid())
    assert torch.autograd.gradcheck(squash, logits)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_squash_finds_back(sign: float) -> None:
    logits = torch.tensor([sign * 30.0], requires_grad=True)
    (inwards,) = torch.autograd.grad(squash(logits).sum() * sign, logits)
    slope = torch.tensor(FARTHEST).sigmoid()
    torch.testing.assert_close(inwards, torch.tensor([sign]) * slope * (1 - slope))
    (outwards,) = torch.autograd.grad(-squash(logits).sum() * sign, logits)
    assert outwards == 0


def test_an_actor_without_seeds_refuses_them() -> None:
    assert Constant(2).focused(torch.ones(1, 4, 4)).value.shape == (2,)
    with pytest.raises(ValueError, match="a seed changes nothing"):
        Constant(2).focused(seed=1)
