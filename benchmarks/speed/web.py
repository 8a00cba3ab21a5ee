"""How soon the page has strokes to show: the first of them, and all, after a picture was sent.

Run: python -m benchmarks.speed.web --json benchmarks/results/web.json

The server runs in a thread of the same process; what a browser takes to draw a bundle is not in it.
"""

from __future__ import annotations

import json
import statistics
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.harness.tables import BenchmarkConfig, Row, Table, at_most, main

FIRST_BAR = 1.5  # seconds
ALL_BAR = 6.0


@dataclass(frozen=True)
class Web(BenchmarkConfig):
    """How soon the page has strokes to show."""

    strokes: int = 500
    """Strokes of a painting."""
    repeats: int = 5
    """Paintings; the figures are medians."""


def tables(options: Web) -> Iterator[Table]:
    """A row for the first bundle, and one for all strokes."""
    import uvicorn  # of the extra [web]

    from agents.web.server import build_app

    server = uvicorn.Server(uvicorn.Config(build_app(), port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        found = [
            _paint(f"http://127.0.0.1:{port}/api/paintings", options.strokes) for _ in range(options.repeats)
        ]
    finally:
        server.should_exit = True
        thread.join(20)
    rows: list[Row] = []
    for what, times, bar in zip(
        ("first strokes", f"{options.strokes} strokes"),
        zip(*found, strict=True),
        (FIRST_BAR, ALL_BAR),
        strict=True,
    ):
        seconds = statistics.median(times)
        rows.append({"what": what, "seconds": seconds} | at_most(seconds, bar))
    yield "after a picture was sent", rows


def _paint(address: str, strokes: int) -> tuple[float, float]:
    """Seconds until the first strokes, and until all."""
    body = json.dumps({"photo": "coffee", "strokes": strokes, "refine": 0}).encode()
    began, first, there = time.perf_counter(), 0.0, 0
    with urllib.request.urlopen(urllib.request.Request(address, body)) as answer:
        for line in answer:
            event = json.loads(line)
            if event["event"] == "strokes":
                first = first or time.perf_counter() - began
                there += len(event["strokes"])
                if there == strokes:
                    return first, time.perf_counter() - began
    raise RuntimeError(f"the server painted {there} of {strokes} strokes")


if __name__ == "__main__":
    main(Web, tables)
