/** The protocols of hosted models with any sequence of server messages, calls and lost connections. */
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { ConnectionFailed } from "../../../../src/BackendError.ts"
import * as LiveProtocol from "../../../../src/engines/gemini/LiveProtocol.ts"
import type { S2sListener, S2sProtocol } from "../../../../src/engines/hosted/s2s/S2sProtocol.ts"
import * as RealtimeProtocol from "../../../../src/engines/openai/RealtimeProtocol.ts"
import type { SpeechToSpeechEvent } from "../../../../src/speech/SpeechToSpeech.ts"
import { fewer } from "../../../support/Full.ts"

const lost = new ConnectionFailed({ op: "test", message: "gone" })
const audio = Buffer.from(new Int16Array(480).fill(5).buffer).toString("base64")

/** A message of the server; ids of responses and requests are drawn from a small range, so that they collide. */
const openai = (n: number): string => {
  const response = `r${n % 3}`
  const ids = { response_id: response, item_id: `i${n % 2}`, content_index: 0, output_index: 0 }
  const metadata = n % 4 === 0 ? null : { ask: `ask-${1 + n % 5}` }
  const messages: ReadonlyArray<object> = [
    { type: "session.created", session: {} },
    { type: "session.updated" },
    { type: "input_audio_buffer.speech_started", item_id: "u" },
    { type: "input_audio_buffer.speech_stopped", item_id: "u" },
    { type: "input_audio_buffer.committed", item_id: `u${n % 3}` },
    { type: "conversation.item.input_audio_transcription.completed", item_id: `u${n % 3}`, transcript: "words" },
    { type: "conversation.item.input_audio_transcription.failed", item_id: `u${n % 3}` },
    { type: "response.created", response: { id: response, metadata } },
    { type: "response.output_audio_transcript.delta", ...ids, delta: " some words" },
    { type: "response.output_audio.delta", ...ids, delta: n % 11 === 0 ? "!" : audio },
    { type: "response.function_call_arguments.done", ...ids, call_id: `c${n % 3}`, name: "f", arguments: "{" },
    { type: "response.done", response: { id: response, status: n % 5 === 0 ? "failed" : "completed" } },
    { type: "error", error: { code: "conversation_already_has_active_response", event_id: `ask-${1 + n % 5}` } },
    { type: "error", error: { code: "x", message: "x", event_id: `ask-${1 + n % 5}` } }
  ]
  return n % 29 === 7 ? "{" : JSON.stringify(messages[n % messages.length])
}

const gemini = (n: number): string => {
  const messages: ReadonlyArray<object> = [
    { setupComplete: {} },
    { serverContent: { inputTranscription: { text: "words ", finished: n % 2 === 0 } } },
    { serverContent: { outputTranscription: { text: "some words " } } },
    {
      serverContent: {
        modelTurn: { parts: [{ inlineData: { mimeType: "audio/pcm;rate=24000", data: n % 11 === 0 ? "!" : audio } }] }
      }
    },
    { serverContent: { interrupted: true } },
    { serverContent: { generationComplete: true } },
    { serverContent: { turnComplete: true } },
    { serverContent: { generationComplete: true, turnComplete: true } },
    { toolCall: { functionCalls: [{ id: `c${n % 3}`, name: "f", args: {} }] } },
    { toolCallCancellation: { ids: [`c${n % 3}`] } },
    { goAway: {} },
    { sessionResumptionUpdate: { newHandle: "h", resumable: n % 2 === 0 } },
    { voiceActivity: { voiceActivityType: n % 2 === 0 ? "ACTIVITY_START" : "ACTIVITY_END" } }
  ]
  return n % 29 === 7 ? "{" : JSON.stringify(messages[n % messages.length])
}

const protocols = {
  openai: {
    message: openai,
    openMessages: [`{"type":"session.created","session":{}}`, `{"type":"session.updated"}`],
    make: (listener: S2sListener, remote: boolean, answers: boolean) =>
      RealtimeProtocol.make({ ...listener, session: {}, remote, answers, history: [] })
  },
  gemini: {
    message: gemini,
    openMessages: [`{"setupComplete":{}}`],
    make: (listener: S2sListener, remote: boolean) => LiveProtocol.make({ ...listener, setup: {}, remote, history: [] })
  }
}

/** One step: a server message, or a call of the protocol. */
const Steps = Schema.Array(Schema.Struct({
  what: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 23 })),
  n: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 20_000 }))
})).check(Schema.isMinLength(30), Schema.isMaxLength(200))

for (const [name, { make, message, openMessages }] of Object.entries(protocols)) {
  describe(`the protocol of ${name}`, () => {
    it.prop(
      "emits the events of replies in order, for any sequence of messages and calls",
      [Steps, Schema.Boolean, Schema.Boolean],
      ([steps, remote, answers]) => {
        const ended = new Set<string>()
        const started = new Set<string>()
        const truncated = new Set<string>()
        const sent: Array<string> = []
        const emit = (event: SpeechToSpeechEvent) => {
          if (!("reply" in event)) return
          if (event._tag === "ReplyStarted") {
            assert.isFalse(started.has(event.reply), `${event.reply} starts twice`)
            started.add(event.reply)
            return
          }
          assert.isTrue(started.has(event.reply), `${event._tag} before the start of ${event.reply}`)
          assert.isFalse(ended.has(event.reply), `${event._tag} after the end of ${event.reply}`)
          assert.isFalse(truncated.has(event.reply), `${event._tag} of ${event.reply}, which was truncated`)
          if (event._tag === "ReplyEnded" || event._tag === "ReplyFailed") ended.add(event.reply)
        }
        const protocol: S2sProtocol = make({ emit, ready: () => {}, renew: () => {}, fail: () => {} }, remote, answers)
        let connected = false
        let at = 0
        for (const { n, what } of steps) {
          if (!connected && what < 21) {
            protocol.connected((message) => sent.push(message))
            for (const opening of openMessages) protocol.receive(opening)
            connected = true
          }
          if (what < 12) protocol.receive(message(n))
          else if (what < 14) protocol.push(new Int16Array(320).fill(n % 2 === 0 ? 8_000 : 0))
          else if (what === 14) protocol.activity({ _tag: "SpeechStarted", atSample: at, decidedAtSample: at })
          else if (what === 15) protocol.activity({ _tag: "SpeechStopped", atSample: at, decidedAtSample: at })
          else if (what === 16) protocol.commit(at, `${at}`)
          else if (what === 17) protocol.userText("typed", `${at}`)
          else if (what === 18) protocol.say("said", `${at}`)
          else if (what === 19) {
            const reply = Array.from(started)[n % Math.max(1, started.size)]
            if (reply !== undefined) {
              truncated.add(reply)
              protocol.truncate(reply, n % 500)
            }
          } else if (what === 20) protocol.toolResult(`c${n % 3}`, "result")
          else if (connected) {
            protocol.disconnected(lost)
            connected = false
          }
          at += 320
        }
        for (const message of sent) assert.isTrue(typeof JSON.parse(message) === "object")
        protocol.isBusy()
        protocol.tick()
      },
      { arbitrary: { runs: fewer(2_000) } }
    )
  })
}
