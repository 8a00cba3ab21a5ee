"""The task that both environments share: data set, strokes, renderer, reward and sizes."""

from __future__ import annotations

import inspect
import reprlib
from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from torch import Tensor

from paint_gym.canvas import CanvasState, as_mask, model_step, reward_of, transition
from paint_gym.datasets import load_dataset
from paint_gym.datasets.targets import Targets
from paint_gym.envs.window import FrameWindow
from paint_gym.metrics import mean_squared_error
from paint_gym.painting import Painting, check_colour
from paint_gym.renderers import Renderer, make_renderer
from paint_gym.renderers.base import check_size
from paint_gym.rewards import L2Reward, RewardFunction, make_reward
from paint_gym.strokes import StrokeDesign
from paint_gym.utils.device import pick_device, upload
from paint_gym.utils.errors import as_int, as_pair, check_arguments, check_one_of
from paint_gym.utils.images import to_bytes, to_floats, to_frames

Observation = Tensor | dict[str, Tensor]
# larger arguments are a mistake
MAX_SIZE = 8192
MAX_STROKES = MAX_BUNDLE = 1_000_000
MAX_ENVS = 1_000_000
OBSERVATIONS = ("stacked", "dict", "float")


class PaintTask:
    """Data set, stroke design, renderer, reward and sizes; see `PaintCanvasEnv` for the arguments."""

    def __init__(
        self,
        dataset: str | PathLike[str] | np.ndarray = "photos",
        split: str = "train",
        data_root: str | PathLike[str] | None = None,
        size: int = 128,
        max_strokes: int = 200,
        bundle: int = 5,
        stroke: str | StrokeDesign = "bezier",
        opacity: tuple[float, float] = (0.0, 1.0),
        background: Sequence[float] = (0, 0, 0),
        renderer: str | Renderer = "analytic",
        reward: str | RewardFunction = "l2",
        device: str | torch.device = "auto",
        observation: str = "stacked",
        action_range: tuple[float, float] = (0, 1),
    ) -> None:
        size = as_int("size", size, 8, MAX_SIZE)
        max_strokes, bundle = check_budget(max_strokes, bundle)
        check_one_of("observation", observation, OBSERVATIONS)
        if data_root is not None and not isinstance(data_root, str | PathLike):
            raise TypeError(f"data_root must be a folder, not {type(data_root).__name__}")
        self.action_range = _check_range(action_range)
        self.background = check_colour(background)
        self.renderer = make_renderer(renderer, stroke, opacity)
        check_size(self.renderer, size)
        self.device = pick_device(device)
        self.reward = make_reward(reward, self.device)
        self.dataset = load_dataset(dataset, split=split, size=size, data_root=data_root)
        self.targets = Targets(self.dataset, self.device)
        self.size, self.max_strokes, self.bundle, self.observation = size, max_strokes, bundle, observation
        self.steps = max_strokes // bundle
        self.stroke_dim = self.renderer.design.dim
        self._blank = torch.tensor(self.background, dtype=torch.float32, device=self.device).view(3, 1, 1)

    @property
    def action_space(self) -> gym.spaces.Box:
        """One bundle: ``Box(*action_range, (bundle * stroke_dim,), float32)``."""
        low, high = self.action_range
        return gym.spaces.Box(low, high, (self.bundle * self.stroke_dim,), np.float32)

    @property
    def observation_space(self) -> gym.Space[Any]:
        """Canvas, target, step plane, ``(7, H, W)``: uint8, or float32 in [0, 1]; or a dict of the three."""
        size = self.size
        if self.observation == "stacked":
            return gym.spaces.Box(0, 255, (7, size, size), np.uint8)
        if self.observation == "float":
            return gym.spaces.Box(0, 1, (7, size, size), np.float32)
        image = gym.spaces.Box(0, 255, (3, size, size), np.uint8)
        step = gym.spaces.Box(0, 1, (1,), np.float32)
        return gym.spaces.Dict({"canvas": image, "target": image, "step": step})

    def reset_options(self, options: Mapping[str, Any] | None, count: int) -> dict[str, Any]:
        """The options of `reset` for `count` episodes, checked: arguments of `initial_state`.

        Raises:
            ValueError: an unknown option, or one of the wrong shape or range.
            IndexError: an index or a step out of range.
        """
        checked: dict[str, Any] = {"indices": None}
        for name, value in ({} if options is None else dict(options)).items():
            check_one_of("option of reset()", name, ("indices", "canvas", "step"))
            if value is not None and name == "canvas":
                checked[name] = self._check_canvas(value, count)
            elif value is not None:
                end = self.steps if name == "step" else len(self.dataset)
                checked[name] = _check_numbers(name, value, count, end)
        return checked

    def _check_canvas(self, value: Any, count: int) -> Tensor:
        shape = (count, 3, self.size, self.size)
        canvas = as_tensor("options['canvas']", value).detach().to(self.device)
        canvas = canvas.float() / (255 if canvas.dtype == torch.uint8 else 1)
        if canvas.shape not in (shape, shape[1:]):
            raise ValueError(f"options['canvas'] must be {shape[1:]} or {shape}, not {tuple(canvas.shape)}")
        if not bool(((canvas >= 0) & (canvas <= 1)).all()):
            raise ValueError("options['canvas'] must be uint8, or float in [0, 1] without NaN")
        return canvas.expand(shape).clone()

    def indices(self, indices: np.ndarray | None, count: int, rng: np.random.Generator) -> np.ndarray:
        """Pictures to paint, ``(count,)``; drawn at random for None."""
        return rng.integers(len(self.dataset), size=count) if indices is None else indices

    def initial_state(
        self, indices: np.ndarray, canvas: Tensor | None = None, step: np.ndarray | None = None
    ) -> CanvasState:
        """The start of episodes: pictures ``(n,)``, canvases ``(n, 3, H, W)``, by default the background."""
        if canvas is None:
            canvas = self._blank.expand(len(indices), 3, self.size, self.size).contiguous()
        step = np.zeros(len(indices), np.int64) if step is None else step
        return CanvasState(canvas, self.targets(indices), upload(step, self.device))

    def actions(self, action: Any, *batch: int) -> Tensor:
        """An array or tensor ``(*batch, bundle * stroke_dim)`` in `action_range` as actions in [0, 1].

        They are float32, on the device.

        Raises:
            ValueError: another shape, or not real numbers.
        """
        actions = as_tensor("an action", action).detach().float()
        shape = (*batch, self.bundle * self.stroke_dim)
        if actions.shape != shape:
            strokes = f"{self.bundle} strokes of {self.stroke_dim} numbers"
            raise ValueError(f"an action is {strokes}, of shape {shape}; got {tuple(actions.shape)}")
        return self.in_unit_cube(upload(actions, self.device))

    def in_unit_cube(self, action: Tensor) -> Tensor:
        """Map actions from `action_range` to [0, 1]."""
        low, high = self.action_range
        return action if (low, high) == (0, 1) else (action - low) / (high - low)

    def model_step(self, state: CanvasState, action: Tensor) -> tuple[CanvasState, Tensor]:
        """Transition and reward of actions in `action_range`; see `canvas.model_step`."""
        return model_step(state, self.in_unit_cube(action), self.renderer, self.reward)

    def is_terminal(self, state: CanvasState) -> Tensor:
        """``(B,)`` bool: the budget of strokes is spent."""
        return state.step >= self.steps

    def train_reward(self, state: CanvasState) -> float | None:
        """Update an `online` reward with new canvases; its loss, or None if there is nothing to learn."""
        if not self.reward.online or not len(state.canvas):
            return None
        return self.reward.update(state.canvas, state.target).get("losses/discriminator")

    def l2(self, state: CanvasState) -> Tensor:
        """Mean squared error of each canvas, ``(B,)`` in [0, 1]."""
        return mean_squared_error(state.canvas, state.target)

    def observe(
        self, state: CanvasState, dtype: torch.dtype | None = None, target: Tensor | None = None
    ) -> Observation:
        """See `TaskEnv.observe`; `target` is the state's target in bytes, if known."""
        canvas, progress = state.canvas, state.step.float() / self.steps  # (B,)
        if dtype is None:
            dtype = canvas.dtype if self.observation == "float" else torch.uint8
        if dtype != torch.uint8 and not dtype.is_floating_point:
            raise ValueError(f"observations are torch.uint8 or of a float type, not {dtype}")
        if dtype != torch.uint8:
            canvas, target, plane = (value.to(dtype) for value in (canvas, state.target, progress))
        elif canvas.requires_grad and torch.is_grad_enabled():
            remedy = "call observe(state, dtype=torch.float32), or observe(state.detach()) for bytes"
            raise ValueError(f"bytes have no gradients, but the canvas requires them: {remedy}")
        else:
            canvas, plane = to_bytes(canvas), to_bytes(progress)
            target = to_bytes(state.target) if target is None else target
        if self.observation == "dict":
            return {"canvas": canvas.clone(), "target": target.clone(), "step": progress.unsqueeze(1)}
        return torch.cat([canvas, target, plane.view(-1, 1, 1, 1).expand(-1, 1, *canvas.shape[2:])], 1)

    def painting(self, strokes: Tensor, background: tuple[float, ...] | None) -> Painting:
        """The `Painting` of bundles ``(steps, bundle * stroke_dim)`` on a colour, see `background_colours`.

        Raises:
            ValueError: the episode began on a picture, not on a colour.
        """
        if background is None:
            raise ValueError("this episode began on a picture (options['canvas']), not on one colour")
        flat = strokes.detach().reshape(-1, self.stroke_dim).clamp(0, 1).cpu().numpy()
        design, opacity = self.renderer.design, self.renderer.opacity
        return Painting(flat, stroke=design, size=self.size, background=background, opacity=opacity)


