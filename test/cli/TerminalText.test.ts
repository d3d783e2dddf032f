import { assert, describe, it } from "@effect/vitest"
import { Effect, Logger, Schema } from "effect"
import * as Logs from "../../src/cli/Logs.ts"
import { escapeJson, escapeLine, escapeStyled } from "../../src/cli/TerminalText.ts"

const control = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|\p{Cs}/u

/** Any text, and mostly such as hurts. */
const Hostile = Schema.Array(Schema.Union([
  Schema.String,
  Schema.Literals([
    "\u001b]52;c;cm0=\u0007",
    "\u009b2J",
    "\r\n",
    "\u202e",
    "\u2028",
    "\u{e0041}",
    "\ud800",
    "\u001b[31m",
    "👩‍🚒",
    "می‌خواهم"
  ])
]))

describe("TerminalText", () => {
  it.prop("prints one line without controls, whatever the text", [Hostile], ([parts]) => {
    const escaped = escapeLine(parts.join(""))
    assert.notMatch(escaped, control)
    assert.strictEqual(escapeLine(escaped), escaped)
    const plain = parts.join("").replace(/[^\p{L}\p{N}\p{P} ]/gu, "")
    assert.strictEqual(escapeLine(plain), plain)
  })

  it.prop("keeps the value of JSON", [Hostile], ([parts]) => {
    const value = { [parts.join("")]: parts }
    const escaped = escapeJson(JSON.stringify(value))
    assert.notMatch(escaped, control)
    assert.deepStrictEqual(JSON.parse(escaped), JSON.parse(JSON.stringify(value)))
    assert.deepStrictEqual(JSON.parse(escapeJson(JSON.stringify(value, undefined, 2))), JSON.parse(escaped))
  })

  it.prop("keeps colours and line breaks of our own lines alone", [Hostile], ([parts]) => {
    const left = escapeStyled(parts.join("")).replaceAll(/\u001b\[[\d;]*m|\n/g, "")
    assert.notMatch(left, control)
  })

  it.effect("lets no value begin a log line for people", () =>
    Effect.gen(function*() {
      const forged = "x\n[10:00:00.000] INFO (#1): forged\u001b[2J\u202e"
      const written: Array<string> = []
      const logger = Logger.make<unknown, void>((options) => void written.push(Logs.pretty(options, false)))
      yield* Effect.logError(forged, new Error(forged)).pipe(
        Effect.annotateLogs({ user: forged }),
        Effect.provide(Logger.layer([logger]))
      )
      yield* Effect.logError("failed").pipe(
        Effect.andThen(Effect.die(new Error(forged))),
        Effect.catchCause((cause) => Effect.logError("failed", cause)),
        Effect.provide(Logger.layer([logger]))
      )
      for (const text of written) {
        const [first = "", ...more] = text.split("\n")
        assert.match(first, /^\[[\d:.]{12}\] ERROR \(#\d+\): (?:x\\u\{a\}|failed)/)
        assert.isTrue(more.every((line) => line.startsWith("  ")), text)
        assert.notMatch(text.replaceAll("\n", ""), control)
      }
      assert.lengthOf(written, 3)
    }))
})
