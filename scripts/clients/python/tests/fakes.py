"""Servers that behave as a test wants it, on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import http.server
import json
import logging
import threading
from http import HTTPStatus
from typing import Any, AsyncIterator, Awaitable, Callable, Iterator

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from effect_voice import Session
from effect_voice.messages import MOVED_SUBPROTOCOL, SUBPROTOCOL

# a client that is gone is what these tests are about
logging.getLogger("websockets.server").setLevel(logging.CRITICAL)
logging.getLogger("asyncio").setLevel(logging.ERROR)

TOKEN = "tok-5f.x_y"
ROUTE = "/v1/sessions/ses_1/audio"

Behaviour = Callable[[ServerConnection, int], Awaitable[None]]


def event(type: str, **body: Any) -> str:
    return json.dumps({"type": type, "seq": 1, "at_ms": 1, **body})


def started(resumed: bool = False, rate: int = 24_000) -> str:
    return event("session.started", input={"sample_rate": 16_000}, output={"sample_rate": rate}, resumed=resumed)


def port_of(server: Server) -> int:
    return int(next(iter(server.sockets)).getsockname()[1])


class FakeServer:
    """A server of the protocol; `behave` gets each connection and its number, from 0."""

    def __init__(self, behave: Behaviour, *, moved: bool = False) -> None:
        self.behave = behave
        self.moved = moved
        self.offered: list[list[str]] = []
        self.paths: list[str] = []
        self.refuse: Callable[[int], Response | None] = lambda number: None
        self.port = 0

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}{ROUTE}"

    def session(self) -> Session:
        return Session(connection_url=self.url, token=TOKEN)

    def _request(self, connection: ServerConnection, request: Request) -> Response | None:
        self.offered.append(request.headers.get("Sec-WebSocket-Protocol", "").split(", "))
        self.paths.append(request.path)
        return self.refuse(len(self.offered) - 1)

    def _select(self, connection: ServerConnection, offered: Any) -> Any:
        return MOVED_SUBPROTOCOL if self.moved and MOVED_SUBPROTOCOL in offered else SUBPROTOCOL

    async def _serve(self, connection: ServerConnection) -> None:
        await self.behave(connection, len(self.offered) - 1)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["FakeServer"]:
        async with serve(
            self._serve,
            "127.0.0.1",
            0,
            process_request=self._request,
            select_subprotocol=self._select,
            compression=None,
            max_size=None,
            ping_interval=None,
            close_timeout=0.5,
        ) as server:
            self.port = port_of(server)
            yield self


def refusal(status: int, body: bytes = b"", **headers: str) -> Response:
    every = Headers({"Connection": "close", "Content-Length": str(len(body)), **headers})
    return Response(status, HTTPStatus(status).phrase, every, body)


async def until_closed(connection: ServerConnection) -> list[Any]:
    """Everything that the client sends until it is gone."""
    return [each async for each in connection]


@contextlib.contextmanager
def http_server(answer: Callable[[http.server.BaseHTTPRequestHandler, int], None]) -> Iterator[str]:
    """An HTTP server whose every POST is answered by `answer`, with its number; gives its address."""
    count = iter(range(1_000_000))

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            answer(self, next(count))

        do_GET = do_POST

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def reply(handler: http.server.BaseHTTPRequestHandler, status: int, body: Any, **headers: str) -> None:
    """Answers with JSON."""
    encoded = json.dumps(body).encode()
    handler.send_response(status)
    for name, value in {"content-length": str(len(encoded)), **headers}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(encoded)


async def patience(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Waits until a condition holds."""

    async def poll() -> None:
        while not condition():
            await asyncio.sleep(0.005)

    await asyncio.wait_for(poll(), seconds)
