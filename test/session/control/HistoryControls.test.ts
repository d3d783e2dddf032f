/** What a client may change of the history, and what it says that its user has heard. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { InvalidConfig } from "../../../src/BackendError.ts"
import type { SessionControl } from "../../../src/session/SessionControl.ts"
import { call, layer, layerS2s, running, type User } from "../Harness.ts"

const ask = (user: User, control: SessionControl) =>
  Effect.sync((): InvalidConfig | undefined => user.connection.listener?.control?.(control))
const must = (user: User, control: SessionControl) =>
  Effect.map(ask(user, control), (refused) => assert.isUndefined(refused, refused?.message))
const reasonOf = (user: User, control: SessionControl) =>
  Effect.map(ask(user, control), (refused) => refused?.details?.["reason"])

const turn = (user: User) => Effect.andThen(user.speaks(400), user.hears(3_000))

describe("the history, as a client changes it", () => {
  it.effect("takes items where they are put, and gives them back", () =>
    running(
      layer(),
      Effect.gen(function*() {
        const user = yield* call()
        yield* must(user, { _tag: "Insert", id: "a", role: "agent", text: "Good morning." })
        yield* turn(user)
        yield* must(user, { _tag: "Insert", id: "b", role: "user", text: "I am Ann.", after: "start" })
        yield* must(user, {
          _tag: "Insert",
          id: "c",
          role: "user",
          text: "between",
          after: { turn: 1, role: "user" }
        })
        yield* must(user, { _tag: "Insert", id: "d", role: "user", text: "after b", after: { id: "b" } })
        yield* turn(user)
        assert.deepStrictEqual(yield* user.said, [
          "user: I am Ann.",
          "user: after b",
          "agent: Good morning.",
          "user: one",
          "user: between",
          "agent: You said one.",
          "user: two",
          "agent: You said two."
        ])
        yield* must(user, { _tag: "Remove", item: { id: "d" } })
        yield* must(user, { _tag: "Remove", item: { turn: 1, role: "agent" } })
        assert.strictEqual(
          (yield* user.said).join(),
          [
            "user: I am Ann.",
            "agent: Good morning.",
            "user: one",
            "user: between",
            "user: two",
            "agent: You said two."
          ].join()
        )
        const insert = (id: string, text: string) => ({ _tag: "Insert", id, role: "user", text } as const)
        const refusals = [
          [insert("a", "again"), "duplicate_item"],
          [insert("", "x"), "invalid"],
          [insert("e", " "), "invalid"],
          [insert("e", "x".repeat(20_000)), "invalid"],
          [{ ...insert("e", "x"), after: { id: "none" } }, "item_not_found"],
          [{ _tag: "Remove", item: { turn: 1, role: "agent" } }, "item_not_found"],
          [{ _tag: "Truncate", turn: 7, playedMs: 100 }, "item_not_found"],
          [{ _tag: "Truncate", turn: 2, playedMs: Number.NaN }, "invalid"]
        ] as const
        for (const [control, reason] of refusals) {
          assert.strictEqual(yield* reasonOf(user, control), reason)
        }
      })
    ))

  it.effect("is cut to what the user has heard, after the answer and within it", () =>
    running(
      layer(),
      Effect.gen(function*() {
        const user = yield* call()
        yield* turn(user)
        assert.strictEqual((yield* user.said)[1], "agent: You said one.")
        yield* must(user, { _tag: "Truncate", turn: 1, playedMs: 60_000 })
        assert.strictEqual((yield* user.said)[1], "agent: You said one.")
        yield* must(user, { _tag: "Truncate", turn: 1, playedMs: 500 })
        // not longer again
        yield* must(user, { _tag: "Truncate", turn: 1, playedMs: 60_000 })
        assert.strictEqual((yield* user.said)[1], "agent: You said …")
        yield* must(user, { _tag: "Truncate", turn: 1, playedMs: 0 })
        assert.deepStrictEqual(yield* user.said, ["user: one"])
        assert.deepStrictEqual(user.connection.of("agent.transcript_cut").map(({ text, turn }) => [turn, text]), [
          [1, "You said"],
          [1, ""]
        ])
        // within the answer: it ends where the client was
        yield* user.speaks(400)
        yield* user.hears(800)
        assert.strictEqual(yield* user.session.state.get, "speaking")
        yield* must(user, { _tag: "Truncate", turn: 2, playedMs: 200 })
        yield* must(user, { _tag: "Interrupt" })
        yield* user.hears(500)
        assert.deepStrictEqual((yield* user.said).slice(1), ["user: two", "agent: You …"])
        // only the last answers are known
        for (let more = 0; more < 5; more++) {
          yield* user.session.say("another one")
          yield* user.hears(2_000)
        }
        assert.strictEqual(yield* reasonOf(user, { _tag: "Truncate", turn: 2, playedMs: 100 }), "unknown_timing")
      })
    ))

  it.effect("is not changed where a model keeps its own", () =>
    running(
      layerS2s(["one"], { turnAuthority: "own" }),
      Effect.gen(function*() {
        const user = yield* call()
        const insert = { _tag: "Insert", id: "a", role: "user", text: "x" } as const
        assert.strictEqual(yield* reasonOf(user, insert), "unsupported")
        assert.strictEqual(yield* reasonOf(user, { _tag: "Remove", item: { id: "a" } }), "unsupported")
      })
    ))
})
