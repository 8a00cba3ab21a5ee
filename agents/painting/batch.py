"""Batches of photos: painted in turn, refined together where they are of one size, and written.

A painting is the same, bit by bit, whichever paintings it is refined with: it depends on its own pixels only.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from agents.common.signals import StopSignals
from agents.painting.photo import PaintJob, Photo, PhotoPainter, psnr_of, scaled_sides
from paint_gym.painting import FORMATS, MAX_SIDE, Painting, check_film, check_size
from paint_gym.utils.progress import progress

BATCH = 16  # photos
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

    Attributes:
        photo: the photo.
        files: files of the painting.
        line: line of the report.
        error: reason why the photo is not painted.
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
    seconds: float = 8.0
    bars: bool = True

    def size_of(self, job: PaintJob, output: Path) -> tuple[int, int]:
        """Size of a file, in the photo's aspect: as large as the photo; films as large as the canvas.

        Raises:
            ValueError: larger than such a file can be.
        """
        longer = self.size
        ending = f".{self.format}" if output == STREAM else output.suffix.lower()
        if longer is None:
            is_film = FORMATS[ending].is_film
            longer = max(job.target.shape[2:]) if is_film else min(MAX_SIDE, max(job.photo_size))
        size = check_size(scaled_sides(job.photo_size, longer))
        check_film(size, ending)
        return size


@dataclass(frozen=True)
class _Draft:
    """A painting before its refinement."""

    job: PaintJob
    painting: Painting
    result: PhotoResult
    sizes: tuple[tuple[int, int], ...]
    seconds: float


class BatchPainter:
    """Paints photos and writes the paintings.

    Args:
        painter: how to paint.
        output: options of the files.
        signals: a signal during refinement ends it, and nothing after it is painted; None leaves signals to
            others, as on a node of a cluster.
        unfinished: write paintings whose refinement a signal has stopped.
    """

    def __init__(
        self,
        painter: PhotoPainter,
        output: OutputOptions,
        signals: StopSignals | None = None,
        unfinished: bool = True,
    ) -> None:
        self.painter, self.output, self.signals, self.unfinished = painter, output, signals, unfinished

    @property
    def stopped(self) -> bool:
        """Whether a signal has been received."""
        return self.signals is not None and self.signals.received is not None

    def paint(self, batch: Sequence[PhotoFiles]) -> Iterator[PhotoResult]:
        """Paint a batch; a photo that cannot be read does not keep the others.

        Raises:
            OSError: a file cannot be written.
        """
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
        sizes = tuple(self.output.size_of(job, file) for file in files)
        init = self.painter.init
        total = max(0, strokes - (0 if init is None else len(init)))
        with progress(total=total, desc="painting", unit="stroke", within=not self.output.bars) as bar:

            def on_bundle(l2: float) -> None:
                bar.update(self.painter.policy.bundle)
                bar.set_postfix(l2=f"{l2:.4f}", refresh=False)

            painting = self.painter.paint(job, strokes, on_bundle)
        return _Draft(job, painting, PhotoResult(photo, files), sizes, time.monotonic() - start)

    def _groups(self, drafts: Sequence[_Draft]) -> Iterator[list[_Draft]]:
        """Drafts that can be refined together."""
        groups: dict[Any, list[_Draft]] = {}
        for index, draft in enumerate(drafts):
            single = index if self.painter.refines_alone else None
            weighted = draft.job.options.weight is not None
            key = (draft.job.target.shape, len(draft.painting), weighted, single)
            groups.setdefault(key, []).append(draft)
        for (shape, *_), group in groups.items():
            count = max(1, PIXELS // (shape[2] * shape[3]))
            yield from (group[first : first + count] for first in range(0, len(group), count))

    def _refine(self, group: Sequence[_Draft]) -> list[Painting]:
        iterations = self.painter.iterations
        if not iterations:
            return [draft.painting for draft in group]
        with self.signals or nullcontext():  # before the bar, which tells users that they may stop
            bar = progress(total=iterations, desc="refining", unit="iteration", within=not self.output.bars)

            def on_iteration(l2: float) -> bool:
                bar.update()
                bar.set_postfix(l2=f"{l2:.4f}", refresh=False)
                return self.stopped

            jobs, paintings = [draft.job for draft in group], [draft.painting for draft in group]
            with bar:
                return self.painter.refine(jobs, paintings, on_iteration)

    def _write(self, draft: _Draft, painting: Painting, seconds: float) -> PhotoResult:
        start, result = time.monotonic(), draft.result
        for file, size in zip(result.files, draft.sizes, strict=True):
            self._save(painting, file, size)
        l2 = self.painter.l2(draft.job, painting)
        line = {
            "picture": str(result.photo), "files": [str(file) for file in result.files],
            "size": list(painting.size), "strokes": len(painting), "l2": l2, "psnr": psnr_of(l2),
            "seconds": round(seconds + time.monotonic() - start, 3),
        }  # fmt: skip
        return replace(result, line=line)

    def _save(self, painting: Painting, file: Path, size: tuple[int, int]) -> None:
        """Write a painting to a file, or to standard output."""
        paper, seconds = self.painter.paper, self.output.seconds
        if file != STREAM:
            painting.save(file, size=size, paper=paper, seconds=seconds)
            return
        with tempfile.TemporaryDirectory() as folder:
            temporary = Path(folder) / f"painting.{self.output.format}"
            painting.save(temporary, size=size, paper=paper, seconds=seconds)
            sys.stdout.buffer.write(temporary.read_bytes())
            sys.stdout.buffer.flush()
