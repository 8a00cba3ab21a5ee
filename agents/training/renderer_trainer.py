"""The trainer of the neural renderer: a network learns to paint the strokes of one design (section 3.4)."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Literal, Self

import numpy as np
import torch
from torch import Tensor

from agents.checkpoint import CHECKPOINT, checkpoint_of
from agents.common.config import COUNT, POSITIVE, RATE, check_ranges
from agents.common.optim import gradient_step
from agents.training.loop import TrainingLoop
from paint_gym.renderers import make_renderer
from paint_gym.renderers.neural import SIZE, load_network, make_network, save_network
from paint_gym.strokes import get_stroke
from paint_gym.utils.device import float32_default, has_bf16, pick_device
from paint_gym.utils.errors import check_one_of, named_file
from paint_gym.utils.images import to_bytes
from paint_gym.utils.weights import fill, load_checkpoint, save_checkpoint, set_layout


@dataclass(frozen=True)
class RendererConfig:
    """Configuration of the training of a neural renderer."""

    stroke: str = "bezier"
    """Stroke design."""
    network: Literal["grid", "paper"] = "grid"
    """grid: small, the same layers for all parts of the canvas; paper: that of Fig. 12."""
    updates: int = 50_000
    """Updates in all; the learning rate falls to 0 at the last."""
    batch: int = 32
    """Strokes per update, new ones each time."""
    learning_rate: float = 4e-3
    """Learning rate of Adam, at its highest."""
    warmup: int = 200
    """Updates until it is reached."""
    bf16: bool | None = None
    """Run the network in bfloat16; by default where the processor has it."""
    eval_every: int = 2000
    """Updates from one evaluation to the next."""
    seed: int = 0
    """Random seed."""

    def __post_init__(self) -> None:
        check_one_of("network", self.network, ("grid", "paper"))
        check_ranges(
            self, updates=COUNT, batch=(1, 1_000_000), learning_rate=RATE, warmup=POSITIVE,
            eval_every=POSITIVE, seed=COUNT,
        )  # fmt: skip


class RendererTrainer(TrainingLoop):
    """A network, its optimizer, and random strokes."""

    log_every = 100
    picture = "strokes"

    @float32_default()
    def __init__(self, config: RendererConfig, device: str | torch.device = "auto") -> None:
        super().__init__()
        self.config: RendererConfig = config
        self.device = pick_device(device)
        self.design = get_stroke(config.stroke)
        self.truth = make_renderer("analytic", self.design)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            self.network = make_network(config.network, self.design).to(self.device)
        set_layout(self.network, channels_last=True)
        self.optimizer = torch.optim.Adam(self.network.parameters(), config.learning_rate)
        self.rng = torch.Generator().manual_seed(config.seed)
        self.bf16 = has_bf16(self.device) if config.bf16 is None else config.bf16

    def warm_start(self, file: Path) -> None:
        """Copy the weights of a network of the same kind and for the same design from a file."""
        with named_file(file):
            fill(self.network, load_network(file, self.design).state_dict())

    @float32_default()
    def update(self) -> dict[str, float]:
        """One gradient step on new strokes; the loss by name."""
        self.optimizer.param_groups[0]["lr"] = self._learning_rate()
        strokes = self._strokes(self.config.batch, self.rng)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            parameters = strokes[:, : len(self.design.parameters)]
            loss = self.network.loss(parameters, self.truth(strokes, SIZE), self.rng)
        metrics = gradient_step(self.optimizer, loss, "losses/network")
        self.updates += 1
        return metrics

    def _learning_rate(self) -> float:
        """A short warm-up, then half a cosine down to 0."""
        rise = min(1.0, (self.updates + 1) / self.config.warmup)
        fall = 0.5 * (1 + math.cos(math.pi * self.updates / self.config.updates))
        return self.config.learning_rate * rise * fall

    def _strokes(self, count: int, rng: torch.Generator) -> Tensor:
        return torch.rand(count, self.design.dim, generator=rng).to(self.device)

    def paint(self, strokes: Tensor) -> Tensor:
        """Coverage ``(N, 128, 128)`` of strokes ``(N, stroke_dim)``."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            coverage: Tensor = self.network(strokes[:, : len(self.design.parameters)])
        return coverage.float()

    @float32_default()
    @torch.no_grad()
    def evaluation(self, strokes: int = 1000) -> tuple[dict[str, float], np.ndarray]:
        """``eval/mse`` to `raster` on test strokes, and a picture: the truth above the network's."""
        raster, rng = make_renderer("raster", self.design), torch.Generator().manual_seed(2**31)
        total, rows = 0.0, []
        for first in range(0, strokes, 100):
            batch = self._strokes(min(100, strokes - first), rng)
            truth, coverage = raster(batch, SIZE), self.paint(batch)
            total += (coverage - truth).square().mean((1, 2)).sum().item()
            rows += [torch.cat(list(maps[:8]), 1) for maps in (truth, coverage)]
        picture = to_bytes(torch.cat(rows[:2])).cpu().numpy()[..., None].repeat(3, -1)
        return {"eval/mse": total / strokes}, picture

    def save(self, folder: str | PathLike[str]) -> None:
        """Write the checkpoint, and the network for `NeuralRenderer`, each whole or not at all."""
        state = {
            "config": dataclasses.asdict(self.config),
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "draw": self.rng.get_state(),
            "updates": self.updates,
        }
        save_checkpoint(Path(folder) / CHECKPOINT, state)
        save_network(Path(folder) / "renderer.safetensors", self.network, self.config.network, self.design)

    @classmethod
    def resume(cls, folder: str | PathLike[str], device: str | torch.device = "auto") -> Self:
        """The trainer that `save` wrote."""
        file = checkpoint_of(folder)
        state = load_checkpoint(file)
        with named_file(file):
            if "network" not in state:
                raise ValueError("no run of a renderer that can be resumed")
            trainer = cls(RendererConfig(**state["config"]), device)
            trainer.network.load_state_dict(state["network"])
            trainer.optimizer.load_state_dict(state["optimizer"])
            trainer.rng.set_state(state["draw"])
            trainer.updates = state["updates"]
        return trainer
