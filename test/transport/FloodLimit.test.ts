import { assert, describe, it } from "@effect/vitest"
import { BURST_MS, costOf, FloodLimit, SPEED } from "../../src/transport/FloodLimit.ts"

describe("Pace", () => {
  it("never holds up audio in real time, nor what a stall of the network let pile up", () => {
    const pace = new FloodLimit()
    for (let now = 0; now < 60_000; now += 20) assert.isAtMost(pace.audio(20, now), 0)
    for (let i = 0; i < BURST_MS / 20; i++) assert.isAtMost(pace.audio(20, 60_000), 0)
  })

  it("lets nobody be faster than twice the time for long", () => {
    const pace = new FloodLimit()
    let now = 0
    let taken = 0
    while (now < 60_000) {
      taken += 20
      now += Math.max(0, pace.audio(20, now))
    }
    assert.isAtMost(taken, SPEED * (60_000 + BURST_MS) + 40)
    assert.isAtLeast(taken, SPEED * 60_000)
  })

  it("asks more for a turn than for a ping, and something for nothing", () => {
    assert.isAbove(
      costOf({ _tag: "Message", message: { type: "user.text", text: "hi" } }),
      10 * costOf({ _tag: "Message", message: { type: "ping" } })
    )
    const pace = new FloodLimit()
    let frames = 0
    while (pace.audio(0, 0) <= 0) frames++
    assert.isBelow(frames, 100_000)
  })
})
