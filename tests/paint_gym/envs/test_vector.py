"""`PaintCanvas-v0`, many canvases at once."""

import json
from collections.abc import Iterator

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import data_equivalence
from gymnasium.vector import AutoresetMode

from paint_gym import PaintCanvasEnv, PaintCanvasVectorEnv


def make(pictures: np.ndarray, num_envs: int = 3, **arguments) -> PaintCanvasVectorEnv:
    settings = {"dataset": pictures, "size": 32, "max_strokes": 15, "device": "cpu"} | arguments
    return gym.make_vec("PaintCanvas-v0", num_envs=num_envs, **settings).unwrapped


def test_same_numbers_as_the_single_environment(pictures: np.ndarray) -> None:
    vector, single = make(pictures), PaintCanvasEnv(dataset=pictures, size=32, max_strokes=15)
    seen, infos = vector.reset(options={"indices": [4, 9, 2]})
    actions = [vector.action_space.sample() for _ in range(3)]
    batched = [vector.step(action) for action in actions]
    for i, index in enumerate([4, 9, 2]):
        first, info = single.reset(options={"indices": [index]})
        assert np.array_equal(seen[i], first) and infos["l2"][i] == pytest.approx(info["l2"])
        for k, action in enumerate(actions):
            observation, reward, terminated, truncated, info = single.step(action[i])
            observations, rewards, terminations, truncations, infos_k = batched[k]
            assert rewards[i] == pytest.approx(reward, abs=1e-7)
            assert (terminations[i], truncations[i]) == (terminated, truncated)
            if k < 2:
                assert np.array_equal(observations[i], observation)
            else:
                assert np.array_equal(infos_k["final_obs"][i], observation)
                assert infos_k["final_info"]["l2"][i] == pytest.approx(info["l2"], abs=1e-7)
                assert infos_k["final_info"]["index"][i] == index


@pytest.mark.parametrize("arguments", [{}, {"renderer": "neural", "size": 128}, {"reward": "wgan"}])
def test_step_equals_model_step(pictures: np.ndarray, arguments: dict, device: torch.device) -> None:
    env = make(pictures, device=device, array="torch", autoreset_mode=AutoresetMode.DISABLED, **arguments)
    env.reset(seed=0)
    for _ in range(3):
        action = torch.rand(3, 65, device=device)
        expected, reward = env.model_step(env.state, action)
        _, got, *_ = env.step(action)
        assert torch.equal(env.state.canvas, expected.canvas) and torch.equal(got, reward)
        assert not got.requires_grad


def test_partial_reset_leaves_the_others(pictures: np.ndarray) -> None:
    env = make(pictures)
    env.reset(seed=0)
    env.step(env.action_space.sample())
    before = env.state.canvas.clone()
    mask = np.array([False, True, False])
    observations, infos = env.reset(options={"reset_mask": mask, "indices": [5]})
    assert torch.equal(env.state.canvas[[0, 2]], before[[0, 2]])
    assert env.state.step.tolist() == [1, 0, 1]
    assert (observations[1, :3] == 0).all() and np.array_equal(observations[1, 3:6], pictures[5])
    assert infos["_l2"].tolist() == mask.tolist() and infos["index"][1] == 5
    before = observations.copy()
    again, infos = env.reset(options={"reset_mask": np.zeros(3, bool)})
    assert np.array_equal(again, before) and not infos["_l2"].any()
    stepped = env.step(env.action_space.sample())[0]  # fresh arrays each time
    assert np.array_equal(observations, before) and not np.shares_memory(again, stepped)


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_staggered_episodes(pictures: np.ndarray, mode: AutoresetMode) -> None:
    """Environments that are out of step end, and begin again; rewards are the model's."""
    env = make(pictures, num_envs=2, autoreset_mode=mode)
    env.reset(seed=0)
    env.step(env.action_space.sample())
    env.reset(options={"reset_mask": np.array([False, True])})
    ends, idle = [], np.zeros(2, bool)
    for _ in range(7):
        action = env.action_space.sample()
        gain = np.where(idle, 0, env.model_step(env.state, torch.from_numpy(action))[1])
        _, reward, terminations, _, infos = env.step(action)
        assert np.array_equal(reward, gain)
        idle = terminations & (mode == AutoresetMode.NEXT_STEP)
        ends.append(terminations.tolist())
        if mode == AutoresetMode.SAME_STEP and terminations.any():
            assert infos["_final_obs"].tolist() == terminations.tolist()
            assert [one is not None for one in infos["final_obs"]] == terminations.tolist()
        if mode == AutoresetMode.DISABLED and terminations.any():
            env.reset(options={"reset_mask": terminations})
    period = 4 if mode == AutoresetMode.NEXT_STEP else 3
    for i in range(2):
        assert [k for k in range(7) if ends[k][i]] == [1 + i, 1 + i + period]


