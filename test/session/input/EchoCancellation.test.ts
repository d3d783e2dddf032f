import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Schema } from "effect"
import * as Pcm from "../../../src/audio/Pcm.ts"
import * as Resampler from "../../../src/audio/resampling/Resampler.ts"
import { PipelineError } from "../../../src/BackendError.ts"
import { EchoCancellation } from "../../../src/session/input/EchoCancellation.ts"
import { EchoStrength } from "../../../src/session/input/EchoStrength.ts"
import * as ProcessorChain from "../../../src/session/input/ProcessorChain.ts"
import { type EchoCancellerStream, FRAME } from "../../../src/speech/EchoCanceller.ts"
import * as SimulatedRoom from "../../audio/echo/SimulatedRoom.ts"
import * as Recordings from "../../engines/Recordings.ts"
import * as Call from "./LoudspeakerCall.ts"

const agent = Pcm.concat([Recordings.load("prudently"), Recordings.load("cold-hearted")])
const user = Recordings.load("eight-of-spades")

interface Scripted extends EchoCancellerStream {
  /** All that was played, frame by frame. */
  readonly reference: Array<number>
  frames: number
}

/** A canceller that knows the room: it takes away what was played so many samples before, at a gain. */
const knowing = (gain: number, delay: number, fails: (frame: number) => boolean = () => false): Scripted => {
  const reference: Array<number> = []
  let at = 0
  return {
    reference,
    frames: 0,
    played: (pcm) => void reference.push(...pcm),
    heard(pcm) {
      assert.strictEqual(pcm.length, FRAME)
      assert.strictEqual(reference.length, at + FRAME, "one frame is played for each that is heard")
      if (fails(this.frames++)) throw new Error("broken")
      for (let i = 0; i < FRAME; i++) pcm[i] = pcm[i]! - Math.round(gain * (reference[at + i - delay] ?? 0))
      at += FRAME
    }
  }
}

/** An echo without a room: the agent's voice again, so many samples later. */
const echoOf = (pcm: Int16Array, gain: number, delay: number) =>
  Int16Array.from({ length: pcm.length + delay }, (_, i) => Math.round(gain * (pcm[i - delay] ?? 0)))

/** By how much one lags behind the other where they are most alike, and how alike they are. */
const alike = (one: ReadonlyArray<number>, other: ReadonlyArray<number>) => {
  let best = { lagMs: 0, likeness: 0 }
  const from = 16_000
  for (let lag = 0; lag < 3_200; lag += 2) {
    let both = 0
    let powers = 0
    let othersPower = 0
    for (let i = from; i < from + 32_000; i += 3) {
      both += one[i - lag]! * other[i]!
      powers += one[i - lag]! ** 2
      othersPower += other[i]! ** 2
    }
    const likeness = both / Math.sqrt(powers * othersPower)
    if (likeness > best.likeness) best = { lagMs: lag / 16, likeness }
  }
  return best
}

const gainOf = (db: number) => 10 ** (db / 20)

