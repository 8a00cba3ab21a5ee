"""Broken files: pictures, paintings, agents and runs."""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from fuzz.harness import Fuzz
from fuzz.mutations import changed, damaged
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import agents
from agents import TrainConfig, build_agent, save_agent
from agents.training.trainer import Trainer
from paint_gym.datasets import read_image
from paint_gym.painting import Painting

SIDE = 24
COMPRESSIONS, FILMS = ("tiff_lzw", "tiff_deflate", "packbits", "jpeg"), ("GIF", "WEBP", "TIFF", "PNG")


def pictures_of_all_kinds() -> list[bytes]:
    """Small pictures, in all formats and modes that are read."""
    y, x = np.mgrid[:SIDE, :SIDE]
    rgb = np.stack([x * 10, y * 10, (x * y) % 256], -1).astype(np.uint8)
    image = Image.fromarray(rgb)
    exif = Image.Exif()
    exif[0x112] = 5
    deep = rgb[..., 0].astype(np.uint16) * 257
    modes = {
        "PNG": ("1", "L", "LA", "P", "RGB", "RGBA"), "JPEG": ("L", "RGB", "CMYK"), "GIF": ("L", "P"),
        "BMP": ("1", "L", "RGB", "RGBA"), "WEBP": ("RGB", "RGBA"), "AVIF": ("RGB", "RGBA"),
        "TIFF": ("1", "L", "RGB", "RGBA", "CMYK"), "PPM": ("1", "L", "RGB"),
    }  # fmt: skip
    pictures: list[tuple[Image.Image, str, dict]] = [
        *((image.convert(mode), kind, {}) for kind in modes for mode in modes[kind]),
        *((image, "TIFF", {"compression": kind}) for kind in COMPRESSIONS),
        *((Image.fromarray(deep), kind, {}) for kind in ("PNG", "TIFF", "PPM")),
        *((Image.fromarray(deep.astype(kind)), "TIFF", {}) for kind in (np.float32, np.int32)),
        (image, "JPEG", {"progressive": True, "exif": exif}), (image, "PNG", {"exif": exif}),
        *((image, kind, {"save_all": True, "append_images": [image]}) for kind in FILMS),
    ]  # fmt: skip
    files = []
    for picture, kind, options in pictures:
        file = io.BytesIO()
        picture.save(file, kind, **options)
        files.append(file.getvalue())
    return files


def test_pictures(fuzz: Fuzz) -> None:
    files = pictures_of_all_kinds()

    def attempt(random: np.random.Generator) -> None:
        content = damaged(files[random.integers(len(files))], random)
        at_least = None if random.random() < 0.5 else int(random.integers(1, 40))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's, on damaged EXIF
            picture = read_image(content, "a picture", at_least=at_least)
        assert picture.ndim == 3 and picture.shape[2] == 3 and picture.dtype == np.uint8 and picture.size

    fuzz(attempt, "a picture")


@pytest.mark.parametrize("damage", [changed, damaged])
def test_paintings(fuzz: Fuzz, damage: object, tmp_path: Path) -> None:
    file, saved = tmp_path / "p.json", []
    for stroke in ("bezier", "circle", "straight", "triangle"):
        design_dim = {"bezier": 13, "circle": 7, "straight": 11, "triangle": 10}
        strokes = np.random.default_rng(0).random((4, design_dim[stroke]), np.float32)
        Painting(strokes, stroke, (20, 30)).save(file)
        saved.append(file.read_bytes())

    def attempt(random: np.random.Generator) -> None:
        content = saved[random.integers(len(saved))]
        if damage is changed:
            file.write_text(json.dumps(changed(json.loads(content), random)))
        else:
            file.write_bytes(damaged(content, random))
        painting = Painting.load(file)
        size = min(max(painting.size), 64)
        assert painting.render(size).dtype == np.uint8

    fuzz(attempt, "p.json")


@pytest.fixture
def agent_file(tiny: TrainConfig, tmp_path: Path) -> Path:
    torch.manual_seed(0)
    file = tmp_path / "agent.safetensors"
    save_agent(file, build_agent(tiny.agent, "cpu"), tiny.agent)
    return file


def header_of(file: Path) -> dict:
    with safe_open(file, "pt") as opened:
        return json.loads(opened.metadata()["paint_gym"])


def rewritten(
    file: Path, tensors: dict[str, torch.Tensor], header: dict, random: np.random.Generator
) -> None:
    """The file with another header, or with tensors of other names, shapes, types or numbers."""
    if random.random() < 0.7:
        header = changed(header, random)
    else:
        name = list(tensors)[random.integers(len(tensors))]
        value = tensors[name]
        others = [
            value.flatten()[:1], value.half(), value.double(), value.int(), value * torch.nan,
            value * torch.inf, value.flatten(), torch.zeros(0), torch.zeros(3, dtype=torch.bool),
            value.bfloat16(),
        ]  # fmt: skip
        tensors = tensors | {name: others[random.integers(len(others))].clone()}
        if random.random() < 0.3:
            tensors[f"{name}/more"] = tensors.pop(name)
    save_file(tensors, file, metadata={"paint_gym": json.dumps(header)})


def spoiler(file: Path, damage: object) -> Callable[[np.random.Generator], None]:
    """What writes the sound file anew each time, damaged in its bytes or in what it says."""
    content, tensors, header = file.read_bytes(), load_file(file), header_of(file)

    def spoil(random: np.random.Generator) -> None:
        if damage is damaged:
            file.write_bytes(damaged(content, random))
        else:
            rewritten(file, tensors, header, random)

    return spoil


@pytest.mark.parametrize("damage", [rewritten, damaged])
def test_agents(fuzz: Fuzz, damage: object, agent_file: Path) -> None:
    spoil = spoiler(agent_file, damage)
    targets = torch.rand(1, 3, 16, 20)

    def attempt(random: np.random.Generator) -> None:
        spoil(random)
        policy = agents.load(agent_file, "cpu")
        policy = replace(policy, lookahead=min(2, policy.lookahead), plan=0)
        (painting,) = agents.paint(policy, targets, min(4, policy.bundle))
        assert np.isfinite(painting.strokes).all()

    fuzz(attempt, "agent.safetensors")


def test_runs(fuzz: Fuzz, tiny: TrainConfig, tmp_path: Path) -> None:
    tiny = replace(tiny, updates=2, eval_every=2, eval_images=1, episodes=4)
    Trainer(tiny, "cpu").fit().save(tmp_path)
    file = tmp_path / "checkpoint.pt"
    content = file.read_bytes()

    def attempt(random: np.random.Generator) -> None:
        file.write_bytes(damaged(content, random))
        resumed = Trainer.resume(tmp_path, "cpu")
        assert resumed.updates >= 0

    fuzz(attempt, "checkpoint.pt")
