"""After a fork: torch's threads do not survive one, so a child that used them would wait for ever."""

from __future__ import annotations

import os

import torch


def _one_thread() -> None:
    torch.set_num_threads(1)


def cure() -> None:
    """Let children of this process compute with one thread; they may choose more if they start them anew."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_one_thread)
