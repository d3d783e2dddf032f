/** The time of one operation, shared among engines. */
import { assert, describe, it } from "@effect/vitest"
import { FailoverBudget } from "../../../src/speech/resilience/FailoverBudget.ts"

describe("FailoverBudget", () => {
  it("gives each engine an equal share of what is left", () => {
    const budget = new FailoverBudget(30_000, 3, 1_000)
    assert.deepStrictEqual([budget.until, budget.deadline], [11_000, 31_000])
    // the first was quick to fail: the others have more
    assert.isTrue(budget.next(3_000))
    assert.strictEqual(budget.until, 17_000)
    assert.isTrue(budget.next(17_000))
    assert.strictEqual(budget.until, 31_000)
    assert.isFalse(budget.next(31_000))
  })

  it("lets each have another turn in the time that is left, and begins anew after a success", () => {
    const budget = new FailoverBudget(10_000, 2, 0)
    assert.isTrue(budget.next(4_000))
    assert.isFalse(budget.next(5_000))
    budget.retryAll(6_000)
    assert.deepStrictEqual([budget.until, budget.deadline], [8_000, 10_000])
    assert.isTrue(budget.next(12_000))
    assert.strictEqual(budget.until, 12_000)
    budget.restart(20_000)
    assert.deepStrictEqual([budget.until, budget.deadline], [25_000, 30_000])
    assert.isTrue(budget.next(20_000))
  })
})