describe("EchoCancellation", () => {
  it.effect("gives the canceller what is played as it is heard, at any rate and in any pieces", () =>
    Effect.gen(function*() {
      const delayMs = 60
      const mic = echoOf(agent, gainOf(-12), 16 * delayMs)
      for (
        const options of [
          { outputRate: 16_000 },
          { outputRate: 24_000 },
          { outputRate: 48_000 },
          { outputRate: 24_000, inputRate: 48_000 },
          { outputRate: 8_000, inputRate: 8_000 },
          { outputRate: 16_000, burst: 5 },
          { outputRate: 16_000, pieceMs: 7 }
        ]
      ) {
        const reference: Array<number> = []
        const came: Array<number> = []
        const canceller = {
          played: (pcm: Int16Array) => reference.push(...pcm),
          heard: (pcm: Int16Array) => came.push(...pcm)
        }
        const { incidents } = yield* Call.run({ agent, mic, canceller, ...options })
        assert.deepStrictEqual(incidents, [])
        assert.strictEqual(reference.length, came.length)
        const { lagMs, likeness } = alike(reference, came)
        // the reference comes 20 ms before the user's audio, and resamplers delay that
        assert.isAtLeast(lagMs, delayMs + 20 - 1, JSON.stringify(options))
        assert.isAtMost(lagMs, delayMs + 20 + 15, JSON.stringify(options))
        assert.isAbove(likeness, 0.95, JSON.stringify(options))
      }
    }))

  it.effect.prop(
    "loses and adds no sample, in pieces of any length",
    [Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 900 }))).check(Schema.isMaxLength(60))],
    ([sizes]) =>
      Effect.gen(function*() {
        const resamplers = yield* Resampler.load
        const stream = { played: () => {}, heard: () => {} }
        const cancellation = new EchoCancellation("scripted", stream, {
          resamplers,
          now: () => 0,
          onIncident: () => {}
        })
        const given: Array<number> = []
        const got: Array<number> = []
        for (const size of sizes) {
          const pcm = Int16Array.from({ length: size }, (_, i) => (given.length + i) % 30_000)
          given.push(...pcm)
          const whole = cancellation.gather(pcm)
          assert.strictEqual(whole.length % FRAME, 0)
          got.push(...whole)
        }
        assert.isBelow(given.length - got.length, FRAME)
        assert.deepStrictEqual(got, given.slice(0, got.length))
      })
  )

  it.effect("gives the recogniser the audio as it came while the echo is weak, and cleaned while it is strong", () =>
    Effect.gen(function*() {
      const delay = 960
      for (const [db, isRaw] of [[-12, false], [-22, false], [-30, true], [-40, true]] as const) {
        const mic = echoOf(agent, gainOf(db), delay)
        const canceller = knowing(gainOf(db), delay + 320)
        const { stt, vad } = yield* Call.run({ agent, mic, canceller, outputRate: 16_000 })
        const from = 16_000
        assert.deepStrictEqual(stt.subarray(from), isRaw ? mic.subarray(from, stt.length) : vad.subarray(from), `${db}`)
      }
    }))

  it("does not learn an echo from a user who speaks over it", () => {
    const strength = new EchoStrength()
    const played = 2_000 ** 2
    const frames = (count: number, raw: number, cleaned: number) => {
      for (let i = 0; i < count; i++) strength.frame(played, raw, cleaned)
    }
    assert.isTrue(strength.isStrong)
    frames(200, played * 10 ** -3.5, played * 10 ** -5)
    assert.isFalse(strength.isStrong)
    // a canceller that takes a tenth of the user's power
    frames(300, played, played * 0.9)
    assert.isFalse(strength.isStrong)
    frames(400, played * 10 ** -1.2, played * 10 ** -4)
    assert.isTrue(strength.isStrong)
  })

  it.effect("leaves the user's audio as it is while the agent is silent, and asks nothing of the canceller", () =>
    Effect.gen(function*() {
      const canceller = knowing(1, 0)
      const silent = yield* Call.run({ agent: new Int16Array(0), mic: user, canceller })
      assert.strictEqual(canceller.frames, 0)
      assert.deepStrictEqual(silent.vad, user.subarray(0, silent.vad.length))
      // the echo of the agent's last word may come late
      const short = agent.subarray(0, 16_000)
      yield* Call.run({ agent: short, mic: new Int16Array(16 * 5_000), canceller })
      assert.isAtLeast(canceller.frames, 100 + 100)
      assert.isAtMost(canceller.frames, 100 + 130)
    }))

  it.effect("forgets what was taken back when playout is cut", () =>
    Effect.gen(function*() {
      const canceller = knowing(1, 320)
      const cutAtMs = 1_000
      const mic = Pcm.concat([agent.subarray(0, 16 * cutAtMs), new Int16Array(32_000)])
      const { vad } = yield* Call.run({ agent, mic, canceller, outputRate: 16_000, cutAtMs })
      assert.strictEqual(Call.power(vad, 100, 900), 0)
      assert.strictEqual(Call.power(vad, cutAtMs, cutAtMs + 1_000), 0, "nothing is taken from the silence")
    }))

  it.effect("passes the user's audio when the canceller fails, reports it once, and tries again", () =>
    Effect.gen(function*() {
      const delay = 960
      const mic = echoOf(agent, gainOf(-12), delay)
      const failing = knowing(gainOf(-12), delay + 320, (frame) => frame === 50)
      // a frame that failed was played, and not heard
      const canceller: EchoCancellerStream = {
        played: (pcm) => failing.played(pcm),
        heard: (pcm) => {
          try {
            failing.heard(pcm)
          } catch (cause) {
            failing.reference.length -= FRAME
            throw cause
          }
        }
      }
      const { incidents, vad } = yield* Call.run({ agent, mic, canceller, outputRate: 16_000 })
      assert.deepStrictEqual(incidents.map(({ what }) => what), ["failed", "recovered"])
      assert.strictEqual(incidents[0]?.error?.code, "pipeline_error")
      assert.deepStrictEqual(vad.subarray(16 * 600, 16 * 1_400), mic.subarray(16 * 600, 16 * 1_400))
      assert.strictEqual(vad.length, mic.length)
    }))

  it.effect("is left out when it could not be opened, and says so once the agent speaks", () =>
    Effect.gen(function*() {
      const error = new PipelineError({ op: "EchoCanceller.open", message: "no memory", retryable: true })
      const mic = echoOf(agent, gainOf(-12), 960)
      const { incidents, stt, vad } = yield* Call.run({ agent, mic, canceller: error })
      assert.deepStrictEqual(incidents, [{ name: "scripted", what: "bypassed", error }])
      assert.deepStrictEqual(vad, mic.subarray(0, vad.length))
      assert.deepStrictEqual(stt, vad)
      const silent = yield* Call.run({ agent: new Int16Array(0), mic, canceller: error })
      assert.deepStrictEqual(silent.incidents, [])
    }))

  it.effect("forks the processors: they work on both audios", () =>
    Effect.gen(function*() {
      const delay = 960
      const mic = echoOf(agent, gainOf(-40), delay)
      const heard: Array<string> = []
      const chain = yield* ProcessorChain.make([
        {
          appliesTo: ["stt", "vad", "receive"],
          onFailure: "bypass",
          open: Effect.sync(() => {
            heard.push("opened")
            return {
              _tag: "sync" as const,
              name: "half",
              order: 0,
              process: (pcm: Int16Array) => pcm.map((v) => v >> 1)
            }
          })
        }
      ], {
        sessionId: "s",
        metadata: () => ({}),
        timeout: Duration.seconds(1),
        forked: true,
        onIncident: () => {}
      })
      const canceller = knowing(gainOf(-40), delay + 320)
      const { receive, stt, vad } = yield* Call.run({ agent, mic, canceller, outputRate: 16_000, chain })
      assert.strictEqual(heard.length, 2)
      const from = 16_000
      assert.deepStrictEqual(stt.subarray(from), mic.subarray(from, stt.length).map((v) => v >> 1))
      assert.deepStrictEqual(receive, vad)
      assert.isBelow(Call.power(vad, 1_000, 5_000), Call.power(stt, 1_000, 5_000) / 10)
    }).pipe(Effect.scoped))

  it.effect("leaves the echo guard to decide by the audio as it came", () =>
    Effect.gen(function*() {
      const atMs = 4_000
      const room = { gainDb: -16, delayMs: 60, seed: 7, noiseDb: -70 }
      const both = SimulatedRoom.microphone(agent, room, { pcm: user, atMs, overEchoDb: 10 })
      // a bad canceller: what it leaves would be the user's
      const canceller: EchoCancellerStream = {
        played: () => {},
        heard: (pcm) => {
          for (let i = 0; i < FRAME; i++) pcm[i] = Math.sin(i) * 3_000
        }
      }
      const { vad } = yield* Call.run({ agent, mic: both, canceller, outputRate: 16_000, guard: true })
      const onset = atMs + SimulatedRoom.onsetMs(user)
      assert.isBelow(Call.power(vad, 500, onset - 100), 300 ** 2)
      assert.isAbove(Call.power(vad, onset + 300, onset + 800), 1_000 ** 2)
    }))
})
