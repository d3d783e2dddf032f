/** The hosted recognisers as a config names them. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { engines } from "../../../../src/builtin/Engines.ts"

describe("hosted recognisers", () => {
  for (const name of ["assemblyai", "deepgram", "elevenlabs", "openai"]) {
    it.effect(`${name} reports an invalid URL when it is built, and does not quote it`, () =>
      Effect.gen(function*() {
        const loader = engines.stt[name]
        assert.isDefined(loader)
        if (loader === undefined) return
        const layer = (yield* loader).layer({ url: "wss://[secret", api_key: "key" })
        const error = yield* Effect.flip(Effect.scoped(Layer.build(layer)))
        assert.strictEqual(error._tag, "InvalidConfig")
        assert.strictEqual(error.message, `invalid URL for ${name}`)
        assert.deepStrictEqual(error.details, { vendor: name, option: "url" })
      }))
  }
})
