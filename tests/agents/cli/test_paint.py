"""The command line, run as a user would."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from agents.cli.main import COMMANDS, main
from paint_gym import Painting
from paint_gym.datasets import read_image


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A very short demo, run once."""
    out = tmp_path_factory.mktemp("demo") / "not" / "yet"
    main(["demo", "--out", str(out), "--updates", "12", "--size", "32", "--strokes", "20"])
    return out


def test_demo_writes_all_it_promises(demo: Path) -> None:
    scores = json.loads((demo / "demo.json").read_text())
    assert 0 < scores["l2_refined"] < scores["l2"] < 1 and 0 < scores["l2_untrained"] < 1
    for i in range(4):
        painting = Painting.load(demo / f"painting_{i}.json")
        assert np.array_equal(painting.render(), read_image(demo / f"painting_{i}.png"))
        assert len(painting) == 20 and (demo / f"target_{i}.png").stat().st_size
    assert read_image(demo / "overview.png").shape[1] == 4 * 512
    assert min(read_image(demo / "learning_curve.png").shape[:2]) >= 96


def test_the_page_of_the_demo_refers_to_what_is_there(demo: Path) -> None:
    page, scores = (demo / "index.html").read_text(), json.loads((demo / "demo.json").read_text())
    assert not re.search(r"https?:|\$[a-z]", page) and f"{scores['l2']:.4f}" in page
    files = set(re.findall(r'(?:src|href|poster)="([^"]+)"', page))
    assert len(files) >= 4 * 5 + 2
    for file in files:
        assert (demo / file).stat().st_size > 100
    photo, painted = (read_image(demo / name) / 255 for name in ("coffee.png", "coffee-painted.png"))
    assert photo.shape == painted.shape and np.square(photo - painted).mean() < 0.01


def test_paint_and_render_a_picture_of_ones_own(demo: Path, tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (60, 90, 3), dtype=np.uint8)).save(photo)
    strokes, picture = tmp_path / "a.json", tmp_path / "b.png"
    agent = str(demo / "agent.safetensors")
    main(["paint", str(photo), "-o", str(strokes), "--strokes", "15", "--canvas", "32", "--agent", agent])
    assert (len(Painting.load(strokes)), Painting.load(strokes).size) == (15, (60, 90))
    refined = tmp_path / "c.json"
    arguments = ["--strokes", "15", "--canvas", "32", "--agent", agent, "--refine", "5", "--opaque"]
    main(["paint", str(photo), "-o", str(refined), *arguments])
    assert Painting.load(refined).opacity == (1, 1) and len(Painting.load(refined)) == 15
    main(["render", str(strokes), "-o", str(picture), "--size", "300"])
    assert read_image(picture).shape == (200, 300, 3)


