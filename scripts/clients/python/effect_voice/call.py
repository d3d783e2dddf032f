"""A call: audio and messages both ways over a WebSocket that is connected again when it is lost."""

from __future__ import annotations

import asyncio
import random
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import AsyncIterator, Callable, ClassVar, Final, Literal, NamedTuple, Union

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from ._shapes import Event, Message, UnknownEvent
from .audio import FRAME_MS, SAMPLE_BYTES, Playout, Uplink
from .backoff import Backoff
from .codec import decode_event, encode_message
from .errors import FINAL, ConnectionFailed, ConnectionLost, ConnectionTimeout, PipelineError, VoiceError
from .link import Loss, Target, code_of, loss_of, open_socket
from .messages import (
    AgentInterruptMessage,
    AgentSpeechStartedEvent,
    PlayoutClearEvent,
    PlayoutPositionMessage,
    SessionEndedEvent,
    SessionEndMessage,
    SessionStartedEvent,
    UserDtmfMessage,
    UserTextMessage,
)

START_TIMEOUT: Final = 15.0
"""How long `session.started` may take once the socket is open, in seconds."""

STABLE: Final = 10.0
"""A connection that is lost sooner does not end the search for one: the window of the former loss goes on."""

POSITION_INTERVAL: Final = 0.25
"""How often the server is told how much of the reply was heard."""

CLOSE_TIMEOUT: Final = 1.0
"""How long the close of a socket may take."""

MAX_WAITING: Final = 32
"""Messages that wait to be sent: more than anybody types within a resume window."""

MAX_EVENTS: Final = 1_024
"""Events that wait to be read; beyond it the oldest are dropped."""

MAX_UNSENT_BYTES: Final = 4_194_304
"""A server that leaves so much unread has stopped reading."""

RATES: Final = range(8_000, 48_001)
"""The sample rates that the server takes, in Hz."""


@dataclass(frozen=True, kw_only=True)
class ConnectionEvent:
    """The connection was lost, or is there again. It comes from this client, between the server's events."""

    type: ClassVar[str] = "connection"

    state: Literal["connected", "reconnecting"]

    attempt: int
    """Which attempt to connect again begins, from 1; 0 when connected."""

    resumed: bool
    """Whether the conversation goes on."""


class CallEnded(NamedTuple):
    """Why a call is over."""

    reason: str
    """What `session.ended` said, `closed` where nobody said why, or the code of the error."""

    error: VoiceError | None


CallEvent = Union[Event, UnknownEvent, ConnectionEvent]
"""What a call tells of."""


