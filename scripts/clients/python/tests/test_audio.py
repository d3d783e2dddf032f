"""The queues of audio, the waits between attempts, and the addresses of a session."""

import random
import unittest

from effect_voice import addresses
from effect_voice.audio import SILENT_AFTER_MS, Playout, Uplink
from effect_voice.backoff import Backoff
from effect_voice.errors import InvalidConfig


class Sending(unittest.TestCase):
    def test_goes_at_the_speed_of_speech(self) -> None:
        uplink = Uplink(16_000)
        uplink.push(b"\1\0" * 16_000)
        self.assertEqual(len(list(uplink.due(0.0))), 1)
        self.assertEqual(len(list(uplink.due(0.019))), 0)
        self.assertEqual(len(list(uplink.due(0.1))), 5)
        self.assertEqual(uplink.waiting, 32_000 - 6 * 640)

    def test_keeps_time_whatever_the_rate(self) -> None:
        for rate in (8_000, 11_025, 22_050, 44_100, 48_000):
            uplink, sent = Uplink(rate), 0
            for tick in range(1_001):
                uplink.push(bytes(2 * (rate // 50 + 1)))
                sent += sum(len(each) for each in uplink.due(tick * 0.02))
            self.assertAlmostEqual(sent / 2 / rate, 20.0, delta=0.05)

    def test_is_bounded_and_drops_the_oldest(self) -> None:
        uplink = Uplink(16_000)
        uplink.push(b"\1\0" * 16_000)
        uplink.push(b"\2\0" * 8_000)
        self.assertEqual((uplink.waiting, uplink.space, uplink.dropped_ms), (32_000, 0, 500.0))
        self.assertEqual(next(uplink.due(0.0))[:2], b"\1\0")

    def test_sends_silence_only_when_nothing_has_come_for_long(self) -> None:
        uplink, sent = Uplink(16_000), []
        uplink.push(b"\1\0" * 330)
        for tick in range(20):
            sent += list(uplink.due(tick * 0.02))
        self.assertEqual(sent[0], b"\1\0" * 320)
        # the rest of the recording, before the silence
        self.assertEqual(sent[1], b"\1\0" * 10 + bytes(620))
        self.assertEqual(len(sent), 20 - SILENT_AFTER_MS // 20)
        self.assertEqual(set(sent[2:]), {bytes(640)})

    def test_catches_up_a_second_and_no_more(self) -> None:
        uplink = Uplink(16_000)
        list(uplink.due(0.0))
        uplink.push(b"\1\0" * 16_000)
        self.assertEqual(len(list(uplink.due(60.0))), 50)
        uplink.pause()
        uplink.push(b"\1\0" * 16_000)
        self.assertEqual(len(list(uplink.due(90.0))), 1)


class Playing(unittest.TestCase):
    def test_counts_what_was_heard_of_each_turn(self) -> None:
        playout = Playout(1_000)
        playout.begin(1)
        playout.push(b"\1\0" * 100)
        playout.begin(2)
        playout.push(b"\2\0" * 100)
        self.assertEqual(playout.take(300), b"\1\0" * 100 + b"\2\0" * 50)
        self.assertEqual((playout.heard_ms(1), playout.heard_ms(2), playout.queued_ms), (100.0, 50.0, 50.0))
        self.assertEqual(playout.positions(), [(1, 100.0), (2, 50.0)])
        self.assertEqual(playout.take(1_000), b"\2\0" * 50)
        self.assertEqual(playout.positions(), [(2, 100.0)])
        self.assertEqual(playout.positions(), [])

    def test_an_interruption_drops_the_turn_and_earlier_ones(self) -> None:
        playout = Playout(1_000)
        for turn in (1, 2, 3):
            playout.begin(turn)
            playout.push(bytes([turn, 0]) * 10)
        self.assertEqual(playout.clear(2), 20.0)
        self.assertEqual(playout.take(1_000), b"\3\0" * 10)

    def test_says_again_where_a_loudspeaker_stands_still(self) -> None:
        playout = Playout(1_000)
        playout.begin(1)
        playout.push(bytes(200))
        playout.take(100)
        self.assertEqual([playout.positions(10.0), playout.positions(10.0)], [[(1, 40.0)], [(1, 40.0)]])

    def test_is_bounded_and_takes_whole_samples(self) -> None:
        playout = Playout(1_000, capacity_ms=100)
        self.assertTrue(playout.push(bytes(199)))
        self.assertEqual(playout.queued_ms, 99.0)
        self.assertFalse(playout.push(bytes(4)))

    def test_a_server_that_changes_the_turn_with_every_message_fills_nothing(self) -> None:
        playout = Playout(24_000)
        for turn in range(10_000):
            playout.begin(turn)
            playout.push(bytes(2))
            if turn % 3 == 0:
                playout.take(2)
        self.assertLessEqual(len(playout._heard), 65)
        self.assertLessEqual(len(playout._segments), 65)

    def test_takes_what_was_pushed_in_pieces_of_any_size(self) -> None:
        chance = random.Random(7)
        playout, pushed, taken = Playout(24_000), b"", b""
        for turn in range(300):
            playout.begin(turn // 10)
            piece = chance.randbytes(2 * chance.randrange(50))
            pushed += piece
            playout.push(piece)
            taken += playout.take(2 * chance.randrange(60))
        taken += playout.take(1_000_000)
        self.assertEqual(taken, pushed)
        self.assertEqual(playout.queued_ms, 0.0)


class Waiting(unittest.TestCase):
    def test_grows_with_jitter_and_ends_with_the_window(self) -> None:
        backoff, elapsed, waits = Backoff(), 0.0, []
        while (wait := backoff.next(elapsed, 0.5)) is not None:
            waits.append(wait)
            elapsed += wait
        self.assertEqual(waits[:5], [0.25, 0.5, 1.0, 2.0, 4.0])
        self.assertAlmostEqual(elapsed, 60.0)
        self.assertLessEqual(max(waits), 5.0)
        self.assertEqual((Backoff().next(0.0, 0.0), Backoff().next(0.0, 1.0)), (0.125, 0.375))


class Addresses(unittest.TestCase):
    def test_of_a_server(self) -> None:
        for url, base in (
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("https://app.example/voice/", "https://app.example/voice"),
            ("wss://app.example/voice/v1/sessions/ses_1/audio?token=x", "https://app.example/voice"),
        ):
            self.assertEqual(addresses.base_of(url), base)
        strange = ("http://u:p@host", "http://a:x", "http://a\n.b", "http://[::1")
        bad = ("", "app.example", "ftp://a", "http://", "http://a b", *strange)
        for url in bad:
            with self.assertRaises(InvalidConfig, msg=url):
                addresses.base_of(url)

    def test_the_token_follows_to_the_same_session_only_and_never_in_the_clear(self) -> None:
        here = "wss://app.example/voice/v1/sessions/ses_1/audio?input_rate=16000"
        for there, may in (
            ("wss://node-7.example:8443/v1/sessions/ses_1/audio", True),
            ("wss://app.example/v1/sessions/ses_2/audio", False),
            ("ws://node-7.example/v1/sessions/ses_1/audio", False),
            ("https://node-7.example/v1/sessions/ses_1/audio", False),
            ("wss://u:p@node-7.example/v1/sessions/ses_1/audio", False),
            ("wss://node-7.example/v1/sessions/ses_1/offer", False),
            ("wss:///v1/sessions/ses_1/audio", False),
            ("", False),
        ):
            self.assertEqual(addresses.may_follow(here, there), may, there)
        self.assertTrue(addresses.may_follow(here.replace("wss", "ws"), here))

    def test_are_tried_in_order(self) -> None:
        self.assertEqual(addresses.candidates("a", "b", True), ("b", "a"))
        self.assertEqual(addresses.candidates("a", "b", False), ("a", "b"))
        self.assertEqual(addresses.candidates("a", "a", True), ("a",))


if __name__ == "__main__":
    unittest.main()
