/** Continuous readings, as a session hears them: Silero reports the pauses, and Smart Turn is asked at each. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Pcm from "../../../src/audio/Pcm.ts"
import * as Silero from "../../../src/engines/silero/index.ts"
import * as SmartTurn from "../../../src/engines/smart-turn/index.ts"
import { ModelStore } from "../../../src/models/ModelStore.ts"
import { TurnAudio } from "../../../src/session/input/TurnAudio.ts"
import { TurnDetector } from "../../../src/speech/TurnDetector.ts"
import { detect, frames, load, room } from "../Recordings.ts"

/** The verdict at each pause of one turn: when the user fell silent, in seconds, and the probability of an end. */
const verdicts = Effect.fnUntraced(function*(pcm: Int16Array) {
  const { listen } = yield* TurnDetector
  const changes = (yield* detect(pcm)).toSorted((one, other) => one.decidedAtSample - other.decidedAtSample)
  const audio = new TurnAudio(0)
  const found: Array<{ readonly at: number; readonly probability: number }> = []
  const began = changes[0]?.atSample
  let position = 0
  for (const frame of frames(pcm)) {
    audio.push(frame)
    position += frame.length
    while (changes[0] !== undefined && changes[0].decidedAtSample <= position) {
      const change = changes.shift()!
      audio.activity(change)
      if (change._tag === "SpeechStarted") continue
      const probability = yield* listen?.(audio.read(began)) ?? Effect.die("it listens")
      found.push({ at: change.atSample / 16_000, probability })
    }
  }
  return found
})

describe("A reader", () => {
  it.layer(Layer.mergeAll(SmartTurn.layer(), Layer.provide(Silero.layer(), ModelStore.layer)), {
    excludeTestServices: true
  })((it) => {
    it.effect(
      "is not cut off at a pause for breath inside a sentence, and is answered at its end",
      () =>
        Effect.gen(function*() {
          // one sentence of the book: "He was not an ill-disposed young man, unless to be rather cold-hearted and …"
          for (const pause of [0.35, 0.6, 0.9]) {
            const pcm = Pcm.concat([room(0.7), load("ill-disposed"), room(pause), load("cold-hearted"), room(1)])
            const found = yield* verdicts(pcm)
            assert.isAtLeast(found.length, 2, `a pause of ${pause} s`)
            for (const { at, probability } of found.slice(0, -1)) {
              assert.isBelow(probability, 0.5, `a pause of ${pause} s, at ${at.toFixed(2)} s`)
            }
            assert.isAbove(found.at(-1)?.probability ?? 0, 0.5, `the end, after a pause of ${pause} s`)
          }
        }),
      180_000
    )

    it.effect("is answered at the end of each whole recording", () =>
      Effect.gen(function*() {
        for (const name of ["cold-hearted", "prudently", "queen-of-clubs", "eight-of-spades"] as const) {
          const found = yield* verdicts(Pcm.concat([room(0.7), load(name), room(1)]))
          assert.isAbove(found.at(-1)?.probability ?? 0, 0.5, name)
        }
      }), 180_000)
  })
})
