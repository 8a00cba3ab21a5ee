"""Work on a Ray cluster: independent tasks, done again elsewhere when a node is lost.

Ray runs what it is sent: whoever reaches the ports of a cluster commands its machines.
"""

from __future__ import annotations

import logging
import os
import platform
import signal
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from types import ModuleType
from typing import Any, TypeVar

import torch

import paint_gym
from paint_gym.utils.registry import import_module

TRIES = 5  # more, for a task whose node or process is lost
SECONDS = 5.0  # for a cluster to answer
SILENT = 60  # seconds without an answer, after which that is said
logger = logging.getLogger(__name__)
Task = TypeVar("Task")
Answer = TypeVar("Answer")
Shared = TypeVar("Shared")


def run_on_cluster(
    function: Callable[[Shared, Task], Answer],
    shared: Shared,
    tasks: Iterable[Task],
    address: str,
    modules: tuple[str, ...] = (),
    processors: int = 1,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[tuple[Task, Answer | Exception]]:
    """Call a function for each task, on all processors of a cluster, in whatever order they finish.

    Tasks and answers go by Ray: no folder needs to be shared. No more tasks wait than the processors can take
    soon, so that a long list of them is read as it is needed.

    Args:
        function: of a module that all nodes have; the same answer wherever it is called.
        shared: its first argument, sent to each node once.
        tasks: its second.
        address: "local" for the processors of this machine, "auto" for the cluster that this machine is part
            of, or the address of one, as in "10.0.0.1:6379" or "ray://head:10001".
        modules: to be imported first, such as those that register strokes.
        processors: that a task takes.
        stop: asked each second; if it says so, what has not finished is left.

    Yields:
        Each task, and its answer or the error that it ended with.

    Raises:
        ModuleNotFoundError: Ray is not installed.
        ConnectionError: there is no such cluster.
        ValueError: a node has another version of Python, torch or paint_gym.
    """
    ray = _connect(address)
    try:
        remote = ray.remote(num_cpus=processors, max_retries=TRIES)(_call)
        kept = [ray.put(shared)]  # in a list, so that it is not unpacked before the modules are there
        waiting: dict[Any, Task] = {}
        coming = iter(tasks)
        silent = 0
        while True:
            at_once = int(ray.cluster_resources().get("CPU", 1)) // processors
            room = 2 * max(1, at_once) - len(waiting)
            for task in islice(coming, max(0, room)):
                waiting[remote.remote(versions(), modules, function, kept, task)] = task
            if not waiting:
                return
            done, _ = ray.wait(list(waiting), num_returns=1, timeout=1)
            if stop():
                return
            silent = 0 if done else silent + 1
            if silent and silent % SILENT == 0:
                logger.warning(
                    "no task has finished for %d s; a task takes %d processors, %g are free, and the largest "
                    "node has %g", silent, processors, ray.available_resources().get("CPU", 0),
                    max([node["Resources"].get("CPU", 0) for node in ray.nodes()], default=0),
                )  # fmt: skip
            for each in done:
                yield waiting.pop(each), _answer(ray, each)
    finally:
        ray.shutdown()


def versions() -> dict[str, str]:
    """What must be the same on all nodes, for the same bytes."""
    python = ".".join(platform.python_version_tuple()[:2])
    return {"paint_gym": paint_gym.__version__, "torch": torch.__version__, "Python": python}


def _call(
    wanted: dict[str, str],
    modules: tuple[str, ...],
    function: Callable[[Any, Any], Any],
    kept: list[Any],
    task: Any,
) -> Any:
    """On a node."""
    import ray

    here = versions()
    if here != wanted:
        have, want = (
            ", ".join(f"{name} {number}" for name, number in some.items()) for some in (here, wanted)
        )
        raise _WrongNodeError(
            f"node {platform.node()} has {have}, and this machine {want}; install the same on all"
        )
    for name in modules:
        import_module(name)
    return function(ray.get(kept[0]), task)


class LostTaskError(RuntimeError):
    """Its node or process was lost, and so were those that tried again."""


class _WrongNodeError(ValueError):
    """No node of this kind can do any task."""


def _answer(ray: ModuleType, reference: Any) -> Any:
    """What a task gave, or its error.

    Raises:
        ValueError: its node cannot do any.
    """
    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        cause = error.cause
        if isinstance(cause, _WrongNodeError):
            raise ValueError(str(cause)) from None
        if isinstance(cause, ModuleNotFoundError):
            raise ValueError(f"a node cannot import what this machine can: {cause}") from None
        return cause
    except ray.exceptions.RayError as error:
        return LostTaskError(f"lost {TRIES + 1} times: {_one_line(error)}")


def _connect(address: str) -> ModuleType:
    try:
        import ray
    except ModuleNotFoundError as error:
        if error.name != "ray":
            raise
        raise ModuleNotFoundError("--ray needs Ray: pip install 'paint-gym[cluster]'", name="ray") from None
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    check_address(address)
    local: dict[str, Any] = {"include_dashboard": False} if address == "local" else {}
    try:
        with _own_signals():
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **local)
    except ConnectionError as error:
        advice = (
            "; start one by `ray start --head`, or use --ray local"
            if address == "auto"
            else "; if it asks for a token, set RAY_AUTH_MODE=token and copy its ~/.ray/auth_token"
        )
        raise ConnectionError(f"no Ray cluster at {address!r}: {_one_line(error)}{advice}") from error
    except (RuntimeError, ValueError) as error:  # of another version of Ray or Python, or no address
        raise ValueError(f"cannot join the Ray cluster at {address!r}: {_one_line(error)}") from error
    return ray


@contextmanager
def _own_signals() -> Iterator[None]:
    """Keep this process's own answer to SIGTERM, which Ray takes over."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def check_address(address: str) -> None:
    """Refuse at once an address where nobody answers: Ray would wait for minutes.

    Raises:
        ConnectionError: nobody answers.
        ValueError: it is no address.
    """
    if address in ("auto", "local"):
        return
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not (host and port.isascii() and port.isdecimal() and 0 < int(port) < 2**16):
        raise ValueError(f"ray is local, auto or an address, as in 10.0.0.1:6379, not {address!r}")
    try:
        socket.create_connection((host.strip("[]"), int(port)), SECONDS).close()
    except OSError as error:
        raise ConnectionError(f"no Ray cluster at {address!r}: {error}") from error


def _one_line(error: Exception) -> str:
    """Ray's errors are pages."""
    return " ".join(str(error).split())[:300]
