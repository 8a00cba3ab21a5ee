"""The base class of commands: modules of the user's own are imported first."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro


@dataclass(frozen=True, kw_only=True)
class Command:
    """The base of all commands."""

    imports: Annotated[tuple[str, ...], tyro.conf.UseAppendAction, tyro.conf.arg(name="import")] = ()
    """A module of your own to import first, which registers strokes, actors, ...; may be repeated."""

    def import_modules(self) -> None:
        """Import them.

        Raises:
            ValueError: there is no such module.
        """
        for name in self.imports:
            import_module(name)


def import_module(name: str) -> None:
    """Import a module by its name, from where Python looks or from the current folder.

    Raises:
        ValueError: there is no such module.
    """
    file = Path(*name.removesuffix(".py").split(".")).with_suffix(".py")
    if not file.is_file():  # a script that pip installed does not look in the current folder
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            raise ValueError(
                f"cannot import {name!r}: {error}; there is no {file.absolute()} either"
            ) from error
        return
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module
    spec.loader.exec_module(module)
