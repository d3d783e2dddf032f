import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Conformance from "../../src/testing/conformance/Conformance.ts"

/**
 * A test for each case of the suite, named by its id and what it says. The cases run together, before the first of them is
 * looked at: most of their time is spent waiting for speech.
 */
export const each = (
  harness: Conformance.Harness,
  options: {
    readonly concurrency: number
    readonly only?: RegExp
    /** Cases that broke beside others are run once more, alone: a busy machine loses what real time does not give back. */
    readonly again?: boolean
  }
): void => {
  const cases = Conformance.suite(harness).filter(({ id }) => options.only?.test(id) ?? true)
  let results: Promise<ReadonlyMap<string, Conformance.Result>> | undefined
  const retried = new Set<string>()
  const run = async () => {
    const together = await Effect.runPromise(Conformance.run(harness, options))
    const all: Array<Conformance.Result> = []
    for (const result of together) {
      if (result.result !== "broken" || options.again !== true) {
        all.push(result)
        continue
      }
      retried.add(result.id)
      process.stdout.write(`${harness.name}: running once more, alone: ${result.id}: ${result.detail}\n`)
      const only = new RegExp(`^${result.id.replaceAll(/[.*+?^${}()|[\]\\]/gu, "\\$&")}$`, "u")
      all.push(...await Effect.runPromise(Conformance.run(harness, { concurrency: 1, only })))
    }
    process.stdout.write(`${harness.name}: ${Conformance.summary(all)}\n`)
    if (process.env["CONFORMANCE_TABLE"] !== undefined) process.stdout.write(`${Conformance.table(all)}\n`)
    return new Map(all.map((result) => [result.id, result]))
  }
  it("has one name for each test", () => {
    assert.strictEqual(new Set(cases.map(({ id }) => id)).size, cases.length)
  })
  for (const { id, later, says, skip } of cases) {
    const why = later ?? skip
    if (why !== undefined) it.skip(`${id}: ${says} (${later === undefined ? "skipped" : "later"}: ${why})`, () => {})
    else {
      it(`${id}: ${says}`, async ({ task }) => {
        results ??= run()
        const result = (await results).get(id)
        if (retried.has(id)) task.meta.retries = 1
        assert.strictEqual(result?.detail ?? result?.result, "held")
      })
    }
  }
}
