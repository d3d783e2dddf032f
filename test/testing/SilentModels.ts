import { assert } from "@effect/vitest"
import { Cause, Duration, Effect, Exit } from "effect"
import { Invariants, RandomScenario, Scenario } from "../../src/testing/index.ts"

/**
 * Runs random conversations with a speech-to-speech model whose answers go wrong in every way, until it recovers: when
 * everything that was asked has been answered or given up on, the next turn is answered, typed or spoken.
 */
export const silentModels = Effect.fnUntraced(function*(from: number, count: number) {
  const seen = new Map<string, number>()
  for (let index = from; index < from + count; index++) {
    const seed = `silent-${index}`
    const random = RandomScenario.fromSeed(seed, {
      s2s: 1,
      faults: index % 3 === 0 ? 0.9 : 0.4,
      clockSteps: 0,
      steps: 6
    })
    const { s2s } = random
    if (s2s === undefined) return assert.fail("no speech-to-speech model")
    const faultAt = { ...s2s.faultAt }
    for (const fault of Object.values(faultAt)) seen.set(fault, (seen.get(fault) ?? 0) + 1)
    const answers = [...s2s.answers, ...Array.from({ length: 40 }, (_, i) => `Answer number ${i}.`)]
    const options: Scenario.ScenarioOptions = {
      ...random,
      policy: { ...random.policy, away: { closeAfter: Duration.zero } },
      tts: { msPerCharacter: 30 },
      s2s: { ...s2s, answers, faultAt, failAt: {} },
      user: [
        ...random.user.slice(0, -1),
        Scenario.perform("the model recovers", () =>
          Effect.sync(() => {
            for (const answer of Object.keys(faultAt)) delete faultAt[Number(answer)]
          })),
        // longer than a late answer; an endless one is stopped
        Scenario.pause("25 seconds"),
        Scenario.perform("the program stops it", (session) => session.interrupt({ force: true })),
        Scenario.pause("2 seconds"),
        index % 2 === 0 ? Scenario.type("are you there") : Scenario.say("are you there"),
        Scenario.waitForAgentWithin("30 seconds")
      ]
    }
    const exit = yield* Effect.exit(Scenario.run(options))
    if (Exit.isFailure(exit)) return assert.fail(`the scenario with seed "${seed}" failed: ${Cause.pretty(exit.cause)}`)
    assert.strictEqual(Invariants.report(exit.value), "")
    for (const event of exit.value.events) {
      if (event.type === "turn.unanswered") seen.set(event.reason, (seen.get(event.reason) ?? 0) + 1)
    }
  }
  return seen
})
