"""`PaintCanvas-v0`: one canvas, numpy in and out."""

from __future__ import annotations

import operator
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from torch import Tensor

from paint_gym.canvas import CanvasState
from paint_gym.envs.task import TaskEnv, background_colours, to_numpy
from paint_gym.painting import Painting
from paint_gym.utils.images import to_frames


class PaintCanvasEnv(TaskEnv, gym.Env[Any, np.ndarray]):
    """Paint a picture with bundles of strokes on an empty canvas.

    The action is one bundle; the observation is canvas, target and step; the reward is the gain of the
    bundle, eq. (1) of the paper. The episode is `terminated` when the budget of strokes is spent. `info`
    holds ``l2``, the mean squared error in [0, 1] after the step, and ``index``, the index of the picture in
    the data set; after a step with the reward ``"wgan"`` also ``discriminator_loss``.

    `reset` takes ``options={"indices": [i]}``, the picture to paint, ``{"canvas": array}``, the canvas to
    start from, ``(3, H, W)``, uint8 or float in [0, 1], and ``{"step": n}``, the steps that count as done.

    Args:
        dataset: a name, a folder of images, or an ``(N, 3, H, W)`` uint8 array.
        split: ``"train"``, ``"val"`` or ``"test"``.
        data_root: folder of the data sets; by default the environment variable ``PAINT_GYM_DATA``, else the
            cache folder.
        size: side of the canvas in pixels.
        max_strokes: strokes per episode, a multiple of `bundle`.
        bundle: strokes per step.
        stroke: the stroke design: a name, or a `StrokeDesign`.
        opacity: the range that alphas are mapped to; ``(1, 1)`` is opaque paint.
        background: R, G, B in [0, 1] of an empty canvas.
        renderer: ``"analytic"``; ``"neural"``, for a `size` of 128; ``"raster"``, without gradients; or a
            `Renderer`, which has its own design and opacity.
        reward: ``"l2"``; ``"wgan"``, whose discriminator learns from every step, so that the reward
            changes while the agent learns; or a callable ``(before, after, target) -> (B,)`` on
            ``(B, 3, H, W)`` tensors.
        device: ``"auto"``, or any of torch's.
        observation: ``"stacked"``, uint8 ``(7, H, W)``; ``"float"``, the same in [0, 1]; or ``"dict"``.
        action_range: range of each number of an action; ``(-1, 1)`` suits Gaussian policies.
        render_mode: None, ``"rgb_array"`` or ``"human"``.

    Raises:
        RuntimeError: ``"human"`` without a display.
        TypeError: an unknown argument; the message suggests the nearest.
        ValueError: an invalid argument; the message says which and what to do.
        FileNotFoundError: the data set is missing; the message says what to fetch and where to put it.
    """

    def __init__(self, render_mode: str | None = None, **task: Any) -> None:
        if vector := sorted({"array", "autoreset_mode", "num_envs"} & task.keys()):
            call = 'gym.make_vec(..., vectorization_mode="vector_entry_point")'
            raise TypeError(f"{vector[0]} is an argument of the vector environment: {call}")
        self._set_task(task, render_mode)
        self.action_space = self.task.action_space
        self.observation_space = self.task.observation_space
        self._rows = np.arange(1)
        self._index = 0
        self._background: tuple[float, ...] | None = self.task.background
        self._actions: list[Tensor] = []

    @property
    def painting(self) -> Painting:
        """The strokes of this episode so far, resolution-free, on the colour of the first canvas.

        Raises:
            ValueError: the episode began on a picture.
        """
        strokes = torch.stack(self._actions) if self._actions else torch.empty(0)
        return self.task.painting(strokes, self._background)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Start a new painting; `options` may hold ``indices``, ``canvas`` and ``step``.

        Raises:
            ValueError: an unknown or invalid option; neither the canvas nor the random generator changes.
            TypeError: a seed that is not a whole number.
        """
        checked = self.task.reset_options(options, 1)
        whole = None if seed is None else operator.index(seed)  # Gymnasium takes no numpy integers
        super().reset(seed=whole)
        indices = self.task.indices(checked.pop("indices"), 1, self.np_random)
        self._begin(self._rows, self.task.initial_state(indices, **checked), indices)
        self._show()
        return self._observation(), self._info()

    @torch.no_grad()
    def step(self, action: np.ndarray) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Paint one bundle.

        Raises:
            ValueError: NaN or inf, or the wrong shape; the canvas stays as it was.
            gymnasium.error.ResetNeeded: before the first `reset`, or after the end of the episode.
        """
        if self.task.is_terminal(self.state):
            raise gym.error.ResetNeeded("the budget of strokes is spent; call reset()")
        actions = self.task.actions(action).unsqueeze(0)
        next_state, l2, reward = self._advance(actions)
        loss = self.task.train_reward(next_state)
        self._state, self._l2 = next_state, l2
        self._actions.append(actions[0].clone())
        self._show()
        terminated = bool(self.task.is_terminal(self.state))
        info = self._info() | ({} if loss is None else {"discriminator_loss": loss})
        return self._observation(), float(reward), terminated, False, info

    def render(self) -> np.ndarray | None:
        """The canvas as ``(H, W, 3)`` uint8, for ``render_mode="rgb_array"``."""
        return to_frames(self.state.canvas)[0] if self.render_mode == "rgb_array" else None

    def close(self) -> None:
        """Close the window, if there is one."""
        self.close_extras()

    def _begin(self, rows: np.ndarray, state: CanvasState, indices: np.ndarray) -> None:
        super()._begin(rows, state, indices)
        self._index, self._actions = int(indices[0]), []
        (self._background,) = background_colours(state.canvas)

    def _observation(self) -> Any:
        obs = to_numpy(self.task.observe(self.state, target=self._target))
        return {name: value[0] for name, value in obs.items()} if isinstance(obs, dict) else obs[0]

    def _info(self) -> dict[str, Any]:
        return {"l2": self._l2.item(), "index": self._index}
