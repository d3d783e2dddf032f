"""Calls to servers that lose connections, send anything, or name other addresses."""

from __future__ import annotations

import asyncio
import json
import unittest
import unittest.mock
from typing import Any

from websockets.asyncio.server import ServerConnection

import effect_voice
from effect_voice import call as call_module
from effect_voice import errors, messages
from effect_voice.link import loss_of

from .fakes import TOKEN, FakeServer, event, patience, refusal, started, until_closed


async def read(call: effect_voice.VoiceCall) -> list[Any]:
    return [each async for each in call]


class Connecting(unittest.IsolatedAsyncioTestCase):
    async def test_offers_the_token_as_a_subprotocol_and_asks_for_its_rates(self) -> None:
        async def behave(connection: ServerConnection, number: int) -> None:
            await connection.send(started(rate=48_000))
            await connection.send(event("session.ended", reason="hung_up"))
            await connection.close(1000)

        async with FakeServer(behave).running() as server:
            async with effect_voice.connect(server.session(), output_rate=48_000) as call:
                events = await read(call)
            self.assertEqual([each.type for each in events], ["session.started", "session.ended"])
            self.assertEqual((call.ended, call.output_rate), (effect_voice.CallEnded("hung_up", None), 48_000))
            self.assertEqual(server.offered, [[messages.SUBPROTOCOL, messages.MOVED_SUBPROTOCOL, f"token.{TOKEN}"]])
            self.assertTrue(server.paths[0].endswith("?input_rate=16000&output_rate=48000&chunk_ms=20"))
            with self.assertRaises(errors.ConnectionFailed):
                call.send_text("too late")

    async def test_a_refusal_has_the_class_of_its_code(self) -> None:
        async def behave(connection: ServerConnection, number: int) -> None:
            await until_closed(connection)

        async with FakeServer(behave).running() as server:
            problem = b'{"code":"authentication_failed","detail":"expired"}'
            for status, body, cls in (
                (401, problem, errors.AuthenticationFailed),
                (404, b"", errors.SessionNotFound),
                (502, b"", errors.ConnectionFailed),
                (429, b'{"code":"rate_limit_exceeded"}', errors.RateLimitExceeded),
            ):
                server.refuse = lambda _, status=status, body=body: refusal(status, body)  # type: ignore[misc]
                with self.assertRaises(cls):
                    await effect_voice.connect(server.session())

    async def test_follows_no_redirect_with_the_token(self) -> None:
        async def behave(connection: ServerConnection, number: int) -> None:
            await until_closed(connection)

        async with FakeServer(behave).running() as thief, FakeServer(behave).running() as server:
            for status in (301, 302, 307, 308):
                server.refuse = lambda _, status=status: refusal(status, Location=thief.url)  # type: ignore[misc]
                with self.assertRaises(errors.VoiceError):
                    await effect_voice.connect(server.session())
            self.assertEqual(thief.offered, [])

    async def test_follows_a_node_that_names_another_for_the_same_session(self) -> None:
        async def behave(connection: ServerConnection, number: int) -> None:
            await connection.send(started())
            await until_closed(connection)

        async with FakeServer(behave).running() as owner:
            where = owner.url

            async def tell(connection: ServerConnection, number: int) -> None:
                if connection.subprotocol == messages.MOVED_SUBPROTOCOL:
                    await connection.send(event("session.moved", url=where))
                    await connection.close(4301, "moved")
                else:
                    await behave(connection, number)

            async with FakeServer(tell, moved=True).running() as node:
                call = await effect_voice.connect(node.session())
                await call.close()
                self.assertEqual((len(node.offered), len(owner.offered)), (1, 1))
                self.assertIn(f"token.{TOKEN}", owner.offered[0])

                # where the token must not go, or nobody is, the connection is passed on
                for where in (owner.url.replace("ses_1", "ses_2"), "ws://127.0.0.1:1/v1/sessions/ses_1/audio", "x"):
                    call = await effect_voice.connect(node.session())
                    await call.close()
                self.assertEqual((len(node.offered), len(owner.offered)), (7, 1))
                self.assertNotIn(messages.MOVED_SUBPROTOCOL, node.offered[-1])

    async def test_gives_up_on_a_server_that_says_nothing(self) -> None:
        async def behave(connection: ServerConnection, number: int) -> None:
            await until_closed(connection)

        async with FakeServer(behave).running() as server:
            with unittest.mock.patch.object(call_module, "START_TIMEOUT", 0.1):
                with self.assertRaises(errors.ConnectionTimeout):
                    await effect_voice.connect(server.session())

    async def test_refuses_what_the_server_would_refuse(self) -> None:
        session = effect_voice.Session(connection_url="ws://127.0.0.1:1/v1/sessions/s/audio", token=TOKEN)
        for options in ({"input_rate": 4_000}, {"output_rate": 96_000}, {"chunk_ms": 10}, {"agent": "other"}):
            with self.assertRaises(errors.InvalidConfig):
                effect_voice.connect(session, **options)
        with self.assertRaises(errors.AuthenticationFailed):
            await effect_voice.connect(effect_voice.Session(connection_url=session.connection_url, token="a b"))


