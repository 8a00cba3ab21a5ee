"""``paint-gym paint``: photos of any size and aspect, painted by an agent, as pictures, strokes or films."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from tqdm.contrib.logging import logging_redirect_tqdm

from agents.cli.batch import BATCH, BatchPainter, PhotoResult
from agents.cli.output_checks import check_distinct, check_outputs, check_outside
from agents.cli.outputs import NAME, OutputOptions, PhotoFiles, output_files, shard_of
from agents.cli.paint_flags import Paint
from agents.cli.paint_options import inputs_of, painter_of
from agents.cli.pictures import find_pictures, path_of, stem_of
from agents.cluster import run_on_cluster
from agents.common.signals import StopSignals
from agents.painting.photo import Photo, PhotoPainter
from paint_gym.utils.files import write_text, writing
from paint_gym.utils.progress import progress

logger = logging.getLogger(__name__)
TASK = 4  # photos of a task on a cluster: few, so that all nodes have some, and little is lost with a node


def paint_pictures(command: Paint) -> None:
    """Paint and write; options that cannot work are refused before the work.

    SIGINT or SIGTERM during refinement ends it: the paintings are written as they are, and nothing else. A
    command that skips existing files (`Paint.completes`) does not write them, so as to paint them again. The
    exit status is then 128 and the signal's number.
    """
    photos = find_pictures(command.images)
    suffix = "-{strokes}" if len(command.budgets) > 1 else ""
    patterns = command.output or (f"{{name}}-painted{suffix}.{command.format}",)
    items = output_files(photos, patterns, command.budgets, command.format)
    check_distinct(items)
    items = items if command.many.shard is None else shard_of(items, command.many.shard)
    painter = painter_of(command, patterns, len(photos))
    _check_files(command, photos, items)
    if command.completes and not command.overwrite:
        items = _without_painted(items)
    signals, failed = StopSignals(), []
    total = sum(len(item.budgets) for item in items)
    bar = progress(total=total, desc="paintings", unit="painting", disable=len(items) < 2)
    with bar, logging_redirect_tqdm():
        for result in _paint(command, painter, items, signals, bars=len(photos) == 1):
            if result.error is None:
                _report(command, result)
            elif len(photos) == 1 or not command.many.skip_bad:
                raise result.error
            else:
                logger.warning("%s is not painted: %s", result.photo, result.error)
                failed.append(str(result.photo))
            bar.update()
            if signals.received is not None and not command.completes:
                names = _names(result.files)
                logger.info("stopped: %s is not refined to the end, nothing after it is painted", names)
    if signals.received is not None:
        logger.info("stopped; the same command goes on" if command.completes else "stopped")
        sys.exit(128 + signals.received)
    if failed:
        count = f"{len(failed)} of {len(items)}"
        raise ValueError(f"{count} pictures were not painted: {', '.join(sorted(failed))}")


def _check_files(command: Paint, photos: Sequence[Photo], items: Sequence[PhotoFiles]) -> None:
    """Refuse files that cannot be written, or that two things would be written to."""
    files, report = [file for item in items for file in item.files], command.many.report
    inputs, palette = [*inputs_of(command), *map(path_of, photos)], command.look.save_palette
    palettes = [] if palette is None else [_palette_file(palette, photo) for photo in photos]
    if len(set(palettes)) < len(palettes):
        raise ValueError(f"{palette} is one file for several palettes; write {NAME} into its name")
    if set(palettes) & {*files, report}:
        raise ValueError(f"{palette} cannot be the palette and another output")
    check_outputs([*files, *palettes], inputs, command.overwrite or command.completes)
    if report is not None:
        check_outputs([report], [*inputs, *files], overwrite=True)
        if report in files:
            raise ValueError(f"{report} cannot be the report and a painting")
    if command.completes:
        check_outside(command.images, files)


def _without_painted(items: list[PhotoFiles]) -> list[PhotoFiles]:
    """The photos and numbers of strokes that have no files yet."""
    budgets = [tuple(b for b in item.budgets if not all(file.exists() for file in b[1])) for item in items]
    missing = [replace(item, budgets=b) for item, b in zip(items, budgets, strict=True) if b]
    if len(missing) < len(items):
        logger.info("%d of %d pictures are painted already", len(items) - len(missing), len(items))
    return missing


def _paint(
    command: Paint, painter: PhotoPainter, items: list[PhotoFiles], signals: StopSignals, bars: bool
) -> Iterator[PhotoResult]:
    """Paint here, or on a cluster."""
    output = OutputOptions(command.size, command.format, command.seconds, bars)
    if command.many.ray is not None:
        tasks = [items[first : first + TASK] for first in range(0, len(items), TASK)]
        shared, stop = (painter, output), lambda: signals.received is not None
        results = run_on_cluster(_paint_task, shared, tasks, command.many.ray, command.imports, stop=stop)
        with signals:
            for task, answer in results:
                if isinstance(answer, RuntimeError):
                    answer = [PhotoResult(item.photo, error=ValueError(str(answer))) for item in task]
                elif isinstance(answer, Exception):
                    raise answer
                yield from answer
        return
    if command.many.shard is not None and "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(1)  # the other processors are for other shards
    batch_painter = BatchPainter(painter, output, signals, unfinished=not command.completes)
    for first in range(0, len(items), size := BATCH if command.many.skip_bad else 1):
        yield from batch_painter.paint(items[first : first + size])
        if batch_painter.stopped:
            return


def _paint_task(shared: tuple[PhotoPainter, OutputOptions], items: list[PhotoFiles]) -> list[PhotoResult]:
    """Paint on a node of a cluster."""
    return list(BatchPainter(*shared).paint(items))


def _report(command: Paint, result: PhotoResult) -> None:
    """Log a painting; write the palette chosen for it, and its line of the report."""
    line, palette, report = result.line, command.look.save_palette, command.many.report
    logger.info("%s: %d strokes in %.1f s", _names(result.files), line["strokes"], line["seconds"])
    if "palette" in line:
        logger.info("palette of %s: %s", result.photo, ",".join(line["palette"]))
        if palette is not None:
            write_text(_palette_file(palette, result.photo), "\n".join(line["palette"]) + "\n")
    if report is not None:
        report.parent.mkdir(parents=True, exist_ok=True)
        with writing(report), report.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")  # in one write, so that several processes can share it


def _names(files: Sequence[Path]) -> str:
    return ", ".join(map(str, files))


def _palette_file(pattern: Path, photo: Photo) -> Path:
    return Path(str(pattern).replace(NAME, stem_of(photo)))
