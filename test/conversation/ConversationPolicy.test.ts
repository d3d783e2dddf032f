import { assert, describe, it } from "@effect/vitest"
import { Duration, Schema } from "effect"
import { ConversationPolicy, defaultPolicy } from "../../src/conversation/ConversationPolicy.ts"
import { boundedDuration } from "../../src/schema/Durations.ts"

const decode = Schema.decodeUnknownResult(ConversationPolicy)
const read = Schema.decodeUnknownResult(boundedDuration("100 millis", "2 hours"))

describe("ConversationPolicy", () => {
  it("has a default for everything", () => {
    assert.deepStrictEqual(defaultPolicy, {
      firstSpeaker: "agent",
      goodbye: "",
      turns: "automatic",
      answers: "automatic",
      output: "audio",
      apology: "Sorry, something went wrong. Could you say that again?",
      endpointing: {
        mode: "fixed",
        silence: Duration.millis(300),
        maxSilence: Duration.seconds(2),
        unsureSilence: Duration.seconds(1),
        threshold: 0.5
      },
      interruption: {
        enabled: true,
        minSpeech: Duration.millis(200),
        minWords: 0,
        ignoreBackchannels: true,
        backchannels: [],
        patience: Duration.seconds(1)
      },
      echoGuard: true,
      speculation: false,
      away: { after: Duration.seconds(15), closeAfter: Duration.zero },
      longestNoise: Duration.seconds(20),
      longestTurn: Duration.minutes(1)
    })
  })

  it("decodes durations as text", () => {
    for (
      const [text, ms] of [
        ["100ms", 100],
        ["1s", 1_000],
        ["1.5s", 1_500],
        ["1m30s", 90_000],
        ["1h", 3_600_000],
        ["1h30m", 5_400_000],
        [" 2s ", 2_000],
        ["250 millis", 250],
        ["2 seconds", 2_000]
      ] as const
    ) {
      const result = read(text)
      assert.isTrue(result._tag === "Success" && Duration.toMillis(result.success) === ms, text)
    }
    for (const text of ["", "s", "-1s", "1x", "99ms", "3h", "1s1m", "NaN", "Infinity", 500, null]) {
      assert.strictEqual(read(text)._tag, "Failure", String(text))
    }
  })

  it("keeps its bounds", () => {
    const at = (value: object) => decode(value)._tag
    for (const silence of ["100ms", "5s"]) assert.strictEqual(at({ endpointing: { silence } }), "Success")
    for (const silence of ["99ms", "5001ms"]) assert.strictEqual(at({ endpointing: { silence } }), "Failure")
    for (const min_speech of ["0ms", "2s"]) assert.strictEqual(at({ interruption: { min_speech } }), "Success")
    assert.strictEqual(at({ interruption: { min_speech: "2001ms" } }), "Failure")
    for (const longest_turn of ["5s", "10m"]) assert.strictEqual(at({ longest_turn }), "Success")
    for (const longest_turn of ["4s", "11m"]) assert.strictEqual(at({ longest_turn }), "Failure")
    assert.strictEqual(at({ first_speaker: "nobody" }), "Failure")
  })
})
