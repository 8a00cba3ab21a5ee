"""Gymnasium's own tests of environments, vectors and vector wrappers, on this environment.

They are not in its wheel: the variable GYMNASIUM names a clone of github.com/Farama-Foundation/Gymnasium.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

GYMNASIUM = os.environ.get("GYMNASIUM", "")
STAND_INS = ("CartPole-v1", "CarRacing-v3", "BipedalWalker-v3", "MountainCarContinuous-v0", "PaintCanvas-v0")
PLUGIN = f"""
import gymnasium as gym
import paint_gym

for name in {STAND_INS}:
    gym.register(
        name,
        entry_point="paint_gym.envs:PaintCanvasEnv",
        vector_entry_point="paint_gym.envs:PaintCanvasVectorEnv",
        kwargs={{"dataset": "photos", "size": 16, "max_strokes": 100, "device": "cpu"}},
        max_episode_steps=500,
    )
"""
CANNOT_APPLY = {
    "is another class or has other spaces than CartPole": (
        "test_no_arguments", "test_make_vec_env_id", "test_make_vec_vectorization_mode",
        "test_full_integration", "test_reset_async_vector_env", "test_step_async_vector_env",
        "test_step_sync_vector_env",
    ),
    "CartPole's attributes and arguments: gravity, sutton_barto_reward": (
        "test_call_async_vector_env", "test_call_sync_vector_env", "test_vector_env_wrapper_attributes",
        "test_make_vec_with_spec[CartPole-v1-kwargs8]", "test_make_vec_with_spec[CartPole-v1-kwargs9]",
        "test_make_vec_with_spec[env_id18-kwargs18]", "test_make_vec_with_spec[env_id19-kwargs19]",
    ),
    "an episode of 500 steps, ended by a TimeLimit, is expected; here the budget of strokes ends it": (
        "test_max_episode_steps", "test_env_spec_pprint", "test_make_vec_wrappers",
    ),
    "an unknown render_mode is refused here, with its name": (
        "test_make_with_render_mode", "test_render_modes",
    ),
    "needs a display, or pygame": (
        "test_make_human_rendering", "test_num_envs_screen_size", "test_pygame_selective_init",
    ),
    "needs moviepy, which wants an older Pillow": ("test_record_video",),
    "expects CarRacing's pixels, or CartPole's four numbers": (
        "GrayscaleObservation", "ReshapeObservation", "RescaleObservation", "test_vectorize_dict_to_box_obs",
    ),
}  # fmt: skip
"""Why, and parts of the names of the tests that are left out."""


@pytest.mark.slow
@pytest.mark.skipif(not GYMNASIUM, reason="the variable GYMNASIUM names no clone of Gymnasium")
def test_gymnasiums_own_tests(tmp_path: Path):
    shutil.copytree(Path(GYMNASIUM) / "tests", tmp_path / "tests")
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\naddopts = -p stand_ins -p no:cacheprovider --disable-warnings\n"
    )
    (tmp_path / "stand_ins.py").write_text(PLUGIN)
    utils = tmp_path / "tests" / "envs" / "utils.py"
    text = utils.read_text()
    assert '"gymnasium.envs." in' in text
    utils.write_text(text.replace('"gymnasium.envs." in', '"paint_gym.envs" in'))  # which are tested
    left_out = [f"not {name}" for names in CANNOT_APPLY.values() for name in names if "[" not in name]
    exact = [name for names in CANNOT_APPLY.values() for name in names if "[" in name]
    make_vec = "tests/envs/registration/test_make_vec.py"
    folders = ("tests/envs/test_envs.py", "tests/envs/test_rendering.py", "tests/envs/registration",
               "tests/vector", "tests/wrappers/vector")  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *folders, "-k", " and ".join(left_out),
         *(f"--deselect={make_vec}::{name}" for name in exact)],
        cwd=tmp_path, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    passed = int(re.search(r"(\d+) passed", done.stdout)[1])
    print(f"{passed} of Gymnasium's tests pass")
    assert passed > 1000
