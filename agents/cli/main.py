"""The command ``paint-gym``."""

from __future__ import annotations

import logging
import re
import signal
import sys
from collections.abc import Callable, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any

import tyro

from agents.cli import demo, evaluate, paint, render, train, train_renderer, web
from agents.cli.command import REGISTRY, Command, inputs_first
from paint_gym import __version__
from paint_gym.utils.errors import visible
from paint_gym.utils.registry import import_module

COMMANDS: dict[str, tuple[type[Command], Callable[[Any], object]]] = {
    "demo": (demo.Demo, demo.demo),
    "train": (train.Train, train.train),
    "train-renderer": (train_renderer.TrainRenderer, train_renderer.train_renderer),
    "evaluate": (evaluate.Evaluate, evaluate.evaluate_agent),
    "paint": (paint.Paint, paint.paint_pictures),
    "render": (render.Render, render.render),
    "web": (web.Web, web.web),
}


def parse(arguments: Sequence[str]) -> Command:
    """The command that the arguments ask for."""
    if arguments and arguments[0] not in COMMANDS and Path(arguments[0]).suffix:
        raise ValueError(f"{arguments[0]} is no command; to paint a picture: paint-gym paint {arguments[0]}")
    if arguments and arguments[0] in COMMANDS:  # alone, so that what is said of a typo is of this command
        name, *options = arguments
        kind = COMMANDS[name][0]
        default: dict[str, Any] = {}
        if kind is train.Train:  # settings also by their paths in config.json
            options = [re.sub(r"^--agent\.(learning\.)?", "--", option) for option in options]
            default = {"default": train.default_of(options)}
        if name in ("paint", "render"):
            options = inputs_first(options)
        return tyro.cli(kind, prog=f"paint-gym {name}", args=options, registry=REGISTRY, **default)
    union: Any = None
    for name, (kind, _) in COMMANDS.items():
        member = Annotated[kind, tyro.conf.subcommand(name)]  # type: ignore[valid-type]
        union = member if union is None else union | member
    title = "Reinforcement learning that paints."
    return tyro.cli(union, prog="paint-gym", description=title, args=arguments, registry=REGISTRY)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; errors that the user can mend end with one line, not with a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a console that is not UTF-8 shows a ? for a sign it lacks
            stream.reconfigure(errors="replace")
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    arguments = sys.argv[1:] if arguments is None else arguments
    if list(arguments) == ["--version"]:
        print(f"paint-gym {__version__}")
        return
    before = signal.signal(signal.SIGTERM, _stop)
    try:
        command = parse(arguments)
        execute = next(function for kind, function in COMMANDS.values() if kind is type(command))
        for name in command.imports:
            import_module(name)
        execute(command)
    except (OSError, ValueError, ArithmeticError, ImportError) as error:
        named = isinstance(error, OSError) and error.filename is not None and error.strerror
        text = f"{error.filename}: {error.strerror}" if named else str(error)  # type: ignore[union-attr]
        sys.exit(f"paint-gym: {visible(text)}")
    except (MemoryError, RuntimeError) as error:  # torch's is a RuntimeError
        if isinstance(error, RuntimeError) and "memory" not in str(error):
            raise
        sys.exit(f"paint-gym: out of memory: {visible(str(error))}")
    except KeyboardInterrupt:
        print("paint-gym: interrupted, nothing more is written", file=sys.stderr)
        sys.exit(128 + signal.SIGINT)
    finally:
        signal.signal(signal.SIGTERM, before)


def _stop(number: int, frame: Any) -> None:
    """End by an exception, so that no half-written file is left."""
    sys.exit(128 + number)
