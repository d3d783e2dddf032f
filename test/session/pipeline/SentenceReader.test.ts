/** Reads texts while the scheduler lets other fibers run at any operation: what is read must not depend on where. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, References, Stream } from "effect"
import { TestClock } from "effect/testing"
import type { BackendError } from "../../../src/BackendError.ts"
import * as SentenceReader from "../../../src/session/pipeline/SentenceReader.ts"
import { SentenceSplitter } from "../../../src/text/sentences/SentenceSplitter.ts"

const unchanged = () => ({ push: (text: string) => text, flush: () => "" })

type Pieces = ReadonlyArray<readonly [pauseMs: number, text: string]>

/** What is given out of a text, of which each piece comes after a pause of so many ms, and how it failed. */
const read = Effect.fnUntraced(function*(pieces: Pieces) {
  const failures: Array<BackendError> = []
  const text = Stream.fromIterable(pieces).pipe(
    Stream.rechunk(1),
    Stream.mapEffect(([pauseMs, piece]) =>
      pauseMs === 0 ? Effect.succeed(piece) : Effect.delay(Effect.succeed(piece), pauseMs)
    )
  )
  const reading: SentenceReader.Reading = {
    timeout: Duration.seconds(30),
    aheadMs: () => 0,
    onText: () => {},
    onFailure: (error) => failures.push(error)
  }
  const fiber = yield* SentenceReader.read(text, () => new SentenceSplitter(unchanged), reading).pipe(
    Stream.runCollect,
    Effect.forkChild({ startImmediately: true })
  )
  while (fiber.pollUnsafe() === undefined) {
    // what the clock has woken, and what that wakes, first runs until it sleeps
    yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
    yield* TestClock.adjust("50 millis")
  }
  return { spoken: (yield* Fiber.join(fiber)).join("|"), failures: failures.map(({ message }) => message) }
})

const pieces = (sentences: number, pauseMs: (piece: number) => number): Pieces =>
  Array.from({ length: sentences }, (_, i) => `This is the sentence with number ${i + 1}. `)
    .flatMap((sentence) => sentence.match(/.{1,4}/gu) ?? [])
    .map((text, at) => [pauseMs(at), text])

/** The result must be the same wherever fibers yield: a fiber that has read its last piece may not have ended yet. */
const atEachYield = (text: Pieces, mostOperations: number, failures: ReadonlyArray<string> = []) =>
  Effect.gen(function*() {
    const expected = { ...(yield* read(text)), failures }
    // with fewer, a fiber does nothing but yield
    for (let operations = 5; operations <= mostOperations; operations++) {
      const result = yield* Effect.provideService(read(text), References.MaxOpsBeforeYield, operations)
      assert.deepStrictEqual(result, expected, `a yield after ${operations} operations`)
    }
  })

describe("SentenceReader", () => {
  // the first sentence is complete after some 130 operations
  it.effect("reads a text that comes at once", () => atEachYield(pieces(3, () => 0), 200))

  it.effect("reads a text with pauses, which end a sentence", () =>
    atEachYield(pieces(2, (at) => [0, 0, 400, 0, 0, 700][at % 6] ?? 0), 60))

  it.effect("gives up a text that stops in the middle", () =>
    atEachYield(
      [[0, "This is said. "], [400, "And this. "], [0, "But"], [60_000, " not this."]],
      20,
      ["the agent produced nothing for 30s"]
    ))
})
