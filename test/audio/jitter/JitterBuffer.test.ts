import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { JitterBuffer, type JitterBufferOptions } from "../../../src/audio/jitter/JitterBuffer.ts"

interface Packet {
  readonly index: number
}

/** A sender's packet and when it arrives; sequence and timestamp start near their wrap by default. */
interface Arrival {
  readonly index: number
  readonly atMs: number
  readonly seq?: number
  readonly timestamp?: number
}

const firstSeq = 65_500
const firstTimestamp = 2 ** 32 - 960 * 20

const random = (seed: number) => {
  let state = seed | 0
  return () => {
    state = state + 0x6d2b79f5 | 0
    let t = Math.imul(state ^ state >>> 15, 1 | state)
    t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t
    return ((t ^ t >>> 14) >>> 0) / 4294967296
  }
}

type Pulled = number | "lost" | "silence" | undefined

/** Pulls every 20 ms (offset by half a packet) while packets arrive at their time. */
const run = (arrivals: ReadonlyArray<Arrival>, options?: JitterBufferOptions & { readonly pullMs?: number }) => {
  const buffer = new JitterBuffer<Packet>(options)
  const sorted = [...arrivals].sort((a, b) => a.atMs - b.atMs)
  const end = sorted[sorted.length - 1]!.atMs + 1500
  const out: Array<Pulled> = []
  const depths: Array<number> = []
  let next = 0
  for (let now = 10; now < end; now += options?.pullMs ?? 20) {
    while (next < sorted.length && sorted[next]!.atMs <= now) {
      const { atMs, index, seq, timestamp } = sorted[next++]!
      buffer.push(
        (seq ?? firstSeq + index) & 0xffff,
        (timestamp ?? firstTimestamp + 960 * index) >>> 0,
        { index },
        atMs
      )
      assert.isAtMost(buffer.depth, 120)
    }
    const pulled = buffer.pull()
    out.push(typeof pulled === "object" ? pulled.index : pulled)
    depths.push(buffer.depth)
  }
  const played = out.filter((p): p is number => typeof p === "number")
  return { buffer, out, played, depths, count: (what: Pulled) => out.filter((p) => p === what).length }
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)
const steady = (count: number): Array<Arrival> => range(0, count).map((index) => ({ index, atMs: index * 20 }))
const isIncreasing = (values: ReadonlyArray<number>) => values.every((v, i) => i === 0 || v > values[i - 1]!)

