"""`PaintCanvas-v0`, many canvases at once on one device, without a loop over environments."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, Unpack

import gymnasium as gym
import numpy as np
import torch
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space
from torch import Tensor

from paint_gym.canvas import NOT_FINITE, CanvasState
from paint_gym.envs.spec import complete_spec
from paint_gym.envs.task import (
    MAX_ENVS,
    MAX_STROKES,
    RENDER_METADATA,
    Observation,
    PaintTask,
    TaskArguments,
    as_options,
    colour_of,
    to_numpy,
)
from paint_gym.envs.window import Window
from paint_gym.painting import Painting
from paint_gym.utils.deferred import Checks, trusted
from paint_gym.utils.device import is_asynchronous
from paint_gym.utils.errors import as_int, check_arguments, check_one_of
from paint_gym.utils.images import all_finite, to_frames


class VectorArguments(TaskArguments, total=False):
    """The keyword arguments of the vector environment that its adapters pass on."""

    num_envs: int
    render_mode: str | None
    max_episode_steps: int | None


class PaintCanvasVectorEnv(gym.vector.VectorEnv[Any, Any, Any]):
    """Batched `PaintCanvasEnv`: the same task, arguments, numbers and infos, `num_envs` canvases per step.

    `reset` takes ``options`` with ``indices`` (one per environment that is reset), ``canvas`` ``(3, H, W)``
    or one per environment, and ``reset_mask`` ``(num_envs,)`` bool, to reset only a part. `step` returns
    fresh arrays each time.

    With ``array="torch"`` no step waits for a GPU, unless the reward is ``"wgan"``. So an error about NaN or
    inf in actions that are on the GPU comes with a later step, which does nothing else, or when a painting is
    asked for. The step with the bad actions leaves the canvases as they were and rewards 0, but it counts,
    and its strokes are zeros in the painting.

    Args:
        num_envs: number of canvases.
        array: ``"numpy"``, or ``"torch"`` for tensors on the device. Of the infos, masks stay arrays, and so
            does what Gymnasium wants as one: ``final_obs``.
        autoreset_mode: what happens after the last bundle, as in Gymnasium. SAME_STEP: the environment is
            reset within the step; the last observation and info are in ``infos["final_obs"]`` and
            ``infos["final_info"]``. NEXT_STEP: it is reset by the next step, which ignores its action.
            DISABLED: `reset` with a mask does it.
        render_mode: None, ``"rgb_array"`` (a tuple of frames) or ``"human"`` (the canvases in one row).
        max_episode_steps: steps after which an episode is `truncated`, if its budget is not spent by then.
        task: the arguments of `PaintCanvasEnv`.

    Raises:
        TypeError: an argument that does not exist; the nearest is suggested.
        ValueError: an argument that cannot be; the message says which and what to do.
    """

    _spec: EnvSpec | None = None
    _window: Window | None = None  # older Gymnasiums close what __init__ refused too

    def __init__(
        self,
        num_envs: int = 1,
        array: str = "numpy",
        autoreset_mode: AutoresetMode | str = AutoresetMode.SAME_STEP,
        render_mode: str | None = None,
        max_episode_steps: int | None = None,
        **task: Unpack[TaskArguments],
    ) -> None:
        own = ("num_envs", "array", "autoreset_mode", "render_mode", "max_episode_steps")
        check_arguments(task, (*TaskArguments.__annotations__, *own))
        num_envs = as_int("num_envs", num_envs, 1, MAX_ENVS)
        check_one_of("array", array, ("numpy", "torch"))
        if render_mode is not None:
            check_one_of("render_mode", render_mode, RENDER_METADATA["render_modes"])
        if max_episode_steps is not None:
            max_episode_steps = as_int("max_episode_steps", max_episode_steps, 1, MAX_STROKES)
        self.num_envs, self.array, self.render_mode = num_envs, array, render_mode
        self.max_episode_steps = max_episode_steps
        if render_mode == "human":
            self._window = Window()
        modes = [mode.value for mode in AutoresetMode]
        if not isinstance(autoreset_mode, AutoresetMode):
            check_one_of("autoreset_mode", autoreset_mode, modes)
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        self.metadata = {**RENDER_METADATA, "autoreset_mode": self.autoreset_mode}
        self.task = PaintTask(**task)
        self.single_action_space = self.task.action_space
        self.single_observation_space = self.task.observation_space
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        generators = [seeding.np_random() for _ in range(num_envs)]
        self._rngs, self._rng_seeds = [rng for rng, _ in generators], [seed for _, seed in generators]
        self._state: CanvasState | None = None
        self.index = np.zeros(num_envs, dtype=np.int64)  # of the picture each environment paints
        shape = (num_envs, self.task.steps, *self.single_action_space.shape)
        self._actions = torch.zeros(shape, device=self.task.device)
        self._rows = torch.arange(num_envs, device=self.task.device)
        self._checks = Checks()
        self._steps = np.zeros(num_envs, dtype=np.int64)  # those of the state, which may be on a GPU
        self._over = np.zeros(num_envs, dtype=bool)  # whose episode is over, and who wait for their reset
        self._backgrounds: list[tuple[float, ...] | None] = [self.task.background] * num_envs

    @property
    def spec(self) -> EnvSpec | None:
        """How Gymnasium made it, with the steps of an episode; None if it did not."""
        return self._spec

    @spec.setter
    def spec(self, spec: EnvSpec | None) -> None:
        self._spec = complete_spec(spec, self.task, self.max_episode_steps)

    @property
    def state(self) -> CanvasState:
        """The state of all canvases, on the device."""
        if self._state is None:
            raise gym.error.ResetNeeded("call reset() before using the environment")
        return self._state

    @property  # type: ignore[misc]  # Gymnasium's has a setter, that of SyncVectorEnv has none either
    def np_random(self) -> tuple[np.random.Generator, ...]:  # type: ignore[override]
        """The random generator of each environment."""
        return tuple(self._rngs)

    @property
    def np_random_seed(self) -> tuple[int, ...]:  # type: ignore[override]
        """The seed of each environment's generator."""
        return tuple(self._rng_seeds)

    @property
    def paintings(self) -> list[Painting]:
        """For each environment, the strokes of its episode so far; see `PaintCanvasEnv.painting`."""
        return [self._painting(i) for i in range(self.num_envs)]

    def _painting(self, i: int) -> Painting:
        self._checks.settle(wait=True)
        return self.task.painting(self._actions[i, : self._steps[i]], self._backgrounds[i])

    def model_step(self, state: CanvasState, action: Tensor) -> tuple[CanvasState, Tensor]:
        """Transition and reward as a pure function, batched and differentiable; `step` gives the same."""
        return self.task.model_step(state, action)

    def observe(self, state: CanvasState) -> Observation:
        """What `step` would show of a state, as tensors with a batch dimension."""
        return self.task.observe(state)

    def is_terminal(self, state: CanvasState) -> Tensor:
        """``(B,)`` bool: whether the budget of strokes is spent."""
        return self.task.is_terminal(state)

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Start new paintings in all environments, or in those of ``options["reset_mask"]``.

        Each environment has a random generator of its own, seeded as Gymnasium's vector environments do: an
        integer n seeds environment i with n + i, a list has a seed for each, and None keeps what there is.

        Raises:
            ValueError: a list of another length, or an option that does not fit; nothing has changed.
        """
        seeds = self._seeds(seed)
        given = as_options(options)
        mask = given.pop("reset_mask", None)
        which = np.arange(self.num_envs) if mask is None else np.flatnonzero(self._checked(mask))
        given = self.task.check_start(given, len(which))
        fresh = {i: seeding.np_random(seeds[i]) for i in which if seeds[i] is not None}
        if len(which) == self.num_envs:
            self._checks.forget()
        for i, (generator, used) in fresh.items():
            self._rngs[i], self._rng_seeds[i] = generator, used
        self._begin(which, given)
        self._show()
        return self._out(self.task.observe(self.state)), self._info(which)

    @torch.no_grad()
    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Paint one bundle in each environment.

        Args:
            actions: ``(num_envs, bundle * stroke_dim)``, array or tensor.

        Returns:
            Observations, rewards ``(num_envs,)`` float32, terminations, truncations (of `max_episode_steps`),
            infos with ``l2`` and ``index``; with the reward ``"wgan"`` also ``discriminator_loss`` of who
            painted. With autoreset SAME_STEP, ``final_info`` holds the finished ``painting`` too, None of one
            that began on a picture; with ``array="torch"`` a `Paintings`, which fetches one when it is asked.

        Raises:
            ValueError: NaN or inf, or the wrong shape; all canvases stay as they were. See above for a GPU.
            gymnasium.error.ResetNeeded: with autoreset DISABLED, the episode of an environment is over.
        """
        waiting = np.flatnonzero(self._over)
        if len(waiting) and self.autoreset_mode == AutoresetMode.DISABLED:
            raise gym.error.ResetNeeded(
                f"the episodes of environments {waiting.tolist()} are over; pass reset() a reset_mask"
            )
        idle = self._over.copy() if len(waiting) else None  # NEXT_STEP: they begin again
        action = self.task.actions(actions, self.num_envs, idle)
        if self.array == "torch" and is_asynchronous(action.device):
            action, next_state, reward = self._step_ahead(action)
        else:
            next_state, reward = self.task.model_step(self.state, action)
        learnt = self._train_reward(next_state)
        places = self._rows, self.state.step.clamp(max=self.task.steps - 1)
        self._actions[places] = self.task.in_unit_cube(action)
        self._state = next_state
        self._steps += 1
        over = self._steps >= self.task.steps
        cut = ~over & (self._steps >= (self.max_episode_steps or np.inf))
        if idle is not None:
            self._begin(waiting, {})
            reward = torch.where(self.task.upload(idle), 0.0, reward)
            over[waiting] = cut[waiting] = False
        infos: dict[str, Any] = {}
        self._show()
        if self.autoreset_mode == AutoresetMode.SAME_STEP and (over | cut).any():
            infos = self._final(np.flatnonzero(over | cut))
            self._begin(np.flatnonzero(over | cut), {})
            self._over[:] = False
        else:
            self._over = over | cut
        infos |= self._info(np.arange(self.num_envs)) | learnt
        observation = self.task.observe(self.state)
        return (*(self._out(value) for value in (observation, reward, over, cut)), infos)

    def _step_ahead(self, action: Tensor) -> tuple[Tensor, CanvasState, Tensor]:
        """The action, next state and reward, when nobody has waited to know whether the actions are finite.

        If they are not, the canvases stay, and rewards are 0.
        """
        self._checks.settle()
        good = all_finite(action)
        self._checks.add(good, f"{NOT_FINITE} (in an earlier step: the GPU is not waited for)")
        action = torch.where(good, action, self.task.action_range[0])
        with trusted():
            next_state, reward = self.task.model_step(self.state, action)
        canvas = torch.where(good, next_state.canvas, self.state.canvas)
        return action, next_state._replace(canvas=canvas), torch.where(good, reward, 0.0)

    def render(self) -> tuple[np.ndarray, ...] | None:
        """Canvases, each ``(H, W, 3)`` uint8, for ``render_mode="rgb_array"``."""
        return tuple(to_frames(self.state.canvas)) if self.render_mode == "rgb_array" else None

    def _show(self) -> None:
        if self._window is not None:
            self._window.show(np.concatenate(list(to_frames(self.state.canvas)), 1))

    def close_extras(self, **_: Any) -> None:
        """Close the window, if there is one."""
        if self._window is not None:
            self._window.close()

    def call(self, name: str, *arguments: Any, **named: Any) -> tuple[Any, ...]:
        """Of each environment, what `PaintCanvasEnv` has under this name: called, if it can be."""
        found = self.get_attr(name)
        return tuple(one(*arguments, **named) if callable(one) else one for one in found)

    def get_attr(self, name: str) -> tuple[Any, ...]:
        """Of each environment, what `PaintCanvasEnv` has under this name: painting, state, render, ..."""
        return tuple(getattr(_OneOf(self, i), name) for i in range(self.num_envs))

    def set_attr(self, name: str, values: Any) -> None:
        """Set an attribute of all environments.

        Args:
            name: of the attribute.
            values: one value, or a list of as many equal ones as there are environments.

        Raises:
            ValueError: another number of values, or different ones: the environments share everything but
                their canvases; or what follows from the state.
        """
        given = list(values) if isinstance(values, list | tuple) else [values] * self.num_envs
        if len(given) != self.num_envs:
            raise ValueError(f"{len(given)} values of {name!r} for {self.num_envs} environments")
        if hasattr(_OneOf, name):
            raise ValueError(f"{name!r} cannot be set: it follows from the state")
        if not all(value is given[0] or np.array_equal(value, given[0]) for value in given):
            raise ValueError(f"the environments share {name!r}; set it to one value for all of them")
        setattr(self, name, given[0])

    def _begin(self, which: np.ndarray, options: dict[str, Any]) -> None:
        """Fresh canvases and targets for the environments `which`."""
        if not len(which):
            return
        given = options.get("indices")
        if given is None:
            index = np.concatenate([self.task.indices(None, 1, self._rngs[i]) for i in which])
        else:
            index = self.task.indices(given, len(which), self._rngs[0])
        state = self.task.initial_state(index, options.get("canvas"))
        if len(which) < self.num_envs:
            at = self.task.upload(which)
            pairs = zip(self.state, state, strict=True)
            state = CanvasState(*(old.index_copy(0, at, new) for old, new in pairs))
        self._state = state
        self.index[which] = index
        self._steps[which] = 0
        self._over[which] = False
        for i in which:
            given = "canvas" in options and options["canvas"] is not None
            self._backgrounds[i] = colour_of(state.canvas[i]) if given else self.task.background

    def _seeds(self, seed: Any) -> list[int | None]:
        """A seed for each environment, or None for each that keeps its generator."""
        if seed is None or isinstance(seed, int | np.integer):
            return [None if seed is None else int(seed) + i for i in range(self.num_envs)]
        seeds = [None if each is None else int(each) for each in seed]
        if len(seeds) != self.num_envs:
            raise ValueError(
                f"{len(seeds)} seeds for {self.num_envs} environments; pass one for each, or one"
            )
        return seeds

    def _checked(self, mask: Any) -> np.ndarray:
        mask = np.asarray(mask.cpu() if isinstance(mask, Tensor) else mask)
        if mask.shape != (self.num_envs,) or mask.dtype != bool:
            raise ValueError(
                f"options['reset_mask'] must be ({self.num_envs},) bool, not {mask.shape} {mask.dtype}"
            )
        if self._state is None and not mask.all():
            raise gym.error.ResetNeeded("the first reset() must reset all environments")
        return mask

    def _info(self, which: np.ndarray) -> dict[str, Any]:
        """Gymnasium's infos: for each key an array over all environments, and under ``_key`` who has it."""
        mask = np.zeros(self.num_envs, dtype=bool)
        mask[which] = True
        l2 = self.task.l2(self.state)
        if not mask.all():
            l2 = torch.where(self.task.upload(mask), l2, 0)
        index = np.where(mask, self.index, 0)
        return {"l2": self._out(l2), "_l2": mask, "index": self._out(index), "_index": mask.copy()}

    def _train_reward(self, next_state: CanvasState) -> dict[str, Any]:
        """Let the reward learn from those that painted, not from those that wait for a reset; its infos."""
        painted = ~self._over
        state = next_state if painted.all() else self._part(next_state, np.flatnonzero(painted))
        loss = self.task.train_reward(state)
        if loss is None:
            return {}
        loss_of_each = np.where(painted, np.float32(loss), np.float32(0))
        return {"discriminator_loss": self._out(loss_of_each), "_discriminator_loss": painted}

    def _final(self, which: np.ndarray) -> dict[str, Any]:
        """``final_obs`` and ``final_info`` of the environments whose episode ends in this step."""
        last = self._out(self.task.observe(self._part(self.state, which)))
        final_obs = np.full(self.num_envs, None, dtype=object)
        for place, i in enumerate(which):
            final_obs[i] = (
                {key: part[place] for key, part in last.items()} if isinstance(last, dict) else last[place]
            )
        info = self._info(which)
        actions = self._actions[self.task.upload(which)]
        backgrounds = {int(i): (place, self._backgrounds[i]) for place, i in enumerate(which)}
        finished = Paintings(self.num_envs, self.task, self._checks, actions, self._steps[which], backgrounds)
        paintings = np.full(self.num_envs, None, dtype=object)
        if self.array == "numpy":
            for i in which:
                paintings[i] = finished[i]
        info["painting"] = paintings if self.array == "numpy" else finished
        info["_painting"] = info["_l2"].copy()
        return {"final_obs": final_obs, "_final_obs": info["_l2"].copy(), "final_info": info,
                "_final_info": info["_l2"].copy()}  # fmt: skip

    def _part(self, state: CanvasState, which: np.ndarray) -> CanvasState:
        """What of a state belongs to the environments `which`."""
        at = self.task.upload(which)
        return CanvasState(*(part[at] for part in state))

    def _out(self, value: Any) -> Any:
        """What was asked for, arrays or tensors on the device, of either; what is there already stays."""
        if self.array == "torch":
            return self.task.upload(value) if isinstance(value, np.ndarray) else value
        return value if isinstance(value, np.ndarray) else to_numpy(value)


