import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as AudioFormat from "../../src/audio/AudioFormat.ts"
import { Framer } from "../../src/audio/Framer.ts"
import * as Pcm from "../../src/audio/Pcm.ts"
import { SampleRing } from "../../src/audio/SampleRing.ts"

const Sample = Schema.Int.check(Schema.isBetween({ minimum: -32768, maximum: 32767 }))
const Samples = Schema.Array(Sample)
const Size = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 50 }))
const Sizes = Schema.Array(Size)
// Enough small pieces that carries and wraps of every parity occur.
const Pieces = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 9 }))).check(
  Schema.isMinLength(10),
  Schema.isMaxLength(40)
)

const counted = (length: number) => Int16Array.from({ length }, (_, i) => i * 259 + 1)

/** Cuts `data` at the given sizes, the rest last. */
const cut = <A extends Int16Array | Uint8Array>(data: A, sizes: ReadonlyArray<number>): Array<A> => {
  const parts: Array<A> = []
  let at = 0
  for (const size of sizes) {
    parts.push(data.subarray(at, at + size) as A)
    at = Math.min(data.length, at + size)
  }
  return [...parts, data.subarray(at) as A]
}

describe("AudioFormat", () => {
  it("accepts integers from 8,000 to 48,000 Hz", () => {
    const accepts = (sampleRate: unknown) => Schema.is(AudioFormat.AudioFormat)({ sampleRate })
    assert.deepEqual([8000, 16000, 44100, 48000].map(accepts), [true, true, true, true])
    assert.deepEqual([7999, 48001, 16000.5, "16000", Number.NaN].map(accepts), [false, false, false, false, false])
    assert.deepEqual([7999, 8000, 16000.5, 48001].map(AudioFormat.isSampleRate), [false, true, false, false])
  })

  it("counts samples and milliseconds", () => {
    assert.deepEqual([8000, 16000, 24000, 48000].map((r) => AudioFormat.frameSamples(AudioFormat.make(r))), [
      160,
      320,
      480,
      960
    ])
    assert.strictEqual(AudioFormat.frameBytes(AudioFormat.make(16000)), 640)
    assert.strictEqual(AudioFormat.samplesOf(AudioFormat.make(44100), 1000), 44100)
    assert.strictEqual(AudioFormat.msOf(441, 44100), 10)
  })
})

describe("Pcm", () => {
  it("reads little-endian bytes, aligned or not, and drops an odd byte", () => {
    const bytes = Uint8Array.of(9, 0x34, 0x12, 0xff, 0xff, 7)
    assert.deepEqual([...Pcm.toInt16(bytes.subarray(1))], [0x1234, -1])
    assert.deepEqual([...Pcm.toInt16(bytes.slice(1, 5))], [0x1234, -1])
    assert.deepEqual([...Pcm.copyInt16(bytes.subarray(1))], [0x1234, -1])
    const out = new Int16Array(3).fill(7)
    assert.deepEqual([...Pcm.copyInt16(bytes.subarray(1), out)], [0x1234, -1])
    assert.deepEqual([...out], [0x1234, -1, 7])
    assert.deepEqual(
      [...Pcm.copyInt16(bytes.subarray(1), out.subarray(0, 1))],
      [0x1234],
      "no more than there is room for"
    )
    assert.deepEqual([...Pcm.fromInt16(Int16Array.of(0x1234, -1))], [0x34, 0x12, 0xff, 0xff])
  })

  it("copyInt16 does not share memory with its bytes", () => {
    const bytes = new Uint8Array(4)
    const copy = Pcm.copyInt16(bytes)
    bytes.fill(1)
    assert.deepEqual([...copy], [0, 0])
  })

  it.prop("a reader gives the same samples however the bytes are cut", [Pieces, Size], ([sizes, rest]) => {
    const reader = new Pcm.PcmReader()
    const samples = counted((sizes.reduce((a, b) => a + b, 0) >> 1) + rest)
    const out = cut(Pcm.fromInt16(samples).slice(), sizes).map((part) => reader.push(part).slice())
    assert.deepEqual(Pcm.concat(out), samples)
    assert.strictEqual(reader.pendingBytes, 0)
  })

  it("a reader carries an odd byte over, even alone, until reset", () => {
    const reader = new Pcm.PcmReader()
    assert.deepEqual([...reader.push(Uint8Array.of(0x34))], [])
    assert.strictEqual(reader.pendingBytes, 1)
    assert.deepEqual([...reader.push(new Uint8Array(0))], [])
    assert.deepEqual([...reader.push(Uint8Array.of(0x12))], [0x1234])
    reader.push(Uint8Array.of(1))
    reader.reset()
    assert.deepEqual([...reader.push(Uint8Array.of(2, 0))], [2])
  })

  it.prop("floats round-trip every sample", [Samples], ([samples]) => {
    const ints = Int16Array.from(samples)
    assert.deepEqual(Pcm.fromFloat32(Pcm.toFloat32(ints)), ints)
  })

  it("clips floats and takes NaN for 0", () => {
    assert.deepEqual(
      [...Pcm.fromFloat32(Float32Array.of(2, -2, 1, -1, Number.NaN, Infinity, -Infinity, 0.5))],
      [32767, -32768, 32767, -32768, 0, 32767, -32768, 16384]
    )
  })

  it("measures levels", () => {
    const sine = Int16Array.from(
      { length: 16000 },
      (_, i) => Math.round(32767 * Math.sin(2 * Math.PI * 440 * i / 16000))
    )
    assert.closeTo(Pcm.rmsDbfs(sine), -3.01, 0.01)
    assert.closeTo(Pcm.rmsDbfs(new Int16Array(10).fill(-32768)), 0, 1e-9)
    assert.strictEqual(Pcm.rmsDbfs(new Int16Array(10)), Pcm.silenceDbfs)
    assert.strictEqual(Pcm.rmsDbfs(new Int16Array(0)), Pcm.silenceDbfs)
    assert.strictEqual(Pcm.peak(Int16Array.of(3, -32768, 5)), 32768)
    assert.strictEqual(Pcm.peak(new Int16Array(0)), 0)
  })

  it("multiplies and clips", () => {
    assert.closeTo(Pcm.gainOfDb(-6.0206), 0.5, 1e-5)
    assert.deepEqual([...Pcm.gain(Int16Array.of(100, 30000, -30000), 2)], [200, 32767, -32768])
  })

  it("fades from and to silence without touching the rest", () => {
    assert.deepEqual([...Pcm.fadeIn(new Int16Array(6).fill(400), 4)], [0, 100, 200, 300, 400, 400])
    assert.deepEqual([...Pcm.fadeOut(new Int16Array(6).fill(400), 4)], [400, 400, 300, 200, 100, 0])
    assert.deepEqual([...Pcm.fadeOut(new Int16Array(2).fill(400), 100)], [200, 0])
    assert.deepEqual([...Pcm.fadeIn(new Int16Array(2).fill(400), 0)], [400, 400])
  })
})

