/**
 * What is called by telephones and by users of the native WebSocket: a server with engines that take no time, and the media streams
 * of Twilio on a port of their own. Prints both addresses; ends with its parent.
 *
 * The detector looks at one sample of a frame, and tells at the first silent frame that speech ended so long ago that the turn is
 * over: nothing of a configured wait is measured.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import { type WebSocket, WebSocketServer } from "ws"
import * as Agent from "../../../src/agent/Agent.ts"
import { VoiceBackend } from "../../../src/backend/VoiceBackend.ts"
import { defaultPolicy } from "../../../src/conversation/ConversationPolicy.ts"
import * as Twilio from "../../../src/protocols/media-streams/Twilio.ts"
import * as MediaConnection from "../../../src/protocols/MediaConnection.ts"
import * as MediaOpening from "../../../src/protocols/MediaOpening.ts"
import * as Local from "../../../src/providers/local/index.ts"
import * as Server from "../../../src/server/index.ts"
import { SpeechToText, type TranscriptEvent } from "../../../src/speech/SpeechToText.ts"
import { TextToSpeech } from "../../../src/speech/TextToSpeech.ts"
import { TIMELINE_RATE, VoiceActivityDetector } from "../../../src/speech/VoiceActivityDetector.ts"
import * as WebSocketConnection from "../../../src/transport/websocket/WebSocketConnection.ts"
import { isSpeech, REPLY_MS } from "./Callers.ts"

const RATE = 24_000
const SILENCE_MS = 100

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
    conversation: {
      ...defaultPolicy,
      endpointing: { ...defaultPolicy.endpointing, silence: Duration.millis(SILENCE_MS) }
    }
  }
}).pipe(Layer.provide([Vad, Stt, Tts, Local.layer]))

/** A call, from its first message to its end, as the provider `telephony` has it. */
const serve = Effect.fnUntraced(function*(socket: WebSocket) {
  const backend = yield* VoiceBackend
  const { start, take } = yield* MediaOpening.read(socket, Twilio.protocol, "10 seconds")
  const session = yield* backend.createSession({
    userId: "bench",
    transport: "websocket",
    inputSampleRate: start.input.sampleRate
  })
  const { closed, connection } = yield* MediaConnection.make(socket, {
    protocol: Twilio.protocol,
    start,
    arrived: take(),
    stopped: () => {}
  })
  yield* session.attach(connection)
  yield* closed
  yield* backend.closeSession(session.id)
}, Effect.scoped)

process.on("disconnect", () => process.exit(0))
await Effect.runPromise(
  Effect.gen(function*() {
    const { url } = yield* Server.VoiceServer
    const run = yield* FiberSet.makeRuntime<VoiceBackend>()
    const streams = new WebSocketServer({
      host: "127.0.0.1",
      port: 0,
      autoPong: false,
      maxPayload: WebSocketConnection.MAX_PAYLOAD_BYTES,
      perMessageDeflate: false
    })
    streams.on("connection", (socket) => {
      socket.pause()
      run(Effect.catch(serve(socket), (error) => Effect.logWarning("a call has failed", error)))
    })
    yield* Effect.callback<void>((resume) => void streams.once("listening", () => resume(Effect.void)))
    const address = streams.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    process.send?.({ native: url, phone: `ws://127.0.0.1:${port}` })
    return yield* Effect.never
  }).pipe(Effect.scoped, Effect.provide(Server.layer({ port: 0 }).pipe(Layer.provideMerge(Backend))))
)
