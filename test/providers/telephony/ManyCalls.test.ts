import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { call, immediates, start } from "./Phone.ts"

const CALLS = 50
const names = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]

/** What a caller says: no two say the same. */
const sentence = (i: number) => `this is ${names[i % 10]} of ${names[Math.floor(i / 10)]}`

describe("fifty calls at once", () => {
  it.live("hear their own words, and nothing of each other", () =>
    Effect.gen(function*() {
      const { backend, url } = yield* start()
      yield* Effect.forEach(Array.from({ length: CALLS }), (_, i) =>
        Effect.gen(function*() {
          const phone = yield* call(url, { call: `c${i}`, from: `+49${i}` })
          phone.say(sentence(i))
          yield* phone.until("the answer", () => phone.heard.endsWith(`${names[Math.floor(i / 10)]}.`))
          assert.strictEqual(phone.heard, `You said ${sentence(i)}.`)
          phone.hangUp()
          yield* phone.until("the end", () => phone.closed !== undefined)
          assert.strictEqual(phone.closed?.code, 1_000)
        }).pipe(Effect.scoped), { concurrency: "unbounded" })
      yield* Effect.repeat(Effect.andThen(immediates(10), backend.activeSessionCount), {
        until: (count) => count === 0
      })
    }).pipe(Effect.scoped), 120_000)
})