describe("Framer", () => {
  it.prop(
    "gives the same frames however the samples are cut",
    [Size, Pieces, Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 20 }))],
    ([rest, sizes, frame]) => {
      const out: Array<Int16Array> = []
      const framer = new Framer(frame, (samples, position) => {
        assert.strictEqual(position, out.length * frame)
        out.push(samples.slice())
      })
      const samples = counted(sizes.reduce((a, b) => a + b, rest))
      for (const part of cut(samples, sizes)) {
        framer.push(part)
      }
      assert.strictEqual(out.length, Math.floor(samples.length / frame))
      assert.strictEqual(framer.position, samples.length)
      assert.strictEqual(framer.flush(), samples.length % frame)
      const expected = new Int16Array(Math.ceil(samples.length / frame) * frame)
      expected.set(samples)
      assert.deepEqual(Pcm.concat(out), expected)
    }
  )

  it("reuses one buffer for every frame, and reset starts anew", () => {
    const seen = new Set<Int16Array>()
    const positions: Array<number> = []
    const framer = new Framer(4, (samples, position) => {
      seen.add(samples)
      positions.push(position)
    })
    framer.push(new Int16Array(11))
    framer.reset()
    framer.push(new Int16Array(4))
    assert.strictEqual(seen.size, 1)
    assert.deepEqual(positions, [0, 4, 0])
  })
})

describe("SampleRing", () => {
  it.prop(
    "holds the latest samples at their positions",
    [Sizes, Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 40 })), Size, Size],
    ([sizes, capacity, a, b]) => {
      const ring = new SampleRing(capacity)
      const all: Array<number> = []
      sizes.forEach((size, i) => {
        if (i % 4 === 3) {
          ring.pushSilence(size)
          all.push(...new Int16Array(size))
        } else {
          const part = Int16Array.from({ length: size }, (_, k) => all.length + k + 1)
          ring.push(part)
          all.push(...part)
        }
        assert.strictEqual(ring.end, all.length)
        assert.strictEqual(ring.start, Math.max(0, all.length - capacity))
        assert.deepEqual([...ring.read(0, Infinity)], all.slice(ring.start))
      })
      const from = Math.max(0, all.length - a)
      const to = from + b
      assert.deepEqual([...ring.read(from, to)], all.slice(Math.max(from, ring.start), to))
      assert.strictEqual(ring.contains(from, to), from >= ring.start && to <= ring.end)
    }
  )

  it("reads into a buffer, and clear keeps the position", () => {
    const ring = new SampleRing(4)
    ring.push(Int16Array.of(1, 2, 3, 4, 5))
    const out = new Int16Array(2)
    assert.strictEqual(ring.read(0, 5, out).buffer, out.buffer)
    assert.deepEqual([...out], [2, 3])
    ring.clear()
    assert.strictEqual(ring.length, 0)
    assert.strictEqual(ring.end, 5)
    assert.deepEqual([...ring.read(0, 10)], [])
  })
})
