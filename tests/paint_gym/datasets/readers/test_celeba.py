"""The `celeba` data set: the official list, the crop, and damaged zips."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from paint_gym.datasets import load_dataset


@pytest.fixture(params=["jpg", "png", "zip"])
def celeba_root(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """4 train, 1 val, 1 test pictures with red bands that the crop removes; one more is only listed."""
    root = tmp_path / "celeba"
    ending = "png" if request.param == "png" else "jpg"
    pictures = root / ("img_align_celeba_png" if ending == "png" else "img_align_celeba")
    pictures.mkdir(parents=True)
    for index in range(1, 7):
        image = Image.new("RGB", (178, 218), (255, 0, 0))
        image.paste((index * 10, index * 10, index * 10), (0, 20, 178, 198))
        image.save(pictures / f"{index:06}.{ending}", quality=95, subsampling=0)
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
    names = [name.partition(".")[0] for name in train.names or ()]
    assert names == ["000001", "000002", "000003", "000004"]  # 000007 is not there
    assert np.abs(train.images[:, 0, 44, 44].astype(int) - [10, 20, 30, 40]).max() <= 2
    assert train.images[0, 0, 2:-2].max() < 30  # no red band
    for split, name in (("val", "000005"), ("test", "000006")):
        (loaded,) = load_dataset("celeba", split, 16, celeba_root).names or ()
        assert name in loaded


def test_lists_that_will_not_do(celeba_root: Path) -> None:
    partition = celeba_root / "celeba" / "list_eval_partition.txt"
    for text, split, reason in (
        ("900000.jpg 0\n", "train", "img_align_celeba.* has none of the 1 pictures of 'train'"),
        ("900000.jpg 0\n", "val", "lists no picture of split 'val'"),
        ("000001.jpg 0\n000002.jpg train\n", "train", r"list_eval_partition\.txt, line 2"),
    ):
        partition.write_text(text)
        with pytest.raises(ValueError, match=reason):
            load_dataset("celeba", split, data_root=celeba_root)
    partition.unlink()
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
