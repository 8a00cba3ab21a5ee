"""The `mnist` and `svhn` data sets: splits, axes, and damaged files."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from paint_gym.datasets import Dataset, load_dataset


def values(dataset: Dataset, plane: int = 0) -> list[int]:
    """One plane's value in the middle of each picture."""
    middle = dataset.size // 2
    return dataset.images[:, plane, middle, middle].tolist()


# mnist


@pytest.fixture
def mnist_root(tmp_path: Path) -> Path:
    """24 train digits, gzipped, and 3 test digits, plain, in the other spelling; digit n is grey n."""
    folder = tmp_path / "mnist"
    folder.mkdir()
    (folder / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(24)))
    (folder / "t10k-images.idx3-ubyte").write_bytes(idx(3))
    return tmp_path


def idx(count: int, *, magic: int = 0x803, promised: int | None = None) -> bytes:
    """An idx file of `count` digits whose header promises `promised`."""
    pixels = np.repeat(np.arange(count, dtype=np.uint8), 28 * 28).tobytes()
    return struct.pack(">4I", magic, count if promised is None else promised, 28, 28) + pixels


def test_mnist_splits_and_both_spellings(mnist_root: Path) -> None:
    train = load_dataset("mnist", size=28, data_root=mnist_root)
    assert values(train) == list(range(22))
    assert values(load_dataset("mnist", "val", size=28, data_root=mnist_root)) == [22, 23]
    test = load_dataset("mnist", "test", size=40, data_root=mnist_root)
    assert test.images.shape == (3, 3, 40, 40)
    assert [np.unique(picture).tolist() for picture in test.images] == [[0], [1], [2]]  # grey in all planes
    assert train.names is not None and train.names[3] == "train-images-idx3-ubyte.gz#3"


def test_mnist_where_torchvision_keeps_it(mnist_root: Path) -> None:
    (mnist_root / "MNIST").mkdir()
    (mnist_root / "mnist").rename(mnist_root / "MNIST" / "raw")
    assert values(load_dataset("mnist", size=28, data_root=mnist_root)) == list(range(22))


def test_mnist_that_is_not_there_names_a_live_address(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"https://ossci-datasets\.s3\.amazonaws\.com/mnist/"):
        load_dataset("mnist", data_root=tmp_path)


def test_mnist_is_the_right_way_up(mnist_root: Path) -> None:
    picture = np.zeros((28, 28), np.uint8)
    picture[0, :14] = 255  # top left
    (mnist_root / "mnist" / "t10k-images.idx3-ubyte").write_bytes(
        struct.pack(">4I", 0x803, 1, 28, 28) + picture.tobytes()
    )
    np.testing.assert_array_equal(load_dataset("mnist", "test", 28, mnist_root).images[0, 1], picture)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (gzip.compress(idx(5))[:-20], "cut off"),
        (gzip.compress(idx(5))[:12], "cut off"),
        (gzip.compress(idx(5), 0)[:2000] + b"\xff" * 2000, "damaged"),
        (b"<html>", "damaged"),
        (gzip.compress(b"\0\0"), "cut off"),
        (gzip.compress(idx(5, magic=0x801)), "not an idx file"),
        (gzip.compress(idx(5, promised=6)), "4,704 .* has 3,920"),
        (gzip.compress(idx(5, promised=2**32 - 1)), "has 3,920"),
        (gzip.compress(idx(5, promised=4)), "3,136 .* has 3,920"),
        (gzip.compress(struct.pack(">4I", 0x803, 1, 2**31, 28)), "28 x 28"),
    ],
)
def test_a_damaged_mnist_file_is_named(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "mnist").mkdir()
    (tmp_path / "mnist" / "train-images-idx3-ubyte.gz").write_bytes(content)
    with pytest.raises(ValueError, match=rf"train-images-idx3-ubyte\.gz: .*{reason}"):
        load_dataset("mnist", data_root=tmp_path)


def test_a_split_that_comes_out_empty_is_an_error(mnist_root: Path) -> None:
    (mnist_root / "mnist" / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(5)))
    with pytest.raises(ValueError, match=r"mnist \(val\) has no pictures"):
        load_dataset("mnist", "val", data_root=mnist_root)


# svhn


@pytest.fixture
def svhn_root(tmp_path: Path) -> Path:
    """20 train and 2 test digits; the top row of picture n is red, all else has n in the blue plane."""
    (tmp_path / "svhn").mkdir()
    for file, count in (("train_32x32.mat", 20), ("test_32x32.mat", 2)):
        pixels = np.zeros((32, 32, 3, count), np.uint8)
        pixels[:, :, 2] = np.arange(count)
        pixels[0, :, 0] = 255
        savemat(tmp_path / "svhn" / file, {"X": pixels, "y": np.ones((count, 1), np.uint8)})
    return tmp_path


def test_svhn_splits_and_axes(svhn_root: Path) -> None:
    assert values(load_dataset("svhn", size=32, data_root=svhn_root), 2) == list(range(18))
    assert values(load_dataset("svhn", "val", size=32, data_root=svhn_root), 2) == [18, 19]
    test = load_dataset("svhn", "test", size=32, data_root=svhn_root)
    assert (test.images[:, 0, 0] == 255).all() and (test.images[:, 0, 1:] == 0).all()  # red row on top


@pytest.mark.parametrize("damage", ["cut", "rubbish", "other shape", "other dtype", "no X"])
def test_a_damaged_svhn_file_is_named(svhn_root: Path, damage: str) -> None:
    path = svhn_root / "svhn" / "test_32x32.mat"
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:3000])
    elif damage == "rubbish":
        path.write_bytes(b"\x93" * 4000)
    elif damage == "no X":
        savemat(path, {"y": np.ones(3)})
    else:
        shape, dtype = ((32, 3, 32, 2), np.uint8) if damage == "other shape" else ((32, 32, 3, 2), np.float64)
        savemat(path, {"X": np.ones(shape, dtype)})
    with pytest.raises(ValueError, match=r"test_32x32\.mat: "):
        load_dataset("svhn", "test", data_root=svhn_root)
