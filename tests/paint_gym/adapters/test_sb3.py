"""stable-baselines3 on the environment: its contract, its wrappers, its agents."""

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.wrappers.vector import NormalizeReward
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import is_wrapped
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import VecFrameStack, VecMonitor, VecNormalize

import agents
from paint_gym import PaintCanvasVectorEnv
from paint_gym.adapters.sb3 import PaintVecEnv, Sb3Policy


def make(pictures: np.ndarray, num_envs: int = 3, **arguments) -> PaintVecEnv:
    settings = {"dataset": pictures, "size": 32, "max_strokes": 15, "device": "cpu"} | arguments
    return PaintVecEnv(num_envs=num_envs, **settings)


def actions(env: PaintVecEnv, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    return random.uniform(-1, 1, (env.num_envs, *env.action_space.shape)).astype(np.float32)


class Chance:
    """Random actions, as evaluate_policy asks for them."""

    def predict(self, observation: np.ndarray, state: None = None, **_: object) -> tuple[np.ndarray, None]:
        return np.random.default_rng(0).uniform(-1, 1, (len(observation), 65)), state


def test_same_numbers_as_the_vector_environment(pictures: np.ndarray) -> None:
    env = make(pictures)
    bare = PaintCanvasVectorEnv(3, dataset=pictures, size=32, max_strokes=15, device="cpu")
    env.set_options([{"indices": [i]} for i in (4, 9, 2)])
    seen, (expected, infos) = env.reset(), bare.reset(options={"indices": [4, 9, 2]})
    assert env.observation_space.shape == (7, 32, 32) and np.array_equal(seen, expected)
    assert env.reset_infos == [{"l2": infos["l2"][i], "index": i_} for i, i_ in enumerate((4, 9, 2))]
    for k in range(2):
        action = actions(env, k)
        seen, reward, done, each = env.step(action)
        expected, wanted, _, _, infos = bare.step((action + 1) / 2)
        assert np.array_equal(seen, expected) and np.array_equal(reward, wanted) and not done.any()
        assert [info["l2"] for info in each] == infos["l2"].tolist()
        assert all("terminal_observation" not in info for info in each)


def test_the_end_of_an_episode(pictures: np.ndarray) -> None:
    """The info is the finished painting's, its last observation a copy, the observation the next one's."""
    env = make(pictures)
    env.set_options([{"step": step} for step in (2, 0, 2)])
    env.reset()
    before = env.get_attr("state", 0)[0]
    action = actions(env, 2)
    expected, _ = env.canvases.model_step(before, torch.from_numpy((action[:1] + 1) / 2))
    seen, _, done, infos = env.step(action)
    assert done.tolist() == [True, False, True]
    assert "terminal_observation" not in infos[1] and "painting" not in infos[1]
    assert [len(infos[i]["painting"]) for i in (0, 2)] == [5, 5]
    last = infos[0]["terminal_observation"]
    assert last[6].min() == 255 and np.abs(last[:3] / 255 - expected.canvas[0].numpy()).max() <= 0.0021
    assert infos[0]["l2"] == pytest.approx(env.canvases.task.l2(expected).item())
    assert infos[0]["TimeLimit.truncated"] is False
    assert (seen[0, :3] == 0).all() and (seen[0, 6] == 0).all()
    kept = last.copy()
    env.step(actions(env, 3))
    assert np.array_equal(last, kept)


def test_the_same_seed_paints_the_same(pictures: np.ndarray) -> None:
    rollouts = []
    for seed in (1, 1, 2):
        env = make(pictures, num_envs=6)
        env.seed(seed)
        env.reset()
        rollouts.append([env.step(actions(env, k))[0] for k in range(4)])
    assert np.array_equal(rollouts[0], rollouts[1]) and not np.array_equal(rollouts[0], rollouts[2])


def test_attributes_are_those_of_single_environments(pictures: np.ndarray) -> None:
    env = make(pictures, render_mode="rgb_array")
    env.reset()
    env.step(actions(env))
    assert [len(painting) for painting in env.get_attr("painting")] == [5, 5, 5]
    assert env.get_attr("state", [1])[0].canvas.shape == (1, 3, 32, 32)
    assert env.get_attr("render_mode", 2) == ["rgb_array"]
    assert not env.has_attr("no_such_thing") and env.has_attr("task")
    assert [frame.shape for frame in env.get_images()] == [(32, 32, 3)] * 3
    with pytest.raises(NotImplementedError, match=r"call canvases\.render"):
        env.env_method("render")
    assert env.render().shape == (64, 64, 3)
    env.set_attr("note", "all")
    assert env.get_attr("note") == ["all"] * 3
    with pytest.raises(ValueError, match="set it for all"):
        env.set_attr("note", "one", indices=1)
    assert env.env_is_wrapped(Monitor) == [False] * 3 and not is_wrapped(env, Monitor)


def test_options_for_each_environment(pictures: np.ndarray) -> None:
    env = make(pictures)
    white = np.full((3, 32, 32), 255, np.uint8)
    env.set_options({"canvas": white})
    assert (env.reset()[:, :3] == 255).all() and (env.reset()[:, :3] == 0).all()
    env.set_options([{"step": [n]} for n in (1, 0, 2)])
    assert env.reset()[:, 6, 0, 0].tolist() == [85, 0, 170]
    env.set_options([{"indices": [1]}, {}, {"indices": [2]}])
    with pytest.raises(ValueError, match=r"environments \[1\] lack .*indices"):
        env.reset()


def test_environments_that_do_not_fit_are_refused(pictures: np.ndarray) -> None:
    for arguments in ({"array": "torch"}, {"autoreset_mode": "NextStep"}):
        with pytest.raises(ValueError, match="array='numpy' and autoreset_mode=SAME_STEP"):
            PaintVecEnv(PaintCanvasVectorEnv(2, dataset=pictures, **arguments))
    with pytest.raises(ValueError, match="size must be passed to that one"):
        PaintVecEnv(PaintCanvasVectorEnv(2, dataset=pictures), size=32)
    with pytest.raises(ValueError, match="PaintVecEnv is for PaintCanvas-v0"):
        PaintVecEnv(gym.make_vec("Pendulum-v1", num_envs=2))


def test_wrappers_of_both_libraries(pictures: np.ndarray) -> None:
    bare = PaintCanvasVectorEnv(3, dataset=pictures, size=32, max_strokes=15, device="cpu")
    monitor = VecMonitor(PaintVecEnv(NormalizeReward(bare)))
    assert np.isfinite(evaluate_policy(Chance(), monitor, n_eval_episodes=4)[0])
    env = VecFrameStack(VecNormalize(monitor, norm_obs=False), 2)
    assert env.reset().shape == (3, 14, 32, 32)
    for k in range(3):
        seen, reward, done, infos = env.step(actions(env, k))
    assert done.all() and np.isfinite(reward).all()
    assert all(info["episode"]["l"] == 3 for info in infos)
    assert infos[0]["terminal_observation"].shape == seen[0].shape


@pytest.mark.parametrize(("observation", "policy"), [("stacked", "CnnPolicy"), ("dict", "MultiInputPolicy")])
def test_agents_paint_what_they_do_in_the_environment(
    observation: str, policy: str, pictures: np.ndarray
) -> None:
    env = make(pictures, num_envs=2, size=40, max_strokes=10, observation=observation)
    env.set_options([{"indices": [i]} for i in (3, 5)])
    agent = PPO(policy, env, n_steps=4, batch_size=8, seed=0)
    seen, targets = env.reset(), env.canvases.state.target.clone()
    for _ in range(2):
        seen, _, _, infos = env.step(agent.predict(seen, deterministic=True)[0])
    paintings = agents.paint(Sb3Policy(agent, env), targets, 10)
    for info, painting in zip(infos, paintings, strict=True):
        last = info["terminal_observation"]
        canvas = last["canvas"] if observation == "dict" else last[:3]
        assert np.abs(painting.render().astype(int) - canvas.transpose(1, 2, 0)).max() <= 1


@pytest.mark.slow
def test_ppo_learns_a_solid_colour() -> None:
    """Two thick strokes on 32 pixels, in one step."""
    colour = np.array([200, 60, 120], np.uint8)[None, :, None, None]
    task = {"stroke": "straight", "opacity": (1.0, 1.0), "max_strokes": 2, "bundle": 2}
    env = make(np.tile(colour, (1, 1, 32, 32)), num_envs=64, **task)
    small = {"net_arch": [32], "log_std_init": -0.7}
    agent = PPO("MlpPolicy", env, learning_rate=1e-3, n_steps=10, batch_size=160, n_epochs=4, gamma=0.5,
                seed=0, device="cpu", policy_kwargs=small)  # fmt: skip

    def l2(action: np.ndarray) -> float:
        return float(np.mean([info["l2"] for info in env.step(action)[3]]))

    seen = env.reset()
    random = l2(actions(env))
    agent.learn(11_000)
    assert l2(agent.predict(seen, deterministic=True)[0]) < 0.5 * random
