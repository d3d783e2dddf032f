import { assert, describe, it } from "@effect/vitest"
import { PlaybackBuffer } from "../../../src/client/audio/PlaybackWorklet.ts"

// At 1 kHz a sample is a millisecond: prebuffer 60 samples, fade 5, capacity 30,000.
const make = () => new PlaybackBuffer({ sampleRate: 1_000 })
const constant = (length: number, value: number) => new Float32Array(length).fill(value)
const read = (buffer: PlaybackBuffer, length: number): Array<number> => {
  const out = new Float32Array(length).fill(9)
  buffer.read(out)
  return Array.from(out)
}

describe("PlaybackBuffer", () => {
  it("waits for 60 ms and then plays in order", () => {
    const buffer = make()
    buffer.beginTurn(1)
    buffer.push(Float32Array.from({ length: 59 }, (_, i) => i + 1))
    assert.deepStrictEqual(read(buffer, 10), Array.from({ length: 10 }, () => 0))
    buffer.push(constant(1, 60))
    assert.deepStrictEqual(read(buffer, 60), Array.from({ length: 60 }, (_, i) => i + 1))
    assert.strictEqual(buffer.turn, 1)
    assert.strictEqual(buffer.played, 60)
  })

  it("plays an answer shorter than the prebuffer after a short wait", () => {
    const buffer = make()
    buffer.push(constant(10, 1))
    const heard = [...read(buffer, 60), ...read(buffer, 60), ...read(buffer, 60)].filter((sample) => sample === 1)
    assert.strictEqual(heard.length, 10)
  })

  it("falls silent within 5 ms of a clear and forgets the rest", () => {
    const buffer = make()
    buffer.beginTurn(1)
    buffer.push(constant(1_000, 1))
    read(buffer, 100)
    assert.strictEqual(buffer.clear(1), 900)
    const after = read(buffer, 200)
    assert.deepStrictEqual(after.slice(0, 5).map((sample) => Math.round(sample * 10)), [10, 8, 6, 4, 2])
    assert.isTrue(after.slice(5).every((sample) => sample === 0))
    assert.strictEqual(buffer.queued, 0)
    assert.strictEqual(buffer.played, 100)
  })

  it("makes no sound on a clear before playback began", () => {
    const buffer = make()
    buffer.push(constant(30, 1))
    buffer.clear()
    assert.isTrue(read(buffer, 200).every((sample) => sample === 0))
  })

  it("keeps the next turn when an older one is cleared", () => {
    const buffer = make()
    buffer.beginTurn(1)
    buffer.push(constant(200, 0.1))
    buffer.beginTurn(2)
    buffer.push(constant(100, 0.5))
    read(buffer, 50)
    assert.strictEqual(buffer.clear(1), 150)
    const after = read(buffer, 105).slice(5)
    assert.isTrue(after.every((sample) => sample === 0.5))
    assert.strictEqual(buffer.turn, 2)
    assert.strictEqual(buffer.played, 100)
  })

  it("continues to count when a paused turn is sent again", () => {
    const buffer = make()
    buffer.beginTurn(3)
    buffer.push(constant(100, 1))
    read(buffer, 80)
    buffer.clear(3)
    buffer.push(constant(100, 1))
    read(buffer, 105)
    assert.strictEqual(buffer.turn, 3)
    assert.strictEqual(buffer.played, 180)
  })

  it("counts an underrun only when the same turn goes on", () => {
    const buffer = make()
    buffer.beginTurn(1)
    buffer.push(constant(60, 1))
    read(buffer, 100)
    assert.isFalse(buffer.playing)
    buffer.beginTurn(2)
    buffer.push(constant(60, 1))
    assert.strictEqual(buffer.underruns, 0)
    read(buffer, 100)
    buffer.push(constant(60, 1))
    assert.strictEqual(buffer.underruns, 1)
  })

  it("never holds more than 30 s", () => {
    const buffer = make()
    buffer.beginTurn(1)
    assert.strictEqual(buffer.push(constant(29_990, 0.25)), 29_990)
    assert.strictEqual(buffer.push(constant(50, 0.5)), 10)
    assert.strictEqual(buffer.push(constant(50, 0.5)), 0)
    assert.strictEqual(buffer.refused, 90)
    const all = read(buffer, 30_001)
    assert.strictEqual(all.filter((sample) => sample === 0.25).length, 29_990)
    assert.strictEqual(all.filter((sample) => sample === 0.5).length, 10)
  })

  it("keeps order and count across the ring's end for any chunking", () => {
    const buffer = new PlaybackBuffer({ sampleRate: 1_000, capacityMs: 97, prebufferMs: 1 })
    let next = 1
    let expected = 1
    for (let round = 0; round < 500; round++) {
      const chunk = Float32Array.from({ length: 1 + (round * 31) % 60 }, (_, i) => next + i)
      next += buffer.push(chunk)
      for (const sample of read(buffer, 1 + (round * 17) % 50)) if (sample !== 0) assert.strictEqual(sample, expected++)
    }
    assert.strictEqual(buffer.queued, next - expected)
  })

  it("is not slowed down by a server that changes the turn with every sample", () => {
    const buffer = new PlaybackBuffer({ sampleRate: 1_000, capacityMs: 1_000, prebufferMs: 1 })
    for (let turn = 1; turn <= 1_000; turn++) {
      buffer.beginTurn(turn)
      buffer.push(constant(1, 0.5))
    }
    assert.strictEqual(buffer.queued, 1_000)
    // The turns beyond the 64th are one.
    assert.strictEqual(buffer.clear(64), 1_000)
    assert.strictEqual(buffer.queued, 0)
  })
})
