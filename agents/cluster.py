"""Work on a Ray cluster: independent tasks, done again elsewhere when a node is lost.

All nodes see the files of a shared folder, under the same path.
"""

from __future__ import annotations

import contextlib
import logging
import os
import platform
import signal
import socket
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
    """A node with other versions, without the shared folder, or without a module."""


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
        function: function of a module that all nodes have.
        shared: its first argument, sent to each node once.
        tasks: its second arguments, read as they are needed.
        address: "local", "auto", or an address, as in "10.0.0.1:6379" or "ray://head:10001".
        modules: modules to import first, such as those that register strokes.
        processors: processors for each task.
        stop: asked each second; True drops the tasks that have not finished.

    Yields:
        Each task, and its answer or error.

    Raises:
        ModuleNotFoundError: Ray is not installed.
        ConnectionError: there is no such cluster.
        ValueError: no node has so many processors, or a node cannot do the tasks.
    """
    ray = _connect(address)
    try:
        largest = max([node["Resources"].get("CPU", 0) for node in ray.nodes()], default=0)
        if largest < processors:
            raise ValueError(f"a task takes {processors} processors, and the largest node has {largest:g}")
        remote = ray.remote(num_cpus=processors, max_retries=RETRIES)(_call)
        setting = [ray.put(shared)]  # in a list, so that it is not unpacked before the modules are imported
        job = {"versions": versions(), "folder": os.getcwd(), "modules": modules, "function": function}
        waiting: dict[Any, Task] = {}
        coming = iter(tasks)
        while True:
            room = 2 * max(1, int(ray.cluster_resources().get("CPU", 1)) // processors) - len(waiting)
            for task in islice(coming, max(0, room)):
                waiting[remote.remote(job, setting, task)] = task
            if not waiting:
                return
            finished, _ = ray.wait(list(waiting), num_returns=1, timeout=1)
            for reference in finished:
                yield waiting.pop(reference), _answer(ray, reference)
            if stop():
                return
    finally:
        ray.shutdown()


def versions() -> dict[str, str]:
    """Versions that must be the same on all nodes, for the same bytes."""
    python = ".".join(platform.python_version_tuple()[:2])
    return {"paint_gym": paint_gym.__version__, "torch": torch.__version__, "Python": python}


def _call(job: dict[str, Any], setting: list[Any], task: Any) -> Any:
    """Run a task on a node, in the folder of the command."""
    import ray

    expected, folder = job["versions"], job["folder"]
    if (have := versions()) != expected:
        raise NodeError(f"node {platform.node()} has {have}, and this machine {expected}; install the same")
    if not os.path.isdir(folder):
        raise NodeError(f"node {platform.node()} has no folder {folder}; share it between the nodes")
    try:
        for name in job["modules"]:
            import_module(name)
        shared = ray.get(setting[0])
    except (ImportError, ValueError) as error:
        raise NodeError(f"node {platform.node()} cannot import what this machine can: {error}") from error
    with contextlib.chdir(folder):
        return job["function"](shared, task)


def _answer(ray: Any, reference: Any) -> Any:
    """The answer of a task, or its error; raise where its node cannot do any task."""
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
    except ModuleNotFoundError:
        raise ModuleNotFoundError("--ray needs Ray: pip install 'paint-gym[cluster]'", name="ray") from None
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    local: dict[str, Any] = {"include_dashboard": False} if address == "local" else {}
    host, _, port = address.removeprefix("ray://").rpartition(":")
    handler = signal.getsignal(signal.SIGTERM)
    try:
        if port.isdecimal():  # Ray would wait for minutes where nobody answers
            socket.create_connection((host.strip("[]"), int(port)), SECONDS).close()
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **local)
    except OSError as error:
        advice = "start one by `ray start --head`, or use --ray local"
        raise ConnectionError(f"no Ray cluster at {address!r}: {_one_line(error)}; {advice}") from error
    except (RuntimeError, ValueError) as error:  # other versions, or not an address
        raise ValueError(f"cannot join the Ray cluster at {address!r}: {_one_line(error)}") from error
    finally:
        signal.signal(signal.SIGTERM, handler)  # Ray takes it over
    return ray


def _one_line(error: Exception) -> str:
    """The start of an error of Ray, which may have pages."""
    return " ".join(str(error).split())[:300]
