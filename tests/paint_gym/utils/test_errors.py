"""Errors that say what to do."""

import gymnasium as gym
import pytest

import paint_gym
from paint_gym.adapters.sb3 import PaintVecEnv
from paint_gym.utils.errors import named_file


@pytest.mark.parametrize("kind", ["make", "make_vec", "single", "vector", "sb3"])
def test_misspelt_arguments_of_environments(kind: str) -> None:
    make = {
        "make": lambda **named: gym.make("PaintCanvas-v0", **named),
        "make_vec": lambda **named: gym.make_vec("PaintCanvas-v0", num_envs=2, **named),
        "single": paint_gym.PaintCanvasEnv,
        "vector": paint_gym.PaintCanvasVectorEnv,
        "sb3": PaintVecEnv,
    }[kind]
    with pytest.raises(TypeError, match="did you mean 'max_strokes'") as error:
        make(max_stroke=10)
    assert "PaintTask" not in str(error.value)


def test_a_file_is_named_once_whatever_its_values_cause() -> None:
    for error in (ValueError("bad"), ValueError("a.json: bad")):
        with pytest.raises(ValueError, match=r"^a\.json: bad$"), named_file("a.json"):
            raise error
    for error in (KeyError("bad"), TypeError("bad"), AttributeError("bad"), ZeroDivisionError("bad")):
        with pytest.raises(ValueError, match=r"^a\.json: damaged or of .*bad"), named_file("a.json"):
            raise error
    with pytest.raises(FileNotFoundError), named_file("a.json"):
        raise FileNotFoundError("b.json")
