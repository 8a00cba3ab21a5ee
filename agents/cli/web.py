"""``paint-gym web``: a page that paints photos, in the browser."""

from __future__ import annotations

import logging
import socket
from contextlib import suppress
from dataclasses import dataclass

from agents.cli.command import Command
from agents.common.config import check_ranges

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Web(Command):
    """Paint photos in the browser: a page, and the JSON API behind it (needs the extra [web])."""

    host: str = "127.0.0.1"
    """Address to listen on. With another address, other machines can open the page."""
    port: int = 8000
    """Port; 0 for any that is free."""

    def __post_init__(self) -> None:
        check_ranges(self, port=(0, 65_535))


def web(command: Web) -> None:
    """Serve until interrupted."""
    try:
        import uvicorn

        from agents.web.server import LOCAL_HOSTS, build_app
    except ModuleNotFoundError as error:
        raise ImportError(f"{error.name} is needed; install it with pip install 'paint-gym[web]'") from None
    listener = listen(command.host, command.port)
    host = f"[{command.host}]" if ":" in command.host else command.host
    if host not in LOCAL_HOSTS:
        logger.warning("everybody who reaches %s can paint here", host)
    app = build_app(LOCAL_HOSTS if host in LOCAL_HOSTS else ())
    logger.info("open http://%s:%d in a browser; Ctrl-C ends it", host, listener.getsockname()[1])
    config = uvicorn.Config(
        app, log_level="warning", limit_concurrency=64, timeout_keep_alive=10, server_header=False,
        timeout_graceful_shutdown=1,
    )  # fmt: skip
    with suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listener])


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; a `ValueError` says why there is none."""
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except (OSError, UnicodeError) as error:
        reason = str(getattr(error, "strerror", "not a host")).split(" (")[0]
        advice = "choose another --host or --port"
        raise ValueError(f"cannot listen on {host}, port {port}: {reason}; {advice}") from None