@pytest.mark.parametrize("observation", ["stacked", "dict"])
def test_torch_and_numpy_give_the_same(pictures: np.ndarray, observation: str) -> None:
    arrays, tensors = (make(pictures, array=array, observation=observation) for array in ("numpy", "torch"))
    arrays.reset(seed=1), tensors.reset(seed=1)
    for _ in range(3):
        action = arrays.action_space.sample()
        *expected, infos = arrays.step(action)
        *results, _ = tensors.step(action)
        assert arrays.observation_space.contains(expected[0]) and isinstance(results[1], torch.Tensor)
        results = torch.utils._pytree.tree_map(torch.Tensor.numpy, results)
        assert data_equivalence(expected, results, exact=True)
    assert arrays.single_observation_space.contains(infos["final_obs"][0])


@pytest.mark.parametrize("reward", ["l2", "wgan"])
def test_same_seed_same_rollout(pictures: np.ndarray, reward: str) -> None:
    rollouts = []
    for _ in range(2):
        env = make(pictures, reward=reward)
        env.reset(seed=7)
        env.action_space.seed(7)
        rollouts.append([env.step(env.action_space.sample())[:4] for _ in range(8)])
    assert data_equivalence(*rollouts, exact=True)


def test_bad_actions_leave_all_canvases(pictures: np.ndarray) -> None:
    env = make(pictures)
    env.reset(seed=0)
    actions = env.action_space.sample()
    actions[2, 0] = np.nan
    before = env.state
    with pytest.raises(ValueError, match="NaN or inf"):
        env.step(actions)
    with pytest.raises(ValueError, match=r"\(3, 65\); got \(2, 65\)"):
        env.step(actions[:2])
    assert env.state is before
    for mask in ([True], np.array([1, 0, 1])):
        with pytest.raises(ValueError, match=r"must be \(3,\) bool"):
            env.reset(options={"reset_mask": mask})


def test_bad_arguments(pictures: np.ndarray) -> None:
    with pytest.raises(ValueError, match="did you mean 'torch'"):
        PaintCanvasVectorEnv(2, dataset=pictures, array="pytorch")
    with pytest.raises(ValueError, match="num_envs must be a whole number from 1 to"):
        PaintCanvasVectorEnv(0, dataset=pictures)
    with pytest.raises(ValueError, match=r"autoreset_mode 'SAME_STEP': .*Disabled, NextStep, SameStep"):
        PaintCanvasVectorEnv(2, dataset=pictures, autoreset_mode="SAME_STEP")


