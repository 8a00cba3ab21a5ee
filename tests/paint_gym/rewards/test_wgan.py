"""The WGAN reward: its loss by hand, its slow copy, resuming, and that it learns what a good painting is."""

import copy
import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from agents import PRESETS
from agents.factory import build_agent
from paint_gym.rewards import WGANReward
from paint_gym.rewards.wgan import gradient_penalty


def pairs(batch: int = 4, size: int = 32, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Noise as canvases, smooth pictures as targets, ``(batch, 3, size, size)`` each."""
    generator = torch.Generator().manual_seed(seed)
    ramp = torch.linspace(0, 1, size)
    colours = torch.rand(batch, 3, 2, generator=generator)
    targets = colours[..., :1, None] * ramp[:, None] + colours[..., 1:, None] * (1 - ramp)
    return torch.rand(batch, 3, size, size, generator=generator), targets.clamp(0, 1)


class Linear(torch.nn.Module):
    """A score that is linear in painting and target: its gradient is the same everywhere."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.linspace(-0.1, 0.2, 6 * size * size).view(6, size, size))

    def forward(self, painting: Tensor, target: Tensor) -> Tensor:
        return (torch.cat([painting, target], 1) * self.weight).sum((1, 2, 3))


def test_the_gradient_is_taken_between_fake_and_real() -> None:
    """Of half the sum of squares the gradient is the painting itself: it tells where it was taken."""
    canvas, target = pairs(batch=2, size=8)
    mix = torch.tensor([0.25, 1.0])

    def score(painting: Tensor, _: Tensor) -> Tensor:
        return painting.square().sum((1, 2, 3)) / 2 + 0 * _.sum()

    where = torch.stack([0.75 * canvas[0] + 0.25 * target[0], target[1]])
    expected = (where.flatten(1).norm(dim=1) - 1).square().mean()
    torch.testing.assert_close(gradient_penalty(score, canvas, target, mix), expected)


def test_loss_by_hand() -> None:
    reward, (canvas, target) = WGANReward(penalty=3.0), pairs(size=8)
    reward.discriminator = score = Linear(8)  # type: ignore[assignment]
    reward.target = copy.deepcopy(score)  # type: ignore[assignment]
    with torch.no_grad():
        distance = (score(target, target).mean() - score(canvas, target).mean()).item()
        penalty = (score.weight.norm() - 1).square().item()
    metrics = reward.update(canvas, target)
    assert metrics["charts/wasserstein"] == pytest.approx(distance, rel=1e-5)
    assert metrics["losses/gradient_penalty"] == pytest.approx(penalty, rel=1e-5)
    assert metrics["losses/discriminator"] == pytest.approx(3 * penalty - distance, rel=1e-5)


def test_rewards_add_up_to_the_last_score_minus_the_first_per_root_of_the_size() -> None:
    reward, (_, target) = WGANReward(width=4), pairs()
    canvases = torch.rand(6, *target.shape, generator=torch.Generator().manual_seed(0))
    total = sum(reward(canvases[k], canvases[k + 1], target) for k in range(5))
    expected = reward.target(canvases[-1], target) - reward.target(canvases[0], target)
    torch.testing.assert_close(total, expected / (3 * 32 * 32) ** 0.5, atol=1e-6, rtol=1e-5)
    assert expected.abs().max() > 1e-4


@pytest.mark.parametrize("patches", [None, 1, 2, 4, 8])
def test_patch_rewards_have_the_reward_as_their_mean(patches: int | None) -> None:
    reward, (canvas, target) = WGANReward(width=4, patches=patches), pairs(size=128, batch=2)
    gain = reward.patch_rewards(canvas, target.flip(2), target)
    assert gain.shape == (2, patches or 4, patches or 4)
    whole = reward(canvas, target.flip(2), target)
    torch.testing.assert_close(gain.mean((1, 2)), whole, atol=1e-6, rtol=1e-5)


def test_the_slow_copy_follows_also_after_loading() -> None:
    reward = WGANReward(width=4, tau=0.25, lr=0.01)
    reward.update(*pairs())
    loaded = WGANReward(width=4, tau=0.25, lr=0.01, seed=7)
    loaded.load_state_dict(copy.deepcopy(reward.state_dict()))
    old = copy.deepcopy(list(loaded.target.parameters()))
    loaded.update(*pairs())
    moved = zip(old, loaded.target.parameters(), loaded.discriminator.parameters(), strict=True)
    for before, slow, quick in moved:
        torch.testing.assert_close(slow, 0.75 * before + 0.25 * quick)
    assert not any(parameter.requires_grad for parameter in loaded.target.parameters())


@pytest.mark.parametrize("online", [False, True])
def test_resuming_is_bit_equal(online: bool, device: torch.device) -> None:
    def learn(reward: WGANReward, seeds: range) -> list[dict[str, float]]:
        batches = [pairs(3, 16, seed) for seed in seeds]
        return [reward.update(canvas.to(device), target.to(device)) for canvas, target in batches]

    def fresh(seed: int) -> WGANReward:
        return WGANReward(width=4, online=online, lr=0.01, tau=0.1, seed=seed, device=device)

    through, stopped = fresh(3), fresh(3)
    expected = learn(through, range(8))
    learn(stopped, range(4))
    file = io.BytesIO()
    torch.save(stopped.state_dict(), file)
    file.seek(0)
    resumed = fresh(4)
    resumed.load_state_dict(torch.load(file, weights_only=True, map_location=device))
    exact = device.type == "cpu"  # convolutions on an accelerator need not be deterministic
    metrics = learn(resumed, range(4, 8))
    assert metrics == expected[4:] or metrics[-1] == pytest.approx(expected[-1], rel=0 if exact else 0.01)
    for one, other in zip(through.target.parameters(), resumed.target.parameters(), strict=True):
        assert torch.equal(one, other) or not exact


def test_seed_decides_and_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    one, same, other = WGANReward(seed=5), WGANReward(seed=5), WGANReward(seed=6)
    batch = pairs()
    losses = [reward.update(*batch)["losses/discriminator"] for reward in (one, same, other)]
    assert losses[0] == losses[1] != losses[2]
    assert torch.equal(torch.rand(3), expected)


def test_it_learns_what_a_good_painting_is() -> None:
    reward = WGANReward(width=4, lr=2e-3, tau=0.05)
    metrics = [reward.update(*pairs(8, seed=step)) for step in range(150)]
    canvas, target = pairs(32, seed=1000)  # not seen while learning
    with torch.no_grad():
        real, fake = (reward.discriminator(image, target) for image in (target, canvas))
    assert (real > fake).all()
    first, last = ([m["charts/wasserstein"] for m in part] for part in (metrics[:10], metrics[-10:]))
    assert np.mean(last) > np.mean(first) + 1
    assert metrics[-1]["losses/gradient_penalty"] < 0.7  # 0.8 at first; else the slope runs off
    closer = canvas.lerp(target, 0.5)
    assert (reward(canvas, closer, target) > 0).all() and (reward(closer, target, target) > 0).all()


def test_autocast_outside_changes_nothing(device: torch.device) -> None:
    canvas, target = (image.to(device) for image in pairs())
    one, other = (WGANReward(width=4, device=device) for _ in range(2))
    plain = one(canvas, target, target), one.update(canvas, target)
    with torch.autocast(device.type, torch.bfloat16):
        cast = other(canvas, target, target), other.update(canvas, target)
    assert cast[0].dtype == torch.float32
    torch.testing.assert_close(plain[0], cast[0])
    assert plain[1] == pytest.approx(cast[1], rel=1e-4, abs=1e-6)


def test_the_settings_of_the_paper() -> None:
    reward = build_agent(replace(PRESETS["paper"].agent, actor_width=4, critic_width=4), "cpu").reward
    group = reward.optimizer.param_groups[0]
    assert group["lr"] == 1e-4 and group["betas"] == (0.5, 0.999)
    assert reward.tau == 0.001 and reward.penalty == 10
