import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as TurnLatency from "../../src/conversation/TurnLatency.ts"

describe("TurnLatency", () => {
  it("has no parts when nothing happened", () => {
    assert.deepStrictEqual(TurnLatency.parts({ start: 5 }), { totalMs: 0, parts: [] })
  })

  it("leaves out what did not happen, and gives 0 ms to what came early", () => {
    assert.deepStrictEqual(
      TurnLatency.parts({ start: 1_000, vad: 1_100, endpointing: 1_300, transcript: 1_200, playout: 1_350 }),
      {
        totalMs: 350,
        parts: [
          { name: "vad", ms: 100 },
          { name: "endpointing", ms: 200 },
          { name: "transcript", ms: 0 },
          { name: "playout", ms: 50 }
        ]
      }
    )
  })

  const mark = Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 10_000 })))
  const Marks = Schema.Struct({
    start: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 10_000 })),
    vad: mark,
    endpointing: mark,
    transcript: mark,
    agent: mark,
    clause: mark,
    tts: mark,
    playout: mark
  })
  it.prop("adds up to the total latency", [Marks], ([marks]) => {
    const { parts, totalMs } = TurnLatency.parts(marks)
    assert.strictEqual(parts.reduce((sum, part) => sum + part.ms, 0), totalMs)
    assert.isTrue(parts.every((part) => part.ms >= 0))
    assert.strictEqual(marks.start + totalMs, Math.max(...Object.values(marks)))
  })
})
