"""WAV files: read as mono 16-bit PCM, and written."""

from __future__ import annotations

import wave
from typing import Final, NamedTuple

from .errors import InvalidConfig

MAX_SECONDS: Final = 3_600
"""The longest recording that is read or written: an hour."""


class Recording(NamedTuple):
    """Signed 16-bit little-endian mono PCM, and its sample rate in Hz."""

    pcm: bytes
    rate: int


def read(path: str) -> Recording:
    """Reads a WAV file with PCM of 8, 16, 24 or 32 bits; several channels become one. Raises `InvalidConfig`."""
    try:
        with wave.open(path, "rb") as file:
            rate, width, channels = file.getframerate(), file.getsampwidth(), file.getnchannels()
            if not 8_000 <= rate <= 48_000:
                raise InvalidConfig(f"{path} has {rate} Hz: expected 8000 to 48000")
            # what is damaged may claim any length
            frames = file.readframes(min(file.getnframes(), rate * MAX_SECONDS))
    except OSError as cause:
        raise InvalidConfig(f"cannot read {path}: {cause.strerror or cause}") from cause
    except (wave.Error, EOFError) as cause:
        raise InvalidConfig(f"{path} is not a valid WAV file: {cause or 'it ends too early'}") from cause
    pcm = _mono(_to_16_bits(frames, width), channels)
    if len(pcm) == 0:
        raise InvalidConfig(f"{path} contains no audio")
    return Recording(pcm, rate)


def write(path: str, pcm: bytes, rate: int) -> None:
    """Writes a WAV file with mono 16-bit PCM. Raises `InvalidConfig`."""
    try:
        with wave.open(path, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(rate)
            file.writeframes(pcm)
    except OSError as cause:
        raise InvalidConfig(f"cannot write {path}: {cause.strerror or cause}") from cause


def _to_16_bits(frames: bytes, width: int) -> bytes:
    frames = frames[: len(frames) - len(frames) % width]
    if width == 2:
        return frames
    if width == 1:
        # unsigned
        return b"".join(((each - 128) << 8).to_bytes(2, "little", signed=True) for each in frames)
    # the upper two bytes of each sample
    upper = bytearray(len(frames) // width * 2)
    upper[0::2] = frames[width - 2 :: width]
    upper[1::2] = frames[width - 1 :: width]
    return bytes(upper)


def _mono(pcm: bytes, channels: int) -> bytes:
    if channels == 1:
        return pcm
    pcm = pcm[: len(pcm) - len(pcm) % (2 * channels)]
    samples = [int.from_bytes(pcm[at : at + 2], "little", signed=True) for at in range(0, len(pcm), 2)]
    mixed = (sum(samples[at : at + channels]) // channels for at in range(0, len(samples), channels))
    return b"".join(each.to_bytes(2, "little", signed=True) for each in mixed)
