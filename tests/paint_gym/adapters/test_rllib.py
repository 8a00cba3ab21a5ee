"""RLlib takes the vector environment; .ci/run installs it last, as it wants an older Gymnasium."""

from __future__ import annotations

from collections.abc import Iterator

import gymnasium as gym
import numpy as np
import pytest

from paint_gym import PaintCanvasVectorEnv

ray = pytest.importorskip("ray")
pytest.importorskip("ray.rllib", exc_type=ImportError)  # needs more than Ray
from ray.rllib.algorithms.ppo import PPO, PPOConfig  # noqa: E402
from ray.tune import register_env  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # RLlib's own
STEPS = 3
SIZE = 42  # for which RLlib has a network


@pytest.fixture
def agent(pictures: np.ndarray) -> Iterator[PPO]:
    """PPO on four canvases in this process, for paintings of three bundles."""

    def make(config: dict) -> gym.vector.VectorEnv:
        task = {"dataset": pictures, "size": SIZE, "max_strokes": 5 * STEPS, "device": "cpu"}
        env = PaintCanvasVectorEnv(**config, **task, autoreset_mode="NextStep")
        last = gym.spaces.Box(0, 1, (SIZE, SIZE, 7))
        wrap = gym.wrappers.vector.TransformObservation
        return wrap(env, lambda seen: np.moveaxis(seen, 1, -1) / np.float32(255), None, last)

    register_env("paint", make)
    vector = {"num_envs_per_env_runner": 4, "gym_env_vectorize_mode": "vector_entry_point"}
    config = PPOConfig().environment("paint").env_runners(num_env_runners=0, **vector)
    config.training(train_batch_size_per_learner=24, minibatch_size=12, num_epochs=1)
    ray.init(num_cpus=1, include_dashboard=False)
    try:
        built = config.build_algo()
        yield built
        built.stop()
    finally:
        ray.shutdown()


def test_ppo_trains_on_whole_episodes(agent: PPO) -> None:
    for episode in agent.env_runner.sample(num_episodes=8):
        seen = episode.get_observations()
        assert len(episode) == STEPS and episode.is_terminated
        progress = [observation[0, 0, 6] for observation in seen]
        assert progress == pytest.approx(np.arange(STEPS + 1) / STEPS, abs=0.01)
        assert (seen[0][..., :3] == 0).all() and (seen[-1][..., :3] > 0).any()  # begins blank, ends painted
    found = agent.train()
    assert found["env_runners"]["episode_len_mean"] == STEPS
    assert np.isfinite(found["env_runners"]["episode_return_mean"])
    assert np.isfinite(found["learners"]["default_policy"]["total_loss"])
