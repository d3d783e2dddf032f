import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Redacted, Schema } from "effect"
import { secret } from "../../src/schema/Secret.ts"
import * as VendorKey from "../../src/wire/VendorKey.ts"

const fromEnvironment = (text: string | undefined) =>
  VendorKey.key("acme", undefined, "ACME_KEY").pipe(
    Effect.map(Redacted.value),
    Effect.provide(ConfigProvider.layer(ConfigProvider.fromUnknown(text === undefined ? {} : { ACME_KEY: text })))
  )

describe("VendorKey", () => {
  it.effect("drops the white space and line breaks around a key", () =>
    Effect.gen(function*() {
      for (const text of ["key", "key\n", "key\r\n", " key ", "\ufeffkey", "key\t\n\n", "\u00a0key"]) {
        assert.strictEqual(yield* fromEnvironment(text), "key", JSON.stringify(text))
        assert.strictEqual(Redacted.value(yield* VendorKey.key("acme", Redacted.make(text), "ACME_KEY")), "key")
      }
    }))

  it.effect("fails for none, and names the variable", () =>
    Effect.gen(function*() {
      for (const text of [undefined, "", " \n"]) {
        const error = yield* Effect.flip(fromEnvironment(text))
        assert.deepInclude(error.details, { missing: "ACME_KEY" })
        assert.strictEqual(yield* VendorKey.optionalKey("acme", Redacted.make(text ?? ""), undefined), undefined)
      }
    }))

  it.effect("fails for a key that no header can carry, and never quotes it", () =>
    Effect.gen(function*() {
      for (
        const text of [
          "hunter2\nhunter2",
          "hunter2\u200b",
          "hunter2…",
          "hün\u0142ter2",
          "hunter2\u0000",
          "\u201chunter2\u201d"
        ]
      ) {
        const error = yield* Effect.flip(fromEnvironment(text))
        assert.match(error.message, /the API key of acme \(ACME_KEY\) cannot be used: /, JSON.stringify(text))
        assert.notInclude(error.message, "hunter2")
        const given = yield* Effect.flip(VendorKey.optionalKey("acme", Redacted.make(text), undefined))
        assert.match(given.message, /\(api_key\)/)
      }
    }))

  it.effect.prop(
    "a secret of a config is what a header accepts, or is refused without being quoted",
    [Schema.String],
    ([text]) =>
      Effect.gen(function*() {
        const decoded = yield* Effect.result(Schema.decodeUnknownEffect(secret({ header: true }))(text))
        if (decoded._tag === "Success") {
          const value = Redacted.value(decoded.success)
          assert.strictEqual(value, text.trim())
          assert.doesNotThrow(() => new Headers({ authorization: value }))
        } else if (text.trim().length > 12) {
          assert.notInclude(String(decoded.failure), text.trim())
        }
      })
  )
})
