"""A Pipecat bot whose brain is effect-voice: the user's audio and messages go to a session there, the agent's come back.

Run it like any bot of Pipecat's runner: `python bridge.py -t webrtc` (or websocket, daily, twilio, telnyx, plivo, exotel).
Each user becomes a session of a server whose config says `provider: pipecat`:
  EFFECT_VOICE_URL      where the server is; http://127.0.0.1:8080
  EFFECT_VOICE_API_KEY  one of its `server.api_keys`, if it has any
A bot that is started with `{"body": {"effect_voice": {"connection_url": ..., "token": ...}}}` (what `POST /v1/sessions`
answered) joins that session instead. Turns and interruptions are decided in the session: no VAD is needed here.
"""
import collections
import os

import aiohttp
from pipecat.frames.frames import (CancelFrame, EndFrame, EndWorkerFrame, InputAudioRawFrame, InputTransportMessageFrame,
    InterruptionFrame, OutputAudioRawFrame, OutputTransportMessageUrgentFrame, SpeechOutputAudioRawFrame,
    StartFrame)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.runner.utils import create_transport
from pipecat.serializers.protobuf import ProtobufFrameSerializer
from pipecat.transports.base_transport import TransportParams
from pipecat.transports.websocket.fastapi import FastAPIWebsocketParams
from pipecat.workers.runner import WorkerRunner
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed


class EffectVoice(FrameProcessor):
    """Stands between a transport's input and its output, where other bots have speech-to-text, a model and a voice."""

    def __init__(self, session):
        super().__init__()
        self.session, self.socket, self.wire = session, None, ProtobufFrameSerializer()
        self.waiting = collections.deque(maxlen=64)  # messages for a connection that is not there

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if isinstance(frame, StartFrame):
            self.task = self.create_task(self.converse(frame.audio_in_sample_rate, frame.audio_out_sample_rate))
        if isinstance(frame, (EndFrame, CancelFrame)):
            await self.cancel_task(self.task)
        if isinstance(frame, InputAudioRawFrame):
            await self.send(OutputAudioRawFrame(frame.audio, frame.sample_rate, frame.num_channels))
        elif isinstance(frame, InputTransportMessageFrame):
            await self.send(OutputTransportMessageUrgentFrame(message=frame.message))
        else:
            await self.push_frame(frame, direction)

    async def send(self, frame):
        data = await self.wire.serialize(frame)
        try:
            await self.socket.send(data)
        except (AttributeError, ConnectionClosed):
            if not isinstance(frame, OutputAudioRawFrame):
                self.waiting.append(data)

    async def converse(self, input_rate, output_rate):
        url = f"{self.session['connection_url']}?input_rate={input_rate}&output_rate={output_rate}"
        url = "ws" + url.removeprefix("http").removeprefix("ws")  # the server says http where a session asked for webrtc
        headers = {"Authorization": f"Bearer {self.session['token']}"}
        try:
            async for self.socket in connect(url, additional_headers=headers):  # again when it breaks: the session waits
                try:
                    while self.waiting:
                        await self.socket.send(self.waiting.popleft())
                    async for data in self.socket:
                        await self.arrived(await self.wire.deserialize(data))
                except ConnectionClosed:
                    pass
                if self.socket.close_code == 1000 or self.socket.close_code >= 4000:
                    break  # the session is over, or somebody else has taken it
        finally:
            if self.socket:
                await self.socket.close()
            await self.push_frame(EndWorkerFrame(), FrameDirection.UPSTREAM)

    async def arrived(self, frame):
        if isinstance(frame, InputAudioRawFrame):
            await self.push_frame(SpeechOutputAudioRawFrame(frame.audio, frame.sample_rate, frame.num_channels))
        elif isinstance(frame, InputTransportMessageFrame):
            await self.push_frame(OutputTransportMessageUrgentFrame(message=frame.message))
        elif isinstance(frame, InterruptionFrame):
            await self.push_frame(frame)  # the transport drops what it has not played


def params(kind, **more):
    # 20 ms at a time, as audio comes from the session: a longer chunk would keep a rest of what was interrupted
    return lambda: kind(audio_in_enabled=True, audio_out_enabled=True, audio_out_10ms_chunks=2, **more)


TRANSPORTS = {"webrtc": params(TransportParams), "websocket": params(FastAPIWebsocketParams, serializer=ProtobufFrameSerializer())}
TRANSPORTS |= {name: params(FastAPIWebsocketParams) for name in ("twilio", "telnyx", "plivo", "exotel")}
try:
    from pipecat.transports.daily.transport import DailyParams

    TRANSPORTS["daily"] = params(DailyParams)
except Exception:
    pass  # Daily's package is not installed


async def session_for(runner_args):
    if "effect_voice" in (runner_args.body or {}):
        return runner_args.body["effect_voice"]
    key, base = os.getenv("EFFECT_VOICE_API_KEY"), os.getenv("EFFECT_VOICE_URL", "http://127.0.0.1:8080")
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    wanted = {"user_id": runner_args.session_id or "pipecat", "transport": "websocket"}
    async with aiohttp.ClientSession(base, headers=headers, raise_for_status=True) as http:
        async with http.post("/v1/sessions", json=wanted) as made:
            return await made.json()


async def bot(runner_args):
    transport = await create_transport(runner_args, TRANSPORTS)
    pipeline = Pipeline([transport.input(), EffectVoice(await session_for(runner_args)), transport.output()])
    worker = PipelineWorker(pipeline, enable_rtvi=False, idle_timeout_secs=None)  # the session speaks RTVI

    @transport.event_handler("on_client_disconnected")
    async def on_client_disconnected(transport, client):
        await worker.cancel()

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()


if __name__ == "__main__":
    from pipecat.runner.run import main

    main()
