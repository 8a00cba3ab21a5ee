"""The `Dataset` record, arrays as data sets, and the registry."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from paint_gym.datasets import Dataset, dataset_names, load_dataset, register_dataset, registry


@pytest.fixture(autouse=True)
def own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is gone after it."""
    monkeypatch.setattr(registry.DATASETS, "_entries", dict(registry.DATASETS._entries))


def numbered(count: int, size: int = 8) -> np.ndarray:
    """Picture n has n in every pixel."""
    return np.broadcast_to(
        np.arange(count, dtype=np.uint8)[:, None, None, None], (count, 3, size, size)
    ).copy()


def test_an_array_of_the_right_size_is_used_as_it_is() -> None:
    images = numbered(4)
    dataset = load_dataset(images, size=8)
    assert np.shares_memory(dataset.images, images)
    assert (len(dataset), dataset.size, dataset.split, dataset.skipped) == (4, 8, "train", 0)
    images[:] = 1  # the caller's own array stays writable
    with pytest.raises(ValueError, match="read-only"):
        dataset.images[:] = 0


def test_an_array_of_another_size_is_resized_plane_by_plane() -> None:
    images = np.zeros((2, 3, 16, 24), np.uint8)
    images[:, 0], images[1, 2] = 200, 50
    dataset = load_dataset(images, size=8)
    assert dataset.images.shape == (2, 3, 8, 8)
    assert [np.unique(plane).tolist() for plane in dataset.images[1]] == [[200], [0], [50]]


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((2, 8, 8, 3), np.uint8),
        np.zeros((2, 3, 8, 8), np.float32),
        np.zeros((3, 8, 8), np.uint8),
        np.zeros((0, 3, 8, 8), np.uint8),
        np.zeros((2, 1, 8, 8), np.uint8),
        np.zeros((2, 3, 0, 8), np.uint8),
    ],
)
def test_other_arrays_are_refused_with_what_was_got_and_what_is_needed(images: np.ndarray) -> None:
    with pytest.raises(ValueError) as caught:
        load_dataset(images)
    assert str(images.shape) in str(caught.value) and str(images.dtype) in str(caught.value)
    assert "(N, 3, H, W) uint8" in str(caught.value)


def test_indexing_gives_copies_in_the_order_asked_for() -> None:
    dataset = load_dataset(numbered(5), size=8)
    chosen = dataset[np.array([4, 0, 4])]
    assert chosen.shape == (3, 3, 8, 8)
    assert chosen[:, 0, 0, 0].tolist() == [4, 0, 4]
    chosen[:] = 99
    assert dataset.images.max() == 4
    one = dataset[2]
    assert one.shape == (3, 8, 8)
    one[:] = 99
    assert dataset.images.max() == 4
    assert dataset[[]].shape == (0, 3, 8, 8) and dataset[-1].max() == 4


@pytest.mark.parametrize("indices", [[0, 5], [-6], 5, np.array([7])])
def test_an_index_out_of_range_says_the_range(indices: object) -> None:
    with pytest.raises(IndexError, match="-5 to 4"):
        load_dataset(numbered(5), size=8)[indices]  # type: ignore[index]


@pytest.mark.parametrize("indices", [[0.5], [True, False, True, True, True], slice(2)])
def test_other_than_integers_do_not_index(indices: object) -> None:
    with pytest.raises(TypeError, match="integers"):
        load_dataset(numbered(5), size=8)[indices]  # type: ignore[index]


def test_iterating_ends() -> None:
    assert [int(picture[0, 0, 0]) for picture in load_dataset(numbered(3), size=8)] == [0, 1, 2]  # type: ignore[attr-defined]


def test_the_record_checks_itself() -> None:
    with pytest.raises(ValueError, match="8 x 8, not of size 16"):
        Dataset("x", "train", 16, numbered(2))
    with pytest.raises(ValueError, match="1 names for 2 images"):
        Dataset("x", "train", 8, numbered(2), names=("a",))