@pytest.mark.parametrize("seed", [np.int64(3), [5, 7, 9], [5, None, 9]])
def test_seeds_are_those_of_gymnasiums_vector_environments(pictures: np.ndarray, seed: object) -> None:
    """The native one, SyncVectorEnv and single environments paint the same pictures, episode by episode."""
    many = np.concatenate([pictures] * 4)
    native = PaintCanvasVectorEnv(3, dataset=many, size=32, max_strokes=10)
    single = [PaintCanvasEnv(dataset=many, size=32, max_strokes=10) for _ in range(3)]
    sync = gym.vector.SyncVectorEnv([lambda: PaintCanvasEnv(dataset=many, size=32, max_strokes=10)] * 3)
    seeds = [3, 4, 5] if np.ndim(seed) == 0 else list(seed)
    for again in (False, True):
        own = [None] * 3 if again else seeds
        expected = [env.reset(seed=each)[1]["index"] for env, each in zip(single, own, strict=True)]
        index = native.reset(seed=None if again else seed)[1]["index"]
        other = sync.reset(seed=[each if each is None else int(each) for each in own])
        fixed = [i for i, each in enumerate(seeds) if each is not None]
        assert index[fixed].tolist() == [expected[i] for i in fixed] == other[1]["index"][fixed].tolist()
    assert len(native.np_random) == 3 and native.np_random_seed[0] == seeds[0]


def test_a_partial_reset_seeds_only_its_own(pictures: np.ndarray) -> None:
    env = PaintCanvasVectorEnv(3, dataset=np.concatenate([pictures] * 4), size=32)
    env.reset(seed=0)
    kept = [rng.bit_generator.state for rng in env.np_random]
    _, info = env.reset(seed=[11, 12, 13], options={"reset_mask": np.array([False, True, False])})
    alone = PaintCanvasEnv(dataset=np.concatenate([pictures] * 4), size=32)
    assert info["index"][1] == alone.reset(seed=12)[1]["index"]
    assert [env.np_random[i].bit_generator.state == kept[i] for i in range(3)] == [True, False, True]


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_max_episode_steps_truncates(pictures: np.ndarray, mode: AutoresetMode) -> None:
    env = make(pictures, 2, max_strokes=25, max_episode_steps=3, autoreset_mode=mode)
    env.reset(seed=0, options={"step": 1 if mode == AutoresetMode.SAME_STEP else 0})
    for step in range(1, 4):
        *_, terminated, truncated, infos = env.step(env.action_space.sample())
        assert truncated.tolist() == [step == 3] * 2 and not terminated.any()
    assert PaintCanvasVectorEnv(2, dataset=pictures, autoreset_mode=mode.value).autoreset_mode == mode
    if mode == AutoresetMode.SAME_STEP:
        assert infos["_final_info"].all() and env.state.step.tolist() == [0, 0]
    elif mode == AutoresetMode.NEXT_STEP:
        *_, truncated, _ = env.step(env.action_space.sample())
        assert not truncated.any() and env.state.step.tolist() == [0, 0]
    else:
        with pytest.raises(gym.error.ResetNeeded, match=r"\[0, 1\] are over"):
            env.step(env.action_space.sample())


def test_the_finished_painting_is_handed_out(pictures: np.ndarray) -> None:
    """On the colour that it began with, before the next one begins; None of one that began on a picture."""
    env = PaintCanvasVectorEnv(3, dataset=pictures, size=32, max_strokes=10, background=(0.2, 0.4, 0.6))
    white, picture = np.ones((3, 32, 32), np.float32), pictures[0] / np.float32(255)
    env.reset(seed=0, options={"canvas": np.stack([white, picture, white * 0.5])})
    for _ in range(2):
        before, actions = env.state, env.action_space.sample()
        *_, infos = env.step(actions)
    after, _ = env.model_step(before, torch.from_numpy(actions))
    first, second, third = infos["final_info"]["painting"]
    assert (infos["l2"] != infos["final_info"]["l2"]).all()  # that of the next, blank canvas
    assert second is None and len(first) == 10 and first.background == (1, 1, 1)
    assert np.abs(third.render() / 255 - after.canvas[2].permute(1, 2, 0).numpy()).max() < 0.01
    assert [one.background for one in env.paintings] == [pytest.approx((0.2, 0.4, 0.6))] * 3
    assert env.state.canvas[0, :, 0, 0].tolist() == pytest.approx([0.2, 0.4, 0.6])
    env.reset(options={"canvas": picture})
    with pytest.raises(ValueError, match="began on a picture"):
        env.paintings  # noqa: B018