class TaskEnv:
    """The part that both environments share: a state, the task as a model, and a window."""

    metadata: dict[str, Any] = {"render_modes": ["rgb_array", "human"], "render_fps": 20}  # noqa: RUF012
    task: PaintTask
    render_mode: str | None
    _rows: np.ndarray  # indices of all environments
    _state: CanvasState | None = None
    _l2: Tensor  # of the state
    _target: Tensor | None  # that of the state, in bytes
    _window: FrameWindow | None = None

    @property
    def state(self) -> CanvasState:
        """The state, with a batch dimension, on the device. Later steps do not change it, nor may users."""
        if self._state is None:
            raise gym.error.ResetNeeded("call reset() before using the environment")
        return self._state

    def initial(
        self, num: int, generator: np.random.Generator | int | None = None, **options: Any
    ) -> CanvasState:
        """The states at the start of `num` episodes, as a pure function.

        `options` are those of `reset`; a canvas is detached.
        The pictures are drawn by a generator of numpy, or from a seed; None draws other ones each time, and
        one seed the same ones each time.

        Raises:
            ValueError, IndexError: as of `PaintTask.reset_options`.
        """
        num = as_int("num", num, 0, MAX_ENVS)
        checked = self.task.reset_options(options, num)
        indices = self.task.indices(checked.pop("indices"), num, np.random.default_rng(generator))
        return self.task.initial_state(indices, **checked)

    def renew(
        self, state: CanvasState, done: Tensor, generator: np.random.Generator | int | None = None
    ) -> CanvasState:
        """The state with new episodes where `done` ``(B,)`` bool is True, as a pure function; see `initial`.

        Raises:
            ValueError: `done` is of another shape, or not bool.
        """
        rows = as_mask("done", done, state).nonzero().flatten()
        start = self.initial(len(rows), generator)
        return state.index_copy(rows, start.to(state.canvas.device, state.canvas.dtype))

    def set_state(self, state: CanvasState) -> None:
        """Go on from a copy of a state; ``index`` is then -1, and paintings hold the strokes from here on.

        Raises:
            ValueError: the state of another number of canvases, or of another size, or numbers out of range.
        """
        shape = (len(self._rows), 3, self.task.size, self.task.size)
        if not state.canvas.shape == state.target.shape == shape or state.step.shape != shape[:1]:
            shapes = ", ".join(str(tuple(value.shape)) for value in state)
            raise ValueError(f"the state must be of canvases {shape}, not {shapes}")
        canvas, target = (
            to_floats(torch.as_tensor(value).detach()) for value in (state.canvas, state.target)
        )
        step = torch.as_tensor(state.step)
        if step.is_floating_point() or bool(((step < 0) | (step > self.task.steps)).any()):
            raise ValueError(f"the steps of the state must be whole numbers in 0..{self.task.steps}")
        copied = CanvasState(canvas, target, step.long().clone()).to(self.task.device)
        self._begin(self._rows, copied, np.full(shape[0], -1))

    def model_step(self, state: CanvasState, action: Tensor) -> tuple[CanvasState, Tensor]:
        """Transition and reward as a pure function; `step` gives the same. See `canvas.model_step`."""
        return self.task.model_step(state, action)

    def observe(self, state: CanvasState, dtype: torch.dtype | None = None) -> Observation:
        """The observation of a state, as tensors with a batch dimension.

        `dtype` is by default that of the environment's observations. Those of a float type are numbers in
        [0, 1], differentiable in the canvas.

        Raises:
            ValueError: bytes, which have no gradients, are asked for of a canvas that requires them; or an
                integer type other than bytes.
        """
        return self.task.observe(state, dtype)

    def is_terminal(self, state: CanvasState) -> Tensor:
        """``(B,)`` bool: the budget of strokes is spent."""
        return self.task.is_terminal(state)

    def _set_task(self, task: dict[str, Any], render_mode: str | None, *names: str) -> None:
        """Make the task from its arguments; `names` are further arguments of the environment."""
        check_arguments(task, (*inspect.signature(PaintTask).parameters, "render_mode", *names))
        if render_mode is not None:
            check_one_of("render_mode", render_mode, self.metadata["render_modes"])
        self.render_mode = render_mode
        self._window = FrameWindow() if render_mode == "human" else None
        self.task = PaintTask(**task)

    def _begin(self, rows: np.ndarray, state: CanvasState, indices: np.ndarray) -> None:
        """Start episodes of pictures `indices` in the environments `rows`; `state` is that of all."""
        self._state, self._l2 = state, self.task.l2(state)
        self._target = None if self.task.observation == "float" else to_bytes(state.target)

    def _advance(self, action: Tensor) -> tuple[CanvasState, Tensor, Tensor]:
        """The next state after actions in [0, 1], its l2, and the reward: that of `model_step`."""
        next_state = transition(self.state, action, self.task.renderer)
        l2 = self.task.l2(next_state)
        if type(self.task.reward) is L2Reward:  # the l2 before is known
            return next_state, l2, self._l2 - l2
        return next_state, l2, reward_of(self.task.reward, self.state.canvas, next_state)

    def _show(self) -> None:
        """Show the canvases in one row."""
        if self._window is not None:
            self._window.show(np.concatenate(list(to_frames(self.state.canvas)), 1))

    def close_extras(self, **_: Any) -> None:
        """Close the window, if there is one."""
        if self._window is not None:
            self._window.close()


