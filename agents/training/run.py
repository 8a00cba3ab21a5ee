"""A training run in a folder: started or resumed, with the settings that ``config.json`` remembers."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any

from agents.checkpoint import CHECKPOINT, load
from agents.common.config import TrainConfig, flatten
from agents.training.trainer import Trainer
from paint_gym.utils.distributed import is_main_process
from paint_gym.utils.errors import named_file
from paint_gym.utils.files import write_text

logger = logging.getLogger(__name__)
REMEMBERED = ("imports", "preset", "init")  # options that config.json has beside the settings


def saved_settings(folder: Path) -> dict[str, Any]:
    """Content of a run's ``config.json``; empty if there is none."""
    file = folder / "config.json"
    with named_file(file):
        return json.loads(file.read_text()) if file.is_file() else {}


def has_run(folder: Path, config: TrainConfig, options: dict[str, Any]) -> bool:
    """Recognise a run with these settings and options in the folder."""
    return (folder / CHECKPOINT).is_file() and saved_settings(folder) == _settings(config, options)


def start_run(folder: Path, config: TrainConfig, options: dict[str, Any], device: str) -> Trainer:
    """The trainer of a new run, from the agent of the option `init` if there is one."""
    trainer, init = Trainer(config, device), options["init"]
    if init is not None:
        fresh = trainer.agent.warm_start(load(init, trainer.agent.device).actor)
        logger.info("starts from %s; new: %s", init, ", ".join(fresh) or "nothing")
    if is_main_process():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "metrics.jsonl").unlink(missing_ok=True)
        settings = json.dumps(_settings(trainer.config, options), indent=2)
        write_text(folder / "config.json", f"{settings}\n")
    return trainer


def resume_run(folder: Path, config: TrainConfig, options: dict[str, Any], device: str) -> Trainer:
    """The trainer of the run in the folder; names the settings and options that it ignores."""
    saved = saved_settings(folder)
    trainer = Trainer.resume(folder, device, dataset=config.dataset, data_root=config.data_root)
    if is_main_process():
        logger.info("goes on after update %d of %d", trainer.updates, trainer.config.updates)
        run = flatten(_settings(trainer.config, options))
        run |= {name: saved[name] for name in ("preset", "init") if name in saved}
        for name, value in flatten(_settings(config, options)).items():
            if value != run[name]:
                text = "a run goes on with its own settings: %s stays %s, not %s"
                logger.warning(text, name, run[name], value)
    return trainer


def _settings(config: TrainConfig, options: dict[str, Any]) -> dict[str, Any]:
    """Content of ``config.json``."""
    return json.loads(json.dumps(asdict(config) | options))