describe("JitterBuffer", () => {
  it("plays a steady stream completely and in order across wraps, and shrinks to the smallest depth", () => {
    const { buffer, depths, played } = run(steady(500))
    assert.isTrue(isIncreasing(played))
    assert.strictEqual(played.length, 500 - buffer.dropped)
    assert.isAtMost(buffer.dropped, 1)
    assert.strictEqual(buffer.lost, 0)
    assert.strictEqual(buffer.targetDepth, 2)
    assert.isAtMost(Math.max(...depths.slice(100, 490)), 2)
  })

  it("returns undefined until it is filled, then one packet per pull", () => {
    const { out } = run(steady(50), { minDepth: 3 })
    assert.deepEqual(out.slice(0, 5), [undefined, undefined, 0, 1, 2])
  })

  it("starts without waiting for a depth that does not come", () => {
    const { out } = run([{ index: 0, atMs: 0 }])
    assert.deepEqual(out.slice(0, 5), [undefined, undefined, undefined, 0, undefined])
  })

  it("marks each lost packet in its place", () => {
    const missing = new Set([20, 50, 51, 52, 99])
    const { buffer, out, played } = run(steady(200).filter(({ index }) => !missing.has(index)), { minDepth: 5 })
    assert.strictEqual(buffer.lost, 5)
    assert.strictEqual(played.length, 195)
    assert.strictEqual(out[out.indexOf(19) + 1], "lost")
    assert.deepEqual(out.slice(out.indexOf(49), out.indexOf(49) + 5), [49, "lost", "lost", "lost", 53])
  })

  it("reorders packets, also the very first", () => {
    const swapped = steady(100).map((a) =>
      a.index === 0 ? { ...a, atMs: 21 } : a.index === 40 ? { ...a, atMs: 825 } : a
    )
    const { buffer, played } = run(swapped, { minDepth: 4 })
    assert.deepEqual(played.slice(0, 60), range(0, 60))
    assert.strictEqual(buffer.lost + buffer.late, 0)
  })

  it("drops and counts duplicates and late packets", () => {
    const { buffer, played } = run([
      ...steady(100).filter(({ index }) => index !== 70),
      ...steady(100).filter(({ index }) => index % 10 === 0 && index !== 70).map((a) => ({ ...a, atMs: a.atMs + 5 })),
      { index: 30, atMs: 1200 },
      { index: 70, atMs: 1600 }
    ], { minDepth: 3 })
    assert.strictEqual(buffer.duplicates, 10)
    assert.strictEqual(buffer.late, 1)
    assert.strictEqual(buffer.lost, 1)
    assert.isTrue(isIncreasing(played))
    assert.strictEqual(played.length, 99)
  })

  it("grows with jitter until few packets are late, and shrinks when it ends", () => {
    const next = random(1)
    const jittery = range(0, 3000).map((index) => ({
      index,
      atMs: index * 20 + (index >= 500 && index < 1500 ? 80 * next() : 0)
    }))
    const { buffer, depths } = run(jittery)
    assert.isAtLeast(Math.max(...depths.slice(700, 1500)), 4)
    assert.isAtMost(buffer.late, 40)
    assert.strictEqual(buffer.targetDepth, 2)
    assert.isAtMost(Math.max(...depths.slice(2800, 2990)), 3)
  })

  it("grows for a few late packets although it has no underrun", () => {
    const { buffer } = run(range(0, 2000).map((index) => ({ index, atMs: index * 20 + (index % 5 === 4 ? 55 : 0) })))
    assert.isAtLeast(buffer.held, 1)
    // One in five comes late, 400 in all, until the buffer is deep enough.
    assert.isAtMost(buffer.late, 40)
    assert.strictEqual(buffer.targetDepth, 4)
  })

  it("stays within its largest depth whatever the jitter", () => {
    const next = random(2)
    const { buffer } = run(range(0, 1000).map((index) => ({ index, atMs: index * 20 + 600 * next() })))
    assert.strictEqual(buffer.targetDepth, 10)
  })

  it("returns silence, not lost, during DTX, and keeps the time", () => {
    // DTX: speech, then one packet each 400 ms with contiguous numbers, then speech.
    const dtx: Array<Arrival> = []
    let seq = firstSeq
    for (const index of [...range(0, 100), 120, 140, 160, ...range(180, 300)]) {
      dtx.push({ index, atMs: index * 20, seq: seq++ })
    }
    const { buffer, count, out, played } = run(dtx)
    assert.strictEqual(buffer.lost, 0)
    assert.strictEqual(count("lost"), 0)
    assert.isAtLeast(count("silence"), 4)
    assert.strictEqual(played.length, 223 - buffer.dropped)
    // 80 packets' time passes between the two stretches of speech, as it did at the sender.
    assert.closeTo(out.indexOf(200) - out.indexOf(90), 110, 2)
  })

  it("loses no speech after a stall, and reduces the delay again", () => {
    const stalled = range(0, 1000).map((index) => ({
      index,
      atMs: index >= 200 && index < 225 ? 225 * 20 : index * 20
    }))
    const { buffer, depths, played } = run(stalled)
    assert.strictEqual(buffer.lost, 0)
    assert.isTrue(isIncreasing(played))
    assert.isAtLeast(buffer.underruns, 1)
    assert.strictEqual(played.length, 1000 - buffer.dropped)
    assert.isAtMost(buffer.dropped, 30)
    assert.isAtMost(Math.max(...depths.slice(900, 990)), 3)
  })

  it("does not conceal an outage twice", () => {
    const outage = steady(600).filter(({ index }) => index < 100 || index >= 350)
    const { count, out } = run(outage)
    assert.isAtMost(count("lost"), 12)
    assert.closeTo(out.indexOf(400) - out.indexOf(50), 350, 4)
  })

  it("follows clock drift in both directions without growing or underruns", () => {
    for (const pullMs of [20.02, 19.98]) {
      const { buffer, depths } = run(steady(20_000), { pullMs })
      assert.isAtMost(Math.max(...depths.slice(100, -100)), 4)
      assert.isAtMost(buffer.dropped + buffer.underruns + buffer.held, 45, `${pullMs}`)
      assert.strictEqual(buffer.lost, 0)
    }
  })

  it("continues after a restart of the sender, which a single stray packet does not cause", () => {
    const stray = { index: 9999, atMs: 1005, seq: 30_000, timestamp: 5 }
    const restarted = range(100, 200).map((index) => ({
      index,
      atMs: index * 20,
      seq: 10_000 + index,
      timestamp: 77_000_000 + index * 960
    }))
    const { buffer, played } = run([...steady(100), stray, ...restarted])
    assert.strictEqual(buffer.restarts, 1)
    assert.isFalse(played.includes(9999))
    assert.deepEqual(played.slice(-90), range(110, 200))
    assert.isAtLeast(played.length, 190)
  })

  it("stays within its capacity without pulls", () => {
    const buffer = new JitterBuffer<Packet>()
    for (const { atMs, index } of steady(5000)) {
      buffer.push(index & 0xffff, index * 960, { index }, atMs)
      assert.isAtMost(buffer.depth, 50)
    }
    assert.strictEqual(buffer.dropped, 4950)
    assert.deepEqual(buffer.pull(), { index: 4950 })
  })

  it("reset drops packets and starts with the next", () => {
    const buffer = new JitterBuffer<Packet>({ minDepth: 1, initialDepth: 1 })
    buffer.push(1, 0, { index: 1 }, 0)
    buffer.reset()
    assert.strictEqual(buffer.pull(), undefined)
    buffer.push(40_000, 99, { index: 2 }, 5)
    assert.deepEqual(buffer.pull(), { index: 2 })
  })

  it.prop(
    "under loss, reordering, duplicates and jitter it plays in order, once, and accounts for every packet",
    [Schema.Int, Schema.Literals([0, 0.03, 0.2, 0.6]), Schema.Literals([0, 15, 60, 400])],
    ([seed, loss, jitter]) => {
      const next = random(seed)
      const arrivals: Array<Arrival> = []
      for (const index of range(0, 600)) {
        if (next() >= loss) {
          arrivals.push({ index, atMs: index * 20 + jitter * next() })
        }
        if (next() < 0.05) {
          arrivals.push({ index, atMs: index * 20 + jitter * next() + 10 })
        }
      }
      const { buffer, played } = run(arrivals)
      const sent = new Set(arrivals.map((a) => a.index)).size
      assert.isTrue(isIncreasing(played))
      // A late packet may come twice, and is late twice.
      assert.strictEqual(played.length + buffer.dropped + buffer.late + buffer.duplicates, arrivals.length)
      assert.isAtLeast(sent, played.length)
      assert.strictEqual(buffer.depth, 0)
      assert.isTrue(buffer.targetDepth >= 2 && buffer.targetDepth <= 10)
      if (jitter <= 60) {
        assert.isAtLeast(played.length, sent * 0.85)
      }
    },
    { arbitrary: { runs: 200 } }
  )

  it.prop(
    "any numbers at all leave it bounded and pulling",
    [Schema.Array(Schema.Struct({
      seq: Schema.Int,
      timestamp: Schema.Int,
      atMs: Schema.Number,
      pulls: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 5 }))
    }))],
    ([packets]) => {
      const buffer = new JitterBuffer<Packet>()
      packets.forEach(({ atMs, pulls, seq, timestamp }, index) => {
        buffer.push(seq, timestamp, { index }, atMs)
        assert.isAtMost(buffer.depth, 120)
        for (let i = 0; i < pulls; i++) {
          buffer.pull()
        }
      })
      let left = 0
      while (buffer.depth > 0) {
        buffer.pull()
        assert.isBelow(left++, 5000)
      }
    },
    { arbitrary: { runs: 1000 } }
  )
})
