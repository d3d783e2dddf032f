import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as OpusRtp from "../../../src/transport/webrtc/OpusRtp.ts"
import { VoiceReceiver } from "../../../src/transport/webrtc/VoiceReceiver.ts"
import { VoiceSender } from "../../../src/transport/webrtc/VoiceSender.ts"

const below = (limit: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: limit - 1 }))
const Bytes = Schema.Array(below(256))

const packet = (sequence: number, payload = 1): OpusRtp.RtpPacket => ({
  payloadType: 96,
  marker: false,
  sequence: sequence & 0xffff,
  timestamp: (sequence * 960) >>> 0,
  ssrc: 1,
  payload: Uint8Array.of(payload)
})

describe("OpusRtp", () => {
  it.effect.prop(
    "reads back what it builds",
    [below(128), Schema.Boolean, below(65_536), below(2 ** 32), Bytes],
    ([payloadType, marker, sequence, timestamp, bytes]) =>
      Effect.sync(() => {
        const built = { payloadType, marker, sequence, timestamp, ssrc: 7, payload: Uint8Array.of(1, ...bytes) }
        const parsed = OpusRtp.parse(OpusRtp.build(built))
        assert.deepStrictEqual(parsed && { ...parsed, payload: Uint8Array.from(parsed.payload) }, built)
      })
  )

  it.effect.prop(
    "gives of any bytes at all nothing, or a payload that lies within them",
    [Bytes, below(4)],
    ([bytes, version]) =>
      Effect.sync(() => {
        const hostile = Uint8Array.from(bytes)
        if (version > 0 && hostile.length > 0) hostile[0] = 0x80 | hostile[0]! & 0x3f
        const parsed = OpusRtp.parse(hostile)
        if (parsed === undefined) return
        assert.isAbove(parsed.payload.length, 0)
        assert.isAtMost(parsed.payload.byteOffset + parsed.payload.length, hostile.length)
        assert.isAtLeast(parsed.payload.byteOffset, OpusRtp.HEADER_BYTES)
      }),
    { arbitrary: { runs: 500 } }
  )

  it("skips sources, an extension and padding, and rejects wrong lengths", () => {
    const body = [1, 2, 3]
    const header = [0x80 | 0x20 | 0x10 | 2, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3]
    const full = [...header, ...Array.from({ length: 8 }, () => 9), 0xbe, 0xde, 0, 1, 5, 5, 5, 5, ...body, 0, 2]
    assert.deepStrictEqual([...OpusRtp.parse(Uint8Array.from(full))?.payload ?? []], body)
    const patched = (at: number, value: number) => Uint8Array.from(full.with(at, value))
    assert.isUndefined(OpusRtp.parse(patched(23, 200)), "extension beyond the end")
    assert.isUndefined(OpusRtp.parse(patched(full.length - 1, 0)), "no padding")
    assert.isUndefined(OpusRtp.parse(patched(full.length - 1, 255)), "more padding than bytes")
    assert.isUndefined(OpusRtp.parse(patched(0, 0x40)), "not version 2")
    assert.isUndefined(OpusRtp.parse(Uint8Array.from(header)), "cut short")
    assert.isUndefined(OpusRtp.parse(OpusRtp.build({ ...packet(1), payload: new Uint8Array(1_501) })), "too long")
  })
})

