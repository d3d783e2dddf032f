"""The conversation that every client of OpenAI's Realtime API has with the server, and what was seen of it.

A client gives each event of the server to `take`, sends what `microphone` gives it, and has `hold` talk. The report is JSON, in the
last line of what is printed.
"""

import asyncio
import base64
import json
import os
import urllib.request
import wave
from array import array
from collections.abc import Awaitable, Callable
from typing import Any

RATE = 24_000
CHUNK_MS = 40
GREETING, TOOL_OUTPUT, SECOND, TYPED, LAST = "Hello there.", "20 degrees", "All right.", "Goodbye.", "Bye."


class Talk:
    def __init__(self, url: str, question: str, interruption: str) -> None:
        self.http = url
        self.realtime = f"{url.replace('http', 'ws', 1)}/v1/realtime"
        self.question, self.interruption = recording(question), recording(interruption)
        self.events: list[dict[str, Any]] = []
        self.cities: list[str] = []
        self.failures: list[str] = []
        self._spoken = bytearray()
        self._interrupted = ""
        self._arrived = asyncio.Event()

    def take(self, event: dict[str, Any]) -> None:
        """An event of the server, as it came."""
        self.events.append(event)
        self._arrived.set()

    def weather(self, city: str) -> str:
        """The client's tool."""
        self.cities.append(city)
        return TOOL_OUTPUT

    async def microphone(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        """Sends what is said, and silence otherwise, in real time."""
        loop = asyncio.get_running_loop()
        size = RATE * 2 * CHUNK_MS // 1_000
        due = loop.time()
        while True:
            chunk = bytes(self._spoken[:size]).ljust(size, b"\0")
            del self._spoken[:size]
            await send(chunk)
            due += CHUNK_MS / 1_000
            await asyncio.sleep(max(0, due - loop.time()))

    async def hold(self, type_text: Callable[[str], Awaitable[None]] | None) -> None:
        """Talks. A client that cannot type says goodbye."""
        await self._until(lambda: self._answered(GREETING), "the greeting")
        self._spoken += self.question
        await self._until(lambda: self.cities != [], "the call of the tool")
        await self._until(lambda: self._audio_ms() >= 1_500, "the answer")
        self._interrupted = [e["item_id"] for e in self.events if e["type"] == "response.output_audio.delta"][-1]
        self._spoken += self.interruption
        await self._until(lambda: self._answered(SECOND), "the answer to the interruption")
        if type_text is None:
            self._spoken += self.question
        else:
            await type_text(TYPED)
        await self._until(lambda: self._answered(LAST), "the last answer")

    def report(self, own: Any = None) -> None:
        """`own`: what the client itself has of the conversation."""
        (created,) = [each["session"] for each in self.events if each["type"] == "session.created"]
        with urllib.request.urlopen(f"{self.http}/v1/sessions/{created['id']}/history", timeout=60) as answer:
            history = json.load(answer)["history"]
        report = {
            "history": history,
            # of the interrupted answer: some cut again what was played whole
            "truncated": [
                each["audio_end_ms"]
                for each in self.events
                if each["type"] == "conversation.item.truncated" and each["item_id"] == self._interrupted
            ],
            "errors": [e["error"]["code"] for e in self.events if e["type"] == "error"],
            "cities": self.cities,
            "failures": self.failures,
            "own": own,
        }
        print(json.dumps(report), flush=True)

    async def _until(self, holds: Callable[[], bool], what: str) -> None:
        try:
            async with asyncio.timeout(60):
                while not holds():
                    self._arrived.clear()
                    await self._arrived.wait()
        except TimeoutError:
            types = [
                f"{each['type']} {json.dumps(each)[:200] if each['type'] == 'error' else ''}".strip()
                for each in self.events
                if each["type"] != "response.output_audio.delta"
            ]
            print(f"{what} has not come; failures: {self.failures}; events: {types[-60:]}", flush=True)
            # a client may hold up an orderly end
            os._exit(1)

    def _answered(self, text: str) -> bool:
        return any(
            part.get("transcript") == text
            for each in self.events
            if each["type"] == "response.done" and each["response"]["status"] == "completed"
            for item in each["response"]["output"]
            if item["type"] == "message"
            for part in item["content"]
        )

    def _audio_ms(self) -> float:
        """How much audio the response in progress has."""
        size = 0
        for each in self.events:
            if each["type"] == "response.created":
                size = 0
            elif each["type"] == "response.output_audio.delta":
                size += len(base64.b64decode(each["delta"]))
        return size / 2 / RATE * 1_000


def recording(path: str) -> bytes:
    """A recording, at the rate of the protocol."""
    with wave.open(path, "rb") as file:
        rate, pcm = file.getframerate(), array("h", file.readframes(file.getnframes()))
    return array("h", (pcm[at * rate // RATE] for at in range(len(pcm) * RATE // rate))).tobytes()
