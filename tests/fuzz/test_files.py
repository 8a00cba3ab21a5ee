"""Broken files: pictures, paintings, agents and runs."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from fuzz.harness import Fuzz
from fuzz.mutations import changed, damaged
from picture_files import encoded, photo, turned
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import agents
from agents import TrainConfig, build_agent, save_agent
from agents.training.trainer import Trainer
from paint_gym.datasets import read_image
from paint_gym.painting import Painting
from paint_gym.strokes import BUILT_IN

MODES = {
    "PNG": "1 L LA P RGB RGBA I;16", "JPEG": "L RGB CMYK", "GIF": "L P", "BMP": "1 L RGB RGBA",
    "WEBP": "RGB RGBA", "AVIF": "RGB RGBA", "TIFF": "1 L RGB RGBA CMYK I;16 I F", "PPM": "1 L RGB I",
}  # fmt: skip


def pictures_of_all_kinds() -> list[bytes]:
    """Small pictures, in all formats and modes that are read."""
    image = photo(24)
    files = [encoded(image.convert(mode), kind) for kind in MODES for mode in MODES[kind].split()]
    for compression in ("tiff_lzw", "tiff_deflate", "packbits", "jpeg"):
        files.append(encoded(image, "TIFF", compression=compression))
    for kind in ("GIF", "WEBP", "TIFF", "PNG"):
        files.append(encoded(image, kind, save_all=True, append_images=[image]))
    exif = turned(5)
    return [*files, encoded(image, "JPEG", progressive=True, exif=exif), encoded(image, "PNG", exif=exif)]


@pytest.mark.filterwarnings("ignore")  # Pillow's, on damaged EXIF
def test_pictures(fuzz: Fuzz) -> None:
    files = pictures_of_all_kinds()

    def attempt(random: np.random.Generator) -> None:
        content = damaged(files[random.integers(len(files))], random)
        at_least = None if random.random() < 0.5 else int(random.integers(1, 40))
        picture = read_image(content, "a picture", at_least=at_least)
        assert picture.ndim == 3 and picture.shape[2] == 3 and picture.dtype == np.uint8 and picture.size

    fuzz(attempt, "a picture")


@pytest.mark.parametrize("damage", [changed, damaged])
def test_paintings(fuzz: Fuzz, damage: object, tmp_path: Path) -> None:
    file, saved = tmp_path / "p.json", []
    for design in BUILT_IN:
        strokes = np.random.default_rng(0).random((4, design.dim), np.float32)
        Painting(strokes, design, (20, 30)).save(file)
        saved.append(file.read_bytes())

    def attempt(random: np.random.Generator) -> None:
        content = saved[random.integers(len(saved))]
        if damage is changed:
            file.write_text(json.dumps(changed(json.loads(content), random)))
        else:
            file.write_bytes(damaged(content, random))
        painting = Painting.load(file)
        assert painting.render(min(max(painting.size), 64)).dtype == np.uint8

    fuzz(attempt, "p.json")


@pytest.mark.parametrize("damage", ["bytes", "header", "tensor"])
def test_agents(fuzz: Fuzz, damage: str, tiny: TrainConfig, tmp_path: Path) -> None:
    file = tmp_path / "agent.safetensors"
    save_agent(file, build_agent(tiny.agent, "cpu"), tiny.agent)
    content, tensors = file.read_bytes(), load_file(file)
    with safe_open(file, "pt") as opened:
        header = json.loads(opened.metadata()["paint_gym"])
    targets = torch.rand(1, 3, 16, 20)

    def attempt(random: np.random.Generator) -> None:
        if damage == "bytes":
            file.write_bytes(damaged(content, random))
        else:
            values = changed(header, random) if damage == "header" else header
            parts = misfit(tensors, random) if damage == "tensor" else tensors
            save_file(parts, file, metadata={"paint_gym": json.dumps(values)})
        policy = agents.load(file, "cpu")
        policy = replace(policy, lookahead=min(2, policy.lookahead), plan=0)
        (painting,) = agents.paint(policy, targets, min(4, policy.bundle))
        assert np.isfinite(painting.strokes).all()

    fuzz(attempt, "agent.safetensors")


def misfit(tensors: dict[str, torch.Tensor], random: np.random.Generator) -> dict[str, torch.Tensor]:
    """Tensors of which one has another name, shape, type or number."""
    name = list(tensors)[random.integers(len(tensors))]
    value = tensors[name]
    kinds = [
        value.flatten()[:1], value.half(), value.double(), value.int(), value * torch.nan, value.flatten(),
        torch.zeros(0), torch.zeros(3, dtype=torch.bool), value.bfloat16(),
    ]  # fmt: skip
    rest = {key: tensor for key, tensor in tensors.items() if key != name}
    return rest | {f"{name}{'/more' if random.random() < 0.3 else ''}": kinds[random.integers(9)].clone()}


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_runs(fuzz: Fuzz, tiny: TrainConfig, tmp_path: Path) -> None:
    tiny = replace(tiny, updates=2, eval_every=2, eval_images=1, episodes=4)
    Trainer(tiny, "cpu").fit().save(tmp_path)
    file = tmp_path / "checkpoint.pt"
    content = file.read_bytes()

    def attempt(random: np.random.Generator) -> None:
        file.write_bytes(damaged(content, random))
        assert Trainer.resume(tmp_path, "cpu").updates >= 0

    fuzz(attempt, "checkpoint.pt")
