"""Where a session may be looked for, and where its token may go. Pure."""

from __future__ import annotations

import re
from typing import Final, Sequence
from urllib.parse import SplitResult, quote, urlencode, urlsplit

from .errors import InvalidConfig

MAX_MOVES: Final = 3
"""How often a session is followed to another address within one attempt."""

_ROUTE: Final = re.compile(r"/v1/sessions/[^/]+/audio$")
_SECURE: Final = {"http": False, "ws": False, "https": True, "wss": True}


def parse(url: str) -> SplitResult | None:
    """An `http:`, `https:`, `ws:` or `wss:` URL with a host, without a user name and password; `None` for others."""
    # urlsplit drops some control characters without a word
    if any(character <= " " or character == "\x7f" for character in url):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    named = parts.username is not None or parts.password is not None
    return parts if parts.scheme in _SECURE and parts.hostname and port != 0 and not named else None


def base_of(url: str) -> str:
    """The server's address, to which routes are appended: `https://app.example/voice`. Raises `InvalidConfig`."""
    parts = parse(url)
    if parts is None:
        raise InvalidConfig("url: expected an http://, https://, ws:// or wss:// URL without a user name")
    scheme = "https" if _SECURE[parts.scheme] else "http"
    return f"{scheme}://{parts.netloc}{_ROUTE.sub('', parts.path).rstrip('/')}"


def session_of(url: str) -> str | None:
    """The id that a session's `connection_url` has; `None` where it is none."""
    parts = parse(url)
    found = None if parts is None else _ROUTE.search(parts.path)
    return None if found is None else found.group()[len("/v1/sessions/") : -len("/audio")]


def audio_url(base: str, session: str) -> str:
    """The address of a session's WebSocket at a server. `session` is its id as a URL has it."""
    return f"ws{base[len('http'):]}/v1/sessions/{session}/audio"


def quoted(session: str) -> str:
    """A session's id as a URL has it."""
    return quote(session, safe="")


def with_rates(url: str, *, input_rate: int, output_rate: int, chunk_ms: int) -> str:
    """The address with what the client asks for."""
    query = urlencode({"input_rate": input_rate, "output_rate": output_rate, "chunk_ms": chunk_ms})
    return f"{url.partition('#')[0].partition('?')[0]}?{query}"


def may_follow(here: str, there: str) -> bool:
    """Whether the token may go from one WebSocket to the one that the server there names.

    It must be the same route of the same session, and a connection that nobody else can read must not become one that
    others can.
    """
    source, target = parse(here), parse(there)
    if source is None or target is None or not target.scheme.startswith("ws"):
        return False
    route = _ROUTE.search(source.path)
    weaker = _SECURE[source.scheme] and not _SECURE[target.scheme]
    return not weaker and route is not None and target.path.endswith(route.group())


def candidates(base: str, other: str | None, other_first: bool) -> Sequence[str]:
    """The addresses at which a session is looked for, in order. Only what `base` says is the last word about it."""
    if other is None or other == base:
        return (base,)
    return (other, base) if other_first else (base, other)
