import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { BurstLimit } from "../src/BurstLimit.ts"

describe("BurstLimit", () => {
  it.prop("never takes more than the burst and the rate, whatever comes when", [
    Schema.Array(Schema.Struct({ amount: Schema.Natural, afterMs: Schema.Natural })),
    Schema.Natural,
    Schema.Natural
  ], ([spends, some, more]) => {
    const burst = 1 + some % 1_000
    const perSecond = 1 + more % 500
    const limit = new BurstLimit(burst, perSecond)
    let now = 0
    let taken = 0
    for (const { afterMs, amount } of spends) {
      now += afterMs % 10_000
      const cost = amount % 100
      if (limit.waitMs(now) > 0) continue
      limit.spend(cost, now)
      taken += cost
      // the last one may go into debt
      assert.isAtMost(taken, burst + perSecond * now / 1_000 + 100)
    }
  })

  it("takes the burst at once, also after a long silence, and then the rate", () => {
    const limit = new BurstLimit(10, 2)
    for (const from of [0, 3_600_000]) {
      for (let i = 0; i < 10; i++) assert.isTrue(limit.takes(1, from))
      assert.isFalse(limit.takes(1, from))
      assert.closeTo(limit.waitMs(from), 500, 1e-6)
    }
  })
})
