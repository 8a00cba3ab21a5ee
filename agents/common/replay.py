"""Replay memory: each state is stored once, as bytes, with the index of its target and the action."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from paint_gym.canvas import CanvasState
from paint_gym.datasets.targets import Targets
from paint_gym.utils.device import upload
from paint_gym.utils.images import to_bytes


class Transition(NamedTuple):
    """A batch of the replay: states, actions ``(B, bundle * stroke_dim)``, and the next states."""

    state: CanvasState
    action: Tensor
    next_state: CanvasState


class Replay:
    """The latest episodes of canvases that are painted in step.

    A row holds the states of all canvases at one time; the next row holds the next states, unless its step
    is 0. Canvases are stored as uint8; an episode goes on from its float canvas, so that rounding does not
    add up.

    Args:
        episodes: least number of episodes that stay; the oldest are overwritten.
        steps: steps per episode.
        num_envs: number of canvases.
        action_dim: length of an action.
        targets: pictures by index; their device holds the canvases and the batches.
    """

    def __init__(self, episodes: int, steps: int, num_envs: int, action_dim: int, targets: Targets) -> None:
        self.rows = math.ceil(episodes / num_envs) * (steps + 1) + 1
        self.steps, self.num_envs, self.targets, self.device = steps, num_envs, targets, targets.device
        side, device = targets.dataset.size, targets.device
        self.canvas = torch.zeros(self.rows, num_envs, 3, side, side, dtype=torch.uint8, device=device)
        self.action = torch.zeros(self.rows, num_envs, action_dim, device=device)
        self.index = torch.zeros(self.rows, num_envs, dtype=torch.long)
        self.step = torch.zeros(self.rows, dtype=torch.long)
        self.added = 0

    @property
    def nbytes(self) -> int:
        """Size in bytes, whether full or not."""
        return sum(part.numel() * part.element_size() for part in self._parts().values())

    @property
    def capacity(self) -> int:
        """Least number of transitions when full."""
        return (self.rows - 1) // (self.steps + 1) * self.steps * self.num_envs

    @property
    def env_steps(self) -> int:
        """Steps of single canvases so far, those included that have been overwritten."""
        return (self.added - self.added // (self.steps + 1)) * self.num_envs

    def __len__(self) -> int:
        """Number of transitions that can be drawn."""
        return len(self._starts()) * self.num_envs

    def add(self, canvas: Tensor, index: Tensor, step: int, action: Tensor | None) -> None:
        """Add the states of all canvases, and their actions; no action at the end of an episode.

        Canvases are ``(num_envs, 3, H, W)`` in [0, 1], indices of targets ``(num_envs,)`` int64, and actions
        ``(num_envs, action_dim)``; `step` bundles have been painted.
        """
        row = self.added % self.rows
        self.canvas[row], self.index[row], self.step[row] = to_bytes(canvas), index, step
        if action is not None:
            self.action[row] = action
        self.added += 1

    def sample(self, batch: int, rng: torch.Generator) -> Transition:
        """`batch` transitions, drawn with replacement."""
        starts = self._starts()
        if not len(starts):
            raise ValueError("the replay is empty; paint some steps before the first update")
        row = starts[torch.randint(len(starts), (batch,), generator=rng)]
        env = torch.randint(self.num_envs, (batch,), generator=rng)
        target = self.targets(self.index[row, env].numpy())
        env = upload(env, self.device)
        state, next_state = (self._states(rows, env, target) for rows in (row, (row + 1) % self.rows))
        return Transition(state, self.action[upload(row, self.device), env], next_state)

    def _states(self, row: Tensor, env: Tensor, target: Tensor) -> CanvasState:
        canvas = self.canvas[upload(row, self.device), env].float() / 255
        return CanvasState(canvas, target, upload(self.step[row], self.device))

    def _starts(self) -> Tensor:
        """Rows from which transitions start."""
        rows = torch.arange(max(0, self.added - self.rows), max(0, self.added - 1))
        return (rows % self.rows)[self.step[(rows + 1) % self.rows] == self.step[rows % self.rows] + 1]

    def _parts(self) -> dict[str, Tensor]:
        return {"canvas": self.canvas, "action": self.action, "index": self.index, "step": self.step}

    def state_dict(self) -> dict[str, Any]:
        """The states added so far."""
        used = min(self.added, self.rows)
        return {"added": self.added} | {name: part[:used] for name, part in self._parts().items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict`."""
        self.added = state["added"]
        for name, part in self._parts().items():
            part[: len(state[name])] = state[name].to(part.device)
