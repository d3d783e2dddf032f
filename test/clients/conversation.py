"""A conversation with a loudspeaker that the test controls; prints what was said and heard as JSON.

conversation.py URL QUESTION.wav INTERRUPTION.wav HEARD.pcm
"""

import asyncio
import json
import sys
from array import array
from typing import Any

import effect_voice
from effect_voice import recordings
from effect_voice.addresses import base_of
from effect_voice.http import request


async def main(url: str, question: str, interruption: str, output: str) -> None:
    loop = asyncio.get_running_loop()
    session = await effect_voice.create_session(url, user_id="ada")
    call = await effect_voice.connect(session, device=True)
    seen: list[dict[str, Any]] = []
    arrived = asyncio.Condition()
    heard = array("h")
    stalled = False

    async def listen() -> None:
        async for event in call:
            if isinstance(event, effect_voice.Event):
                seen.append(dict(event.raw))
            async with arrived:
                arrived.notify_all()

    async def until(type: str, **fields: Any) -> dict[str, Any]:
        """The last event of this type with these fields; waits for one."""
        wanted = {"type": type, **fields}.items()
        async with arrived:
            await arrived.wait_for(lambda: any(wanted <= each.items() for each in map(flat, seen)))
        return [each for each in seen if wanted <= flat(each).items()][-1]

    async def play() -> None:
        last = loop.time()
        while True:
            await asyncio.sleep(0.02)
            samples = int((loop.time() - last) * call.output_rate)
            last += samples / call.output_rate
            if not stalled:
                # silence is none of the agent's
                heard.extend(each for each in array("h", call.take_audio(2 * samples)) if each != 0)

    async def until_heard(turn: int, milliseconds: float) -> None:
        while call.heard_ms(turn) < milliseconds:
            await asyncio.sleep(0.01)

    tasks = [asyncio.create_task(listen()), asyncio.create_task(play())]
    await until("agent.speech_stopped", reason="completed")

    await call.send_audio(recordings.read(question).pcm)
    first = (await until("user.transcript", final=True))["turn"]
    await until_heard(first, 600)
    # over the agent
    await call.send_audio(recordings.read(interruption).pcm)
    await until("agent.speech_stopped", turn=first)

    second = (await until("user.transcript", final=True, text="four queen of clubs"))["turn"]
    await until_heard(second, 1_000)
    # the loudspeaker stands still, and the server goes on
    stalled = True
    await asyncio.sleep(3)
    call.interrupt()
    await until("agent.speech_stopped", turn=second)

    call.send_text("Goodbye.")
    stalled = False
    third = (await until("user.transcript", final=True, text="Goodbye."))["turn"]
    await until("agent.speech_stopped", turn=third)
    history = await request("GET", f"{base_of(url)}/v1/sessions/{seen_id(session)}/history", headers={})
    ended = await call.end()
    for task in tasks:
        task.cancel()
    with open(output, "wb") as file:
        file.write(heard.tobytes())
    print(
        json.dumps(
            {
                "stopped": [each for each in seen if each["type"] == "agent.speech_stopped"],
                "heard_ms": [call.heard_ms(turn) for turn in (first, second, third)],
                "history": json.loads(history.body),
                "ended": ended.reason,
            }
        )
    )


def flat(event: dict[str, Any]) -> dict[str, Any]:
    """The fields that can be compared."""
    return {key: value for key, value in event.items() if not isinstance(value, (dict, list))}


def seen_id(session: effect_voice.Session) -> str:
    return session.connection_url.rsplit("/", 2)[1]


asyncio.run(main(*sys.argv[1:5]))
