import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import { readFileSync } from "node:fs"
import { BeepDetector } from "../../src/audio/BeepDetector.ts"
import * as Dtmf from "../../src/audio/Dtmf.ts"
import * as G711 from "../../src/audio/G711.ts"
import * as Pcm from "../../src/audio/Pcm.ts"
import * as Wav from "../../src/audio/Wav.ts"

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

/** The times in ms at which beeps were heard in audio that arrives in pieces of `size` samples. */
const hear = (samples: Int16Array, sampleRate: number, size = 160): ReadonlyArray<number> => {
  const detector = new BeepDetector(sampleRate)
  const heard: Array<number> = []
  for (let at = 0; at < samples.length; at += size) {
    if (detector.push(samples.subarray(at, at + size))) heard.push((at + size) * 1000 / sampleRate)
  }
  return heard
}

/** Sounds one after another: how long in ms, and the frequencies of its tones. */
const sounds = (
  parts: ReadonlyArray<readonly [number, ...ReadonlyArray<number>]>,
  sampleRate: number,
  amplitude = 6_000
): Int16Array =>
  Int16Array.from(
    parts.flatMap(([ms, ...tones]) =>
      Array.from(
        { length: Math.round(ms * sampleRate / 1000) },
        (_, i) =>
          Math.round(tones.reduce((sum, hz) => sum + amplitude * Math.sin(2 * Math.PI * hz * i / sampleRate), 0))
      )
    )
  )

const recording = (name: string): Int16Array =>
  Result.getOrThrow(Wav.parse(readFileSync(new URL(`../fixtures/${name}.wav`, import.meta.url)))).samples

const concat = (...parts: ReadonlyArray<Int16Array>): Int16Array => Int16Array.from(parts.flatMap((part) => [...part]))

const seeded = (seed: number) => {
  let state = seed + 1
  return () => (state = (state * 1103515245 + 12345) & 0x7fffffff) / 0x80000000 - 0.5
}

describe("BeepDetector", () => {
  it.prop(
    "hears a beep of any frequency and length, once, within 300 ms of its end, however the audio is cut",
    [
      Schema.Literals([8_000, 11_025, 16_000, 22_050, 48_000]),
      between(310, 2_450),
      between(120, 1_980),
      between(1, 3_000),
      between(0, 500)
    ],
    ([rate, hz, ms, size, before]) => {
      const heard = hear(sounds([[before], [ms, hz], [400]], rate), rate, size)
      if (hz > 390 && hz < 490) return assert.isAtMost(heard.length, 1)
      assert.strictEqual(heard.length, 1)
      assert.isAtLeast(heard[0]!, before + ms + 100)
      assert.isAtMost(heard[0]!, before + ms + 200 + size * 1000 / rate)
    }
  )

  it.prop(
    "hears a beep through µ-law, in noise of 20 dB below it, and at -35 dBFS",
    [between(500, 2_400), between(150, 1_500), between(0, 10_000)],
    ([hz, ms, seed]) => {
      const beep = sounds([[300], [ms, hz], [400]], 8_000)
      assert.strictEqual(hear(G711.decodeMuLaw(G711.encodeMuLaw(beep)), 8_000).length, 1)
      const random = seeded(seed)
      // a sine of 6,000 is 4,243 as a root mean square; noise from -a to a is a / √3
      const noise = 0.1 * 4_243 * Math.sqrt(3)
      assert.strictEqual(hear(beep.map((x) => Pcm.saturate(x + 2 * noise * random())), 8_000).length, 1)
      assert.strictEqual(hear(sounds([[300], [ms, hz], [400]], 8_000, 824), 8_000).length, 1)
    }
  )

  it("hears nothing in tones that are too short, too long, too low or too high", () => {
    for (const rate of [8_000, 16_000]) {
      for (
        const [ms, hz] of [[60, 1_000], [40, 440], [2_200, 1_000], [500, 250], [500, 2_700], [500, 3_400]] as const
      ) {
        assert.deepStrictEqual(hear(sounds([[300], [ms, hz], [500]], rate), rate), [], `${ms} ms of ${hz} Hz`)
      }
    }
  })

  it("hears nothing in the tones of a line", () => {
    const lines: { readonly [name: string]: ReadonlyArray<readonly [number, ...ReadonlyArray<number>]> } = {
      "ring-back of North America": [[2_000, 440, 480], [4_000], [2_000, 440, 480], [1_000]],
      "ring-back of Britain": [[400, 400, 450], [200], [400, 400, 450], [2_000]],
      "ring-back of Europe": [[1_000, 425], [4_000], [1_000, 425], [1_000]],
      "busy": [[500, 480, 620], [500], [500, 480, 620], [500]],
      "busy of Europe": [[480, 425], [480], [480, 425], [480]],
      "special information": [[330, 950], [330, 1_400], [330, 1_800], [1_000]],
      "special information with gaps": [[330, 950], [30], [330, 1_400], [30], [330, 1_800], [1_000]],
      "answer of a fax": [[3_000, 2_100], [1_000]],
      "dial": [[3_000, 350, 440], [500]]
    }
    for (const [name, parts] of Object.entries(lines)) {
      for (const rate of [8_000, 16_000]) assert.deepStrictEqual(hear(sounds(parts, rate), rate), [], name)
    }
  })

  it("hears nothing in dialled digits, in music, and in a tone that speech follows", () => {
    const dialled = Dtmf.tones(Dtmf.keypad, { sampleRate: 8_000, toneMs: 300, gapMs: 400 })
    assert.deepStrictEqual(hear(dialled, 8_000), [])
    const scale = sounds(
      [[300, 523], [300, 587], [300, 659], [300, 698], [300, 784], [300, 659], [300, 523], [500]],
      8_000
    )
    assert.deepStrictEqual(hear(scale, 8_000), [])
    const speech = recording("ill-disposed").subarray(8_000)
    assert.deepStrictEqual(hear(concat(sounds([[300, 1_000]], 16_000), speech), 16_000), [])
  })

  it("hears nothing in speech, of higher and of lower voices", () => {
    for (const name of ["two-cities", "prudently", "cold-hearted", "eight-of-spades", "queen-of-clubs"]) {
      for (const rate of [8_000, 11_025, 16_000, 22_050, 32_000]) {
        assert.deepStrictEqual(hear(recording(name), rate), [], `${name} at ${rate} Hz`)
      }
    }
  })

  it("hears the beep after a greeting, at once and after a pause", () => {
    const greeting = recording("prudently")
    const ms = greeting.length / 16
    for (const pause of [0, 300, 1_500]) {
      const heard = hear(concat(greeting, sounds([[pause], [400, 1_000], [600]], 16_000)), 16_000)
      assert.strictEqual(heard.length, 1)
      assert.isAtLeast(heard[0]!, ms + pause + 400)
    }
  })
})
