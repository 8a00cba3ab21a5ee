"""A loaded data set: square RGB pictures of one size, in memory or mapped from disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Dataset:
    """Pictures to paint, all of one size, read-only.

    Attributes:
        name: the data set's name, or its folder.
        split: "train", "val" or "test".
        size: the side of every picture in pixels.
        images: (N, 3, size, size) uint8 RGB; an `np.memmap` where the pictures were decoded from files, so
            that only those in use take memory.
        names: N names that say where each picture comes from, or None.
        skipped: number of pictures that could not be read (`on_error="skip"`).
        file: the file that `images` maps, if any; a pickle then holds its path in place of the pictures.

    Raises:
        ValueError: the images are of another shape or dtype, or none at all.
    """

    name: str
    split: str
    size: int
    images: NDArray[np.uint8]
    names: tuple[str, ...] | None = None
    skipped: int = 0
    file: Path | None = None

    def __post_init__(self) -> None:
        check_images(self.images, f"data set {self.name!r}")
        if self.images.shape[2:] != (self.size, self.size):
            shape = "{} x {}".format(*self.images.shape[2:])
            raise ValueError(f"data set {self.name!r}: the images are {shape}, not of size {self.size}")
        if self.names is not None and len(self.names) != len(self.images):
            raise ValueError(f"data set {self.name!r}: {len(self.names)} names for {len(self.images)} images")
        view = self.images.view()
        view.flags.writeable = False
        object.__setattr__(self, "images", view)

    def __deepcopy__(self, memo: object) -> Dataset:
        return self  # nothing in it can change

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the pictures if they are in a file."""
        return self.__dict__ | ({} if self.file is None else {"images": None})

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Map the pictures again; a `FileNotFoundError` if their file is not on this machine."""
        if (file := state["file"]) is not None:
            if not file.is_file():
                raise FileNotFoundError(
                    f"the decoded pictures of data set {state['name']!r} are not at {file}: load the data "
                    "set on this machine, or share PAINT_GYM_CACHE"
                )
            state = state | {"images": map_pixels(file, state["size"])}
        state["images"].flags.writeable = False
        for name, value in state.items():
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, indices: int | slice | Sequence[int] | NDArray[np.integer]) -> NDArray[np.uint8]:
        """A copy of pictures, (n, 3, size, size) uint8, or of one, (3, size, size), by numpy's indices."""
        pictures = np.asarray(self.images)[indices]
        return pictures.copy() if np.may_share_memory(pictures, self.images) else pictures


def map_pixels(file: Path, size: int) -> NDArray[np.uint8]:
    """Map a file of pictures, (N, 3, size, size) uint8, into memory, read-only."""
    return np.memmap(file, np.uint8, "r").reshape(-1, 3, size, size)


def check_images(images: object, what: str) -> None:
    """Raise a `ValueError` that says what was got and what is needed, unless it is (N, 3, H, W) uint8."""
    needed = "needed is an (N, 3, H, W) uint8 numpy array with N, H, W > 0"
    if not isinstance(images, np.ndarray):
        raise ValueError(f"{what}: got {type(images).__name__}; {needed}")
    if images.ndim != 4 or images.shape[1] != 3 or images.dtype != np.uint8 or 0 in images.shape:
        raise ValueError(f"{what}: got an array of shape {images.shape} and dtype {images.dtype}; {needed}")