@pytest.mark.parametrize("options", [{"indices": [99, 0, 0]}, {"indices": [0]}, {"canvas": np.full(3, 2.0)}])
def test_a_refused_reset_takes_no_seed_and_no_random_numbers(pictures: np.ndarray, options: dict) -> None:
    env, other, single = make(pictures), make(pictures), PaintCanvasEnv(dataset=pictures, size=32)
    for each in (env, other, single):
        each.reset(seed=7)
    canvas = env.state.canvas.clone()
    with pytest.raises(Exception, match="Seed"):
        env.reset(seed=[1, -2, 3])
    for made, seed in ((env, [1.5, 2, 3]), (single, 1.5)):  # not truncated
        with pytest.raises(TypeError, match="float"):
            made.reset(seed=seed)
    with pytest.raises(ValueError, match="2 seeds for 3 environments"):
        env.reset(seed=[1, 2])
    with pytest.raises((ValueError, IndexError)):
        env.reset(seed=100, options=options)
    with pytest.raises(IndexError):
        single.reset(seed=100, options={"indices": [99]})
    assert env.np_random_seed == (7, 8, 9) and single.np_random_seed == 7
    assert torch.equal(env.state.canvas, canvas)
    np.testing.assert_array_equal(env.reset()[1]["index"], other.reset()[1]["index"])


def test_next_step_ignores_the_actions_of_who_begins_anew(pictures: np.ndarray) -> None:
    env = make(pictures, autoreset_mode=AutoresetMode.NEXT_STEP)
    env.reset(seed=0)
    for _ in range(3):
        observation, _, terminated, _, infos = env.step(env.action_space.sample())
    assert terminated.all() and (observation[:, 6] == 255).all() and "final_obs" not in infos
    unread = np.full(env.action_space.shape, np.nan, dtype=np.float32)
    observation, reward, terminated, _, _ = env.step(unread)
    assert (observation[:, :3] == 0).all() and not reward.any() and not terminated.any()
    with pytest.raises(ValueError, match="NaN"):
        env.step(unread)


@pytest.mark.parametrize("reward", ["l2", "wgan"])
def test_infos_are_json_and_the_same_in_both_environments(pictures: np.ndarray, reward: str) -> None:
    shared = {"dataset": pictures, "size": 32, "reward": reward}
    single, many = PaintCanvasEnv(**shared), PaintCanvasVectorEnv(1, **shared)
    single.reset(seed=0)
    many.reset(seed=0)
    action = single.action_space.sample()
    info, infos = single.step(action)[4], many.step(action[None])[4]
    numbers = {name: value.item() for name, value in infos.items() if not name.startswith("_")}
    assert json.loads(json.dumps(info)) == pytest.approx(numbers)


@pytest.fixture
def doubles() -> Iterator[None]:
    """Tensors without a dtype are float64, as other parts of a user's program may want."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize(("observation", "reward"), [("stacked", "wgan"), ("float", "l2"), ("dict", "l2")])
def test_torchs_default_dtype_changes_nothing(
    pictures: np.ndarray, observation: str, reward: str, request: pytest.FixtureRequest
) -> None:
    results = []
    for _ in range(2):
        env = make(pictures, observation=observation, reward=reward)
        env.action_space.seed(0)
        results.append([env.reset(seed=0), *(env.step(env.action_space.sample()) for _ in range(3))])
        assert env.observation_space.contains(results[-1][-1][0]) and results[-1][-1][1].dtype == np.float32
        request.getfixturevalue("doubles")
    assert data_equivalence(*results, exact=True)
