"""The WGAN reward (section 3.3.3): increase of the score of a discriminator that learns."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from paint_gym.rewards.base import Reward
from paint_gym.rewards.discriminator import Discriminator
from paint_gym.utils.device import upload
from paint_gym.utils.distributed import average, average_gradients
from paint_gym.utils.images import to_bytes
from paint_gym.utils.weights import polyak_update

_MIN_BATCH = 8  # pairs of an online update
_REPLAY = 256  # earlier pairs, from which smaller batches are filled up


class WGANReward(Reward):
    """Score of the canvas after a bundle minus its score before, by the target copy of a discriminator.

    The gradient penalty makes the score 1-Lipschitz in the Euclidean norm of a pair. Divided by the root of
    the number of values of a canvas, rewards are in units of root mean square error: those of an episode add
    up to at most about 1, at any size.

    The discriminator learns by WGAN-GP to tell (canvas, target), the fake pairs, from (target, target), the
    real ones; the training calls `update`. The discriminator must keep up with an actor that learns in a
    thousand updates: the defaults of `lr` and `tau` are for that; Table 2, for 200,000, has 1e-4 and 0.001.

    Args:
        width: channels of the first convolution; 16 is the paper's.
        online: the environment calls `update` after each step. A batch of fewer than 8 pairs is filled up
            with earlier pairs; otherwise a single environment would learn from one pair at a time.
        lr: learning rate of the discriminator.
        tau: step of `polyak_update` for the target copy; with 1 it equals the discriminator.
        penalty: weight of the gradient penalty.
        patches: patches per side of the patch-level reward; None for those of the discriminator.
        seed: of the initial weights and of the gradient penalty's random numbers.
        device: device of the discriminator.

    Attributes:
        discriminator: the network that learns.
        target: its target network, whose scores are the reward.
    """

    @dataclass(frozen=True)
    class Config:
        """Settings of the discriminator."""

        width: int = 16
        """Channels of its first convolution."""
        lr: float = 1e-3
        """Learning rate."""
        tau: float = 1.0
        """Step of `polyak_update` for the target discriminator."""

    name = "wgan"
    patch_level = True

    def __init__(
        self,
        width: int = 16,
        online: bool = False,
        lr: float = 1e-3,
        tau: float = 1.0,
        penalty: float = 10.0,
        patches: int | None = None,
        seed: int = 0,
        device: str | torch.device = "cpu",
    ) -> None:
        self.online, self.tau, self.penalty, self.patches = online, tau, penalty, patches
        self.width, self.lr, self.device = width, lr, torch.device(device)
        self._build(seed)

    def _build(self, seed: int) -> None:
        """Initialise networks, optimizer, generator and replay."""
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            self.discriminator = Discriminator(self.width).to(self.device)
        self.target = copy.deepcopy(self.discriminator).requires_grad_(False)
        self.optimizer = torch.optim.Adam(self.discriminator.parameters(), self.lr, betas=(0.5, 0.999))
        self.generator = torch.Generator().manual_seed(seed)  # on the CPU: the same numbers on every device
        self._replay: Tensor | None = None  # (n, 2, 3, H, W) uint8, canvas and target, the newest last

    def __call__(self, before: Tensor, after: Tensor, target: Tensor) -> Tensor:
        """Reward ``(B,)``, unbounded; differentiable in the canvases. See `Reward`."""
        return self._gain(before, after, target).mean((1, 2))

    def patch_rewards(self, before: Tensor, after: Tensor, target: Tensor) -> Tensor:
        """Reward per patch, ``(B, h, w)``: the patches of the discriminator, or `patches` a side.

        If one of the two numbers divides the other, their mean is the scalar reward.
        """
        gain = self._gain(before, after, target)
        return gain if self.patches is None else adaptive_avg_pool2d(gain, self.patches)

    def _gain(self, before: Tensor, after: Tensor, target: Tensor) -> Tensor:
        # half precision would hide the small difference
        with torch.autocast(after.device.type, enabled=False):
            gain = self.target.patches(after, target) - self.target.patches(before, target)
            return gain / math.sqrt(target[0].numel())

    @torch.enable_grad()
    def update(self, canvas: Tensor, target: Tensor) -> dict[str, float]:
        """One step of WGAN-GP, averaged over all processes; then the target copy follows.

        Returns:
            ``losses/discriminator``; ``losses/gradient_penalty``, before its weight; ``charts/wasserstein``,
            the mean score of the real pairs minus that of the fake ones.

        Raises:
            FloatingPointError: the loss is NaN or inf; no step has been made.
        """
        canvas, target = canvas.detach().float(), target.detach().float()
        if self.online:
            canvas, target = self._pad_batch(canvas, target)
        mix = upload(torch.rand(len(canvas), generator=self.generator, dtype=torch.float32), canvas.device)
        with torch.autocast(canvas.device.type, enabled=False):
            real, fake = self.discriminator(target, target), self.discriminator(canvas, target)
            wasserstein = real.mean() - fake.mean()
            penalty = gradient_penalty(self.discriminator, canvas, target, mix)
            loss = self.penalty * penalty - wasserstein
            means = average(torch.stack([loss, wasserstein, penalty]))
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
        average_gradients(self.discriminator.parameters())
        value, distance, penalty_value = means.tolist()
        if not math.isfinite(value):
            raise FloatingPointError(f"the discriminator's loss is {value}; are canvas and target finite?")
        self.optimizer.step()
        polyak_update(self.target, self.discriminator, self.tau)
        return {
            "losses/discriminator": value,
            "losses/gradient_penalty": penalty_value,
            "charts/wasserstein": distance,
        }

    def _pad_batch(self, canvas: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Fill up a small batch with random earlier pairs."""
        lack = _MIN_BATCH - len(canvas)
        if lack <= 0:
            return canvas, target
        pairs = torch.stack([canvas, target], 1)  # (B, 2, 3, H, W)
        known = to_bytes(pairs)
        if self._replay is not None and self._replay.shape[1:] == known.shape[1:]:
            known = torch.cat([self._replay, known])[-_REPLAY:]
        self._replay = known
        drawn = upload(torch.randint(len(known), (lack,), generator=self.generator), known.device)
        canvas, target = torch.cat([pairs, known[drawn].float() / 255]).unbind(1)
        return canvas, target

    def to(self, device: str | torch.device) -> Self:
        """Move everything to a device; returns itself."""
        self.device = torch.device(device)
        for network in (self.discriminator, self.target):
            network.to(device)
        self.optimizer.load_state_dict(self.optimizer.state_dict())  # moves its moments to the parameters
        if self._replay is not None:
            self._replay = self._replay.to(device)
        return self

    def __getstate__(self) -> dict[str, Any]:
        """Settings, and the `state_dict`, since PyTorch does not pickle weight norm."""
        learning = ("discriminator", "target", "optimizer", "generator", "_replay")
        settings = {name: value for name, value in self.__dict__.items() if name not in learning}
        return {"settings": settings, "state": self.state_dict()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state["settings"])
        self._build(0)
        self.load_state_dict(state["state"])

    def state_dict(self) -> dict[str, Any]:
        """The state to resume learning from, bit for bit on the CPU."""
        return {
            "discriminator": self.discriminator.state_dict(),
            "target": self.target.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "generator": self.generator.get_state(),
            "remembered": self._replay,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Resume from `state_dict`; the device stays."""
        for part in ("discriminator", "target", "optimizer"):
            getattr(self, part).load_state_dict(state[part])
        self.generator.set_state(state["generator"].cpu())
        replay = state["remembered"]
        self._replay = None if replay is None else replay.to(self.device)


def gradient_penalty(
    discriminator: Callable[[Tensor, Tensor], Tensor], canvas: Tensor, target: Tensor, mix: Tensor
) -> Tensor:
    """Differentiable penalty ``mean((|gradient| - 1)^2)`` of the score, in both images of a pair.

    Args:
        discriminator: ``(painting, target)`` to one score per pair.
        canvas: ``(B, 3, H, W)``; (canvas, target) is the fake pair, (target, target) the real one.
        target: ``(B, 3, H, W)``.
        mix: ``(B,)`` in [0, 1], position between fake (0) and real (1).
    """
    interpolates = canvas.lerp(target, mix.view(-1, 1, 1, 1)).requires_grad_()
    real = target.detach().requires_grad_()
    score = discriminator(interpolates, real)
    gradients = torch.autograd.grad(score.sum(), (interpolates, real), create_graph=True)
    norm = torch.cat(gradients, 1).flatten(1).norm(dim=1)  # (B,)
    return (norm - 1).square().mean()
