/** The audio of a turn against the whole audio of the session. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { TurnAudio } from "../../../src/session/input/TurnAudio.ts"

const RATE = 16_000
/** Each sample tells its position. */
const samplesFrom = (from: number, length: number) => Int16Array.from({ length }, (_, i) => (from + i) % 30_011 + 1)

const speech = (_tag: "SpeechStarted" | "SpeechStopped", atSample: number) => ({
  _tag,
  atSample,
  decidedAtSample: atSample
} as const)

describe("TurnAudio", () => {
  it("gives a turn from half a second before its first sound until now, with the silence after it", () => {
    const audio = new TurnAudio(700)
    audio.push(samplesFrom(700, 2 * RATE))
    // noticed 150 ms late
    audio.activity(speech("SpeechStarted", 700 + 2 * RATE - 2_400))
    audio.push(samplesFrom(700 + 2 * RATE, RATE))
    audio.activity(speech("SpeechStopped", 700 + 3 * RATE - 3_200))
    const since = 700 + 2 * RATE - 2_400
    assert.deepEqual(audio.read(since), samplesFrom(since - 8_000, 8_000 + 2_400 + RATE))
  })

  it("gives the last 8 s of a longer turn", () => {
    const audio = new TurnAudio(0)
    audio.activity(speech("SpeechStarted", 0))
    for (let at = 0; at < 20 * RATE; at += 320) audio.push(samplesFrom(at, 320))
    assert.deepEqual(audio.read(0), samplesFrom(12 * RATE, 8 * RATE))
    assert.deepEqual(audio.read(undefined), audio.read(0))
  })

  it("gives what was said before a turn too, where the user spoke on after a pause, and not after a silence", () => {
    for (const [pause, before] of [[RATE, true], [2 * RATE, false]] as const) {
      const audio = new TurnAudio(0)
      audio.push(samplesFrom(0, RATE))
      audio.activity(speech("SpeechStarted", RATE))
      audio.push(samplesFrom(RATE, RATE))
      audio.activity(speech("SpeechStopped", 2 * RATE))
      // the first part was taken for a turn of its own
      const since = 2 * RATE + pause
      audio.push(samplesFrom(2 * RATE, pause))
      audio.activity(speech("SpeechStarted", since))
      audio.push(samplesFrom(since, RATE))
      const from = (before ? RATE : since) - RATE / 2
      assert.deepEqual(audio.read(since), samplesFrom(from, since + RATE - from))
    }
  })

  it.effect.prop(
    "gives the same as the whole audio, whatever the pieces and the pauses",
    [Schema.Array(Schema.Struct({
      silence: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 12 })),
      speech: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 12 })),
      piece: Schema.Int.check(Schema.isBetween({ minimum: 40, maximum: 4_000 }))
    }))],
    (parts) =>
      Effect.sync(() => {
        const [turns] = parts
        const audio = new TurnAudio(0)
        let at = 0
        let turnStart = 0
        const push = (seconds: number, piece: number) => {
          for (const end = at + seconds * RATE; at < end;) {
            const length = Math.min(piece, end - at)
            audio.push(samplesFrom(at, length))
            at += length
          }
        }
        for (const { piece, silence, speech: spoken } of turns) {
          push(silence, piece)
          // a turn with a long pause is another one
          if (silence > 8 || at === silence * RATE) turnStart = at
          audio.activity(speech("SpeechStarted", at))
          push(spoken, piece)
          audio.activity(speech("SpeechStopped", at))
          const from = Math.max(0, turnStart - RATE / 2, at - 8 * RATE)
          assert.deepEqual(audio.read(turnStart), samplesFrom(from, at - from))
        }
        audio.free()
      }),
    { arbitrary: { runs: 25 } }
  )
})
