"""One HTTP request by the standard library, off the event loop: bounded in time and size, and without redirects.

A key or a token goes to the address that it is meant for, and never where a redirect points. The proxies of the
environment (`http_proxy`, `https_proxy`, `no_proxy`) are used.
"""

from __future__ import annotations

import asyncio
import http.client
import socket
import ssl
import threading
import time
import urllib.request
from contextlib import suppress
from typing import Any, Final, Mapping, NamedTuple

from .errors import ConnectionFailed, ConnectionTimeout

MAX_BODY_BYTES: Final = 1_048_576
"""The longest answer that is read: 1 MiB."""


class Response(NamedTuple):
    """What the server has answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _AsItIs(urllib.request.HTTPErrorProcessor):
    """Every status is an answer, redirects among them."""

    def http_response(self, request: urllib.request.Request, response: Any) -> Any:
        return response

    https_response = http_response


class _Kept:
    """The connections of a request, so that they can be cut while a thread waits for them."""

    def __init__(self) -> None:
        self._connections: list[http.client.HTTPConnection] = []

    def plain(self, host: str, **options: Any) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection(host, **options)
        self._connections.append(connection)
        return connection

    def secure(self, host: str, **options: Any) -> http.client.HTTPConnection:
        connection = http.client.HTTPSConnection(host, **options)
        self._connections.append(connection)
        return connection

    def cut(self) -> None:
        for connection in self._connections:
            link = connection.sock
            if link is not None:
                with suppress(OSError):
                    link.shutdown(socket.SHUT_RDWR)


class _Http(urllib.request.HTTPHandler):
    def __init__(self, kept: _Kept) -> None:
        super().__init__()
        self._kept = kept

    def http_open(self, request: urllib.request.Request) -> Any:
        return self.do_open(self._kept.plain, request)


class _Https(urllib.request.HTTPSHandler):
    def __init__(self, kept: _Kept, context: ssl.SSLContext | None) -> None:
        super().__init__(context=context)
        self._kept = kept
        self._verified = context or ssl.create_default_context()

    def https_open(self, request: urllib.request.Request) -> Any:
        return self.do_open(self._kept.secure, request, context=self._verified)


def _exchange(request: urllib.request.Request, kept: _Kept, context: ssl.SSLContext | None, timeout: float) -> Response:
    deadline = time.monotonic() + timeout
    opener = urllib.request.build_opener(_AsItIs, _Http(kept), _Https(kept, context))
    with opener.open(request, timeout=timeout) as answer:
        body = bytearray()
        while True:
            piece = answer.read1(65_536)
            if not piece:
                headers = {key.lower(): value for key, value in answer.headers.items()}
                return Response(answer.status, headers, bytes(body))
            body += piece
            if len(body) > MAX_BODY_BYTES:
                raise ValueError("its answer is too long")
            if time.monotonic() > deadline:
                raise TimeoutError


async def request(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    body: bytes | None = None,
    ssl_context: ssl.SSLContext | None = None,
    timeout: float = 15.0,
) -> Response:
    """Sends a request and reads the answer, whatever its status. Raises `ConnectionFailed` or `ConnectionTimeout`."""
    loop = asyncio.get_running_loop()
    result: asyncio.Future[Response] = loop.create_future()
    kept = _Kept()
    asked = urllib.request.Request(url, data=body, headers=dict(headers), method=method)

    def settle(response: Response | None, error: Exception | None) -> None:
        if result.done():
            return
        if response is not None:
            result.set_result(response)
        else:
            result.set_exception(error or ConnectionFailed("the server cannot be reached"))

    def work() -> None:
        response, error = None, None
        try:
            response = _exchange(asked, kept, ssl_context, timeout)
        except Exception as caught:
            error = caught
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(settle, response, error)

    # not the loop's executor, whose threads a program waits for at its end
    threading.Thread(target=work, name="effect_voice.http", daemon=True).start()
    try:
        return await asyncio.wait_for(result, timeout)
    except (TimeoutError, asyncio.TimeoutError) as cause:
        raise ConnectionTimeout("the server did not answer in time") from cause
    except (OSError, http.client.HTTPException, ValueError) as cause:
        raise ConnectionFailed(f"the server cannot be reached: {str(cause)[:200]}") from cause
    finally:
        kept.cut()
