/**
 * What we add to a speech-to-speech model (SC-005): whole sessions in real time over fakes of OpenAI Realtime and Gemini Live
 * that decide turns and answer after 200 ms.
 *
 * `in` is from the user's frame that ends the turn to the model's having heard it, `out` from the model's first audio on its
 * way to the first frame that leaves for the user; both pass loopback sockets, and the fakes run in the same process. The
 * first turn of each session is left out.
 *
 * Usage: `npm run bench -- s2s`; `EFFECT_VOICE_SESSIONS` (10) and `EFFECT_VOICE_ROUNDS` (20) turns in each.
 *
 * @since 0.1.0
 */
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as Pcm from "../../src/audio/Pcm.ts"
import * as BackendProvider from "../../src/backend/provider/BackendProvider.ts"
import { VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import type { BackendError } from "../../src/BackendError.ts"
import * as Gemini from "../../src/engines/gemini/index.ts"
import * as OpenAi from "../../src/engines/openai/SpeechToSpeech.ts"
import type { SpeechToSpeech } from "../../src/speech/SpeechToSpeech.ts"
import { provider } from "../../test/session/Harness.ts"
import * as FakeGemini from "../../test/support/FakeGeminiLive.ts"
import type { FakeModel } from "../../test/support/FakeModel.ts"
import * as FakeOpenAi from "../../test/support/FakeOpenAiRealtime.ts"
import { quantile } from "./Statistics.ts"

const sessions = Number(process.env["EFFECT_VOICE_SESSIONS"] ?? 10)
const rounds = Number(process.env["EFFECT_VOICE_ROUNDS"] ?? 20)
const MODEL_MS = 200
/** The fakes take so much silence for the end of a turn. */
const SILENCE_FRAMES = 10
const ANSWER = "Yes, I am."

/** One user: 300 ms of speech, then silence until the answer has been heard, in frames of 20 ms; and when each turn was. */
const talk = (backend: VoiceBackend["Service"]) =>
  Effect.gen(function*() {
    const session = yield* backend.createSession({ userId: "bench", transport: "websocket" })
    const ended: Array<number> = []
    const heard: Array<number> = []
    let replies = 0
    const loud = Pcm.fromInt16(new Int16Array(320).fill(8_000))
    const quiet = new Uint8Array(640)
    const last = new Uint8Array(640)
    const frames = function*() {
      for (let turn = 0; turn < rounds; turn++) {
        for (let i = 0; i < 15; i++) yield loud
        for (let i = 0; replies <= turn && i < 500; i++) {
          yield i === SILENCE_FRAMES - 1 ? last : quiet
        }
        for (let i = 0; i < 5; i++) yield quiet
      }
    }
    const start = performance.now()
    let n = 0
    const microphone = Stream.fromIterable(frames(), { chunkSize: 1 }).pipe(
      Stream.tap(() => Effect.sleep(Math.max(0, start + 20 * n++ - performance.now()))),
      Stream.tap((frame) => Effect.sync(() => frame === last ? ended.push(performance.now()) : undefined))
    )
    yield* Stream.runForEach(session.pipeline(microphone), (output) =>
      Effect.sync(() => {
        if (output._tag === "Audio") {
          if (heard.length === replies) heard.push(performance.now())
        } else if (output.event.type === "agent.speech_stopped") replies++
      }))
    return { ended, heard }
  })

const measure = (name: string, fake: FakeModel, engine: Layer.Layer<SpeechToSpeech, BackendError>) =>
  Effect.gen(function*() {
    const backend = Context.get(
      yield* Layer.build(
        VoiceBackend.layerS2s().pipe(
          Layer.provide([Layer.succeed(BackendProvider.BackendProvider, provider()), engine])
        )
      ),
      VoiceBackend
    )
    const users = yield* Effect.forEach(
      Array.from({ length: sessions }, (_, i) => i),
      (i) => Effect.andThen(Effect.sleep(37 * i), talk(backend)),
      { concurrency: "unbounded" }
    )
    // connections are in the order of their sessions
    const of = (connection: number, what: string) =>
      fake.told.filter((entry) => entry.connection === connection && entry.what === what).map(({ at }) => at)
    const into: Array<number> = []
    const out: Array<number> = []
    const total: Array<number> = []
    for (const [connection, { ended, heard }] of users.entries()) {
      const turns = of(connection, "turn")
      const speaks = of(connection, "speaks")
      for (const [turn, at] of heard.entries()) {
        // the first turn of a session still loads and compiles
        if (turn === 0) continue
        into.push((turns[turn] ?? Number.NaN) - (ended[turn] ?? Number.NaN))
        out.push(at - (speaks[turn] ?? Number.NaN))
        total.push(at - (ended[turn] ?? Number.NaN))
      }
    }
    const both = into.map((ms, i) => ms + (out[i] ?? Number.NaN))
    const row = (what: string, values: ReadonlyArray<number>) =>
      `${name} ${what.padEnd(30)} p50 ${quantile(values, 0.5).toFixed(2)}  p95 ${
        quantile(values, 0.95).toFixed(2)
      }  p99 ${quantile(values, 0.99).toFixed(2)} ms`
    yield* Console.log(`${sessions} sessions, ${total.length} turns`)
    yield* Console.log(row("in", into))
    yield* Console.log(row("out", out))
    yield* Console.log(row("ours (in + out)", both))
    yield* Console.log(row(`total, the model's ${MODEL_MS} ms in it`, total))
  })

const answers = Array.from({ length: sessions * rounds }, () => ({ text: ANSWER, delayMs: MODEL_MS }))
const program = Effect.scoped(Effect.gen(function*() {
  const openai = yield* FakeOpenAi.start({ answers })
  yield* measure(
    "openai",
    openai,
    OpenAi.layer({
      url: `${openai.url}/v1/realtime`,
      apiKey: Redacted.make(FakeOpenAi.KEY),
      // the resampler is a few samples behind, which must not cost a frame
      silenceDuration: Duration.millis(20 * SILENCE_FRAMES - 5)
    })
  )
  const gemini = yield* FakeGemini.start({ answers, signals: true })
  yield* measure(
    "gemini",
    gemini,
    Gemini.layer({
      url: `${gemini.url}/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent`,
      apiKey: Redacted.make(FakeGemini.KEY),
      turnDetection: "server"
    })
  )
}))

await Effect.runPromise(program)
