import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Redacted, Schema } from "effect"
import * as BackendConfig from "../../src/backend/config/BackendConfig.ts"
import * as OpenAiCompatible from "../../src/engines/openai-compatible/index.ts"
import { over, present } from "../../src/schema/Defined.ts"
import * as EngineRegistry from "../../src/speech/EngineRegistry.ts"

describe("Defined", () => {
  it("leaves out what is undefined, and keeps objects of a class", () => {
    const key = Redacted.make("key")
    assert.deepStrictEqual<object>(present({ a: undefined, b: { c: undefined, d: [{ e: undefined, f: 1 }] }, key }), {
      b: { d: [{ f: 1 }] },
      key
    })
    const whole = { a: 1, b: [{ c: null }], d: Duration.seconds(1) }
    assert.strictEqual(present(whole), whole)
  })

  it.prop("gives each default where nothing is given", [Schema.Json], ([json]) => {
    const defaults = { a: json, b: { c: json, d: 1 } }
    assert.deepStrictEqual(over(defaults, { a: undefined, b: undefined }), defaults)
    assert.deepStrictEqual(over(defaults, { b: { c: json, d: 2 } }), { a: json, b: { c: json, d: 2 } })
  })

  it.effect("holds for a config and the options of an engine", () =>
    Effect.gen(function*() {
      const { defaults } = BackendConfig
      // as a program without exactOptionalPropertyTypes may write it
      const given: object = { latencyTarget: undefined, session: { longest: undefined }, sttProvider: undefined }
      assert.deepStrictEqual(over(defaults, given), defaults)
      yield* BackendConfig.decode({
        provider: "local",
        pipeline_type: "stt_tts",
        stt_provider: "a",
        tts_provider: "b",
        agent: undefined
      })
      const options = yield* EngineRegistry.complete(
        "openai-compatible",
        OpenAiCompatible.OpenAiCompatibleOptions,
        { model: "m", timeout: undefined, temperature: undefined },
        { model: "m" }
      )
      assert.deepStrictEqual(options.timeout, Duration.seconds(30))
      assert.notProperty(options, "temperature")
    }))
})
