"""What the fields of messages hold, and how JSON becomes an event and a message becomes JSON.

Pure: it runs without a socket.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Mapping, NamedTuple, NoReturn, TypeVar, Union

Shape = Union[str, "type[Value]", "list[Shape]"]
"""A name of JSON Schema (`string`, `number`, `integer`, `boolean`, `object`), the class of an object with fields, or a
list of one of them."""

MAX_SAFE_INTEGER: Final = 2**53 - 1
"""The largest integer that the server can send."""


class Field(NamedTuple):
    """A field of a message."""

    name: str
    """Its name in JSON."""

    attribute: str
    """Its name in Python, where `from` and the like are taken."""

    shape: Shape
    required: bool


@dataclass(frozen=True, kw_only=True)
class Value:
    """An object of the protocol."""

    FIELDS: ClassVar[tuple[Field, ...]] = ()


@dataclass(frozen=True, kw_only=True)
class Event(Value):
    """What every event carries."""

    FIELDS: ClassVar[tuple[Field, ...]] = (
        Field("seq", "seq", "integer", True),
        Field("at_ms", "at_ms", "number", True),
    )
    type: ClassVar[str] = ""

    seq: int
    """Grows by one with every event of the session, and skips some numbers after a restart of the server."""

    at_ms: float
    """Unix time in milliseconds on the server's clock; the difference of two is a duration."""

    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """The event as it came, with the fields that this client does not know."""


@dataclass(frozen=True, kw_only=True)
class UnknownEvent:
    """An event that this client does not know, or whose fields are not those it knows: a newer server may send such."""

    type: ClassVar[str] = "unknown"

    name: str
    """The event's own `type`."""

    raw: Mapping[str, Any] = field(repr=False)
    """The event as it came."""


@dataclass(frozen=True, kw_only=True)
class Message(Value):
    """What the client sends."""

    type: ClassVar[str] = ""


class Malformed(ValueError):
    """A JSON value is not what a field holds."""


V = TypeVar("V", bound=Value)


def decode(cls: type[V], body: Mapping[str, Any], **more: Any) -> V:
    """Makes a value of a JSON object. Raises `Malformed` where a field is missing or holds something else."""
    values: dict[str, Any] = {}
    for name, attribute, shape, required in cls.FIELDS:
        if name in body:
            values[attribute] = _read(shape, body[name])
        elif required:
            raise Malformed(f"{name} is missing")
    return cls(**values, **more)


def encode(value: Value) -> dict[str, Any]:
    """Makes a JSON object of a value; what is `None` is left out."""
    body: dict[str, Any] = {}
    for name, attribute, _, _ in value.FIELDS:
        content = getattr(value, attribute)
        if content is not None:
            body[name] = encode(content) if isinstance(content, Value) else content
    return body


def _read(shape: Shape, value: Any) -> Any:
    if isinstance(shape, list):
        if isinstance(value, list):
            return tuple(_read(shape[0], each) for each in value)
    elif isinstance(shape, type):
        if isinstance(value, dict):
            return decode(shape, value)
    elif shape == "string":
        if isinstance(value, str):
            return value
    elif shape == "boolean":
        if isinstance(value, bool):
            return value
    elif shape == "object":
        if isinstance(value, dict):
            return value
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        if shape == "integer" and value == value // 1 and abs(value) <= MAX_SAFE_INTEGER:
            return int(value)
        if shape == "number" and abs(value) <= MAX_SAFE_INTEGER**2:
            return float(value)
    raise Malformed(f"expected {shape}")


def _no_constant(name: str) -> NoReturn:
    raise Malformed(f"{name} is no JSON")


def parse_object(text: str | bytes) -> dict[str, Any] | None:
    """Parses a JSON object; `None` for anything else. Never raises."""
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def is_finite(value: Any) -> bool:
    """Whether a value is a number that a program can count with."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
