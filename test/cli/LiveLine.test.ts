import { assert, describe, it } from "@effect/vitest"
import * as PartNames from "../../src/backend/PartNames.ts"
import { LiveLine } from "../../src/cli/LiveLine.ts"
import * as SessionEvent from "../../src/session/SessionEvent.ts"

const event = (fields: { readonly type: string; readonly [key: string]: unknown }) => {
  const read = SessionEvent.fromJson(JSON.stringify({ seq: 1, at_ms: 1, ...fields }))
  if (read._tag === "Failure") throw read.failure
  return read.success
}

describe("LiveLine", () => {
  it("shows interim words of the user, and the agent's as they are heard, until the line is whole", () => {
    const live = new LiveLine()
    const lines = [
      event({ type: "user.transcript", turn: 1, text: "what", final: false }),
      event({ type: "user.speech_stopped" }),
      event({ type: "user.transcript", turn: 1, text: "what time is it", final: true }),
      event({ type: "agent.speech_started", turn: 1 }),
      event({ type: "agent.transcript", turn: 1, text: "It is" }),
      event({ type: "agent.transcript", turn: 1, text: " noon." }),
      event({ type: "agent.speech_stopped", turn: 1, reason: "completed", text: "It is noon." }),
      event({ type: "agent.transcript", turn: 2, text: "Next." })
    ].map((each) => live.after(each))
    assert.deepStrictEqual(lines, [
      "you    what",
      undefined,
      "",
      "",
      "agent  It is",
      "agent  It is noon.",
      "",
      "agent  Next."
    ])
  })

  it("keeps little of an endless reply", () => {
    const live = new LiveLine()
    const endless = event({ type: "agent.transcript", turn: 1, text: "word ".repeat(100) })
    for (let i = 0; i < 100; i++) live.after(endless)
    assert.isBelow(live.after(endless)?.length ?? Infinity, 1_100)
  })
})

describe("PartNames", () => {
  it("says what each engine is for, and what ends a turn where no detector does", () => {
    assert.strictEqual(
      PartNames.inWords({ stt: "moonshine", tts: "hibari, flite", vad: "energy" }, "llm"),
      "speech-to-text: moonshine; turn detection: silence; text-to-speech: hibari (fallback: flite); " +
        "voice activity detection: energy; agent: llm"
    )
    assert.strictEqual(PartNames.inWords({ s2s: "openai" }, undefined), "speech-to-speech: openai; agent: none")
  })
})
