/**
 * This side: a whole `VoiceBackend` with engines that take no time.
 *
 * A policy waits for at least 100 ms of silence. So that nothing of a configured wait is measured, the detector tells at
 * the first silent frame that speech ended so long ago: that frame completes the wait, and the turn is over at its push.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Agent from "../../../src/agent/Agent.ts"
import * as BackendProvider from "../../../src/backend/provider/BackendProvider.ts"
import { VoiceBackend } from "../../../src/backend/VoiceBackend.ts"
import type { BackendError } from "../../../src/BackendError.ts"
import { type ConversationPolicy, defaultPolicy } from "../../../src/conversation/ConversationPolicy.ts"
import type { ConnectionListener, UserConnection } from "../../../src/session/UserConnection.ts"
import { SpeechToText, type TranscriptEvent } from "../../../src/speech/SpeechToText.ts"
import { type SpeechChunk, TextToSpeech } from "../../../src/speech/TextToSpeech.ts"
import { TIMELINE_RATE, VoiceActivityDetector } from "../../../src/speech/VoiceActivityDetector.ts"
import * as OtlpExport from "../../../src/telemetry/OtlpExport.ts"
import * as TelemetryConfig from "../../../src/telemetry/TelemetryConfig.ts"
import {
  answer,
  type Driven,
  FRAME_MS,
  INPUT_RATE,
  isSpeech,
  type Load,
  OUTPUT_RATE,
  type Peer,
  question,
  type Sink
} from "./Load.ts"

const silenceMs = 100

const policyOf = ({ pause }: Load): ConversationPolicy => ({
  ...defaultPolicy,
  endpointing: { ...defaultPolicy.endpointing, silence: Duration.millis(silenceMs) },
  interruption: {
    ...defaultPolicy.interruption,
    ...(pause ? {} : { minSpeech: Duration.zero })
  }
})

/** The sink of the session that is being opened: its detector tells the meter. */
let opening: Sink | undefined

const Vad = Layer.succeed(VoiceActivityDetector, {
  name: "instant",
  sampleRate: TIMELINE_RATE,
  open: ({ onActivity }) =>
    Effect.sync(() => {
      const sink = opening
      const waited = silenceMs * TIMELINE_RATE / 1000
      let position = 0
      let speaking = false
      return {
        push: (pcm) => {
          position += pcm.length
          if (isSpeech(pcm) === speaking) return
          speaking = !speaking
          if (speaking) {
            sink?.meter.decided()
            onActivity({ _tag: "SpeechStarted", atSample: position - pcm.length, decidedAtSample: position })
          } else {
            onActivity({ _tag: "SpeechStopped", atSample: position - waited, decidedAtSample: position })
          }
        },
        reset: () => {}
      }
    })
})

const Stt = Layer.succeed(SpeechToText, {
  name: "instant",
  sampleRate: TIMELINE_RATE,
  capabilities: { interim: false, endOfTurn: false, languages: [] },
  open: () =>
    Effect.map(Queue.unbounded<TranscriptEvent, Cause.Done>(), (events) => {
      let heard = false
      return {
        push: (pcm) => {
          heard ||= isSpeech(pcm)
        },
        activity: () => {},
        finalize: (id) => {
          if (heard) Queue.offerUnsafe(events, { _tag: "Final", text: question })
          heard = false
          Queue.offerUnsafe(events, { _tag: "Finalized", id })
        },
        events: Stream.fromQueue(events)
      }
    })
})

const ttsOf = ({ chunkMs, replyMs }: Load) => {
  const speech = (text: string): ReadonlyArray<SpeechChunk> =>
    Array.from({ length: Math.round(replyMs / chunkMs) }, (_, index) => ({
      pcm: new Int16Array(OUTPUT_RATE * chunkMs / 1000),
      text: index === 0 ? text : ""
    }))
  return Layer.succeed(TextToSpeech, {
    name: "instant",
    sampleRate: OUTPUT_RATE,
    capabilities: { voices: [] },
    open: () =>
      Effect.succeed({
        speak: (sentences) => Stream.flatMap(sentences, (sentence) => Stream.fromIterable(speech(sentence)))
      })
  })
}

const Provider = Layer.succeed(
  BackendProvider.BackendProvider,
  BackendProvider.make({
    name: "bench",
    description: "sessions get their connections from the benchmark",
    capabilities: {
      s2s: false,
      multiUser: true,
      sessionPersistence: false,
      customAuth: false,
      customRateLimiting: false,
      maxConcurrentSessions: 0,
      minLatency: Duration.zero,
      codecs: []
    },
    config: Schema.Struct({}),
    connect: () =>
      Effect.succeed({
        open: () => Effect.succeed({ access: { connectionUrl: "memory:" }, attachments: Stream.never }),
        probe: Effect.succeed({ name: "provider", status: "healthy" as const })
      })
  })
)

/** A link with a real one's limits (it is no "memory" link, whose audio is not held to real time). */
const connectionOf = (sink: Sink, listen: (listener: ConnectionListener) => void): UserConnection => ({
  id: "bench",
  transport: "bench",
  format: { input: { sampleRate: INPUT_RATE }, output: { sampleRate: OUTPUT_RATE } },
  listen,
  send: () => {
    if (sink.isFull) return false
    sink.take(FRAME_MS)
    return true
  },
  clear: () => sink.clear(),
  notify: () => {},
  close: () => Effect.void
})

const watched = ({ metrics, tracing }: NonNullable<Load["telemetry"]>) => ({
  enableTracing: tracing,
  enableMetrics: metrics,
  enableStructuredLogging: tracing
})

const exported = ({ telemetry }: Load): Layer.Layer<never, BackendError> =>
  telemetry?.endpoint === undefined
    ? Layer.empty
    : Layer.unwrap(
      Effect.map(
        TelemetryConfig.resolve({ endpoint: telemetry.endpoint, exportInterval: 1_000 }, {}),
        (target) => target === undefined ? Layer.empty : OtlpExport.layer(target, watched(telemetry))
      )
    )

/** More than there will be. */
const patience = { maxLag: Duration.seconds(10), maxBacklog: Duration.seconds(30) }

/** Starts the backend. */
export const connect = async (load: Load): Promise<Peer> => {
  const runtime = ManagedRuntime.make(
    VoiceBackend.layerSttTts({
      agent: Agent.fromStream(() => Stream.succeed(answer)),
      config: {
        conversation: policyOf(load),
        maxConcurrentSessions: 10_000,
        ...(load.patient === true ? { overload: patience } : {}),
        ...(load.telemetry === undefined ? {} : watched(load.telemetry))
      }
    }).pipe(Layer.provide([Vad, Stt, ttsOf(load), Provider]), Layer.provide(exported(load)))
  )
  const open = async (sink: Sink): Promise<Driven> => {
    opening = sink
    let listener: ConnectionListener | undefined
    const connection = connectionOf(sink, (next) => {
      listener = next
    })
    const id = await runtime.runPromise(Effect.gen(function*() {
      const backend = yield* VoiceBackend
      const session = yield* backend.createSession({ userId: "bench", transport: "websocket" })
      yield* session.attach(connection)
      return session.id
    }))
    return {
      sink,
      push: (pcm) => listener?.audio(pcm),
      tick: () => {
        sink.play(FRAME_MS)
      },
      close: () => runtime.runPromise(VoiceBackend.use((backend) => backend.closeSession(id)))
    }
  }
  await runtime.context()
  return { open, close: () => runtime.dispose() }
}
