import { assert } from "@effect/vitest"
import { Cause, Effect, Exit } from "effect"
import { Invariants, RandomScenario, type Recording, Scenario } from "../../src/testing/index.ts"

/** Runs random conversations; fails at the first one that violates an invariant, with its seed and timeline. */
export const conversations = Effect.fnUntraced(function*(from: number, count: number) {
  const seen = new Map<string, number>()
  const increment = (what: string) => seen.set(what, (seen.get(what) ?? 0) + 1)
  let virtualMs = 0
  for (let index = from; index < from + count; index++) {
    const seed = `chance-${index}`
    const exit = yield* Effect.exit(Scenario.run(RandomScenario.fromSeed(seed)))
    if (Exit.isFailure(exit)) {
      return assert.fail(`the scenario with seed "${seed}" failed: ${Cause.pretty(exit.cause)}`)
    }
    assert.strictEqual(Invariants.report(exit.value), "")
    virtualMs += exit.value.durationMs
    for (const what of kinds(exit.value)) increment(what)
  }
  return { seen, virtualMs }
})

/** The kinds of events in a conversation, to check that random conversations cover all of them. */
const kinds = ({ events, replies }: Recording.Recording): ReadonlySet<string> =>
  new Set([
    ...events.map((event) => event.type === "session.ended" ? `ended ${event.reason}` : event.type),
    ...replies.map((reply) => `reply ${reply.ended?.reason}`)
  ])
