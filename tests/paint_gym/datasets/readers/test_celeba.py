"""The `celeba` data set: the official list, the crop, and damaged zips."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from paint_gym.datasets import load_dataset


@pytest.fixture(params=["folder", "zip"])
def celeba_root(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """4 train, 1 val, 1 test pictures with red bands that the crop removes; one more is only listed."""
    root = tmp_path / "celeba"
    pictures = root / "img_align_celeba"
    pictures.mkdir(parents=True)
    for index in range(1, 7):
        image = Image.new("RGB", (178, 218), (255, 0, 0))
        image.paste((index * 10, index * 10, index * 10), (0, 20, 178, 198))
        image.save(pictures / f"{index:06}.jpg", quality=95, subsampling=0)
    split = [0, 0, 0, 0, 1, 2, 0]  # the seventh is in the list only
    lines = [f"{index:06}.jpg {number}\n" for index, number in enumerate(split, start=1)]
    (root / "list_eval_partition.txt").write_text("".join(lines))
    if request.param == "zip":
        with zipfile.ZipFile(root / "img_align_celeba.zip", "w") as archive:
            for path in sorted(pictures.iterdir()):
                archive.write(path, f"img_align_celeba/{path.name}")
                path.unlink()
        pictures.rmdir()
    return tmp_path


def test_celeba_follows_the_official_list_and_cuts_the_centre(celeba_root: Path) -> None:
    train = load_dataset("celeba", size=89, data_root=celeba_root)
    assert train.names == ("000001.jpg", "000002.jpg", "000003.jpg", "000004.jpg")  # 000007 is not there
    assert np.abs(train.images[:, 0, 44, 44].astype(int) - [10, 20, 30, 40]).max() <= 2
    assert load_dataset("celeba", "val", 16, celeba_root).names == ("000005.jpg",)
    assert load_dataset("celeba", "test", 16, celeba_root).names == ("000006.jpg",)
    # The red bands are rows 0-19 and 198-217; the centre 178 x 178 is rows 20-197.
    assert train.images[0, 0, 2:-2].max() < 30


def test_celeba_list_that_matches_nothing(celeba_root: Path) -> None:
    partition = celeba_root / "celeba" / "list_eval_partition.txt"
    partition.write_text("900000.jpg 0\n")
    with pytest.raises((ValueError, FileNotFoundError), match=r"900000|none of the 1 pictures"):
        load_dataset("celeba", data_root=celeba_root)
    with pytest.raises(ValueError, match="lists no picture of split 'val'"):
        load_dataset("celeba", "val", data_root=celeba_root)
    partition.write_text("000001.jpg 0\n000002.jpg train\n")
    with pytest.raises(ValueError, match=r"list_eval_partition\.txt, line 2"):
        load_dataset("celeba", data_root=celeba_root)


@pytest.mark.parametrize("celeba_root", ["folder"], indirect=True)
def test_celeba_as_png(celeba_root: Path) -> None:
    jpegs = celeba_root / "celeba" / "img_align_celeba"
    pngs = celeba_root / "celeba" / "img_align_celeba_png"
    pngs.mkdir()
    for path in jpegs.iterdir():
        Image.open(path).save(pngs / f"{path.stem}.png")
    expected = load_dataset("celeba", size=32, data_root=celeba_root)
    for path in jpegs.iterdir():
        path.unlink()
    jpegs.rmdir()
    found = load_dataset("celeba", size=32, data_root=celeba_root)
    assert found.names == ("000001.png", "000002.png", "000003.png", "000004.png")
    assert np.abs(found.images.astype(int) - expected.images).max() <= 1
    assert load_dataset("celeba", "test", 16, celeba_root).names == ("000006.png",)


@pytest.mark.parametrize("celeba_root", ["folder"], indirect=True)
def test_celeba_without_its_list_says_where_to_get_it(celeba_root: Path) -> None:
    (celeba_root / "celeba" / "list_eval_partition.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"list_eval_partition\.txt\. Download .*official split"):
        load_dataset("celeba", data_root=celeba_root)


@pytest.mark.parametrize("celeba_root", ["zip"], indirect=True)
def test_a_damaged_zip_is_named(celeba_root: Path) -> None:
    path = celeba_root / "celeba" / "img_align_celeba.zip"
    content = path.read_bytes()
    for damaged in (b"", b"PK\x03\x04 rubbish", content[:-100]):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"img_align_celeba\.zip: not a zip file"):
            load_dataset("celeba", data_root=celeba_root)
    path.write_bytes(content[:200] + bytes(100) + content[300:])
    with pytest.raises(ValueError, match=r"img_align_celeba\.zip/.*000001\.jpg: cannot be unpacked"):
        load_dataset("celeba", data_root=celeba_root)
