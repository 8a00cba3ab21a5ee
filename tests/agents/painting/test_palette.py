"""Palettes: chosen and matched in OKLab, read from text and files."""

from __future__ import annotations

import pytest
import torch
from PIL import ImageColor

from agents.painting.palette import (
    choose_palette,
    from_oklab,
    nearest_colours,
    parse_palette,
    read_palette,
    to_oklab,
)


def test_oklab_of_known_colours_and_back():
    # Ottosson's own table of sRGB colours, by his code
    known = {
        (1, 1, 1): (1.0, 0.0, 0.0),
        (1, 0, 0): (0.628, 0.2249, 0.1258),
        (0, 0, 1): (0.452, -0.0324, -0.3115),
    }
    for rgb, lab in known.items():
        assert to_oklab(torch.tensor(rgb).float()).tolist() == pytest.approx(lab, abs=2e-4)
    colours = torch.rand(500, 3, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(from_oklab(to_oklab(colours)), colours, atol=2e-3)


def test_a_picture_of_few_colours_gives_these():
    colours = torch.tensor([[0, 0, 0], [1, 0, 0], [0.2, 0.4, 1.0]])
    picture = colours[torch.arange(48).view(6, 8) % 3].permute(2, 0, 1)[None]
    for count in (3, 8):
        found = choose_palette(picture, count)
        assert found.shape == (3, 3) and torch.cdist(found, colours).min(1).values.max() < 0.01
        assert len(set(map(tuple, found.tolist()))) == 3
    assert torch.equal(choose_palette(picture, 2), choose_palette(picture, 2))
    assert choose_palette(picture, 2).shape == (2, 3)


def test_nearest_is_what_the_eye_says_not_rgb():
    sea_green, palette = torch.tensor([0.0, 0.9, 0.7]), torch.tensor([[0.1, 0.4, 0.9], [0.7, 1.0, 0.4]])
    assert (palette - sea_green).norm(dim=1).argmin() == 0  # a blue
    assert nearest_colours(sea_green, palette).equal(palette[1])  # a light green
    assert nearest_colours(palette, palette).equal(palette)


def test_the_nearest_of_similar_colours_is_the_same_for_few_and_for_many():
    palette, colours = (
        1 - torch.rand(n, 3, generator=torch.Generator().manual_seed(n)) * 0.02 for n in (24, 400)
    )
    few = torch.cat([nearest_colours(colour[None], palette) for colour in colours])
    assert torch.equal(nearest_colours(colours, palette), few)


def test_texts():
    expected = torch.tensor([[1, 0, 0], [0, 1, 51 / 255]])
    for _ in range(2):  # Pillow remembers a name that it has read, in another form
        assert torch.allclose(parse_palette(["#f00", "00FF33", "Red"]), expected)
        ImageColor.getrgb("red")
    for wrong in (["#ggg"], ["#12345"], ["reed"], ["transparent"], []):
        with pytest.raises(ValueError, match="palette"):
            parse_palette(wrong)


def test_files(tmp_path):
    expected = torch.tensor([[1, 0, 0], [0, 1, 51 / 255]])
    file = tmp_path / "colours"
    for text in (
        "#ff0000\n\n00ff33\n", "; a comment of paint.net\nff0000\r\n00ff33",
        "GIMP Palette\nName: a\nColumns: 2\n# comment\n255 0 0\tred\n  0 255  51\n",
    ):  # fmt: skip
        file.write_text(text)
        assert torch.allclose(read_palette(file), expected)
    for content, said in {
        b"\x89PNG\r\n": "no colour", b"": "1 to 256 colours", b"GIMP Palette\n300 0 0\n": "from 0 to 255",
        b"GIMP Palette\n": "1 to 256 colours", b"fff\n" * 400_000: "at most", b"x" * 100: "no colour",
    }.items():  # fmt: skip
        file.write_bytes(content)
        with pytest.raises(ValueError, match=rf"colours.*{said}"):
            read_palette(file)


def test_an_accent_has_a_colour():
    grey = torch.linspace(0.1, 0.9, 64).view(1, 1, 1, 64).repeat(1, 3, 64, 1)
    grey[0, :, 30:36, 30:36] = torch.tensor([0.9, 0.75, 0.0]).view(3, 1, 1)  # a hundredth of the picture
    palette = choose_palette(grey, 6)
    assert (to_oklab(palette) - to_oklab(torch.tensor([0.9, 0.75, 0.0]))).norm(dim=1).min() < 0.05
