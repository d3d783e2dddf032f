import { assert, describe, it } from "@effect/vitest"
import { BURST_MS, costOf, FloodLimit, SPEED } from "../../src/session/FloodLimit.ts"

describe("FloodLimit", () => {
  it("never delays audio in real time, nor the backlog of a network stall", () => {
    const limit = new FloodLimit()
    for (let now = 0; now < 60_000; now += 20) assert.isAtMost(limit.audio(20, now), 0)
    for (let i = 0; i < BURST_MS / 20; i++) assert.isAtMost(limit.audio(20, 60_000), 0)
    assert.isAbove(limit.audio(20, 60_000), 0)
  })

  it("allows no more than twice real time for long", () => {
    const limit = new FloodLimit()
    let now = 0
    let taken = 0
    while (now < 60_000) {
      taken += 20
      now += Math.max(0, limit.audio(20, now))
    }
    assert.isAtMost(taken, SPEED * 60_000 + BURST_MS + 40)
    assert.isAtLeast(taken, SPEED * 60_000)
  })

  it("charges a turn more than a ping, and an empty frame something", () => {
    assert.isAbove(
      costOf({ _tag: "Message", message: { type: "user.text", text: "hi" } }),
      10 * costOf({ _tag: "Message", message: { type: "ping" } })
    )
    const limit = new FloodLimit()
    let frames = 0
    while (limit.audio(0, 0) <= 0) frames++
    assert.isBelow(frames, 100_000)
  })
})
