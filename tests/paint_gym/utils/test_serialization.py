"""Nested dicts on disk: what is read is what was written, or it is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from paint_gym.utils.serialization import load_state, save_state

KEYS = st.text("abc.0-_ ", min_size=1, max_size=4).filter(lambda key: not key.isdigit()) | st.integers(0, 999)
VALUES = st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3) | st.lists(st.integers(0, 9))
LEAVES = VALUES.map(lambda value: ("plain", value)) | st.integers(0, 9).map(lambda n: ("tensor", n))
STATES = st.recursive(LEAVES, lambda inner: st.dictionaries(KEYS, inner, max_size=3), max_leaves=8)


def built(state: object) -> object:
    if isinstance(state, dict):
        return {key: built(value) for key, value in state.items()}
    kind, value = state
    return torch.full((2,), float(value)) if kind == "tensor" else value


def same(one: object, other: object) -> bool:
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return torch.equal(one, other) if isinstance(one, torch.Tensor) else one == other


@settings(max_examples=60, deadline=None)
@given(state=st.dictionaries(KEYS, STATES, max_size=4))
def test_round_trip(state: dict, tmp_path_factory: pytest.TempPathFactory) -> None:
    state, file = built(state), tmp_path_factory.mktemp("state") / "a.safetensors"
    save_state(file, state)
    assert same(load_state(file), state)


@pytest.mark.parametrize("key", ["a/b", "7", "007", "__metadata__", -1, True, None, 1.5, ("a",)])
def test_keys_that_would_not_be_read_back_are_refused(key: object, tmp_path: Path) -> None:
    file = tmp_path / "a.safetensors"
    for state in ({key: 1}, {"inner": {key: torch.zeros(1)}}):
        with pytest.raises(ValueError, match=r"the key .* cannot be saved"):
            save_state(file, state)
    assert not file.exists()


def test_a_digit_that_is_no_number_stays_text(tmp_path: Path) -> None:
    save_state(tmp_path / "a", {"²": torch.zeros(1), "٣": 4})
    assert load_state(tmp_path / "a")["²"].shape == (1,) and load_state(tmp_path / "a")["٣"] == 4


def test_what_a_killed_process_leaves_goes_with_the_next_write(tmp_path: Path) -> None:
    code = (
        "import os\nfrom paint_gym.utils import serialization\n"
        "def die(tensors, file, metadata):\n    file.with_name('.tmpAbCd').touch()\n    os._exit(9)\n"
        "serialization.save_file = die\nserialization.save_state('a.safetensors', {})"
    )
    process = subprocess.run([sys.executable, "-c", code], cwd=tmp_path)
    assert process.returncode == 9 and any(path.name == ".tmpAbCd" for path in tmp_path.rglob("*"))
    save_state(tmp_path / "a.safetensors", {"a": torch.ones(1)})
    assert [path.name for path in tmp_path.rglob("*")] == ["a.safetensors"]


def test_only_a_part_is_read(tmp_path: Path) -> None:
    state = {
        "agent": {"actor": {"w": torch.ones(2)}, "actor2": {"w": torch.zeros(2)}},
        "replay": torch.ones(9),
    }
    save_state(tmp_path / "a", state)
    found = load_state(tmp_path / "a", only="agent/actor")
    assert torch.equal(found["agent"]["actor"]["w"], torch.ones(2))
    assert found["agent"]["actor2"]["w"] is None and found["replay"] is None


def test_a_tensor_inside_a_plain_value_is_refused(tmp_path: Path) -> None:
    header = json.dumps({"version": 1, "values": {"a": 3}})
    save_file({"a/b": torch.zeros(1)}, tmp_path / "a.safetensors", {"paint_gym": header})
    with pytest.raises(ValueError, match=r"a\.safetensors: damaged: a/b lies inside a plain value"):
        load_state(tmp_path / "a.safetensors")


@pytest.mark.parametrize("value", [[{1: 2}], [torch.zeros(1)], ({"a": [torch.zeros(1)]},), [object()], {3}])
def test_values_that_json_would_not_give_back_are_refused(value: object, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a cannot be saved: it holds a"):
        save_state(tmp_path / "a", {"a": value})


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite_are_never_written_over_good_ones(bad: float, tmp_path: Path) -> None:
    file = tmp_path / "state.safetensors"
    save_state(file, {"a": {"b": torch.ones(2)}})
    with pytest.raises(ValueError, match="a/b holds NaN or inf"):
        save_state(file, {"a": {"b": torch.tensor([1.0, bad])}})
    assert torch.equal(load_state(file)["a"]["b"], torch.ones(2))
    assert list(tmp_path.iterdir()) == [file]
