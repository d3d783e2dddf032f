"""Reads what the server sends, and writes what it takes. Pure."""

from __future__ import annotations

import json
from typing import Final

from ._shapes import Event, Malformed, Message, UnknownEvent, decode, encode, parse_object
from .errors import InvalidConfig
from .messages import EVENTS, MAX_MESSAGE_BYTES, MAX_TEXT_BYTES, MAX_TEXT_LENGTH, UserTextMessage

MAX_EVENT_BYTES: Final = 1_048_576
"""The longest message that is read: 1 MiB. A server closes the connection before more than that waits."""


def decode_event(text: str) -> Event | UnknownEvent | None:
    """Reads a text message of the server.

    `None` for what is no message at all: no JSON object with a string `type`. An event that this client does not know,
    or whose fields are not those it knows, is an `UnknownEvent`. Never raises.
    """
    body = parse_object(text)
    name = None if body is None else body.get("type")
    if body is None or not isinstance(name, str):
        return None
    cls = EVENTS.get(name)
    if cls is not None:
        try:
            return decode(cls, body, raw=body)
        except (Malformed, RecursionError):
            pass
    return UnknownEvent(name=name, raw=body)


def encode_message(message: Message) -> str:
    """Writes a message as JSON. Raises `InvalidConfig` for one that the server would not take."""
    body = {"type": message.type, **encode(message)}
    if isinstance(message, UserTextMessage):
        text = body["text"] = _well_formed(message.text)
        _limit(len(text.encode("utf-16-le")) // 2, MAX_TEXT_LENGTH, "characters")
        # the server counts a text without its quotes
        _limit(len(_json(text)) - 2, MAX_TEXT_BYTES, "bytes of JSON")
    encoded = _json(body)
    _limit(len(encoded), MAX_MESSAGE_BYTES, "bytes of JSON")
    return encoded.decode()


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode(errors="replace")


def _well_formed(text: str) -> str:
    """Halves of characters, which UTF-8 does not have, become whole ones or a replacement."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _limit(length: int, limit: int, unit: str) -> None:
    if length > limit:
        raise InvalidConfig(
            f"the text is too long: at most {limit} {unit}, and it has {length}",
            details={"limit": limit, "unit": unit},
        )
