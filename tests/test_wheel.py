"""The wheel brings its kernel to machines without a compiler, and can be made where there is none."""

import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
import torch
from PIL import Image

from paint_gym.renderers import make_renderer
from paint_gym.renderers.analytic.c import build, library

pytestmark = [
    pytest.mark.ci,
    pytest.mark.skipif(build.find_compiler() is None, reason="no C compiler on this machine"),
]

ROOT = Path(__file__).parents[1]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A copy of the project to build from."""
    ignored = "*.so", "__pycache__", "dist", "build", "*.egg-info", ".*", "docs", "tests"
    return Path(shutil.copytree(ROOT, tmp_path / "source", ignore=shutil.ignore_patterns(*ignored)))


def run(folder: Path, *command: str | Path, **settings: str | Path) -> str:
    """Output of a command in a folder, with these environment variables only, if it warns of no kernel."""
    settings = {"PATH": os.environ["PATH"], "HOME": folder, **settings}
    variables = {name: str(value) for name, value in settings.items()}
    done = subprocess.run(command, env=variables, cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "native kernel" not in done.stderr, done.stderr
    return done.stdout


def make_wheel(source: Path, **settings: str | Path) -> Path:
    """Build as pip does, with the setuptools that is installed."""
    hook = "from setuptools.build_meta import build_wheel; build_wheel('dist')"
    run(source, sys.executable, "-W", "ignore", "-c", hook, **settings)
    (wheel,) = (source / "dist").iterdir()
    return wheel


def kernels(wheel: Path) -> list[str]:
    """The names of all files of the kernel in a wheel, the source too."""
    names = ZipFile(wheel).namelist()
    return sorted(Path(name).name for name in names if name.endswith((".c", ".so")))


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A virtual environment, empty but for Python; no compiler is among its programs."""
    pytest.importorskip("pip")
    folder = tmp_path / "bare"
    venv.create(folder, symlinks=True)
    return folder


def install(wheel: Path, environment: Path) -> None:
    """Install a wheel alone; what it depends on is read from where this process has it.

    Those folders are named when the wheel is there, as pip would take this project for installed. A ``.pth``
    in them, such as that of an editable installation, is not followed.
    """
    pip = (sys.executable, "-m", "pip", "--python", environment / "bin" / "python")
    run(environment, *pip, "--disable-pip-version-check", "install", "--no-deps", "--no-index", wheel)
    (site,) = environment.glob("lib/python*/site-packages")
    folders = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    (site / "of_the_tests.pth").write_text("\n".join(folders))


CHECK = """
import json, sys
import gymnasium as gym
import numpy as np
import torch
import paint_gym
from paint_gym.renderers.analytic.c import library

env = gym.make("PaintCanvas-v0", dataset=np.full((2, 3, 16, 16), 200, np.uint8))
env.reset(seed=0)
reward = env.step(env.action_space.sample())[1]
canvas, strokes = np.load("inputs.npz").values()
painted = paint_gym.make_renderer("analytic").paint(torch.from_numpy(canvas), torch.from_numpy(strokes))
np.save("painted.npy", painted.numpy())
libraries = [str(library.load(dtype).file) for dtype in library.REALS]
print(json.dumps({"compiler": library.find_compiler(), "libraries": libraries, "reward": float(reward)}))
"""


def test_the_wheel_paints_where_there_is_no_compiler(
    source: Path, bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = make_wheel(source)
    assert kernels(wheel) == ["kernel.c", "kernel_double.so", "kernel_float.so"]
    assert "-py3-none-" in wheel.name and not wheel.name.endswith("-any.whl")
    install(wheel, bare)

    canvas, strokes = torch.rand(2, 3, 48, 64), torch.rand(2, 50, 13)
    np.savez(tmp_path / "inputs.npz", canvas=canvas.numpy(), strokes=strokes.numpy())
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)).save(tmp_path / "a.png")
    settings = {"PATH": bare / "bin", "PAINT_GYM_CACHE": tmp_path / "cache"}
    said = json.loads(run(tmp_path, bare / "bin" / "python", "-c", CHECK, **settings))
    assert said["compiler"] is None and np.isfinite(said["reward"])
    assert all(Path(library).is_relative_to(bare) for library in said["libraries"])
    run(tmp_path, bare / "bin" / "paint-gym", "paint", "a.png", "-o", "b.png", "--strokes", "10", **settings)
    with Image.open(tmp_path / "b.png") as picture:
        assert picture.convert("L").getextrema()[1] > 50
    assert not (tmp_path / "cache" / "native").exists()

    native = library.CBackend(build.build("float", build.find_compiler(), tmp_path))
    monkeypatch.setattr(library, "load", lambda dtype: native)
    painted = torch.from_numpy(np.load(tmp_path / "painted.npy"))
    torch.testing.assert_close(painted, make_renderer("analytic").paint(canvas, strokes), rtol=0, atol=1e-5)


def test_the_wheel_is_made_without_a_compiler(source: Path, bare: Path, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    wheel = make_wheel(source, PATH=tmp_path / "bin")
    assert kernels(wheel) == ["kernel.c"] and wheel.name.endswith("-py3-none-any.whl")
    install(wheel, bare)
    script = "from paint_gym.renderers.analytic.c.library import *; print(load(torch.float32).file)"
    kernel = run(tmp_path, bare / "bin" / "python", "-c", script, PAINT_GYM_CACHE=tmp_path / "cache")
    assert Path(kernel.strip()).parent == tmp_path / "cache" / "native"