def as_tensor(what: str, value: Any) -> Tensor:
    """A tensor as it is; an array, or a value that numpy converts, as a tensor: uint8 or float32.

    Raises:
        ValueError: not real numbers.
    """
    if isinstance(value, Tensor):
        return value
    try:
        array = np.asarray(value)
        dtype = np.uint8 if array.dtype == np.uint8 else np.float32
        with np.errstate(over="ignore"):  # inf is refused later
            return torch.from_numpy(array.astype(dtype, order="C"))
    except (TypeError, ValueError, OverflowError, RuntimeError):
        real = "real numbers, an array or a tensor"
        raise ValueError(f"{what} must be {real}, not {reprlib.repr(value)}") from None


def to_numpy(observation: Observation) -> Any:
    """Tensors to arrays, in dicts too."""
    if isinstance(observation, dict):
        return {name: value.cpu().numpy() for name, value in observation.items()}
    return observation.cpu().numpy()


def background_colours(canvas: Tensor) -> list[tuple[float, ...] | None]:
    """The colour of each canvas ``(B, 3, H, W)`` of one colour; None for a picture."""
    first = canvas[:, :, :1, :1]
    flat, colours = (canvas == first).flatten(1).all(1).tolist(), first.flatten(1).tolist()
    return [tuple(colour) if is_flat else None for colour, is_flat in zip(colours, flat, strict=True)]


