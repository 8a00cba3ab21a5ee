"""A bar on a terminal, lines in a log."""

import io

import pytest

from paint_gym.utils import progress as module
from paint_gym.utils.progress import progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def shown(monkeypatch, stderr, seconds):
    """What stderr holds after ten steps of work, with so many seconds between lines."""
    monkeypatch.setattr("sys.stderr", stderr)
    monkeypatch.setattr(module, "SECONDS", seconds)
    with progress(total=10, desc="work", unit="step", mininterval=0) as bar:
        for step in range(10):
            bar.update()
            bar.set_postfix(l2=step, refresh=False)
    return stderr.getvalue()


@pytest.mark.parametrize(("seconds", "lines"), [(60, 2), (0, 11)])
def test_a_log_gets_lines(monkeypatch, seconds, lines):
    text = shown(monkeypatch, io.StringIO(), seconds)
    assert "\r" not in text and "#" not in text
    assert len(text.splitlines()) in (lines, lines + 1)
    assert text.startswith("work:   0% 0/10 [") and "work: 100% 10/10 [" in text.splitlines()[-1]
    assert text.endswith("l2=9]\n")


def test_a_terminal_gets_a_bar(monkeypatch):
    text = shown(monkeypatch, Terminal(), 60)
    assert text.count("\r") > 10 and "|####" in text


def test_what_it_goes_through(monkeypatch):
    monkeypatch.setattr("sys.stderr", io.StringIO())
    assert list(progress([1, 2, 3], desc="work")) == [1, 2, 3]
