"""``render_mode="human"``: an error without a display, a window for each environment with one."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import gymnasium as gym
import pytest

CHECK = """
import warnings, gymnasium as gym, paint_gym
from gymnasium.utils.env_checker import check_env
warnings.simplefilter("ignore")
check_env(gym.make("PaintCanvas-v0", size=32).unwrapped)
venv = gym.make_vec("PaintCanvas-v0", num_envs=2, size=32, render_mode="human")
env = gym.make("PaintCanvas-v0", size=32, render_mode="human")
for one in (env, venv):
    one.reset(seed=0)
    one.step(one.action_space.sample())
assert env.unwrapped._window.open and venv.unwrapped._window.open
assert env.unwrapped._window.title != venv.unwrapped._window.title
env.close(), venv.close(), env.close()
assert not env.unwrapped._window.open and not venv.unwrapped._window.open
print("fine")
"""


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    """A virtual display."""
    if shutil.which("Xvfb") is None:
        pytest.skip("Xvfb is not installed")
    name = next(f":{n}" for n in range(90, 200) if not Path(f"/tmp/.X11-unix/X{n}").exists())
    server = subprocess.Popen(["Xvfb", name, "-screen", "0", "320x240x24"], stderr=subprocess.DEVNULL)
    for _ in range(100):
        if Path(f"/tmp/.X11-unix/X{name[1:]}").exists():
            break
        time.sleep(0.1)
    yield name
    server.terminate()
    server.wait()


@pytest.mark.slow
def test_gymnasiums_check_with_its_defaults(display: str) -> None:
    environment = os.environ | {"DISPLAY": display, "QT_QPA_PLATFORM": "xcb"}
    done = subprocess.run(
        [sys.executable, "-c", CHECK], env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.stdout.endswith("fine\n"), done.stderr


@pytest.mark.parametrize("name", ["", ":77777"])
def test_no_display_is_an_error_not_an_abort(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", name)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    for make in (gym.make, gym.make_vec):
        with pytest.raises(RuntimeError, match=r'needs a display.*take render_mode="rgb_array"'):
            make("PaintCanvas-v0", size=32, render_mode="human")
