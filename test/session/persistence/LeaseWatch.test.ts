import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { hasStoodStill, LeaseWatch } from "../../../src/session/persistence/LeaseWatch.ts"

const LEASE_MS = 5_000
const ms = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 100_000 }))
const steps = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: LEASE_MS / 2 })))

const make = () => {
  let nowMs = 0
  let stops = 0
  const watch = new LeaseWatch({ leaseMs: LEASE_MS, nowMs: () => nowMs, onStoodStill: () => void stops++ })
  return { watch, at: (ms: number) => (nowMs = ms), stops: () => stops }
}

describe("LeaseWatch", () => {
  it.prop("a process has not stood still while its lease runs, or while it was seen running", [ms, ms], ([a, b]) => {
    const [nowMs, at] = a > b ? [a, b] : [b, a]
    assert.strictEqual(hasStoodStill(nowMs, { renewedMs: at, seenMs: 0 }, LEASE_MS), nowMs - at > LEASE_MS)
    assert.strictEqual(
      hasStoodStill(nowMs, { renewedMs: nowMs - 10 * LEASE_MS, seenMs: at }, LEASE_MS),
      nowMs - at > 2_500
    )
  })

  it.prop("a process that runs all the time may act, however long the store is away", [steps], ([steps]) => {
    const { at, stops, watch } = make()
    let nowMs = 0
    for (const step of steps) {
      at(nowMs += step)
      assert.isTrue(watch.mayAct())
    }
    assert.strictEqual(stops(), 0)
  })

  it("holds once, until it is told to go on, and tells those who wait", () => {
    const { at, stops, watch } = make()
    let told = 0
    const end = watch.whenGoingOn(() => void told++)
    watch.renewed(1_000)
    at(6_000)
    assert.isTrue(watch.mayAct(), "the lease runs until now")
    at(9_000)
    assert.isFalse(watch.mayAct())
    at(9_100)
    watch.renewed(9_050)
    assert.isFalse(watch.mayAct(), "the sessions are not checked yet")
    assert.strictEqual(stops(), 1)
    watch.goOn()
    watch.goOn()
    assert.isTrue(watch.mayAct())
    end()
    at(20_000)
    assert.isFalse(watch.mayAct())
    watch.goOn()
    assert.strictEqual(told, 1)
    assert.strictEqual(stops(), 2)
  })
})
