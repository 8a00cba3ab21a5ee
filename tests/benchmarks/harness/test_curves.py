"""Learning curves: the CSV is read as it was written, damage is named, curves are compared where both are."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.harness.curves import Point, at_equal, l2_at, read_curves, write_curves

CURVES = [
    Point("a", 0, 0, 0, 0.0, 0.4), Point("a", 0, 10, 40, 2.5, 0.2), Point("a", 1, 0, 0, 0.0, 0.4),
    Point("a", 1, 10, 40, 3.0, 0.1), Point("b, slow", 0, 0, 0, 0.0, 0.5),
    Point("b, slow", 0, 20, 80, 10.0, 0.3),
]  # fmt: skip


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    write_curves(tmp_path / "curves.csv", CURVES)
    text = (tmp_path / "curves.csv").read_text().splitlines()
    assert text[0] == "method,seed,updates,env_steps,seconds,l2" and text[2] == "a,0,10,40,2.5,0.2"
    assert read_curves(tmp_path / "curves.csv") == CURVES


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("env_steps", "steps", "first line must be method,seed,updates,env_steps,seconds,l2"),
        ("a,0,10,40,2.5,0.2", "a,0,ten,40,2.5,0.2", "line 3: invalid literal"),
        ("a,0,10,40,2.5,0.2", "a,0,10,40,2.5,nan", "a number is negative or not finite"),
        ("a,0,10,40,2.5,0.2", "a,0,0,0,0.0,0.2", "not later than the point before"),
        ("a,1,10,40,3.0,0.1\n", "", "at least two points"),
        ("a,0,10", '"a,0,10', "damaged"),
    ],
)
def test_damage_is_named(old: str, new: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "curves.csv"
    write_curves(path, CURVES)
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(ValueError, match=rf"curves\.csv: .*{said}"):
        read_curves(path)


def test_curves_are_compared_where_all_have_come() -> None:
    end, l2 = at_equal(CURVES, "seconds")
    assert end == 2.5 and l2 == {"a": [0.2, pytest.approx(0.15)], "b, slow": [pytest.approx(0.45)]}
    assert [l2_at(CURVES[:2], "updates", where) for where in (-1, 5, 99)] == [0.4, pytest.approx(0.3), 0.2]
