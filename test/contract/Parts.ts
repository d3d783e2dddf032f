import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Conformance from "../../src/testing/conformance/Conformance.ts"

/** Makes a test of each case of a suite, named by its id and title; what does not concern the part is skipped with the reason. */
export const each = (cases: ReadonlyArray<Conformance.Case>): void => {
  it("has a name of its own for each test", () => {
    assert.strictEqual(new Set(cases.map(({ id }) => id)).size, cases.length)
  })
  for (const one of cases) {
    if (one.skip !== undefined) {
      it.skip(`${one.id}: ${one.title} (skipped: ${one.skip})`, () => {})
      continue
    }
    it(`${one.id}: ${one.title}`, async ({ skip }) => {
      const [result] = await Effect.runPromise(Conformance.run([one]))
      if (result?.result === "skipped") return skip(result.detail)
      assert.strictEqual(result?.detail ?? result?.result, "passed")
    })
  }
}
