"""Events and messages, as JSON and as values."""

import json
import random
import typing
import unittest
from dataclasses import fields

from effect_voice import errors, messages
from effect_voice._shapes import UnknownEvent
from effect_voice.codec import decode_event, encode_message

COMMON = {"seq": 1, "at_ms": 2.5}


def event(**body: object) -> object:
    return decode_event(json.dumps({**COMMON, **body}))


class Events(unittest.TestCase):
    def test_known_ones_become_values_and_keep_what_is_new(self) -> None:
        read = event(type="user.transcript", turn=3, text="hello", final=True, mood="good")
        self.assertEqual(read, messages.UserTranscriptEvent(seq=1, at_ms=2.5, turn=3, text="hello", final=True))
        assert isinstance(read, messages.UserTranscriptEvent)
        self.assertEqual(read.raw["mood"], "good")

    def test_objects_lists_and_the_names_that_python_keeps(self) -> None:
        rates = {"input": {"sample_rate": 16000}, "output": {"sample_rate": 24000}}
        started = event(type="session.started", resumed=False, **rates)
        assert isinstance(started, messages.SessionStartedEvent)
        self.assertEqual(started.output.sample_rate, 24_000)
        parts = [{"name": "vad", "ms": 1}]
        latency = event(type="turn.latency", turn=1, total_ms=1e3, parts=parts)
        assert isinstance(latency, messages.TurnLatencyEvent)
        self.assertEqual(latency.parts, (messages.LatencyPart(name="vad", ms=1.0),))
        moved = {"type": "agent.handed_over", "turn": 1, "from": "ada", "to": "bob"}
        handed = event(**moved)
        assert isinstance(handed, messages.AgentHandedOverEvent)
        self.assertEqual((handed.from_, handed.to), ("ada", "bob"))

    def test_what_is_new_or_not_as_it_is_known_is_an_unknown_event(self) -> None:
        for body in (
            {"type": "weather.changed", "to": "rain"},
            {"type": "user.transcript", "turn": 1, "text": 5, "final": True},
            {"type": "user.transcript", "turn": True, "text": "a", "final": True},
            {"type": "user.transcript", "turn": 1.5, "text": "a", "final": True},
            {"type": "user.transcript", "turn": 10**300, "text": "a", "final": True},
            {"type": "user.transcript", "text": "a", "final": True},
            {"type": "session.started", "input": [], "output": {}, "resumed": False},
            {"type": "turn.latency", "turn": 1, "total_ms": 1, "parts": [1]},
        ):
            self.assertEqual(event(**body), UnknownEvent(name=str(body["type"]), raw={**COMMON, **body}), body)

    def test_whole_numbers_may_have_a_point(self) -> None:
        read = event(type="agent.speech_started", turn=2.0)
        assert isinstance(read, messages.AgentSpeechStartedEvent)
        self.assertIs(type(read.turn), int)

    def test_what_is_no_event_is_nothing(self) -> None:
        for text in ("", "{", "[]", "5", '"x"', "{}", '{"type":5}', '{"type":"pong","seq":NaN}', "[" * 100_000):
            self.assertIsNone(decode_event(text), text[:20])

    def test_deep_fields_are_kept_or_refused_and_nothing_breaks(self) -> None:
        for depth in (500, 5_000, 100_000):
            head = '{"type":"error","seq":1,"at_ms":1,"code":"timeout","message":"m","details":'
            decode_event(head + "[" * depth + "]" * depth + "}")


    def test_texts_that_are_broken_anywhere_never_raise(self) -> None:
        chance = random.Random(20)
        latency = {"type": "turn.latency", "turn": 1, "total_ms": 1, "parts": [{"name": "a", "ms": 1}]}
        whole = json.dumps({**COMMON, **latency})
        pieces = ['"', "{", "}", "[", ",", ":", "\\", "9", "e", "\0", "\ud800", ""]
        for _ in range(3_000):
            text = list(whole)
            for _ in range(chance.randrange(1, 6)):
                text[chance.randrange(len(text))] = chance.choice(pieces)
            decode_event("".join(text))


class Messages(unittest.TestCase):
    def test_are_json_with_their_type(self) -> None:
        encoded = encode_message(messages.UserTextMessage(text="Größe 😀"))
        self.assertEqual(encoded, '{"type":"user.text","text":"Größe 😀"}')
        self.assertEqual(encode_message(messages.PingMessage()), '{"type":"ping"}')

    def test_halves_of_characters_are_made_whole_or_replaced(self) -> None:
        encoded = encode_message(messages.UserTextMessage(text="a\ud83d\ude00b\ud800"))
        self.assertEqual(json.loads(encoded)["text"], "a😀b\ufffd")

    def test_the_limits_are_those_of_the_server(self) -> None:
        encode_message(messages.UserTextMessage(text="a" * messages.MAX_TEXT_LENGTH))
        encode_message(messages.UserTextMessage(text="中" * messages.MAX_TEXT_LENGTH))
        for text, unit in (("a" * (messages.MAX_TEXT_LENGTH + 1), "characters"), ("\x01" * 10_000, "bytes of JSON")):
            with self.assertRaises(errors.InvalidConfig) as caught:
                encode_message(messages.UserTextMessage(text=text))
            self.assertEqual(caught.exception.details["unit"], unit)
        # each is two code units
        with self.assertRaises(errors.InvalidConfig):
            encode_message(messages.UserTextMessage(text="😀" * (messages.MAX_TEXT_LENGTH // 2 + 1)))


class Generated(unittest.TestCase):
    def test_every_field_is_an_attribute(self) -> None:
        for cls in (*messages.EVENTS.values(), *messages.MESSAGES.values()):
            names = {each.name for each in fields(cls)} - {"raw"}
            self.assertEqual(names, {each.attribute for each in cls.FIELDS}, cls)

    def test_there_is_an_error_for_each_code(self) -> None:
        literal = typing.get_args(messages.ErrorCode)[0]
        self.assertEqual(set(errors.BY_CODE), set(typing.get_args(literal)))


class Problems(unittest.TestCase):
    def test_have_the_class_of_their_code(self) -> None:
        details = {"retryAfterMs": 1500, "reason": "draining"}
        body = {"code": "session_limit_exceeded", "detail": "full", "details": details}
        error = errors.from_problem(503, json.dumps(body).encode(), "7")
        self.assertIsInstance(error, errors.SessionLimitExceeded)
        self.assertEqual((error.message, error.retry_after, error.status, error.retryable), ("full", 1.5, 503, True))
        self.assertEqual(error.details["reason"], "draining")

    def test_without_one_by_the_status(self) -> None:
        for status, cls in (
            (401, errors.AuthenticationFailed),
            (404, errors.SessionNotFound),
            (410, errors.SessionNotFound),
            (502, errors.ConnectionFailed),
            (418, errors.VoiceError),
        ):
            for body in (b"", b"<html>", b"\xff\xfe", b'{"code":5,"details":[]}'):
                error = errors.from_problem(status, body, "9" * 40)
                self.assertIs(type(error), cls)
                self.assertIsNone(error.retry_after)

    def test_one_that_only_http_has_keeps_its_code(self) -> None:
        error = errors.from_problem(413, b'{"code":"payload_too_large","title":"x"}', "3")
        self.assertEqual((type(error), error.code, error.retry_after), (errors.VoiceError, "payload_too_large", 3.0))


if __name__ == "__main__":
    unittest.main()
