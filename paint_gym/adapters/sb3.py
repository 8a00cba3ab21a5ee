"""The vector environment as a `VecEnv` of stable-baselines3, for all its agents, and these as policies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium.vector import AutoresetMode
from torch import Tensor

from paint_gym.canvas import CanvasState
from paint_gym.envs import PaintCanvasVectorEnv
from paint_gym.envs.task import to_numpy

try:
    from stable_baselines3.common.base_class import BaseAlgorithm
    from stable_baselines3.common.vec_env import VecEnv
    from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices, VecEnvObs, VecEnvStepReturn
except ImportError as error:
    message = "stable-baselines3 is needed; install it with pip install 'paint-gym[sb3]'"
    raise ImportError(message) from error


class PaintVecEnv(VecEnv):
    """Many canvases in one process, for stable-baselines3.

    Observations are uint8 ``(7, H, W)``, channels first, for ``"CnnPolicy"`` (whose network needs at least 36
    pixels a side); or with ``observation="dict"`` canvas, target and step, for ``"MultiInputPolicy"``.
    Actions are in [-1, 1], as its agents expect, and are rescaled to the range of the environment. When an
    episode ends, the next one starts; the info of that step belongs to the finished painting, and its last
    observation is in ``info["terminal_observation"]``.

    Args:
        env: a `PaintCanvasVectorEnv`, or wrappers of Gymnasium around it, with numpy arrays and autoreset
            SAME_STEP; by default a new one.
        arguments: of the new `PaintCanvasVectorEnv`.

    Raises:
        ValueError: an environment with other arrays, or another autoreset mode.

    >>> env = PaintVecEnv(num_envs=2, dataset="photos", size=32)
    >>> env.reset().shape, env.action_space.low.min()
    ((2, 7, 32, 32), np.float32(-1.0))
    """

    def __init__(self, env: gym.vector.VectorEnv[Any, Any, Any] | None = None, **arguments: Any) -> None:
        if env is not None and arguments:
            raise ValueError(f"an environment is given; {', '.join(arguments)} must be passed to that one")
        self.env = PaintCanvasVectorEnv(**arguments) if env is None else env
        canvases = self.env.unwrapped
        if not isinstance(canvases, PaintCanvasVectorEnv):
            raise ValueError(f"PaintVecEnv is for PaintCanvas-v0, not for {canvases}")
        if canvases.array != "numpy" or canvases.autoreset_mode != AutoresetMode.SAME_STEP:
            wrong = f"array={canvases.array!r} and {canvases.autoreset_mode}"
            raise ValueError(f"PaintVecEnv needs array='numpy' and autoreset_mode=SAME_STEP, not {wrong}")
        self.canvases = canvases
        actions = gym.spaces.Box(-1, 1, self.env.single_action_space.shape, np.float32)
        super().__init__(self.env.num_envs, self.env.single_observation_space, actions)
        self.metadata["render_fps"] = canvases.metadata["render_fps"]

    def reset(self) -> VecEnvObs:
        """Start new paintings in all environments, with the seeds and options that were set."""
        seeds = None if self._seeds[0] is None else self._seeds
        observation, infos = self.env.reset(seed=seeds, options=self._joined_options())  # type: ignore[arg-type]
        self.reset_infos = self._by_env(infos)
        self._reset_seeds()
        self._reset_options()
        return observation

    def step_async(self, actions: np.ndarray) -> None:
        """Store actions ``(num_envs, bundle * stroke_dim)`` in [-1, 1] for `step_wait`."""
        low, high = self.canvases.task.action_range
        self._actions = low + (np.asarray(actions, np.float32) + 1) / 2 * (high - low)

    def step_wait(self) -> VecEnvStepReturn:
        """Paint the stored actions; the infos hold ``l2``, ``index`` and the finished ``painting``.

        Raises:
            ValueError: NaN or inf in the actions; the canvases stay as they were.
        """
        observation, reward, terminated, truncated, infos = self.env.step(self._actions)
        done = terminated | truncated
        env_infos = self._by_env(infos)
        for i in np.flatnonzero(done):
            env_infos[i] |= _of_env(infos["final_info"], int(i))
            env_infos[i]["painting"] = infos["final_info"]["painting"][i]
            env_infos[i]["terminal_observation"] = infos["final_obs"][i]
            env_infos[i]["TimeLimit.truncated"] = bool(truncated[i] and not terminated[i])
        return observation, reward, done, env_infos

    def close(self) -> None:
        """Close the environment."""
        self.env.close()

    def get_images(self) -> Sequence[np.ndarray | None]:
        """The canvases, each ``(H, W, 3)`` uint8, with ``render_mode="rgb_array"``."""
        return self.canvases.render() or [None] * self.num_envs

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """For each environment its ``painting`` or ``state``, or the attribute that they share."""
        if attr_name == "painting":
            values: list[Any] = self.canvases.paintings
        elif attr_name == "state":
            values = [self.canvases.state[i : i + 1] for i in range(self.num_envs)]
        else:
            values = [getattr(self.canvases, attr_name)] * self.num_envs
        return [values[i] for i in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        """Set an attribute of all environments.

        Raises:
            ValueError: a part of them: they share everything but their canvases.
        """
        if set(self._get_indices(indices)) != set(range(self.num_envs)):
            raise ValueError(f"the environments share {attr_name!r}; set it for all of them")
        setattr(self.canvases, attr_name, value)

    def env_method(
        self, method_name: str, *method_args: Any, indices: VecEnvIndices = None, **method_kwargs: Any
    ) -> list[Any]:
        """Refused: a method of `canvases` works on all of them at once."""
        raise NotImplementedError(f"call canvases.{method_name}: it works on all environments at once")

    def env_is_wrapped(self, wrapper_class: type[gym.Wrapper], indices: VecEnvIndices = None) -> list[bool]:
        """False: there are no single environments to wrap; use `VecMonitor` and the like."""
        return [False for _ in self._get_indices(indices)]

    def _joined_options(self) -> dict[str, Any]:
        """The options of the environments as those of the vector environment."""
        names = set[str]().union(*self._options)
        lacking = [i for i, options in enumerate(self._options) if options.keys() != names]
        if lacking:
            raise ValueError(f"environments {lacking} lack some of the options {sorted(names)} of the others")
        joined = {name: np.stack([options[name] for options in self._options]) for name in names}
        return {name: value if name == "canvas" else value.ravel() for name, value in joined.items()}

    def _by_env(self, infos: dict[str, Any]) -> list[dict[str, Any]]:
        return [_of_env(infos, i) for i in range(self.num_envs)]


class Sb3Policy:
    """A trained agent of stable-baselines3 as a policy, for `agents.paint` and `agents.evaluate`.

    It acts without noise. Its observations tell the steps of the budget that it was trained with.

    Args:
        agent: trained in `env`.
        env: where it was trained.
    """

    def __init__(self, agent: BaseAlgorithm, env: PaintVecEnv) -> None:
        self.agent, self.task = agent, env.canvases.task
        self.renderer, self.bundle, self.device = self.task.renderer, self.task.bundle, self.task.device

    def act(self, state: CanvasState) -> Tensor:
        """Bundle for each canvas, ``(B, bundle * stroke_dim)`` in [0, 1]."""
        action, _ = self.agent.predict(to_numpy(self.task.observe(state)), deterministic=True)
        return torch.from_numpy((action + 1) / 2).float().to(self.device)


def _of_env(infos: dict[str, Any], index: int) -> dict[str, Any]:
    """The numbers of one environment in Gymnasium's infos, which hold an array and a mask for each key."""
    names = [name for name, value in infos.items() if f"_{name}" in infos and isinstance(value, np.ndarray)]
    numbers = [name for name in names if infos[name].ndim == 1 and infos[name].dtype != object]
    return {name: infos[name][index].item() for name in numbers if infos[f"_{name}"][index]}