class Losing(unittest.IsolatedAsyncioTestCase):
    async def test_connects_again_and_sends_what_waited(self) -> None:
        said: list[Any] = []
        heard = bytearray()

        async def behave(connection: ServerConnection, number: int) -> None:
            await connection.send(started(resumed=number > 0))
            if number == 0:
                await connection.send(event("agent.speech_started", turn=1))
                await connection.send(bytes(48_000))
                await patience(lambda: len(heard) > 4_800)
                connection.transport.abort()
                return
            # all of it: it was not played
            await connection.send(bytes(4_800))
            async for each in connection:
                if isinstance(each, str):
                    said.append(json.loads(each))
                    if said[-1]["type"] == "user.text":
                        await connection.send(event("session.ended", reason="user_ended"))
                        await connection.close(1000)

        async with FakeServer(behave).running() as server:
            async with effect_voice.connect(server.session(), speaker=heard.extend) as call:
                events: list[Any] = []
                async for each in call:
                    events.append(each)
                    if isinstance(each, effect_voice.ConnectionEvent) and each.state == "reconnecting":
                        self.assertFalse(call.connected)
                        call.send_text("still here")
                        call.interrupt()
                        call.interrupt()
        self.assertEqual([each["type"] for each in said if each["type"] != "playout.position"][0], "user.text")
        self.assertEqual(
            [(each.state, each.resumed) for each in events if each.type == "connection"],
            [("reconnecting", False), ("connected", True)],
        )
        # what the former connection had sent ahead was dropped
        self.assertLess(len(heard), 48_000)

    async def test_stops_or_goes_on_by_the_close_code(self) -> None:
        for code, closed, error in (
            (1000, True, None),
            (1001, False, None),
            (1006, False, None),
            (1011, False, None),
            (4301, False, None),
            (4409, False, None),
            (4999, False, None),
            (4408, False, errors.SessionReplaced),
            (4429, False, errors.RateLimitExceeded),
        ):
            loss = loss_of(code)
            self.assertEqual((loss.closed, loss.error and type(loss.error)), (closed, error), code)

    async def test_does_not_take_back_a_session_that_another_connection_has(self) -> None:
        async def behave(connection: ServerConnection, number: int) -> None:
            await connection.send(started())
            await connection.close(4408, "replaced")

        async with FakeServer(behave).running() as server:
            call = await effect_voice.connect(server.session())
            with self.assertRaises(errors.SessionReplaced):
                await read(call)
            await call.close()
            self.assertEqual(len(server.offered), 1)

    async def test_goes_on_where_another_process_continues_the_session(self) -> None:
        async def behave(connection: ServerConnection, number: int) -> None:
            await connection.send(started(resumed=number > 0))
            if number == 0:
                await connection.send(event("session.ended", reason="taken_over"))
                await connection.close(1001)
                return
            await until_closed(connection)

        async with FakeServer(behave).running() as server:
            call = await effect_voice.connect(server.session())
            await patience(lambda: len(server.offered) == 2 and call.connected)
            await call.close()

    async def test_gives_up_with_the_resume_window(self) -> None:
        async def behave(connection: ServerConnection, number: int) -> None:
            if number == 0:
                await connection.send(started())
            connection.transport.abort()

        async with FakeServer(behave).running() as server:
            call = await effect_voice.connect(server.session(), resume_window=0.3)
            with self.assertRaises(errors.ConnectionLost):
                await read(call)
            self.assertGreaterEqual(len(server.offered), 2)
            await call.close()

    async def test_a_session_that_is_over_is_not_asked_for_again(self) -> None:
        async def behave(connection: ServerConnection, number: int) -> None:
            await connection.send(started())
            connection.transport.abort()

        async with FakeServer(behave).running() as server:
            server.refuse = lambda number: refusal(404) if number > 0 else None
            call = await effect_voice.connect(server.session())
            with self.assertRaises(errors.SessionNotFound):
                await read(call)
            await call.close()
            self.assertEqual(len(server.offered), 2)


