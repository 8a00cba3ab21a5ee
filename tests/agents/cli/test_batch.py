"""Batches of photos: every painting as if it were alone, and a bad photo does not keep the others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import agents
from agents.cli.batch import BatchPainter
from agents.cli.outputs import OutputOptions, PhotoFiles
from agents.painting.photo import Photo, PhotoPainter
from paint_gym import Painting
from paint_gym.datasets import read_image

POLICY = agents.load("pretrained-mnist", "cpu")
SHAPES = [(32, 32), (32, 48), (32, 32), (48, 32)]


@pytest.fixture
def photos(tmp_path: Path) -> list[Photo]:
    random = np.random.default_rng(0)
    for i, (height, width) in enumerate(SHAPES):
        coarse = Image.fromarray(random.integers(0, 255, (4, 4, 3), dtype=np.uint8))
        coarse.resize((width, height), Image.Resampling.BICUBIC).save(tmp_path / f"{i}.png")
    return [Photo(tmp_path / f"{i}.png") for i in range(len(SHAPES))]


def batch(photos: list[Photo], folder: Path, *budgets: int, ending: str = "json") -> list[PhotoFiles]:
    return [
        PhotoFiles(photo, tuple((n, (folder / f"{photo.source.stem}-{n}.{ending}",)) for n in budgets))
        for photo in photos
    ]


@pytest.mark.parametrize("options", [{}, {"palette": 3}, {"until": 0.01}])
def test_a_painting_is_the_same_alone_and_in_a_batch(
    options: dict, photos: list[Photo], tmp_path: Path
) -> None:
    painter = BatchPainter(PhotoPainter(POLICY, 4, canvas=32, **options), OutputOptions(bars=False))
    results = list(painter.paint(batch(photos, tmp_path / "together", 5, 12)))
    for item in batch(photos, tmp_path / "alone", 5, 12):
        results += painter.paint([item])
    assert len(results) == 16 and not any(result.error for result in results)
    files = sorted((tmp_path / "together").iterdir())
    assert len(files) == 8
    for file in files:
        assert file.read_bytes() == (tmp_path / "alone" / file.name).read_bytes()
        count, budget = len(Painting.load(file)), int(file.stem.split("-")[1])
        assert count == budget or ("palette" in options and 1 < count <= budget)


def test_the_report_of_a_painting(photos: list[Photo], tmp_path: Path) -> None:
    painter = BatchPainter(PhotoPainter(POLICY, 2, canvas=32), OutputOptions(bars=False))
    (result,) = painter.paint(batch(photos[:1], tmp_path, 10, ending="png"))
    line, file = result.line, tmp_path / "0-10.png"
    assert line["picture"] == str(photos[0]) and line["files"] == [str(file)] and line["seconds"] > 0
    squared = np.square(read_image(file) / 255 - read_image(photos[0].source) / 255)
    assert line["strokes"] == 10 and line["l2"] == pytest.approx(squared.mean(), rel=0.02)
    assert line["psnr"] == pytest.approx(-10 * np.log10(line["l2"])) and line["size"] == [32, 32]


def test_sizes_of_files(photos: list[Photo], tmp_path: Path) -> None:
    Image.new("RGB", (120, 90)).save(tmp_path / "large.png")
    large = [Photo(tmp_path / "large.png")]
    for size, ending, expected in (
        (None, "png", (90, 120)), (60, "png", (45, 60)), (None, "gif", (90, 120)), (None, "json", (90, 120)),
    ):  # fmt: skip
        painter = BatchPainter(PhotoPainter(POLICY, 0, canvas=32), OutputOptions(size, bars=False))
        (result,) = painter.paint(batch(large, tmp_path, 5, ending=ending))
        (file,) = result.files
        written = Painting.load(file).size if ending == "json" else read_image(file).shape[:2]
        assert np.abs(np.subtract(written, expected)).max() <= 1
