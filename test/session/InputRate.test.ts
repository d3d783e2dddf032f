/** Which rate a session opens its recogniser with, and what that is given. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Queue, Stream } from "effect"
import { SpeechToText, type TranscriptEvent } from "../../src/speech/SpeechToText.ts"
import { call, layer, running } from "./Harness.ts"
import { TestConnection } from "./TestConnection.ts"

const recogniser = (sampleRates?: ReadonlyArray<number>) => {
  const asked: Array<number | undefined> = []
  const heard: Array<number> = []
  return {
    asked,
    heard,
    layerStt: Layer.succeed(SpeechToText, {
      name: "recorder",
      sampleRate: 16_000,
      sampleRates,
      capabilities: { interim: false, endOfTurn: false, languages: [] },
      open: ({ sampleRate }) =>
        Effect.map(Queue.bounded<TranscriptEvent>(16), (events) => {
          asked.push(sampleRate)
          return {
            push: (pcm) => void heard.push(...pcm),
            activity: () => {},
            finalize: (id) => void Queue.offerUnsafe(events, { _tag: "Finalized", id }),
            events: Stream.fromQueue(events)
          }
        })
    })
  }
}

const phone = () => new TestConnection({ input: 8_000, output: 8_000 })

describe("the rate of the user's audio", () => {
  it.effect("opens a recogniser that takes it at 8 kHz, and gives it what arrives", () =>
    Effect.gen(function*() {
      const { asked, heard, layerStt } = recogniser([8_000])
      yield* running(
        layer({ layerStt }),
        Effect.gen(function*() {
          const user = yield* call({ config: { inputSampleRate: 8_000 }, connection: phone() })
          yield* user.hears(1_000, 123)
          assert.deepStrictEqual(asked, [8_000])
          assert.deepStrictEqual(heard, Array.from({ length: 8_000 }, () => 123))
          // the call comes back by a browser
          yield* user.reattach({ input: 48_000 })
          yield* user.hears(1_000, 123)
          assert.approximately(heard.length, 16_000, 100)
        })
      )
    }))

  it.effect("converts for one that does not, and where it is not known", () =>
    Effect.gen(function*() {
      for (
        const [sampleRates, inputSampleRate] of [
          [undefined, 8_000],
          [[], 8_000],
          [[8_000], undefined],
          [[8_000], 11_025],
          [[8_000], -1]
        ] as const
      ) {
        const { asked, heard, layerStt } = recogniser(sampleRates)
        yield* running(
          layer({ layerStt }),
          Effect.gen(function*() {
            const user = yield* call({ config: { inputSampleRate }, connection: phone() })
            yield* user.hears(1_000)
            assert.deepStrictEqual(asked, [16_000])
            assert.approximately(heard.length, 16_000, 100)
          })
        )
      }
    }))
})
