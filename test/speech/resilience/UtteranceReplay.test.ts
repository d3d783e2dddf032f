import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { UtteranceReplay } from "../../../src/speech/resilience/UtteranceReplay.ts"

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))
/** What happens, by a number; how long a piece is, and how far back an event lies, in units of 20 ms. */
const Steps = Schema.Array(Schema.Tuple([between(0, 9), between(1, 60), between(0, 40)])).check(Schema.isMaxLength(60))

/** What a recogniser is replayed: its audio in one piece, and the rest with the place at which it came. */
const replayed = (replay: UtteranceReplay) => {
  const audio: Array<number> = []
  const marks: Array<unknown> = []
  replay.replayTo({
    push: (pcm) => void audio.push(...pcm),
    activity: (activity) => marks.push(activity),
    finalize: (id, untilSample) => marks.push({ id, untilSample })
  })
  return { audio, marks }
}

/** The same conversation at a rate; each sample at 8 kHz is two at 16 kHz. */
const run = (sampleRate: number, steps: typeof Steps.Type) => {
  const replay = new UtteranceReplay(sampleRate)
  const repeat = sampleRate / 8_000
  let said = 0
  let id = 0
  for (const [what, length, back] of steps) {
    const at = Math.max(0, replay.position - back * 320)
    if (what < 5) {
      const first = said
      said += length * 160
      const count = length * 160 * repeat
      replay.push(Int16Array.from({ length: count }, (_, i) => (first + Math.floor(i / repeat)) % 20_000))
    } else if (what === 5) replay.activity({ _tag: "SpeechStarted", atSample: at, decidedAtSample: replay.position })
    else if (what === 6) replay.activity({ _tag: "SpeechStopped", atSample: at, decidedAtSample: replay.position })
    else if (what === 7) replay.finalize(++id, at)
    else if (what === 8) replay.final(back % 2 === 0 ? undefined : [{ text: "a", startSample: 0, endSample: at }])
    else replay.finalized(id)
  }
  return { ...replayed(replay), position: replay.position, start: replay.start, between: replay.isBetweenUtterances }
}

describe("UtteranceReplay", () => {
  it.prop("keeps the same places whatever the rate of the audio", [Steps], ([steps]) => {
    const wide = run(16_000, steps)
    const narrow = run(8_000, steps)
    assert.deepStrictEqual(
      { ...narrow, audio: narrow.audio.length },
      { ...wide, audio: wide.audio.length / 2 }
    )
    assert.deepStrictEqual(narrow.audio, wide.audio.filter((_, i) => i % 2 === 0))
  })

  it("replays each sample once at 8 kHz, also where an event lies between two of them", () => {
    const replay = new UtteranceReplay(8_000)
    replay.activity({ _tag: "SpeechStarted", atSample: 0, decidedAtSample: 0 })
    for (let i = 0; i < 20; i++) {
      replay.push(Int16Array.from({ length: 161 }, (_, j) => i * 161 + j))
      replay.finalize(i, i * 321 + 1)
    }
    replay.final([{ text: "a", startSample: 0, endSample: 1_001 }])
    const { audio, marks } = replayed(replay)
    assert.strictEqual(replay.position, 2 * 20 * 161)
    // an odd place is in the middle of a sample, which belongs to what follows
    assert.strictEqual(audio[0], 500)
    assert.deepStrictEqual(audio, Array.from({ length: 20 * 161 - 500 }, (_, i) => i + 500))
    // that the user is speaking, and the requests, which stay until they are answered
    assert.strictEqual(marks.length, 1 + 20)
  })
})
