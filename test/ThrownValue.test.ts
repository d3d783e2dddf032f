/** What is logged of a thrown value: what an operator needs to find its cause, and no secret of this process. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Logger } from "effect"
import { inspect } from "node:util"
import * as KnownKeys from "../src/KnownKeys.ts"
import * as SecretValues from "../src/SecretValues.ts"
import * as ThrownValue from "../src/ThrownValue.ts"

const SECRET = "s3cr3t/with%odd\"characters"
const PASSWORD = "hunter2-of-the-database"

class VendorError extends Error {
  readonly code = "E_VENDOR"
  readonly request: unknown
  constructor(message: string, request: unknown) {
    super(message)
    this.request = request
    this.name = "VendorError"
  }
}

/** Every way in which loggers print a cause. */
const printed = (cause: Cause.Cause<unknown>): string => {
  const lines: Array<string> = [Cause.pretty(cause), inspect(Cause.prettyErrors(cause), { depth: 10 })]
  for (const reason of cause.reasons) lines.push(inspect(reason, { depth: 10 }))
  const loggers = [Logger.formatJson, Logger.formatLogFmt, Logger.formatStructured].map((format) =>
    Logger.map(format as Logger.Logger<unknown, unknown>, (line) => void lines.push(inspect(line, { depth: 10 })))
  )
  Effect.runSync(Effect.provide(Effect.logError("failed", cause), Logger.layer(loggers)))
  return lines.join("\n")
}

const circular: { readonly [key: string]: unknown; self?: unknown } = { key: SECRET }
circular.self = circular

describe("a logged cause", () => {
  KnownKeys.remember(SECRET)
  SecretValues.rememberUrl(`postgres://ada:${PASSWORD}@db.example/voice?api_key=${encodeURIComponent(SECRET)}`)

  const values: { readonly [name: string]: unknown } = {
    "a message": new Error(`the words of the failure: ${SECRET}`),
    "a URL in a message": new Error(
      `the words of the failure: GET https://x.example/?key=${
        encodeURIComponent(SECRET)
      } (postgres://ada:${PASSWORD}@db.example)`
    ),
    "JSON in a message": new Error(`the words of the failure: ${JSON.stringify({ key: SECRET })}`),
    "a cause": new Error("the words of the failure", { cause: new Error(`no ${SECRET}`, { cause: SECRET }) }),
    "a field of an error": new VendorError("the words of the failure", {
      headers: { authorization: `Bearer ${SECRET}` }
    }),
    "a field that leads to itself": new VendorError("the words of the failure", circular),
    "collected errors": new AggregateError(
      [new Error(`first ${SECRET}`), new Error("second")],
      "the words of the failure"
    ),
    "a text": `the words of the failure ${SECRET}`,
    "an object": { reason: "the words of the failure", key: SECRET },
    "an object with toJSON": { message: "the words of the failure", toJSON: () => SECRET, toString: () => SECRET },
    "a name": Object.assign(new Error("the words of the failure"), { name: SECRET })
  }
  for (const [name, value] of Object.entries(values)) {
    it(`has no secret: ${name}`, () => {
      for (const cause of [Cause.fail(value), Cause.die(value)]) {
        assert.include(inspect(cause, { depth: 10 }) + Cause.pretty(cause), "words of the failure")
        const text = printed(ThrownValue.loggable(cause))
        for (const secret of [SECRET, PASSWORD, encodeURIComponent(SECRET), JSON.stringify(SECRET).slice(1, -1)]) {
          assert.notInclude(text, secret)
          assert.notInclude(text, JSON.stringify(secret).slice(1, -1))
        }
        assert.include(text, "words of the failure", "what an operator looks for")
        assert.notInclude(ThrownValue.textOf(value), SECRET)
      }
      if (value instanceof Error) {
        assert.match(Cause.pretty(ThrownValue.loggable(Cause.fail(value))), /ThrownValue\.test\.ts/u, "with its stack")
      }
    })
  }

  it("is the same where there is no secret", () => {
    const cause = Cause.fail(new VendorError("no answer", { attempt: 2, host: "x.example" }))
    assert.strictEqual(ThrownValue.loggable(cause), cause)
  })

  it("keeps what tells the kind of a failure", () => {
    const cause = ThrownValue.loggable(Cause.die(new VendorError(`no answer to ${SECRET}`, {})))
    const [error] = Cause.prettyErrors(cause)
    assert.match(inspect(error), /code: 'E_VENDOR'/)
    assert.strictEqual(error?.name, "VendorError")
  })

  it("tells the errors that another one collects", () => {
    const refused = Object.assign(new Error("connect ECONNREFUSED ::1:5432"), { code: "ECONNREFUSED" })
    const text = Cause.pretty(
      ThrownValue.loggable(Cause.fail(new AggregateError([refused], "All promises were rejected")))
    )
    assert.include(text, "All promises were rejected: connect ECONNREFUSED ::1:5432")
  })

  it("has the longer of two secrets taken out as a whole", () => {
    KnownKeys.remember("key-of-the-house")
    KnownKeys.remember("key-of-the-house-and-garden")
    assert.strictEqual(KnownKeys.without("key-of-the-house-and-garden"), "<redacted>")
  })
})
