/** The hosted voices as a config names them. */
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Context, Effect, Layer } from "effect"
import { engines } from "../../../../src/builtin/Engines.ts"
import { TextToSpeech } from "../../../../src/speech/TextToSpeech.ts"

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

  for (const name of Object.keys(variables)) {
    it.effect(`${name} takes a voice for each language, and refuses what is no language`, () =>
      Effect.gen(function*() {
        const loader = engines.tts[name]
        if (loader === undefined) return assert.fail(name)
        const definition = yield* loader
        yield* definition.validate({ voices: { de: "v1", "pt-BR": "v2" } })
        const many = Object.fromEntries(
          Array.from({ length: 51 }, (_, i) => [`a${String.fromCharCode(97 + i % 26)}-${i}`, "v"])
        )
        for (const voices of [{ "de_DE": "v" }, { "": "v" }, { de: "" }, { de: "v".repeat(129) }, { de: 7 }, many]) {
          const error = yield* Effect.flip(definition.validate({ voices }))
          assert.include(error.message, `engines.${name}.voices`)
        }
      }))
  }

  const cases: ReadonlyArray<
    readonly [name: string, options: object, language: string | undefined, tags: ReadonlyArray<string> | undefined]
  > = [
    ["cartesia", {}, undefined, ["break", "spell", "speed", "volume", "emotion", "[laughter]"]],
    ["cartesia", { model: "sonic-2", language: "de" }, "de", ["break", "spell"]],
    ["elevenlabs", {}, undefined, ["break"]],
    ["elevenlabs", { model: "eleven_flash_v2", language: "en" }, "en", ["break", "phoneme"]],
    ["elevenlabs", { model: "eleven_v3" }, undefined, ["[*]"]],
    ["deepgram", {}, "en", undefined],
    ["deepgram", { voice: "aura-2-celeste-es" }, "es", undefined],
    ["openai", {}, undefined, undefined]
  ]
  for (const [name, options, language, tags] of cases) {
    it.effect(`${name} with ${JSON.stringify(options)} says its language and the tags that it understands`, () =>
      Effect.gen(function*() {
        const loader = engines.tts[name]
        if (loader === undefined) return assert.fail(name)
        const definition = yield* loader
        const context = yield* Layer.build(definition.layer({ api_key: "key", ...options }))
        const { capabilities } = Context.get(context, TextToSpeech)
        assert.strictEqual(capabilities.language, language)
        assert.deepStrictEqual(capabilities.tags, tags)
        assert.isUndefined(capabilities.normalisesText)
      }).pipe(Effect.scoped))
  }
})
