import { assert } from "@effect/vitest"
import { Cause, Effect, Exit } from "effect"
import { createHash } from "node:crypto"
import { Invariants, RandomScenario, Recording, Scenario } from "../../src/testing/index.ts"

/** Runs random conversations; fails at the first one that violates an invariant, with its seed and timeline. */
export const conversations = Effect.fnUntraced(function*(from: number, count: number) {
  const seen = new Map<string, number>()
  const increment = (what: string) => seen.set(what, (seen.get(what) ?? 0) + 1)
  let virtualMs = 0
  for (let index = from; index < from + count; index++) {
    const seed = `chance-${index}`
    const scenario = RandomScenario.fromSeed(seed)
    const exit = yield* Effect.exit(Scenario.run(scenario))
    if (Exit.isFailure(exit)) {
      return assert.fail(`the scenario with seed "${seed}" failed: ${Cause.pretty(exit.cause)}`)
    }
    const checks = [Invariants.all, Invariants.noWordTwice, Invariants.noAnswerDropped]
    if (scenario.policy?.apology !== "") checks.push(Invariants.failedTurnsAreHeard)
    const violations = checks.flatMap((check) => check(exit.value))
    assert.strictEqual(Invariants.report(exit.value, violations), "")
    virtualMs += exit.value.durationMs
    for (const what of kinds(exit.value)) increment(what)
  }
  return { seen, virtualMs }
})

const soundOf = (frames: ReadonlyArray<Recording.RecordedFrame>) => {
  const sound = createHash("sha256")
  for (const { pcm } of frames) sound.update(pcm ?? "none")
  return sound.digest("hex")
}

/** What the user heard, saw and said, and what is kept of it, with every time. */
const outcome = ({ ended, events, frames, heardByUser, history, latencies, saidByUser }: Recording.Recording) => ({
  ended,
  events,
  frames: frames.map(({ atMs, reply, turn }) => [atMs, turn, reply]),
  sound: soundOf(frames),
  heardByUser,
  history,
  latencies,
  saidByUser
})

/**
 * Runs random conversations twice: as they are, and while the machine's wall clock is stepped. Both must be the same, to the
 * sample and to the millisecond.
 */
export const steppedConversations = Effect.fnUntraced(function*(from: number, count: number) {
  for (let index = from; index < from + count; index++) {
    const seed = `clock-${index}`
    const { clockSteps, ...scenario } = RandomScenario.fromSeed(seed, { clockSteps: 1 })
    const [undisturbed, stepped] = yield* Effect.all([
      Scenario.run({ ...scenario, keepAudio: true }),
      Scenario.run({ ...scenario, keepAudio: true, clockSteps })
    ])
    assert.strictEqual(Invariants.report(stepped), "")
    assert.strictEqual(Recording.timeline(stepped.trace), Recording.timeline(undisturbed.trace), seed)
    assert.deepStrictEqual(outcome(stepped), outcome(undisturbed), seed)
  }
})

/** The kinds of events in a conversation, to check that random conversations cover all of them. */
const kinds = ({ events, replies }: Recording.Recording): ReadonlySet<string> =>
  new Set([
    ...events.map((event) => event.type === "session.ended" ? `ended ${event.reason}` : event.type),
    ...replies.map((reply) => `reply ${reply.ended?.reason}`)
  ])
