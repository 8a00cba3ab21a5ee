"""Files of a command: patterns of names; an input is never overwritten."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image

from agents.cli.main import main
from agents.cli.output_checks import check_outputs
from agents.cli.outputs import output_files
from agents.painting.photo import Photo
from paint_gym import Painting


def files(photos: str, patterns: str, budgets: tuple[int, ...] = (500,)) -> list[list[list[str]]]:
    sources = [Photo(Path(name)) for name in photos.split()]
    items = output_files(sources, patterns.split(), budgets, "png")
    return [[[str(file) for file in outputs] for _, outputs in item.budgets] for item in items]


def test_patterns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder.with.dots").mkdir()
    assert files("a/x.jpg", "p.svg") == [[["p.svg"]]]
    assert files("a/x.jpg", "out folder.with.dots") == [[["out/x.png", "folder.with.dots/x.png"]]]
    assert files("a/x.jpg", "2026.11/ plain/") == [[["2026.11/x.png", "plain/x.png"]]]
    assert files("x.jpg y.jpg", "{name}.svg o/{name}.json") == [
        [["x.svg", "o/x.json"]], [["y.svg", "o/y.json"]],
    ]  # fmt: skip
    assert files("x.jpg", "out {strokes}/{name}.gif", (5, 12)) == [
        [["out/x-5.png", "5/x.gif"], ["out/x-12.png", "12/x.gif"]]
    ]
    assert files("x.jpg", "-") == [[["-"]]]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("x y", "one.png"), "2 pictures cannot all be written to one.png; write {name} where"),
        (("x", "one.png", (5, 12)), "2 paintings cannot all be written to one.png; write {strokes}"),
        (("x y", "-"), "only one painting can be written to standard output"),
        (("x", "-", (5, 12)), "only one painting can be written to standard output"),
        (("x", "- a.png"), "only one painting can be written to standard output"),
        (("x", "a.svgg"), "did you mean '.svg'"),
        (("x", "{nme}.svg"), "did you mean '{name}'"),
    ],
)
def test_names_that_are_refused(arguments: tuple, text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(text)):
        files(*arguments)


def test_an_input_is_never_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.png", "b.png"):
        Path(name).touch()
    Path("link.png").symlink_to("a.png")
    Path("hard.png").hardlink_to("a.png")
    for output in ("a.png", "./a.png", "link.png", "hard.png", "new/../a.png"):
        for overwrite in (False, True):
            with pytest.raises(ValueError, match="is an input; choose another"):
                check_outputs([Path(output)], [Path("b.png"), Path("a.png")], overwrite)
    with pytest.raises(ValueError, match=r"b\.png is there already; --overwrite writes over it"):
        check_outputs([Path("b.png")], [Path("a.png")], False)
    check_outputs([Path("b.png"), Path("-"), Path("new/c.png")], [Path("a.png"), Path("none.png")], True)
    with pytest.raises(OSError, match=r"cannot write a\.png/x\.png: .*is not a folder"):
        check_outputs([Path("a.png/x.png")], [], False)


def test_a_palette_is_no_painting(tmp_path: Path) -> None:
    photo, output = str(tmp_path / "a.png"), str(tmp_path / "b.png")
    Image.new("RGB", (8, 8)).save(photo)
    for option in ("-o", "--report"):
        with pytest.raises(SystemExit, match="cannot be the palette and another output"):
            main(["paint", photo, "--palette", "2", "--save-palette", output, option, output])
    assert not Path(output).exists()
    with pytest.raises(SystemExit, match="it is a folder"):
        main(["paint", photo, "-o", output, "--report", str(tmp_path)])


def test_transparent_strokes_on_a_plotter(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("shapely")
    for name, opacity in (("clear", (0, 1)), ("opaque", (1, 1))):
        Painting([[0.5] * 13], size=32, opacity=opacity).save(tmp_path / f"{name}.json")
        caplog.clear()
        main(["render", f"{tmp_path}/{name}.json", "-o", f"{tmp_path}/{name}.svg", "--svg", "plotter"])
        assert ("clear.json: pens cannot draw transparent strokes" in caplog.text) == (name == "clear")


def test_render_keeps_its_input(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    Painting([[0.5] * 13], size=32).save(file)
    content = file.read_bytes()
    with pytest.raises(SystemExit, match="is an input"):
        main(["render", str(file), "-o", str(tmp_path / "new" / ".." / "x.json"), "--size", "64"])
    assert file.read_bytes() == content
    outputs = ["-o", f"{tmp_path}/a.png", "-o", f"{tmp_path}/a.mp4"]
    with pytest.raises(SystemExit, match=r"pixels are more than"):
        main(["render", str(file), *outputs, "--size", "20000"])
    assert list(tmp_path.iterdir()) == [file]