def test_without_options_a_picture_is_painted_at_its_size_and_refined(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    y, x = np.mgrid[0:60, 0:90] / 60
    photo = np.stack([np.sin(5 * x) ** 2, np.cos(4 * y) ** 2, x * y / 1.5], -1)
    Image.fromarray((photo * 255).astype(np.uint8)).save("photo.png")
    few = ["--strokes", "20", "--canvas", "32"]
    main(["paint", "photo.png", *few])
    assert read_image("photo-painted.png").shape == (60, 90, 3)
    errors = {}
    for name, options in {
        "default": [], "draft": ["--draft"], "by hand": ["--refine", "0", "--plan", "0"],
        "planned": ["--refine", "0", "--plan", "5"], "until": ["--until", "0.02"],
    }.items():  # fmt: skip
        main(["paint", "photo.png", *few, *options, "-o", f"{name}.json"])
        shown = Painting.load(f"{name}.json").render()
        errors[name] = np.square(shown / 255.0 - read_image("photo.png") / 255.0).mean()
    assert errors["draft"] == errors["by hand"]
    assert errors["default"] < errors["planned"] < errors["draft"]
    assert errors["default"] < errors["until"] < 0.025
    with pytest.raises(SystemExit, match="--draft goes with none of --plan"):
        main(["paint", "photo.png", *few, "--draft", "--plan", "3"])
    main(["paint", "photo.png", *few, "--draft", "-o", "film.gif"])
    with Image.open("film.gif") as film:
        assert film.size == (48, 32)


FAST = ["--strokes", "10", "--canvas", "32", "--agent", "pretrained-mnist"]


def test_files_that_are_there_are_kept_unless_told(demo: Path, tmp_path: Path) -> None:
    output = tmp_path / "a.png"
    output.write_text("precious")
    with pytest.raises(SystemExit, match=r"a\.png is there already; --overwrite writes over it"):
        main(["paint", str(demo / "target_0.png"), "-o", str(output), *FAST])
    assert output.read_text() == "precious"
    main(["paint", str(demo / "target_0.png"), "-o", str(output), *FAST, "--overwrite"])
    assert read_image(output).shape == (32, 32, 3)


def test_several_budgets_and_several_files(demo: Path, tmp_path: Path) -> None:
    photo, fast = str(demo / "target_0.png"), [*FAST[2:], "--refine", "3", "--strokes", "5", "12"]
    outputs = ["-o", str(tmp_path / "p-{strokes}.json"), "-o", str(tmp_path / "{strokes}" / "{name}.svg")]
    main(["paint", photo, *fast, *outputs])
    assert [len(Painting.load(tmp_path / f"p-{count}.json")) for count in (5, 12)] == [5, 12]
    assert (tmp_path / "5" / "target_0.svg").stat().st_size < (
        tmp_path / "12" / "target_0.svg"
    ).stat().st_size
    main(["paint", photo, *fast, "-o", str(tmp_path / "folder") + "/", "--format", "json"])
    names = sorted(file.name for file in (tmp_path / "folder").iterdir())
    assert names == ["target_0-12.json", "target_0-5.json"]
    with pytest.raises(SystemExit, match=r"2 paintings .* to one\.png; write \{strokes\}"):
        main(["paint", photo, *fast, "-o", "one.png"])


@pytest.mark.parametrize("given", ["3", "#000,#808080,#ffffff", "colours.txt"])
def test_a_palette_is_kept_to(given: str, demo: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("colours.txt").write_text("000000\n808080\nffffff\n")
    main(["paint", str(demo / "target_0.png"), "-o", "a.json", *FAST, "--refine", "12", "--palette", given])
    found = np.unique((Painting.load("a.json").strokes[:, -3:] * 255).round().astype(int), axis=0)
    assert len(found) <= 3
    if given != "3":
        assert set(map(tuple, found.tolist())) <= {(0, 0, 0), (128, 128, 128), (255, 255, 255)}


@pytest.mark.parametrize(
    ("palette", "text"),
    [("0", "1 to 256 colours"), ("nowhere.txt", r"there is no file nowhere\.txt"), ("#12", "is no colour")],
)
def test_palettes_that_are_none_are_named(palette: str, text: str, demo: Path) -> None:
    with pytest.raises(SystemExit, match=text):
        main(["paint", str(demo / "target_0.png"), "-o", "a.json", *FAST, "--palette", palette])


def test_lines_for_a_plotter(demo: Path, tmp_path: Path) -> None:
    photo, output = str(demo / "target_0.png"), str(tmp_path / "a.svg")
    pens = ["--svg", "plotter", "--paper", "100x80", "--margin-mm", "5", "--width-mm", "0.5", "3"]
    options = ["--strokes", "20", "--canvas", "32", "--refine", "5", "--palette", "3", *pens]
    main(["paint", photo, "-o", output, "-o", str(tmp_path / "a.json"), *options])
    text = Path(output).read_text()
    assert 'width="100mm" height="80mm"' in text and 1 <= text.count("<g ") <= 3
    widths = [float(width) for width in re.findall(r'stroke-width="([0-9.]+)"', text)]
    assert 0.5 <= min(widths) <= max(widths) <= 3
    painting = Painting.load(tmp_path / "a.json")
    radii = (1 + 64 * painting.strokes[:, [6, 8]]) / 256 * 70  # mm
    assert painting.background == (1, 1, 1) and painting.opacity == (1, 1)
    assert 0.25 <= radii.min() <= radii.max() <= 1.5 + 1e-4  # painted so, too
    for wrong, said in {
        "--svg plotter": "needs an output that ends in", "--width-mm 1 2": "goes with --svg plotter",
        "--svg plotter --paper a9 -o b.svg": "width x height in mm",
        "--background blue": "background: 'blue' is no colour",
        "--svg plotter --margin-mm 200 -o b.svg": "no room to draw on",
        "--svg plotter --width-mm 3 2 -o b.svg": "least and greatest",
        "--paper a4": "goes with --svg plotter",
    }.items():  # fmt: skip
        with pytest.raises(SystemExit, match=said):
            main(["paint", photo, *FAST, *wrong.split()])


def test_standard_input_and_output_and_lists(demo: Path, tmp_path: Path) -> None:
    photo = (demo / "target_0.png").read_bytes()
    command = [sys.executable, "-m", "agents", "paint", "-", "-o", "-", "--format", "svg", *FAST]
    done = subprocess.run(command, input=photo, capture_output=True, check=True)
    assert done.stdout.startswith(b"<svg ") and done.stdout.endswith(b"</svg>\n")
    broken = subprocess.run(command, input=photo[:100], capture_output=True)
    assert broken.returncode == 1 and not broken.stdout and b"standard input" in broken.stderr
    names = tmp_path / "list.txt"
    names.write_text(f"{demo / 'target_0.png'}\n\n{demo / 'target_1.png'}\n")
    main(["paint", f"@{names}", "-o", str(tmp_path / "out") + "/", *FAST])
    assert len(list((tmp_path / "out").iterdir())) == 2
    with pytest.raises(SystemExit, match="only one painting can be written to standard output"):
        main(["paint", f"@{names}", "-o", "-", *FAST])


def test_paintings_are_gone_on_with(demo: Path, tmp_path: Path) -> None:
    photo, few, more, done = str(demo / "target_0.png"), *(str(tmp_path / f"{i}.json") for i in range(3))
    options = ["--canvas", "32", "--stroke", "circle"]
    main(["paint", photo, "-o", few, "--strokes", "13", "--draft", *options, "--background", "#336699"])
    main(["paint", photo, "-o", more, "--strokes", "30", "--draft", "--canvas", "32", "--from", few])
    begun, grown = Painting.load(few), Painting.load(more)
    assert np.array_equal(grown[:13].strokes, begun.strokes) and len(grown) == 30
    assert grown.background == begun.background and grown.stroke == "circle"
    main(["paint", photo, "-o", done, "--strokes", "5", "--canvas", "32", "--from", more, "--refine", "20"])
    refined, picture = Painting.load(done), read_image(photo) / 255
    assert len(refined) == 30 and refined.design == grown.design
    errors = [np.square(one.render(32) / 255 - picture).mean() for one in (refined, grown, begun)]
    assert errors[0] < errors[1] < errors[2]
    Image.new("RGB", (100, 20)).save(tmp_path / "long.png")
    for arguments, text in {
        (photo, "--from", few, "--background", "#fff"): "neither --background nor",
        (photo, "--from", few, "--stroke", "bezier"): "0.json has circle strokes|the painting has circle",
        (str(tmp_path / "long.png"), "--from", few): "another aspect", (photo, "--from", "no.json"): "no",
        (photo, str(demo / "target_1.png"), "-o", "{name}.png", "--from", few): "painting of one picture",
    }.items():  # fmt: skip
        with pytest.raises(SystemExit, match=text):
            main(["paint", *arguments, "--canvas", "32"])


def test_what_is_transparent_in_a_photo_stays_so(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    rgba = np.zeros((64, 96, 4), np.uint8)
    y, x = np.mgrid[:64, :96]
    inside = (y - 32) ** 2 + (x - 48) ** 2 < 22**2
    rgba[inside] = (200, 60, 30, 255)
    Image.fromarray(rgba).save("cut.png")
    options = ["--strokes", "60", "--refine", "80", "--canvas", "64", "--background", "none"]
    main(["paint", "cut.png", "-o", "a.png", "-o", "a.json", "-o", "a.svg", "-o", "a.jpg", *options])
    with Image.open("a.png") as picture:
        alpha = np.asarray(picture)[..., 3] / 255
    assert picture.size == (96, 64) and np.abs(alpha - inside).mean() < 0.04
    assert Painting.load("a.json").background is None and read_image("a.jpg")[0, 0].min() > 240
    main(
        ["paint", "cut.png", "-o", "b.json", *FAST[:2], "--from", "a.json", "--canvas", "64", "--refine", "5"]
    )
    assert Painting.load("b.json").background is None


def test_strokes_are_added_to_what_is_on_the_easel(demo: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    photo = str(demo / "target_0.png")
    picture = read_image(photo)
    half = picture.copy()
    half[:, 16:] = 255  # the right half is still to be painted
    Image.fromarray(half).save("easel.png")
    options = ["--strokes", "40", "--canvas", "32", "--refine", "40", "--canvas-image", "easel.png"]
    main(["paint", photo, "-o", "added.json", "-o", "added.png", *options, "--report", "report.jsonl"])
    added = Painting.load("added.json")
    assert added.background is None and len(added) == 40
    with Image.open("added.png") as shown:
        rgba = np.asarray(shown).astype(float)
    alpha = rgba[..., 3:] / 255
    whole = rgba[..., :3] * alpha + half * (1 - alpha)
    before, after = (np.square((one - picture) / 255).mean() for one in (half.astype(float), whole))
    assert json.loads(Path("report.jsonl").read_text())["l2"] == pytest.approx(
        after, rel=0.05
    )  # on the easel
    assert after < 0.1 * before and alpha[:, 20:].mean() > 2 * alpha[:, :12].mean()
    Image.new("RGB", (100, 20)).save("long.png")
    for arguments, text in {
        ("--canvas-image", "long.png"): "long.png has another aspect",
        ("--canvas-image", "easel.png", "--background", "#fff"): "neither --from nor --background",
    }.items():
        with pytest.raises(SystemExit, match=text):
            main(["paint", photo, "-o", "x.png", "--canvas", "32", *arguments])


def test_shards_share_pictures_and_go_on_where_they_were(demo: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for i in range(5):
        shutil.copy(demo / f"target_{i % 4}.png", tmp_path / "in" / f"{i}.png")
    pictures, whole = [str(path) for path in (tmp_path / "in").iterdir()], tmp_path / "whole"
    fast = ["--strokes", "10", "--canvas", "32", "--agent", str(demo / "agent.safetensors"), "--refine", "2"]
    main(["paint", *pictures, "-o", f"{whole}/", *fast])
    options = ["-o", f"{tmp_path / 'out'}/", *fast, "--report", str(tmp_path / "report.jsonl")]
    main(["paint", *pictures, *options, "--shard", "1/2"])
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["0.png", "2.png", "4.png"]
    (tmp_path / "out" / "2.png").unlink()
    stays = (tmp_path / "out" / "0.png").stat().st_mtime_ns
    main(["paint", *reversed(pictures), *options, "--shard", "1/2"])  # started again
    assert (tmp_path / "out" / "0.png").stat().st_mtime_ns == stays
    main(["paint", *pictures, *options, "--shard", "2/2"])
    for path in whole.iterdir():
        assert path.read_bytes() == (tmp_path / "out" / path.name).read_bytes()
    lines = [json.loads(line) for line in (tmp_path / "report.jsonl").read_text().splitlines()]
    assert [Path(line["picture"]).name for line in lines] == [f"{i}.png" for i in (0, 2, 4, 2, 1, 3)]
    for line in lines:
        shown, picture = read_image(line["files"][0]) / 255, read_image(line["picture"]) / 255
        assert line["strokes"] == 10 and line["l2"] == pytest.approx(
            np.square(shown - picture).mean(), rel=0.02
        )
        assert line["psnr"] == pytest.approx(-10 * np.log10(line["l2"])) and line["size"] == [32, 32]
    for wrong in ("0/2", "3/2", "a/b", "1"):
        with pytest.raises(SystemExit, match="shard is which of how many"):
            main(["paint", *pictures, *options, "--shard", wrong])
    (tmp_path / "in" / "more").mkdir()
    shutil.copy(demo / "target_0.png", tmp_path / "in" / "more" / "1.png")
    with pytest.raises(SystemExit, match="overwrite each other"):  # also where the twin is another shard's
        main(["paint", str(tmp_path / "in"), *options, "--shard", "1/6"])


def test_a_shard_uses_one_thread_unless_told_otherwise(
    demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", chosen.append)
    command = ["paint", str(demo / "target_0.png"), "-o", f"{tmp_path}/", *FAST]
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    main(command)
    assert not chosen
    main([*command, "--overwrite", "--shard", "1/1"])
    assert chosen == [1]
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    main([*command, "--overwrite", "--shard", "1/1"])
    assert chosen == [1]


def test_a_shard_that_was_killed_goes_on(demo: Path, tmp_path: Path) -> None:
    for i in range(20):
        shutil.copy(demo / f"target_{i % 4}.png", tmp_path / f"{i:02}.png")
    pictures = [str(path) for path in sorted(tmp_path.iterdir())]
    options = ["--strokes", "10", "--canvas", "32", "--agent", str(demo / "agent.safetensors")]
    main(["paint", *pictures, "-o", f"{tmp_path}/whole/", *options])
    out = tmp_path / "out"
    arguments = ["paint", *pictures, "-o", f"{out}/", *options, "--shard", "1/1"]
    arguments += ["--report", f"{tmp_path}/report"]
    command = [sys.executable, "-m", "agents", *arguments]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    while not out.is_dir() or not list(out.iterdir()):
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.wait()
    there = {path: path.stat().st_mtime_ns for path in out.iterdir() if not path.name.startswith(".")}
    assert len(there) < 20
    main(arguments)
    assert all(path.stat().st_mtime_ns == written for path, written in there.items())  # nothing twice
    whole = {path.name: path.read_bytes() for path in (tmp_path / "whole").iterdir()}
    assert {path.name: path.read_bytes() for path in out.iterdir()} == whole  # and no half file


def test_a_shard_that_is_stopped_leaves_nothing_half_refined(demo: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for i in range(3):
        shutil.copy(demo / f"target_{i}.png", tmp_path / "in" / f"{i}.png")
    out = tmp_path / "out"
    options = ["--strokes", "10", "--canvas", "32", "--agent", str(demo / "agent.safetensors")]
    command = ["paint", f"{tmp_path}/in", "-o", f"{out}/", *options, "--shard", "1/1", "--refine", "1000000"]
    process = subprocess.Popen([sys.executable, "-m", "agents", *command], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    assert any(line.startswith("paintings") for line in process.stderr)
    time.sleep(3)  # they are refined by then
    process.terminate()
    _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM and "the same command goes on" in said
    assert not list(out.glob("*"))


def test_what_a_shard_refuses(
    demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    caplog.set_level("INFO")
    shutil.copy(demo / "target_0.png", "a.png")
    for arguments, text in {
        ("-o", "./", "--shard", "1/1"): "a.png is a picture to be painted",
        ("-o", "out/", "--report", "."): "cannot write .: it is a folder",
        ("-o", "out/", "--ray", "locl"): "local, auto or an address",
        ("-o", "out/", "--report", "a.png"): "a.png is a picture to be painted",
        ("-o", "b.json", "--report", "b.json"): "cannot be the report and a painting",
    }.items():
        with pytest.raises(SystemExit, match=re.escape(text)):
            main(["paint", "a.png", *FAST, *arguments])
    with pytest.raises(SystemExit, match="would paint the paintings"):
        main(["paint", ".", *FAST, "-o", "out/", "--shard", "1/2"])
    main(["paint", "a.png", *FAST, "-o", "out/", "--shard", "2/2"])
    assert "shard 2/2 of 1 pictures is empty" in caplog.text and not Path("out").exists()
    main(["paint", "a.png", str(Path("a.png").absolute()), *FAST, "-o", "out/", "--report", "new/r.jsonl"])
    assert len(Path("new/r.jsonl").read_text().splitlines()) == 1
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(SystemExit, match="torchrun is for train"):
        main(["paint", "a.png", *FAST, "-o", "more/"])


def test_lists_with_missing_files_doubles_and_twins(
    demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    caplog.set_level("INFO")
    for name in ("a.png", "b.png", "c.png"):
        shutil.copy(demo / "target_0.png", name)
    Path("list.txt").write_text("a.png\nmissing.png\n./a.png\nb.png\n\nc.png\n")
    Path("b.png").write_bytes(b"no picture")
    with pytest.raises(SystemExit, match=r"2 of 4 pictures were not painted: b\.png, missing\.png"):
        main(["paint", "@list.txt", *FAST, "-o", "out/", "--skip-bad"])
    assert sorted(path.name for path in Path("out").iterdir()) == ["a.png", "c.png"]
    assert "1 pictures are named more than once" in caplog.text
    with pytest.raises(SystemExit, match=r"missing\.png"):
        main(["paint", "@list.txt", *FAST, "-o", "out/", "--overwrite", "--no-skip-bad"])
    Path("twins.txt").write_text("\n".join(f"{folder}/{i}.png" for folder in "xy" for i in range(9)))
    with pytest.raises(
        SystemExit, match=r"other: out/0\.png \(of x/0\.png and y/0\.png\), .*4\.png\), and 4 more"
    ):
        main(["paint", "@twins.txt", *FAST, "-o", "out/"])


def test_a_shard_that_ended_between_two_files_of_a_painting_is_completed(demo: Path, tmp_path: Path) -> None:
    outputs = ["-o", str(tmp_path / "{name}.json"), "-o", str(tmp_path / "{name}.png")]
    command = ["paint", str(demo / "target_0.png"), *outputs, *FAST, "--shard", "1/1"]
    main(command)
    whole = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    (tmp_path / "target_0.png").unlink()
    main(command)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == whole


def test_films_that_cannot_be_are_refused_before_the_work(tmp_path: Path) -> None:
    Image.new("RGB", (100, 20)).save(tmp_path / "long.png")
    with pytest.raises(SystemExit, match=r"a film of 20000 x 4000 pixels is larger than H\.264 takes"):
        main(["paint", str(tmp_path / "long.png"), "-o", str(tmp_path / "a.mp4"), "--size", "20000"])


def test_each_stroke_has_its_agent(demo: Path, tmp_path: Path) -> None:
    photo, file = str(demo / "target_0.png"), tmp_path / "circles.json"
    short = ["-o", str(file), "--strokes", "10", "--canvas", "32"]
    main(["paint", photo, *short, "--stroke", "circle"])
    assert Painting.load(file).stroke == "circle"
    with pytest.raises(SystemExit, match="did you mean 'circle'"):
        main(["paint", photo, *short, "--stroke", "circel"])
    agent = str(demo / "agent.safetensors")
    with pytest.raises(SystemExit, match=r"agent\.safetensors paints bezier strokes, not circle"):
        main(["paint", photo, *short, "--stroke", "circle", "--agent", agent])


def test_each_seed_is_another_painting(demo: Path, tmp_path: Path) -> None:
    agent, strokes = str(demo / "agent.safetensors"), {}
    seeds = {"first": ["--seed", "1"], "second": ["--seed", "2"], "first again": ["--seed", "1"], "none": []}
    for name, seed in seeds.items():
        file = tmp_path / f"{name}.json"
        arguments = ["--strokes", "30", "--canvas", "32", "--agent", agent, *seed]
        main(["paint", str(demo / "target_0.png"), "-o", str(file), *arguments])
        strokes[name] = Painting.load(file).strokes
    assert np.array_equal(strokes["first"], strokes["first again"])
    assert not np.array_equal(strokes["first"], strokes["second"])
    assert not np.array_equal(strokes["first"], strokes["none"])


def test_several_pictures(demo: Path, tmp_path: Path) -> None:
    pictures = [str(demo / f"target_{i}.png") for i in range(2)]
    agent = ["--strokes", "5", "--canvas", "32", "--agent", str(demo / "agent.safetensors")]
    main(["paint", *pictures, "-o", str(tmp_path / "{name}.svg"), *agent])
    assert sorted(file.name for file in tmp_path.iterdir()) == ["target_0.svg", "target_1.svg"]
    with pytest.raises(SystemExit, match=r"2 pictures cannot all be written to .*\{name\}\.svg"):
        main(["paint", *pictures, "-o", str(tmp_path / "one.svg"), *agent])
    twin = shutil.copy(pictures[0], tmp_path)
    with pytest.raises(SystemExit, match="overwrite each other"):
        main(["paint", pictures[0], twin, "-o", str(tmp_path / "{name}.svg"), *agent])


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["paint", "no-such.jpg"], "no-such.jpg"),
        (["paint"], "no picture to paint"),
        (["paint", "a.jpg", "--size", "0"], "size must be"),
        (["render", "no-such.json"], "no-such.json"),
    ],
)
def test_errors_are_one_line(arguments: list[str], text: str) -> None:
    with pytest.raises(SystemExit, match=re.escape(text)):
        main(arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        "paint a.jpg --refine -1", "paint a.jpg --until -1", "paint a.jpg --until nan",
        "paint a.jpg --strokes 0", "paint a.jpg --lookahead 2147483648", "evaluate --images 0",
        "train --bundle -1", "train --bundle 2147483648", "train --eval-every 0", "train --batch 0",
        "train --updates -1", "train --actor-lr inf", "train --checkpoint-minutes nan", "train --imitate -1",
        "train-renderer --batch -1", "train-renderer --warmup 0", "train-renderer --learning-rate inf",
    ],
)  # fmt: skip
def test_numbers_out_of_range_are_named(arguments: str, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments.split())
    said = re.sub(r"[\s│]", "", f"{stopped.value.code} {capsys.readouterr().err}")  # however it is broken
    option, value = arguments.split()[-2:]
    name = option.removeprefix("--").replace("-", "_")
    assert re.search(rf"{name}mustbe\(?a(whole)?numberfrom[0-9]+to[0-9,.]+\)?,not\(?{value}", said)
    assert "Traceback" not in said


def test_bad_pictures_and_places(demo: Path, tmp_path: Path) -> None:
    agent = ["--agent", str(demo / "agent.safetensors"), "--strokes", "5", "--canvas", "32"]
    (tmp_path / "empty.png").touch()
    with pytest.raises(SystemExit, match=r"empty\.png"):
        main(["paint", str(tmp_path / "empty.png"), *agent])
    good = str(demo / "target_0.png")
    with pytest.raises(SystemExit, match="no agent at nowhere"):
        main(["paint", good, "--agent", "nowhere"])
    with pytest.raises(SystemExit, match="cannot write"):
        main(["paint", good, "-o", str(tmp_path / "empty.png" / "x.png"), *agent])
    with pytest.raises(SystemExit, match=r"\.svg"):
        main(["paint", good, "-o", str(tmp_path / "x.svgg"), *agent])


@pytest.mark.parametrize("link", [False, True])
def test_a_painting_never_replaces_its_picture(link: bool, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    photo = tmp_path / "photo.png"
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(photo)
    (tmp_path / "link.png").symlink_to(photo)
    kept = photo.read_bytes()
    for picture, output in (
        ("photo.png", ["-o", "link.png" if link else "photo.png"]),
        ("photo.png", ["-o", "{name}.png"]),
    ):
        with pytest.raises(SystemExit, match="is a picture to be painted, or its mask; choose another file"):
            main(["paint", picture, *output, "--strokes", "5", "--canvas", "16"])
    assert photo.read_bytes() == kept


@pytest.mark.parametrize("first", ["a.png", "."])
def test_a_painting_never_replaces_another_picture(first: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.png", "a-painted.png"):
        Image.fromarray(np.full((8, 8, 3), len(name), np.uint8)).save(name)
    kept = Path("a-painted.png").read_bytes()
    pictures = [first] if first == "." else [first, "a-painted.png"]
    with pytest.raises(
        SystemExit, match=r"a-painted.png is a picture to be painted, or its mask; choose another file"
    ):
        main(["paint", *pictures, "-o", "{name}-painted.png", "--strokes", "5", "--canvas", "16"])
    assert Path("a-painted.png").read_bytes() == kept and len(list(tmp_path.iterdir())) == 2


def test_import_is_quick_and_light() -> None:
    """`import paint_gym` leaves stable-baselines3, matplotlib and the video library alone."""
    heavy = ["stable_baselines3", "matplotlib", "av", "tensorboard", "agents"]
    code = f"import sys, paint_gym; print([name for name in {heavy} if name in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "[]\n"
    )


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--version"])
    assert re.fullmatch(r"paint-gym \d+\.\d+\.\d+\n", capsys.readouterr().out)


def test_folders_and_patterns_and_one_bad_file_among_many(demo: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for i in range(2):
        (tmp_path / "in" / f"{i}.png").write_bytes((demo / f"target_{i}.png").read_bytes())
    agent = ["--strokes", "5", "--canvas", "32", "--agent", str(demo / "agent.safetensors")]
    main(["paint", str(tmp_path / "in"), "-o", str(tmp_path / "folder"), *agent])
    main(["paint", str(tmp_path / "in" / "*.png"), "-o", str(tmp_path / "pattern" / "{name}.svg"), *agent])
    assert sorted(file.name for file in (tmp_path / "folder").iterdir()) == ["0.png", "1.png"]
    assert sorted(file.name for file in (tmp_path / "pattern").iterdir()) == ["0.svg", "1.svg"]
    (tmp_path / "in" / "0.png").write_bytes(b"\0\0\0 ftypheic, not a picture that is read")
    with pytest.raises(SystemExit, match=r"1 of 2 pictures were not painted: .*0\.png"):
        main(["paint", str(tmp_path / "in"), "-o", str(tmp_path / "rest") + "/", *agent])
    assert [file.name for file in (tmp_path / "rest").iterdir()] == ["1.png"]
    with pytest.raises(SystemExit, match="no pictures in"):
        main(["paint", str(tmp_path / "in" / "*.jpg"), *agent])
    with pytest.raises(SystemExit, match=r"0\.png: not an image of a format read here .*HEIC"):
        main(["paint", str(tmp_path / "in" / "0.png"), *agent])


def test_a_picture_too_long_is_refused_before_the_work(tmp_path: Path) -> None:
    Image.new("RGB", (3000, 20)).save(tmp_path / "long.png")
    with pytest.raises(SystemExit, match=r"long\.png: size must be a side .*each from 1 to 32768"):
        main(["paint", str(tmp_path / "long.png"), "-o", str(tmp_path / "p.png")])


def test_an_agent_of_another_library(tmp_path: Path) -> None:
    (tmp_path / "ppo.zip").write_bytes(b"PK" + bytes(100))
    with pytest.raises(SystemExit, match=r"ppo\.zip is .*not a safetensors file.*other libraries"):
        main(["evaluate", str(tmp_path / "ppo.zip")])


def test_a_typo_shows_the_options_of_this_command_only(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["train", "--preset", "cpu", "--updatess", "3"])
    said = capsys.readouterr().err
    assert stop.value.code == 2 and "--updates INT" in said and "paint-gym train --help" in said
    assert "demo" not in said and "train-renderer" not in said


def test_another_package_named_agents(demo: Path, tmp_path: Path) -> None:
    """openai-agents writes its own ``agents/__init__.py`` over ours; the command does not need it."""
    ours = Path(sys.modules["agents.cli"].__file__ or "").parents[1]
    shutil.copytree(ours, tmp_path / "agents", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "agents/__init__.py").write_text("class Runner: ...\n")
    arguments = ["paint", str(demo / "target_0.png"), "-o", "a.json", "--strokes", "5", "--canvas", "32"]
    code = f"import agents; agents.Runner; from agents.cli.main import COMMANDS, main; main({arguments})"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, timeout=300)
    assert len(Painting.load(tmp_path / "a.json")) == 5


def test_opencv_that_does_not_load_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "cv2.py").write_text("raise ImportError('libGL.so.1: cannot open shared object file')")
    for arguments in (["evaluate", "--dataset", "photos", "--images", "1"], ["train", "--preset", "smoke"]):
        done = subprocess.run(
            [sys.executable, "-m", "agents", *arguments], cwd=tmp_path, capture_output=True, text=True,
            env=os.environ | {"PYTHONPATH": str(tmp_path)}, timeout=300,
        )  # fmt: skip
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1].startswith(
            "paint-gym: needed is OpenCV, which does not load here (libGL"
        )
        assert "Traceback" not in done.stderr


def test_a_device_that_is_none_is_named_alone(demo: Path) -> None:
    for device in ("nonsense", "meta"):
        with pytest.raises(SystemExit, match=f"^paint-gym: device '{device}' cannot be used here"):
            main(["paint", str(demo / "target_0.png"), "--device", device])


def test_patterns_of_folders_and_no_folders_of_patterns(demo: Path, tmp_path: Path) -> None:
    for place in ("a/one.png", "b/two.png", "b/deep/three.png"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(demo / "target_0.png", tmp_path / place)
    options = ["--strokes", "5", "--canvas", "32"]
    main(["paint", str(tmp_path / "*" / "*"), "-o", str(tmp_path / "out"), *options])
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["one.png", "two.png"]


def test_names_that_a_terminal_would_obey_are_escaped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name = "a\x1b[2J\u202egnp\nb.png"
    Path(name).write_bytes(b"no picture")
    Path("other.png").write_bytes(b"no picture")
    for options in ([name], [name, "other.png"]):
        command = [sys.executable, "-m", "agents", "paint", *options, "--agent", "pretrained-mnist"]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 1 and r"a\x1b[2J\u202egnp\nb.png" in done.stderr
        assert not {"\x1b", "\u202e"} & set(done.stderr)


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: 9")]
)
def test_out_of_memory_is_one_line(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(command: object) -> None:
        raise error

    monkeypatch.setitem(COMMANDS, "render", (COMMANDS["render"][0], fail))
    with pytest.raises(SystemExit, match=r"^paint-gym: out of memory: ") as stopped:
        main(["render", "a.json"])
    assert "\n" not in str(stopped.value)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_refinement_and_keeps_it(number: signal.Signals, tmp_path: Path) -> None:
    Image.new("RGB", (40, 30), (200, 90, 30)).save(tmp_path / "a.png")
    options = ["--agent", "pretrained-mnist", "--strokes", "5", "--canvas", "16", "--refine", "100000000"]
    process = subprocess.Popen(
        [sys.executable, "-m", "agents", "paint", "a.png", "-o", "b.png", *options], cwd=tmp_path,
        stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": os.getcwd()},
    )  # fmt: skip
    for line in process.stderr:
        if line.startswith("refining"):
            break
    time.sleep(0.5)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + number and "stopped: b.png is not refined to the end" in said
    assert read_image(tmp_path / "b.png").shape == (30, 40, 3)


@pytest.mark.parametrize("turned", [False, True])
def test_a_painting_has_the_sides_of_its_photo(turned: bool, tmp_path: Path) -> None:
    """Not those of the canvas, whose aspect is rounded."""
    exif = Image.Exif()
    if turned:
        exif[0x112] = 6
    Image.new("RGB", (400, 299), (200, 90, 30)).save(tmp_path / "a.jpg", exif=exif)
    options = ["--agent", "pretrained-mnist", "--strokes", "5", "--canvas", "8", "--refine", "0"]
    main(["paint", str(tmp_path / "a.jpg"), "-o", str(tmp_path / "b.png"), *options])
    assert read_image(tmp_path / "b.png").shape == ((400, 299, 3) if turned else (299, 400, 3))
    main(["paint", str(tmp_path / "a.jpg"), "-o", str(tmp_path / "c.png"), *options, "--size", "200"])
    assert read_image(tmp_path / "c.png").shape[:2] == ((200, 150) if turned else (150, 200))
