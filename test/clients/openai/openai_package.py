"""OpenAI's own package, which leaves tools and interruptions to its user: openai_package.py URL QUESTION.wav INTERRUPTION.wav"""

import asyncio
import base64
import json
import sys
import time

from openai import AsyncOpenAI
from talk import Talk

TOOL = {
    "type": "function",
    "name": "get_weather",
    "description": "Tells the weather.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


async def main(url: str, question: str, interruption: str) -> None:
    talk = Talk(url, question, interruption)
    client = AsyncOpenAI(api_key="sk-test", websocket_base_url=f"{url.replace('http', 'ws', 1)}/v1")
    async with client.realtime.connect(model="gpt-realtime") as connection:
        await connection.session.update(
            session={"type": "realtime", "instructions": "Be brief.", "tools": [TOOL], "tool_choice": "auto"}
        )

        async def listen() -> None:
            speaking, since = "", 0.0
            async for event in connection:
                talk.take(event.model_dump(mode="json"))
                if event.type == "response.output_audio.delta":
                    if event.item_id != speaking:
                        speaking, since = event.item_id, time.monotonic()
                elif event.type == "input_audio_buffer.speech_started" and speaking != "":
                    played = int((time.monotonic() - since) * 1_000)
                    await connection.conversation.item.truncate(item_id=speaking, content_index=0, audio_end_ms=played)
                    speaking = ""
                elif event.type == "response.done":
                    await run_tools(event.response.output)

        async def run_tools(items) -> None:
            for item in items:
                if item.type == "function_call":
                    output = talk.weather(json.loads(item.arguments)["city"])
                    await connection.conversation.item.create(
                        item={"type": "function_call_output", "call_id": item.call_id, "output": output}
                    )
                    await connection.response.create()

        async def send(pcm: bytes) -> None:
            await connection.input_audio_buffer.append(audio=base64.b64encode(pcm).decode())

        async def type_text(text: str) -> None:
            content = [{"type": "input_text", "text": text}]
            await connection.conversation.item.create(item={"type": "message", "role": "user", "content": content})
            await connection.response.create()

        tasks = [asyncio.create_task(listen()), asyncio.create_task(talk.microphone(send))]
        await talk.hold(type_text)
        await asyncio.to_thread(talk.report)
        for task in tasks:
            task.cancel()


asyncio.run(main(*sys.argv[1:4]))
