"""Folders of images as data sets, pictures that cannot be read, and the cache of decoded pictures."""

from __future__ import annotations

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
def make_folder(tmp_path: Path) -> Callable[..., Path]:
    """Makes a folder of `count` plain PNGs, the n-th in `shade(n)`."""

    def make(count: int, name: str = "pictures") -> Path:
        folder = tmp_path / name
        folder.mkdir()
        for index in range(count):
            Image.new("RGB", (20, 16), shade(index)).save(folder / f"{index:03}.png")
        return folder

    return make


def colours(dataset: Dataset) -> list[tuple[int, ...]]:
    """The colour of the middle of each picture."""
    middle = dataset.size // 2
    return [tuple(map(int, picture[:, middle, middle])) for picture in dataset.images]


def entry(cache: Path, ending: str) -> Path:
    """The one cache file with this ending."""
    (path,) = cache.glob(f"*{ending}")
    return path


def poison(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on decoding fails the test."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("decoded again")

    monkeypatch.setattr(sources, "read_image", refuse)


def test_pictures_come_in_order_as_a_memory_map(make_folder: MakeFolder) -> None:
    dataset = load_dataset(make_folder(5), size=8)
    assert isinstance(dataset.images, np.memmap)
    assert dataset.images.shape == (5, 3, 8, 8) and dataset.images.dtype == np.uint8
    assert colours(dataset) == [shade(index) for index in range(5)]
    assert dataset.names == tuple(f"{index:03}.png" for index in range(5))
    assert type(dataset[[0]]) is np.ndarray
    with pytest.raises(ValueError, match="read-only"):
        dataset.images[0] = 0


def test_all_endings_in_any_case_in_subfolders_but_nothing_hidden(tmp_path: Path) -> None:
    names = ["b.JPG", "c.jpeg", "sub/d.Png", "sub/deep/e.webp", "f.bmp", "g.gif", "h.tif", "i.TIFF"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "._b.jpg").write_bytes(b"macOS leaves these")
    (tmp_path / ".thumbnails").mkdir()
    Image.new("RGB", (4, 4)).save(tmp_path / ".thumbnails" / "x.png")
    assert load_dataset(tmp_path, size=4).names == tuple(sorted(names))


def test_a_folder_may_be_a_string_relative_or_with_a_home(
    make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_folder(2)
    monkeypatch.chdir(folder.parent)
    monkeypatch.setenv("HOME", str(folder.parent))
    for name in (str(folder), "pictures", "./pictures", "~/pictures"):
        dataset = load_dataset(name, size=4)
        assert len(dataset) == 2 and dataset.name == str(folder.resolve())


def test_splits_of_a_folder_are_disjoint_and_complete(make_folder: MakeFolder) -> None:
    folder = make_folder(23)
    names = {split: load_dataset(folder, split, size=4).names or () for split in ("train", "val", "test")}
    assert names["val"] == ("008.png", "018.png")
    assert names["test"] == ("009.png", "019.png")
    assert sorted(itertools.chain(*names.values())) == [f"{index:03}.png" for index in range(23)]


def test_a_small_folder_is_whole_in_every_split(make_folder: MakeFolder) -> None:
    folder = make_folder(9)
    assert [len(load_dataset(folder, split, size=4)) for split in ("train", "val", "test")] == [9, 9, 9]


def test_folders_that_will_not_do(make_folder: MakeFolder, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no images in .*pictures.*jpeg"):
        load_dataset(make_folder(0))
    with pytest.raises(FileNotFoundError, match=r"no folder .*absent"):
        load_dataset(tmp_path / "absent")
    with pytest.raises(FileNotFoundError, match=r"no folder .*absent"):
        load_dataset(str(tmp_path / "absent"))
    (tmp_path / "file.png").touch()
    with pytest.raises(NotADirectoryError, match=r"file\.png is a file"):
        load_dataset(tmp_path / "file.png")


# What cannot be read


def test_a_bad_picture_is_named_and_leaves_no_cache(make_folder: MakeFolder, cache: Path) -> None:
    folder = make_folder(4)
    (folder / "002.png").write_bytes((folder / "002.png").read_bytes()[:50])
    with pytest.raises(ValueError, match=r'002\.png: .*on_error="skip"'):
        load_dataset(folder, size=8)
    assert list(cache.iterdir()) == []


def test_skipping_counts_and_warns_once(
    make_folder: MakeFolder, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_folder(9)
    (folder / "000.png").write_bytes(b"")
    (folder / "004.png").write_text("no picture")
    with caplog.at_level(logging.WARNING):
        dataset = load_dataset(folder, size=8, on_error="skip")
    (record,) = caplog.records
    assert "skipped 2" in record.getMessage()
    assert "000.png" in record.getMessage() and "004.png" in record.getMessage()
    good = [index for index in range(9) if index not in (0, 4)]
    assert dataset.skipped == 2
    assert colours(dataset) == [shade(index) for index in good]
    assert dataset.names == tuple(f"{index:03}.png" for index in good)
    with monkeypatch.context() as patch:
        poison(patch)
        again = load_dataset(folder, size=8, on_error="skip")
    assert again.skipped == 2 and colours(again) == colours(dataset)
    with pytest.raises(ValueError, match=r"000\.png: the file is empty"):  # the cache does not hide it
        load_dataset(folder, size=8, on_error="raise")


def test_skipping_all_is_an_error(make_folder: MakeFolder, cache: Path) -> None:
    folder = make_folder(3)
    for path in folder.iterdir():
        path.write_bytes(b"")
    with pytest.raises(ValueError, match=r"none of the 3 pictures can be read; .*000\.png"):
        load_dataset(folder, size=8, on_error="skip")
    assert list(cache.iterdir()) == []


def test_a_huge_picture_among_many_is_refused(
    make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_folder(2)
    Image.new("1", (10_100, 10_000)).save(folder / "001.png")
    with pytest.raises(ValueError, match=r"001\.png: refused, the picture is too large"):
        load_dataset(folder, size=8)


# The cache


def test_the_second_load_decodes_nothing(make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_folder(5)
    first = load_dataset(folder, size=8)
    poison(monkeypatch)
    second = load_dataset(folder, size=8)
    np.testing.assert_array_equal(first.images, second.images)
    assert second.names == first.names
    with pytest.raises(AssertionError, match="decoded again"):
        load_dataset(folder, size=9)


def test_other_splits_sizes_and_folders_have_entries_of_their_own(make_folder: MakeFolder) -> None:
    folder, other = make_folder(10), make_folder(10, "other")
    for path in other.iterdir():  # same names, lengths and times: only the place differs
        status = (folder / path.name).stat()
        path.write_bytes((folder / "001.png").read_bytes().ljust(status.st_size, b"\0")[: status.st_size])
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert load_dataset(folder, size=8).images.shape == (8, 3, 8, 8)
    assert load_dataset(folder, size=6).images.shape == (8, 3, 6, 6)
    assert load_dataset(folder, "test", size=8).images.shape == (1, 3, 8, 8)
    assert colours(load_dataset(other, size=8)) == [shade(1)] * 8


@pytest.mark.parametrize("change", ["content", "added", "removed"])
def test_a_changed_source_is_decoded_again(make_folder: MakeFolder, change: str) -> None:
    folder = make_folder(3)
    load_dataset(folder, size=8)
    if change == "content":
        status = (folder / "001.png").stat()
        Image.new("RGB", (20, 16), (1, 2, 3)).save(folder / "001.png")
        os.utime(folder / "001.png", ns=(status.st_atime_ns, status.st_mtime_ns + 10**9))
        expected = [shade(0), (1, 2, 3), shade(2)]
    elif change == "added":
        Image.new("RGB", (20, 16), (1, 2, 3)).save(folder / "003.png")
        expected = [shade(0), shade(1), shade(2), (1, 2, 3)]
    else:
        (folder / "000.png").unlink()
        expected = [shade(1), shade(2)]
    assert colours(load_dataset(folder, size=8)) == expected


def cut_pictures(cache: Path) -> None:
    with entry(cache, ".npy").open("rb+") as file:
        file.truncate(400)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "pictures cut off": cut_pictures,
    "pictures empty": lambda cache: entry(cache, ".npy").write_bytes(b""),
    "description missing": lambda cache: entry(cache, ".json").unlink(),
    "description cut off": lambda cache: entry(cache, ".json").write_text('{"names": "'),
    "description is a list": lambda cache: entry(cache, ".json").write_text("[]"),
    "description of others": lambda cache: entry(cache, ".json").write_text('{"names": ["a"], "skipped": 0}'),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_cache_is_made_again(
    make_folder: MakeFolder, cache: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    folder = make_folder(5)
    load_dataset(folder, size=8)
    before = entry(cache, ".npy").read_bytes(), entry(cache, ".json").read_bytes()
    DAMAGES[damage](cache)
    with caplog.at_level(logging.WARNING):
        dataset = load_dataset(folder, size=8)
    assert "decoded again" in caplog.text
    assert colours(dataset) == [shade(index) for index in range(5)]
    assert (entry(cache, ".npy").read_bytes(), entry(cache, ".json").read_bytes()) == before


def test_a_build_that_dies_leaves_nothing_that_looks_complete(
    make_folder: MakeFolder, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_folder(5)

    def interrupted(path: Path, at_least: int) -> np.ndarray:
        if path.name == "003.png":
            raise KeyboardInterrupt
        return images.read_image(path, at_least=at_least)

    with monkeypatch.context() as patch:
        patch.setattr(sources, "read_image", interrupted)
        with pytest.raises(KeyboardInterrupt):
            load_dataset(folder, size=8)
    assert list(cache.iterdir()) == []
    assert len(load_dataset(folder, size=8)) == 5


def test_a_cache_folder_that_cannot_be_made_is_named(
    make_folder: MakeFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("PAINT_GYM_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(OSError, match=r"file/cache.*PAINT_GYM_CACHE"):
        load_dataset(make_folder(2), size=8)


def test_the_cache_folder_is_the_users_by_default(
    make_folder: MakeFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PAINT_GYM_CACHE")
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda name: str(tmp_path / "home" / name))
    load_dataset(make_folder(2), size=8)
    assert len(list((tmp_path / "home" / "paint_gym" / "datasets").glob("pictures-train-8-*"))) == 2


def test_two_that_build_the_same_entry_at_once(
    make_folder: MakeFolder, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_folder(9)
    both_build = threading.Barrier(2, timeout=30)

    def together(path: Path, at_least: int) -> np.ndarray:
        if path.name == "005.png":
            both_build.wait()
        return images.read_image(path, at_least=at_least)

    monkeypatch.setattr(sources, "read_image", together)
    with ThreadPoolExecutor() as pool:
        loading = [pool.submit(load_dataset, folder, size=32) for _ in range(2)]
        results = [colours(future.result()) for future in loading]
    assert results == [[shade(index) for index in range(9)]] * 2
    assert len(list(cache.iterdir())) == 2  # one entry, no temporary files
    poison(monkeypatch)
    assert colours(load_dataset(folder, size=32)) == results[0]


def test_more_pictures_than_one_chunk_stay_in_order(
    make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("paint_gym.datasets.cache._CHUNK", 7)
    assert colours(load_dataset(make_folder(9), size=8)) == [shade(index) for index in range(9)]


def test_links_and_pipes_in_folders(tmp_path: Path) -> None:
    for name in ("real", "set"):
        (tmp_path / name).mkdir()
    Image.new("RGB", (8, 8), "red").save(tmp_path / "real" / "a.png")
    (tmp_path / "set" / "link").symlink_to(tmp_path / "real")
    (tmp_path / "set" / "again").symlink_to(tmp_path / "real")  # each folder once
    (tmp_path / "real" / "back").symlink_to(tmp_path / "set")  # a circle
    os.mkfifo(tmp_path / "set" / "pipe.png")  # no picture
    assert len(load_dataset(tmp_path / "set", size=8)) == 1
    (tmp_path / "set" / "b.png").symlink_to(tmp_path / "gone.png")  # one that cannot be read
    with pytest.raises(ValueError, match=r"b\.png"):
        load_dataset(tmp_path / "set", size=8)
    assert load_dataset(tmp_path / "set", size=8, on_error="skip").skipped == 1
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(FileNotFoundError, match="no folder"):
        load_dataset(tmp_path / "loop")
