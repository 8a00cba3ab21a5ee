"""Plots of l2: against strokes, or against the seconds of a training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from paint_gym.utils.files import replace_when_done


def plot_l2(
    path: Path,
    along: str,
    values: Sequence[float],
    l2: Sequence[float],
    label: str,
    title: str = "",
    band: tuple[Sequence[float], Sequence[float]] | None = None,
) -> None:
    """Plot a curve of l2 against the values of `along`, in the band between two others."""
    from matplotlib.figure import Figure  # no pyplot: no window, no global state

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.add_subplot()
    axes.plot(values, l2, marker=".", label=label)
    if band is not None:
        axes.fill_between(values, *band, alpha=0.3)
    axes.set(xlabel=along, ylabel="l2 (mean squared error, by raster)", yscale="log", title=title)
    axes.legend()
    with replace_when_done(path) as file:
        figure.savefig(file, dpi=120)
