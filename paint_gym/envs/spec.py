"""What Gymnasium keeps of an environment that is made: its `spec`."""

from __future__ import annotations

import dataclasses
import os
from enum import Enum
from os import PathLike
from typing import Any

import numpy as np
import torch
from gymnasium.envs.registration import EnvSpec

from paint_gym.envs.task import PaintTask


class PaintEnvSpec(EnvSpec):
    """The spec of an environment that is made: it knows the steps of an episode, and whether steps repeat.

    Gymnasium gives what is made from it a `TimeLimit` of those steps, by which the last step of an episode is
    `truncated` as well as `terminated`. Who changes the budget of strokes leaves the limit out:
    ``gym.make(env.spec, max_strokes=400, max_episode_steps=-1)``.
    """

    def to_json(self) -> str:
        """The spec as JSON.

        Raises:
            ValueError: an argument has no JSON: an array, a function, an object.
        """
        for name, value in self.kwargs.items():
            if not _is_plain(value):
                raise ValueError(
                    f"this spec of {self.id} has no JSON: {name} is of type {type(value).__name__}; an "
                    "environment that is made of names, folders and numbers has one"
                )
        return super().to_json()

    def __eq__(self, other: object) -> bool:
        """Equal to any spec that says the same: one that is read from JSON is a plain `EnvSpec`."""
        if not isinstance(other, EnvSpec):
            return NotImplemented
        return all(getattr(self, part.name) == getattr(other, part.name) for part in dataclasses.fields(self))


def complete_spec(spec: EnvSpec | None, task: PaintTask, max_episode_steps: int | None) -> EnvSpec | None:
    """A spec with what follows from the arguments; Gymnasium sets one that says only what is registered.

    Args:
        spec: what Gymnasium sets.
        task: of the environment.
        max_episode_steps: the environment's own limit, if it has one.
    """
    if spec is None:
        return None
    parts = {part.name: getattr(spec, part.name) for part in dataclasses.fields(spec) if part.init}
    kwargs = {name: _plain(value) for name, value in spec.kwargs.items() if name != "max_episode_steps"}
    return PaintEnvSpec(
        **parts
        | {
            "kwargs": kwargs,
            "max_episode_steps": int(min(task.steps, max_episode_steps or task.steps)),
            "nondeterministic": spec.nondeterministic or task.reward.online,
        }
    )


def _plain(value: Any) -> Any:
    """An argument as JSON has it, where it can: folders and devices by name, tuples as lists."""
    if isinstance(value, PathLike):
        return os.path.abspath(value)  # a folder "mnist" is not the data set
    if isinstance(value, torch.device):
        return str(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, np.generic):
        return value.item()
    return [_plain(part) for part in value] if isinstance(value, list | tuple) else value


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return all(_is_plain(part) for part in value)
    if isinstance(value, dict):
        return all(_is_plain(part) for part in value.values())
    return value is None or isinstance(value, str | int | float | bool)
