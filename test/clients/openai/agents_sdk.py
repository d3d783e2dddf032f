"""OpenAI's Agents SDK: agents_sdk.py URL QUESTION.wav INTERRUPTION.wav"""

import asyncio
import sys

from agents import function_tool, set_tracing_disabled
from agents.realtime import RealtimeAgent, RealtimeRunner
from talk import Talk

set_tracing_disabled(True)


async def main(url: str, question: str, interruption: str) -> None:
    talk = Talk(url, question, interruption)

    @function_tool
    def get_weather(city: str) -> str:
        """Tells the weather."""
        return talk.weather(city)

    agent = RealtimeAgent(name="concierge", instructions="Be brief.", tools=[get_weather])
    model = {"api_key": "sk-test", "url": f"{talk.realtime}?model=gpt-realtime"}
    history: list = []
    async with await RealtimeRunner(agent).run(model_config=model) as session:

        async def listen() -> None:
            async for event in session:
                if event.type == "raw_model_event" and event.data.type == "raw_server_event":
                    talk.take(event.data.data)
                elif event.type == "history_updated":
                    history[:] = event.history
                elif event.type == "error":
                    talk.failures.append(str(event.error))

        tasks = [asyncio.create_task(listen()), asyncio.create_task(talk.microphone(session.send_audio))]
        await talk.hold(session.send_message)
        # what it has asked for last is answered before this is
        await asyncio.sleep(0.5)
        await asyncio.to_thread(talk.report, [entry for item in history for entry in words(item)])
        for task in tasks:
            task.cancel()


def words(item) -> list[list[str]]:
    """Who, and which words."""
    if item.type != "message":
        return []
    return [
        [item.role, text]
        for part in item.content
        for text in [getattr(part, "transcript", None) or getattr(part, "text", None)]
        if text
    ]


asyncio.run(main(*sys.argv[1:4]))
