import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Pcm from "../../../src/audio/Pcm.ts"
import * as Energy from "../../../src/engines/energy/index.ts"
import { EnergyDetector } from "../../../src/engines/local/EnergyDetector.ts"
import { VadHysteresis } from "../../../src/engines/local/VadHysteresis.ts"
import * as Silero from "../../../src/engines/silero/index.ts"
import { ModelStore } from "../../../src/models/ModelStore.ts"
import { type VoiceActivity, VoiceActivityDetector } from "../../../src/speech/VoiceActivityDetector.ts"
import * as Recording from "../../../src/testing/recording/Recording.ts"
import * as Scenario from "../../../src/testing/scenario/Scenario.ts"
import { detect, frames, inRoom, load, recordings, room } from "../Recordings.ts"

const options = { minSpeech: 960, minSilence: 4_000, onsetLag: 320, offsetLag: 0 }
const energy = { ...options, margin: 12, minLevel: -45 }

const hum = (seconds: number, amplitude: number) =>
  Int16Array.from(
    { length: seconds * 16_000 },
    (_, i) =>
      Math.round(amplitude * (Math.sin(i * 2 * Math.PI * 50 / 16_000) + Math.sin(i * 2 * Math.PI * 150 / 16_000) / 2))
  )

const run = (pcm: Int16Array, chunk = 320) => {
  const found: Array<VoiceActivity> = []
  const detector = new EnergyDetector({ ...energy, onActivity: (activity) => found.push(activity) })
  for (let at = 0; at < pcm.length; at += chunk) detector.push(pcm.subarray(at, at + chunk))
  return found
}

const assertWellFormed = (found: ReadonlyArray<VoiceActivity>, length: number) => {
  found.forEach((activity, i) => {
    assert.strictEqual(activity._tag, i % 2 === 0 ? "SpeechStarted" : "SpeechStopped", "events alternate")
    assert.isAtLeast(activity.atSample, i === 0 ? 0 : found[i - 1]!.atSample, "positions do not decrease")
    assert.isAtLeast(activity.decidedAtSample, activity.atSample)
    assert.isAtMost(activity.decidedAtSample, length)
  })
}

describe("VadHysteresis", () => {
  it.effect.prop(
    "alternates start and stop with non-decreasing positions, for any windows and resets",
    [Schema.Array(Schema.Literals(["speech", "silence", "reset"]))],
    ([windows]) =>
      Effect.sync(() => {
        const found: Array<VoiceActivity> = []
        const hysteresis = new VadHysteresis({
          ...options,
          onsetLag: 1_500,
          offsetLag: 900,
          onActivity: (a) => found.push(a)
        })
        let at = 0
        for (const window of windows) {
          if (window === "reset") hysteresis.reset(at)
          else hysteresis.push(window === "speech", at, at += 512)
        }
        assertWellFormed(found, at)
        assert.strictEqual(hysteresis.speaking, found.length % 2 === 1)
      })
  )

  it("starts after minSpeech of speech and stops after minSilence of silence", () => {
    const found: Array<VoiceActivity> = []
    const hysteresis = new VadHysteresis({ ...options, onsetLag: 0, onActivity: (a) => found.push(a) })
    const windows = "01010110111100100000100000000000000"
    ;[...windows].forEach((window, i) => hysteresis.push(window === "1", 320 * i, 320 * i + 320))
    assert.deepEqual(found, [
      { _tag: "SpeechStarted", atSample: 8 * 320, decidedAtSample: 11 * 320 },
      { _tag: "SpeechStopped", atSample: 21 * 320, decidedAtSample: 34 * 320 }
    ])
  })
})

describe("EnergyDetector", () => {
  it.effect.prop(
    "detects no speech in silence, white noise and hum of any level",
    [
      Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 560 })),
      Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000 }))
    ],
    ([noise, buzz]) =>
      Effect.sync(() => {
        // 560 is white noise at -40 dBFS.
        assert.deepEqual(run(room(4, noise)), [])
        assert.deepEqual(run(hum(4, buzz)), [])
      }),
    { arbitrary: { runs: 20 } }
  )

  it("adapts to a noise that begins", () => {
    const found = run(Pcm.concat([new Int16Array(32_000), room(6, 2_000)]))
    assert.strictEqual(found.length, 2)
    assert.isAtMost(found[1]!.atSample, 32_000 + 3 * 16_000)
  })

  it("finds the same for any size of the pushed pieces", () => {
    const pcm = inRoom(load("prudently"))
    assert.deepEqual(run(pcm, 77), run(pcm, 48_000))
    assert.isAbove(run(pcm).length, 0)
  })

  it("detects speech that begins with the first sample", () => {
    assert.isAtMost(run(load("eight-of-spades"))[0]!.atSample, 6_400)
  })
})

/** Where a recording is within 30 dB of its loudest 32 ms: a reference that uses no detector. */
const audible = (pcm: Int16Array) => {
  const levels = Array.from(
    { length: Math.floor(pcm.length / 512) },
    (_, i) => Pcm.rmsDbfs(pcm.subarray(512 * i, 512 * i + 512))
  )
  const loudest = Math.max(...levels)
  return {
    from: 512 * levels.findIndex((level) => level > loudest - 25),
    to: 512 * (levels.findLastIndex((level) => level > loudest - 30) + 1)
  }
}

