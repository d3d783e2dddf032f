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
    for (let i = 0; i < 110; i++) {
      if (i < 10) receiver.push(packet(i), i * 20)
      receiver.tick()
    }
    assert.strictEqual(heard.length + gaps(), 110 * 320)
    const filling = heard.indexOf(100)
    assert.strictEqual(gaps(), (110 - 10 - 25) * 320 - filling)
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

  /** The second sample of a frame that was spoken. */
  const SPOKEN = 20_000
  /** The words of a user: frame `i` has the level 200 + `i`, or 10 in a pause; 0 is what nobody said. */
  const levelOf = (i: number, pause: (i: number) => boolean) => pause(i) ? 10 : 200 + i

  interface Network {
    /** Stalls: between `at` and `at + ms` nothing comes, and then everything. */
    readonly stalls?: ReadonlyArray<readonly [at: number, ms: number]>
    /** Which packets never come. */
    readonly lost?: (i: number) => boolean
    /** How late each packet is beside that, in ms. */
    readonly jitter?: (i: number) => number
    readonly pause?: (i: number) => boolean
    /** The sender sends nothing in a pause but one packet without audio each 400 ms. */
    readonly dtx?: boolean
    readonly ppm?: number
    readonly seconds?: number
    /** The stream of a packet, and what its numbers and times are beside those of one stream. */
    readonly stream?: (i: number) => { readonly ssrc: number; readonly sequence: number; readonly timestamp: number }
  }

  /** Sends packets through the network, and returns what was heard, with the packets' indexes in its place. */
  const through = (
    {
      dtx = false,
      jitter = () => 0,
      lost = () => false,
      pause = () => false,
      ppm = 0,
      seconds = 6,
      stalls = [],
      stream = () => ({ ssrc: 1, sequence: 0, timestamp: 0 })
    }: Network
  ) => {
    const frames: Array<number> = []
    const lag: Array<number> = []
    let now = 0
    const receiver = new VoiceReceiver({
      sampleRate: 16_000,
      decode: (payload) => {
        const level = payload.length <= 2 ? 0 : payload[1]! << 8 | payload[2]!
        const pcm = new Int16Array(320).fill(level)
        if (level >= 200) pcm[1] = SPOKEN
        return new Uint8Array(pcm.buffer)
      },
      audio: ([level = 0, marker]) => {
        // a fade of the last frame is no word
        frames.push(level >= 200 && marker !== SPOKEN ? 0 : level)
        if (marker === SPOKEN) lag.push(now - (level - 200) * 20)
      },
      gap: (samples) => frames.push(...Array.from({ length: samples / 320 }, () => 0))
    })
    const packets: Array<{ readonly at: number; readonly packet: OpusRtp.RtpPacket }> = []
    for (let i = 0, sequence = 0, quiet = 0; i < seconds * 50; i++) {
      quiet = pause(i) ? quiet + 1 : 0
      const isDtx = dtx && quiet > 5
      if (isDtx && (quiet - 6) % 20 !== 0) continue
      const sent = i * 20 * (1 - ppm / 1e6)
      const level = levelOf(i, pause)
      let at = sent + 30 + jitter(i)
      for (const [from, ms] of stalls) if (at >= from && at < from + ms) at = from + ms
      const payload = isDtx ? Uint8Array.of(1) : Uint8Array.of(1, level >> 8, level & 0xff)
      const { ssrc, ...shift } = stream(i)
      const timestamp = (i * 960 + shift.timestamp) >>> 0
      const numbered = { ...packet(sequence++ + shift.sequence), ssrc, timestamp, payload }
      if (!lost(i)) packets.push({ at, packet: numbered })
    }
    packets.sort((a, b) => a.at - b.at)
    for (let next = 0; now < seconds * 1_000 + 400; now += 20) {
      while (next < packets.length && packets[next]!.at <= now) {
        receiver.push(packets[next]!.packet, packets[next]!.at)
        next++
      }
      receiver.tick()
    }
    const words = frames.filter((level) => level >= 200).map((level) => level - 200)
    return { frames, lag, receiver, words }
  }
  /** What was said, without the last frames, which may be on their way. */
  const said = (seconds: number, pause: (i: number) => boolean = () => false) =>
    Array.from({ length: seconds * 50 - 5 }, (_, i) => i).filter((i) => !pause(i))
  const has = (words: ReadonlyArray<number>, all: ReadonlyArray<number>) =>
    assert.deepStrictEqual(words.slice(0, all.length), all)

  for (const ms of [300, 500, 900]) {
    for (const jitter of [0, 30]) {
      it(`a stall of ${ms} ms in speech loses no word and puts nothing into one, jitter ${jitter} ms`, () => {
        const { frames, lag, receiver, words } = through({
          stalls: [[2_005, ms], [12_010, ms], [22_017, ms]],
          jitter: (i) => i * 7_919 % 31 / 30 * jitter,
          seconds: 30
        })
        has(words, said(30))
        assert.strictEqual(receiver.buffer.dropped + receiver.buffer.late, 0)
        const first = frames.findIndex((level) => level >= 200)
        assert.isFalse(frames.slice(first, 1_400).some((level) => level < 200), "nothing that nobody said")
        // the delay comes down again at once
        const later = lag.slice(-250).toSorted((a, b) => a - b)
        assert.isAtMost(later[125]!, 100)
      })
    }
  }

  it("a stall in a pause, with words after it, loses no word, and the timeline stays that of the clock", () => {
    const pause = (i: number) => i >= 80 && i < 130
    const { frames, words } = through({ stalls: [[1_800, 900]], pause, seconds: 6 })
    has(words, said(6, pause))
    assert.closeTo(frames.length, 6 * 50, 25)
  })

  it("a stall loses no word with loss and reordering, and what is lost has its place", () => {
    const lost = (i: number) => i % 17 === 3
    const { frames, words } = through({
      stalls: [[2_000, 500], [4_000, 300]],
      jitter: (i) => i % 5 === 2 ? 45 : 0,
      lost,
      seconds: 8
    })
    const expected = said(8).filter((i) => !lost(i))
    const got = words.slice(0, expected.length)
    assert.isTrue(got.every((word, i) => i === 0 || word > got[i - 1]!), "in order, once")
    assert.isAtLeast(got.filter((word) => expected.includes(word)).length, expected.length * 0.98)
    assert.closeTo(frames.length, 8 * 50, 20)
  })

  it("an outage that loses everything is as long on the timeline as it was", () => {
    const { frames } = through({ lost: (i) => i >= 100 && i < 125, stalls: [[2_000, 500]], seconds: 6 })
    assert.closeTo(frames.length, 6 * 50, 10)
    assert.closeTo(frames.indexOf(200 + 130) - frames.indexOf(200 + 95), 35, 1)
  })

  it("a user who sends nothing any more is silent after a second, and with DTX at once", () => {
    const stops = through({ lost: (i) => i >= 100, seconds: 6 })
    assert.closeTo(stops.frames.length, 6 * 50 + 20, 2)
    const pause = (i: number) => i >= 100
    const dtx = through({ pause, dtx: true, seconds: 3 })
    assert.closeTo(dtx.frames.length, 3 * 50 + 20, 10)
    // the pause is heard while it lasts
    const short = through({ pause, dtx: true, seconds: 2.4 })
    assert.isAtLeast(short.frames.length - short.frames.lastIndexOf(200 + 99), 15)
  })

  for (
    const [what, sequence, timestamp] of [
      ["far away", 40_000, 3e9],
      ["whose numbers go on and whose times are far ahead", 0, 1e9],
      ["whose numbers and times are far behind", -50, -1e9],
      ["whose numbers have a gap", 1_000, 0]
    ] as const
  ) {
    it(`a new stream ${what} loses no word and puts nothing into one`, () => {
      const isOther = (i: number) => i >= 150 && i < 400
      const { frames, words } = through({
        // the first two packets of the second stream change places
        jitter: (i) => i === 150 ? 25 : i % 3 * 5,
        seconds: 12,
        stream: (i) => isOther(i) ? { ssrc: 2, sequence, timestamp } : { ssrc: 1, sequence: 0, timestamp: 0 }
      })
      has(words, said(12))
      const first = frames.findIndex((level) => level >= 200)
      assert.isFalse(frames.slice(first, 550).some((level) => level < 200), "nothing that nobody said")
    })
  }

  it("stray packets of another stream, and late ones of the former, change nothing", () => {
    const stray = through({
      seconds: 6,
      stream: (i) =>
        i % 10 === 5 ? { ssrc: 2, sequence: 9_000, timestamp: 1e9 } : { ssrc: 1, sequence: 0, timestamp: 0 }
    })
    assert.deepStrictEqual(stray.words, said(6).concat([295, 296, 297, 298, 299]).filter((i) => i % 10 !== 5))
    assert.strictEqual(stray.receiver.buffer.restarts, 0)
    // 146 to 149 come after the first of the new stream
    const late = through({
      jitter: (i) => i >= 146 && i < 150 ? 100 : 0,
      seconds: 6,
      stream: (i) => ({ ssrc: i < 150 ? 1 : 2, sequence: i < 150 ? 0 : 40_000, timestamp: 0 })
    })
    const heard = late.words.filter((i) => i < 146 || i >= 150)
    assert.deepStrictEqual(heard.slice(0, 290), said(6).filter((i) => i < 146 || i >= 150).slice(0, 290))
  })

  it("a flood of streams costs no more than one stream", () => {
    let decoded = 0
    const receiver = new VoiceReceiver({
      sampleRate: 16_000,
      decode: () => {
        decoded++
        return new Uint8Array(new Int16Array(320).fill(1_000).buffer)
      },
      audio: () => {},
      gap: () => {}
    })
    for (let i = 0; i < 50; i++) {
      for (let k = 0; k < 1_000; k++) receiver.push({ ...packet(k), ssrc: (i * 1_000 + k) >> 1 }, i * 20)
      receiver.tick()
    }
    assert.isAtMost(decoded, 100)
  })

  for (const dtx of [false, true]) {
    it(`stalls each 10 s lose no word${dtx ? ", with DTX" : ""}`, () => {
      const pause = (i: number) => i % 350 > 200
      const { lag, words } = through({
        stalls: [[2_000, 500], [12_000, 900], [22_000, 300], [32_000, 500]],
        pause,
        dtx,
        seconds: 40
      })
      has(words, said(40, pause))
      const later = lag.slice(-200).toSorted((a, b) => a - b)
      assert.isAtMost(later[100]!, 100)
    })
  }

  for (const ppm of [500, -500]) {
    it(`a sender's clock that is off by ${ppm} ppm loses no word in five minutes, and the delay stays`, () => {
      const { lag, receiver, words } = through({ ppm, jitter: (i) => i * 7_919 % 11, seconds: 300 })
      has(words, said(300).slice(0, -20))
      assert.strictEqual(receiver.buffer.dropped, 0)
      // by the receiver's clock the sender has gained or lost 150 ms
      assert.closeTo(lag.at(-10)!, 60 - ppm / 1e6 * 300_000, 60)
    })
  }

  it("a peer that sends faster than real time is held back", () => {
    let samples = 0
    const receiver = new VoiceReceiver({
      sampleRate: 16_000,
      decode: () => new Uint8Array(new Int16Array(1_920).fill(900).buffer),
      audio: (pcm) => samples += pcm.length,
      gap: (missing) => samples += missing
    })
    for (let i = 0; i < 10_000; i++) {
      receiver.push(packet(i), i / 10)
      if (i % 10 === 9) receiver.tick()
    }
    assert.isAtMost(samples, (1_000 * 2 + 150 + 6) * 320)
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
    const sent: Array<ReadonlyArray<number | boolean>> = []
    const sender = new VoiceSender({
      sampleRate: 24_000,
      payloadType: 111,
      ssrc: 5,
      sequence: 65_534,
      timestamp: 2 ** 32 - 1_000,
      encode: (pcm) => Uint8Array.of(pcm[0]!, pcm[479]!),
      transmit: (bytes) => packets.push(OpusRtp.parse(bytes)!),
      isOpen: () => state.open,
      sent: (...each) => sent.push(each)
    })
    return { sender, packets, sent, state }
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

  it("tells what of which reply was sent, once it has gone out, and not what was dropped", () => {
    const { sender, sent } = make()
    sender.push(frame(1), 3, 40)
    sender.push(frame(2), 3, 60)
    sender.push(frame(3), 4, 0)
    assert.deepStrictEqual(sent, [])
    sender.tick()
    sender.tick()
    assert.deepStrictEqual(sent, [[3, 60, false], [3, 80, false]])
    sender.clear()
    sender.tick()
    sender.push(frame(4), 5, 0)
    sender.tick()
    assert.deepStrictEqual(sent.slice(2), [[5, 20, true]])
  })
})
