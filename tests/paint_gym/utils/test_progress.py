"""A bar on a terminal, lines in a log."""

import io

import pytest

from paint_gym.utils import progress as module
from paint_gym.utils.progress import progress


def shown(monkeypatch: pytest.MonkeyPatch, stderr: io.StringIO, **options: object) -> str:
    monkeypatch.setattr("sys.stderr", stderr)
    with progress(range(10), desc="work", unit="step", mininterval=0, **options) as bar:
        for step in bar:
            bar.set_postfix(l2=step, refresh=False)
    return stderr.getvalue()


@pytest.mark.parametrize(("seconds", "lines"), [(60, 2), (0, 11)])
def test_a_log_gets_lines(monkeypatch: pytest.MonkeyPatch, seconds: float, lines: int) -> None:
    monkeypatch.setattr(module, "SECONDS", seconds)
    text = shown(monkeypatch, io.StringIO(), delay=10)
    assert "\r" not in text and "#" not in text
    assert len(text.splitlines()) in (lines, lines + 1)
    assert text.startswith("work:   0% 0/10 [") and "work: 100% 10/10 [" in text.splitlines()[-1]
    assert text.endswith("l2=9]\n")