const findsRecordings = (name: string, lateBy: number) =>
  Effect.gen(function*() {
    for (const recording of recordings) {
      const pcm = inRoom(load(recording))
      const found = yield* detect(pcm)
      const { from, to } = audible(pcm)
      assertWellFormed(found, pcm.length)
      assert.isAbove(found.length, 0, `${name} detects ${recording}`)
      assert.strictEqual(found.length % 2, 0, `${name} detects the end of ${recording}`)
      const first = found[0]!
      const last = found[found.length - 1]!
      assert.isAtMost(first.atSample, from + 4_800, `300 ms of lead cover the start of ${recording}`)
      assert.isAtMost(first.decidedAtSample - first.atSample, lateBy)
      assert.isAtLeast(last.atSample, to - 4_800, `300 ms of tail cover the end of ${recording}`)
      assert.isAtMost(last.atSample, to + 6_400)
    }
  })

describe("energy", () => {
  it.layer(Energy.definition.layer({}))((it) => {
    it.effect("detects each recording from its start to its end", () => findsRecordings("energy", 1_600))

    it.effect("detects nothing in silence and noise", () =>
      Effect.gen(function*() {
        assert.deepEqual(yield* detect(new Int16Array(48_000)), [])
        assert.deepEqual(yield* detect(room(3, 560)), [])
      }))
  })

  it.effect("reports all invalid options at once", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Energy.definition.validate({ margin: 0, min_silence: "1h", other: 1 }))
      assert.deepEqual(
        (error.details!["faults"] as ReadonlyArray<{ path: string }>).map((fault) => fault.path).toSorted(),
        ["engines.energy.margin", "engines.energy.min_silence", "engines.energy.other"]
      )
    }))
})

describe("energy in a session", () => {
  it("detects a turn, with a recogniser and with a speech-to-speech model", () =>
    Effect.runPromise(Effect.gen(function*() {
      const user = [Scenario.say("hello"), Scenario.waitForAgent]
      const call = yield* Scenario.run({ vad: Energy.layer(), user })
      assert.deepEqual(Recording.lines(call.history), ["user: hello", "agent: You said: hello."])
      const model = yield* Scenario.run({ vad: Energy.layer(), s2s: { answers: ["Hi."], turnAuthority: "own" }, user })
      assert.deepEqual(Recording.lines(model.history), ["user: hello", "agent: Hi."])
    })))
})

const modes = [
  ["inline", Silero.layer({ mode: "inline" })],
  ["batched at 8 kHz", Silero.layer({ mode: "batched" })],
  ["batched at 16 kHz", Silero.layer({ mode: "batched", sampleRate: 16_000 })]
] as const

describe.each(modes)("silero %s", (name, layer) => {
  it.layer(Layer.provide(layer, ModelStore.layer), { excludeTestServices: true })((it) => {
    it.effect("detects each recording from its start to its end", () => findsRecordings(name, 2_400))

    it.effect("detects nothing in silence, noise and hum", () =>
      Effect.gen(function*() {
        for (const pcm of [new Int16Array(48_000), room(3, 560), hum(3, 1_000)]) {
          assert.deepEqual(yield* detect(pcm), [])
        }
      }))

    it.effect("does not depend on the size of the pieces, nor on the session before", () =>
      Effect.gen(function*() {
        const pcm = inRoom(load("cold-hearted"))
        const found = yield* detect(pcm)
        assert.deepEqual(yield* detect(pcm), found)
        assert.isAtMost(found[0]!.decidedAtSample - found[0]!.atSample, 2_400)
        assert.strictEqual(frames(pcm).length, Math.ceil(pcm.length / 320))
      }))

    it.effect("finds the same in many sessions at once as in one alone", () =>
      Effect.gen(function*() {
        const detector = yield* VoiceActivityDetector
        const alone = yield* Effect.forEach(recordings, (recording) => detect(inRoom(load(recording))))
        const together = yield* Effect.forEach(recordings.concat(recordings), (recording) =>
          Effect.gen(function*() {
            const found: Array<VoiceActivity> = []
            const stream = yield* detector.open({ onActivity: (activity) => found.push(activity) })
            return { found, stream, pieces: frames(inRoom(load(recording))) }
          }))
        const longest = Math.max(...together.map(({ pieces }) => pieces.length))
        for (let i = 0; i < longest; i++) {
          for (const { pieces, stream } of together) {
            const piece = pieces[i]
            if (piece !== undefined) stream.push(piece)
          }
          // waits now and then, so that the limit of batches in flight is not reached
          if (i % 16 === 0 && detector.probe !== undefined) yield* detector.probe
        }
        if (detector.probe !== undefined) yield* detector.probe
        assert.deepEqual(together.map(({ found }) => found), [...alone, ...alone])
      }))
  })
})

describe("silero", () => {
  it.effect("reports all invalid options at once", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Silero.definition.validate({ threshold: 2, min_speech: "soon" }))
      assert.strictEqual(error.code, "invalid_config")
      assert.lengthOf(error.details!["faults"] as ReadonlyArray<unknown>, 2)
    }))
})
