"""Seconds until the page has strokes to show: the first of them, and all, after a picture was sent.

Run: python -m benchmarks.speed.web

The server runs in a thread of the same process; what a browser takes to draw a bundle is not in it.
"""

from __future__ import annotations

import json
import statistics
import threading
import time
import urllib.request
from collections.abc import Iterator

from benchmarks.harness.measure import Row
from benchmarks.harness.tables import BenchmarkConfig, Table, at_most, main

FIRST_BAR = 1.5  # seconds
ALL_BAR = 6.0


def tables(options: BenchmarkConfig) -> Iterator[Table]:
    """A row for the first bundle, and one for all strokes."""
    strokes, repeats = options.pick((500, 5), (10, 1))
    import uvicorn  # of the extra [web]

    from agents.web.server import build_app

    server = uvicorn.Server(uvicorn.Config(build_app(), port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    address = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/api/paintings"
    try:
        times = [paint(address, strokes) for _ in range(repeats)]
    finally:
        server.should_exit = True
        thread.join(20)
    first, last = (statistics.median(seconds) for seconds in zip(*times, strict=True))
    rows: list[Row] = [
        {"what": "first strokes", "seconds": first} | at_most(first, FIRST_BAR),
        {"what": f"{strokes} strokes", "seconds": last} | at_most(last, ALL_BAR),
    ]
    yield "after a picture was sent", rows


def paint(address: str, strokes: int) -> tuple[float, float]:
    """Seconds until the first strokes, and until all."""
    body = json.dumps({"photo": "coffee", "strokes": strokes, "refine": 0}).encode()
    began, first, count = time.perf_counter(), 0.0, 0
    request = urllib.request.Request(address, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        for line in answer:
            event = json.loads(line)
            if event["event"] == "strokes":
                first = first or time.perf_counter() - began
                count += len(event["strokes"])
                if count == strokes:
                    return first, time.perf_counter() - began
    raise RuntimeError(f"the server painted {count} of {strokes} strokes")


if __name__ == "__main__":
    main(tables)
