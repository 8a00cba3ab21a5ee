"""The `celeba` data set: the official list, the crop, and hostile zips."""

from __future__ import annotations

import struct
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


def test_a_list_cannot_point_outside_the_data_set(celeba_root: Path) -> None:
    secret = celeba_root / "secret.jpg"
    secret.write_bytes(b"not to be opened")
    lines = f"000001.jpg 0\n../../secret.jpg 0\n{secret} 0\n"
    (celeba_root / "celeba" / "list_eval_partition.txt").write_text(lines)
    assert load_dataset("celeba", size=8, data_root=celeba_root).names == ("000001.jpg",)


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
def test_celeba_without_its_list_says_how_to_split(celeba_root: Path) -> None:
    (celeba_root / "celeba" / "list_eval_partition.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"official split.*0 .train. up to 162770.*dataset="):
        load_dataset("celeba", data_root=celeba_root)


def zipped(root: Path, members: dict[str, bytes]) -> Path:
    """A CelebA zip of these members, and a list with one picture in it."""
    (root / "celeba").mkdir()
    (root / "celeba" / "list_eval_partition.txt").write_text("000001.jpg 0\n")
    path = root / "celeba" / "img_align_celeba.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.fixture
def jpeg(celeba_root: Path) -> bytes:
    """A picture of 178 x 218."""
    if (celeba_root / "celeba" / "img_align_celeba").is_dir():
        return (celeba_root / "celeba" / "img_align_celeba" / "000001.jpg").read_bytes()
    with zipfile.ZipFile(celeba_root / "celeba" / "img_align_celeba.zip") as archive:
        return archive.read("img_align_celeba/000001.jpg")


def test_a_hostile_zip_writes_nothing(tmp_path: Path, jpeg: bytes, cache: Path) -> None:
    root = tmp_path / "hostile"
    root.mkdir()
    hostile = {
        "../../000001.jpg": b"x",
        "/tmp/paint_gym_000001.jpg": b"x",
        "img_align_celeba/../../../evil.jpg": b"x",
    }
    zipped(root, {**hostile, "img_align_celeba/000001.jpg": jpeg})
    before = sorted(tmp_path.rglob("*"))
    assert load_dataset("celeba", size=8, data_root=root).names == ("000001.jpg",)
    assert sorted(tmp_path.rglob("*")) == before
    assert not Path("/tmp/paint_gym_000001.jpg").exists()
    assert len(list(cache.iterdir())) == 2


def test_a_zip_member_too_large_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zipped(tmp_path, {"img_align_celeba/000001.jpg": b"\0" * 60_000_000})
    monkeypatch.setattr(zipfile.ZipFile, "read", lambda *_: pytest.fail("read"))
    with pytest.raises(
        ValueError, match=r"img_align_celeba\.zip/img_align_celeba/000001\.jpg: refused.*60,000,000"
    ):
        load_dataset("celeba", data_root=tmp_path)


def test_a_zip_member_that_lies_about_its_size_is_named(tmp_path: Path) -> None:
    path = zipped(tmp_path, {"img_align_celeba/000001.jpg": b"\0" * 60_000_000})
    content = path.read_bytes().replace(struct.pack("<I", 60_000_000), struct.pack("<I", 1000))
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"000001\.jpg: cannot be unpacked"):
        load_dataset("celeba", data_root=tmp_path)


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_damaged_zip_member_is_named(tmp_path: Path, method: int) -> None:
    path = zipped(tmp_path, {})
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("img_align_celeba/000001.jpg", bytes(range(256)) * 200)
    content = bytearray(path.read_bytes())
    content[80:100] = bytes(255 - byte for byte in content[80:100])
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"000001\.jpg: cannot be unpacked"):
        load_dataset("celeba", data_root=tmp_path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 rubbish"])
def test_a_zip_that_is_none_is_named(tmp_path: Path, content: bytes) -> None:
    zipped(tmp_path, {}).write_bytes(content)
    with pytest.raises(ValueError, match=r"img_align_celeba\.zip: not a zip file"):
        load_dataset("celeba", data_root=tmp_path)


def test_a_zip_cut_off_is_named(tmp_path: Path, jpeg: bytes) -> None:
    root = tmp_path / "cut"
    root.mkdir()
    path = zipped(root, {"img_align_celeba/000001.jpg": jpeg})
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"img_align_celeba\.zip: not a zip file"):
        load_dataset("celeba", data_root=root)
