import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as SweepRule from "../../src/store/SweepRule.ts"

const Session = Schema.Struct({
  owner: Schema.UndefinedOr(Schema.String),
  endMs: Schema.Natural,
  windowMs: Schema.Natural
})
const time = (nowMs: number, upSinceMs: number | undefined, isGone = false) => ({
  nowMs,
  upSinceMs,
  hasExited: () => isGone
})

describe("SweepRule", () => {
  it.prop("ends no resume window early, whoever had the session", [Session, Schema.Natural, Schema.Boolean], (
    [session, beforeMs, isGone]
  ) => {
    const nowMs = session.endMs + session.windowMs - 1 - beforeMs
    assert.isFalse(SweepRule.isAbandoned(session, time(nowMs, 0, isGone)))
  })

  it.prop("erases what was let go, or left by a process that has ended, with the end of its window", [
    Session,
    Schema.Natural
  ], ([session, afterMs]) => {
    const nowMs = session.endMs + session.windowMs + afterMs
    for (const up of [undefined, 0, nowMs]) {
      assert.isTrue(SweepRule.isAbandoned({ ...session, owner: undefined }, time(nowMs, up)))
      assert.isTrue(SweepRule.isAbandoned({ ...session, owner: "a" }, time(nowMs, up, true)))
    }
  })

  it.prop("spares what was not let go for 10 minutes more in which the store was up", [
    Session,
    Schema.Natural,
    Schema.Natural
  ], ([session, upSinceMs, afterMs]) => {
    const held = { ...session, owner: "a" }
    const endMs = Math.max(session.endMs, upSinceMs) + session.windowMs + 600_000
    assert.isFalse(SweepRule.isAbandoned(held, time(endMs - 1, upSinceMs)))
    assert.isTrue(SweepRule.isAbandoned(held, time(endMs + afterMs, upSinceMs)))
    assert.isFalse(SweepRule.isAbandoned(held, time(endMs + afterMs, undefined)))
  })
})
