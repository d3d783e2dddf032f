"""Asks an agent a question and prints the conversation: python ask.py http://127.0.0.1:8080 "What time is it?" """

import asyncio
import sys

import effect_voice
from effect_voice.messages import AgentSpeechStoppedEvent, UserTranscriptEvent


async def main(url: str, question: str) -> None:
    asked_in = None
    async with effect_voice.connect(url, user_id="ada") as call:  # speaker=… takes the agent's voice
        call.send_text(question)  # call.push_audio(pcm) takes the microphone's
        async for event in call:
            if isinstance(event, UserTranscriptEvent) and event.final:
                asked_in = event.turn
            elif isinstance(event, AgentSpeechStoppedEvent):
                print(f"agent ({event.reason}): {event.text}", flush=True)
                if event.turn == asked_in:
                    break


asyncio.run(main(*sys.argv[1:3]))
