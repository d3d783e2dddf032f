import { assert, describe, it } from "@effect/vitest"
import { Backoff } from "../../src/client/Backoff.ts"

describe("Backoff", () => {
  it("doubles from 250 ms up to 5 s", () => {
    const backoff = new Backoff()
    const waits = Array.from({ length: 8 }, () => backoff.next(0, 0.5))
    assert.deepStrictEqual(waits, [250, 500, 1_000, 2_000, 4_000, 5_000, 5_000, 5_000])
    assert.strictEqual(backoff.attempt, 8)
  })

  it("spreads each wait between half and one and a half of it", () => {
    assert.strictEqual(new Backoff().next(0, 0), 125)
    assert.strictEqual(new Backoff().next(0, 1), 375)
  })

  it("never waits past the window and then gives up", () => {
    const backoff = new Backoff({ baseMs: 1_000, windowMs: 3_000 })
    assert.strictEqual(backoff.next(2_800, 0.5), 200)
    assert.isUndefined(backoff.next(3_000, 0.5))
  })

  it("gives up within the window for any random numbers", () => {
    for (const random of [0, 0.3, 0.999]) {
      const backoff = new Backoff()
      let elapsed = 0
      for (let wait = backoff.next(0, random); wait !== undefined; wait = backoff.next(elapsed, random)) elapsed += wait
      assert.strictEqual(elapsed, 60_000)
      assert.isBelow(backoff.attempt, 40)
    }
  })
})
