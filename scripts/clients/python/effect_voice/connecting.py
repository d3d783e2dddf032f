"""Calls an agent: creates a session where there is none, and connects to it."""

from __future__ import annotations

import ssl
from typing import Any, Callable, Generator

from . import addresses
from .call import RATES, VoiceCall
from .errors import InvalidConfig
from .link import Target
from .sessions import Session, create_session


class Connecting:
    """A call that is being connected: `await` it, or use it with `async with`, which hangs up at the end."""

    def __init__(self, make: Callable[[], Generator[Any, None, VoiceCall]]) -> None:
        self._make = make
        self._call: VoiceCall | None = None

    def __await__(self) -> Generator[Any, None, VoiceCall]:
        return self._make()

    async def __aenter__(self) -> VoiceCall:
        self._call = await self
        return self._call

    async def __aexit__(self, kind: object, error: object, trace: object) -> None:
        if self._call is not None:
            await self._call.end(10.0 if error is None else 2.0)


def connect(
    where: str | Session,
    *,
    speaker: Callable[[bytes], object] | None = None,
    device: bool = False,
    device_latency: float = 0.0,
    input_rate: int = 16_000,
    output_rate: int = 24_000,
    chunk_ms: int = 20,
    resume_window: float = 60.0,
    ssl_context: ssl.SSLContext | None = None,
    **session: Any,
) -> Connecting:
    """Calls an agent.

    - `where`: the server's address, such as `https://app.example/voice`, or a `Session`.
    - `speaker`: is called with the agent's audio when it is heard, about every 20 ms; what the user interrupts it does
      not get. Default: nobody listens, at the speed of speech.
    - `device`: a loudspeaker takes the audio itself, by `take_audio` in its callback; `device_latency` is how many
      seconds later that plays.
    - `input_rate`, `output_rate`: the sample rates of both directions, 8,000 to 48,000 Hz; `chunk_ms`: how much of the
      agent's audio comes in one message, 20 to 100 ms.
    - `resume_window`: for how many seconds a lost connection is looked for; the server keeps the session for 60 s by
      default.
    - `ssl_context`: for a server with a certificate of your own.
    - the options of `create_session`, where `where` is an address.

    Raises the server's errors, `ConnectionFailed` or `ConnectionTimeout`.
    """
    for name, rate in (("input_rate", input_rate), ("output_rate", output_rate)):
        if rate not in RATES:
            raise InvalidConfig(f"{name}: expected 8000 to 48000 Hz")
    if not 20 <= chunk_ms <= 100:
        raise InvalidConfig("chunk_ms: expected 20 to 100 ms")
    if isinstance(where, Session) and session:
        raise InvalidConfig(f"a session that is there takes no {', '.join(session)}")

    async def open_call() -> VoiceCall:
        made = (
            where if isinstance(where, Session) else await create_session(where, ssl_context=ssl_context, **session)
        )
        base = addresses.base_of(made.connection_url if made.url is None else made.url)
        identity = addresses.session_of(made.connection_url)
        if identity is None:
            raise InvalidConfig("connection_url: expected that of a session's WebSocket")
        target = Target(
            base=base,
            other=addresses.base_of(made.connection_url),
            id=identity,
            token=made.token,
            input_rate=input_rate,
            output_rate=output_rate,
            chunk_ms=chunk_ms,
            ssl_context=ssl_context,
        )
        call = VoiceCall(
            target,
            speaker=speaker,
            device=device,
            device_latency=device_latency,
            resume_window=resume_window,
        )
        await call._start()
        return call

    return Connecting(lambda: open_call().__await__())
