"""The recipes of the README run as they stand, with smaller numbers of steps."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

README = (Path(__file__).parents[2] / "README.md").read_text()
SECTION = README.partition("## Plug in your agent")[2].partition("\n## ")[0]
RECIPES = re.findall(r"```python\n(.*?)```", SECTION, re.DOTALL)


def test_there_is_a_recipe_for_each() -> None:
    assert len(RECIPES) == 6
    assert all(len(recipe.splitlines()) <= 12 for recipe in RECIPES)


@pytest.mark.filterwarnings("ignore")  # of the other libraries
@pytest.mark.parametrize("number", range(len(RECIPES)))
def test_recipe(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAINT_GYM_CACHE", str(tmp_path))
    for library in re.findall(r"^from ([\w.]+)", RECIPES[number], re.MULTILINE):
        pytest.importorskip(library, exc_type=ImportError)  # RLlib needs more than Ray
    code = re.sub(r"\d+_\d+", "10", RECIPES[number])
    code = re.sub(r"num_envs=\d+", "num_envs=2", code)
    code = code.replace("PPOConfig()", "PPOConfig().training(train_batch_size_per_learner=128, num_epochs=1)")
    exec(compile(code, f"README.md, recipe {number + 1}", "exec"), {})
    if "ray" in sys.modules:
        sys.modules["ray"].shutdown()
