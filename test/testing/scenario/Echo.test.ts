import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Agent from "../../../src/agent/Agent.ts"
import * as Invariants from "../../../src/testing/recording/Invariants.ts"
import * as Scenario from "../../../src/testing/scenario/Scenario.ts"

const answer = "The library opens at nine in the morning, and closes at six in the evening."
const agent = Agent.fromCallback((text) => Effect.succeed(text === "stop" ? "Very well." : answer))

describe("an echo in a scenario", () => {
  it.effect("interrupts the agent without the echo guard, and not with it", () =>
    Effect.forEach([true, false], (echoGuard) =>
      Effect.gen(function*() {
        for (const [gainDb, delayMs] of [[-12, 60], [-12, 300], [-16, 150]] as const) {
          const call = yield* Scenario.run({
            agent,
            policy: { echoGuard, interruption: { ignoreBackchannels: false } },
            echo: { gainDb, delayMs },
            user: [Scenario.say("when does it open"), Scenario.pause("6 seconds")]
          })
          const starts = call.events.filter(({ type }) => type === "user.speech_started").length
          if (echoGuard) {
            assert.strictEqual(starts, 1, `${gainDb} dB after ${delayMs} ms`)
            assert.deepStrictEqual(call.heardByUser, [answer])
            assert.strictEqual(Invariants.report(call), "")
          } else assert.isAbove(starts, 1)
        }
      })))

  it.effect("does not keep a user from interrupting", () =>
    Effect.gen(function*() {
      for (const gainDb of [-20, -30, -40]) {
        const call = yield* Scenario.run({
          agent,
          echo: { gainDb, delayMs: 150 },
          user: [
            Scenario.say("when does it open"),
            Scenario.interruptAfter("2 seconds", "stop"),
            Scenario.pause("3 seconds")
          ]
        })
        assert.strictEqual(call.heardByUser[1], "Very well.")
        assert.isBelow(call.heardByUser[0]?.length ?? 0, answer.length - 10)
        assert.strictEqual(Invariants.report(call), "")
      }
    }))
})
