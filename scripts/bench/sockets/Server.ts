/**
 * This side of the benchmark over sockets: a server with real Silero, and a recogniser, an agent and a voice that take no
 * time. Prints its address; ends with its parent.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import * as Agent from "../../../src/agent/Agent.ts"
import { VoiceBackend } from "../../../src/backend/VoiceBackend.ts"
import * as Silero from "../../../src/engines/silero/index.ts"
import { ModelStore } from "../../../src/models/ModelStore.ts"
import * as Local from "../../../src/providers/local/index.ts"
import * as Server from "../../../src/server/index.ts"
import { SpeechToText, type TranscriptEvent } from "../../../src/speech/SpeechToText.ts"
import { TextToSpeech } from "../../../src/speech/TextToSpeech.ts"
import { REPLY_MS } from "./Users.ts"

const RATE = 24_000

const Stt = Layer.succeed(SpeechToText, {
  name: "instant",
  sampleRate: 16_000,
  capabilities: { interim: false, endOfTurn: false, languages: [] },
  open: () =>
    Effect.map(Queue.bounded<TranscriptEvent, Cause.Done>(64), (events) => {
      let heard = false
      return {
        push: () => {},
        activity: () => {
          heard = true
        },
        finalize: (id) => {
          if (heard) Queue.offerUnsafe(events, { _tag: "Final", text: "he was not an ill disposed young man" })
          heard = false
          Queue.offerUnsafe(events, { _tag: "Finalized", id })
        },
        events: Stream.fromQueue(events)
      }
    })
})

const Tts = Layer.succeed(TextToSpeech, {
  name: "instant",
  sampleRate: RATE,
  capabilities: { voices: [] },
  open: () =>
    Effect.succeed({
      speak: (sentences) =>
        Stream.flatMap(sentences, (text) =>
          Stream.fromIterable(
            Array.from({ length: REPLY_MS / 20 }, (_, index) => ({
              pcm: new Int16Array(RATE / 50).fill(1_000),
              text: index === 0 ? text : ""
            }))
          ))
    })
})

const Backend = VoiceBackend.layerSttTts({
  agent: Agent.fromStream(() => Stream.succeed("It is sunny with a light breeze from the west.")),
  config: { maxConcurrentSessions: 10_000 }
}).pipe(
  Layer.provide([Stt, Tts, Silero.layer().pipe(Layer.provide(ModelStore.layer)), Local.layer])
)

process.on("disconnect", () => process.exit(0))
await Effect.runPromise(
  Effect.gen(function*() {
    const { url } = yield* Server.VoiceServer
    process.send?.(url)
    return yield* Effect.never
  }).pipe(Effect.provide(Server.layer({ port: 0 }).pipe(Layer.provide(Backend))))
)
