"""The audio of a call: what waits to be sent, and what waits to be played. Pure: the caller passes the time.

Audio is signed 16-bit little-endian mono PCM in `bytes`; times are in seconds unless a name ends in `_ms`.
"""

from __future__ import annotations

from collections import deque
from typing import Final, Iterator

SAMPLE_BYTES: Final = 2
FRAME_MS: Final = 20
"""How much audio goes into one message."""

SILENT_AFTER_MS: Final = 200
"""How long nothing may come from the application before silence is sent in its place. Silence in a word that is only
late would end the turn, and without any the end of a turn would not be heard."""

MAX_BURST_MS: Final = 1_000
"""How much is caught up after a stall of the process."""

MAX_TURNS: Final = 64
"""Turns that are told apart in the buffer."""


def frame_bytes(rate: int) -> int:
    """The bytes of a message with 20 ms of audio."""
    return rate * FRAME_MS // 1_000 * SAMPLE_BYTES


def milliseconds(size: int, rate: int) -> float:
    """How long so many bytes of audio last."""
    return size / SAMPLE_BYTES * 1_000 / rate


class Uplink:
    """The user's audio on its way to the server: bounded, and let go at the speed of speech."""

    def __init__(self, rate: int, *, capacity_ms: int = 1_000) -> None:
        self.rate = rate
        self._frame = frame_bytes(rate)
        self._silence = bytes(self._frame)
        self._capacity = self._frame * (capacity_ms // FRAME_MS)
        self._waiting = bytearray()
        self._started: float | None = None
        self._samples = 0
        self._gap_ms = 0
        self.dropped_ms = 0.0
        """Milliseconds of audio that were dropped, because they came faster than real time or nobody was connected."""

    @property
    def waiting(self) -> int:
        """How many bytes wait."""
        return len(self._waiting)

    @property
    def space(self) -> int:
        """How many bytes more there is place for."""
        return max(0, self._capacity - len(self._waiting))

    def push(self, pcm: bytes) -> None:
        """Takes audio. Beyond the capacity the oldest is dropped: a microphone must not fall behind."""
        self._waiting += pcm
        excess = len(self._waiting) - self._capacity
        if excess > 0:
            excess += excess % SAMPLE_BYTES
            del self._waiting[:excess]
            self.dropped_ms += milliseconds(excess, self.rate)

    def pause(self) -> None:
        """Nobody takes audio; the clock starts again with the next `due`."""
        self._started = None

    def due(self, now: float) -> Iterator[bytes]:
        """The messages whose time has come. After a stall a second of them is made up for."""
        step = self._frame // SAMPLE_BYTES
        if self._started is None:
            self._started, self._samples = now, 0
        due = int((now - self._started) * self.rate) + step
        self._samples = max(self._samples, due - self.rate * MAX_BURST_MS // 1_000)
        while self._samples + step <= due:
            self._samples += step
            if len(self._waiting) >= self._frame:
                self._gap_ms = 0
                frame = bytes(self._waiting[: self._frame])
                del self._waiting[: self._frame]
                yield frame
                continue
            self._gap_ms += FRAME_MS
            if self._gap_ms <= SILENT_AFTER_MS:
                continue
            # what does not fill a frame is the end of what was said
            rest = bytes(self._waiting)
            self._waiting.clear()
            yield rest + self._silence[len(rest) :]


class Playout:
    """The agent's audio on its way to the loudspeaker: what is buffered, and how much of each turn was heard.

    A turn's count goes on across pauses and connections.
    """

    def __init__(self, rate: int, *, capacity_ms: int = 60_000) -> None:
        self.rate = rate
        self._capacity_ms = capacity_ms
        self._segments: deque[tuple[int, bytearray]] = deque()
        self._incoming = 0
        self._queued = 0
        self._heard: dict[int, int] = {}
        self._reported: dict[int, float] = {}

    @property
    def queued_ms(self) -> float:
        """How much is buffered."""
        return milliseconds(self._queued, self.rate)

    def set_rate(self, rate: int) -> None:
        """The server sends another rate from now on."""
        if rate != self.rate:
            self.clear()
            self._heard.clear()
            self._reported.clear()
            self.rate = rate

    def begin(self, turn: int) -> None:
        """Audio that comes from now on belongs to this turn."""
        self._incoming = turn

    def push(self, pcm: bytes) -> bool:
        """Takes audio of the server, without half a sample; `False` when there is more than anybody would wait for."""
        size = len(pcm) - len(pcm) % SAMPLE_BYTES
        if milliseconds(self._queued + size, self.rate) > self._capacity_ms:
            return False
        if not self._segments or (self._segments[-1][0] != self._incoming and len(self._segments) < MAX_TURNS):
            self._segments.append((self._incoming, bytearray()))
        self._segments[-1][1].extend(pcm[:size])
        self._queued += size
        return True

    def clear(self, turn: int | None = None) -> float:
        """Drops what is buffered of this turn and of earlier ones, or all; gives how many milliseconds that were."""
        dropped = 0
        while self._segments and (turn is None or self._segments[0][0] <= turn):
            dropped += len(self._segments.popleft()[1])
        self._queued -= dropped
        return milliseconds(dropped, self.rate)

    def take(self, size: int) -> bytes:
        """The next audio for the loudspeaker: so many bytes, or less where there is no more. It counts as heard."""
        taken = bytearray()
        while self._segments and len(taken) < size:
            turn, audio = self._segments[0]
            piece = audio[: size - len(taken)]
            del audio[: len(piece)]
            taken += piece
            self._heard[turn] = self._heard.get(turn, 0) + len(piece)
            if not audio:
                self._segments.popleft()
        self._queued -= len(taken)
        while len(self._heard) > MAX_TURNS:
            oldest = next(iter(self._heard))
            del self._heard[oldest]
            self._reported.pop(oldest, None)
        return bytes(taken)

    def heard_ms(self, turn: int) -> float:
        """How much of a turn was heard, in milliseconds."""
        return milliseconds(self._heard.get(turn, 0), self.rate)

    def positions(self, latency_ms: float = 0.0) -> list[tuple[int, float]]:
        """The turns of which more was heard than was reported, and how much, in milliseconds.

        Beside them the one that stands still with audio to play: the server counts on from the last report.

        `latency_ms` is what the device still has to play of what it was given.
        """
        current = self._segments[0][0] if self._segments else 0
        changed: list[tuple[int, float]] = []
        for turn in self._heard:
            heard = max(0.0, self.heard_ms(turn) - latency_ms)
            if turn > 0 and (turn == current or heard > self._reported.get(turn, 0.0)):
                self._reported[turn] = heard
                changed.append((turn, heard))
        return changed
