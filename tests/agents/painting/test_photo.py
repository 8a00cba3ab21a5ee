"""Photos become paintings: with palettes, pens, faces, transparency, and on canvases as they are."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from picture_files import turned
from PIL import Image
from skimage import data

import agents
from agents.cli.main import main
from agents.painting.photo import Photo, PhotoPainter
from paint_gym import Painting
from paint_gym.datasets import read_image
from paint_gym.painting import Paper
from paint_gym.renderers import make_renderer

POLICY = agents.load("pretrained-mnist", "cpu")


def error(painting: Painting, picture: np.ndarray, inside: np.ndarray | None = None) -> float:
    """Mean squared error to a picture ``(H, W, 3)`` uint8, inside a mask ``(H, W)``."""
    squared = np.square(painting.render(max(picture.shape)) / 255.0 - picture / 255.0).mean(-1)
    return float(squared.mean() if inside is None else squared[inside].mean())


def test_paint_photo_equals_the_command(photo: str) -> None:
    options = ["--strokes", "15", "--canvas", "32", "--refine", "5", "--palette", "3", "--background", "auto"]
    main(["paint", photo, "-o", "a.json", *options, "--agent", "pretrained-mnist", "--opaque"])
    opaque = agents.load("pretrained-mnist", opacity=(1, 1))
    painting = agents.paint_photo(photo, 15, 5, opaque, canvas=32, palette=3, background="auto")
    assert painting == Painting.load("a.json") and painting.size == (40, 60)
    from_array = agents.paint_photo(read_image(photo), 15, 5, opaque, canvas=32, palette=3, background="auto")
    assert from_array == painting
    main(["paint", photo, "-o", "b.json", "--strokes", "10", "--refine", "1"])
    assert agents.paint_photo(Path(photo), 10, 1) == Painting.load("b.json")


def test_plans_and_refinement_come_nearer(photo: str) -> None:
    picture, options = read_image(photo), {"canvas": 32}
    draft = agents.paint_photo(photo, 20, 0, "pretrained", **options)
    planned = agents.paint_photo(photo, 20, 0, agents.load("pretrained", plan=5), **options)
    refined = agents.paint_photo(photo, 20, 100, "pretrained", **options)
    until = agents.paint_photo(photo, 20, 100, "pretrained", until=0.02, **options)
    errors = [error(painting, picture) for painting in (refined, planned, draft)]
    assert errors == sorted(errors) and errors[0] < error(until, picture) < 0.025


def test_lines_for_a_plotter(photo: str) -> None:
    paper = Paper(100, 80, 5, (0.5, 3))
    policy = agents.load("pretrained", opacity=(1, 1))
    options = {"canvas": 32, "palette": 3, "background": (1, 1, 1)}
    painting = agents.paint_photo(photo, 20, 5, policy, paper=paper, **options)
    painting.save("a.svg", paper=paper)
    text = Path("a.svg").read_text()
    assert 'width="100mm" height="80mm"' in text and 1 <= text.count("<g ") <= 6
    widths = [float(width) for width in re.findall(r'stroke-width="([0-9.]+)"', text)]
    assert set(widths) <= {0.5, 3}
    radii = (1 + 64 * painting.strokes[:, [6, 8]]) / 256 * 60  # mm; the shorter side of the drawing
    assert radii.min() >= 0.25 - 1e-4


def test_a_painting_to_go_on_with(photo: str) -> None:
    policy, picture = agents.load("pretrained-circle"), read_image(photo)
    options = {"canvas": 32, "background": (0.2, 0.4, 0.6)}
    short = agents.paint_photo(photo, 13, 0, policy, **options)
    longer = agents.paint_photo(photo, 30, 0, policy, init=short, **options)
    refined = agents.paint_photo(photo, 5, 20, policy, init=longer, **options)
    assert np.array_equal(longer.strokes[:13], short.strokes) and len(longer) == len(refined) == 30
    assert longer.background == short.background and refined.stroke == "circle"
    errors = [error(painting, picture) for painting in (refined, longer, short)]
    assert errors == sorted(errors)
    draft = agents.paint_photo(photo, 20, policy=policy, quality="draft", init=short, canvas=32)
    assert np.array_equal(draft.strokes[:13], short.strokes) and len(draft) == 20


def test_an_agent_that_learned_with_the_neural_renderer(photo: str) -> None:
    policy = replace(POLICY, renderer=make_renderer("neural"))
    assert agents.paint_photo(photo, 5, 1, policy) == agents.paint_photo(photo, 5, 1, POLICY)


def test_transparent_parts_stay_transparent(tmp_path: Path) -> None:
    rgba = np.zeros((64, 96, 4), np.uint8)
    y, x = np.mgrid[:64, :96]
    inside = (y - 32) ** 2 + (x - 48) ** 2 < 22**2
    rgba[inside] = (200, 60, 30, 255)
    Image.fromarray(rgba).save(tmp_path / "cut.png")
    painting = agents.paint_photo(tmp_path / "cut.png", 60, 80, "pretrained", canvas=64, background=None)
    assert painting.background is None and painting.size == (64, 96)
    assert np.abs(painting.render_rgba(96)[..., 3] / 255 - inside).mean() < 0.04
    painting.save(tmp_path / "a.jpg")
    assert PhotoPainter(POLICY, init=painting).prepare(Photo(tmp_path / "a.jpg")).options.alpha is not None
    assert read_image(tmp_path / "a.jpg")[0, 0].min() > 240


def test_strokes_are_added_to_a_canvas_as_it_is(photo: str) -> None:
    picture = read_image(photo)
    half = picture.copy()
    half[:, 30:] = 255  # the right half is still to be painted
    Image.fromarray(half).save("half.png")
    painter = PhotoPainter(agents.load("pretrained"), 40, canvas=40, canvas_image=Photo(Path("half.png")))
    job = painter.prepare(Photo(Path(photo)))
    (layer,) = painter.refine([job], [painter.paint(job, 40)])
    assert layer.background is None and len(layer) == 40
    rgba = layer.render_rgba(60).astype(float)
    alpha = rgba[..., 3:] / 255
    whole = rgba[..., :3] * alpha + half * (1 - alpha)
    before, after = (np.square((image - picture) / 255).mean() for image in (half.astype(float), whole))
    assert painter.l2(job, layer) == pytest.approx(after, rel=0.05)  # on that canvas
    assert after < 0.2 * before and alpha[:, 34:].mean() > 2 * alpha[:, :26].mean()


def test_masks_and_faces(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    picture = np.asarray(Image.fromarray(data.astronaut()).resize((128, 128)))
    mask = np.zeros((128, 128), np.uint8)
    mask[14:44, 40:72] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    layer = np.zeros((128, 128, 4), np.uint8)
    layer[mask > 0] = 255  # white on a transparent layer, as painting programs save it
    Image.fromarray(layer).save(tmp_path / "layer.png")
    masks = [Photo(tmp_path / f"{name}.png") for name in ("mask", "layer")]
    jobs = [PhotoPainter(POLICY, detail=detail).prepare(Photo(picture)) for detail in masks]
    assert torch.equal(*(job.options.weight for job in jobs))
    plain, masked, faces = (
        agents.paint_photo(picture, 100, 15, "pretrained", canvas=96, detail=detail)
        for detail in (None, tmp_path / "mask.png", "faces")
    )
    for painting in (masked, faces):
        assert error(painting, picture, mask > 0) < 0.85 * error(plain, picture, mask > 0)
        assert error(painting, picture) < 1.3 * error(plain, picture)
    agents.paint_photo(np.zeros((8, 8, 3), np.uint8), 5, 0, POLICY, canvas=16, detail="faces")
    assert "no face is seen" in caplog.text
    Image.new("L", (8, 8)).save(tmp_path / "dark.png")
    with pytest.raises(ValueError, match=r"dark\.png: the mask is the same everywhere"):
        agents.paint_photo(picture, 5, 0, POLICY, detail=Photo(tmp_path / "dark.png"))


def test_a_painting_has_the_sides_of_its_photo(tmp_path: Path) -> None:
    """Not those of the canvas, whose aspect is rounded; as the photo is seen, not as it is stored."""
    for orientation, size in ((1, (299, 400)), (6, (400, 299))):
        Image.new("RGB", (400, 299)).save(tmp_path / "a.jpg", exif=turned(orientation))
        assert agents.paint_photo(tmp_path / "a.jpg", 5, 0, POLICY, canvas=8).size == size


def test_bad_photos_are_named(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    Image.new("RGB", (3000, 20)).save(tmp_path / "long.png")
    for name, text in (("empty.png", ""), ("long.png", "size must be a side .*each from 1 to 32768")):
        with pytest.raises(ValueError, match=f"{name}.*{text}"):
            agents.paint_photo(tmp_path / name, 5, 0, POLICY)
    with pytest.raises(OSError, match=r"none\.png"):
        agents.paint_photo(tmp_path / "none.png", 5, 0, POLICY)
    for wrong in (np.zeros((8, 8, 3)), np.zeros((8, 8), np.uint8), np.zeros((3, 8, 8), np.uint8)):
        with pytest.raises(ValueError, match=r"a photo is an array \(H, W, 3\) of uint8, not"):
            agents.paint_photo(wrong, 5, 0, POLICY)
    with pytest.raises(ValueError, match="canvas must be a whole number from 1"):
        agents.paint_photo(np.zeros((8, 8, 3), np.uint8), 5, 0, POLICY, canvas=0)
    with pytest.raises(ValueError, match="the limit"):
        PhotoPainter(POLICY).prepare(Photo((tmp_path / "long.png").read_bytes(), "bytes", max_pixels=100))


def test_one_ink_draws_lines() -> None:
    """On white, opaque strokes of black: far better than the empty sheet, and none of them does harm."""
    drawing = np.full((128, 128, 3), 255, np.uint8)
    for x in (20, 60, 100):
        drawing[16:112, x : x + 5] = 0
    options = {"palette": torch.zeros(1, 3), "background": (1, 1, 1), "canvas": 128}
    policy = agents.load("pretrained", opacity=(1, 1))
    painting = agents.paint_photo(drawing, 60, 60, policy, **options)
    blank = np.square(drawing / 255 - 1).mean()
    assert len(painting) < 60 and error(painting, drawing) < 0.2 * blank
    draft = agents.paint_photo(drawing, 20, policy=policy, quality="draft", **options)
    assert error(draft, drawing) <= blank


def test_qualities_and_colours_of_a_draft(photo: str) -> None:
    picture = read_image(photo)
    draft = agents.paint_photo(photo, 60, policy=POLICY, quality="draft", canvas=40)
    alone = agents.paint_photo(photo, 60, 0, POLICY, canvas=40)
    assert error(draft, picture) < 0.95 * error(alone, picture)
    assert np.array_equal(draft.strokes[:, :-3], alone.strokes[:, :-3])
    with pytest.raises(ValueError, match="did you mean 'fine'"):
        agents.paint_photo(photo, 10, 0, POLICY, quality="fin")
