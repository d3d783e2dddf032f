import { assert } from "@effect/vitest"
import { Cause, Effect, Exit } from "effect"
import { Invariants, RandomScenario, type Recording, Scenario } from "../../src/testing/index.ts"

/** Runs conversations of chance; fails with the first one that is not sound, its seed and its timeline. */
export const conversations = Effect.fnUntraced(function*(from: number, count: number) {
  const seen = new Map<string, number>()
  const count_ = (what: string) => seen.set(what, (seen.get(what) ?? 0) + 1)
  let virtualMs = 0
  for (let index = from; index < from + count; index++) {
    const seed = `chance-${index}`
    const exit = yield* Effect.exit(Scenario.run(RandomScenario.fromSeed(seed)))
    if (Exit.isFailure(exit)) {
      return assert.fail(`the scenario with seed "${seed}" failed: ${Cause.pretty(exit.cause)}`)
    }
    assert.strictEqual(Invariants.report(exit.value), "")
    virtualMs += exit.value.durationMs
    for (const what of kinds(exit.value)) count_(what)
  }
  return { seen, virtualMs }
})

/** What happened in it: chance must bring about all that there is to break. */
const kinds = ({ events, replies }: Recording.Recording): ReadonlySet<string> =>
  new Set([
    ...events.map((event) => event.type === "session.ended" ? `ended ${event.reason}` : event.type),
    ...replies.map((reply) => `reply ${reply.ended?.reason}`)
  ])
