"""Copies and pickles of environments in mid-episode step alike, and do not disturb each other."""

import copy
import pickle
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from PIL import Image

from paint_gym import load_dataset

COPIES = {"deepcopy": copy.deepcopy, "pickle": lambda env: pickle.loads(pickle.dumps(env))}


def make(kind: str, **arguments: object) -> gym.Env:
    if kind == "single":
        return gym.make("PaintCanvas-v0", **arguments)
    return gym.make_vec("PaintCanvas-v0", num_envs=2, **arguments)


@pytest.mark.parametrize(
    ("kind", "reward", "renderer"),
    [("single", "wgan", "analytic"), ("vector", "l2", "raster"), ("vector", "wgan", "neural")],
)
@pytest.mark.parametrize("way", COPIES)
def test_copies_step_alike(way: str, kind: str, reward: str, renderer: str, pictures: np.ndarray) -> None:
    large = pictures.repeat(4, 2).repeat(4, 3)
    size = 128 if renderer == "neural" else 32
    env = make(kind, dataset=large, size=size, max_strokes=20, renderer=renderer, reward=reward).unwrapped
    env.reset(seed=0)
    env.step(env.action_space.sample())
    other = COPIES[way](env)
    action = env.action_space.sample()
    kept = other.state.canvas.clone()
    first = env.step(action)
    assert np.array_equal(other.state.canvas, kept)  # the original's step left it alone
    second = other.step(action)
    assert np.array_equal(first[0], second[0]) and np.array_equal(first[1], second[1])
    assert first[4].keys() == second[4].keys()
    first, second = env.reset(), other.reset()
    assert np.array_equal(first[0], second[0])  # the same generator, too


def test_data_sets_travel_by_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAINT_GYM_CACHE", str(tmp_path / "cache"))
    for i in range(8):
        Image.new("RGB", (64, 64), (i, 0, 0)).save(tmp_path / f"{i}.png")
    data = load_dataset(tmp_path, size=256)
    assert copy.deepcopy(data) is data
    written = pickle.dumps(data)
    assert len(written) < 10_000 < data.images.nbytes
    other = pickle.loads(written)
    assert isinstance(other.images, np.memmap) and np.array_equal(other.images, data.images)
    assert not other.images.flags.writeable and other.names == data.names
    for file in (tmp_path / "cache" / "datasets").glob("*.pixels"):
        file.unlink()
    with pytest.raises(FileNotFoundError, match="load the data set on this machine"):
        pickle.loads(written)


def test_parts_of_a_mapped_file_travel_with_their_bytes(tmp_path: Path) -> None:
    """A path alone would bring other pictures: the whole file, in its order, without changes in memory."""
    images = np.random.default_rng(0).integers(0, 255, (6, 3, 8, 8), np.uint8)
    np.save(tmp_path / "images.npy", images)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    changed = np.load(tmp_path / "images.npy", mmap_mode="c")
    changed[0] = 7
    images.tofile(tmp_path / "raw.bin")
    raw = np.memmap(tmp_path / "raw.bin", np.uint8, "r", shape=images.shape)
    for array in (mapped, mapped[2:], mapped[::-1], changed, raw):
        data = load_dataset(array, size=8)
        other = pickle.loads(pickle.dumps(data))
        assert np.array_equal(other.images, array) and not other.images.flags.writeable
