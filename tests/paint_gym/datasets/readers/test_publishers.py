"""The built-in data sets: missing ones, photos, imagenet, and the real data."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from paint_gym.datasets import load_dataset, read_image
from paint_gym.datasets.images import resize_box
from paint_gym.datasets.readers import photos


@pytest.mark.parametrize(
    ("name", "url", "file"),
    [
        ("mnist", "yann.lecun.com", "mnist/train-images-idx3-ubyte.gz"),
        ("svhn", "ufldl.stanford.edu", "svhn/train_32x32.mat"),
        ("celeba", "mmlab.ie.cuhk.edu.hk", "celeba/list_eval_partition.txt"),
        ("imagenet", "image-net.org", "imagenet/train/<wnid>"),
    ],
)
def test_a_missing_data_set_says_what_to_get_and_where_to_put_it(
    tmp_path: Path, name: str, url: str, file: str
) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        load_dataset(name, data_root=tmp_path)
    message = str(caught.value)
    for part in (url, str(tmp_path / file), "data_root", "PAINT_GYM_DATA", f"<data root>/{name}/"):
        assert part in message


# photos


def test_photos_splits_come_from_different_pictures() -> None:
    splits = {split: load_dataset("photos", split, size=16) for split in ("train", "val", "test")}
    assert {split: len(dataset) for split, dataset in splits.items()} == {
        "train": 2000,
        "val": 200,
        "test": 200,
    }
    files = {split: set(dataset.names or ()) for split, dataset in splits.items()}
    assert files["test"] == {"chelsea.png", "coffee.png"} and files["val"] == {"rocket.jpg"}
    assert len(files["train"]) == 5 and not files["train"] & (files["test"] | files["val"])
    assert "pooch" not in sys.modules
    train = splits["train"].images
    assert len(np.unique(train.reshape(2000, -1), axis=0)) > 1990  # not the same crop again and again
    assert (train.max(axis=1) != train.min(axis=1)).mean() > 0.5  # in colour


def test_photos_are_the_same_on_every_machine_and_at_every_size(cache: Path) -> None:
    first = load_dataset("photos", "val", size=16).images.copy()
    larger = load_dataset("photos", "val", size=32).images
    shutil.rmtree(cache)
    np.testing.assert_array_equal(load_dataset("photos", "val", size=16).images, first)
    halved = larger.reshape(200, 3, 16, 2, 16, 2).mean(axis=(3, 5))
    assert np.abs(halved - first).mean() < 3


def test_photo_crops_keep_to_their_picture() -> None:
    crops = list(photos._crops([(100, 60)], "train"))
    sides = []
    for _, (left, top, right, bottom), _ in crops:
        assert 0 <= left < right <= 100 and 0 <= top < bottom <= 60 and right - left == bottom - top
        sides.append(right - left)
    assert min(sides) == 18 and max(sides) >= 59
    assert 0.45 < np.mean([mirrored for _, _, mirrored in crops]) < 0.55


def test_photo_crops_are_mirrored_where_drawn() -> None:
    image = Image.fromarray(read_image(photos._picture_folder() / "rocket.jpg"))
    dataset = load_dataset("photos", "val", size=16)
    for index, (_, box, mirrored) in enumerate(photos._crops([image.size], "val")):
        crop = resize_box(image, box, 16)[:, :: -1 if mirrored else 1]
        np.testing.assert_array_equal(dataset.images[index], crop.transpose(2, 0, 1))


def test_photos_without_their_pictures_name_scikit_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(photos, "_picture_folder", lambda: tmp_path)
    with pytest.raises(FileNotFoundError, match=r"chelsea\.png, coffee\.png.*scikit-image \d"):
        load_dataset("photos", "test")


# imagenet


@pytest.fixture
def imagenet_root(tmp_path: Path) -> Path:
    """40 train pictures in two classes, and 3 validation pictures in two classes."""
    for split, per_class in (("train", (20, 20)), ("val", (2, 1))):
        index = 0
        for wnid, count in zip(("n01440764", "n01443537"), per_class, strict=True):
            folder = tmp_path / "imagenet" / split / wnid
            folder.mkdir(parents=True)
            for number in range(count):
                Image.new("RGB", (30, 20), (index * 6, 0, 0)).save(
                    folder / f"{wnid}_{number:02}.JPEG", quality=95
                )
                index += 1
    return tmp_path


def test_imagenet_splits(imagenet_root: Path) -> None:
    splits = {split: load_dataset("imagenet", split, 8, imagenet_root) for split in ("train", "val", "test")}
    assert {split: len(dataset) for split, dataset in splits.items()} == {"train": 38, "val": 2, "test": 3}
    assert splits["val"].names == ("n01440764/n01440764_19.JPEG", "n01443537/n01443537_19.JPEG")
    assert not set(splits["val"].names) & set(splits["train"].names or ())
    assert np.abs(splits["test"].images[:, 0, 4, 4].astype(int) - [0, 6, 12]).max() <= 2


def test_imagenet_validation_as_unpacked(imagenet_root: Path) -> None:
    folder = imagenet_root / "imagenet" / "val"
    for path in list(folder.rglob("*.JPEG")):
        path.rename(folder / path.name)
    names = load_dataset("imagenet", "test", 8, imagenet_root).names
    assert names == ("n01440764_00.JPEG", "n01440764_01.JPEG", "n01443537_00.JPEG")


# The real ones


@pytest.mark.parametrize(
    ("name", "split", "count"),
    [
        ("celeba", "val", 500),
        ("celeba", "test", 500),
        ("mnist", "val", 5000),
        ("svhn", "test", 1000),
        ("imagenet", "val", 112),
        ("imagenet", "test", 250),
    ],
)
def test_the_real_data(real_data: Path, name: str, split: str, count: int) -> None:
    dataset = load_dataset(name, split, 32, real_data)
    assert dataset.images.shape == (count, 3, 32, 32)
    assert dataset.images.std() > 20
    assert (dataset.images[:, 0] == dataset.images[:, 2]).all() == (name == "mnist")
