"""Where it matters: masks and faces become weights, and paintings are truer there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

import agents
from agents.cli.main import main
from agents.painting.paint import fit_to_canvas, paint
from agents.painting.saliency import DETAIL, face_weight, mask_weight
from paint_gym import Painting


def test_a_mask_of_any_size_becomes_weights() -> None:
    mask = np.zeros((20, 40, 3), np.uint8)
    mask[:, 20:] = 255
    weight = mask_weight(mask, (32, 64))
    assert weight.shape == (32, 64) and weight[:, :30].max() == 1 and weight[:, 34:].min() == 1 + DETAIL


def test_a_face_is_found_where_it_is() -> None:
    weight = face_weight(data.astronaut(), (128, 128))
    assert weight is not None and weight.shape == (128, 128)
    assert weight[28, 56] == 1 + DETAIL and weight[100, 20] == 1  # the face, and the sleeve
    assert weight.min() == 1 and (weight > 1).float().mean() < 0.1


@pytest.mark.parametrize("shape", [(96, 96), (16, 300)])
def test_where_no_face_is_there_are_no_weights(shape: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (*shape, 3), dtype=np.uint8)
    assert face_weight(noise, (64, 64)) is None


def errors(painting: Painting, target: torch.Tensor, inside: np.ndarray) -> tuple[float, float]:
    """Mean squared error inside a mask ``(H, W)``, and on the whole picture."""
    error = np.square(painting.render() / 255 - target[0].permute(1, 2, 0).numpy()).mean(-1)
    return float(error[inside].mean()), float(error.mean())


def test_an_agent_paints_truer_where_more_weight_is() -> None:
    target = fit_to_canvas(torch.tensor(data.astronaut()), 96)
    weight = torch.ones(96, 96)
    weight[10:34, 30:54] = 1 + DETAIL
    inside = weight.numpy() > 1
    agent = agents.load("pretrained", "cpu")
    (plain,), (weighted,) = (paint(agent, target, 100, weight=each) for each in (None, weight))
    assert agent.actor.weight is None
    before, after = errors(plain, target, inside), errors(weighted, target, inside)
    assert after[0] < 0.8 * before[0] and after[1] < 1.5 * before[1]
    (alike,) = paint(agent, target, 100, weight=torch.full((96, 96), 3.0))
    np.testing.assert_allclose(alike.strokes, plain.strokes, atol=1e-4)


def test_whoever_does_not_weigh_errors_is_named() -> None:
    class Random:
        renderer, bundle, device = agents.load("pretrained", "cpu").renderer, 5, torch.device("cpu")

        def act(self, state, steps=None):
            return torch.rand(len(state.canvas), 65)

    target = torch.rand(1, 3, 16, 16)
    assert len(paint(Random(), target, 10)[0]) == 10
    with pytest.raises(ValueError, match="Random does not weigh errors"):
        paint(Random(), target, 10, weight=torch.ones(16, 16))
    with pytest.raises(ValueError, match=r"weight must be \(16, 16\)"):
        paint(agents.load("pretrained", "cpu"), target, 10, weight=torch.ones(3, 16))


def test_the_command_takes_masks_and_faces(tmp_path: Path, monkeypatch, caplog) -> None:
    monkeypatch.chdir(tmp_path)
    Image.fromarray(data.astronaut()).resize((128, 128)).save("photo.png")
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save("dark.png")
    mask = np.zeros((128, 128), np.uint8)
    mask[14:44, 40:72] = 255
    Image.fromarray(mask).save("mask.png")
    options = ["--strokes", "150", "--canvas", "128", "--refine", "20"]
    found = {}
    for name, detail in (("plain", []), ("mask", ["--detail", "mask.png"]), ("faces", ["--detail", "faces"])):
        main(["paint", "photo.png", "-o", f"{name}.json", *options, *detail])
        target = fit_to_canvas(torch.tensor(np.asarray(Image.open("photo.png"))), 128)
        found[name] = errors(Painting.load(f"{name}.json"), target, mask > 0)
    for name in ("mask", "faces"):
        assert found[name][0] < 0.7 * found["plain"][0] and found[name][1] < 1.3 * found["plain"][1]
    main(["paint", "dark.png", "--strokes", "5", "--canvas", "16", "--detail", "faces"])
    assert "dark.png: no face is seen" in caplog.text
    layer = np.zeros((128, 128, 4), np.uint8)
    layer[mask > 0] = 255
    Image.fromarray(layer).save("layer.png")  # white on a transparent layer, as painting programs save it
    main(["paint", "photo.png", "-o", "layer.json", *options, "--detail", "layer.png"])
    assert Painting.load("layer.json") == Painting.load("mask.json")
    with pytest.raises(SystemExit, match=r"dark\.png: the mask is the same everywhere"):
        main(["paint", "photo.png", "--detail", "dark.png", *options])
    with pytest.raises(SystemExit, match=r"mask\.png is a picture to be painted, or its mask"):
        main(["paint", "photo.png", "--detail", "mask.png", "-o", "mask.png", *options])
    with pytest.raises(SystemExit, match=r"cannot write mask\.png/a\.png: .*mask\.png is not a folder"):
        main(["paint", "photo.png", "-o", "mask.png/a.png", *options])
    with pytest.raises(
        SystemExit, match=r"detail is 'faces' or a picture, and there is no picture nowhere\.png"
    ):
        main(["paint", "photo.png", "--detail", "nowhere.png", *options])