def test_the_built_in_names() -> None:
    assert {"celeba", "imagenet", "mnist", "photos", "svhn"} <= set(dataset_names())
    assert list(dataset_names()) == sorted(dataset_names())


def test_unknown_names_suggest_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"did you mean 'celeba'.*path of a folder"):
        load_dataset("celebA")
    with pytest.raises(ValueError, match=r"unknown split 'valid'.*did you mean 'val'"):
        load_dataset("photos", split="valid")
    with pytest.raises(ValueError, match=r"unknown on_error 'skp'.*did you mean 'skip'"):
        load_dataset("photos", on_error="skp")
    with pytest.raises(ValueError, match="unknown data set ''"):
        load_dataset("")
    with pytest.raises(TypeError, match="not list"):
        load_dataset([1, 2])  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [0, -8, 1.5, True, "128"])
def test_size_must_be_a_positive_integer(size: object) -> None:
    with pytest.raises(ValueError, match="size must be a whole number from 1 to"):
        load_dataset(numbered(2), size=size)  # type: ignore[arg-type]


def test_a_registered_loader_gets_split_size_and_root(tmp_path: Path) -> None:
    calls = []

    def loader(split: str, size: int, data_root: Path) -> np.ndarray:
        calls.append((split, size, data_root))
        return numbered(3, size)

    register_dataset("mine", loader)
    assert "mine" in dataset_names()
    dataset = load_dataset("mine", split="val", size=12, data_root=tmp_path)
    assert calls == [("val", 12, tmp_path)]
    assert (dataset.name, dataset.split, len(dataset)) == ("mine", "val", 3)


def test_the_data_root_comes_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    roots = []

    def loader(split: str, size: int, data_root: Path) -> np.ndarray:
        roots.append(data_root)
        return numbered(1, size)

    register_dataset("mine", loader)
    monkeypatch.setenv("PAINT_GYM_DATA", str(tmp_path))
    load_dataset("mine", size=8)
    load_dataset("mine", size=8, data_root="/elsewhere")
    assert roots == [tmp_path, Path("/elsewhere")]


def test_a_loader_may_give_a_dataset_of_the_right_size() -> None:
    register_dataset("mine", lambda split, size, root: Dataset("mine", split, 8, numbered(2), ("a", "b")))
    assert load_dataset("mine", size=8).names == ("a", "b")
    with pytest.raises(ValueError, match="asked for size 16, its loader gave size 8"):
        load_dataset("mine", size=16)


def test_a_name_is_registered_once_unless_replaced() -> None:
    register_dataset("mine", lambda split, size, root: numbered(1, size))
    with pytest.raises(ValueError, match="'mine' is already registered"):
        register_dataset("mine", lambda split, size, root: numbered(2, size))
    assert len(load_dataset("mine", size=8)) == 1
    register_dataset("mine", lambda split, size, root: numbered(2, size), replace=True)
    assert len(load_dataset("mine", size=8)) == 2
    with pytest.raises(ValueError, match="'photos' is already registered"):
        register_dataset("photos", lambda split, size, root: numbered(2, size))


@pytest.mark.parametrize("name", ["", "a/b"])
def test_a_name_cannot_be_a_path(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be called"):
        register_dataset(name, lambda split, size, root: numbered(1, size))


def test_several_data_sets_are_one() -> None:
    register_dataset("few", lambda split, size, data_root: numbered(2, size))
    register_dataset("more", lambda split, size, data_root: numbered(3, size) + 100)
    both = load_dataset("few+more+few", split="val", size=4)
    assert both.images[:, 0, 0, 0].tolist() == [0, 1, 100, 101, 102, 0, 1]
    assert (both.name, both.split, both.size) == ("few+more+few", "val", 4)


def test_a_name_in_a_sum_must_be_known() -> None:
    register_dataset("few", lambda split, size, data_root: numbered(2, size))
    with pytest.raises(ValueError, match="did you mean 'photos'"):
        load_dataset("few+fotos", size=8)
    with pytest.raises(ValueError, match=r"has a \+"):
        register_dataset("a+b", lambda split, size, data_root: numbered(2, size))
