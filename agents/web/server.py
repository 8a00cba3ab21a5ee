"""The server of the page: one worker, a bounded queue, limits on requests.

It stores nothing: a client holds its painting, and sends it back for a file or to go on with. A job is an
answer that is sent as lines of JSON while it is painted, so it ends when its client leaves.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse
from fastapi.staticfiles import StaticFiles
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agents.web.jobs import Event, PaintingJob, Stopped, export, photo_png, warm_up
from agents.web.requests import MAX_PARTS, MAX_REQUEST_BYTES, ExportRequest, PaintRequest, PhotoName
from paint_gym import __version__
from paint_gym.painting import FORMATS

WAITING = 8  # jobs, the one at work included; more are told that it is busy
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class JobQueue:
    """A queue of jobs for one thread; an `HTTPException` 503 refuses a job where too many wait."""

    def __init__(self) -> None:
        self.executor = ThreadPoolExecutor(1, "painter")
        self.count = 0

    def start(self, work: Callable[[Callable[[Event], None], threading.Event], None]) -> AsyncIterator[bytes]:
        """Events of a job, as lines of JSON; the job is stopped when nobody listens any more."""
        ahead = self._enter()
        loop, events, stop = asyncio.get_running_loop(), asyncio.Queue[Event | None](), threading.Event()

        def send(event: Event | None) -> None:
            if event is not None and event["event"] == "refined" and not events.empty():
                return  # a client that is slow gets fewer previews
            loop.call_soon_threadsafe(events.put_nowait, event)

        def job() -> None:
            try:
                if not stop.is_set():
                    work(send, stop)
            except Stopped as reason:
                send({"event": "stopped", "message": str(reason)})
            except (ValueError, OSError) as error:
                send({"event": "error", "message": str(error)})
            except (MemoryError, RuntimeError):
                send({"event": "error", "message": "this is too much for the server"})
            finally:
                loop.call_soon_threadsafe(self._leave)
                send(None)

        async def lines() -> AsyncIterator[bytes]:
            try:
                while (event := await events.get()) is not None:
                    yield json.dumps(event).encode() + b"\n"
            finally:
                stop.set()

        if ahead:
            send({"event": "queued", "ahead": ahead})
        self.executor.submit(job)
        return lines()

    async def run(self, work: Callable[[], bytes]) -> bytes:
        """The result of a job without events."""
        self._enter()
        try:
            return await asyncio.get_running_loop().run_in_executor(self.executor, work)
        finally:
            self._leave()

    def _enter(self) -> int:
        if self.count >= WAITING:
            raise HTTPException(503, f"busy: {self.count} paintings are waiting; try again in a minute")
        self.count += 1
        return self.count - 1

    def _leave(self) -> None:
        self.count -= 1


class Limits:
    """Middleware that refuses large and foreign requests, and adds headers to all answers."""

    def __init__(self, app: ASGIApp, hosts: tuple[str, ...]) -> None:
        self.app, self.hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        received = parts = 0

        async def limited_receive() -> Message:
            nonlocal received, parts
            message = await receive()
            body: bytes = message.get("body", b"")
            received += len(body)
            parts += sum(map(body.count, (b"[", b"{", b":")))  # before a parser makes objects of them
            if received > MAX_REQUEST_BYTES or parts > MAX_PARTS:
                raise HTTPException(413, TOO_LARGE)
            return message

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        with suppress(ClientDisconnect):  # while it sends
            await (self._refusal(Headers(scope=scope)) or self.app)(scope, limited_receive, send_with_headers)

    def _refusal(self, headers: Headers) -> Response | None:
        host, origin = headers.get("host", ""), headers.get("origin")
        if self.hosts and host.rsplit(":", 1)[0] not in self.hosts:  # a name of another site for this address
            return JSONResponse({"detail": "this server answers to its own name only"}, 400)
        if origin is not None and origin.split("://", 1)[-1] != host:
            return JSONResponse({"detail": "requests of other sites are refused"}, 403)
        return None


TOO_LARGE = f"at most {MAX_REQUEST_BYTES // 1_000_000} MB and {MAX_PARTS:,} lists and fields can be sent"


LOCAL_HOSTS = ("127.0.0.1", "localhost", "[::1]")


def build_app(hosts: tuple[str, ...] = LOCAL_HOSTS) -> FastAPI:
    """The application; `hosts` are the names by which it may be called, none for any."""
    jobs = JobQueue()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        jobs.executor.submit(warm_up)
        yield
        jobs.executor.shutdown(wait=False, cancel_futures=True)

    app = FastAPI(title="Paint Gym", version=__version__, docs_url=None, redoc_url=None, lifespan=lifespan)
    app.add_middleware(Limits, hosts=hosts)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        """One sentence about the first wrong field, without the request."""
        first = error.errors()[0]
        place, *names = first["loc"]
        if place == "path":
            return JSONResponse({"detail": "there is no such photo"}, 404)
        field = ascii(".".join(map(str, names)))[1:-1][:50] or "the request"
        return JSONResponse({"detail": f"{field}: {first['msg'][:200]}"}, 422)

    @app.exception_handler(ValueError)
    async def refused(request: Request, error: ValueError) -> JSONResponse:
        """A painting that cannot become a file."""
        return JSONResponse({"detail": str(error)}, 422)

    @app.get("/api/photos/{name}.png", response_class=Response)
    def photo(name: PhotoName) -> Response:
        """One of scikit-image's photos."""
        return Response(photo_png(name), media_type="image/png")

    @app.post("/api/paintings", response_class=StreamingResponse)
    async def paintings(options: PaintRequest) -> StreamingResponse:
        """Paint a picture: lines of JSON, each an event, as the strokes are painted."""
        lines = jobs.start(lambda send, stop: PaintingJob(options, send, stop).run())
        return StreamingResponse(lines, media_type="application/x-ndjson")

    @app.post("/api/files", response_class=Response)
    async def files(options: ExportRequest) -> Response:
        """A painting as a file."""
        content = await jobs.run(lambda: export(options))
        name = f'attachment; filename="painting.{options.format}"'
        media_type = FORMATS[f".{options.format}"].media_type
        return Response(content, media_type=media_type, headers={"Content-Disposition": name})

    app.mount("/", StaticFiles(packages=[("agents.web", "static")], html=True))
    return app
