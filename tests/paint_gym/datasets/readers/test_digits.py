"""The `mnist` and `svhn` data sets: splits, axes, and damaged files."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from paint_gym.datasets import Dataset, load_dataset


def values(dataset: Dataset, plane: int = 0) -> list[int]:
    """The value of a plane in the middle of each picture."""
    middle = dataset.size // 2
    return dataset.images[:, plane, middle, middle].tolist()


def idx(count: int, magic: int = 0x803, promised: int | None = None) -> bytes:
    """An idx file of digits, the n-th of grey n with a white corner, whose header promises so many."""
    pixels = np.repeat(np.arange(count, dtype=np.uint8), 28 * 28).reshape(count, 28, 28)
    pixels[:, 0, :14] = 255
    return struct.pack(">4I", magic, count if promised is None else promised, 28, 28) + pixels.tobytes()


@pytest.mark.parametrize("folder", ["mnist", "MNIST/raw"])  # torchvision's
def test_mnist_splits_and_spellings(folder: str, tmp_path: Path) -> None:
    (tmp_path / folder).mkdir(parents=True)
    (tmp_path / folder / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(24)))
    (tmp_path / folder / "t10k-images.idx3-ubyte").write_bytes(idx(3))
    train, val, test = (load_dataset("mnist", split, 28, tmp_path) for split in ("train", "val", "test"))
    assert values(train) == list(range(22)) and values(val) == [22, 23] and values(test, 2) == [0, 1, 2]
    assert train.names is not None and train.names[3] == "train-images-idx3-ubyte.gz#3"
    assert (test.images[0, 1] == 255).nonzero()[0].tolist() == [0] * 14  # the right way up


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (gzip.compress(idx(5))[:-20], "cut off"),
        (gzip.compress(idx(5), 0)[:2000] + b"\xff" * 2000, "damaged"),
        (b"<html>", "damaged"),
        (gzip.compress(b"\0\0"), "cut off"),
        (gzip.compress(idx(5, magic=0x801)), "not an idx file"),
        (gzip.compress(idx(5, promised=2**32 - 1)), "has 3,920"),
        (gzip.compress(idx(5, promised=4)), "3,136 .* has 3,920"),
        (gzip.compress(struct.pack(">4I", 0x803, 1, 2**31, 28)), "28 x 28"),
    ],
    ids=["cut", "overwritten", "html", "short", "labels", "too many", "too few", "too large"],
)
def test_a_damaged_mnist_file_is_named(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "mnist").mkdir()
    (tmp_path / "mnist" / "train-images-idx3-ubyte.gz").write_bytes(content)
    with pytest.raises(ValueError, match=rf"train-images-idx3-ubyte\.gz: .*{reason}"):
        load_dataset("mnist", data_root=tmp_path)


def test_a_split_that_comes_out_empty_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "mnist").mkdir()
    (tmp_path / "mnist" / "train-images-idx3-ubyte").write_bytes(idx(5))
    with pytest.raises(ValueError, match=r"mnist \(val\) has no pictures"):
        load_dataset("mnist", "val", data_root=tmp_path)


def test_svhn_splits_and_axes(tmp_path: Path) -> None:
    """The top row is red, all else has the number of the picture in the blue plane."""
    (tmp_path / "svhn").mkdir()
    for file, count in (("train_32x32.mat", 20), ("test_32x32.mat", 2)):
        pixels = np.zeros((32, 32, 3, count), np.uint8)
        pixels[:, :, 2] = np.arange(count)
        pixels[0, :, 0] = 255
        savemat(tmp_path / "svhn" / file, {"X": pixels, "y": np.ones((count, 1), np.uint8)})
    train, val, test = (load_dataset("svhn", split, 32, tmp_path) for split in ("train", "val", "test"))
    assert values(train, 2) == list(range(18)) and values(val, 2) == [18, 19]
    assert (test.images[:, 0, 0] == 255).all() and (test.images[:, 0, 1:] == 0).all()
    path = tmp_path / "svhn" / "test_32x32.mat"
    for content in (path.read_bytes()[:3000], b"\x93" * 4000):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"test_32x32\.mat: cannot be read as a MATLAB file"):
            load_dataset("svhn", "test", data_root=tmp_path)
    for wrong in ({"X": np.ones((32, 3, 32, 2), np.uint8)}, {"X": np.ones((32, 32, 3, 2))}):
        savemat(path, wrong)
        with pytest.raises(ValueError, match=r"test_32x32\.mat: needed is a uint8 variable X"):
            load_dataset("svhn", "test", data_root=tmp_path)
