"""The base class of commands: modules of the user's own are imported first."""

from __future__ import annotations

import importlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from agents.common.settings import check_settings


@dataclass(frozen=True, kw_only=True)
class Command:
    """The base of all commands."""

    imports: Annotated[tuple[str, ...], tyro.conf.UseAppendAction, tyro.conf.arg(name="import")] = ()
    """A module of your own to import first, which registers strokes, actors, ...; may be repeated."""

    def __post_init__(self) -> None:
        """Refuse options of another type or beyond their range, as a `ValueError` that names one."""
        check_settings(self)

    def import_modules(self) -> None:
        """Import them.

        Raises:
            ValueError: there is no such module.
        """
        for name in self.imports:
            import_module(name)


def import_module(name: str) -> None:
    """Import a module by its name, or by its file in the current folder.

    Raises:
        ValueError: there is no such module.
    """
    if os.getcwd() not in sys.path:  # a script that pip installed does not look there
        sys.path.insert(0, os.getcwd())
    dotted = ".".join(Path(name.removesuffix(".py")).parts)
    try:
        importlib.import_module(dotted)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{dotted}.".startswith(f"{error.name}."):
            raise  # the module is there, and misses another
        raise ValueError(f"cannot import {name!r}: neither here nor where Python looks") from error
