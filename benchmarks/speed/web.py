"""The page's server against the same painting in Python, in turn: seconds to the first strokes and the end.

Run: python -m benchmarks.speed.web

The server runs in a thread of the same process; what a browser takes to draw is not in it.
"""

from __future__ import annotations

import json
import statistics
import threading
import time
import urllib.request
from collections.abc import Iterator

from skimage import data

import agents
from benchmarks.harness.tables import BenchmarkConfig, Table, at_most, main

PHOTO = "coffee"
FIRST_BAR = 0.6  # seconds
RATIO_BAR = 1.3


def tables(options: BenchmarkConfig) -> Iterator[Table]:
    """One row: medians of the pairs."""
    strokes, refine, pairs = options.pick((500, 200, 5), (10, 1, 1))
    import uvicorn  # of the extra [web]

    from agents.web.server import build_app

    server = uvicorn.Server(uvicorn.Config(build_app(), port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    address = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/api/paintings"
    policy = agents.load("pretrained")
    agents.paint_photo(getattr(data, PHOTO)(), 10, 1, policy)  # neither is cold
    times = []
    try:
        for _ in range(pairs):
            first, end = page_seconds(address, strokes, refine)
            start = time.perf_counter()
            agents.paint_photo(getattr(data, PHOTO)(), strokes, refine, policy)
            times.append((first, end, time.perf_counter() - start))
    finally:
        server.should_exit = True
        thread.join(20)
    first, page, python = map(statistics.median, zip(*times, strict=True))
    ratio = statistics.median(end / direct for _, end, direct in times)
    seconds = {"first strokes, s": first, "page, s": page, "agents.paint_photo, s": python, "ratio": ratio}
    yield "first strokes", [{"photo": PHOTO, "seconds": first} | at_most(first, FIRST_BAR)]
    yield f"{strokes} strokes, refined {refine} times", [seconds | at_most(ratio, RATIO_BAR)]


def page_seconds(address: str, strokes: int, refine: int) -> tuple[float, float]:
    """Seconds until the first strokes, and until the painting is done."""
    body = json.dumps({"photo": PHOTO, "strokes": strokes, "refine": refine}).encode()
    start, first = time.perf_counter(), 0.0
    request = urllib.request.Request(address, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        for line in answer:
            event = json.loads(line)["event"]
            first = first or (time.perf_counter() - start if event == "strokes" else 0.0)
            if event == "done":
                return first, time.perf_counter() - start
    raise RuntimeError("the server has not finished the painting")


if __name__ == "__main__":
    main(tables)
