"""The registry of file formats: a user's own, and what the built-in ones say of themselves."""

import re

import av
import numpy as np
import pytest
from PIL import Image

from paint_gym.painting import FORMATS, Format, Painting, register_format

DISC = Painting([[0.5, 0.5, 0.5, 0.5, 1.0, 0.0, 0.0]], "circle", 40, background=None)


@pytest.fixture
def formats(monkeypatch):
    monkeypatch.setattr(FORMATS, "_entries", dict(FORMATS._entries))


def write_own(painting, path, options):
    path.write_text(f"{len(painting)} strokes at {painting.size}, {options.seconds} s")


def test_format_of_ones_own(tmp_path, formats):
    register_format(Format((".own", ".mine"), "text/x-own", write_own))
    DISC.save(tmp_path / "a.own", seconds=3)
    DISC.save(tmp_path / "a.MINE", size=80)
    assert (tmp_path / "a.own").read_text() == "1 strokes at (40, 40), 3 s"
    assert (tmp_path / "a.MINE").read_text() == "1 strokes at (80, 80), 8.0 s"


@pytest.mark.parametrize("ending", FORMATS)
def test_files_are_what_their_format_says(ending, tmp_path):
    file = tmp_path / f"a{ending}"
    DISC.save(file)
    kind, subtype = FORMATS[ending].media_type.split("/")
    if subtype == "svg+xml":
        assert file.read_text().startswith("<svg ") and file.read_text().count("<path") == 2  # and the page
    elif subtype == "json":
        assert Painting.load(file) == DISC
    elif kind == "image":
        with Image.open(file) as picture:
            assert picture.get_format_mimetype() == FORMATS[ending].media_type
            assert (np.asarray(picture.convert("RGBA"))[0, 0, 3] == 0) == (subtype == "png")
            assert getattr(picture, "is_animated", False) == FORMATS[ending].is_film
    else:
        with av.open(str(file)) as film:
            assert kind == "video" and film.format.name.split(",").count(subtype) and FORMATS[ending].is_film


@pytest.mark.parametrize(
    ("name", "hint"), [("p.jpng", "did you mean '.png'"), ("p", ".gif, .jpeg, .jpg, .json")]
)
def test_unknown_ending(tmp_path, name, hint):
    with pytest.raises(ValueError, match=re.escape(hint)):
        DISC.save(tmp_path / name)
    assert not list(tmp_path.iterdir())
