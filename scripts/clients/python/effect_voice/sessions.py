"""Sessions: asks the server for one over HTTP."""

from __future__ import annotations

import asyncio
import json
import ssl
from dataclasses import dataclass, field
from typing import Any, Final, Mapping, Sequence

from . import addresses
from ._shapes import parse_object
from .errors import ConnectionFailed, SessionLimitExceeded, from_problem
from .http import request

_SHORTEST_WAIT: Final = 0.25
_LONGEST_WAIT: Final = 5.0


@dataclass(frozen=True)
class Session:
    """A session to connect to: what `POST /v1/sessions` answers, or what your application was given of it."""

    connection_url: str
    """Where its WebSocket is."""

    token: str = field(repr=False)
    """Opens that WebSocket, and nothing else."""

    url: str | None = None
    """The server's general address, where the session is looked for when `connection_url` cannot be reached. Default:
    that of `connection_url`."""


async def create_session(
    url: str,
    *,
    user_id: str = "python",
    api_key: str | None = None,
    agent: str | None = None,
    language: str | None = None,
    voice: str | None = None,
    keyterms: Sequence[str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    retry_window: float = 10.0,
    ssl_context: ssl.SSLContext | None = None,
) -> Session:
    """Creates a session on the server at `url`, such as `https://app.example/voice`.

    - `api_key`: one of the server's keys, or the user's token where the application has an `AuthHook`.
    - `agent`, `language` (BCP 47), `voice`, `keyterms`, `metadata`: see `POST /v1/sessions`.
    - `retry_window`: for how many seconds a server that is full is asked again, after the wait that it names.

    Raises the error of the server's problem JSON, `ConnectionFailed` or `ConnectionTimeout`.
    """
    base = addresses.base_of(url)
    given = {
        "user_id": user_id,
        "transport": "websocket",
        "agent": agent,
        "language": language,
        "voice": voice,
        "keyterms": None if keyterms is None else list(keyterms),
        "metadata": None if metadata is None else dict(metadata),
    }
    body = json.dumps({key: value for key, value in given.items() if value is not None}).encode()
    headers = {"content-type": "application/json", "accept": "application/json, application/problem+json"}
    if api_key is not None:
        headers["authorization"] = f"Bearer {api_key}"
    loop = asyncio.get_running_loop()
    deadline = loop.time() + retry_window
    while True:
        answer = await request("POST", f"{base}/v1/sessions", headers=headers, body=body, ssl_context=ssl_context)
        if answer.status == 201:
            return _session(answer.body, base)
        error = from_problem(answer.status, answer.body, answer.headers.get("retry-after"))
        wait = min(_LONGEST_WAIT, max(_SHORTEST_WAIT, error.retry_after or 1.0))
        if not isinstance(error, SessionLimitExceeded) or loop.time() + wait > deadline:
            raise error
        await asyncio.sleep(wait)


def _session(body: bytes, base: str) -> Session:
    answer = parse_object(body) or {}
    connection_url, token = answer.get("connection_url"), answer.get("token")
    if (
        not isinstance(connection_url, str)
        or not isinstance(token, str)
        or addresses.session_of(connection_url) is None
    ):
        raise ConnectionFailed("the server's answer has no session that a WebSocket connects to")
    return Session(connection_url=connection_url, token=token, url=base)
