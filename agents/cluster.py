"""Work on a Ray cluster: independent tasks, done again elsewhere when a node is lost.

All nodes see the files of a shared folder, under the same path. Ray runs what it is sent: whoever reaches the
ports of a cluster commands its machines.
"""

from __future__ import annotations

import contextlib
import logging
import os
import platform
import signal
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

import torch

import paint_gym
from paint_gym.utils.registry import import_module

RETRIES = 5  # for a task whose node or process is lost
SECONDS = 5.0  # for a cluster to answer
Task = TypeVar("Task")
Answer = TypeVar("Answer")
Shared = TypeVar("Shared")


class NodeError(ValueError):
    """A node that cannot do any task: other versions, no shared folder, or a module is missing."""


def run_on_cluster(
    function: Callable[[Shared, Task], Answer],
    shared: Shared,
    tasks: Iterable[Task],
    address: str,
    modules: tuple[str, ...] = (),
    processors: int = 1,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[tuple[Task, Answer | Exception]]:
    """Call a function for each task, on all processors of a cluster, in any order.

    Args:
        function: function of a module that all nodes have; the same answer wherever it is called.
        shared: its first argument, sent to each node once.
        tasks: its second arguments; no more are read than the processors can take soon.
        address: "local" for the processors of this machine, "auto" for the cluster that this machine is part
            of, or the address of one, as in "10.0.0.1:6379" or "ray://head:10001".
        modules: modules to import first, such as those that register strokes.
        processors: processors for each task.
        stop: asked each second; True drops the tasks that have not finished.

    Yields:
        Each task, and its answer or the error that it ended with.

    Raises:
        ModuleNotFoundError: Ray is not installed.
        ConnectionError: there is no such cluster.
        ValueError: no node has so many processors; or a node has other versions, or not the folder.
    """
    ray = _connect(address)
    try:
        largest = max([node["Resources"].get("CPU", 0) for node in ray.nodes()], default=0)
        if largest < processors:
            raise ValueError(f"a task takes {processors} processors, and the largest node has {largest:g}")
        remote = ray.remote(num_cpus=processors, max_retries=RETRIES)(_call)
        setting = [ray.put(shared)]  # in a list, so that it is not unpacked before the modules are imported
        waiting: dict[Any, Task] = {}
        coming = iter(tasks)
        while True:
            room = 2 * max(1, int(ray.cluster_resources().get("CPU", 1)) // processors) - len(waiting)
            for task in islice(coming, max(0, room)):
                waiting[remote.remote(versions(), os.getcwd(), modules, function, setting, task)] = task
            if not waiting:
                return
            finished, _ = ray.wait(list(waiting), num_returns=1, timeout=1)
            if stop():
                return
            for reference in finished:
                yield waiting.pop(reference), _answer(ray, reference)
    finally:
        ray.shutdown()


def versions() -> dict[str, str]:
    """Versions that must be the same on all nodes, for the same bytes."""
    python = ".".join(platform.python_version_tuple()[:2])
    return {"paint_gym": paint_gym.__version__, "torch": torch.__version__, "Python": python}


def _call(
    expected: dict[str, str],
    folder: str,
    modules: tuple[str, ...],
    function: Callable[[Any, Any], Any],
    setting: list[Any],
    task: Any,
) -> Any:
    """Run a task on a node, in the folder of the command."""
    import ray

    if (have := versions()) != expected:
        raise NodeError(f"node {platform.node()} has {have}, and this machine {expected}; install the same")
    if not os.path.isdir(folder):
        raise NodeError(f"node {platform.node()} has no folder {folder}; share it between the nodes")
    try:
        for name in modules:
            import_module(name)
        shared = ray.get(setting[0])
    except (ImportError, ValueError) as error:
        raise NodeError(f"node {platform.node()} cannot import what this machine can: {error}") from error
    with contextlib.chdir(folder):
        return function(shared, task)


def _answer(ray: Any, reference: Any) -> Any:
    """The answer of a task, or its error.

    Raises:
        ValueError: its node cannot do any task.
    """
    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, NodeError):
            raise ValueError(str(error.cause)) from None
        return error.cause
    except ray.exceptions.RayError as error:
        return RuntimeError(f"lost {RETRIES + 1} times: {_one_line(error)}")


def _connect(address: str) -> Any:
    try:
        import ray
    except ModuleNotFoundError as error:
        if error.name != "ray":
            raise
        raise ModuleNotFoundError("--ray needs Ray: pip install 'paint-gym[cluster]'", name="ray") from None
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    check_address(address)
    local: dict[str, Any] = {"include_dashboard": False} if address == "local" else {}
    on_main_thread = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **local)
    except ConnectionError as error:
        advice = (
            "; start one by `ray start --head`, or use --ray local"
            if address == "auto"
            else "; if it asks for a token, set RAY_AUTH_MODE=token and copy its ~/.ray/auth_token"
        )
        raise ConnectionError(f"no Ray cluster at {address!r}: {_one_line(error)}{advice}") from error
    except (RuntimeError, ValueError) as error:  # another version of Ray or Python, or not an address
        raise ValueError(f"cannot join the Ray cluster at {address!r}: {_one_line(error)}") from error
    finally:
        if on_main_thread:
            signal.signal(signal.SIGTERM, handler)  # Ray takes it over
    return ray


def check_address(address: str) -> None:
    """Refuse an address where nobody answers; Ray would wait for minutes.

    Raises:
        ConnectionError: nobody answers.
        ValueError: not an address.
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
    """The start of an error of Ray, which may have pages."""
    return " ".join(str(error).split())[:300]
