import { Effect, Layer } from "effect"
import { NoiseSuppressor, TurnDetector, VoiceActivityDetector } from "effect-voice"
import { Conformance } from "effect-voice/testing"
import assert from "node:assert"

const RATE = 16_000
const BLOCK = RATE / 100
const LOUD = 500
const QUIET = 2_000

/** Speech is what is loud for 50 ms; it is over after 200 ms that are not. */
const level = Layer.succeed(
  VoiceActivityDetector.VoiceActivityDetector,
  VoiceActivityDetector.VoiceActivityDetector.of({
    name: "level",
    sampleRate: RATE,
    open: ({ onActivity }) =>
      Effect.sync(() => {
        let [position, peak, speaking, since] = [0, 0, false, 0]
        return {
          push: (pcm) => {
            for (const sample of pcm) {
              peak = Math.max(peak, Math.abs(sample))
              if (++position % BLOCK !== 0) continue
              const changes = peak >= LOUD !== speaking
              peak = 0
              if (!changes) since = position
              if (position - since < BLOCK * (speaking ? 20 : 5)) continue
              speaking = !speaking
              // where it happened, and how much audio was needed to know: both in samples since the session began
              onActivity({
                _tag: speaking ? "SpeechStarted" : "SpeechStopped",
                atSample: since,
                decidedAtSample: position
              })
              since = position
            }
          }
        }
      })
  })
)

/** Whoever is asked for a number of eight digits has finished when they are there. */
const digits = Layer.succeed(
  TurnDetector.TurnDetector,
  TurnDetector.TurnDetector.of({
    name: "digits",
    endOfTurn: ({ transcript }) => Effect.sync(() => Math.min(1, transcript.replaceAll(/\D/gu, "").length / 8))
  })
)

/** Turns down what is quiet, and looks 10 ms ahead for it. */
const gate = Layer.succeed(
  NoiseSuppressor.NoiseSuppressor,
  NoiseSuppressor.NoiseSuppressor.of({
    name: "gate",
    sampleRate: RATE,
    latencySamples: BLOCK,
    open: Effect.sync(() => {
      let [held, open] = [new Int16Array(BLOCK), 0]
      return {
        process: (pcm) => {
          const all = new Int16Array(BLOCK + pcm.length)
          all.set(held)
          all.set(pcm, BLOCK)
          held = all.slice(pcm.length)
          return Int16Array.from(pcm, (sample, i) => {
            open = Math.abs(sample) >= QUIET ? 10 * BLOCK : open - 1
            return (all[i] ?? 0) >> (open > 0 ? 0 : 4)
          })
        }
      }
    })
  })
)

/** A voice, as far as these are concerned: bursts of a tone. Give recordings of people in a test of yours. */
const speech = {
  pcm: Int16Array.from({ length: 2 * RATE }, (_, i) => 8_000 * Math.sin(i / 12) * Math.sin(i / 1_000) ** 2)
}
const results = await Effect.runPromise(Conformance.run([
  ...Conformance.vad({ name: "level", layer: level, speech }),
  ...Conformance.turnDetector({
    name: "digits",
    layer: digits,
    finished: ["It is 4711 0815."],
    unfinished: ["It is 47 11"]
  }),
  ...Conformance.noiseSuppressor({ name: "gate", layer: gate, speech })
], { concurrency: 1 }))
console.log(Conformance.summary(results)) // conformance: … passed, 0 failed, … skipped
assert.deepEqual(results.flatMap(({ detail, id, result }) => result === "failed" ? [[id, detail]] : []), [])