describe("VoiceReceiver", () => {
  const make = (samplesOf: (payload: number) => number = () => 320) => {
    const heard: Array<number> = []
    let gaps = 0
    const receiver = new VoiceReceiver({
      sampleRate: 16_000,
      decode: ([value = 0]) => {
        if (value === 255) throw new Error("not Opus")
        return new Uint8Array(new Int16Array(samplesOf(value)).fill(value * 100).buffer)
      },
      audio: (pcm) => heard.push(...pcm),
      gap: (samples) => gaps += samples
    })
    return { receiver, heard, gaps: () => gaps, total: () => heard.length + gaps }
  }

  it("delivers nothing before the first packet", () => {
    const { receiver, total } = make()
    for (let i = 0; i < 100; i++) receiver.tick()
    assert.strictEqual(total(), 0)
  })

  it("keeps the timeline when packets are lost, and conceals them with a fade", () => {
    const { heard, receiver, total } = make()
    for (let i = 0; i < 60; i++) {
      if (i % 10 !== 5) receiver.push(packet(i), i * 20)
      receiver.tick()
    }
    assert.strictEqual(total(), 60 * 320)
    const levels = new Set(heard)
    assert.isTrue(levels.has(100) && levels.has(70))
  })

  it("conceals half a second and reports the rest as a gap", () => {
    const { gaps, heard, receiver } = make()
    for (let i = 0; i < 10; i++) receiver.push(packet(i), i * 20)
    for (let i = 0; i < 110; i++) receiver.tick()
    assert.strictEqual(heard.length + gaps(), 110 * 320)
    assert.strictEqual(gaps(), (110 - 10 - 25) * 320)
  })

  it("treats an invalid packet as lost", () => {
    const { receiver, total } = make()
    for (let i = 0; i < 30; i++) {
      receiver.push(packet(i, i % 3 === 0 ? 255 : 1), i * 20)
      receiver.tick()
    }
    assert.strictEqual(total(), 30 * 320)
    assert.isAbove(receiver.invalid, 5)
  })

  for (const ms of [10, 60]) {
    it(`keeps the time with packets of ${ms} ms`, () => {
      const { gaps, heard, receiver } = make(() => 16 * ms)
      let sent = 0
      for (let now = 0; now < 6_000; now += 20) {
        for (; sent * ms <= now; sent++) {
          receiver.push({ ...packet(sent), timestamp: sent * ms * 48 }, now)
        }
        receiver.tick()
      }
      assert.closeTo(heard.length + gaps(), 96_000, 16 * 60)
      assert.isAbove(heard.filter((sample) => sample === 100).length, 0.85 * 96_000)
    })
  }
})

describe("VoiceSender", () => {
  const make = (open = true) => {
    const packets: Array<OpusRtp.RtpPacket> = []
    const state = { open }
    const sender = new VoiceSender({
      sampleRate: 24_000,
      payloadType: 111,
      ssrc: 5,
      sequence: 65_534,
      timestamp: 2 ** 32 - 1_000,
      encode: (pcm) => Uint8Array.of(pcm[0]!, pcm[479]!),
      transmit: (bytes) => packets.push(OpusRtp.parse(bytes)!),
      isOpen: () => state.open
    })
    return { sender, packets, state }
  }
  const frame = (value: number, samples = 480) => new Int16Array(samples).fill(value)

  it("sends one frame per tick, with timestamps that always advance", () => {
    const { packets, sender } = make()
    sender.push(frame(1))
    sender.push(frame(2))
    for (let i = 0; i < 40; i++) sender.tick()
    sender.push(frame(3, 100))
    sender.tick()
    assert.deepStrictEqual(packets.map((each) => each.payload[0]), [1, 2, ...Array.from({ length: 10 }, () => 0), 3])
    assert.strictEqual(packets.at(-1)?.payload[1], 0)
    const first = packets[0]!
    for (const [i, each] of packets.slice(0, 12).entries()) {
      assert.strictEqual((each.timestamp - first.timestamp) >>> 0, i * 960)
      assert.strictEqual((each.sequence - first.sequence) & 0xffff, i)
    }
    assert.strictEqual((packets[12]!.timestamp - first.timestamp) >>> 0, 40 * 960)
    assert.strictEqual(packets[12]!.sequence, (first.sequence + 12) & 0xffff)
    assert.deepStrictEqual(packets.map((each) => each.marker), [true, ...Array.from({ length: 11 }, () => false), true])
  })

  it("queues at most 200 ms, keeps it until the track opens, and drops all on clear", () => {
    const { packets, sender, state } = make(false)
    const accepted = Array.from({ length: 12 }, (_, i) => sender.push(frame(i + 1)))
    assert.deepStrictEqual(accepted, [...Array.from({ length: 10 }, () => true), false, false])
    for (let i = 0; i < 5; i++) sender.tick()
    state.open = true
    sender.tick()
    assert.deepStrictEqual(packets.map((each) => each.payload[0]), [1])
    assert.strictEqual(sender.clear(), 180)
    sender.tick()
    assert.deepStrictEqual(packets.map((each) => each.payload[0]), [1, 0])
  })
})
