"""`PaintCanvas-v0`: many canvases at once on one device, without a loop over environments."""

from __future__ import annotations

import operator
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space
from torch import Tensor

from paint_gym.canvas import CanvasState
from paint_gym.envs.task import MAX_ENVS, MAX_STROKES, TaskEnv, background_colours, to_numpy
from paint_gym.painting import Painting
from paint_gym.utils.device import upload
from paint_gym.utils.errors import as_int, check_one_of
from paint_gym.utils.images import to_frames


class PaintCanvasVectorEnv(TaskEnv, gym.vector.VectorEnv[Any, Any, Any]):
    """Batched `PaintCanvasEnv`: the same task, arguments, numbers and infos, `num_envs` canvases per step.

    `reset` takes ``options`` with ``indices``, ``canvas`` and ``step``, one for all or one for each
    environment that is reset, and ``reset_mask`` ``(num_envs,)`` bool, to reset only a part. `step` returns
    fresh arrays each time.

    Args:
        num_envs: number of canvases.
        array: ``"numpy"``, or ``"torch"`` for tensors on the device. In the infos, masks remain arrays, and
            so does ``final_obs``, as Gymnasium requires.
        autoreset_mode: what happens after the last bundle, as in Gymnasium. SAME_STEP: the environment is
            reset within the step; the last observation and info are in ``infos["final_obs"]`` and
            ``infos["final_info"]``. NEXT_STEP: it is reset by the next step, which ignores its action.
            DISABLED: `reset` with a mask does it.
        render_mode: None, ``"rgb_array"`` (a tuple of frames) or ``"human"`` (the canvases in one row).
        max_episode_steps: steps after which an episode is `truncated`, if its budget is not spent by then.
        task: the arguments of `PaintCanvasEnv`.

    Raises:
        TypeError: an unknown argument; the message suggests the nearest.
        ValueError: an invalid argument; the message says which and what to do.
    """

    def __init__(
        self,
        num_envs: int = 1,
        array: str = "numpy",
        autoreset_mode: AutoresetMode | str = AutoresetMode.SAME_STEP,
        render_mode: str | None = None,
        max_episode_steps: int | None = None,
        **task: Any,
    ) -> None:
        num_envs = as_int("num_envs", num_envs, 1, MAX_ENVS)
        check_one_of("array", array, ("numpy", "torch"))
        if max_episode_steps is not None:
            max_episode_steps = as_int("max_episode_steps", max_episode_steps, 1, MAX_STROKES)
        if not isinstance(autoreset_mode, AutoresetMode):
            check_one_of("autoreset_mode", autoreset_mode, [mode.value for mode in AutoresetMode])
        self._set_task(task, render_mode, "num_envs", "array", "autoreset_mode", "max_episode_steps")
        self.num_envs, self.array, self.max_episode_steps = num_envs, array, max_episode_steps
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        self.metadata = self.metadata | {"autoreset_mode": self.autoreset_mode}
        self.single_action_space = self.task.action_space
        self.single_observation_space = self.task.observation_space
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self._generators = [seeding.np_random() for _ in range(num_envs)]  # and their seeds
        self.index = np.zeros(num_envs, dtype=np.int64)  # of the picture that each environment paints
        shape = (num_envs, self.task.steps, *self.single_action_space.shape)
        self._actions = torch.zeros(shape, dtype=torch.float32, device=self.task.device)
        self._rows = np.arange(num_envs)
        self._first = np.zeros(num_envs, dtype=np.int64)  # the step that each episode began with
        self._steps = np.zeros(num_envs, dtype=np.int64)  # a copy of state.step on the host
        self._over = np.zeros(num_envs, dtype=bool)  # episodes that are over and wait for a reset
        self._backgrounds: list[tuple[float, ...] | None] = [self.task.background] * num_envs

    @property  # type: ignore[misc]  # Gymnasium's has a setter, that of SyncVectorEnv has none either
    def np_random(self) -> tuple[np.random.Generator, ...]:  # type: ignore[override]
        """The random generator of each environment."""
        return tuple(generator for generator, _ in self._generators)

    @property
    def np_random_seed(self) -> tuple[int, ...]:  # type: ignore[override]
        """The seed of each environment's generator."""
        return tuple(seed for _, seed in self._generators)

    @property
    def paintings(self) -> list[Painting]:
        """For each environment, the strokes of its episode so far; see `PaintCanvasEnv.painting`."""
        episodes = zip(self._actions, self._first, self._steps, self._backgrounds, strict=True)
        return [self.task.painting(strokes[first:step], colour) for strokes, first, step, colour in episodes]

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Start new paintings in all environments, or in those of ``options["reset_mask"]``.

        Each environment has a random generator of its own, seeded as Gymnasium's vector environments do: an
        integer n seeds environment i with n + i, a list has a seed for each, and None keeps the generators.

        Raises:
            ValueError: a list of another length, or an invalid option; nothing has changed.
        """
        seeds = self._seeds(seed)
        options = {} if options is None else dict(options)
        rows = self._rows_of(options.pop("reset_mask", None))
        checked = self.task.reset_options(options, len(rows))
        generators = {i: seeding.np_random(seeds[i]) for i in rows if seeds[i] is not None}
        for i, generator in generators.items():
            self._generators[i] = generator
        self._start(rows, **checked)
        self._show()
        return self._output(self.task.observe(self.state, target=self._target)), self._info(rows)

    @torch.no_grad()
    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Paint one bundle in each environment.

        Args:
            actions: ``(num_envs, bundle * stroke_dim)``, array or tensor.

        Returns:
            Observations, rewards ``(num_envs,)`` float32, terminations, truncations (by `max_episode_steps`),
            infos with ``l2`` and ``index``; with the reward ``"wgan"`` also ``discriminator_loss`` of the
            environments that painted. With autoreset SAME_STEP, ``final_info`` holds the finished
            ``painting``, too; None if its episode began on a picture.

        Raises:
            ValueError: NaN or inf, or the wrong shape; all canvases stay as they were.
            gymnasium.error.ResetNeeded: with autoreset DISABLED, the episode of an environment is over.
        """
        idle = self._over.copy()  # with NEXT_STEP, environments that this step resets
        resets = np.flatnonzero(idle)
        if len(resets) and self.autoreset_mode == AutoresetMode.DISABLED:
            raise gym.error.ResetNeeded(f"environments {resets.tolist()} are over; pass reset() a reset_mask")
        action = self.task.actions(actions, self.num_envs)
        if len(resets):
            ignored = upload(idle, self.task.device)
            action = torch.where(ignored.unsqueeze(1), 0.0, action)
        next_state, l2, reward = self._advance(action)
        infos = self._train_reward(next_state)
        rows = torch.arange(self.num_envs, device=self.task.device)
        self._actions[rows, self.state.step.clamp(max=self.task.steps - 1)] = action
        self._state, self._l2 = next_state, l2
        self._steps += 1
        terminated = self._steps >= self.task.steps
        truncated = ~terminated & (self._steps - self._first >= (self.max_episode_steps or np.inf))
        if len(resets):
            self._start(resets)
            reward = torch.where(upload(idle, self.task.device), 0.0, reward)
            terminated[resets] = truncated[resets] = False
        self._show()
        self._over = terminated | truncated
        if self.autoreset_mode == AutoresetMode.SAME_STEP and self._over.any():
            ended = np.flatnonzero(self._over)
            infos |= self._final(ended)
            self._start(ended)
        infos |= self._info(self._rows)
        observation = self.task.observe(self.state, target=self._target)
        return (*(self._output(value) for value in (observation, reward, terminated, truncated)), infos)

    def render(self) -> tuple[np.ndarray, ...] | None:
        """Canvases, each ``(H, W, 3)`` uint8, for ``render_mode="rgb_array"``."""
        return tuple(to_frames(self.state.canvas)) if self.render_mode == "rgb_array" else None

    def _start(self, rows: np.ndarray, indices: np.ndarray | None = None, **options: Any) -> None:
        """Start new episodes in the environments `rows`."""
        if not len(rows):
            return
        if indices is None:
            indices = np.concatenate([self.task.indices(None, 1, self._generators[i][0]) for i in rows])
        state = self.task.initial_state(indices, **options)
        if len(rows) < self.num_envs:
            state = self.state.index_copy(upload(rows, self.task.device), state)
        self._begin(rows, state, indices)

    def _begin(self, rows: np.ndarray, state: CanvasState, indices: np.ndarray) -> None:
        super()._begin(rows, state, indices)
        self.index[rows] = indices
        self._first[rows] = self._steps[rows] = state.step.cpu().numpy()[rows]
        self._over[rows] = self._steps[rows] >= self.task.steps
        colours = background_colours(state.canvas[upload(rows, self.task.device)])
        for i, colour in zip(rows, colours, strict=True):
            self._backgrounds[i] = colour

    def _seeds(self, seed: Any) -> list[int | None]:
        """A seed for each environment; None keeps its generator."""
        if seed is None or isinstance(seed, int | np.integer):
            return [None if seed is None else int(seed) + i for i in range(self.num_envs)]
        if len(seed) != self.num_envs:
            raise ValueError(f"{len(seed)} seeds for {self.num_envs} environments; pass one for each, or one")
        return [None if value is None else operator.index(value) for value in seed]

    def _rows_of(self, mask: Any) -> np.ndarray:
        """Indices of the environments of a ``reset_mask``; all for None."""
        if mask is None:
            return self._rows
        mask = np.asarray(mask.cpu() if isinstance(mask, Tensor) else mask)
        if mask.shape != (self.num_envs,) or mask.dtype != bool:
            needed = f"({self.num_envs},) bool"
            raise ValueError(f"options['reset_mask'] must be {needed}, not {mask.shape} {mask.dtype}")
        return np.flatnonzero(mask)

    def _info(self, rows: np.ndarray) -> dict[str, Any]:
        """Gymnasium's infos of the environments `rows`: for each key an array, under ``_key`` a mask."""
        mask = np.zeros(self.num_envs, dtype=bool)
        mask[rows] = True
        l2 = torch.where(upload(mask, self.task.device), self._l2, 0)
        index = np.where(mask, self.index, 0)
        return {"l2": self._output(l2), "_l2": mask, "index": self._output(index), "_index": mask.copy()}

    def _train_reward(self, next_state: CanvasState) -> dict[str, Any]:
        """Update an online reward with the environments that painted; its infos."""
        painted = ~self._over
        if not painted.all():
            next_state = next_state[upload(painted, self.task.device)]  # type: ignore[assignment]
        loss = self.task.train_reward(next_state)
        if loss is None:
            return {}
        losses = np.where(painted, np.float32(loss), np.float32(0))
        return {"discriminator_loss": self._output(losses), "_discriminator_loss": painted}

    def _final(self, rows: np.ndarray) -> dict[str, Any]:
        """``final_obs`` and ``final_info`` of the environments `rows`, whose episodes end in this step."""
        at = upload(rows, self.task.device)
        state: CanvasState = self.state[at]  # type: ignore[assignment]
        last, actions = self._output(self.task.observe(state)), self._actions[at].cpu()
        final_obs, paintings = np.full((2, self.num_envs), None, dtype=object)
        for place, i in enumerate(rows):
            if isinstance(last, dict):
                final_obs[i] = {key: value[place] for key, value in last.items()}
            else:
                final_obs[i] = last[place]
            if self._backgrounds[i] is not None:
                strokes = actions[place, self._first[i] : self._steps[i]]
                paintings[i] = self.task.painting(strokes, self._backgrounds[i])
        info = self._info(rows)
        mask = info["_l2"]
        info |= {"painting": paintings, "_painting": mask.copy()}
        return {
            "final_obs": final_obs, "_final_obs": mask.copy(), "final_info": info, "_final_info": mask.copy(),
        }  # fmt: skip

    def _output(self, value: Any) -> Any:
        """An array or tensor, or a dict of tensors, as `array` asks for."""
        if self.array == "torch":
            return upload(value, self.task.device) if isinstance(value, np.ndarray) else value
        return value if isinstance(value, np.ndarray) else to_numpy(value)
