"""``paint-gym train``: a run in a folder, with settings, metrics, pictures and a checkpoint."""

from __future__ import annotations

import dataclasses
import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import torch.distributed as dist
from tqdm import tqdm

from agents.checkpoint import load, save_agent
from agents.common.agent import Diverged
from agents.training.logger import RunFolder, refuse_second_run, writes
from agents.training.trainer import LOG_EVERY, PRESETS, TrainConfig, Trainer, run_to_the_end
from paint_gym.painting import Painting
from paint_gym.utils.files import replace_when_done

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Train:
    """Train an agent. What drives learning is --reward; the gain in l2 is only logged beside it.

    What is not given is the preset's. Under torchrun, each process has its own canvases and gradients are
    averaged.
    """

    out: Path = Path("runs/latest")
    """Folder of the run."""
    preset: Literal["smoke", "cpu", "paper"] = "cpu"
    """smoke: done in seconds; cpu: learns fastest on a laptop; paper: Tables 1 and 2 to the letter."""
    resume: bool = False
    """Go on with the run in --out, with the settings it was begun with."""
    init: str | None = None
    """An agent whose actor to begin with: a file, a run's folder, or "pretrained". What does not fit, as the
    last layer for another stroke design, begins anew."""
    algo: Literal["model-based", "ddpg", "patchq"] | None = None
    """How to learn: through the renderer, or by trial and error, with one value or one per patch."""
    actor: Literal["glimpse", "resnet"] | None = None
    """The network that paints: one window per step, or the paper's."""
    reward: Literal["l2", "wgan"] | None = None
    """What drives learning: the gain in l2, or in the score of a discriminator that learns too."""
    dataset: str | None = None
    """What to paint: a name, or a folder of images."""
    stroke: str | None = None
    """Stroke design: bezier, straight, circle or triangle."""
    renderer: str | None = None
    """What the actor learns through."""
    max_strokes: int | None = None
    """Strokes per painting."""
    bundle: int | None = None
    """Strokes per step."""
    size: int | None = None
    """Side of the canvas in pixels."""
    updates: int | None = None
    """Steps of gradient in all."""
    batch: int | None = None
    """Transitions per update."""
    seed: int | None = None
    """Of everything random."""
    eval_every: int | None = None
    """Updates from one evaluation to the next."""
    eval_strokes: int | None = None
    """Strokes of the paintings of an evaluation."""
    eval_split: Literal["train", "val", "test"] | None = None
    """What evaluations paint."""
    bf16: bool | None = None
    """Run the networks in bfloat16 where autocast allows it; by default where the processor has it."""
    channels_last: bool | None = None
    """Keep convolutions in the layout in which they are fastest."""
    compile: bool | None = None
    """Compile actor and critic with torch.compile."""
    lookahead: int | None = None
    """Windows of each side that the finished agent tries out before each step, where it can."""
    checkpoint_minutes: float = 5.0
    """Minutes between checkpoints; one is also written at the end and on SIGINT or SIGTERM."""
    device: str = "auto"
    """Where to train."""


def config_of(command: Train) -> TrainConfig:
    """The preset with what the command overrides."""

    def given(kind: Any) -> dict[str, Any]:
        names = {field.name for field in dataclasses.fields(kind)} & {
            field.name for field in dataclasses.fields(command)
        }
        return {name: value for name in names if (value := getattr(command, name)) is not None}

    preset = PRESETS[command.preset]
    learning = dataclasses.replace(preset.agent.learning, **given(preset.agent.learning))
    agent = dataclasses.replace(preset.agent, learning=learning, **given(preset.agent))
    return dataclasses.replace(preset, agent=agent, **given(preset))


def run(command: Train) -> dict[str, float]:
    """Train; returns the last evaluation.

    Raises:
        Diverged: a loss is not finite; the last checkpoint stays as it was, and the message says at which
        update.
        FileExistsError: there is a run in the folder already, and it is not resumed.
        FileNotFoundError: there is none to resume.
    """
    with _process_group():
        trainer = _trainer(command)
        return _Run(trainer, command).go()


def _trainer(command: Train) -> Trainer:
    if command.resume:
        return Trainer.resume(command.out, command.device)
    refuse_second_run(command.out)
    trainer = Trainer(config_of(command), command.device)
    if command.init is not None:
        fresh = trainer.agent.begin_with(load(command.init, trainer.agent.device).actor)
        logger.info("begun with %s; anew: %s", command.init, ", ".join(fresh) or "nothing")
    if writes():
        command.out.mkdir(parents=True, exist_ok=True)
        (command.out / "metrics.jsonl").unlink(missing_ok=True)
        with replace_when_done(command.out / "config.json") as file:
            file.write_text(json.dumps(dataclasses.asdict(trainer.config), indent=2) + "\n")
    return trainer


class _Run:
    """A trainer at work, and what it writes."""

    def __init__(self, trainer: Trainer, command: Train) -> None:
        self.trainer = trainer
        self.folder = RunFolder(command.out, command.checkpoint_minutes)
        self.last: dict[str, float] = {}

    def go(self) -> dict[str, float]:
        trainer, out = self.trainer, self.folder.path
        logger.info("replay: %.2f GiB on %s", trainer.replay.nbytes / 2**30, trainer.agent.device)
        if writes():
            self.watched = trainer.watched()
        bar = tqdm(total=trainer.config.updates, initial=trainer.updates, unit="update", disable=not writes())
        with bar, self.folder.open(trainer.updates):
            self.bar = bar
            try:
                run_to_the_end(trainer, self.on_update)
            except FloatingPointError as error:
                raise Diverged(
                    f"update {trainer.updates + 1}: {error}; {out} holds the last good checkpoint"
                ) from error
            self._save()
        return self.last

    def on_update(self, update: int, metrics: dict[str, float]) -> bool:
        self.bar.update()
        stop = _any(self.folder.stopped, self.trainer.agent.device)
        if writes():
            if update % LOG_EVERY == 0:
                self.folder.log(update, metrics)
            if update % self.trainer.config.eval_every == 0 or update == self.trainer.config.updates:
                self._evaluate(update)
            if self.folder.checkpoint_is_due():
                self._save()
        return stop

    def _evaluate(self, update: int) -> None:
        l2, paintings = self.trainer.evaluate(self.watched)
        self.last = {"eval/l2": l2}
        self.folder.log(update, self.last)
        self.folder.show("paintings", side_by_side(self.watched[:8], paintings[:8]), update)
        self.bar.set_postfix(l2=f"{l2:.4f}")

    def _save(self) -> None:
        if writes():
            self.trainer.save(self.folder.path)
            save_agent(self.folder.path / "agent.safetensors", self.trainer.agent, self.trainer.config.agent)


def side_by_side(targets: np.ndarray, paintings: list[Painting]) -> np.ndarray:
    """Targets ``(n, 3, H, W)`` uint8 in one row above their paintings: ``(2 H, n W, 3)`` uint8."""
    above = np.concatenate(list(targets.transpose(0, 2, 3, 1)), 1)
    return np.concatenate([above, np.concatenate([painting.render() for painting in paintings], 1)], 0)


def _any(flag: bool, device: torch.device) -> bool:
    """Whether any process raises the flag, so that all stop after the same update."""
    if not dist.is_initialized():
        return flag
    flags = torch.tensor(int(flag), device=device)
    dist.all_reduce(flags, dist.ReduceOp.MAX)
    return bool(flags)


@contextmanager
def _process_group() -> Iterator[None]:
    """Join the other processes, if torchrun started this one."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield
        return
    dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    try:
        yield
    finally:
        dist.destroy_process_group()
