"""The command: its patience, its files, and what it prints."""

from __future__ import annotations

import os
import struct
import tempfile
import unittest
import wave
from typing import Any

from effect_voice import Event, cli, errors, messages, recordings
from effect_voice.talk import PATIENCE, TalkState


def event(cls: type[Event], **fields: Any) -> Event:
    return cls(seq=1, at_ms=1.0, **fields)


class Patience(unittest.TestCase):
    def at(self, state: TalkState, since: float, seconds: float) -> object:
        """What it says just before, and when so many seconds are over."""
        return state.wait(since + seconds - 0.01), state.wait(since + seconds)

    def test_gives_up_on_silence(self) -> None:
        state = TalkState()
        state.wait(100.0)
        self.assertEqual(self.at(state, 100.0, PATIENCE.speech), (None, "silent"))
        state = TalkState()
        state.event(event(messages.SessionStateEvent, state="listening"), 99.0)
        state.wait(100.0)
        self.assertEqual(self.at(state, 100.0, PATIENCE.speech), (None, "no_speech"))

    def test_waits_longer_for_words_and_longer_still_for_a_reply(self) -> None:
        state = TalkState()
        state.wait(0.0)
        state.event(event(messages.UserSpeechStartedEvent), 1.0)
        self.assertEqual(self.at(state, 1.0, PATIENCE.reply), (None, "no_words"))
        state.event(event(messages.UserSpeechStoppedEvent), 2.0)
        self.assertEqual(self.at(state, 2.0, PATIENCE.words), (None, "no_words"))
        state.event(event(messages.UserTranscriptEvent, turn=2, text="hello", final=True), 3.0)
        self.assertEqual(self.at(state, 3.0, PATIENCE.reply), (None, "no_reply"))

    def test_succeeds_when_a_reply_with_audio_has_ended_and_nothing_follows(self) -> None:
        state = TalkState()
        state.event(event(messages.AgentSpeechStartedEvent, turn=1), 0.0)
        state.audio(0.1)
        state.event(  # a greeting is no reply
            event(messages.AgentSpeechStoppedEvent, turn=1, reason="completed", text="Hello."), 1.0
        )
        state.wait(1.0)
        state.event(event(messages.UserTranscriptEvent, turn=2, text="hello", final=True), 2.0)
        state.event(event(messages.AgentSpeechStartedEvent, turn=2), 3.0)
        self.assertEqual(self.at(state, 3.0, PATIENCE.reply), (None, "no_reply"))
        state.audio(10.0)
        self.assertIsNone(state.wait(3.0 + PATIENCE.reply))
        state.event(
            event(messages.AgentSpeechStoppedEvent, turn=2, reason="completed", text="Yes."), 12.0
        )
        self.assertEqual(self.at(state, 12.0, PATIENCE.more), (None, "replied"))

    def test_a_server_that_is_always_busy_is_not_waited_for_without_end(self) -> None:
        state = TalkState()
        state.wait(0.0)
        for second in range(int(PATIENCE.total)):
            state.event(event(messages.UserSpeechStartedEvent), float(second))
            self.assertIsNone(state.wait(float(second)))
        self.assertEqual(state.wait(PATIENCE.total), "endless")


class Files(unittest.TestCase):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = os.path.join(directory.name, "a.wav")

    def test_are_read_as_mono_16_bits(self) -> None:
        for width, channels, frames in (
            (2, 1, struct.pack("<3h", 256, -512, 0)),
            (2, 2, struct.pack("<6h", 0, 512, -1024, 0, 5, -5)),
            (1, 1, bytes([129, 126, 128])),
            (3, 1, b"\x99\0\1\x99\0\xfe\x99\0\0"),
            (4, 1, b"\x99\x99\0\1\x99\x99\0\xfe\x99\x99\0\0"),
        ):
            with wave.open(self.path, "wb") as file:
                file.setnchannels(channels)
                file.setsampwidth(width)
                file.setframerate(8_000)
                file.writeframes(frames)
            self.assertEqual(recordings.read(self.path), recordings.Recording(struct.pack("<3h", 256, -512, 0), 8_000))

    def test_are_written_as_they_are_read(self) -> None:
        recordings.write(self.path, b"\1\0\2\0", 24_000)
        self.assertEqual(recordings.read(self.path), recordings.Recording(b"\1\0\2\0", 24_000))

    def test_that_are_none_are_errors(self) -> None:
        for content in (b"", b"RIFF", b"hello" * 100, b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0"):
            with open(self.path, "wb") as file:
                file.write(content)
            with self.assertRaises(errors.InvalidConfig):
                recordings.read(self.path)
        with self.assertRaises(errors.InvalidConfig):
            recordings.read(self.path + ".none")


class Printing(unittest.TestCase):
    def test_lets_no_server_write_to_the_terminal(self) -> None:
        text = cli.plain("a\x1b]0;b\n\u202e\ud800é😀")
        self.assertEqual(text, "a\\u{1b}]0;b\\u{a}\\u{202e}\\u{d800}é😀")

    def test_of_each_event_a_line_or_none(self) -> None:
        line = cli.spoken(
            event(messages.AgentSpeechStoppedEvent, turn=1, reason="interrupted", text="one two")
        )
        self.assertEqual(line, "agent  one two [interrupted]")
        self.assertIsNone(cli.spoken(event(messages.PongEvent)))


if __name__ == "__main__":
    unittest.main()
