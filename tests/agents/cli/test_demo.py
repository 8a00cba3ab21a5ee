"""The demo: a page with paintings of photos, and of crops that a small agent has not seen in training."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from agents.cli.main import main
from paint_gym import Painting
from paint_gym.datasets import read_image

pytestmark = pytest.mark.slow


def test_demo(tmp_path: Path) -> None:
    out = tmp_path / "not" / "yet"
    main(["demo", "--out", str(out), "--updates", "12", "--size", "32", "--strokes", "20"])
    scores = json.loads((out / "demo.json").read_text())
    assert 0 < scores["l2_refined"] < scores["l2"] < 1 and 0 < scores["l2_untrained"] < 1
    for i in range(4):
        painting = Painting.load(out / f"painting_{i}.json")
        assert np.array_equal(painting.render(), read_image(out / f"painting_{i}.png"))
        assert len(painting) == 20 and (out / f"target_{i}.png").stat().st_size
    assert read_image(out / "overview.png").shape[1] == 4 * 512
    assert min(read_image(out / "learning_curve.png").shape[:2]) >= 96
    page = (out / "index.html").read_text()
    assert not re.search(r"https?:|\$[a-z]", page) and f"{scores['l2']:.4f}" in page
    files = set(re.findall(r'(?:src|href|poster)="([^"]+)"', page))
    assert len(files) >= 4 * 5 + 2 and all((out / file).stat().st_size > 100 for file in files)
    photo, painted = (read_image(out / name) / 255 for name in ("coffee.png", "coffee-painted.png"))
    assert photo.shape == painted.shape and np.square(photo - painted).mean() < 0.01
