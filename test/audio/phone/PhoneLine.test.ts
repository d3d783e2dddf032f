import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as G711 from "../../../src/audio/G711.ts"
import { PACKET, PhoneLine, RATE } from "../../../src/audio/phone/PhoneLine.ts"
import { TelephoneBand } from "../../../src/audio/phone/TelephoneBand.ts"

const seeded = (seed: number) => {
  let state = seed | 0
  return () => {
    state = state + 0x6d2b79f5 | 0
    let t = Math.imul(state ^ state >>> 15, 1 | state)
    t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t
    return ((t ^ t >>> 14) >>> 0) / 4294967296
  }
}

const tone = (samples: number, hz = 1_000, amplitude = 8_000) =>
  Int16Array.from({ length: samples }, (_, i) => Math.round(amplitude * Math.sin(2 * Math.PI * hz * i / RATE)))

/** What a carrier makes of clean speech: the band, and µ-law. */
const byPhone = (samples: Int16Array) =>
  G711.decodeMuLaw(G711.encodeMuLaw(new TelephoneBand().process(samples.slice())))

interface Arrival {
  readonly pcm: Int16Array
  readonly atMs: number
}

const lineOf = (options: { readonly jitterMs?: number; readonly loss?: number; readonly seed?: number }) => {
  const arrived: Array<Arrival> = []
  const heard: Array<Int16Array> = []
  let nowMs = 0
  const line = new PhoneLine({
    jitterMs: options.jitterMs ?? 0,
    loss: options.loss ?? 0,
    random: seeded(options.seed ?? 1),
    onSpeech: (pcm) => arrived.push({ pcm: pcm.slice(), atMs: nowMs }),
    onHeard: (pcm) => heard.push(pcm.slice())
  })
  /** Speaks from `fromMs` on, a packet every 20 ms, and looks for arrivals every ms. */
  const speak = (speech: Int16Array, fromMs = 0) => {
    for (let at = 0; at < speech.length; at += PACKET) {
      nowMs = fromMs + at / PACKET * 20
      line.tick(speech.subarray(at, at + PACKET), nowMs)
      for (let i = 1; i < 20; i++) line.arrive(++nowMs)
    }
  }
  const settle = (untilMs: number) => {
    while (nowMs < untilMs) line.arrive(++nowMs)
  }
  return { line, speak, settle, arrived, heard }
}

const joined = (pieces: ReadonlyArray<Int16Array>) => Int16Array.from(pieces.flatMap((piece) => Array.from(piece)))

const Jitter = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000 }))
const Seed = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000_000 }))
const Share = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 100 }))
const Count = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 80 }))

describe("PhoneLine", () => {
  it.prop("brings the caller's words to the server: all, in order, no later than the jitter", [Jitter, Seed, Count], (
    [jitterMs, seed, count]
  ) => {
    const { arrived, settle, speak } = lineOf({ jitterMs, seed })
    const speech = tone(count * PACKET)
    speak(speech)
    settle(count * 20 + jitterMs)
    assert.lengthOf(arrived, count)
    assert.deepEqual(joined(arrived.map(({ pcm }) => pcm)), byPhone(speech))
    for (let i = 0; i < count; i++) {
      const lateMs = arrived[i]!.atMs - i * 20
      assert.isTrue(lateMs >= 0 && lateMs <= jitterMs + 1, `packet ${i} is ${lateMs} ms late`)
      assert.isTrue(i === 0 || arrived[i]!.atMs >= arrived[i - 1]!.atMs)
    }
  })

  it.prop("loses packets both ways as often as it should, with silence in their place", [Share, Seed], (
    [percent, seed]
  ) => {
    const { arrived, heard, line, speak } = lineOf({ loss: percent / 100, seed })
    const count = 200
    const speech = tone(count * PACKET)
    line.send(speech)
    speak(speech)
    const clean = byPhone(speech)
    for (const received of [arrived.map(({ pcm }) => pcm), heard]) {
      assert.lengthOf(received, count)
      let lost = 0
      received.forEach((pcm, i) => {
        if (pcm.every((sample) => sample === 0)) lost++
        else assert.deepEqual(pcm, clean.subarray(i * PACKET, (i + 1) * PACKET))
      })
      // six standard deviations
      assert.closeTo(lost / count, percent / 100, 6 * Math.sqrt(percent / 100 * (1 - percent / 100) / count))
    }
  })

  it.prop("gives the same to the same seed", [Jitter, Share, Seed], ([jitterMs, percent, seed]) => {
    const run = () => {
      const { arrived, heard, line, speak } = lineOf({ jitterMs, loss: percent / 100, seed })
      line.send(tone(4_000))
      speak(tone(30 * PACKET))
      return { arrived, heard }
    }
    assert.deepEqual(run(), run())
  })

  it("lets the caller hear the server's audio as the time passes, late by the jitter, and silence after it", () => {
    const { heard, line, speak } = lineOf({ jitterMs: 40 })
    const reply = tone(10 * PACKET)
    // 200 ms ahead, in pieces of any length
    line.send(reply.subarray(0, 7))
    line.send(reply.subarray(7, 1_000))
    line.send(reply.subarray(1_000))
    speak(new Int16Array(30 * PACKET))
    const call = joined(heard)
    assert.lengthOf(call, 30 * PACKET)
    const clean = byPhone(Int16Array.from({ length: 28 * PACKET }, (_, i) => reply[i] ?? 0))
    assert.deepEqual(call.subarray(0, 2 * PACKET), new Int16Array(2 * PACKET))
    assert.deepEqual(call.subarray(2 * PACKET), clean)
    assert.isTrue(call.subarray(20 * PACKET).every((sample) => sample === 0))
  })

  it("plays nothing of what the server has taken back", () => {
    const { heard, line, speak } = lineOf({})
    line.send(tone(50 * PACKET))
    speak(new Int16Array(5 * PACKET))
    line.clear()
    speak(new Int16Array(20 * PACKET), 100)
    assert.isTrue(heard[4]!.some((sample) => Math.abs(sample) > 4_000))
    // the filter rings for a few ms
    assert.isTrue(joined(heard.slice(6)).every((sample) => Math.abs(sample) < 100))
  })

  it("keeps no more than a minute of the server's audio", () => {
    const { heard, line, speak } = lineOf({})
    for (let second = 0; second < 90; second++) line.send(tone(RATE))
    speak(new Int16Array(65 * RATE))
    const seconds = heard.filter((pcm) => pcm.some((sample) => Math.abs(sample) > 4_000)).length / 50
    assert.closeTo(seconds, 60, 0.1)
  })

  it("takes a piece of another length as 20 ms", () => {
    const { arrived, speak } = lineOf({})
    speak(tone(PACKET + 10))
    assert.deepEqual(arrived.map(({ pcm }) => pcm.length), [PACKET, PACKET])
  })
})
