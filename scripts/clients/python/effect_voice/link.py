"""One WebSocket to a session: where it is opened, and what its close code means for the call."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.typing import Subprotocol

from . import addresses
from .codec import MAX_EVENT_BYTES, decode_event
from .errors import (
    FINAL,
    AuthenticationFailed,
    ConnectionFailed,
    ConnectionTimeout,
    RateLimitExceeded,
    SessionReplaced,
    VoiceError,
    from_problem,
)
from .messages import CLOSE_CODES, MOVED_SUBPROTOCOL, SUBPROTOCOL, SessionMovedEvent

OPEN_TIMEOUT: Final = 10.0
"""How long the handshake may take, in seconds."""

NODE_TIMEOUT: Final = 4.0
"""How long an address may take after which another is tried."""

PING_INTERVAL: Final = 10.0
"""How often the server is pinged, and how long it may take to answer."""


@dataclass(frozen=True)
class Target:
    """A session, and where it is looked for."""

    base: str
    """The general address of the server; what it says of the session is the last word."""

    other: str | None
    """The address of the node that had the session when it was created, where that is another one."""

    id: str
    """The session's id, as a URL has it."""

    token: str
    input_rate: int
    output_rate: int
    chunk_ms: int
    ssl_context: ssl.SSLContext | None

    def url(self, base: str) -> str:
        return self.with_rates(addresses.audio_url(base, self.id))

    def with_rates(self, url: str) -> str:
        return addresses.with_rates(
            url, input_rate=self.input_rate, output_rate=self.output_rate, chunk_ms=self.chunk_ms
        )


class Loss(NamedTuple):
    """What a close code means for the call: over, over with an error, or to be connected again (neither)."""

    closed: bool
    error: VoiceError | None


def loss_of(code: int) -> Loss:
    """What a close code means; an unknown one, and none (1006), mean to connect again."""
    known = CLOSE_CODES.get(code)
    if known is None or known.client != "stop":
        return Loss(False, None)
    if known.reason == "replaced":
        return Loss(False, SessionReplaced("another connection of the same user has this conversation now"))
    if known.reason == "rate_limited":
        return Loss(False, RateLimitExceeded("the user has used up the audio that this server allows"))
    return Loss(True, None)


def code_of(closed: ConnectionClosed) -> int:
    """The close code that the server has sent; 1006 where the connection was lost."""
    return 1006 if closed.rcvd is None else closed.rcvd.code


class _Connect(connect):
    """Follows no redirect: any proxy on the way can send one, and it would get the token."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


async def open_socket(target: Target, *, other_first: bool) -> ClientConnection:
    """Opens a socket to a session, at its addresses in order. Raises a `VoiceError`."""
    refusal: VoiceError | None = None
    for base in addresses.candidates(target.base, target.other, other_first):
        last_word = base == target.base
        try:
            return await _open_at(target.url(base), target, OPEN_TIMEOUT if last_word else NODE_TIMEOUT)
        except VoiceError as error:
            if last_word and isinstance(error, FINAL):
                raise
            if last_word or refusal is None:
                refusal = error
    raise refusal or ConnectionFailed("the server cannot be reached")


async def _open_at(first: str, target: Target, timeout: float) -> ClientConnection:
    """Opens a socket where the server at a URL has the session, or says that it is.

    A node that does not have the session says where it is, or passes the connection on.
    """
    url, follows, moves = first, True, 0
    while True:
        try:
            socket = await _dial(url, target, follows, timeout if url == first else NODE_TIMEOUT)
            if socket.subprotocol == SUBPROTOCOL:
                return socket
            if socket.subprotocol != MOVED_SUBPROTOCOL or not follows:
                socket.transport.abort()
                raise ConnectionFailed("the server does not speak this protocol")
            there = await _moved_to(socket)
            moves += 1
            if there is not None and moves <= addresses.MAX_MOVES and addresses.may_follow(url, there):
                url = target.with_rates(there)
                continue
        except VoiceError:
            if url == first:
                raise
            # the node that it was sent to cannot be reached from here: then the connection is passed on
        if not follows:
            raise ConnectionFailed("the server did not connect the call")
        url, follows = first, False


async def _dial(url: str, target: Target, follows: bool, timeout: float) -> ClientConnection:
    protocols = [SUBPROTOCOL, *([MOVED_SUBPROTOCOL] if follows else []), f"token.{target.token}"]
    options: dict[str, Any] = {}
    if target.ssl_context is not None and url.startswith("wss:"):
        options["ssl"] = target.ssl_context
    try:
        opening = _Connect(
            url,
            subprotocols=[Subprotocol(each) for each in protocols],
            compression=None,
            user_agent_header="effect-voice-python",
            open_timeout=timeout,
            ping_interval=PING_INTERVAL,
            ping_timeout=PING_INTERVAL,
            close_timeout=1.0,
            max_size=MAX_EVENT_BYTES,
            max_queue=16,
            **options,
        )
    except ValueError as cause:
        # the address has been looked at already
        raise AuthenticationFailed("the session's token has characters that no token has") from cause
    try:
        return await opening
    except InvalidStatus as refused:
        response = refused.response
        raise from_problem(
            response.status_code, bytes(response.body or b""), response.headers.get("Retry-After")
        ) from refused
    except (TimeoutError, asyncio.TimeoutError) as cause:
        raise ConnectionTimeout("the server did not answer in time") from cause
    except (OSError, EOFError, ValueError, WebSocketException) as cause:
        raise ConnectionFailed(f"the server cannot be reached: {str(cause)[:200]}") from cause


async def _moved_to(socket: ClientConnection) -> str | None:
    """Where a node that does not have the session says it is; `None` when it says nothing."""
    try:
        message = await asyncio.wait_for(socket.recv(), NODE_TIMEOUT)
    except (asyncio.TimeoutError, TimeoutError, WebSocketException):
        return None
    finally:
        socket.transport.abort()
    event = decode_event(message) if isinstance(message, str) else None
    return event.url if isinstance(event, SessionMovedEvent) else None
