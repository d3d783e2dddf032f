import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer, Scope } from "effect"
import * as Exit from "effect/Exit"
import * as Resampler from "../../../src/audio/resampling/Resampler.ts"
import * as Rnnoise from "../../../src/engines/rnnoise/index.ts"
import * as RnnoiseModule from "../../../src/engines/rnnoise/RnnoiseModule.ts"
import { AudioInput } from "../../../src/session/input/AudioInput.ts"
import * as ProcessorChain from "../../../src/session/input/ProcessorChain.ts"
import * as SuppressorProcessor from "../../../src/session/input/SuppressorProcessor.ts"
import { NoiseSuppressor } from "../../../src/speech/NoiseSuppressor.ts"
import { frames, inRoom, load, room } from "../Recordings.ts"

/** The audio that each branch receives. */
const outputs = Effect.fnUntraced(function*(pcm: Int16Array, size?: number) {
  const suppressor = yield* NoiseSuppressor
  const chain = yield* ProcessorChain.make([SuppressorProcessor.entry(suppressor)], {
    sessionId: "s",
    metadata: () => ({}),
    timeout: Duration.seconds(5),
    onIncident: (incident) => assert.fail(incident.what)
  })
  const input = new AudioInput<string>(yield* Resampler.load, () => {}, chain)
  const stt: Array<number> = []
  const receive: Array<number> = []
  input.add({ sampleRate: 16_000, push: (frame) => void stt.push(...frame) })
  input.add({ sampleRate: 16_000, branch: "receive", push: (frame) => void receive.push(...frame) })
  if (size === undefined) { for (const frame of frames(pcm)) input.push(frame) }
  else for (let at = 0; at < pcm.length; at += size) input.push(pcm.subarray(at, at + size))
  return { stt, receive }
}, Effect.scoped)

/** Scale-invariant signal to distortion ratio in dB, at the delay (up to 60 ms) where it is best. */
const siSdr = (clean: Int16Array, given: ReadonlyArray<number>): number => {
  let best = Number.NEGATIVE_INFINITY
  for (let delay = 0; delay <= 960; delay += 4) {
    let dot = 0
    let power = 0
    let total = 0
    for (let i = 0; i + delay < given.length && i < clean.length; i++) {
      dot += clean[i]! * given[i + delay]!
      power += clean[i]! ** 2
      total += given[i + delay]! ** 2
    }
    const target = dot * dot / power
    best = Math.max(best, 10 * Math.log10(target / (total - target)))
  }
  return best
}

describe("rnnoise", () => {
  it.effect(
    "removes noise for listeners, and leaves the recogniser's audio unchanged",
    () =>
      Effect.gen(function*() {
        const clean = inRoom(load("cold-hearted"))
        const noise = room(clean.length / 16_000 + 1, 2_500)
        const noisy = Int16Array.from(clean, (sample, i) => Math.max(-32_768, Math.min(32_767, sample + noise[i]!)))
        const { receive, stt } = yield* outputs(noisy)
        assert.deepStrictEqual(stt, Array.from(noisy))
        assert.strictEqual(receive.length, noisy.length)
        const before = siSdr(clean, stt)
        assert.isAbove(siSdr(clean, receive), before + 3)
        const odd = yield* outputs(noisy.subarray(0, 16_000), 111)
        assert.strictEqual(odd.receive.length, 16_000)
      }).pipe(Effect.provide(Rnnoise.layer()))
  )

  it.effect("can be applied in front of the recogniser", () =>
    Effect.gen(function*() {
      const noisy = room(1, 2_500)
      const { receive, stt } = yield* outputs(noisy)
      assert.deepStrictEqual(stt, receive)
      assert.notDeepEqual(stt, Array.from(noisy))
    }).pipe(Effect.provide(Rnnoise.layer({ appliesTo: ["stt", "vad", "receive"] }))))

  it.effect("frees a session's memory when the session closes", () =>
    Effect.gen(function*() {
      const module = yield* RnnoiseModule.load()
      const suppressor = Rnnoise.make(module, { appliesTo: ["receive"] })
      for (let round = 0; round < 4; round++) {
        const scope = yield* Scope.make()
        yield* Effect.forEach(Array.from({ length: 300 }), () => Scope.provide(suppressor.open, scope))
        yield* Scope.close(scope, Exit.void)
      }
      assert.strictEqual(module.HEAPF32.byteLength, 16_777_216)
    }))

  it.effect("reports a missing package and invalid options", () =>
    Effect.gen(function*() {
      const missing = yield* Effect.flip(RnnoiseModule.load("@echogarden/not-there"))
      assert.strictEqual(missing.code, "invalid_config")
      assert.deepStrictEqual(missing.details?.["missing"], ["@echogarden/not-there"])
      const wrong = yield* Effect.flip(Rnnoise.definition.validate({ applies_to: ["everything"] }))
      assert.include(wrong.message, "engines.rnnoise.applies_to")
      const build = Effect.scoped(Layer.build(Rnnoise.definition.layer({ appliesTo: 1 })))
      assert.strictEqual((yield* Effect.flip(build)).code, "invalid_config")
    }))
})
