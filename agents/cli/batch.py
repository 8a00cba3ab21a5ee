"""Batches of photos: painted in turn, refined together where they are of one size, and written.

A painting is the same, bit by bit, whichever paintings it is refined with: it depends on its own pixels only.
"""

from __future__ import annotations

import logging
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from agents.common.signals import StopSignals
from agents.painting.palette import hex_colours
from agents.painting.photo import PaintJob, Photo, PhotoPainter
from agents.painting.refinement import needs_pruning
from paint_gym.metrics import psnr
from paint_gym.painting import FORMATS, MAX_SIDE, Painting, Paper, check_size
from paint_gym.painting.video import SECONDS
from paint_gym.utils.images import scaled_sides
from paint_gym.utils.progress import progress

logger = logging.getLogger(__name__)
BATCH = 16  # photos
FILM_SIDE = 1080  # pixels of the longer side of a film by default
KEEPS_ALPHA = (".png", ".svg", ".json")
PIXELS = 2**20  # pixels of the canvases that are refined together: 16 of 256 x 256
STREAM = Path("-")  # standard input or output


@dataclass(frozen=True)
class PhotoFiles:
    """A photo, and the files to write: of each number of strokes one painting in several formats."""

    photo: Photo
    budgets: tuple[tuple[int, tuple[Path, ...]], ...]


@dataclass(frozen=True)
class PhotoResult:
    """A painting that has been written, or the reason why there is none.

    `line` is that of the report.
    """

    photo: Photo
    files: tuple[Path, ...] = ()
    line: dict[str, Any] | None = None
    error: ValueError | OSError | None = None


@dataclass(frozen=True)
class OutputOptions:
    """Options of the files that are written.

    Attributes:
        size: longer side in pixels; None for that of the photo.
        format: ending of standard output.
        seconds: longest duration of a film.
        bars: show a progress bar for each painting; False beside a bar for all of them.
    """

    size: int | None = None
    format: str = "png"
    seconds: float = SECONDS
    bars: bool = True

    def size_of(self, sides: tuple[int, int], output: Path) -> tuple[int, int]:
        """Size of a file, as the photo's height and width; a film at most `FILM_SIDE` by default."""
        ending = f".{self.format}" if output == STREAM else output.suffix.lower()
        limit = FILM_SIDE if FORMATS[ending].is_film else MAX_SIDE
        size = check_size(scaled_sides(sides, self.size or min(limit, max(sides)), max(sides)))
        FORMATS[ending].check_size(size)
        return size

    def save(self, painting: Painting, file: Path, size: tuple[int, int], paper: Paper | None) -> None:
        """Write a painting to a file, or to standard output."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"painting.{self.format}" if file == STREAM else file
            painting.save(path, size=size, paper=paper, seconds=self.seconds)
            if file == STREAM:
                sys.stdout.buffer.write(path.read_bytes())
                sys.stdout.buffer.flush()
        if painting.background is None and path.suffix.lower() not in KEEPS_ALPHA:
            logger.info("%s: transparent parts are white", file)


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
