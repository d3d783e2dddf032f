import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as SessionId from "../../../src/backend/sessions/SessionId.ts"

describe("SessionId", () => {
  it.effect("names the cell where there is one", () =>
    Effect.gen(function*() {
      for (const cell of [undefined, "a", "eu-1", "9", "a".repeat(32)]) {
        const id = yield* SessionId.make(cell)
        assert.match(id, /^ses_(?:[a-z0-9-]+_)?[a-z0-9]{16}$/)
        assert.strictEqual(SessionId.cellOf(id), cell)
      }
      assert.notStrictEqual(yield* SessionId.make("a"), yield* SessionId.make("a"))
    }))

  it("finds no cell in anything else", () => {
    for (
      const id of [
        "",
        "ses_",
        "ses_a_b",
        "ses_A_0123456789abcdef",
        "x_a_0123456789abcdef",
        "ses__0123456789abcdef",
        "ses_a_0123456789abcdef/..",
        "ses_a_b_0123456789abcdef",
        `ses_${"a".repeat(33)}_0123456789abcdef`,
        "room"
      ]
    ) {
      assert.isUndefined(SessionId.cellOf(id), id)
    }
  })
})
