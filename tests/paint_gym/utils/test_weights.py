"""Weights and checkpoints on disk: what is read is what was written, or one sentence names the file."""

from __future__ import annotations

import json
import resource
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from paint_gym.renderers.neural import WEIGHTS, load_network, save_network
from paint_gym.strokes import get_stroke
from paint_gym.utils.weights import (
    check_fit,
    fill,
    load_checkpoint,
    load_weights,
    polyak_update,
    save_checkpoint,
    save_weights,
)

TENSORS = {"actor/w": torch.arange(6.0).view(2, 3), "actor/count": torch.tensor(3), "actor2/w": torch.ones(2)}
HEADER = {"spec": {"width": 48, "opacity": [0.0, 1.0], "name": None}}


def test_weights_round_trip(tmp_path: Path) -> None:
    file = tmp_path / "new folder" / "a.safetensors"
    save_weights(file, TENSORS, HEADER)
    tensors, header = load_weights(file)
    assert header == HEADER and tensors.keys() == TENSORS.keys()
    assert all(torch.equal(tensors[name], value) for name, value in TENSORS.items())
    tensors, _ = load_weights(file, "actor/")
    assert sorted(tensors) == ["count", "w"] and torch.equal(tensors["w"], TENSORS["actor/w"])


@pytest.mark.parametrize("save", [save_weights, lambda path, tensors, _: save_checkpoint(path, tensors)])
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite_are_never_written_over_good_ones(
    save: Callable[..., None], bad: float, tmp_path: Path
) -> None:
    file = tmp_path / "a"
    save(file, TENSORS, HEADER)
    before = file.read_bytes()
    with pytest.raises(ValueError, match="holds NaN or inf: actor/w"):
        save(file, TENSORS | {"actor/w": torch.tensor([1.0, bad])}, HEADER)
    assert file.read_bytes() == before and list(tmp_path.iterdir()) == [file]


def raw(header: bytes, length: int | None = None, size: int | None = None) -> Callable[[Path], None]:
    """Writes a safetensors file of this JSON header, that claims a length, of so many bytes."""

    def write(file: Path) -> None:
        file.write_bytes(struct.pack("<Q", len(header) if length is None else length) + header)
        if size is not None:
            with file.open("rb+") as stream:
                stream.truncate(size)

    return write


def metadata(text: str) -> Callable[[Path], None]:
    return lambda file: save_file({"a": torch.ones(1)}, file, {"paint_gym": text})


def tensor(shape: list[int], count: int) -> bytes:
    return json.dumps({"a": {"dtype": "F32", "shape": shape, "data_offsets": [0, 4 * count]}}).encode()


HUGE = 2_500_000_000
DAMAGED: dict[str, Callable[[Path], object]] = {
    "nothing": lambda file: file.touch(),
    "text": lambda file: file.write_text("hello, this is a text"),
    "of another library": lambda file: torch.save({}, file),
    "a header of 10 GB": raw(b"{}", length=10 * 2**30),
    "a tensor of 10 GB": raw(tensor([HUGE], HUGE)),
    "a tensor of 10 GB, with holes": raw(tensor([HUGE], HUGE), size=4 * HUGE + 8 + len(tensor([HUGE], HUGE))),
    "a million dimensions": raw(tensor([1] * 1_000_000, 1), size=10**7),
    "ten dimensions": lambda file: save_file({"a": torch.ones([1] * 10)}, file, {"paint_gym": "{}"}),
    "deep brackets": metadata("[" * 100_000),
    "brackets as a header": raw(b"[" * 500_000),
    "NaN": metadata('{"version": 1, "values": {"a": NaN}}'),
    "no JSON": metadata('{"version": '),
    "no header": lambda file: save_file({"a": torch.ones(1)}, file),
    "a list": metadata("[1]"),
    "values of a list": metadata('{"version": 1, "values": [1]}'),
    "a newer version": metadata('{"version": 2, "values": {}}'),
    "version NaN": metadata('{"version": "1", "values": {}}'),
    "cut": lambda file: (save_weights(file, TENSORS, HEADER), file.write_bytes(file.read_bytes()[:-4])),
}


@pytest.fixture
def little_memory() -> Iterator[None]:
    """Refuses to give this process 600 MB more."""
    used = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()  # data and stack
    limits = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (used + 600 * 2**20, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_DATA, limits)


@pytest.mark.parametrize("damage", DAMAGED)
def test_damaged_weights_are_one_sentence(damage: str, tmp_path: Path, little_memory: None) -> None:
    file = tmp_path / "a.safetensors"
    DAMAGED[damage](file)
    with pytest.raises(ValueError, match=r"a\.safetensors") as error:
        load_weights(file)
    assert len(str(error.value)) < 500 and "\n" not in str(error.value)