class VoiceCall:
    """A conversation with an agent. Made by `connect`; used by one event loop, but for `Playout.take`."""

    def __init__(
        self,
        target: Target,
        *,
        speaker: Callable[[bytes], object] | None,
        device: bool,
        device_latency: float,
        resume_window: float,
    ) -> None:
        self._target = target
        self._speaker = speaker
        self._device = device
        self._latency_ms = device_latency * 1_000
        self._resume_window = resume_window
        self._uplink = Uplink(target.input_rate)
        self._playout = Playout(target.output_rate)
        self._lock = threading.Lock()
        self._outbox: deque[str] = deque()
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._events: deque[CallEvent] = deque()
        self._news = asyncio.Event()
        self._positions_at = 0.0
        self._socket: ClientConnection | None = None
        self._search: tuple[Backoff, float] | None = None
        self._connected_at = 0.0
        self._tasks: list[asyncio.Task[None]] = []
        self._ended: CallEnded | None = None
        self._over = asyncio.Event()
        self.events_dropped = 0
        """How many events were dropped, because nobody read them."""

    # What the application does

    @property
    def connected(self) -> bool:
        """Whether the session is connected now."""
        return self._socket is not None

    @property
    def ended(self) -> CallEnded | None:
        """Why the call is over; `None` while it is not."""
        return self._ended

    @property
    def input_rate(self) -> int:
        """The sample rate of the user's audio, in Hz."""
        return self._uplink.rate

    @property
    def output_rate(self) -> int:
        """The sample rate of the agent's audio, in Hz."""
        return self._playout.rate

    @property
    def audio_dropped_ms(self) -> float:
        """Milliseconds of the user's audio that `push_audio` has dropped."""
        return self._uplink.dropped_ms

    def push_audio(self, pcm: bytes) -> None:
        """The microphone has this: signed 16-bit little-endian mono PCM. Never waits.

        Beyond a second the oldest is dropped; while nothing comes, silence is sent. From another thread, call it by
        `loop.call_soon_threadsafe`.
        """
        self._uplink.push(pcm)

    async def send_audio(self, pcm: bytes) -> None:
        """Sends a recording at the speed of speech, and waits until at most a second of it has still to be sent."""
        view = memoryview(pcm)
        while view.nbytes > 0 and self._ended is None:
            piece = view[: self._uplink.space]
            if piece.nbytes > 0:
                self._uplink.push(bytes(piece))
                view = view[piece.nbytes :]
                continue
            self._room.clear()
            await self._room.wait()

    async def drain_audio(self) -> None:
        """Waits until the user's audio has been sent."""
        while self._uplink.waiting > 0 and self._ended is None:
            self._room.clear()
            await self._room.wait()

    def take_audio(self, size: int) -> bytes:
        """The next `size` bytes for a loudspeaker's callback, with silence where there is nothing; for `device=True`.

        It may be called from any thread, and counts as heard after `device_latency`.
        """
        with self._lock:
            audio = self._playout.take(size - size % SAMPLE_BYTES)
        return audio + bytes(size - len(audio))

    def heard_ms(self, turn: int) -> float:
        """How much of a turn's audio was heard, in milliseconds."""
        with self._lock:
            return self._playout.heard_ms(turn)

    def send(self, message: Message) -> None:
        """Sends a message, or keeps it for the next connection.

        Raises `InvalidConfig` for one that the server does not take, `ConnectionLost` when too many wait.
        """
        encoded = encode_message(message)
        if self._ended is not None:
            raise self._ended.error or ConnectionFailed("the call is over")
        if isinstance(message, SessionEndMessage):
            self._outbox.clear()
        elif isinstance(message, AgentInterruptMessage) and self._outbox and self._outbox[-1] == encoded:
            return
        if len(self._outbox) >= MAX_WAITING:
            raise ConnectionLost("the server takes nothing, and too much waits for it already")
        self._outbox.append(encoded)
        self._wake.set()

    def send_text(self, text: str) -> None:
        """The user types a turn; the agent answers aloud."""
        self.send(UserTextMessage(text=text))

    def interrupt(self) -> None:
        """Stops the agent's reply."""
        self.send(AgentInterruptMessage())

    def press(self, digit: str) -> None:
        """The user presses a key: `0` to `9`, `*`, `#`, or `A` to `D`."""
        self.send(UserDtmfMessage(digit=digit))

    async def end(self, timeout: float = 10.0) -> CallEnded:
        """Hangs up, waits for the end of the session, at most so many seconds, and closes."""
        if self._ended is None:
            with suppress(VoiceError):
                self.send(SessionEndMessage())
            with suppress(asyncio.TimeoutError, TimeoutError):
                await asyncio.wait_for(self._over.wait(), timeout)
        return await self.close()

    async def close(self) -> CallEnded:
        """Closes the connection and leaves the session: it ends with its resume window."""
        ended = self._finish(CallEnded("closed", None))
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return ended

    async def wait_ended(self) -> CallEnded:
        """Waits for the end of the call."""
        await self._over.wait()
        return self._ended or CallEnded("closed", None)

    def __aiter__(self) -> AsyncIterator[CallEvent]:
        return self

    async def __anext__(self) -> CallEvent:
        """The next event. At the end of the call it raises the call's error, if it has one."""
        while not self._events:
            if self._ended is not None:
                raise self._ended.error or StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        return self._events.popleft()

    # What happens meanwhile

    async def _start(self) -> None:
        socket, _ = await self._open(other_first=True)
        self._tasks = [asyncio.create_task(self._run(socket)), asyncio.create_task(self._play())]

    def _emit(self, event: CallEvent) -> None:
        if len(self._events) >= MAX_EVENTS:
            self._events.popleft()
            self.events_dropped += 1
        self._events.append(event)
        self._news.set()

    def _finish(self, ended: CallEnded) -> CallEnded:
        if self._ended is None:
            self._ended = ended
            for waiter in (self._over, self._news, self._room, self._wake):
                waiter.set()
        return self._ended

    async def _run(self, socket: ClientConnection) -> None:
        """Attends to one connection after the other."""
        try:
            while True:
                loss = await self._attend(socket)
                if self._ended is not None:
                    return
                if loss.closed or loss.error is not None:
                    self._finish(CallEnded("closed" if loss.error is None else loss.error.code, loss.error))
                    return
                opened = await self._reopen()
                if opened is None:
                    return
                socket = opened
        except Exception as cause:
            error = PipelineError(f"this client has failed: {cause!r}"[:500])
            error.__cause__ = cause
            self._finish(CallEnded(error.code, error))

    async def _open(self, *, other_first: bool) -> tuple[ClientConnection, bool]:
        """Opens a socket, waits for the start of the session, and says whether that goes on. Raises a `VoiceError`."""
        socket = await open_socket(self._target, other_first=other_first)
        try:
            started = await asyncio.wait_for(self._started(socket), START_TIMEOUT)
        except (TimeoutError, asyncio.TimeoutError) as cause:
            socket.transport.abort()
            raise ConnectionTimeout("the server did not start the session in time") from cause
        except BaseException:
            socket.transport.abort()
            raise
        with self._lock:
            # the server sends again what was not heard
            self._playout.clear()
            rate = started.output.sample_rate
            self._playout.set_rate(rate if rate in RATES else self.output_rate)
        self._emit(started)
        self._connected_at = asyncio.get_running_loop().time()
        return socket, started.resumed

    async def _started(self, socket: ClientConnection) -> SessionStartedEvent:
        try:
            while True:
                message = await socket.recv()
                event = decode_event(message) if isinstance(message, str) else None
                if isinstance(event, SessionStartedEvent):
                    return event
                if isinstance(event, SessionEndedEvent):
                    if event.reason == "taken_over":
                        raise ConnectionFailed("another server continues the session")
                    self._emit(event)
                    self._finish(CallEnded(event.reason, None))
                    raise ConnectionFailed("the session is over", details={"reason": event.reason})
                if event is not None:
                    self._emit(event)
        except ConnectionClosed as closed:
            raise loss_of(code_of(closed)).error or ConnectionFailed(
                "the server closed the connection before the session started"
            ) from closed

    async def _reopen(self) -> ClientConnection | None:
        """Looks for a connection within the resume window; `None` when the call is over."""
        loop = asyncio.get_running_loop()
        lost_at = loop.time()
        # a server that loses each connection at once is not asked for ever
        if self._search is None or lost_at - self._connected_at >= STABLE:
            self._search = (Backoff(window=self._resume_window), lost_at)
        backoff, since = self._search
        refusal: VoiceError | None = None
        while self._ended is None:
            self._emit(ConnectionEvent(state="reconnecting", attempt=backoff.attempt + 1, resumed=False))
            wait = backoff.next(loop.time() - since, random.random())
            if wait is None:
                error = ConnectionLost("the connection was lost and could not be restored")
                error.__cause__ = refusal
                self._finish(CallEnded(error.code, error))
                return None
            await asyncio.sleep(wait)
            try:
                socket, resumed = await self._open(other_first=False)
            except FINAL as error:
                self._finish(CallEnded(error.code, error))
            except VoiceError as error:
                refusal = error
            else:
                self._emit(ConnectionEvent(state="connected", attempt=0, resumed=resumed))
                return socket
        return None

    async def _attend(self, socket: ClientConnection) -> Loss:
        """One connection, from the start of the session to its close code."""
        self._socket = socket
        sender = asyncio.create_task(self._send(socket))
        try:
            while True:
                message = await socket.recv()
                if not isinstance(message, str):
                    with self._lock:
                        fits = self._playout.push(message)
                    if not fits:
                        return Loss(False, PipelineError("the server sends audio faster than it can be heard"))
                    continue
                event = decode_event(message)
                if event is None:
                    continue
                if isinstance(event, SessionEndedEvent) and event.reason == "taken_over":
                    return Loss(False, None)
                self._apply(event)
                self._emit(event)
                if isinstance(event, SessionEndedEvent):
                    self._finish(CallEnded(event.reason, None))
                    return Loss(True, None)
        except ConnectionClosed as closed:
            return loss_of(code_of(closed))
        finally:
            self._socket = None
            self._uplink.pause()
            with self._lock:
                self._playout.clear()
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)
            await self._hang_up(socket)

    async def _hang_up(self, socket: ClientConnection) -> None:
        """Closes a socket, whether or not the server reads."""
        try:
            with suppress(asyncio.TimeoutError, TimeoutError):
                await asyncio.wait_for(socket.close(), CLOSE_TIMEOUT)
        finally:
            socket.transport.abort()

    def _apply(self, event: Event | UnknownEvent) -> None:
        if isinstance(event, AgentSpeechStartedEvent):
            with self._lock:
                self._playout.begin(event.turn)
        elif isinstance(event, PlayoutClearEvent):
            with self._lock:
                self._playout.clear(event.turn)
            self._positions_at = 0.0
            self._wake.set()

    async def _send(self, socket: ClientConnection) -> None:
        """Sends messages when they are there, audio at the speed of speech, and positions."""
        loop = asyncio.get_running_loop()
        with suppress(ConnectionClosed):
            while True:
                self._wake.clear()
                while self._outbox:
                    message = self._outbox[0]
                    await socket.send(message)
                    # `session.end` may have replaced it meanwhile
                    if self._outbox and self._outbox[0] is message:
                        self._outbox.popleft()
                for frame in self._uplink.due(loop.time()):
                    await socket.send(frame)
                self._room.set()
                if loop.time() >= self._positions_at:
                    self._positions_at = loop.time() + POSITION_INTERVAL
                    with self._lock:
                        positions = self._playout.positions(self._latency_ms)
                    for turn, played_ms in positions:
                        await socket.send(encode_message(PlayoutPositionMessage(turn=turn, played_ms=played_ms)))
                timer = loop.call_later(FRAME_MS / 1_000, self._wake.set)
                await self._wake.wait()
                timer.cancel()

    async def _play(self) -> None:
        """Plays at the speed of speech where no device does, and watches that the server reads."""
        loop = asyncio.get_running_loop()
        last = loop.time()
        try:
            while self._ended is None:
                await asyncio.sleep(FRAME_MS / 1_000)
                socket = self._socket
                # pongs are written whether or not the server reads them
                if socket is not None and socket.transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
                    socket.transport.abort()
                now = loop.time()
                if self._device:
                    continue
                samples = int((now - last) * self.output_rate)
                last += samples / self.output_rate
                with self._lock:
                    audio = self._playout.take(samples * SAMPLE_BYTES)
                if audio and self._speaker is not None:
                    self._speaker(audio)
        except Exception as cause:
            error = PipelineError(f"the speaker has failed: {cause!r}"[:500])
            error.__cause__ = cause
            self._finish(CallEnded(error.code, error))
            if self._socket is not None:
                self._socket.transport.abort()
