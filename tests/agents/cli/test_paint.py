"""The command `paint`: files, shards, reports, standard streams and signals."""

from __future__ import annotations

import io
import json
import re
import shutil
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from agents.cli.main import main
from agents.painting.photo import PhotoPainter
from paint_gym import Painting
from paint_gym.datasets import read_image

FAST = ["--strokes", "10", "--canvas", "32", "--agent", "pretrained-mnist", "--refine", "2"]


def paint(*arguments: str) -> None:
    main(["paint", *arguments])


def copies(photo: str, count: int) -> list[str]:
    """Copies of a photo, a little darker each time, in the folder ``in``."""
    Path("in").mkdir(exist_ok=True)
    for i in range(count):
        Image.fromarray((read_image(photo) * (1 - 0.03 * i)).astype(np.uint8)).save(f"in/{i:02}.png")
    return [f"in/{i:02}.png" for i in range(count)]


def contents(folder: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}


def test_paint_and_render(photo: str) -> None:
    paint(photo, *FAST)
    assert read_image("photo-painted.png").shape == (40, 60, 3)
    paint(photo, *FAST, "-o", "a.json", "-o", "b/{name}-{strokes}.svg", "--strokes", "5")
    assert len(Painting.load("a.json")) == 5 and Path("b/photo-5.svg").stat().st_size
    main(["render", "--strokes", "2", "5", "a.json", "-o", "{name}-{strokes}.png", "--size", "300"])
    assert read_image("a-5.png").shape == (200, 300, 3)
    with pytest.raises(SystemExit, match=r"a-5\.png is there already"):
        main(["render", "a.json", "-o", "a-5.png"])
    paint(photo, *FAST[2:], "--strokes", "5", "12", "-o", "c/", "--format", "json")
    assert list(contents("c")) == ["photo-12.json", "photo-5.json"]


def test_standard_input_and_output(photo: str, monkeypatch: pytest.MonkeyPatch) -> None:
    content, output = Path(photo).read_bytes(), io.BytesIO()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(output))
    paint("-", "-o", "-", "--format", "svg", *FAST)
    assert output.getvalue().startswith(b"<svg ") and output.getvalue().endswith(b"</svg>\n")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content[:100])))
    with pytest.raises(SystemExit, match="standard input"):
        paint("-", "-o", "-", *FAST)


def test_bad_pictures_among_many(photo: str, caplog: pytest.LogCaptureFixture) -> None:
    pictures = copies(photo, 3)
    Path(pictures[1]).write_bytes(b"no picture")
    Path("list.txt").write_text("\n".join([*pictures, "missing.png"]))
    with pytest.raises(SystemExit, match=r"2 of 4 pictures were not painted: in/01\.png, missing\.png"):
        paint("@list.txt", *FAST, "-o", "out/")
    assert list(contents("out")) == ["00.png", "02.png"]
    assert "in/01.png is not painted: " in caplog.text
    with pytest.raises(SystemExit, match=r"in/01\.png"):
        paint("@list.txt", *FAST, "-o", "all/", "--no-skip-bad")
    assert list(contents("all")) == ["00.png"]


