"""``paint-gym train-renderer``: a network learns to paint the strokes of one design (paper, section 3.4)."""

from __future__ import annotations

import dataclasses
import logging
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from agents.common.agent import descend, has_bf16, set_layout
from agents.training.logger import CHECKPOINT, RunFolder, checkpoint_of, refuse_second_run
from paint_gym.canvas import to_bytes
from paint_gym.envs.task import pick_device
from paint_gym.renderers import make_renderer
from paint_gym.renderers.neural import SIZE, load_network, make_network, save_network
from paint_gym.strokes import get_stroke
from paint_gym.utils.serialization import Tree, check_fit, fill, load_tree, save_tree

logger = logging.getLogger(__name__)
LOG_EVERY = 100  # updates from one line of metrics to the next


@dataclass(frozen=True)
class RendererConfig:
    """What is learnt, and for how long."""

    stroke: str = "bezier"
    """Stroke design."""
    network: Literal["grid", "paper"] = "grid"
    """grid: small, the same layers for all parts of the canvas; paper: that of Fig. 12."""
    updates: int = 50_000
    """Steps of gradient in all; the learning rate falls to nothing at the last."""
    batch: int = 32
    """Strokes per update, new ones each time."""
    learning_rate: float = 4e-3
    """Of Adam, at its highest."""
    warmup: int = 200
    """Updates until it is there."""
    bf16: bool | None = None
    """Run the network in bfloat16; by default where the processor has it."""
    eval_every: int = 2000
    """Updates from one evaluation to the next."""
    seed: int = 0
    """Of the weights, and of the strokes."""


@dataclass(frozen=True)
class TrainRenderer(RendererConfig):
    """Train a network that paints strokes, for renderer="neural"; it learns from the analytic renderer."""

    out: Path = Path("runs/renderer")
    """Folder of the run; renderer.safetensors in it is what "neural:FILE" takes."""
    resume: bool = False
    """Go on with the run in --out, with the settings it was begun with."""
    init: Path | None = None
    """A renderer.safetensors to begin with, of the same stroke design and network."""
    checkpoint_minutes: float = 5.0
    """Minutes between checkpoints; one is also written at the end and on SIGINT or SIGTERM."""
    device: str = "auto"
    """Where to train."""


