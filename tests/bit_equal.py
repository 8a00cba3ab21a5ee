"""Compare paintings and trainings with a revision: ``python -m tests.bit_equal REVISION [NAME ...]``.

A change that is to keep the numbers runs the same commands with the revision and with the working tree, one
thread each, and compares strokes, drawings, metrics and weights. Prints a line for each command; exits 1 if
one differs.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from safetensors.numpy import load_file
from skimage import data

from paint_gym import Painting

ROOT = Path(__file__).parents[1]
NOT_COMPARED = ("charts/seconds", "charts/env_steps")  # metrics
PAINT = {
    "refined": "face.png -o x.json -o x.png --strokes 60 --refine 5",
    "draft": "small.png -o x.json --draft --strokes 42",
    "planned": "face.png -o x.json --strokes 20 --plan 3 --refine 0 --background auto",
    "palette": "face.png -o x.json --strokes 40 --palette 5 --refine 12 --opaque",
    "transparent": "alpha.png -o x.json -o x.svg -o x.png --strokes 40 --background none --refine 5",
    "faces": "face.png -o x.json --strokes 40 --detail faces --refine 5 --lookahead 3",
    "mask": "face.png -o x.json --strokes 40 --detail small.png --refine 0 --lookahead 0 --seed 3",
    "triangles": "face.png -o x.json -o x.svg --strokes 40 --stroke triangle --refine 11",
    "circles": "face.png -o x.json -o x.svg --strokes 40 --stroke circle --refine 11 --canvas 128",
    "until": "face.png -o x.json --strokes 40 --refine 50 --until 0.03",
    "plotter": "face.png -o x.svg --strokes 40 --svg plotter --palette 4 --refine 5",
    "from": "face.png -o x.json --strokes 50 --from begun.json --refine 5",
    "canvas_image": "face.png -o x.json --strokes 20 --canvas-image grey.png --refine 5",
    "several": "face.png grey.png -o {name}-{strokes}.json --strokes 20 30 --refine 5",
}
TRAIN = {
    "model_based": "--updates 60",
    "critic": "--updates 40 --gamma 0.9 --agent.learning.augment",
    "own_rates": "--updates 40 --gamma 0 --actor-lr 0.001 --agent.learning.schedule cosine",
    "resnet": "--updates 20 --actor resnet",
    "ddpg": "--updates 40 --algo ddpg --noise 0.2",
    "patchq": "--updates 40 --algo patchq",
    "wgan": "--updates 40 --reward wgan --discriminator-lr 0.0003",
}
OTHER = {
    "evaluate": "evaluate --images 3 --strokes 50 --json x.json --curve x.png",
    "evaluate_refined": "evaluate pretrained-mnist --images 3 --strokes 20 --refine 5 --json x.json --plan 2",
    "renderer": "train-renderer --out x --updates 20 --eval-every 20",
}


def main(revision: str, *names: str) -> None:
    """Compare, and exit with 1 if something differs."""
    differs = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run(["git", "worktree", "add", "-q", "--detach", folder / "before", revision], check=True)
        try:
            make_inputs(folder / "inputs")
            for command, arguments in commands().items():
                if names and command not in names:
                    continue
                before = run(folder / "before", folder / "inputs", folder / "a" / command, arguments)
                after = run(ROOT, folder / "inputs", folder / "b" / command, arguments)
                same = before == after and bool(before)
                print("same   " if same else "DIFFERS", command, sorted(before), flush=True)
                differs += [] if same else [command]
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", folder / "before"], check=True)
    sys.exit(f"{', '.join(differs)}: not the same as {revision}" if differs else 0)


def commands() -> dict[str, str]:
    """Arguments of ``paint-gym`` by the name of the comparison."""
    train = "train --out x --preset smoke --eval-every 20 --eval-split test --agent.max-strokes 20"
    return (
        {name: f"paint {arguments}" for name, arguments in PAINT.items()}
        | {name: f"{train} {arguments}" for name, arguments in TRAIN.items()}
        | OTHER
    )


def make_inputs(folder: Path) -> None:
    """Photos of scikit-image, and a painting to go on with."""
    folder.mkdir()
    face = Image.fromarray(data.astronaut())
    face.save(folder / "face.png")
    face.resize((90, 60)).save(folder / "small.png")
    face.convert("L").save(folder / "grey.png")
    ramp = np.linspace(0, 255, 512).astype(np.uint8)
    face.putalpha(Image.fromarray(np.broadcast_to(ramp, (512, 512)).copy()))
    face.save(folder / "alpha.png")
    strokes = np.random.default_rng(0).random((20, 13)).round(3).tolist()
    Painting(strokes, size=256).save(folder / "begun.json")


def run(checkout: Path, inputs: Path, folder: Path, arguments: str) -> dict[str, Any]:
    """The content of all files that a command writes, by name, without seconds and settings."""
    folder.mkdir(parents=True)
    for file in inputs.iterdir():
        (folder / file.name).symlink_to(file)
    threads = {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(checkout)}
    command = [sys.executable, "-m", "agents", *arguments.split()]
    result = subprocess.run(command, cwd=folder, env=os.environ | threads, capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"{checkout}: paint-gym {arguments}\n{result.stderr[-3000:]}")
    files = [file for file in sorted(folder.rglob("*")) if file.is_file() and not file.is_symlink()]
    contents = {str(file.relative_to(folder)): read(file) for file in files}
    return {name: content for name, content in contents.items() if content is not None}


def read(file: Path) -> Any:
    """Content of a file that must be the same; None for a file that may differ."""
    if file.suffix == ".json" and file.name != "config.json":
        return json.loads(file.read_text())
    if file.name == "metrics.jsonl":
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        return [{name: value for name, value in line.items() if name not in NOT_COMPARED} for line in lines]
    if file.name in ("agent.safetensors", "renderer.safetensors"):
        return {name.split("/")[-1]: value.tobytes() for name, value in load_file(file).items()}
    skipped = file.name.startswith(("checkpoint", "config", "events", ".lock"))
    return None if skipped else file.read_bytes()


if __name__ == "__main__":
    main(*sys.argv[1:])
