/** The hosted voices as a config names them. */
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Layer } from "effect"
import { engines } from "../../../../src/builtin/Engines.ts"

const variables = {
  elevenlabs: "ELEVENLABS_API_KEY",
  cartesia: "CARTESIA_API_KEY",
  deepgram: "DEEPGRAM_API_KEY",
  openai: "OPENAI_API_KEY"
}

describe("hosted voices", () => {
  for (const [name, variable] of Object.entries(variables)) {
    it.effect(`${name} is built by its name, with a key from the environment, and names a missing one`, () =>
      Effect.gen(function*() {
        const loader = engines.tts[name]
        assert.isDefined(loader)
        if (loader === undefined) return
        const definition = yield* loader
        assert.strictEqual(definition.kind, "tts")
        assert.strictEqual(definition.name, name)
        const build = (environment: { readonly [key: string]: string }, options?: unknown) =>
          Layer.build(definition.layer(options)).pipe(
            Effect.provide(ConfigProvider.layer(ConfigProvider.fromUnknown(environment))),
            Effect.scoped
          )
        yield* build({ [variable]: "key" })
        yield* build({}, { api_key: "key" })
        for (const environment of [{}, { [variable]: "" }, { [variable]: "  " }]) {
          const error = yield* Effect.flip(build(environment))
          assert.strictEqual(error._tag, "InvalidConfig")
          assert.deepStrictEqual(error.details, { vendor: name, missing: variable })
        }
        const faults = yield* Effect.flip(definition.validate({ url: "not a url", silence: "1ms", api_key: 7 }))
        const paths = JSON.stringify(faults.details?.["faults"])
        for (const path of ["url", "silence", "api_key"]) assert.include(paths, `engines.${name}.${path}`)
      }))
  }
})
