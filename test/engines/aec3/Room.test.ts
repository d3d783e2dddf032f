import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Pcm from "../../../src/audio/Pcm.ts"
import * as Resampler from "../../../src/audio/resampling/Resampler.ts"
import * as Aec3 from "../../../src/engines/aec3/index.ts"
import * as Hibari from "../../../src/engines/hibari/index.ts"
import * as Moonshine from "../../../src/engines/moonshine/index.ts"
import * as Silero from "../../../src/engines/silero/index.ts"
import { EchoCanceller } from "../../../src/speech/EchoCanceller.ts"
import { TextToSpeech } from "../../../src/speech/TextToSpeech.ts"
import * as SimulatedRoom from "../../audio/echo/SimulatedRoom.ts"
import * as Call from "../../session/input/LoudspeakerCall.ts"
import * as SlowClock from "../../support/SlowClock.ts"
import { wer } from "../../support/Wer.ts"
import * as Recordings from "../Recordings.ts"

const Engines = Layer.mergeAll(
  Moonshine.definition.layer({}),
  Hibari.definition.layer({}),
  Silero.definition.layer({}),
  Aec3.definition.layer({})
).pipe(Layer.provideMerge(SlowClock.layer(20)))

const text =
  "The library opens at nine in the morning and closes at six in the evening. On Saturdays it is open until noon. " +
  "You can borrow up to ten books at a time, and you may keep each of them for four weeks."

const agentSays = Effect.gen(function*() {
  const tts = yield* TextToSpeech
  const stream = yield* tts.open({ sessionId: "s" })
  const pieces = yield* Stream.runCollect(stream.speak(Stream.make(text)))
  const resamplers = yield* Resampler.load
  return Result.getOrThrow(resamplers.convert(Pcm.concat(pieces.map(({ pcm }) => pcm)), tts.sampleRate, 16_000))
})

const heardBy = (mic: Int16Array, agent: Int16Array, options: Partial<Call.CallOptions> = {}) =>
  Effect.gen(function*() {
    const canceller = yield* (yield* EchoCanceller).open
    return yield* Call.run({ agent, mic, canceller, ...options })
  }).pipe(Effect.scoped)

describe("aec3 in a simulated room", () => {
  it.layer(Engines, { excludeTestServices: true, timeout: "60 seconds" })((it) => {
    it.effect("takes the agent's voice out of the user's audio: no interruption, no words", () =>
      Effect.gen(function*() {
        const agent = yield* agentSays
        for (const delayMs of [60, 260]) {
          const mic = SimulatedRoom.microphone(agent, { gainDb: -8, delayMs, tailMs: 120, seed: 3 })
          const { incidents, stt, vad } = yield* heardBy(mic, agent)
          assert.deepStrictEqual(incidents, [])
          const loss = 10 * Math.log10(Call.power(mic, 2_000, 10_000) / Call.power(vad, 2_000, 10_000))
          assert.isAtLeast(loss, 20, `${delayMs} ms`)
          assert.strictEqual(Recordings.finals(yield* Recordings.transcribe(stt)), "", `${delayMs} ms`)
          const guarded = yield* heardBy(mic, agent, { guard: true })
          assert.deepStrictEqual(yield* Recordings.detect(guarded.vad), [], `${delayMs} ms`)
          // the loudspeaker is heard without it
          assert.isAbove((yield* Recordings.detect(mic)).length, 1)
        }
      }))

    it.effect("lets a user be heard who speaks over the agent", () =>
      Effect.gen(function*() {
        const user = Recordings.load("cold-hearted")
        const atMs = 4_000
        const onset = atMs + SimulatedRoom.onsetMs(user)
        // which stops it
        const agent = (yield* agentSays).subarray(0, 16 * (onset + 400))
        for (const [gainDb, overEchoDb, most] of [[-12, 10, 0.3], [-30, 20, 0.25]] as const) {
          const room = { gainDb, delayMs: 260, tailMs: 120, seed: 3 }
          const heard = Pcm.concat([agent, new Int16Array(user.length)])
          const mic = SimulatedRoom.microphone(heard, room, { pcm: user, atMs, overEchoDb })
          const { stt, vad } = yield* heardBy(mic, agent, { guard: true })
          const started = (yield* Recordings.detect(vad)).find(({ _tag }) => _tag === "SpeechStarted")
          assert.isAtLeast(started?.atSample ?? 0, 16 * (onset - 300))
          assert.isAtMost(started?.decidedAtSample ?? Number.POSITIVE_INFINITY, 16 * (onset + 500))
          const words = Recordings.finals(yield* Recordings.transcribe(stt))
          assert.isAtMost(wer([[Recordings.references["cold-hearted"], words]]), most, words)
        }
      }))

    it.effect("works from 8 to 48 kHz", () =>
      Effect.gen(function*() {
        const agent = yield* agentSays
        const mic = SimulatedRoom.microphone(agent, { gainDb: -8, delayMs: 100, tailMs: 60, seed: 3 })
        for (const [inputRate, outputRate] of [[8_000, 8_000], [48_000, 48_000]] as const) {
          const { vad } = yield* heardBy(mic, agent, { inputRate, outputRate })
          const loss = 10 * Math.log10(Call.power(mic, 2_000, 10_000) / Call.power(vad, 2_000, 10_000))
          assert.isAtLeast(loss, 15, `${inputRate} Hz`)
        }
      }))
  })
})
