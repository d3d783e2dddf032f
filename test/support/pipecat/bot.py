"""A bot of the real Pipecat, with its own voice activity detector and turns, for Pipecat's runner.

Its recogniser always hears BOT_HEARS; it always answers with the sentence BOT_SAYS, in the voice of the file BOT_PCM (16-bit
PCM, 24 kHz). When it is typed "bye" it hangs up, and when it is typed "die" its process ends.
"""
import os
from datetime import datetime, timezone

from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import (EndWorkerFrame, LLMFullResponseEndFrame, LLMFullResponseStartFrame, LLMMessagesAppendFrame,
    LLMTextFrame, TranscriptionFrame, TTSAudioRawFrame, TTSStartedFrame, TTSStoppedFrame, UserStoppedSpeakingFrame,
    VADUserStoppedSpeakingFrame)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.audio.vad_processor import VADProcessor
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.runner.utils import create_transport
from pipecat.serializers.protobuf import ProtobufFrameSerializer
from pipecat.transports.websocket.fastapi import FastAPIWebsocketParams
from pipecat.turns.user_start import VADUserTurnStartStrategy
from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy
from pipecat.turns.user_turn_processor import UserTurnProcessor
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from pipecat.workers.runner import WorkerRunner

HEARS, SAYS, RATE = os.environ["BOT_HEARS"], os.environ["BOT_SAYS"], 24000
with open(os.environ["BOT_PCM"], "rb") as file:
    PCM = file.read()


class Ears(FrameProcessor):
    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)
        if isinstance(frame, VADUserStoppedSpeakingFrame) and direction == FrameDirection.DOWNSTREAM:
            await self.push_frame(TranscriptionFrame(HEARS, "user", datetime.now(timezone.utc).isoformat(), finalized=True))


class Mind(FrameProcessor):
    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)
        if direction != FrameDirection.DOWNSTREAM:
            return
        if isinstance(frame, LLMMessagesAppendFrame):
            said = frame.messages[-1]["content"]
            if said == "die":
                os._exit(1)
            if said == "bye":
                return await self.push_frame(EndWorkerFrame(), FrameDirection.UPSTREAM)
        elif not isinstance(frame, UserStoppedSpeakingFrame):
            return
        for each in [LLMFullResponseStartFrame(), LLMTextFrame(SAYS), LLMFullResponseEndFrame(), TTSStartedFrame(context_id="r")]:
            await self.push_frame(each)
        for at in range(0, len(PCM), 960):
            await self.push_frame(TTSAudioRawFrame(PCM[at:at + 960], RATE, 1, context_id="r"))
        await self.push_frame(TTSStoppedFrame(context_id="r"))


async def bot(runner_args):
    params = FastAPIWebsocketParams(audio_in_enabled=True, audio_out_enabled=True, audio_out_end_silence_secs=0,
        serializer=ProtobufFrameSerializer())
    transport = await create_transport(runner_args, {"websocket": lambda: params})
    turns = UserTurnStrategies(start=[VADUserTurnStartStrategy()], stop=[SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=0.3)])
    worker = PipelineWorker(Pipeline([transport.input(), VADProcessor(vad_analyzer=SileroVADAnalyzer()), Ears(),
        UserTurnProcessor(user_turn_strategies=turns), Mind(), transport.output()]))

    @transport.event_handler("on_client_disconnected")
    async def on_client_disconnected(transport, client):
        print("GONE", flush=True)
        await worker.cancel()

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()


if __name__ == "__main__":
    from pipecat.runner.run import main

    main()
