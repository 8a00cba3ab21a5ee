"""Painting files: they read back exactly, and hostile ones are refused with the file's name and a reason."""

import json
import re
import time

import numpy as np
import pytest
import torch

from paint_gym.painting import Painting, json_format
from paint_gym.strokes import STROKES, StrokeDesign, get_stroke, register_stroke

GOOD = {
    "format": "paint-gym-painting",
    "version": 1,
    "stroke": "circle",
    "parameters": ["x", "y", "r", "t"],
    "size": [64, 48],
    "background": [0, 0.5, 1],
    "opacity": [0.1, 1],
    "strokes": [[0.5, 0.5, 0.4, 1.0, 0.9, 0, 1]] * 2,
}


def refused(path, text, reason):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    start = time.monotonic()
    with pytest.raises(ValueError, match=re.escape(reason)) as caught:
        Painting.load(path)
    assert str(path) in str(caught.value)
    assert len(str(caught.value)) < 1000 + len(str(path))
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("stroke", STROKES)
@pytest.mark.parametrize("strokes", [0, 1, 30])
def test_round_trip(tmp_path, stroke, strokes):
    values = np.random.default_rng(0).random((strokes, get_stroke(stroke).dim))
    painting = Painting(values, stroke, (30, 50), background=(0.1, 1 / 3, 1), opacity=(0.2, 0.7))
    painting.save(tmp_path / "p.json")
    loaded = Painting.load(tmp_path / "p.json")
    assert loaded == painting
    assert np.array_equal(loaded.render(64), painting.render(64))
    assert list(json.loads((tmp_path / "p.json").read_text())) == list(json_format.KEYS)
    (tmp_path / "p.json").write_text(json.dumps(GOOD), "utf-8-sig")
    assert len(Painting.load(tmp_path / "p.json")) == 2


def test_registered_design_of_ones_own(tmp_path):
    design = StrokeDesign(
        "dot-test", ("x", "y"), "sweep", lambda p, segments: torch.cat([p, p * 0 + 0.1], -1)[:, None]
    )
    painting = Painting([[0.5, 0.5, 1, 0, 0]], design)
    painting.save(tmp_path / "p.json")
    with pytest.raises(ValueError, match=r"p\.json.*unknown stroke 'dot-test'"):
        Painting.load(tmp_path / "p.json")
    register_stroke(design)
    try:
        assert Painting.load(tmp_path / "p.json") == painting
    finally:
        del STROKES._entries["dot-test"]


STROKE = GOOD["strokes"][0]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"format": "svg"}, "its format is not 'paint-gym-painting'"),
        ({"version": 2}, "upgrade paint-gym"),
        ({"stroke": "circel"}, "did you mean 'circle'"),
        ({"parameters": ["y", "x", "r", "t"]}, "its parameters are ['y', 'x', 'r', 't']"),
        ({"size": [64, 32769]}, "from 1 to 32768"),
        ({"size": [True, 64]}, "size is [True, 64]"),
        ({"background": [0, 0, 10**400]}, "background must be 3 numbers"),
        ({"opacity": [1, 0]}, "low <= high"),
        ({"strokes": None}, "strokes is not a list"),
        ({"strokes": [STROKE[:-1]]}, "(K, 7), not (1, 6)"),
        ({"strokes": [[*STROKE[:-1], 1.5]]}, "must be in [0, 1]; stroke 0 has 1.5"),
        ({"strokes": [[*STROKE[:-1], float("nan")]]}, "NaN or inf"),
        ({"strokes": [[*STROKE[:-1], True]]}, "not a list of numbers"),
        ({"title": "mine"}, "its keys are"),
    ],
)
def test_refuses_wrong_fields(tmp_path, changes, reason):
    refused(tmp_path / "p.json", json.dumps(GOOD | changes), reason)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not a .json of Paint Gym"),
        ("{", "not JSON"),
        (json.dumps({name: GOOD[name] for name in list(GOOD)[:-1]}), "its keys are"),
        (json.dumps(GOOD).replace("0.4", "1e400"), "NaN or inf"),
        (json.dumps(GOOD).replace("0.4", "9" * 10_000), "digits"),
        ('{"format":' + "[" * 200_000, "recursion"),
        ('{"format":' + "{" * 900_000, "not a .json of Paint Gym"),
        ("[" * 2_000_000, "more than 25000000 bytes or 1000000 lists"),
        (json.dumps(GOOD)[:-2] + ",0.5" * 1_000_000 + "]}", "stroke 2 is 0.5"),
        (json.dumps(GOOD)[:-2] + ",[0]" * 1_000_001 + "]}", "more than 25000000 bytes or 1000000 lists"),
    ],
    ids=lambda value: str(value)[:20] if isinstance(value, str) else None,
)
def test_refuses_broken_and_hostile_text(tmp_path, text, reason):
    refused(tmp_path / "p.json", text, reason)


def test_refuses_large_files_unread(tmp_path, monkeypatch):
    path = tmp_path / "p.json"
    with path.open("wb") as file:
        file.truncate(json_format.MAX_JSON_BYTES + 1)
    monkeypatch.setattr(type(path), "read_bytes", lambda self: pytest.fail("it was read"))
    with pytest.raises(ValueError, match=r"p\.json.*25000001 bytes"):
        Painting.load(path)
