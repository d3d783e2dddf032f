import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { conversations, steppedConversations } from "./RandomScenarios.ts"

const COUNT = 2_000
/** Conversations that are held twice. */
const STEPPED = 1_000

describe("Scenarios", () => {
  it.live(`${COUNT} random conversations keep all invariants`, () =>
    Effect.gen(function*() {
      const from = yield* Clock.currentTimeMillis
      // seeds that the unit tests do not use
      const { seen, virtualMs } = yield* conversations(1_000, COUNT)
      const tookMs = (yield* Clock.currentTimeMillis) - from
      yield* Effect.log(`${COUNT} conversations, ${(virtualMs / 3_600_000).toFixed(1)} h in ${tookMs} ms`)
      yield* Effect.log(Object.fromEntries(Array.from(seen).sort(([one], [other]) => one < other ? -1 : 1)))
      // every kind of event has happened
      for (
        const what of [
          "reply completed",
          "reply interrupted",
          "reply failed",
          "agent.speech_resumed",
          "user.away",
          "user.backchannel",
          "connection.detached",
          "ended user_ended",
          "ended closed",
          "ended resume_expired",
          "ended user_away"
        ]
      ) assert.isAbove(seen.get(what) ?? 0, 0, what)
    }), 600_000)

  it.live(
    `${STEPPED} random conversations are the same, to the sample, while the wall clock is stepped`,
    () => steppedConversations(1_000, STEPPED),
    900_000
  )
})