def test_what_weights_must_be(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"a\.safetensors"):
        load_weights(tmp_path / "a.safetensors")
    with pytest.raises(ValueError, match="JSON"):
        save_weights(tmp_path / "a", {}, {"a": float("nan")})
    metadata('{"version": 7, "values": {}}')(tmp_path / "b")
    with pytest.raises(ValueError, match=r"b is of version 7, this Paint Gym reads 1; upgrade it"):
        load_weights(tmp_path / "b")


def test_the_networks_that_come_with_the_package(tmp_path: Path) -> None:
    files = sorted(WEIGHTS.glob("*.safetensors"))
    assert len(files) == 4
    for file in files:
        design = get_stroke(file.stem)
        network = load_network(file, design)
        save_network(tmp_path / file.name, network, "grid", design)
        copied = load_network(tmp_path / file.name, design)
        strokes = torch.rand(2, len(design.parameters))
        assert torch.equal(network(strokes), copied(strokes))


def test_checkpoint_round_trip(tmp_path: Path) -> None:
    parameter = torch.nn.Parameter(torch.ones(3))
    optimizer = torch.optim.Adam([parameter])
    parameter.sum().backward()
    optimizer.step()
    state = {"optimizer": optimizer.state_dict(), "rng": torch.get_rng_state(), "steps": [1, (2, 0.5, None)]}
    save_checkpoint(tmp_path / "a", state)
    loaded = load_checkpoint(tmp_path / "a")
    assert loaded["steps"] == state["steps"] and torch.equal(loaded["rng"], state["rng"])
    optimizer.load_state_dict(loaded["optimizer"])
    moments = loaded["optimizer"]["state"][0]["exp_avg"]
    before = moments.clone()
    moments += 1  # in memory, not in the file
    save_checkpoint(tmp_path / "a", load_checkpoint(tmp_path / "a"))
    assert torch.equal(load_checkpoint(tmp_path / "a")["optimizer"]["state"][0]["exp_avg"], before)


def test_objects_are_refused_when_a_checkpoint_is_written(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "a", {"a": 1})
    with pytest.raises(ValueError, match="is damaged or not a checkpoint"):
        save_checkpoint(tmp_path / "a", {"a": Path("b")})
    assert load_checkpoint(tmp_path / "a") == {"a": 1} and list(tmp_path.iterdir()) == [tmp_path / "a"]


@pytest.mark.parametrize(
    "content", [b"", b"hello, this is a text", b"PK\x03\x04" + bytes(100), b"\x80\x04N."]
)
def test_damaged_checkpoints_are_one_sentence(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "a.pt"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.pt is damaged or not a checkpoint"):
        load_checkpoint(file)
    torch.save([1], file)
    with pytest.raises(ValueError, match=r"a\.pt is not a checkpoint: it holds a list"):
        load_checkpoint(file)
    save_checkpoint(file, {"a": torch.ones(1000)})
    file.write_bytes(file.read_bytes()[:2000])
    with pytest.raises(ValueError, match=r"a\.pt is damaged or not a checkpoint"):
        load_checkpoint(file)


def test_a_full_disk_is_an_error_that_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("[enforce fail at inline_container.cc:858] . PytorchStreamWriter failed")

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(OSError, match=r"cannot write .*a\.pt.*failed"):
        save_checkpoint(tmp_path / "a.pt", {})
    assert not list(tmp_path.iterdir())


def test_networks_are_filled_in_their_own_precision() -> None:
    network = torch.nn.Linear(2, 1)
    fill(network, {"weight": torch.ones(1, 2, dtype=torch.float16), "bias": torch.zeros(1)})
    assert network.weight.dtype == torch.float32 and network.weight.tolist() == [[1, 1]]
    with pytest.raises(
        ValueError, match=r"does not fit: missing bias, left over b, other shapes weight is \(3,\)"
    ):
        fill(network, {"weight": torch.ones(3), "b": torch.ones(1)})
    with pytest.raises(ValueError, match="holds NaN or inf: bias"):
        fill(network, {"weight": torch.ones(1, 2), "bias": torch.tensor([torch.nan])})
    with pytest.raises(ValueError, match="missing actor/a"):
        check_fit({"actor": {"a": torch.ones(1)}}, {"actor": {}})


def test_target_networks_follow_slowly_and_share_buffers() -> None:
    source, target = (torch.nn.BatchNorm1d(1) for _ in range(2))
    with torch.no_grad():
        source.weight.fill_(3.0)
    source.running_mean.fill_(7.0)
    polyak_update(target, source, 0.25)
    assert target.weight.item() == 1.5 and target.running_mean.item() == 7.0
