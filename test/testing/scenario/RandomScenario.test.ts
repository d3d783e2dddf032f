import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { RandomScenario, Recording, Scenario } from "../../../src/testing/index.ts"
import { fewer } from "../../support/Full.ts"
import { conversations, steppedConversations } from "../RandomScenarios.ts"

describe("RandomScenario", () => {
  const COUNT = fewer(80)

  it.live(`${COUNT} random conversations keep all invariants`, () =>
    Effect.gen(function*() {
      const { seen, virtualMs } = yield* conversations(0, COUNT)
      assert.isAbove(virtualMs, 60_000)
      for (
        const what of [
          "reply interrupted",
          "reply completed",
          "agent.speech_resumed",
          "error",
          "reply failed",
          "turn.unanswered",
          "connection.detached",
          "ended user_ended"
        ]
      ) assert.isAbove(seen.get(what) ?? 0, 0, what)
    }))

  it.live("a clock that is stepped changes nothing in random conversations", () => steppedConversations(0, fewer(20)))

  it.effect("a seed always gives the same conversation", () =>
    Effect.gen(function*() {
      const timeline = (seed: string) =>
        Effect.map(Scenario.run(RandomScenario.fromSeed(seed)), ({ trace }) => Recording.timeline(trace))
      const one = yield* Effect.forEach(["a", "b", "c", "d"], timeline)
      const again = yield* Effect.forEach(["a", "b", "c", "d"], timeline)
      assert.deepStrictEqual(again, one)
      assert.strictEqual(new Set(one).size, 4)
    }))

  it.effect("with faults: 0 no engine and no agent fails", () =>
    Effect.gen(function*() {
      for (let index = 0; index < 5; index++) {
        const scenario = RandomScenario.fromSeed(`calm-${index}`, { faults: 0, s2s: 0, steps: 4 })
        const { events } = yield* Scenario.run(scenario)
        const errors = events.filter((event) => event.type === "error" && event.code !== "invalid_config")
        assert.deepStrictEqual(errors, [])
      }
    }))
})
