"""The `photos` data set: random crops of the colour pictures inside scikit-image; nothing to download."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import metadata, util
from pathlib import Path

import numpy as np
from PIL import Image

from paint_gym.datasets.images import read_image, resize_box
from paint_gym.datasets.sources import Pictures, Source, file_identity

# Whole pictures are held out: no test crop shows anything that a train crop shows.
_FILES = {
    "train": ("astronaut.png", "motorcycle_left.png", "hubble_deep_field.jpg", "retina.jpg", "ihc.png"),
    "val": ("rocket.jpg",),
    "test": ("chelsea.png", "coffee.png"),
}
_COUNTS = {"train": 2000, "val": 200, "test": 200}
_SEEDS = {"train": 0, "val": 1, "test": 2}
_SMALLEST = 0.3  # side of the smallest crop, in shorter sides of the picture


def photos_source(split: str, size: int, data_root: Path) -> Source:
    """2,000 train, 200 val and 200 test crops, half of them mirrored; the same ones at every size.

    A crop's side is 30% to 100% of the shorter side of its picture.
    """
    folder = _picture_folder()
    paths = [folder / name for name in _FILES[split]]
    absent = [path.name for path in paths if not path.is_file()]
    if absent:
        version = metadata.version("scikit-image")
        raise FileNotFoundError(
            f"data set 'photos' needs {', '.join(absent)}, which scikit-image {version} does not have in "
            f"{folder}: install scikit-image 0.26 from its wheel, or name a folder of your own images"
        )

    def open_crops() -> Pictures:
        images = [Image.fromarray(read_image(path)) for path in paths]
        crops = list(_crops([image.size for image in images], split))

        def load(index: int) -> np.ndarray:
            picture, box, mirrored = crops[index]
            crop = resize_box(images[picture], box, size)
            return crop[:, ::-1] if mirrored else crop

        return Pictures([paths[picture].name for picture, _, _ in crops], load)

    identity = ["photos", _COUNTS[split], _SEEDS[split], *(file_identity(path, folder) for path in paths)]
    return Source(identity, open_crops)


def _picture_folder() -> Path:
    """scikit-image's folder of pictures, found without importing it, which could start a download."""
    package = util.find_spec("skimage")
    if package is None or not package.submodule_search_locations:
        raise FileNotFoundError("data set 'photos' needs scikit-image: pip install scikit-image")
    return Path(package.submodule_search_locations[0], "data")


def _crops(sizes: list[tuple[int, int]], split: str) -> Iterator[tuple[int, tuple[int, int, int, int], bool]]:
    """Picture, box (left, top, right, bottom) and mirrored or not, of every crop; the pictures take turns."""
    rng = np.random.default_rng(_SEEDS[split])
    for index in range(_COUNTS[split]):
        picture = index % len(sizes)
        width, height = sizes[picture]
        side = round(min(width, height) * rng.uniform(_SMALLEST, 1.0))
        x, y = int(rng.integers(width - side + 1)), int(rng.integers(height - side + 1))
        yield picture, (x, y, x + side, y + side), bool(rng.integers(2))
