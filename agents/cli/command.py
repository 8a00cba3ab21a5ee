"""The base class of commands: modules of the user's own are imported first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import tyro


@dataclass(frozen=True, kw_only=True)
class Command:
    """The base of all commands."""

    imports: Annotated[tuple[str, ...], tyro.conf.UseAppendAction, tyro.conf.arg(name="import")] = ()
    """A module of your own to import first, which registers strokes, actors, ...; may be repeated."""
