"""Modules of the user's own, which register strokes, actors and the like."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path


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
