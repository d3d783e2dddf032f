import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import * as Pcm from "../../../src/audio/Pcm.ts"
import * as Resampler from "../../../src/audio/resampling/Resampler.ts"
import { EnergyDetector } from "../../../src/engines/local/EnergyDetector.ts"
import { AudioInput } from "../../../src/session/input/AudioInput.ts"
import { EchoGate } from "../../../src/session/input/EchoGate.ts"
import * as SimulatedRoom from "../../audio/echo/SimulatedRoom.ts"
import * as Recordings from "../../engines/Recordings.ts"

const agent = Pcm.concat([Recordings.load("prudently"), Recordings.load("cold-hearted")])
const user = Recordings.load("eight-of-spades")
const LEAD = 200
/** When the agent begins to speak, in ms of the clock. */
const BEGINS = 1_000

interface Heard {
  readonly vad: Int16Array
  readonly stt: Int16Array
  readonly receive: Int16Array
  /** When the detector found a sound, in ms from the agent's first. */
  readonly starts: ReadonlyArray<number>
}

/** Plays the agent at 24 kHz while the microphone hears this, in packets of so many blocks of 20 ms. */
const call = Effect.fnUntraced(
  function*(
    mic: Int16Array,
    options: { readonly burst?: number; readonly guard?: boolean; readonly minLevel?: number } = {}
  ) {
    const resamplers = yield* Resampler.load
    const played = Result.getOrThrow(resamplers.convert(agent, 16_000, 24_000))
    let now = 0
    const gate = options.guard === false ? undefined : new EchoGate(() => now)
    const input = new AudioInput<string>(resamplers, () => {}, undefined, undefined, gate)
    const heard = { vad: Array<Int16Array>(), stt: Array<Int16Array>(), receive: Array<Int16Array>() }
    const starts: Array<number> = []
    const detector = new EnergyDetector({
      margin: 12,
      minLevel: options.minLevel ?? -55,
      minSpeech: 960,
      minSilence: 4_000,
      onsetLag: 320,
      offsetLag: 0,
      onActivity: ({ _tag, decidedAtSample }) => {
        if (_tag === "SpeechStarted") starts.push(decidedAtSample / 16 - BEGINS)
      }
    })
    for (const branch of ["stt", "vad", "receive"] as const) {
      Result.getOrThrow(input.add({ sampleRate: 16_000, branch, push: (pcm) => void heard[branch].push(pcm.slice()) }))
    }
    Result.getOrThrow(input.add({ sampleRate: 16_000, branch: "vad", push: (pcm) => detector.push(pcm) }))
    const { burst = 1 } = options
    const all = Pcm.concat([Recordings.room(BEGINS / 1_000), mic])
    let sent = 0
    for (let at = 0; at < all.length; at += burst * 320) {
      now += burst * 20
      for (; sent * 20 + BEGINS < now + LEAD && sent * 480 < played.length && now > BEGINS; sent++) {
        gate?.frame(played.subarray(sent * 480, sent * 480 + 480), 24_000, BEGINS + sent * 20)
      }
      for (let i = 0; i < burst; i++) input.push(all.subarray(at + i * 320, at + i * 320 + 320))
    }
    const whole = (pieces: ReadonlyArray<Int16Array>) => Pcm.concat(pieces).subarray(BEGINS * 16)
    return { vad: whole(heard.vad), stt: whole(heard.stt), receive: whole(heard.receive), starts } satisfies Heard
  }
)

