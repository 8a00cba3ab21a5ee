"""The task that both environments share: data set, strokes, renderer, reward, sizes; no episode's state."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, TypedDict

import gymnasium as gym
import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from paint_gym.canvas import NOT_FINITE, CanvasState, model_step
from paint_gym.datasets import load_dataset
from paint_gym.datasets.targets import Targets
from paint_gym.metrics import mean_squared_error
from paint_gym.painting import Painting, check_colour
from paint_gym.renderers import Renderer, make_renderer
from paint_gym.renderers.base import check_size
from paint_gym.rewards import RewardFunction, make_reward
from paint_gym.strokes import StrokeDesign
from paint_gym.utils.device import pick_device, upload
from paint_gym.utils.errors import as_int, as_pair, check_one_of
from paint_gym.utils.images import check_finite, to_bytes

Observation = Tensor | dict[str, Tensor]
# beyond these an argument is a mistake, or meant to exhaust the memory
MAX_SIZE = 8192
MAX_STROKES = MAX_BUNDLE = 1_000_000
MAX_ENVS = 1_000_000
OBSERVATIONS = ("stacked", "dict", "float")
RENDER_METADATA: dict[str, Any] = {"render_modes": ["rgb_array", "human"], "render_fps": 20}


class TaskArguments(TypedDict, total=False):
    """The keyword arguments that both environments share; `PaintCanvasEnv` explains them."""

    dataset: str | PathLike[str] | np.ndarray
    split: str
    data_root: str | PathLike[str] | None
    size: int
    max_strokes: int
    bundle: int
    stroke: str | StrokeDesign
    opacity: tuple[float, float]
    background: Sequence[float]
    renderer: str | Renderer
    reward: str | RewardFunction
    device: str | torch.device
    observation: str
    action_range: tuple[float, float]


class PaintTask:
    """Data set, stroke design, renderer, reward and sizes; `PaintCanvasEnv` explains the arguments."""

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
        self._background = torch.tensor(self.background).to(self.device)
        self.reward = make_reward(reward, self.device)
        root = None if data_root is None else Path(data_root)
        self.dataset = load_dataset(dataset, split=split, size=size, data_root=root)
        self.targets = Targets(self.dataset, self.device)
        self.size, self.max_strokes, self.bundle, self.observation = size, max_strokes, bundle, observation
        self.steps = max_strokes // bundle
        self.stroke_dim = self.renderer.design.dim

    @property
    def action_space(self) -> gym.spaces.Box:
        """One bundle: ``Box(*action_range, (bundle * stroke_dim,), float32)``."""
        low, high = self.action_range
        return gym.spaces.Box(low, high, (self.bundle * self.stroke_dim,), np.float32)

    @property
    def observation_space(self) -> gym.Space[Any]:
        """``"stacked"``: canvas, target, step plane, uint8 ``(7, H, W)``; ``"dict"``: the three by name.

        ``"float"``: as stacked, float32 in [0, 1].
        """
        if self.observation == "stacked":
            return gym.spaces.Box(0, 255, (7, self.size, self.size), np.uint8)
        if self.observation == "float":
            return gym.spaces.Box(0, 1, (7, self.size, self.size), np.float32)
        image = gym.spaces.Box(0, 255, (3, self.size, self.size), np.uint8)
        return gym.spaces.Dict(
            {"canvas": image, "target": image, "step": gym.spaces.Box(0, 1, (1,), np.float32)}
        )

    def initial_state(self, indices: np.ndarray, canvas: ArrayLike | Tensor | None = None) -> CanvasState:
        """The state in which episodes begin.

        Args:
            indices: ``(n,)``, pictures of the data set to paint.
            canvas: what to begin on: by default the background; or uint8 or float in [0, 1], ``(3, H, W)``
                for all or ``(n, 3, H, W)``.

        Raises:
            ValueError: a canvas of another shape or range.
        """
        count = len(indices)
        step = torch.zeros(count, dtype=torch.long, device=self.device)
        return CanvasState(self._canvases(canvas, count), self.targets(indices), step)

    def check_start(self, options: Any, count: int) -> dict[str, Any]:
        """Options of `reset` for `count` canvases, checked before anything has changed.

        Raises:
            TypeError: no dict.
            ValueError: an option that does not exist, or does not fit.
            IndexError: an index out of range.
        """
        checked = as_options(options)
        for name in checked:
            check_one_of("option of reset()", name, ("indices", "canvas"))
        if checked.get("indices") is not None:
            self.indices(checked["indices"], count, np.random.default_rng())
        if checked.get("canvas") is not None:
            self._canvases(checked["canvas"], count)
        return checked

    def _canvases(self, canvas: ArrayLike | Tensor | None, count: int) -> Tensor:
        shape = (count, 3, self.size, self.size)
        if canvas is None:
            return self._background.view(3, 1, 1).expand(shape).contiguous()
        given = as_numbers("options['canvas']", canvas).detach()
        floats = given.to(self.device).float() / (255 if given.dtype == torch.uint8 else 1)
        if floats.shape not in (shape, shape[1:]):
            raise ValueError(f"options['canvas'] must be {shape[1:]} or {shape}, not {tuple(floats.shape)}")
        if not bool(((floats >= 0) & (floats <= 1)).all()):
            raise ValueError("options['canvas'] must be uint8, or float in [0, 1] without NaN")
        return floats.expand(shape).clone()

    def indices(self, given: Any, count: int, rng: np.random.Generator) -> np.ndarray:
        """Which pictures to paint, ``(count,)``: `given`, or drawn at random.

        Raises:
            ValueError: not `count` indices.
            IndexError: an index out of range.
        """
        if given is None:
            return rng.integers(len(self.dataset), size=count)
        try:
            indices = np.atleast_1d(np.asarray(given))
        except (TypeError, ValueError):  # lists of different lengths
            indices = np.empty(0)
        if indices.shape != (count,) or not np.issubdtype(indices.dtype, np.integer):
            raise ValueError(
                f"options['indices'] must be {count} whole numbers, one per environment; got "
                f"{reprlib.repr(given)}"
            )
        if (indices < 0).any() or (indices >= len(self.dataset)).any():
            raise IndexError(
                f"options['indices'] must lie in 0..{len(self.dataset) - 1}; got {indices.tolist()}"
            )
        return indices.astype(np.int64)  # also a copy: of any layout, and the caller's stays the caller's

    def actions(self, action: Any, count: int, idle: np.ndarray | None = None) -> Tensor:
        """An array or tensor as actions ``(count, bundle * stroke_dim)`` float32 on the device.

        Args:
            action: what was given.
            count: number of environments.
            idle: ``(count,)`` bool, whose actions are ignored, whatever they are.

        Raises:
            ValueError: another shape; or NaN or inf in what is about to go to another device.
        """
        actions = as_numbers("an action", action).detach().float()
        self.check_action_shape(tuple(actions.shape), (count, self.bundle * self.stroke_dim))
        if idle is not None:
            ignored = upload(idle, actions.device).unsqueeze(1)
            actions = torch.where(ignored, self.action_range[0], actions)
        if actions.device != self.device:
            check_finite(actions, NOT_FINITE)
        return upload(actions, self.device)

    def upload(self, given: np.ndarray) -> Tensor:
        """An array on the device."""
        return upload(given, self.device)

    def check_action_shape(self, given: tuple[int, ...], expected: tuple[int, ...]) -> None:
        """Raise a `ValueError` that explains the shape of an action, unless it has it."""
        if given != expected:
            raise ValueError(
                f"an action is {self.bundle} strokes of {self.stroke_dim} numbers, so the shape must be "
                f"{expected}; got {given}"
            )

    def in_unit_cube(self, action: Tensor) -> Tensor:
        """Actions of `action_range` in [0, 1]."""
        low, high = self.action_range
        return action if (low, high) == (0, 1) else (action - low) / (high - low)

    def model_step(self, state: CanvasState, action: Tensor) -> tuple[CanvasState, Tensor]:
        """Paint a bundle, of `action_range`: pure, batched, differentiable; see `canvas.model_step`."""
        return model_step(state, self.in_unit_cube(action), self.renderer, self.reward)

    def is_terminal(self, state: CanvasState) -> Tensor:
        """``(B,)`` bool: whether the budget of strokes is spent."""
        return state.step >= self.steps

    def train_reward(self, state: CanvasState) -> float | None:
        """Let a reward that is `online` learn from what has been painted; its loss, None if it is not."""
        if not self.reward.online or not len(state.canvas):
            return None
        return self.reward.update(state.canvas, state.target).get("losses/discriminator")

    def l2(self, state: CanvasState) -> Tensor:
        """Mean squared error of each canvas, ``(B,)`` in [0, 1]."""
        return mean_squared_error(state.canvas, state.target)

    def observe(self, state: CanvasState) -> Observation:
        """The observation of a state, with a batch dimension; images are rounded to uint8, unless "float"."""
        if self.observation == "float":
            plane = (state.step / self.steps).view(-1, 1, 1, 1).expand(-1, 1, self.size, self.size)
            return torch.cat([state.canvas, state.target, plane.to(state.canvas)], 1)
        if self.observation == "dict":
            step = (state.step / self.steps).float().unsqueeze(1)
            return {"canvas": to_bytes(state.canvas), "target": to_bytes(state.target), "step": step}
        shape = (len(state.canvas), 7, self.size, self.size)
        obs = torch.empty(shape, dtype=torch.uint8, device=self.device)
        obs[:, :3] = to_bytes(state.canvas)
        obs[:, 3:6] = to_bytes(state.target)
        obs[:, 6] = to_bytes(state.step / self.steps)[:, None, None]
        return obs

    def painting(self, strokes: Tensor, background: tuple[float, ...] | None) -> Painting:
        """The `Painting` of an episode.

        Args:
            strokes: ``(n, stroke_dim)``, or bundles ``(steps, bundle * stroke_dim)``.
            background: colour of the canvas that the episode began on, as `colour_of` gives it.

        Raises:
            ValueError: the episode began on a picture, not on a colour.
        """
        if background is None:
            raise ValueError(
                "this episode began on a picture (options['canvas']); a Painting is strokes on one colour"
            )
        flat = strokes.detach().reshape(-1, self.stroke_dim).clamp(0, 1).cpu().numpy()
        design, opacity = self.renderer.design, self.renderer.opacity
        return Painting(flat, stroke=design, size=self.size, background=background, opacity=opacity)


def as_options(options: Any) -> dict[str, Any]:
    """Options of `reset` as a dict of their own; none for None."""
    if options is not None and not isinstance(options, Mapping):
        raise TypeError(f"options must be a dict, not {type(options).__name__}")
    return dict(options or {})


def as_numbers(what: str, given: Any) -> Tensor:
    """A tensor as it is; an array, or what numpy makes one of, as a tensor: uint8 or float32.

    Raises:
        ValueError: no real numbers.
    """
    if isinstance(given, Tensor) and given.layout == torch.strided and not given.is_complex():
        return given
    try:
        array = np.asarray(given)
        if array.dtype.kind in "fiubO":
            dtype = np.uint8 if array.dtype == np.uint8 else np.float32
            with np.errstate(over="ignore"):  # what is inf then is refused as such
                return torch.from_numpy(array.astype(dtype, order="C"))
    except (TypeError, ValueError, OverflowError, RuntimeError):
        pass
    raise ValueError(f"{what} must be real numbers, an array or a tensor, not {reprlib.repr(given)}")


def to_numpy(observation: Observation) -> Any:
    """Tensors to arrays, in dicts too."""
    if isinstance(observation, dict):
        return {name: value.cpu().numpy() for name, value in observation.items()}
    return observation.cpu().numpy()


def colour_of(canvas: Tensor) -> tuple[float, ...] | None:
    """The colour of a canvas ``(3, H, W)`` that has but one; None of a picture."""
    first = canvas[:, :1, :1]
    return tuple(first.flatten().tolist()) if bool((canvas == first).all()) else None


def _check_range(action_range: Any) -> tuple[float, float]:
    low, high = as_pair("action_range", action_range)
    if not -np.inf < np.float32(low) < np.float32(high) < np.inf:  # as actions have it
        raise ValueError(f"action_range must be (low, high) with low < high, not {action_range}")
    return low, high


def check_budget(max_strokes: int, bundle: int) -> tuple[int, int]:
    """Both, if an episode is a whole number of bundles, else a `ValueError`."""
    bundle = as_int("bundle", bundle, 1, MAX_BUNDLE)
    max_strokes = as_int("max_strokes", max_strokes, 1, MAX_STROKES)
    if max_strokes % bundle:
        nearest = max(1, round(max_strokes / bundle)) * bundle
        raise ValueError(
            f"max_strokes must be a multiple of bundle; got max_strokes={max_strokes}, bundle={bundle}: try "
            f"max_strokes={nearest}"
        )
    return max_strokes, bundle
