"""Folders of images as data sets, pictures that cannot be read, and the cache of decoded pictures."""

import itertools
import logging
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from paint_gym.datasets import Dataset, images, load_dataset, sources

MakeFolder = Callable[..., Path]


def shade(index: int) -> tuple[int, int, int]:
    """A colour that tells the index of a picture."""
    return (10 * index % 256, 255 - index, 7)


@pytest.fixture
def make_folder(tmp_path: Path) -> MakeFolder:
    """Makes a folder of `count` plain PNGs, the n-th in `shade(n)`."""

    def make(count: int, name: str = "pictures") -> Path:
        folder = tmp_path / name
        folder.mkdir()
        for index in range(count):
            Image.new("RGB", (20, 16), shade(index)).save(folder / f"{index:03}.png")
        return folder

    return make


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that are decoded."""
    names: list[str] = []

    def read_image(path: Path, at_least: int) -> np.ndarray:
        names.append(path.name)
        return images.read_image(path, at_least=at_least)

    monkeypatch.setattr(sources, "read_image", read_image)
    return names


def colours(dataset: Dataset) -> list[tuple[int, ...]]:
    """The colour of the middle of each picture."""
    middle = dataset.size // 2
    return [tuple(map(int, picture[:, middle, middle])) for picture in dataset.images]


def shades(*indices: int) -> list[tuple[int, int, int]]:
    return [shade(index) for index in indices]


def entries(cache: Path) -> list[Path]:
    return sorted(file for file in cache.iterdir() if file.suffix != ".lock")


def test_a_memory_map_in_order(make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("paint_gym.datasets.cache._CHUNK", 3)
    dataset = load_dataset(make_folder(5), size=8)
    assert isinstance(dataset.images, np.memmap)
    assert dataset.images.shape == (5, 3, 8, 8) and dataset.images.dtype == np.uint8
    assert colours(dataset) == shades(*range(5))
    assert dataset.names == tuple(f"{index:03}.png" for index in range(5))
    assert type(dataset[0]) is type(dataset[[0]]) is np.ndarray
    with pytest.raises(ValueError, match="read-only"):
        dataset.images[0] = 0


def test_all_endings_in_any_case_in_subfolders_but_nothing_hidden(tmp_path: Path) -> None:
    names = ["b.JPG", "c.jpeg", "sub/d.Png", "sub/deep/e.webp", "f.bmp", "g.gif", "h.tif", "i.TIFF"]
    for name in [*names, ".thumbnails/x.png"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "._b.jpg").write_bytes(b"macOS leaves these")
    assert load_dataset(tmp_path, size=4).names == tuple(sorted(names))


def test_links_in_folders(tmp_path: Path) -> None:
    for name in ("real", "set"):
        (tmp_path / name).mkdir()
    Image.new("RGB", (8, 8), "red").save(tmp_path / "real" / "a.png")
    (tmp_path / "set" / "link").symlink_to(tmp_path / "real")
    (tmp_path / "real" / "back").symlink_to(tmp_path / "set")  # a circle
    os.mkfifo(tmp_path / "set" / "pipe.png")  # no picture
    assert len(load_dataset(tmp_path / "set", size=8)) == 1
    (tmp_path / "set" / "b.png").symlink_to(tmp_path / "gone.png")
    with pytest.raises(ValueError, match=r"^No such file .*b\.png"):
        load_dataset(tmp_path / "set", size=8)


def test_ways_to_name_a_folder(make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_folder(2)
    monkeypatch.chdir(folder.parent)
    monkeypatch.setenv("HOME", str(folder.parent))
    for name in (str(folder), "pictures", "./pictures", "~/pictures"):
        dataset = load_dataset(name, size=4)
        assert len(dataset) == 2 and dataset.name == str(folder.resolve())


def test_splits_of_a_folder_are_disjoint_and_complete(make_folder: MakeFolder) -> None:
    folder, splits = make_folder(23), ("train", "val", "test")
    names = {split: load_dataset(folder, split, size=4).names or () for split in splits}
    assert names["val"] == ("008.png", "018.png")
    assert names["test"] == ("009.png", "019.png")
    assert sorted(itertools.chain(*names.values())) == [f"{index:03}.png" for index in range(23)]
    small = make_folder(9, "small")  # is whole in every split
    assert [len(load_dataset(small, split, size=4)) for split in splits] == [9, 9, 9]


def test_folders_that_will_not_do(make_folder: MakeFolder, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no images in .*pictures.*jpeg"):
        load_dataset(make_folder(0))
    for absent in (tmp_path / "absent", str(tmp_path / "absent")):
        with pytest.raises(FileNotFoundError, match=r"no folder .*absent"):
            load_dataset(absent)
    (tmp_path / "file.png").touch()
    with pytest.raises(NotADirectoryError, match=r"file\.png is a file"):
        load_dataset(tmp_path / "file.png")


# What cannot be read


def test_a_bad_picture_is_named_and_leaves_no_cache(make_folder: MakeFolder, cache: Path) -> None:
    folder = make_folder(4)
    (folder / "002.png").write_bytes((folder / "002.png").read_bytes()[:50])
    with pytest.raises(ValueError, match=r'002\.png: .*on_error="skip"'):
        load_dataset(folder, size=8)
    for path in folder.iterdir():
        path.write_bytes(b"")
    with pytest.raises(ValueError, match=r"none of the 4 pictures can be read; .*000\.png"):
        load_dataset(folder, size=8, on_error="skip")
    assert entries(cache) == []


def test_skipping_counts_and_warns_once(
    make_folder: MakeFolder, caplog: pytest.LogCaptureFixture, decoded: list[str]
) -> None:
    folder = make_folder(5)
    (folder / "000.png").write_bytes(b"")
    (folder / "003.png").write_text("no picture")
    with caplog.at_level(logging.WARNING):
        dataset = load_dataset(folder, size=8, on_error="skip")
    (record,) = caplog.records
    assert all(text in record.getMessage() for text in ("skipped 2", "000.png", "003.png"))
    assert dataset.skipped == 2 and colours(dataset) == shades(1, 2, 4)
    assert dataset.names == ("001.png", "002.png", "004.png")
    decoded.clear()
    again = load_dataset(folder, size=8, on_error="skip")
    assert not decoded and again.skipped == 2 and colours(again) == colours(dataset)
    with pytest.raises(ValueError, match=r"000\.png: the file is empty"):  # the cache does not hide it
        load_dataset(folder, size=8, on_error="raise")


# The cache


def test_splits_sizes_and_folders_have_entries(make_folder: MakeFolder, decoded: list[str]) -> None:
    folder, other = make_folder(10), make_folder(10, "other")
    for path in other.iterdir():  # same names, lengths and times: only the place differs
        status = (folder / path.name).stat()
        path.write_bytes((folder / "001.png").read_bytes().ljust(status.st_size, b"\0")[: status.st_size])
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    for _ in range(2):
        assert load_dataset(folder, size=8).images.shape == (8, 3, 8, 8)
        assert load_dataset(folder, size=6).images.shape == (8, 3, 6, 6)
        assert load_dataset(folder, "test", size=8).images.shape == (1, 3, 8, 8)
        assert colours(load_dataset(other, size=8)) == shades(*[1] * 8)
    assert len(decoded) == 8 + 8 + 1 + 8  # nothing twice


@pytest.mark.parametrize("change", ["content", "added", "removed"])
def test_a_changed_source_is_decoded_again(make_folder: MakeFolder, change: str) -> None:
    folder = make_folder(3)
    load_dataset(folder, size=8)
    if change == "removed":
        (folder / "000.png").unlink()
    else:
        path = folder / ("001.png" if change == "content" else "003.png")
        Image.new("RGB", (20, 16), shade(9)).save(path)
        os.utime(path, ns=(0, path.stat().st_mtime_ns + 10**9))
    expected = {"content": shades(0, 9, 2), "added": shades(0, 1, 2, 9), "removed": shades(1, 2)}
    assert colours(load_dataset(folder, size=8)) == expected[change]


@pytest.mark.parametrize(
    ("ending", "content"),
    [(".pixels", b"x" * 400), (".pixels", b"x" * 192), (".pixels", b""), (".pixels", None), (".json", None)]
    + [(".json", text) for text in (b'{"names": "', b"[]", b'{"names": ["a"], "skipped": 0}')],
)
def test_a_damaged_cache_is_made_again(
    make_folder: MakeFolder, cache: Path, ending: str, content: bytes | None
) -> None:
    folder = make_folder(5)
    load_dataset(folder, size=8)
    before = [file.read_bytes() for file in entries(cache)]
    (file,) = cache.glob(f"*{ending}")
    file.unlink() if content is None else file.write_bytes(content)
    assert colours(load_dataset(folder, size=8)) == shades(*range(5))
    assert [file.read_bytes() for file in entries(cache)] == before


def test_where_the_cache_is(make_folder: MakeFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_folder(2)
    (tmp_path / "file").touch()
    monkeypatch.setenv("PAINT_GYM_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(OSError, match=r"file/cache.*set PAINT_GYM_CACHE"):
        load_dataset(folder, size=8)
    monkeypatch.delenv("PAINT_GYM_CACHE")
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda name: str(tmp_path / "home" / name))
    load_dataset(folder, size=8)
    assert list((tmp_path / "home" / "paint_gym" / "datasets").glob("pictures-train-8-*.pixels"))


def test_two_that_need_the_same_entry_at_once_decode_it_once(
    make_folder: MakeFolder, decoded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = threading.Event()

    def read_image(path: Path, at_least: int) -> np.ndarray:
        assert waits.wait(30)
        return read(path, at_least)

    read = sources.read_image
    monkeypatch.setattr(sources, "read_image", read_image)
    monkeypatch.setattr("paint_gym.datasets.cache.logger.info", lambda *_: waits.set())  # "waiting for it"
    folder = make_folder(9)
    with ThreadPoolExecutor() as pool:
        loading = [pool.submit(load_dataset, folder, size=32) for _ in range(2)]
        assert [colours(future.result()) for future in loading] == [shades(*range(9))] * 2
    assert len(decoded) == 9
