/** Of two agents in a room, one leaves. */
import { assert, describe, it } from "@effect/vitest"
import { RpcError } from "@livekit/rtc-node"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as OtherAgents from "../../../src/providers/livekit/room/OtherAgents.ts"

const UNSUPPORTED_METHOD = 1_400
const RESPONSE_TIMEOUT = 1_502

const find = Effect.fnUntraced(function*(agents: Readonly<Record<string, "alive" | "answers" | "dead" | "silent">>) {
  const removed: Array<string> = []
  const fiber = yield* Effect.forkChild(OtherAgents.find({
    session: "ses_own",
    agents: Object.keys(agents).map((identity) => ({ identity })),
    self: {
      performRpc: ({ destinationIdentity }) => {
        switch (agents[destinationIdentity]) {
          case "alive":
            return Promise.reject(new RpcError(UNSUPPORTED_METHOD, "unsupported"))
          case "answers":
            return Promise.resolve("{}")
          case "dead":
            return Promise.reject(new RpcError(RESPONSE_TIMEOUT, "timed out"))
          default:
            return new Promise(() => {})
        }
      }
    },
    remove: (identity) => Effect.sync(() => void removed.push(identity))
  }))
  yield* TestClock.adjust("10 seconds")
  return { other: yield* Fiber.join(fiber), removed }
})

describe("OtherAgents", () => {
  it.effect("finds one that was there before and answers, whatever it answers", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* find({ "agent-ses_b": "alive" }), { other: "ses_b", removed: [] })
      assert.deepStrictEqual(yield* find({ "agent-ses_b": "answers" }), { other: "ses_b", removed: [] })
    }))

  it.effect("removes those whose process is dead, and stays", () =>
    Effect.gen(function*() {
      const { other, removed } = yield* find({ "agent-ses_b": "dead", "agent-ses_c": "silent" })
      assert.deepStrictEqual([other, removed], [undefined, ["agent-ses_b", "agent-ses_c"]])
    }))

  it.effect("asks neither itself nor agents that are not ours", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* find({ "agent-ses_own": "alive", "agent-007": "alive", somebody: "alive" }), {
        other: undefined,
        removed: []
      })
    }))
})
