/**
 * What the embedded engines cost and how well they hear: `node scripts/launch.mjs scripts/bench/engines.ts [base]`.
 *
 * Downloads the models on first use. Nothing here asserts a time.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Pcm from "../../src/audio/Pcm.ts"
import type { BackendError } from "../../src/BackendError.ts"
import * as Energy from "../../src/engines/energy/index.ts"
import * as Flite from "../../src/engines/flite/index.ts"
import * as Moonshine from "../../src/engines/moonshine/index.ts"
import * as Silero from "../../src/engines/silero/index.ts"
import { SpeechToText } from "../../src/speech/SpeechToText.ts"
import { TextToSpeech } from "../../src/speech/TextToSpeech.ts"
import { VoiceActivityDetector } from "../../src/speech/VoiceActivityDetector.ts"
import * as Recordings from "../../test/engines/Recordings.ts"
import { edits, wer, words } from "../../test/support/Wer.ts"
import { quantile } from "./Statistics.ts"

const millis = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos) / 1e6)
const rss = () => `${Math.round(process.memoryUsage().rss / 1e6)} MB`

const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const from = yield* millis
    const value = yield* effect
    return [value, (yield* millis) - from] as const
  })

const listening = Effect.gen(function*() {
  const pairs: Array<readonly [string, string]> = []
  for (const name of Recordings.recordings) {
    const [events, took] = yield* timed(Recordings.transcribe(Recordings.inRoom(Recordings.load(name))))
    const heard = Recordings.finals(events)
    pairs.push([Recordings.references[name], heard])
    yield* Console.log(
      `  ${name}: ${edits(words(Recordings.references[name]), words(heard))} of ${
        words(Recordings.references[name]).length
      } words wrong, ${took.toFixed(0)} ms with all interims: ${heard}`
    )
  }
  yield* Console.log(`  WER ${(100 * wer(pairs)).toFixed(1)} %`)
  for (const [what, gap] of [["with pauses of 0.3 s", 0.3], ["without pauses", 0]] as const) {
    const parts = Recordings.recordings.flatMap((name) => [Recordings.load(name), Recordings.room(gap)])
    const long = Pcm.concat([...parts, ...parts])
    const text = Recordings.recordings.map((name) => Recordings.references[name]).join(" ")
    const [events, took] = yield* timed(Recordings.transcribe(Recordings.inRoom(long)))
    yield* Console.log(
      `  ${(long.length / 16_000).toFixed(1)} s ${what}: WER ${
        (100 * wer([[`${text} ${text}`, Recordings.finals(events)]])).toFixed(1)
      } %, ${took.toFixed(0)} ms`
    )
  }
  const stt = yield* SpeechToText
  for (const seconds of [1, 2, 3, 5, 8, 12]) {
    const pcm = Pcm.concat(Recordings.recordings.map(Recordings.load)).subarray(0, seconds * 16_000)
    const times: Array<number> = []
    for (let i = 0; i < 8; i++) {
      const [, took] = yield* timed(Effect.scoped(Effect.gen(function*() {
        const stream = yield* stt.open({ sessionId: "bench" })
        stream.push(pcm)
        stream.finalize(1, pcm.length)
        yield* Recordings.until(stream, 1)
      })))
      times.push(took)
    }
    yield* Console.log(
      `  decode of ${seconds} s: p50 ${quantile(times, 0.5).toFixed(0)} ms, p95 ${quantile(times, 0.95).toFixed(0)} ms`
    )
  }
})

const sentences = [
  "Hello, how can I help you today?",
  "My order number is four seven nine two one.",
  "The weather will be warm and sunny in the afternoon.",
  "I will send you a message when the package arrives.",
  "Yes."
]

const speaking = Effect.gen(function*() {
  const tts = yield* TextToSpeech
  for (const name of Flite.voices) {
    const voice = yield* tts.open({ sessionId: "bench", voice: name })
    const first: Array<number> = []
    const pairs: Array<readonly [string, string]> = []
    for (let i = 0; i < 4; i++) {
      for (const sentence of sentences) {
        const from = yield* millis
        let at = 0
        const chunks = yield* voice.speak(Stream.make(sentence)).pipe(
          Stream.tap(() =>
            Effect.map(millis, (now) => {
              if (at === 0) at = now
            })
          ),
          Stream.runCollect
        )
        first.push(at - from)
        if (i > 0) continue
        const events = yield* Recordings.transcribe(Recordings.inRoom(Pcm.concat(chunks.map((chunk) => chunk.pcm))))
        pairs.push([sentence, Recordings.finals(events)])
      }
    }
    yield* Console.log(
      `  ${name}: first chunk p50 ${quantile(first, 0.5).toFixed(0)} ms, p95 ${
        quantile(first, 0.95).toFixed(0)
      } ms; re-read with WER ${(100 * wer(pairs)).toFixed(1)} %`
    )
  }
}).pipe(Effect.scoped)

const detecting = (what: string) =>
  Effect.gen(function*() {
    const speech = Pcm.concat(Recordings.recordings.flatMap((name) => [Recordings.load(name), Recordings.room(1)]))
    const minute = Pcm.concat([speech, speech, speech]).subarray(0, 60 * 16_000)
    const before = process.memoryUsage().rss
    const hour = 20
    const [, took] = yield* timed(
      Effect.forEach(Array.from({ length: hour }), () => Recordings.detect(minute), { discard: true })
    )
    const windows = hour * minute.length / 512
    yield* Console.log(
      `  ${what}: ${(1000 * took / windows).toFixed(1)} us for 32 ms; RSS grew ${
        ((process.memoryUsage().rss - before) / 1e6).toFixed(1)
      } MB over ${(hour * minute.length / 16_000 / 60).toFixed(0)} min`
    )
    for (const name of Recordings.recordings) {
      const found = yield* Recordings.detect(Recordings.inRoom(Recordings.load(name)))
      yield* Console.log(
        `    ${name}: ${
          found.map((a) =>
            `${a._tag === "SpeechStarted" ? "+" : "-"}${(a.atSample / 16_000).toFixed(2)} (at ${
              (a.decidedAtSample / 16_000).toFixed(2)
            })`
          ).join(" ")
        }`
      )
    }
  })

const options = <A>(schema: Schema.Codec<A, unknown>): A => Schema.decodeSync(schema)({})
const model = process.argv.includes("base") ? "base" : "tiny"

const Vad = Silero.definition.layer({})
const Engines = Layer.mergeAll(Moonshine.definition.layer({ model }), Flite.layer())

const main: Effect.Effect<void, BackendError> = Effect.gen(function*() {
  yield* Console.log(`start: RSS ${rss()}`)
  yield* Effect.gen(function*() {
    yield* Console.log(`silero, RSS ${rss()}`)
    yield* detecting("silero")
    yield* Effect.gen(function*() {
      yield* Console.log(`moonshine ${model} and flite loaded: RSS ${rss()}`)
      yield* listening
      yield* Console.log(`flite, RSS ${rss()}`)
      yield* speaking
      yield* Console.log(`end: RSS ${rss()}`)
    }).pipe(Effect.provide(Engines))
  }).pipe(Effect.provide(Vad))
  yield* Console.log("energy")
  yield* detecting("energy").pipe(Effect.provide(
    Layer.effect(VoiceActivityDetector, VoiceActivityDetector).pipe(
      Layer.provide(Energy.layer(options(Energy.EnergyOptions)))
    )
  ))
})

Effect.runPromise(main).catch((cause: unknown) => {
  process.stderr.write(`${String(cause)}\n`)
  process.exitCode = 1
})