def test_shards_share_pictures_and_go_on(photo: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    pictures = copies(photo, 5)
    paint(*pictures, "-o", "whole/", *FAST)
    options = [*FAST, "-o", "out/", "--report", "new/report.jsonl"]
    paint(*pictures, *options, "--shard", "1/2")
    assert list(contents("out")) == ["00.png", "02.png", "04.png"]
    Path("out/02.png").unlink()
    written = Path("out/00.png").stat().st_mtime_ns
    paint(*reversed(pictures), *options, "--shard", "1/2")  # started again
    assert Path("out/00.png").stat().st_mtime_ns == written
    paint(*pictures, *options, "--shard", "2/2")
    assert contents("out") == contents("whole")
    lines = [json.loads(line) for line in Path("new/report.jsonl").read_text().splitlines()]
    assert [line["picture"] for line in lines] == [f"in/0{i}.png" for i in (0, 2, 4, 2, 1, 3)]
    paint(pictures[0], *FAST, "-o", "more/", "--shard", "2/2")
    assert "shard 2/2 of 1 pictures is empty" in caplog.text and not Path("more").exists()


def test_tasks_that_a_cluster_loses_are_named(photo: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(function, shared, tasks, address, modules, stop):
        for i, task in enumerate(tasks):
            yield task, (RuntimeError("lost 6 times") if i == 1 else function(shared, task))

    monkeypatch.setattr("agents.cli.paint.run_on_cluster", run)
    with pytest.raises(SystemExit, match=r"2 of 6 pictures were not painted: in/04\.png, in/05\.png"):
        paint(*copies(photo, 6), *FAST, "-o", "out/", "--ray", "local")
    assert list(contents("out")) == [f"0{i}.png" for i in range(4)]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ("a.png -o ./ --shard 1/1", "a.png is an input"),
        ("a.png a-painted.png --overwrite", "a-painted.png is an input"),
        ("a.png -o out/ --report a.png", "a.png is an input"),
        ("a.png -o b.json --report b.json", "cannot be the report and a painting"),
        ("in -o in/out/ --shard 1/2", "would paint the paintings"),
        ("a.png in -o out/ --shard 1/2", "overwrite each other: out/a.png (of a.png and in/a.png)"),
        ("a.png -o out/ --shard 3/2", "shard is which of how many"),
    ],
)
def test_outputs_that_are_refused(arguments: str, text: str, photo: str) -> None:
    Path("in").mkdir()
    for name in ("a.png", "a-painted.png", "in/a.png"):
        shutil.copy(photo, name)
    before = {path: path.read_bytes() for path in Path().rglob("*.*")}
    with pytest.raises(SystemExit, match=re.escape(text)):
        paint(*arguments.split(), *FAST)
    assert {path: path.read_bytes() for path in Path().rglob("*.*")} == before


def test_a_signal_ends_refinement_and_writes(photo: str, monkeypatch, caplog) -> None:
    caplog.set_level("INFO")
    refine = PhotoPainter.refine

    def interrupted(painter, jobs, paintings, on_iteration):
        def interrupt(l2: float) -> object:
            signal.raise_signal(signal.SIGINT)
            return on_iteration(l2)

        return refine(painter, jobs, paintings, interrupt)

    monkeypatch.setattr(PhotoPainter, "refine", interrupted)
    with pytest.raises(SystemExit) as stopped:
        paint(photo, "-o", "a.png", *FAST[:-1], "100000000")
    assert stopped.value.code == 128 + signal.SIGINT
    assert "stopped: a.png is not refined to the end" in caplog.text
    assert read_image("a.png").shape == (40, 60, 3)


def test_a_chosen_palette_is_printed_and_saved(photo: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    paint(photo, *FAST, "--palette", "3", "--save-palette", "colours.txt")
    colours = Path("colours.txt").read_text().split()
    assert len(colours) == 3 and f"palette of {photo}: {','.join(colours)}" in caplog.text
    paint("--strokes", "5", photo, *FAST[2:], "--palette", "colours.txt", "-o", "again.json")
    assert len(Painting.load("again.json")) <= 5


def test_transparent_parts_are_kept_or_said_to_be_white(photo: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    picture = Image.fromarray(read_image(photo)).convert("RGBA")
    picture.paste((0, 0, 0, 0), (0, 0, 30, 40))
    picture.save("sticker.png")
    paint("sticker.png", *FAST, "-o", "a.png", "-o", "a.jpg")
    with Image.open("a.png") as painted:
        assert painted.mode == "RGBA" and np.asarray(painted)[:, :25, 3].mean() < 40
    assert "a.jpg: transparent parts are white" in caplog.text


def test_a_folder_is_painted_without_its_earlier_paintings(photo: str) -> None:
    shutil.copy(photo, "photo-painted.png")
    paint(".", *FAST, "-o", "out/")
    assert list(contents("out")) == ["photo.png"]
