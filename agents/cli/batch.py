"""A few pictures at a time: painted one by one, refined together where they are of one size, and written.

A painting is the same, bit by bit, whichever others it is refined with: only its own pixels change it.
"""

from __future__ import annotations

import math
import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from agents.cli.pictures import Picture
from agents.cli.studio import Studio, Work
from agents.common.signals import NoSignals, StopSignals
from agents.painting.evaluation import l2_of
from paint_gym.painting import Painting
from paint_gym.utils.files import replace_when_done

BATCH = 16  # pictures
SENT = 4  # pictures, to a node of a cluster: few, so that all have some, and little is lost with one
PIXELS = 2**20  # of canvases that are refined together: 16 of 256 x 256


@dataclass(frozen=True)
class Job:
    """A picture, and of each number of strokes the files that its painting is written to."""

    picture: Picture
    budgets: tuple[tuple[int, tuple[Path, ...]], ...]


@dataclass(frozen=True)
class Outcome:
    """A painting that is written, or why a picture is not painted.

    Attributes:
        picture: what it is of.
        files: where the painting is.
        line: what a report says of it.
        error: why there is none.
    """

    picture: Picture
    files: tuple[Path, ...] = ()
    line: dict[str, Any] | None = None
    error: ValueError | OSError | None = None


@dataclass(frozen=True)
class _Draft:
    """What the agent has painted."""

    work: Work
    painting: Painting
    outcome: Outcome
    sizes: tuple[tuple[int, int], ...]
    seconds: float


def slice_of(jobs: Sequence[Job], shard: str) -> list[Job]:
    """The part that a shard such as ``3/16`` has of jobs, whatever order they are in.

    Raises:
        ValueError: it is no such thing.
    """
    parts = re.fullmatch(r"(\d{1,7})/(\d{1,7})", shard)
    if parts is None or not 1 <= int(parts[1]) <= int(parts[2]):
        raise ValueError(f"shard is which of how many, as in 3/16, not {shard!r}")
    return sorted(jobs, key=lambda job: str(job.picture))[int(parts[1]) - 1 :: int(parts[2])]


def batches(jobs: Sequence[Job], size: int = BATCH) -> list[Sequence[Job]]:
    """The jobs in order, so many at a time."""
    return [jobs[first : first + size] for first in range(0, len(jobs), size)]


def paint_jobs(
    studio: Studio, jobs: Sequence[Job], signals: StopSignals, unfinished: bool = True
) -> Iterator[Outcome]:
    """Paint pictures and write the paintings; a picture that cannot be read does not keep the others.

    A signal while paintings are refined ends that, and nothing after it is painted.

    Args:
        studio: how to paint.
        jobs: what.
        signals: what is received.
        unfinished: whether paintings that a signal has kept from being refined are written as they are.

    Raises:
        OSError: a file cannot be written.
    """
    drafts = []
    for job in jobs:
        try:
            work = studio.look_at(job.picture)
            drafts += [_draft(studio, work, job.picture, *budget) for budget in job.budgets]
        except (ValueError, OSError) as error:
            yield Outcome(job.picture, error=error)
    for group in _groups(studio, drafts):
        began = time.monotonic()
        refined = studio.refine([one.work for one in group], [one.painting for one in group], signals)
        each = (time.monotonic() - began) / len(group)
        if signals.received is not None and not unfinished:
            return
        for draft, painting in zip(group, refined, strict=True):
            try:
                yield _written(studio, draft, painting, draft.seconds + each)
            except ValueError as error:
                yield replace(draft.outcome, files=(), error=error)
        if signals.received is not None:
            return


def _draft(studio: Studio, work: Work, picture: Picture, strokes: int, files: tuple[Path, ...]) -> _Draft:
    began = time.monotonic()
    sizes = tuple(studio.output_size(work, file) for file in files)
    return _Draft(work, studio.paint(work, strokes), Outcome(picture, files), sizes, time.monotonic() - began)


def _groups(studio: Studio, drafts: Sequence[_Draft]) -> Iterator[list[_Draft]]:
    """Those that can be refined together."""
    alike: dict[Any, list[_Draft]] = {}
    for index, draft in enumerate(drafts):
        alone = index if studio.refines_alone else None
        key = (draft.work.target.shape, len(draft.painting), draft.work.weight is None, alone)
        alike.setdefault(key, []).append(draft)
    for (shape, *_), group in alike.items():
        most = max(1, PIXELS // (shape[2] * shape[3]))
        yield from (group[first : first + most] for first in range(0, len(group), most))


def _written(studio: Studio, draft: _Draft, painting: Painting, seconds: float) -> Outcome:
    began, work = time.monotonic(), draft.work
    for file, size in zip(draft.outcome.files, draft.sizes, strict=True):
        studio.save(painting, file, size)
    l2 = l2_of(painting, work.target[0], easel=None if work.easel is None else work.easel[0])
    line = {
        "picture": str(draft.outcome.picture), "files": [str(file) for file in draft.outcome.files],
        "size": list(painting.size), "strokes": len(painting), "l2": l2,
        "psnr": -10 * math.log10(max(l2, 1e-10)), "seconds": round(seconds + time.monotonic() - began, 3),
    }  # fmt: skip
    return replace(draft.outcome, line=line)


def with_content(jobs: Sequence[Job]) -> list[Job]:
    """The same, for a machine that does not see the files."""
    return [replace(job, picture=job.picture.with_content()) for job in jobs]


def paint_elsewhere(studio: Studio, jobs: Sequence[Job]) -> list[tuple[Outcome, list[bytes]]]:
    """As `paint_jobs`, on another machine: files come back as their content."""
    with tempfile.TemporaryDirectory() as folder:
        there = {
            file: Path(folder) / f"{number}{file.suffix}"
            for number, file in enumerate(file for job in jobs for _, files in job.budgets for file in files)
        }
        back = {moved: file for file, moved in there.items()}
        moved = [
            replace(job, budgets=tuple((n, tuple(there[file] for file in files)) for n, files in job.budgets))
            for job in jobs
        ]
        done = []
        for outcome in paint_jobs(studio, moved, NoSignals()):
            files = tuple(back[file] for file in outcome.files)
            line = None if outcome.line is None else outcome.line | {"files": [str(file) for file in files]}
            contents = [file.read_bytes() for file in outcome.files]
            done.append((replace(outcome, files=files, line=line), contents))
        return done


def fetched(outcome: Outcome, contents: Sequence[bytes]) -> Outcome:
    """Write here what `paint_elsewhere` gave.

    Raises:
        OSError: a file cannot be written.
    """
    for file, content in zip(outcome.files, contents, strict=True):
        with replace_when_done(file) as temporary:
            temporary.write_bytes(content)
    return outcome
