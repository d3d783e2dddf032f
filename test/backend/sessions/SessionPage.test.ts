import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as SessionPage from "../../../src/backend/sessions/SessionPage.ts"
import type { VoiceSession } from "../../../src/session/VoiceSession.ts"

const named = (id: string) => ({ id }) as VoiceSession // oxlint-disable-line typescript/consistent-type-assertions -- only the id matters
const idsOf = ({ sessions }: { readonly sessions: ReadonlyArray<VoiceSession> }) => sessions.map(({ id }) => id)

describe("SessionPage", () => {
  it.prop(
    "gives each session once, in order, whatever the size of the pages",
    [
      Schema.Array(Schema.String.check(Schema.isMaxLength(3))),
      Schema.Int.check(Schema.isBetween({ minimum: -1, maximum: 5 }))
    ],
    ([ids, limit]) => {
      const all = Array.from(new Set(ids), named)
      const seen: Array<string> = []
      let after: string | undefined
      for (let pages = 0;; pages++) {
        assert.isAtMost(pages, all.length)
        const page = SessionPage.of(all, { after, limit })
        assert.isAtMost(page.sessions.length, Math.max(1, limit))
        seen.push(...idsOf(page))
        if (page.next === undefined) break
        after = page.next
      }
      assert.deepStrictEqual(seen, all.map(({ id }) => id).sort())
    }
  )

  it("goes on after a session that has ended meanwhile", () => {
    const page = SessionPage.of(["a", "b", "c", "d"].map(named), { limit: 2 })
    assert.deepStrictEqual([idsOf(page), page.next], [["a", "b"], "b"])
    const rest = SessionPage.of(["a", "c", "d"].map(named), { after: page.next, limit: 2 })
    assert.deepStrictEqual([idsOf(rest), rest.next], [["c", "d"], undefined])
  })

  it("ends where one of several parts ends, so that nothing of that part is left out", () => {
    const parts = ["a", "c", "e"].map(named)
    const page = SessionPage.of(parts, { limit: 5 }, "c")
    assert.deepStrictEqual([idsOf(page), page.next], [["a", "c"], "c"])
    // also when what was there has ended meanwhile
    assert.deepStrictEqual(SessionPage.of([], { limit: 5 }, "c"), { sessions: [], next: "c" })
    assert.strictEqual(SessionPage.of(parts, { limit: 1 }, "c").next, "a")
  })
})