describe("EchoGate", () => {
  it.effect("keeps an echo from the engines, and from no listener else", () =>
    Effect.gen(function*() {
      for (
        const [gainDb, delayMs, burst] of [[-16, 0, 1], [-20, 150, 1], [-20, 490, 1], [-30, 300, 1], [
          -20,
          150,
          5
        ]] as const
      ) {
        const mic = SimulatedRoom.microphone(agent, { gainDb, delayMs, tailMs: 120, seed: 7 })
        const guarded = yield* call(mic, { burst })
        assert.deepStrictEqual(guarded.starts, [], `${gainDb} dB after ${delayMs} ms`)
        assert.deepStrictEqual(guarded.receive, mic.subarray(0, guarded.receive.length))
        const unguarded = yield* call(mic, { burst, guard: false })
        assert.isAbove(unguarded.starts.length, 2)
        assert.deepStrictEqual(unguarded.vad, mic.subarray(0, unguarded.vad.length))
      }
    }))

  it.effect("keeps an echo from a recogniser that is given a telephone's audio as it comes", () =>
    Effect.gen(function*() {
      const resamplers = yield* Resampler.load
      const mic = SimulatedRoom.microphone(agent, { gainDb: -20, delayMs: 150, tailMs: 120, seed: 7 })
      const phone = Result.getOrThrow(resamplers.convert(mic, 16_000, 8_000))
      let now = 0
      const gate = new EchoGate(() => now)
      const input = new AudioInput<string>(resamplers, () => {}, undefined, undefined, gate)
      const heard = { phone: Array<number>(), wide: Array<number>() }
      input.add({ sampleRate: 8_000, push: (pcm) => void heard.phone.push(...pcm) })
      input.add({ sampleRate: 16_000, push: (pcm) => void heard.wide.push(...pcm) })
      input.open(8_000)
      for (let at = 0; at < phone.length; at += 160) {
        const played = agent.subarray(2 * at, 2 * at + 320)
        if (played.length === 320) gate.frame(played, 16_000, now)
        now += 20
        input.push(phone.subarray(at, at + 160))
      }
      assert.strictEqual(heard.phone.length, phone.length)
      const level = (samples: ReadonlyArray<number>) =>
        samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length
      // both after a second, in which the gate learns
      const [narrow, wide] = [level(heard.phone.slice(8_000)), level(heard.wide.slice(16_000))]
      assert.isBelow(narrow, level(Array.from(phone.subarray(8_000))) / 10)
      assert.closeTo(narrow, wide, Math.max(4, wide / 2))
    }))

  it.effect("lets a user through who speaks over it, and gives the recogniser the beginning", () =>
    Effect.gen(function*() {
      const atMs = 4_000
      const room = { gainDb: -20, delayMs: 150, tailMs: 120, seed: 7 }
      const mic = SimulatedRoom.microphone(agent, room, { pcm: user, atMs, overEchoDb: 10 })
      const { starts, stt, vad } = yield* call(mic)
      const onset = atMs + SimulatedRoom.onsetMs(user)
      assert.isAtLeast(starts[0]!, onset - 100)
      assert.isAtMost(starts[0]!, onset + 300)
      const same = (heard: Int16Array) =>
        heard.subarray(onset * 16, (onset + 3_000) * 16).reduce(
          (sum, v, i) => sum + (v === mic[onset * 16 + i] ? 1 : 0),
          0
        )
      assert.isAbove(same(stt), 0.8 * 3_000 * 16)
      assert.isAtLeast(same(stt), same(vad))
    }))

  it.effect("delays a user by no more than a block where there is no echo", () =>
    Effect.gen(function*() {
      const room = { gainDb: -100, delayMs: 0, noiseDb: -72, seed: 3 }
      const mic = SimulatedRoom.microphone(agent, room, { pcm: user, atMs: 4_000, overEchoDb: 94 })
      const [guarded, unguarded] = [
        yield* call(mic, { minLevel: -45 }),
        yield* call(mic, { minLevel: -45, guard: false })
      ]
      assert.isAtLeast(unguarded.starts[0]!, 4_000)
      assert.isAtMost(guarded.starts[0]! - unguarded.starts[0]!, 20)
    }))

  it.effect("gives the engines quiet noise in place of an echo, no louder than the room", () =>
    Effect.gen(function*() {
      const mic = SimulatedRoom.microphone(agent, { gainDb: -20, delayMs: 150, noiseDb: -70, seed: 5 })
      const { vad } = yield* call(mic)
      const level = (pcm: Int16Array) =>
        10 * Math.log10(pcm.reduce((sum, v) => sum + v * v, 0) / pcm.length / 32_768 ** 2)
      assert.isBelow(level(vad.subarray(16_000, 160_000)), -60)
      assert.isAbove(level(vad.subarray(16_000, 160_000)), -90)
    }))

  it.effect("goes on where packets are lost, and where the sender pauses", () =>
    Effect.gen(function*() {
      const resamplers = yield* Resampler.load
      const mic = SimulatedRoom.microphone(agent, { gainDb: -20, delayMs: 150, tailMs: 60, seed: 9 })
      let now = 0
      const gate = new EchoGate(() => now)
      const input = new AudioInput<string>(resamplers, () => {}, undefined, undefined, gate)
      let loud = 0
      let longest = 0
      Result.getOrThrow(input.add({
        sampleRate: 16_000,
        branch: "vad",
        push: (pcm) => {
          loud = pcm.some((v) => Math.abs(v) > 600) ? loud + 1 : 0
          longest = Math.max(longest, loud)
        }
      }))
      for (let block = 0; block * 320 < agent.length; block++) {
        gate.frame(agent.subarray(block * 320, block * 320 + 320), 16_000, now)
        now += 20
        // a muted microphone for a second, and two packets of each hundred
        if (block >= 200 && block < 250) continue
        if (block % 100 > 97) input.gap(320)
        else input.push(mic.subarray(block * 320, block * 320 + 320))
      }
      assert.isBelow(longest * 20, 200)
    }))
})