class RendererTrainer:
    """A network, its optimizer, and strokes without end.

    Args:
        config: see `RendererConfig`.
        device: where to train.

    Raises:
        ValueError: an unknown design or network.
    """

    def __init__(self, config: RendererConfig, device: str | torch.device = "auto") -> None:
        self.config, self.device = config, pick_device(device)
        self.design = get_stroke(config.stroke)
        self.truth = make_renderer("analytic", self.design)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            self.network = make_network(config.network, self.design).to(self.device)
        set_layout(self.network, channels_last=True)
        self.optimizer = torch.optim.Adam(self.network.parameters(), config.learning_rate)
        self.draw = torch.Generator().manual_seed(config.seed)
        self.bf16 = has_bf16(self.device) if config.bf16 is None else config.bf16
        self.updates, self.seconds = 0, 0.0

    def begin_with(self, file: Path) -> None:
        """Take over what a network has learnt.

        Raises:
            FileNotFoundError: no such file.
            ValueError: the file is damaged, or holds another network, or one for another design.
        """
        fill(self.network, load_network(file, self.design).state_dict(), file)

    def update(self) -> dict[str, float]:
        """One step of gradient on new strokes; returns the loss by name.

        Raises:
            Diverged: the loss is not finite.
        """
        began = time.monotonic()
        for group in self.optimizer.param_groups:
            group["lr"] = self._rate()
        strokes = self._strokes(self.config.batch, self.draw)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            loss = self.network.loss(self._parameters(strokes), self.truth(strokes, SIZE), self.draw)
        metrics = descend(self.optimizer, loss, "losses/network")
        self.updates += 1
        self.seconds += time.monotonic() - began
        return metrics

    def _rate(self) -> float:
        """Of Adam: a short way up, then half a cosine down to nothing."""
        rise = min(1.0, (self.updates + 1) / self.config.warmup)
        fall = 0.5 * (1 + math.cos(math.pi * self.updates / self.config.updates))
        return self.config.learning_rate * rise * fall

    def _strokes(self, count: int, generator: torch.Generator) -> Tensor:
        return torch.rand(count, self.design.dim, generator=generator).to(self.device)

    def _parameters(self, strokes: Tensor) -> Tensor:
        return strokes[:, : len(self.design.parameters)]

    def paint(self, strokes: Tensor) -> Tensor:
        """Coverage ``(N, 128, 128)`` of strokes ``(N, stroke_dim)``."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            coverage: Tensor = self.network(self._parameters(strokes))
        return coverage.float()

    @torch.no_grad()
    def evaluate(self, strokes: int = 1000) -> tuple[float, np.ndarray]:
        """Mean squared error to `raster` on strokes of its own; and eight, the truth above the network's."""
        raster, generator = make_renderer("raster", self.design), torch.Generator().manual_seed(2**31)
        total, sheet = 0.0, None
        for first in range(0, strokes, 100):
            some = self._strokes(min(100, strokes - first), generator)
            truth, painted = raster(some, SIZE), self.paint(some)
            total += (painted - truth).square().mean((1, 2)).sum().item()
            if sheet is None:
                rows = [torch.cat(list(maps[:8]), 1) for maps in (truth, painted)]
                sheet = to_bytes(torch.cat(rows)).cpu().numpy()[..., None].repeat(3, -1)
        assert sheet is not None
        return total / strokes, sheet

    def save(self, folder: Path) -> None:
        """Write the checkpoint, and the network for `NeuralRenderer`, each whole or not at all."""
        tree: Tree = {
            "config": dataclasses.asdict(self.config),
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "draw": self.draw.get_state(),
            "updates": self.updates,
            "seconds": self.seconds,
        }
        save_tree(folder / CHECKPOINT, tree)
        save_network(folder / "renderer.safetensors", self.network, self.config.network, self.design)

    @classmethod
    def resume(cls, folder: Path, device: str | torch.device = "auto") -> RendererTrainer:
        """The trainer that `save` wrote.

        Raises:
            FileNotFoundError: there is no run in this folder.
            ValueError: the checkpoint is damaged, or none of a renderer.
        """
        file = checkpoint_of(folder)
        tree = load_tree(file)
        try:
            trainer = cls(RendererConfig(**tree["config"]), device)
            check_fit(trainer.network.state_dict(), tree["network"], file)
            trainer.network.load_state_dict(tree["network"])
            trainer.optimizer.load_state_dict(tree["optimizer"])
            trainer.draw.set_state(tree["draw"])
            trainer.updates, trainer.seconds = int(tree["updates"]), float(tree["seconds"])
        except (KeyError, TypeError) as error:
            raise ValueError(f"{file} holds no run of a renderer that can be resumed: {error}") from error
        return trainer


def run(command: TrainRenderer) -> float:
    """Train; returns the last mean squared error to `raster`.

    Raises:
        Diverged: the loss is not finite; the last checkpoint stays as it was.
        FileExistsError: there is a run in the folder already, and it is not resumed.
        FileNotFoundError: there is none to resume.
    """
    trainer, error = _trainer(command), math.nan
    config, folder = trainer.config, RunFolder(command.out, command.checkpoint_minutes)
    command.out.mkdir(parents=True, exist_ok=True)
    bar = tqdm(total=config.updates, initial=trainer.updates, unit="update")
    with bar, folder.open(trainer.updates):
        while trainer.updates < config.updates and not folder.stopped:
            metrics = trainer.update()
            bar.update()
            if trainer.updates % LOG_EVERY == 0:
                folder.log(trainer.updates, metrics)
            if trainer.updates % config.eval_every == 0 or trainer.updates == config.updates:
                error, sheet = trainer.evaluate()
                folder.log(trainer.updates, {"eval/mse": error})
                folder.show("strokes", sheet, trainer.updates)
                bar.set_postfix(mse=f"{error:.2e}")
            if folder.checkpoint_is_due():
                trainer.save(command.out)
        trainer.save(command.out)
    return error


def _trainer(command: TrainRenderer) -> RendererTrainer:
    if command.resume:
        return RendererTrainer.resume(command.out, command.device)
    refuse_second_run(command.out)
    names = [field.name for field in dataclasses.fields(RendererConfig)]
    config = RendererConfig(**{name: getattr(command, name) for name in names})
    trainer = RendererTrainer(config, command.device)
    if command.init is not None:
        trainer.begin_with(command.init)
    return trainer
