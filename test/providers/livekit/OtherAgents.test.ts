/** Of two agents in a room, one leaves. */
import { assert, describe, it } from "@effect/vitest"
import { RpcError } from "@livekit/rtc-node"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as OtherAgents from "../../../src/providers/livekit/room/OtherAgents.ts"

const UNSUPPORTED_METHOD = 1_400
const RESPONSE_TIMEOUT = 1_502
const RECIPIENT_DISCONNECTED = 1_503
const SEND_FAILED = 1_505

type Kind = "alive" | "answers" | "gone" | "dead" | "silent" | "slow" | "left" | "unsent" | "broken"

const find = Effect.fnUntraced(function*(agents: Readonly<Record<string, Kind>>, failures = Number.POSITIVE_INFINITY) {
  let failed = 0
  let asked = 0
  const removed: Array<string> = []
  const fiber = yield* Effect.forkChild(OtherAgents.find({
    session: "ses_own",
    agents: Object.keys(agents).map((identity) => ({ identity })),
    self: {
      performRpc: ({ destinationIdentity }) => {
        const kind = agents[destinationIdentity]
        asked++
        if (kind === "left" || kind === "unsent" || kind === "broken") {
          if (++failed > failures) return Promise.resolve("{}")
          // what rtc-node rejects with when this side has left the room, cannot send, or fails in native code
          return Promise.reject(
            kind === "left"
              ? new DOMException("This operation was aborted", "AbortError")
              : kind === "unsent"
              ? new RpcError(SEND_FAILED, "failed to send")
              : new Error("room error engine")
          )
        }
        switch (kind) {
          case "alive":
            return Promise.reject(new RpcError(UNSUPPORTED_METHOD, "unsupported"))
          case "answers":
            return Promise.resolve("{}")
          case "gone":
            return Promise.reject(new RpcError(RECIPIENT_DISCONNECTED, "disconnected"))
          case "slow":
            if (asked > 2) return Promise.resolve("{}")
            return Promise.reject(new RpcError(RESPONSE_TIMEOUT, "timed out"))
          case "dead":
            return Promise.reject(new RpcError(RESPONSE_TIMEOUT, "timed out"))
          default:
            return new Promise(() => {})
        }
      }
    },
    remove: (identity) => Effect.sync(() => void removed.push(identity))
  }))
  yield* TestClock.adjust("20 seconds")
  return { other: yield* Fiber.join(fiber).pipe(Effect.catch(Effect.succeed)), removed, asked }
})

describe("OtherAgents", () => {
  it.effect("finds one that was there before and answers, whatever it answers", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* find({ "agent-ses_b": "alive" }), { other: "ses_b", removed: [], asked: 1 })
      assert.deepStrictEqual(yield* find({ "agent-ses_b": "answers" }), { other: "ses_b", removed: [], asked: 1 })
    }))

  it.effect("removes those whose process is dead, and stays", () =>
    Effect.gen(function*() {
      const { asked, other, removed } = yield* find({ "agent-ses_b": "dead", "agent-ses_c": "silent" })
      assert.deepStrictEqual([other, removed], [undefined, ["agent-ses_b", "agent-ses_c"]])
      assert.strictEqual(asked, 6)
      const gone = yield* find({ "agent-ses_b": "gone" })
      assert.deepStrictEqual([gone.other, gone.removed, gone.asked], [undefined, ["agent-ses_b"], 1])
    }))

  it.effect("leaves to one that is only slow, as on a busy machine", () =>
    Effect.gen(function*() {
      const { other, removed } = yield* find({ "agent-ses_b": "slow" })
      assert.deepStrictEqual([other, removed], ["ses_b", []])
    }))

  for (const kind of ["left", "unsent", "broken"] as const) {
    it.effect(`removes nobody, and takes nobody for alive, who could not be asked: ${kind}`, () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* find({ "agent-ses_b": kind }), { other: "unknown", removed: [], asked: 3 })
        assert.deepStrictEqual(yield* find({ "agent-ses_b": kind }, 2), { other: "ses_b", removed: [], asked: 3 })
      }))
  }

  it.effect("asks neither itself nor agents that are not ours", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* find({ "agent-ses_own": "alive", "agent-007": "alive", somebody: "alive" }), {
        other: undefined,
        removed: [],
        asked: 0
      })
    }))
})
