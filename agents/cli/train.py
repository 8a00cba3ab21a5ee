"""``paint-gym train``: train an agent in a folder."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from agents.checkpoint import CHECKPOINT, check_run
from agents.cli.command import Command
from agents.common.config import TrainConfig, check_ranges, flatten
from agents.training.presets import PRESETS, Preset, preset_for
from agents.training.run import REMEMBERED, has_run, resume_run, saved_settings, start_run
from agents.training.trainer import load_config
from paint_gym.utils.distributed import is_main_process, is_restarted, process_group
from paint_gym.utils.files import lock_folder
from paint_gym.utils.registry import import_module

logger = logging.getLogger(__name__)
DEFAULT: Preset = "cpu"


@dataclass(frozen=True, kw_only=True)
class Train(Command):
    """Train an agent with the reward of --reward; the gain in l2 is always logged beside it.

    The preset has the defaults of all settings. Under torchrun, each process has its own canvases, and
    gradients are averaged; with --max-restarts, a run that lost a process continues from its last checkpoint.
    """

    out: Path = Path("runs/latest")
    """Folder of the run."""
    preset: Preset = DEFAULT
    """smoke: done in seconds; cpu: learns fastest on a laptop; paper: Tables 1 and 2, with our renderer."""
    resume: bool = False
    """Continue the run in --out, with its own settings and imports; --dataset and --data-root may name the
    place where its pictures are now."""
    init: str | None = None
    """Agent to start from: a file, a run's folder, or "pretrained". Layers that do not fit, such as the last
    one for another stroke design, start anew."""
    checkpoint_minutes: float = 5.0
    """Minutes between checkpoints; one is also written at the end and on SIGINT or SIGTERM."""
    device: str = "auto"
    """Device to train on."""
    config: Annotated[TrainConfig, tyro.conf.arg(name="")] = PRESETS[DEFAULT]

    def __post_init__(self) -> None:
        check_ranges(self, checkpoint_minutes=(0.0, 1e6))


@dataclass(frozen=True)
class _Choice:
    """Options that decide which settings, and so which flags, there are."""

    preset: Preset = DEFAULT
    algo: str = "model-based"
    imports: Annotated[tuple[str, ...], tyro.conf.UseAppendAction, tyro.conf.arg(name="import")] = ()
    out: Path = Train.out
    resume: bool = False


def default_of(arguments: Sequence[str]) -> Train:
    """The command with the settings of the run, or of preset and algorithm, that the arguments choose."""
    choice, _ = tyro.cli(_Choice, args=arguments, return_unknown_args=True, add_help=False)
    if choice.resume and (choice.out / CHECKPOINT).is_file():
        saved = saved_settings(choice.out)
        remembered = {name: saved[name] for name in REMEMBERED if name in saved}
        remembered["imports"] = tuple(remembered.get("imports", ()))
        for name in (*remembered["imports"], *choice.imports):  # may register the algorithm
            import_module(name)
        return Train(config=load_config(choice.out), **remembered)
    for name in choice.imports:
        import_module(name)
    config = preset_for(choice.preset, choice.algo)
    names = [name.rpartition(".")[2] for name in flatten(dataclasses.asdict(config))]
    names += [field.name for field in dataclasses.fields(Train)]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"--algo {choice.algo} has a setting of the name of another: {', '.join(twice)}")
    return Train(preset=choice.preset, config=config)


def train(command: Train) -> dict[str, float]:
    """Train; returns the metrics of the last evaluation."""
    run = command.out, command.config, {name: getattr(command, name) for name in REMEMBERED}
    resume = command.resume or (is_restarted() and has_run(*run))
    check_run(command.out, resume)  # in all processes, so that none waits for one that has refused
    with process_group(), lock_folder(command.out) if is_main_process() else nullcontext():
        trainer = (resume_run if resume else start_run)(*run, command.device)
        if is_main_process():
            for line in _summary(trainer.config):
                logger.info("%s", line)
            pictures = len(trainer.eval_targets)  # before the work, which a missing split would end later
            size, device = trainer.replay.nbytes / 2**30, trainer.agent.device
            logger.info("replay: %.2f GiB on %s; evaluations paint %d pictures", size, device, pictures)
        trainer.fit(folder=command.out, checkpoint_minutes=command.checkpoint_minutes)
    if trainer.metrics:
        logger.info("%s: l2 %.4f", command.out, trainer.metrics["eval/l2"])
    return trainer.metrics


def _summary(config: TrainConfig) -> Iterator[str]:
    """The settings that matter most."""
    agent, learning = config.agent, config.agent.learning
    yield f"{agent.algo}, actor {agent.actor}, reward {agent.reward}, gamma {learning.gamma:g} per stroke"
    strokes = f"{agent.max_strokes} {agent.stroke} strokes in bundles of {agent.bundle}"
    yield f"{config.dataset}, {config.size} px, {strokes}; {config.updates} updates of {config.batch}"
