import { assert, describe, it } from "@effect/vitest"
import { StereoTimeline } from "../../../src/session/retention/StereoTimeline.ts"

const make = (capacityMs = 1_000) => new StereoTimeline({ sampleRate: 16_000, startMs: 5_000, capacityMs })
const frame = (level: number) => new Int16Array(320).fill(level)
const channel = (pcm: Int16Array, which: 0 | 1) => Array.from(pcm).filter((_, i) => i % 2 === which)
/** The first sample that is not silent, and how many are not. */
const sound = (samples: ReadonlyArray<number>) => [
  samples.findIndex((sample) => sample !== 0),
  samples.filter((sample) => sample !== 0).length
]

describe("StereoTimeline", () => {
  it("puts both channels at their times", () => {
    const timeline = make()
    for (let i = 0; i < 5; i++) timeline.user(frame(100), 5_120 + 20 * i + (i % 2) * 15)
    timeline.agent(frame(-200), 5_300)
    const pcm = timeline.take(5_400)
    assert.deepStrictEqual(sound(channel(pcm, 0)), [1_600, 1_600])
    assert.deepStrictEqual(sound(channel(pcm, 1)), [4_800, 320])
    assert.lengthOf(pcm, 2 * 6_400)
  })

  it("does not contain audio that was added and cut", () => {
    const timeline = make()
    for (let i = 0; i < 10; i++) timeline.agent(frame(7), 5_000 + 20 * i)
    timeline.cut(5_050)
    timeline.agent(frame(9), 5_400)
    const right = channel(timeline.take(5_500), 1)
    assert.strictEqual(right.filter((sample) => sample === 7).length, 800)
    assert.strictEqual(right.indexOf(9), 6_400)
  })

  it("loses nothing of a burst after a stall, and follows a pause", () => {
    const timeline = make(4_000)
    for (let i = 0; i < 10; i++) timeline.user(frame(1 + i), 5_020 + 20 * i)
    // 300 ms of nothing, then all of it at once
    for (let i = 10; i < 25; i++) timeline.user(frame(1 + i), 5_500)
    for (let i = 25; i < 50; i++) timeline.user(frame(1 + i), 5_020 + 20 * i)
    const left = channel(timeline.take(6_000), 0)
    assert.deepStrictEqual(left, Array.from({ length: 16_000 }, (_, at) => 1 + Math.floor(at / 320)))
    // a sender that is silent for 300 ms, and then goes on in time: within two seconds it is where it belongs
    for (let i = 0; i < 120; i++) timeline.user(frame(i < 119 ? 5 : 99), 6_320 + 20 * i)
    assert.strictEqual(channel(timeline.take(9_000), 0).indexOf(99), (6_320 + 20 * 118 - 6_000) * 16)
    assert.strictEqual(timeline.lost, 0)
  })

  it("has a gap while nothing is taken, and goes on at the right time", () => {
    const timeline = make(200)
    for (let i = 1; i <= 20; i++) timeline.user(frame(i), 5_000 + 20 * i)
    assert.strictEqual(timeline.lost, 10 * 320)
    const first = channel(timeline.take(5_400), 0)
    const second = channel(timeline.take(5_400), 0)
    assert.strictEqual(first.at(-1), 10)
    assert.deepStrictEqual(sound(second), [-1, 0])
    timeline.user(frame(21), 5_420)
    assert.deepStrictEqual(channel(timeline.take(5_420), 0), Array.from(frame(21)))
  })
})
