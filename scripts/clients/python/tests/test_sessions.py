"""Sessions over HTTP."""

from __future__ import annotations

import asyncio
import http.server
import unittest
from typing import Any

from effect_voice import Session, create_session, errors
from effect_voice.http import request

from .fakes import http_server, reply

WHERE = "ws://node-7.example:8443/v1/sessions/ses_1/audio"
CREATED = {"id": "ses_1", "connection_url": WHERE, "token": "t", "expires_at": 1}


class Creating(unittest.IsolatedAsyncioTestCase):
    async def test_asks_with_the_key_and_gives_where_to_connect(self) -> None:
        asked: list[Any] = []

        def answer(handler: http.server.BaseHTTPRequestHandler, number: int) -> None:
            asked.append((handler.path, handler.headers.get("authorization")))
            reply(handler, 201, CREATED)

        with http_server(answer) as url:
            session = await create_session(f"{url}/voice/", user_id="ada", api_key="k3y", agent="clerk")
        self.assertEqual(session, Session(connection_url=WHERE, token="t", url=f"{url}/voice"))
        self.assertEqual(asked, [("/voice/v1/sessions", "Bearer k3y")])
        self.assertNotIn("token", repr(session))

    async def test_a_refusal_is_the_error_of_its_code(self) -> None:
        problem = {"code": "invalid_config", "detail": "agent: unknown", "details": {"faults": [{"path": "agent"}]}}
        with http_server(lambda handler, _: reply(handler, 400, problem)) as url:
            with self.assertRaises(errors.InvalidConfig) as caught:
                await create_session(url)
        self.assertEqual(caught.exception.details["faults"], [{"path": "agent"}])

    async def test_a_server_that_is_full_is_asked_again(self) -> None:
        full = {"code": "session_limit_exceeded", "detail": "full", "details": {"retryAfterMs": 1}}

        def answer(handler: http.server.BaseHTTPRequestHandler, number: int) -> None:
            reply(handler, *((503, full) if number < 1 else (201, CREATED)))

        with http_server(answer) as url:
            self.assertEqual((await create_session(url)).token, "t")
        with http_server(lambda handler, _: reply(handler, 503, full)) as url:
            with self.assertRaises(errors.SessionLimitExceeded):
                await create_session(url, retry_window=0.0)

    async def test_the_key_goes_where_no_redirect_points(self) -> None:
        reached: list[str] = []
        with http_server(lambda handler, _: reached.append(handler.path)) as thief:
            for status in (301, 302, 303, 307, 308):
                with http_server(lambda handler, _: reply(handler, status, {}, location=f"{thief}/v1/sessions")) as url:
                    with self.assertRaises(errors.VoiceError):
                        await create_session(url, api_key="k3y")
        self.assertEqual(reached, [])

    async def test_answers_of_any_kind_are_errors(self) -> None:
        bodies: tuple[Any, ...] = (
            [],
            {},
            {**CREATED, "token": 5},
            {**CREATED, "connection_url": "file:///etc/passwd"},
            {**CREATED, "connection_url": "ws://u:p@host/v1/sessions/s/audio"},
            {**CREATED, "connection_url": "ws://host/elsewhere"},
            "x" * 2_000_000,
        )
        for body in bodies:
            with http_server(lambda handler, _: reply(handler, 201, body)) as url:
                with self.assertRaises(errors.ConnectionFailed):
                    await create_session(url)

    async def test_a_server_that_answers_no_http_or_nobody_is_an_error(self) -> None:
        async def noise(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 mail ready\r\n")
            writer.close()

        server = await asyncio.start_server(noise, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server:
            with self.assertRaises(errors.ConnectionFailed):
                await create_session(f"http://127.0.0.1:{port}")
        with self.assertRaises(errors.ConnectionFailed):
            await create_session(f"http://127.0.0.1:{port}")

    async def test_a_server_that_never_ends_is_not_waited_for(self) -> None:
        cut = asyncio.Event()

        async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\n")
            try:
                while True:
                    writer.write(b"x-a: b\r\n")
                    await writer.drain()
                    await asyncio.sleep(0.02)
            except ConnectionError:
                cut.set()

        server = await asyncio.start_server(trickle, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            with self.assertRaises(errors.VoiceError):
                await request("GET", f"http://127.0.0.1:{port}/", headers={}, timeout=0.3)
            # and its thread is not left behind
            await asyncio.wait_for(cut.wait(), 60)


if __name__ == "__main__":
    unittest.main()