def _check_numbers(name: str, value: Any, count: int, end: int) -> np.ndarray:
    """Whole numbers ``(count,)`` below `end`; a single one is for all."""
    numbers = np.asarray(value)
    numbers = np.full(count, numbers) if numbers.ndim == 0 else numbers
    if numbers.shape != (count,) or not np.issubdtype(numbers.dtype, np.integer):
        needed = f"{count} whole numbers, one per environment"
        raise ValueError(f"options['{name}'] must be {needed}; got {reprlib.repr(value)}")
    if (numbers < 0).any() or (numbers >= end).any():
        raise IndexError(f"options['{name}'] must lie in 0..{end - 1}; got {numbers.tolist()}")
    return numbers.astype(np.int64)  # a copy in any case


def _check_range(action_range: Any) -> tuple[float, float]:
    low, high = as_pair("action_range", action_range)
    if not -np.inf < np.float32(low) < np.float32(high) < np.inf:
        raise ValueError(f"action_range must be (low, high) with low < high, not {action_range}")
    return low, high


def check_budget(max_strokes: int, bundle: int) -> tuple[int, int]:
    """Check that an episode is a whole number of bundles; returns `max_strokes` and `bundle` as int.

    Raises:
        ValueError: it is not; the message suggests the nearest budget.
    """
    bundle = as_int("bundle", bundle, 1, MAX_BUNDLE)
    max_strokes = as_int("max_strokes", max_strokes, 1, MAX_STROKES)
    if max_strokes % bundle:
        nearest = max(1, round(max_strokes / bundle)) * bundle
        wrong = f"max_strokes={max_strokes}, bundle={bundle}: try max_strokes={nearest}"
        raise ValueError(f"max_strokes must be a multiple of bundle; got {wrong}")
    return max_strokes, bundle