class Paintings(Sequence[Painting | None]):
    """The paintings that were finished in a step, by environment; each is fetched from a GPU when asked for.

    Args:
        num_envs: number of environments.
        task: what they paint.
        checks: of the actions.
        actions: ``(n, steps, bundle * stroke_dim)`` in [0, 1], of those whose episode has ended.
        steps: ``(n,)``, how many steps each was long.
        which: for each of those, its place in the two above and its background.
    """

    def __init__(
        self,
        num_envs: int,
        task: PaintTask,
        checks: Checks,
        actions: Tensor,
        steps: np.ndarray,
        which: dict[int, tuple[int, tuple[float, ...] | None]],
    ) -> None:
        self._count, self._task, self._checks, self._which = num_envs, task, checks, which
        self._actions, self._steps = actions, steps

    def __len__(self) -> int:
        """The number of environments."""
        return self._count

    def __getitem__(self, i: Any) -> Any:
        """The painting of one environment: None if its episode goes on, or began on a picture."""
        if isinstance(i, slice):
            return [self[place] for place in range(*i.indices(self._count))]
        i = operator.index(i)
        if not -self._count <= i < self._count:
            raise IndexError(f"environment {i} of {self._count}")
        place, background = self._which.get(i % self._count, (0, None))
        if background is None:
            return None
        self._checks.settle(wait=True)
        return self._task.painting(self._actions[place, : self._steps[place]], background)


class _OneOf:
    """One environment of a vector environment, with the attributes that `PaintCanvasEnv` has."""

    def __init__(self, env: PaintCanvasVectorEnv, place: int) -> None:
        self._env, self._place = env, place

    @property
    def painting(self) -> Painting:
        return self._env._painting(self._place)

    @property
    def state(self) -> CanvasState:
        return CanvasState(*(part[self._place : self._place + 1] for part in self._env.state))

    @property
    def np_random(self) -> np.random.Generator:
        return self._env.np_random[self._place]

    @property
    def np_random_seed(self) -> int:
        return self._env.np_random_seed[self._place]

    @property
    def action_space(self) -> gym.Space[Any]:
        return self._env.single_action_space

    @property
    def observation_space(self) -> gym.Space[Any]:
        return self._env.single_observation_space

    def reset(self, **_: Any) -> Any:
        raise ValueError('reset one environment by reset(options={"reset_mask": mask}) of all')

    def step(self, action: Any) -> Any:
        raise ValueError("the environments step together: step(actions), one for each")

    def render(self) -> np.ndarray | None:
        frames = self._env.render()
        return None if frames is None else frames[self._place]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._env, name)
