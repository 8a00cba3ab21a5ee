"""Batches of photos: painted in turn, refined together where they are of one size, and written.

A painting is the same, bit by bit, whichever paintings it is refined with: it depends on its own pixels only.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from agents.cli.outputs import OutputOptions, PhotoFiles
from agents.common.signals import StopSignals
from agents.painting.palette import hex_colours
from agents.painting.photo import PaintJob, Photo, PhotoPainter
from agents.painting.refinement import needs_pruning
from paint_gym.metrics import psnr
from paint_gym.painting import Painting
from paint_gym.utils.progress import progress

BATCH = 16  # photos
PIXELS = 2**20  # pixels of the canvases that are refined together: 16 of 256 x 256


@dataclass(frozen=True)
class PhotoResult:
    """A painting that has been written, or the reason why there is none.

    `line` is that of the report; empty beside an error.
    """

    photo: Photo
    files: tuple[Path, ...] = ()
    line: dict[str, Any] = field(default_factory=dict)
    error: ValueError | OSError | None = None


@dataclass(frozen=True)
class _Draft:
    """A painting before its refinement."""

    job: PaintJob
    painting: Painting
    result: PhotoResult
    sizes: tuple[tuple[int, int], ...]
    seconds: float


@dataclass(frozen=True)
class BatchPainter:
    """Paints photos and writes the paintings.

    Attributes:
        signals: a signal during refinement ends it, and nothing after it is painted; None leaves signals to
            others, as on a node of a cluster.
        unfinished: write paintings whose refinement a signal has stopped.
    """

    painter: PhotoPainter
    output: OutputOptions
    signals: StopSignals | None = None
    unfinished: bool = True

    @property
    def stopped(self) -> bool:
        """True after a signal."""
        return self.signals is not None and self.signals.received is not None

    def paint(self, batch: Sequence[PhotoFiles]) -> Iterator[PhotoResult]:
        """Paint a batch; a photo that cannot be read does not stop the others."""
        drafts = []
        for item in batch:
            try:
                job = self.painter.prepare(item.photo)
                drafts += [self._draft(job, item.photo, strokes, files) for strokes, files in item.budgets]
            except (ValueError, OSError) as error:
                yield PhotoResult(item.photo, error=error)
        for group in self._groups(drafts):
            start = time.monotonic()
            refined = self._refine(group)
            share = (time.monotonic() - start) / len(group)
            if self.stopped and not self.unfinished:
                return
            for draft, painting in zip(group, refined, strict=True):
                try:
                    yield self._write(draft, painting, draft.seconds + share)
                except ValueError as error:
                    yield replace(draft.result, files=(), error=error)
            if self.stopped:
                return

    def _draft(self, job: PaintJob, photo: Photo, strokes: int, files: tuple[Path, ...]) -> _Draft:
        start = time.monotonic()
        sizes = tuple(self.output.size_of(job.photo_size, file) for file in files)
        total = max(0, strokes - len(self.painter.init or ()))
        with self._bar("painting", total, "stroke", self.painter.policy.bundle) as update:
            painting = self.painter.paint(job, strokes, update)
        return _Draft(job, painting, PhotoResult(photo, files), sizes, time.monotonic() - start)

    @contextmanager
    def _bar(self, desc: str, total: int, unit: str, step: int = 1) -> Iterator[Callable[[float], bool]]:
        """A bar, as a function that moves it by `step`, shows the l2, and says whether a signal came."""
        with progress(total=total, desc=desc, unit=unit, within=not (self.output.bars and total)) as bar:

            def update(l2: float) -> bool:
                bar.update(step)
                bar.set_postfix(l2=f"{l2:.4f}", refresh=False)
                return self.stopped

            yield update

    def _groups(self, drafts: Sequence[_Draft]) -> Iterator[list[_Draft]]:
        """Drafts that can be refined together."""
        groups: dict[Any, list[_Draft]] = {}
        for index, draft in enumerate(drafts):
            separate = self.painter.until > 0 or needs_pruning(draft.painting, draft.job.options)
            weighted = draft.job.options.weight is not None
            key = (draft.job.target.shape, len(draft.painting), weighted, index if separate else None)
            groups.setdefault(key, []).append(draft)
        for (shape, *_), group in groups.items():
            count = max(1, PIXELS // (shape[2] * shape[3]))
            yield from (group[first : first + count] for first in range(0, len(group), count))

    def _refine(self, group: Sequence[_Draft]) -> list[Painting]:
        jobs, paintings = [draft.job for draft in group], [draft.painting for draft in group]
        iterations = self.painter.iterations
        # signals before the bar, which tells users that they may stop
        with self.signals or nullcontext(), self._bar("refining", iterations, "iteration") as update:
            return self.painter.refine(jobs, paintings, update)

    def _write(self, draft: _Draft, painting: Painting, seconds: float) -> PhotoResult:
        start, result = time.monotonic(), draft.result
        for file, size in zip(result.files, draft.sizes, strict=True):
            self.output.save(painting, file, size, self.painter.paper)
        l2 = self.painter.l2(draft.job, painting)
        line = {
            "picture": str(result.photo), "files": [str(file) for file in result.files],
            "size": list(draft.sizes[0]), "strokes": len(painting), "l2": l2, "psnr": float(psnr(l2)),
            "seconds": round(seconds + time.monotonic() - start, 3),
        }  # fmt: skip
        palette = draft.job.options.palette
        if palette is not None and isinstance(self.painter.palette, int):
            line["palette"] = hex_colours(palette)
        return replace(result, line=line)
