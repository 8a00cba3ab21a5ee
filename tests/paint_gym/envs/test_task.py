"""What both environments share: pure functions of states, and observations."""

import numpy as np
import pytest
import torch

from paint_gym import CanvasState, PaintCanvasEnv, PaintCanvasVectorEnv


def make(pictures: np.ndarray, num_envs: int = 3, **arguments) -> PaintCanvasVectorEnv:
    settings = {"size": 32, "max_strokes": 15, "device": "cpu", "array": "torch"} | arguments
    return PaintCanvasVectorEnv(num_envs, dataset=pictures, **settings)


def closed_loop(env: PaintCanvasVectorEnv, **observe) -> torch.Tensor:
    """Gradient of three steps by a policy, whose weights are large enough for it to see the canvas."""
    torch.manual_seed(0)
    state, policy = env.initial(2, 0), torch.nn.Linear(7 * 32 * 32, 65)
    for _ in range(3):
        observation = env.observe(state, **observe).flatten(1).float()
        state, _ = env.model_step(state, policy(observation).sigmoid())
    loss = (state.canvas - state.target).square().mean()
    return torch.autograd.grad(loss, policy.weight)[0]


def test_no_gradient_is_lost_between_steps(pictures: np.ndarray) -> None:
    expected = closed_loop(make(pictures, observation="float"))
    stacked = make(pictures)
    torch.testing.assert_close(closed_loop(stacked, dtype=torch.float32), expected)
    with pytest.raises(ValueError, match=r"bytes have no gradients.*dtype=torch\.float32"):
        closed_loop(stacked)
    with torch.no_grad():
        assert stacked.observe(stacked.initial(1, 0)).dtype == torch.uint8


@pytest.mark.parametrize("observation", ["stacked", "float", "dict"])
def test_a_state_from_its_observation(pictures: np.ndarray, observation: str) -> None:
    env = make(pictures, observation=observation, array="numpy")
    env.reset(seed=0)
    seen = env.step(env.action_space.sample())[0]
    state = CanvasState.from_observation(seen, steps=3)
    assert torch.equal(state.step, env.state.step) and torch.equal(state.target, env.state.target)
    assert (state.canvas - env.state.canvas).abs().max() <= 0.5 / 255 + 1e-6
    single = {name: value[0] for name, value in seen.items()} if isinstance(seen, dict) else seen[0]
    with pytest.raises(ValueError, match=r"must be (a batch|batches) \(B, "):
        CanvasState.from_observation(single, steps=3)
    floats = env.observe(state, torch.float32)
    assert (floats["canvas"] if observation == "dict" else floats).dtype == torch.float32


def test_initial_and_renew_are_pure(pictures: np.ndarray) -> None:
    env = make(pictures)
    _, infos = env.reset(seed=0)
    before, drawn = env.state, [rng.bit_generator.state for rng in env.np_random]
    state = env.initial(5, 7, canvas=pictures[0], step=[0, 1, 2, 0, 1])
    assert torch.equal(state.target, env.initial(5, np.random.default_rng(7)).target)
    assert state.step.tolist() == [0, 1, 2, 0, 1]
    assert (state.canvas * 255).round()[4].equal(torch.tensor(pictures[0]).float())
    chosen = env.initial(3, indices=infos["index"].numpy())
    assert all(torch.equal(*pair) for pair in zip(chosen, before, strict=True))
    for done in (torch.tensor([0, 3]), np.ones((5, 1), bool), [True]):
        with pytest.raises(ValueError, match=r"done must be \(5,\) bool"):
            env.renew(state, done)
    state.canvas.requires_grad_()
    renewed = env.renew(state, torch.tensor([True, False, False, True, False]), 1)
    assert renewed.step.tolist() == [0, 1, 2, 0, 1] and (renewed.canvas[[0, 3]] == 0).all()
    renewed.canvas.sum().backward()
    assert state.canvas.grad[:, 0, 0, 0].tolist() == [0, 1, 1, 0, 1]
    assert torch.equal(renewed.target[1:3], state.target[1:3])
    assert env.state is before and [rng.bit_generator.state for rng in env.np_random] == drawn


def test_an_environment_goes_on_from_a_state(pictures: np.ndarray) -> None:
    vector, single = make(pictures, array="numpy"), PaintCanvasEnv(dataset=pictures, size=32, max_strokes=15)
    vector.reset(seed=0)
    vector.step(vector.action_space.sample())
    state, action = vector.state, vector.action_space.sample()
    expected = vector.step(action)
    for _ in range(2):  # what the environment does with it leaves the state as it was
        vector.set_state(state)
        result = vector.step(action)
        assert np.array_equal(result[0], expected[0]) and np.array_equal(result[1], expected[1])
        assert result[4]["index"].tolist() == [-1] * 3
    single.set_state(state[1])
    observation, reward, terminated, _, info = single.step(action[1])
    assert np.array_equal(observation, expected[0][1]) and not terminated
    assert reward == pytest.approx(expected[1][1], abs=1e-7) and info["index"] == -1
    with pytest.raises(ValueError, match="began on a picture"):
        single.painting  # noqa: B018
    with pytest.raises(ValueError, match=r"the state must be of canvases \(1, 3, 32, 32\)"):
        single.set_state(state)


@pytest.mark.parametrize(
    ("name", "change"),
    [("canvas", 255), ("target", np.nan), ("step", -3), ("step", 4), ("step", 0.5)],
)
def test_states_out_of_range_are_refused(pictures: np.ndarray, name: str, change: float) -> None:
    env = make(pictures)
    env.reset(seed=0)
    before = env.state
    with pytest.raises(ValueError, match="steps of the state" if name == "step" else "pictures are uint8"):
        env.set_state(before._replace(**{name: getattr(before, name) + change}))
    assert env.state is before
    env.set_state(before._replace(canvas=np.full(before.canvas.shape, 255, np.uint8)))
    assert (env.state.canvas == 1).all()


def test_observations_are_bytes_or_floats(pictures: np.ndarray) -> None:
    env = make(pictures)
    with pytest.raises(ValueError, match=r"torch\.uint8 or of a float type, not torch\.int64"):
        env.observe(env.initial(1, 0), torch.int64)


def test_an_observation_is_a_copy(pictures: np.ndarray) -> None:
    env = make(pictures, observation="dict")
    state = env.initial(1, 0)
    for value in env.observe(state, torch.float32).values():
        value += 1
    assert (state.canvas == 0).all() and (state.target <= 1).all() and (state.step == 0).all()


def test_an_episode_may_start_in_its_middle(pictures: np.ndarray) -> None:
    vector, single = make(pictures, array="numpy"), PaintCanvasEnv(dataset=pictures, size=32, max_strokes=15)
    observation, _ = vector.reset(seed=0, options={"step": [2, 1, 0]})
    assert observation[:, 6, 0, 0].tolist() == [170, 85, 0]
    *_, terminated, _, infos = vector.step(vector.action_space.sample())
    assert terminated.tolist() == [True, False, False] and len(infos["final_info"]["painting"][0]) == 5
    assert [len(painting) for painting in vector.paintings] == [0, 5, 5]
    single.reset(options={"step": 2})
    assert single.step(single.action_space.sample())[2] and len(single.painting) == 5


@pytest.mark.parametrize("name", ["array", "autoreset_mode", "num_envs"])
def test_arguments_of_the_vector_environment_are_named(pictures: np.ndarray, name: str) -> None:
    with pytest.raises(TypeError, match=rf"{name} is an argument of the vector environment: gym\.make_vec"):
        PaintCanvasEnv(dataset=pictures, **{name: 1})
