"""The command `python -m effect_voice talk`: plays a recording as the user, and prints the conversation."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from typing import Final, Sequence

from . import recordings
from ._shapes import Event, UnknownEvent
from .call import CallEvent, ConnectionEvent, VoiceCall
from .connecting import connect
from .errors import VoiceError
from .messages import (
    AgentSpeechStoppedEvent,
    ErrorEvent,
    PlayoutClearEvent,
    TurnLatencyEvent,
    TurnUnansweredEvent,
    UserTranscriptEvent,
)
from .sessions import Session
from .talk import TalkState, Verdict

KEY: Final = "EFFECT_VOICE_API_KEY"
TOKEN: Final = "EFFECT_VOICE_TOKEN"
GREETING: Final = 30.0
"""The longest greeting that is waited for, in seconds; after it the user speaks over the agent."""

_SENTENCES: Final[dict[Verdict, str]] = {
    "silent": "the session sent nothing",
    "no_speech": "no speech was detected in the recording",
    "no_words": "speech was detected, but no words were recognised",
    "no_reply": "the agent did not reply",
    "endless": "the conversation did not end within 10 minutes of the recording's end",
    "failed": "the agent did not reply",
}


def plain(text: str) -> str:
    """Text of a server on one line: control characters, and those that turn text around, as their codes."""
    return "".join(
        each if each.isprintable() and not 0xD800 <= ord(each) < 0xE000 else f"\\u{{{ord(each):x}}}" for each in text
    )


def spoken(event: CallEvent) -> str | None:
    """The line that is printed for an event; `None` for those that are not printed."""
    if isinstance(event, UserTranscriptEvent):
        return f"you    {event.text}" if event.final and event.text != "" else None
    if isinstance(event, AgentSpeechStoppedEvent):
        how = "" if event.reason == "completed" else f" [{event.reason}]"
        return None if event.text == "" else f"agent  {event.text}{how}"
    if isinstance(event, TurnLatencyEvent):
        parts = ", ".join(f"{part.name} {part.ms:.0f} ms" for part in event.parts)
        return f"       answered after {event.total_ms:.0f} ms: {parts}"
    if isinstance(event, PlayoutClearEvent):
        return "       [interrupted]"
    if isinstance(event, TurnUnansweredEvent):
        return f"       [no answer: {event.reason}]"
    if isinstance(event, ErrorEvent):
        return f"       [{event.code}: {event.message}]"
    if isinstance(event, ConnectionEvent):
        return f"       [{event.state}]"
    return None


def _print(event: CallEvent, as_json: bool) -> None:
    if as_json:
        if isinstance(event, (Event, UnknownEvent)):
            print(json.dumps(event.raw), flush=True)
        return
    line = spoken(event)
    if line is not None:
        print(plain(line), flush=True)


async def _converse(call: VoiceCall, recording: recordings.Recording, state: TalkState, as_json: bool) -> Verdict:
    loop = asyncio.get_running_loop()

    async def listen() -> None:
        async for event in call:
            state.event(event, loop.time())
            _print(event, as_json)

    async def speak() -> Verdict:
        began = loop.time()
        await asyncio.sleep(0.3)
        # a greeting is played to its end
        while (state.agent_speaking or state.agent_preparing) and loop.time() - began < GREETING:
            await asyncio.sleep(0.02)
        await call.send_audio(recording.pcm)
        await call.drain_audio()
        while True:
            verdict = state.wait(loop.time())
            if verdict is not None:
                return verdict
            await asyncio.sleep(0.02)

    listener, speaker = asyncio.create_task(listen()), asyncio.create_task(speak())
    try:
        await asyncio.wait({listener, speaker}, return_when=asyncio.FIRST_COMPLETED)
        if speaker.done():
            verdict = speaker.result()
            await call.end()
            await listener
            return verdict
        await listener
        return state.outcome("no_reply")
    finally:
        for task in (listener, speaker):
            task.cancel()
        await asyncio.gather(listener, speaker, return_exceptions=True)


async def talk(options: argparse.Namespace) -> int:
    """Runs the command; gives its exit code."""
    recording = recordings.read(options.input)
    if options.output is not None and not os.path.isdir(os.path.dirname(os.path.abspath(options.output))):
        raise VoiceError(f"cannot write {options.output}: its directory does not exist")
    state = TalkState()
    reply = bytearray()
    most = recordings.MAX_SECONDS * 24_000 * 2
    loop = asyncio.get_running_loop()

    def heard(pcm: bytes) -> None:
        state.audio(loop.time())
        if options.output is not None and len(reply) < most:
            reply.extend(pcm)

    token = os.environ.get(TOKEN)
    if token is None:
        calling = connect(
            options.url,
            speaker=heard,
            input_rate=recording.rate,
            user_id="talk",
            agent=options.agent,
            api_key=os.environ.get(KEY),
        )
    else:
        session = Session(connection_url=options.url, token=token)
        calling = connect(session, speaker=heard, input_rate=recording.rate)
    async with calling as call:
        verdict = await _converse(call, recording, state, options.json)
        rate = call.output_rate
    if options.output is not None:
        recordings.write(options.output, bytes(reply), rate)
    if verdict == "replied":
        return 0
    why = "" if verdict != "failed" or state.error is None else f": {state.error[:500]}"
    print(plain(_SENTENCES[verdict] + why), file=sys.stderr)
    return 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the program; gives its exit code: 0, 1 for a failure, 2 for a usage error."""
    parser = argparse.ArgumentParser(prog="python -m effect_voice", description="Talks to a voice agent.")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("talk", help="plays a recording as the user and prints the conversation")
    command.add_argument("--url", required=True, help=f"the server, or with {TOKEN} a session's connection_url")
    command.add_argument("--input", required=True, help="what the user says: a WAV file")
    command.add_argument("--output", help="writes what the agent says: a WAV file")
    command.add_argument("--agent", help="which agent answers; default: the server's")
    command.add_argument("--json", action="store_true", help="prints every event as JSON")
    options = parser.parse_args(arguments)
    try:
        return asyncio.run(talk(options))
    except VoiceError as error:
        print(plain(f"{error.code}: {error.message}"), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