class Hostile(unittest.IsolatedAsyncioTestCase):
    async def test_messages_of_any_kind_break_nothing(self) -> None:
        odd: list[str | bytes] = [
            "",
            "{",
            "null",
            "[" * 60_000,
            json.dumps({"type": "error", "seq": 1}),
            json.dumps({"type": "x" * 100_000}),
            json.dumps({"type": ["pong"]}),
            '{"type":"agent.speech_started","seq":1e999,"at_ms":1,"turn":1}',
            event("agent.speech_started", turn=-1),
            event("playout.clear", turn=9_007_199_254_740_991),
            event("session.started", input={"sample_rate": 0}, output={"sample_rate": 0}, resumed=True),
            b"",
            b"\1",
            b"\1\2\3",
            event("user.transcript", turn=1, text="\ud800\u202e\x1b[2J", final=True),
        ]

        async def behave(connection: ServerConnection, number: int) -> None:
            await connection.send(started(rate=4_000_000_000))
            for each in odd:
                await connection.send(each)
            await connection.send(event("session.ended", reason="user_ended"))
            await connection.close(1000)

        async with FakeServer(behave).running() as server:
            async with effect_voice.connect(server.session()) as call:
                events = await read(call)
            self.assertEqual(call.output_rate, 24_000)
            self.assertEqual(events[-1].reason, "user_ended")
            self.assertEqual(sum(each.type == "unknown" for each in events), 3)

    async def test_audio_that_nobody_could_hear_ends_the_call(self) -> None:
        async def behave(connection: ServerConnection, number: int) -> None:
            await connection.send(started())
            for _ in range(10_000):
                await connection.send(bytes(48_000))

        async with FakeServer(behave).running() as server:
            call = await effect_voice.connect(server.session())
            with self.assertRaises(errors.PipelineError):
                await read(call)
            await call.close()
            self.assertEqual(len(server.offered), 1)

    async def test_events_that_nobody_reads_are_bounded(self) -> None:
        async def behave(connection: ServerConnection, number: int) -> None:
            await connection.send(started())
            for _ in range(3_000):
                await connection.send(event("user.away"))
            await connection.send(event("session.ended", reason="user_away"))
            await connection.close(1000)

        async with FakeServer(behave).running() as server:
            call = await effect_voice.connect(server.session())
            await call.wait_ended()
            self.assertEqual(call.events_dropped, 3_002 - call_module.MAX_EVENTS)
            self.assertEqual((await read(call))[-1].reason, "user_away")
            await call.close()

    async def test_a_message_that_is_too_long_loses_the_connection_only(self) -> None:
        async def behave(connection: ServerConnection, number: int) -> None:
            await connection.send(started(resumed=number > 0))
            if number == 0:
                await connection.send("x" * 2_000_000)
            await until_closed(connection)

        async with FakeServer(behave).running() as server:
            call = await effect_voice.connect(server.session())
            await patience(lambda: len(server.offered) == 2 and call.connected)
            await call.close()

    async def test_a_server_that_takes_nothing_lets_no_messages_pile_up(self) -> None:
        async def behave(connection: ServerConnection, number: int) -> None:
            await connection.send(started())
            connection.transport.pause_reading()
            await connection.wait_closed()

        async with FakeServer(behave).running() as server:
            call = await effect_voice.connect(server.session())
            with self.assertRaises(errors.ConnectionLost):
                while True:
                    call.send_text("x" * 16_000)
                    await asyncio.sleep(0)
            await call.close()

    async def test_a_speaker_that_fails_ends_the_call_with_its_error(self) -> None:
        async def behave(connection: ServerConnection, number: int) -> None:
            await connection.send(started())
            await connection.send(bytes(9_600))
            await until_closed(connection)

        def broken(pcm: bytes) -> None:
            raise RuntimeError("no device")

        async with FakeServer(behave).running() as server:
            call = await effect_voice.connect(server.session(), speaker=broken)
            with self.assertRaises(errors.PipelineError) as caught:
                await read(call)
            self.assertIsInstance(caught.exception.__cause__, RuntimeError)
            await call.close()


