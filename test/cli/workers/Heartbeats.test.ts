import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { CHECK_MS, Heartbeats, INTERVAL_MS } from "../../../src/cli/workers/Heartbeats.ts"

/** The checks of a parent that is on time, and those it finds hung, until a time. */
const run = (heartbeats: Heartbeats, untilMs: number, heard: (ms: number) => ReadonlyArray<number>) => {
  const found: Array<readonly [ms: number, index: number]> = []
  for (let ms = 0; ms <= untilMs; ms += CHECK_MS) {
    for (const index of heard(ms)) heartbeats.heard(index)
    for (const index of heartbeats.check(ms)) found.push([ms, index])
  }
  return found
}

describe("Heartbeats", () => {
  it("finds, within 3 s and once, the one that is silent", () => {
    const heartbeats = new Heartbeats()
    heartbeats.watch(0)
    heartbeats.watch(1)
    assert.deepStrictEqual(run(heartbeats, 20_000, (ms) => ms < 1_000 || ms % INTERVAL_MS > 0 ? [0] : [0, 1]), [])
    const silent = new Heartbeats()
    silent.watch(0)
    silent.watch(1)
    assert.deepStrictEqual(run(silent, 20_000, () => [1]), [[2_750, 0]])
  })

  it("lets a worker be slow for a moment", () => {
    const heartbeats = new Heartbeats()
    heartbeats.watch(0)
    assert.deepStrictEqual(run(heartbeats, 60_000, (ms) => ms % 2_500 === 0 ? [0] : []), [])
  })

  it("does not take time in which the parent could not run for silence", () => {
    const heartbeats = new Heartbeats()
    heartbeats.watch(0)
    heartbeats.check(0)
    // the machine was suspended for an hour; the heartbeats are read after the check
    assert.deepStrictEqual(heartbeats.check(3_600_000), [])
    heartbeats.heard(0)
    // it is so busy that every check comes 2 s late, and so do the heartbeats
    for (let ms = 3_602_000; ms < 3_700_000; ms += 2_000) {
      assert.deepStrictEqual(heartbeats.check(ms), [])
      heartbeats.heard(0)
    }
  })

  it("watches neither those that do not listen yet, nor those that have ended", () => {
    const heartbeats = new Heartbeats()
    heartbeats.heard(0)
    assert.deepStrictEqual(run(heartbeats, 10_000, () => []), [])
    heartbeats.watch(0)
    heartbeats.forget(0)
    heartbeats.heard(0)
    assert.deepStrictEqual(run(heartbeats, 10_000, () => []), [])
  })

  const Gaps = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2_750 - 2 * CHECK_MS })))
  it.effect.prop(
    "never finds one whose heartbeats come in time, however they are spread",
    [Gaps],
    ([gaps]) =>
      Effect.sync(() => {
        const heartbeats = new Heartbeats()
        heartbeats.watch(0)
        const at = new Set<number>()
        let ms = 0
        for (const gap of gaps) at.add((ms += gap) - ms % CHECK_MS)
        assert.deepStrictEqual(run(heartbeats, ms, (now) => at.has(now) ? [0] : []), [])
      })
  )
})
