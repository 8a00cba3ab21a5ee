"""The base class of commands: modules of the user's own are imported first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import tyro

from agents.common.settings import check_settings
from paint_gym.utils.registry import import_module


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
