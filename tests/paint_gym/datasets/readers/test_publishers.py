"""The built-in data sets: missing ones, photos, imagenet, and the real data."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from paint_gym.datasets import load_dataset


@pytest.mark.parametrize(
    ("name", "url", "file"),
    [
        ("mnist", "https://ossci-datasets.s3.amazonaws.com/mnist/", "mnist/train-images-idx3-ubyte.gz"),
        ("svhn", "ufldl.stanford.edu", "svhn/train_32x32.mat"),
        ("celeba", "mmlab.ie.cuhk.edu.hk", "celeba/list_eval_partition.txt"),
        ("imagenet", "image-net.org", "imagenet/train/<wnid>"),
    ],
)
def test_a_missing_data_set_says_what_to_get(tmp_path: Path, name: str, url: str, file: str) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        load_dataset(name, data_root=tmp_path)
    for part in (url, str(tmp_path / file), "data_root", "PAINT_GYM_DATA", f"<data root>/{name}/"):
        assert part in str(caught.value)


def test_photos_splits_come_from_different_pictures() -> None:
    splits = {split: load_dataset("photos", split, size=16) for split in ("train", "val", "test")}
    assert [len(dataset) for dataset in splits.values()] == [2000, 200, 200]
    files = {split: set(dataset.names or ()) for split, dataset in splits.items()}
    assert files["test"] == {"chelsea.png", "coffee.png"} and files["val"] == {"rocket.jpg"}
    assert len(files["train"]) == 5 and not files["train"] & (files["test"] | files["val"])
    assert "pooch" not in sys.modules
    train = splits["train"].images
    assert len(np.unique(train.reshape(2000, -1), axis=0)) > 1990  # not the same crop again and again


def test_photos_are_the_same_on_every_machine_and_at_every_size(cache: Path) -> None:
    first = load_dataset("photos", "val", size=16).images.copy()
    larger = load_dataset("photos", "val", size=32).images
    shutil.rmtree(cache)
    np.testing.assert_array_equal(load_dataset("photos", "val", size=16).images, first)
    halved = larger.reshape(200, 3, 16, 2, 16, 2).mean(axis=(3, 5))
    assert np.abs(halved - first).mean() < 3


def test_imagenet_splits(tmp_path: Path) -> None:
    """40 train pictures in two classes, and 3 validation pictures in two classes, later in none."""
    for split, count in (("train", 40), ("val", 3)):
        for index in range(count):
            file = tmp_path / "imagenet" / split / f"n{index * 2 // count}" / f"{index:02}.JPEG"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (30, 20), (index * 6, 0, 0)).save(file, quality=95)
    splits = {split: load_dataset("imagenet", split, 8, tmp_path) for split in ("train", "val", "test")}
    assert [len(dataset) for dataset in splits.values()] == [38, 2, 3]
    assert splits["val"].names == ("n0/19.JPEG", "n1/39.JPEG")
    assert not set(splits["val"].names) & set(splits["train"].names or ())
    assert np.abs(splits["test"].images[:, 0, 4, 4].astype(int) - [0, 6, 12]).max() <= 2
    folder = tmp_path / "imagenet" / "val"
    for path in list(folder.rglob("*.JPEG")):
        path.rename(folder / path.name)
    assert load_dataset("imagenet", "test", 8, tmp_path).names == ("00.JPEG", "01.JPEG", "02.JPEG")


REAL = [("celeba", "val", 500), ("celeba", "test", 500), ("mnist", "val", 5000), ("svhn", "test", 1000)]


@pytest.mark.parametrize(
    ("name", "split", "count"), [*REAL, ("imagenet", "val", 112), ("imagenet", "test", 250)]
)
def test_the_real_data(real_data: Path, name: str, split: str, count: int) -> None:
    dataset = load_dataset(name, split, 32, real_data)
    assert dataset.images.shape == (count, 3, 32, 32) and dataset.images.std() > 20
    assert (dataset.images[:, 0] == dataset.images[:, 2]).all() == (name == "mnist")
