"""LiveKit Agents' plugin for OpenAI's Realtime API: livekit_plugin.py URL QUESTION.wav INTERRUPTION.wav"""

import asyncio
import sys
import time

from livekit import rtc
from livekit.agents import Agent, AgentSession, function_tool
from livekit.agents.voice import io
from livekit.plugins import openai
from talk import RATE, Talk


class Microphone(io.AudioInput):
    def __init__(self) -> None:
        super().__init__(label="microphone")
        self._frames: asyncio.Queue[rtc.AudioFrame] = asyncio.Queue()

    async def send(self, pcm: bytes) -> None:
        self._frames.put_nowait(rtc.AudioFrame(pcm, RATE, 1, len(pcm) // 2))

    async def __anext__(self) -> rtc.AudioFrame:
        return await self._frames.get()


class Loudspeaker(io.AudioOutput):
    """Plays in real time, and tells how much it has played."""

    def __init__(self) -> None:
        super().__init__(label="loudspeaker", capabilities=io.AudioOutputCapabilities(pause=False), sample_rate=RATE)
        self._pushed = self._started = 0.0
        self._end: asyncio.TimerHandle | None = None

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await super().capture_frame(frame)
        if self._pushed == 0:
            self._started = time.monotonic()
            self.on_playback_started(created_at=time.time())
        self._pushed += frame.duration

    def flush(self) -> None:
        super().flush()
        if self._pushed > 0 and self._end is None:
            left = max(0, self._started + self._pushed - time.monotonic())
            self._end = asyncio.get_running_loop().call_later(left, self._finish, self._pushed, False)

    def clear_buffer(self) -> None:
        if self._pushed > 0:
            self._finish(min(self._pushed, time.monotonic() - self._started), True)

    def _finish(self, position: float, interrupted: bool) -> None:
        if self._end is not None:
            self._end.cancel()
        self._end = None
        self._pushed = 0.0
        self.on_playback_finished(playback_position=position, interrupted=interrupted)


async def main(url: str, question: str, interruption: str) -> None:
    talk = Talk(url, question, interruption)

    class Model(openai.realtime.RealtimeModel):
        def session(self, *args, **kwargs):
            opened = super().session(*args, **kwargs)
            opened.on("openai_server_event_received", talk.take)
            return opened

    @function_tool
    async def get_weather(city: str) -> str:
        """Tells the weather."""
        return talk.weather(city)

    microphone = Microphone()
    model = Model(model="gpt-realtime", api_key="sk-test", base_url=f"{url}/v1")
    session = AgentSession(llm=model)
    session.on("error", lambda event: talk.failures.append(str(event.error)[:1_000]))
    session.input.audio = microphone
    session.output.audio = Loudspeaker()
    await session.start(Agent(instructions="Be brief.", tools=[get_weather]), record=False)
    speaking = asyncio.create_task(talk.microphone(microphone.send))

    async def type_text(text: str) -> None:
        session.generate_reply(user_input=text)

    await talk.hold(type_text)
    own = [
        [each.role, each.text_content]
        for each in session.history.items
        if each.type == "message" and each.text_content
    ]
    await asyncio.to_thread(talk.report, own)
    speaking.cancel()
    await session.aclose()


asyncio.run(main(*sys.argv[1:4]))
