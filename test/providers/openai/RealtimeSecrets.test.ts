import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, Result, Schema } from "effect"
import { TestClock } from "effect/testing"
import { randomBytes } from "node:crypto"
import * as RealtimeSecrets from "../../../src/providers/clients/openai/RealtimeSecrets.ts"
import * as SessionTokens from "../../../src/transport/SessionTokens.ts"

const key = (name: string) => Redacted.make(`${name}, a key of at least thirty-two characters`)
const ours = RealtimeSecrets.make({ signingKey: key("one") })
const grant = (session: Schema.JsonObject = {}, userId = "ann"): RealtimeSecrets.SecretGrant => ({
  user: { userId, tenant: undefined, metadata: undefined, expiresAt: undefined },
  session
})

/** What a secret is for; every refusal is the same. */
const opened = (secrets: RealtimeSecrets.RealtimeSecrets, secret: string) =>
  Effect.map(Effect.result(secrets.verify(secret)), (result) => {
    if (Result.isSuccess(result)) return result.success
    assert.strictEqual(result.failure.code, "authentication_failed")
    assert.strictEqual(result.failure.message, "the client secret is invalid or expired")
    return undefined
  })

const Grant = Schema.Struct({
  user: Schema.Struct({
    userId: Schema.NonEmptyString.check(Schema.isMaxLength(256)),
    tenant: Schema.UndefinedOr(Schema.String.check(Schema.isMaxLength(256))),
    metadata: Schema.Undefined,
    expiresAt: Schema.UndefinedOr(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 9e12 })))
  }),
  session: Schema.Record(Schema.String.check(Schema.isMaxLength(16)), Schema.String.check(Schema.isMaxLength(64)))
    .check(Schema.isMaxProperties(8))
})

describe("RealtimeSecrets", () => {
  it.effect.prop(
    "hold their user and their session, readable by nobody else",
    [Grant],
    ([given]) =>
      Effect.gen(function*() {
        const { value } = yield* ours.issue(given, 600)
        assert.match(value, /^ek_[\w.-]+$/)
        assert.deepStrictEqual(yield* opened(ours, value), given)
      }),
    { arbitrary: { runs: 50 } }
  )

  it.effect("do not show what they hold", () =>
    Effect.gen(function*() {
      const { value } = yield* ours.issue(
        grant({ instructions: "Never say the word aubergine." }, "a-user-of-ours"),
        600
      )
      const shown = value.slice(3).split(".").map((part) => Buffer.from(part, "base64url").toString("latin1")).join(
        "\n"
      )
      assert.notInclude(shown, "aubergine")
      assert.notInclude(shown, "a-user-of-ours")
    }))

  it.effect("are good until their second, as often as they are shown", () =>
    Effect.gen(function*() {
      const { expiresAt, value } = yield* ours.issue(grant(), 10)
      assert.strictEqual(expiresAt, 10)
      assert.isDefined(yield* opened(ours, value))
      yield* TestClock.adjust("9999 millis")
      assert.isDefined(yield* opened(ours, value))
      yield* TestClock.adjust("1 millis")
      assert.isUndefined(yield* opened(ours, value))
    }))

  it.effect("of a former key are good, of another one they are not", () =>
    Effect.gen(function*() {
      const { value } = yield* ours.issue(grant(), 600)
      const later = RealtimeSecrets.make({ signingKey: key("two"), formerKeys: () => [key("zero"), key("one")] })
      assert.isDefined(yield* opened(later, value))
      assert.isUndefined(yield* opened(RealtimeSecrets.make({ signingKey: key("two") }), value))
    }))

  it.effect("that were changed anywhere are refused", () =>
    Effect.gen(function*() {
      const { value } = yield* ours.issue(grant({ instructions: "Be brief." }), 600)
      for (let at = 0; at < value.length; at++) {
        // the last character of a part has bits that mean nothing
        if (value[at + 1] === "." || at === value.length - 1) continue
        const changed = value.slice(0, at) + (value[at] === "A" ? "B" : "A") + value.slice(at + 1)
        assert.isUndefined(yield* opened(ours, changed), `${at}`)
      }
      for (
        const bad of ["", "ek_", "ek_....", value.slice(3), `ek_${value}`, `${value}.`, "ek_" + "x".repeat(20_000)]
      ) {
        assert.isUndefined(yield* opened(ours, bad), bad.slice(0, 40))
      }
    }))

  it.effect("are no session tokens, and session tokens no secrets", () =>
    Effect.gen(function*() {
      const tokens = yield* SessionTokens.make(key("one"))
      const { value } = yield* ours.issue(grant(), 600)
      const token = yield* tokens.issue("ses_1", "ann", 600_000)
      assert.isUndefined(yield* opened(ours, `ek_${token}`))
      for (const each of [value, value.slice(3)]) {
        assert.strictEqual((yield* Effect.flip(tokens.verify(each, "ses_1"))).code, "authentication_failed")
      }
    }))

  it.effect("are refused where they would not fit into a header", () =>
    Effect.gen(function*() {
      const long = yield* ours.issue(grant({ instructions: "Speak of the weather. ".repeat(1_000) }), 600)
      assert.isAtMost(long.value.length, 1_000)
      for (const instructions of [randomBytes(6_500).toString("base64"), "a".repeat(200_000)]) {
        const refused = yield* Effect.flip(ours.issue(grant({ instructions }), 600))
        assert.deepInclude(refused, { code: "invalid_config", details: { path: "session" } })
      }
    }))
})
