"""The `Dataset` record, arrays as data sets, and the registry."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from paint_gym.datasets import Dataset, load_dataset, register_dataset, registry


@pytest.fixture(autouse=True)
def own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is gone after it."""
    monkeypatch.setattr(registry.DATASETS, "_entries", dict(registry.DATASETS._entries))


def numbered(count: int, size: int = 8) -> np.ndarray:
    """Picture n has n in every pixel."""
    return np.repeat(np.arange(count, dtype=np.uint8), 3 * size * size).reshape(count, 3, size, size)


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


@pytest.mark.parametrize("shape", [(2, 8, 8, 3), (3, 8, 8), (0, 3, 8, 8), (2, 1, 8, 8), (2, 3, 8, 8)])
def test_other_arrays_are_refused(shape: tuple[int, ...]) -> None:
    images = np.zeros(shape, np.float32 if shape == (2, 3, 8, 8) else np.uint8)
    with pytest.raises(ValueError, match=r"\(N, 3, H, W\) uint8") as caught:
        load_dataset(images)
    assert str(shape) in str(caught.value) and str(images.dtype) in str(caught.value)


@pytest.mark.parametrize(
    ("indices", "expected"),
    [(2, 2), (-1, 4), ([4, 0, 4], [4, 0, 4]), ([], []), (slice(1, 3), [1, 2]), (np.arange(5) > 3, [4])],
)
def test_indexing_gives_copies(indices: Any, expected: Any) -> None:
    dataset = load_dataset(numbered(5), size=8)
    pictures = dataset[indices]
    assert pictures.shape[-3:] == (3, 8, 8) and pictures[..., 0, 0, 0].tolist() == expected
    pictures[:] = 99
    assert dataset.images.max() == 4


def test_the_record_checks_itself() -> None:
    with pytest.raises(ValueError, match="8 x 8, not of size 16"):
        Dataset("x", "train", 16, numbered(2))
    with pytest.raises(ValueError, match="1 names for 2 images"):
        Dataset("x", "train", 8, numbered(2), names=("a",))


@pytest.mark.parametrize(
    ("arguments", "kind", "reason"),
    [
        ({"dataset": "celebA"}, ValueError, "did you mean 'celeba'.*--import.*path of a folder"),
        ({"dataset": "fotos+photos"}, ValueError, "did you mean 'photos'"),
        ({"dataset": ""}, ValueError, "unknown data set ''"),
        ({"dataset": [1, 2]}, TypeError, "not list"),
        ({"split": "valid"}, ValueError, "unknown split 'valid'.*did you mean 'val'"),
        ({"on_error": "skp"}, ValueError, "unknown on_error 'skp'.*did you mean 'skip'"),
        ({"size": 0}, ValueError, "size must be a whole number from 1 to"),
        ({"size": 1.5}, ValueError, "size must be a whole number from 1 to"),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], kind: type[Exception], reason: str) -> None:
    with pytest.raises(kind, match=reason):
        load_dataset(**arguments)


def test_a_registered_loader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def loader(split: str, size: int, data_root: Path) -> np.ndarray:
        calls.append((split, size, data_root))
        return numbered(3, 8)

    register_dataset("mine", loader)
    dataset = load_dataset("mine", split="val", size=12, data_root=tmp_path)
    assert (dataset.name, dataset.split, dataset.images.shape) == ("mine", "val", (3, 3, 12, 12))
    monkeypatch.setenv("PAINT_GYM_DATA", "/elsewhere")
    load_dataset("mine")
    assert calls == [("val", 12, tmp_path), ("train", 128, Path("/elsewhere"))]


def test_a_loader_may_give_a_dataset_of_the_right_size() -> None:
    register_dataset("mine", lambda split, size, root: Dataset("mine", split, 8, numbered(2), ("a", "b")))
    assert load_dataset("mine", size=8).names == ("a", "b")
    with pytest.raises(ValueError, match="asked for size 16, its loader gave size 8"):
        load_dataset("mine", size=16)


@pytest.mark.parametrize("name", ["", "a/b", "a+b"])
def test_names_that_cannot_be(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be called"):
        register_dataset(name, lambda split, size, root: numbered(1, size))


def test_several_data_sets_are_one() -> None:
    register_dataset("few", lambda split, size, data_root: numbered(2, size))
    register_dataset("more", lambda split, size, data_root: numbered(3, size) + 100)
    both = load_dataset("few+more+few", split="val", size=4)
    assert both.images[:, 0, 0, 0].tolist() == [0, 1, 100, 101, 102, 0, 1]
    assert (both.name, both.split, both.size) == ("few+more+few", "val", 4)
