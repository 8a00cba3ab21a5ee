"""Weights and checkpoints on disk: what is read is what was written, or one sentence names the file."""

import json
import resource
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from paint_gym.utils import weights

TENSORS = {"actor/w": torch.arange(6.0).view(2, 3), "actor/count": torch.tensor(3), "actor2/w": torch.ones(2)}
HEADER = {"spec": {"width": 48, "opacity": [0.0, 1.0], "name": None}}


def test_weights_round_trip(tmp_path: Path) -> None:
    file = tmp_path / "new folder" / "a.safetensors"
    weights.save_weights(file, TENSORS, HEADER)
    tensors, header = weights.load_weights(file)
    assert header == HEADER and tensors.keys() == TENSORS.keys()
    assert all(torch.equal(tensors[name], value) for name, value in TENSORS.items())
    tensors, _ = weights.load_weights(file, "actor/")
    assert sorted(tensors) == ["count", "w"] and torch.equal(tensors["w"], TENSORS["actor/w"])
    with pytest.raises(ValueError, match="JSON"):
        weights.save_weights(tmp_path / "a", {}, {"a": float("nan")})


@pytest.mark.parametrize(
    "save", [weights.save_weights, lambda path, tensors, _: weights.save_checkpoint(path, tensors)]
)
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_nan_and_inf_are_never_written(save: Callable[..., None], bad: float, tmp_path: Path) -> None:
    file = tmp_path / "a"
    save(file, TENSORS, HEADER)
    before = file.read_bytes()
    with pytest.raises(ValueError, match="holds NaN or inf: actor/w"):
        save(file, TENSORS | {"actor/w": torch.tensor([1.0, bad])}, HEADER)
    assert file.read_bytes() == before and list(tmp_path.iterdir()) == [file]


def raw(header: bytes, length: int | None = None, size: int = 0) -> Callable[[Path], None]:
    """Writes a safetensors file of this JSON header, that claims a length, of at least so many bytes."""

    def write(file: Path) -> None:
        file.write_bytes(struct.pack("<Q", len(header) if length is None else length) + header)
        with file.open("rb+") as stream:
            stream.truncate(max(size, 8 + len(header)))

    return write


def metadata(text: str, *shape: int) -> Callable[[Path], None]:
    return lambda file: save_file({"a": torch.ones(shape)}, file, {"paint_gym": text})


def tensor(shape: list[int], count: int) -> bytes:
    return json.dumps({"a": {"dtype": "F32", "shape": shape, "data_offsets": [0, 4 * count]}}).encode()


