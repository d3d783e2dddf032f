"""Pipecat's service for OpenAI's Realtime API: pipecat_service.py URL QUESTION.wav INTERRUPTION.wav"""

import asyncio
import json
import sys

from pipecat.adapters.schemas.function_schema import FunctionSchema
from pipecat.adapters.schemas.tools_schema import ToolsSchema
from pipecat.frames.frames import ErrorFrame, InputAudioRawFrame, LLMRunFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.services.openai.realtime import events
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService
from pipecat.workers.runner import WorkerRunner
from talk import RATE, Talk


async def main(url: str, question: str, interruption: str) -> None:
    talk = Talk(url, question, interruption)
    parse = events.parse_server_event

    def seen(text: str):
        """The events as they come; the service reads them as it always does."""
        try:
            event = parse(text)
        except Exception as cause:
            talk.failures.append(str(cause)[:1_000])
            raise
        talk.take(json.loads(text))
        return event

    events.parse_server_event = seen
    llm = OpenAIRealtimeLLMService(
        api_key="sk-test",
        base_url=talk.realtime,
        settings=OpenAIRealtimeLLMService.Settings(
            model="gpt-realtime",
            system_instruction="Be brief.",
            session_properties=events.SessionProperties(
                audio=events.AudioConfiguration(
                    input=events.AudioInput(transcription=events.InputAudioTranscription()),
                )
            ),
        ),
    )

    async def get_weather(params) -> None:
        await params.result_callback(talk.weather(params.arguments["city"]))

    llm.register_function("get_weather", get_weather)
    tool = FunctionSchema(
        name="get_weather",
        description="Tells the weather.",
        properties={"city": {"type": "string"}},
        required=["city"],
    )
    context = LLMContext(messages=[], tools=ToolsSchema(standard_tools=[tool]))
    aggregators = LLMContextAggregatorPair(context)
    worker = PipelineWorker(Pipeline([aggregators.user(), llm, aggregators.assistant()]))

    @worker.event_handler("on_pipeline_error")
    async def on_pipeline_error(_worker, frame: ErrorFrame) -> None:
        talk.failures.append(frame.error)

    async def send(pcm: bytes) -> None:
        await worker.queue_frame(InputAudioRawFrame(audio=pcm, sample_rate=RATE, num_channels=1))

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    running = asyncio.create_task(runner.run())
    await worker.queue_frame(LLMRunFrame())
    speaking = asyncio.create_task(talk.microphone(send))
    await talk.hold(None)
    own = [[each["role"], each["content"]] for each in context.get_messages() if isinstance(each.get("content"), str)]
    await asyncio.to_thread(talk.report, own)
    speaking.cancel()
    await worker.cancel()
    await running


asyncio.run(main(*sys.argv[1:4]))
