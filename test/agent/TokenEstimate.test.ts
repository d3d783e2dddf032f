import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as TokenEstimate from "../../src/agent/TokenEstimate.ts"

const bytes = (text: string) => new TextEncoder().encode(text).length

describe("TokenEstimate", () => {
  it.prop("grows with the text, and is finite", [Schema.String, Schema.String], ([one, other]) => {
    const whole = TokenEstimate.ofText(one + other)
    assert.isAtLeast(whole + 1, TokenEstimate.ofText(one))
    assert.isAtMost(whole, 4 * bytes(one + other) + 1)
  })

  it.prop("shortens to at most so many tokens, and keeps both ends", [Schema.String, Schema.Int], ([any, seed]) => {
    const text = any.toWellFormed()
    const long = `begin ${text} ${"word ".repeat(Math.abs(seed) % 500)}end`
    const tokens = 32 + Math.abs(seed) % 200
    const short = TokenEstimate.shorten(long, tokens, "(left out)")
    assert.isAtMost(TokenEstimate.ofText(short), tokens)
    if (short === long) return
    assert.include(short, "(left out)")
    assert.isTrue(short === "(left out)" || (short.startsWith("begin") && short.endsWith("end")))
    assert.isTrue(short.isWellFormed())
  })
})