HUGE = 2_500_000_000
DAMAGED: dict[str, tuple[Callable[[Path], object], str]] = {
    "nothing": (lambda file: file.touch(), "damaged or not a safetensors file"),
    "text": (lambda file: file.write_text("hello, this is a text"), "not a safetensors file"),
    "of another library": (lambda file: torch.save({}, file), "not a safetensors file"),
    "a header of 10 GB": (raw(b"{}", length=10 * 2**30), "damaged"),
    "a tensor of 10 GB": (raw(tensor([HUGE], HUGE)), "damaged"),
    "a tensor of 10 GB, with holes": (raw(tensor([HUGE], HUGE), size=4 * HUGE + 99), "damaged"),
    "a million dimensions": (raw(tensor([1] * 1_000_000, 1), size=10**7), "damaged"),
    "ten dimensions": (metadata("{}", *[1] * 10), "more than 8 dimensions"),
    "deep brackets": (metadata("[" * 100_000), "damaged"),
    "brackets as a header": (raw(b"[" * 500_000), "damaged"),
    "NaN": (metadata('{"version": 1, "values": {"a": NaN}}'), "NaN is no number"),
    "no JSON": (metadata('{"version": '), ""),
    "no header": (lambda file: save_file({"a": torch.ones(1)}, file), "none that Paint Gym wrote"),
    "a list": (metadata("[1]"), "none that Paint Gym wrote"),
    "values of a list": (metadata('{"version": 1, "values": [1]}'), "none that Paint Gym wrote"),
    "a newer version": (metadata('{"version": 2, "values": {}}'), "of version 2, this Paint Gym reads 1"),
    "a version in words": (metadata('{"version": "1", "values": {}}'), "upgrade it"),
    "cut": (raw(tensor([100], 100), size=200), "damaged"),
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
    with pytest.raises(FileNotFoundError, match=r"a\.safetensors"):
        weights.load_weights(file)
    DAMAGED[damage][0](file)
    with pytest.raises(ValueError, match=rf"a\.safetensors.*{DAMAGED[damage][1]}") as error:
        weights.load_weights(file)
    assert len(str(error.value)) < 500 and "\n" not in str(error.value)


def test_checkpoint_round_trip(tmp_path: Path) -> None:
    parameter = torch.nn.Parameter(torch.ones(3))
    optimizer = torch.optim.Adam([parameter])
    parameter.sum().backward()
    optimizer.step()
    state = {"optimizer": optimizer.state_dict(), "rng": torch.get_rng_state(), "steps": [1, (2, 0.5, None)]}
    weights.save_checkpoint(tmp_path / "a", state)
    loaded = weights.load_checkpoint(tmp_path / "a")
    assert loaded["steps"] == state["steps"] and torch.equal(loaded["rng"], state["rng"])
    optimizer.load_state_dict(loaded["optimizer"])
    moments = loaded["optimizer"]["state"][0]["exp_avg"]
    before = moments.clone()
    moments += 1  # in memory, not in the file
    weights.save_checkpoint(tmp_path / "a", weights.load_checkpoint(tmp_path / "a"))
    assert torch.equal(weights.load_checkpoint(tmp_path / "a")["optimizer"]["state"][0]["exp_avg"], before)


def test_objects_are_refused_when_a_checkpoint_is_written(tmp_path: Path) -> None:
    weights.save_checkpoint(tmp_path / "a", {"a": 1})
    with pytest.raises(ValueError, match="is damaged or not a checkpoint"):
        weights.save_checkpoint(tmp_path / "a", {"a": Path("b")})
    assert weights.load_checkpoint(tmp_path / "a") == {"a": 1}


def test_damaged_checkpoints_are_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "a.pt"
    weights.save_checkpoint(file, {"a": torch.ones(1000)})
    cut = file.read_bytes()[:2000]
    for content in (b"", b"hello, this is a text", b"PK\x03\x04" + bytes(100), b"\x80\x04N.", cut):
        file.write_bytes(content)
        with pytest.raises(ValueError, match=r"a\.pt is damaged or not a checkpoint"):
            weights.load_checkpoint(file)
    torch.save([1], file)
    with pytest.raises(ValueError, match=r"a\.pt is not a checkpoint: it holds a list"):
        weights.load_checkpoint(file)


def test_a_full_disk_is_an_error_that_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("[enforce fail at inline_container.cc:858] . PytorchStreamWriter failed")

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(OSError, match=r"cannot write .*a\.pt.*failed"):
        weights.save_checkpoint(tmp_path / "a.pt", {})
    assert not list(tmp_path.iterdir())


def test_networks_are_filled_in_their_own_precision() -> None:
    network = torch.nn.Linear(2, 1)
    weights.fill(network, {"weight": torch.ones(1, 2, dtype=torch.float16), "bias": torch.zeros(1)})
    assert network.weight.dtype == torch.float32 and network.weight.tolist() == [[1, 1]]
    misfit = r"does not fit: missing bias, left over b, other shapes weight is \(3,\)"
    with pytest.raises(ValueError, match=misfit):
        weights.fill(network, {"weight": torch.ones(3), "b": torch.ones(1)})
    with pytest.raises(ValueError, match="holds NaN or inf: bias"):
        weights.fill(network, {"weight": torch.ones(1, 2), "bias": torch.tensor([torch.nan])})
    with pytest.raises(ValueError, match="missing actor/a"):
        weights.check_fit({"actor": {"a": torch.ones(1)}}, {"actor": {}})


def test_target_networks_follow_slowly_and_share_buffers() -> None:
    source, target = (torch.nn.BatchNorm1d(1) for _ in range(2))
    torch.nn.init.constant_(source.weight, 3.0)
    source.running_mean.fill_(7.0)
    weights.polyak_update(target, source, 0.25)
    assert target.weight.item() == 1.5 and target.running_mean.item() == 7.0