class Hearing(unittest.IsolatedAsyncioTestCase):
    async def test_positions_tell_what_was_heard_and_an_interruption_drops_the_rest(self) -> None:
        positions: list[Any] = []
        cleared = asyncio.Event()

        async def behave(connection: ServerConnection, number: int) -> None:
            await connection.send(started())
            await connection.send(event("agent.speech_started", turn=4))
            await connection.send(b"\1\0" * 48_000)
            async for each in connection:
                if not isinstance(each, str):
                    continue
                positions.append(json.loads(each))
                if len(positions) == 2:
                    await connection.send(event("playout.clear", turn=4))
                    cleared.set()

        heard = bytearray()
        async with FakeServer(behave).running() as server:
            call = await effect_voice.connect(server.session(), speaker=heard.extend)
            await cleared.wait()
            # all that was heard, and nothing of what was dropped
            await patience(lambda: abs(positions[-1]["played_ms"] - len(heard) / 48) < 1)
            await call.close()
        self.assertEqual({(each["type"], each["turn"]) for each in positions}, {("playout.position", 4)})
        played = [each["played_ms"] for each in positions]
        self.assertEqual(played, sorted(played))
        self.assertLess(len(heard), 96_000)

    async def test_a_device_takes_the_audio_itself(self) -> None:
        async def behave(connection: ServerConnection, number: int) -> None:
            await connection.send(started())
            await connection.send(event("agent.speech_started", turn=1))
            await connection.send(b"\1\0" * 480)
            await until_closed(connection)

        async with FakeServer(behave).running() as server:
            call = await effect_voice.connect(server.session(), device=True)
            taken = b""
            while len(taken) < 960:
                taken += call.take_audio(320).replace(bytes(2), b"")
                await asyncio.sleep(0.005)
            self.assertEqual(taken, b"\1\0" * 480)
            self.assertEqual(call.heard_ms(1), 20.0)
            self.assertEqual(call.take_audio(7), bytes(7))
            await call.close()

    async def test_a_recording_arrives_whole_and_in_order(self) -> None:
        recording = b"".join(number.to_bytes(2, "little") for number in range(1, 24_001))
        got = bytearray()

        async def behave(connection: ServerConnection, number: int) -> None:
            await connection.send(started())
            async for each in connection:
                if isinstance(each, bytes):
                    got.extend(each)

        async with FakeServer(behave).running() as server:
            call = await effect_voice.connect(server.session())
            began = asyncio.get_running_loop().time()
            await call.send_audio(recording)
            await call.drain_audio()
            self.assertGreaterEqual(asyncio.get_running_loop().time() - began, 1.4)
            await patience(lambda: len(got) >= len(recording))
            await call.close()
        self.assertEqual(bytes(got[: len(recording)]), recording)


if __name__ == "__main__":
    unittest.main()
