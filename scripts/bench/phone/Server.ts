/**
 * What is called by telephones and by users of the native WebSocket: a server with engines that take no time, and the provider
 * `telephony`, which takes media streams of Twilio. Prints both addresses; ends with its parent.
 *
 * The detector looks at one sample of a frame, and tells at the first silent frame that speech ended so long ago that the turn is
 * over: nothing of a configured wait is measured.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import * as Agent from "../../../src/agent/Agent.ts"
import { BackendProvider } from "../../../src/backend/provider/BackendProvider.ts"
import { VoiceBackend } from "../../../src/backend/VoiceBackend.ts"
import { defaultPolicy } from "../../../src/conversation/ConversationPolicy.ts"
import * as Telephony from "../../../src/providers/telephony/index.ts"
import * as Server from "../../../src/server/index.ts"
import { SpeechToText, type TranscriptEvent } from "../../../src/speech/SpeechToText.ts"
import { TextToSpeech } from "../../../src/speech/TextToSpeech.ts"
import { TIMELINE_RATE, VoiceActivityDetector } from "../../../src/speech/VoiceActivityDetector.ts"
import { isSpeech, REPLY_MS } from "./Callers.ts"

const RATE = 24_000
const SILENCE_MS = 100
const SECRET = "for-the-benchmark"

const Vad = Layer.succeed(VoiceActivityDetector, {
  name: "instant",
  sampleRate: TIMELINE_RATE,
  open: ({ onActivity }) =>
    Effect.sync(() => {
      let position = 0
      let speaking = false
      return {
        push: (pcm) => {
          position += pcm.length
          if (isSpeech(pcm) === speaking) return
          speaking = !speaking
          if (speaking) {
            onActivity({ _tag: "SpeechStarted", atSample: position - pcm.length, decidedAtSample: position })
          } else {
            const atSample = position - SILENCE_MS * TIMELINE_RATE / 1_000
            onActivity({ _tag: "SpeechStopped", atSample, decidedAtSample: position })
          }
        },
        reset: () => {}
      }
    })
})

const Stt = Layer.succeed(SpeechToText, {
  name: "instant",
  sampleRate: TIMELINE_RATE,
  sampleRates: [8_000],
  capabilities: { interim: false, endOfTurn: false, languages: [] },
  open: () =>
    Effect.map(Queue.bounded<TranscriptEvent, Cause.Done>(64), (events) => {
      let heard = false
      return {
        push: (pcm) => {
          heard ||= isSpeech(pcm)
        },
        activity: () => {},
        finalize: (id) => {
          if (heard) Queue.offerUnsafe(events, { _tag: "Final", text: "what is the weather today" })
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
  config: {
    maxConcurrentSessions: 10_000,
    providerConfig: { carriers: [{ name: "bench", kind: "stream", protocol: "twilio", secret: SECRET }] },
    conversation: {
      ...defaultPolicy,
      endpointing: { ...defaultPolicy.endpointing, silence: Duration.millis(SILENCE_MS) }
    }
  }
}).pipe(Layer.provide([Vad, Stt, Tts, Layer.succeed(BackendProvider, Telephony.provider)]))

process.on("disconnect", () => process.exit(0))
await Effect.runPromise(
  Effect.gen(function*() {
    const { url } = yield* Server.VoiceServer
    const phone = `${url.replace(/^http/, "ws")}/telephony/bench/media?secret=${SECRET}`
    process.send?.({ native: url, phone })
    return yield* Effect.never
  }).pipe(Effect.provide(Server.layer({ port: 0 }).pipe(Layer.provide(Backend))))
)
