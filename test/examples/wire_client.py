"""A client of the WebSocket protocol in Python 3.11 or later, with the package websockets:

    python wire_client.py http://127.0.0.1:8080 "What time is it?"
"""

import asyncio
import json
import sys
import time
import urllib.request

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

BASE = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080"
QUESTION = sys.argv[2] if len(sys.argv) > 2 else "What time is it?"
FRAME = bytes(640)  # 20 ms of silence at 16 kHz: the microphone's samples belong here
RESUME_WINDOW_S = 60
STOP = {1000, 4408, 4429}  # close codes after which a client does not reconnect


def create_session():
    request = urllib.request.Request(
        f"{BASE}/v1/sessions",
        data=json.dumps({"user_id": "ada", "transport": "websocket"}).encode(),
        headers={"content-type": "application/json"},
    )
    with urllib.request.urlopen(request) as response:
        return json.load(response)


class Call:
    def __init__(self, session):
        self.session = session
        self.rate = 24_000
        self.asked = False
        self.question_turn = None
        self.turn = 0
        self.played_ms = 0.0

    async def send_audio(self, socket):
        while True:
            await socket.send(FRAME)
            await asyncio.sleep(0.02)

    async def send_positions(self, socket):
        while True:
            if self.turn > 0:
                position = {"type": "playout.position", "turn": self.turn, "played_ms": self.played_ms}
                await socket.send(json.dumps(position))
            await asyncio.sleep(0.25)

    async def receive(self, socket, event):
        match event["type"]:
            case "session.started":
                self.rate = event["output"]["sample_rate"]
                if not self.asked:
                    await socket.send(json.dumps({"type": "user.text", "text": QUESTION}))
                self.asked = True
            case "user.transcript" if event["final"]:
                self.question_turn = event["turn"]
            case "agent.speech_started":
                if event["turn"] != self.turn:
                    self.turn, self.played_ms = event["turn"], 0.0
            case "playout.clear":
                pass  # the user interrupted: drop what the loudspeaker has not played yet
            case "agent.speech_stopped":
                print(f"agent ({event['reason']}): {event['text']}", flush=True)
                if event["turn"] == self.question_turn:
                    await socket.send(json.dumps({"type": "session.end"}))
            case "session.ended":
                print(f"ended: {event['reason']}", flush=True)

    async def attend(self):
        """One connection, from its handshake to its close code."""
        protocols = ["effect-voice.v1", f"token.{self.session['token']}"]
        async with connect(self.session["connection_url"], subprotocols=protocols) as socket:
            senders = [asyncio.create_task(self.send_audio(socket)), asyncio.create_task(self.send_positions(socket))]
            try:
                while True:
                    message = await socket.recv()
                    if isinstance(message, str):
                        await self.receive(socket, json.loads(message))
                    else:
                        # PCM for the loudspeaker; this program has none, so what has come counts as played.
                        self.played_ms += 1_000 * len(message) / 2 / self.rate
            except ConnectionClosed as closed:
                return closed.rcvd.code if closed.rcvd is not None else 1006
            finally:
                for sender in senders:
                    sender.cancel()
                await asyncio.gather(*senders, return_exceptions=True)


async def main():
    call = Call(create_session())
    lost_at = None
    while True:
        try:
            code = await call.attend()
            lost_at = None
        except (OSError, InvalidHandshake):
            code = 1006
        if code in STOP:
            return
        lost_at = lost_at or time.monotonic()
        if time.monotonic() - lost_at > RESUME_WINDOW_S:
            sys.exit(f"the connection was lost ({code})")
        print(f"connecting again after {code}", flush=True)
        await asyncio.sleep(0.5)


asyncio.run(main())
