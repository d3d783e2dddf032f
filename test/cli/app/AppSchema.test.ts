import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer, Schema } from "effect"
import { readFileSync } from "node:fs"
import * as Agent from "../../../src/agent/index.ts"
import * as BackendProvider from "../../../src/backend/provider/BackendProvider.ts"
import * as BackendError from "../../../src/BackendError.ts"
import * as Builtin from "../../../src/builtin/index.ts"
import * as AppSchema from "../../../src/cli/app/AppSchema.ts"
import { defineApp, none } from "../../../src/cli/app/DefineApp.ts"
import * as AudioProcessor from "../../../src/hooks/AudioProcessor.ts"
import type { SessionStore } from "../../../src/session/persistence/SessionStore.ts"
import * as EngineRegistry from "../../../src/speech/EngineRegistry.ts"
import type { SpeechToText } from "../../../src/speech/SpeechToText.ts"
import type { TextToSpeech } from "../../../src/speech/TextToSpeech.ts"
import { fits, type Node } from "../../check/JsonSchema.ts"

const base: Node = JSON.parse(readFileSync(Builtin.configSchema, "utf8"))
const unused = new BackendError.InvalidConfig({ op: "test", message: "not built in this test" })
const recogniser = <A>(name: string, options: Schema.Codec<A, unknown>) =>
  EngineRegistry.define({
    kind: "stt",
    name,
    description: `The recogniser ${name}`,
    options,
    layer: (): Layer.Layer<SpeechToText, BackendError.InvalidConfig> => Layer.unwrap(Effect.fail(unused))
  })

const sip = BackendProvider.make({
  name: "sip",
  description: "calls",
  capabilities: {
    s2s: true,
    multiUser: false,
    sessionPersistence: false,
    customAuth: false,
    customRateLimiting: false,
    maxConcurrentSessions: 0,
    minLatency: Duration.zero,
    codecs: []
  },
  config: Schema.Struct({ trunk: Schema.String, ports: Schema.optionalKey(Schema.Array(Schema.Int)) }),
  connect: () => Effect.fail(unused)
})

const voice: Layer.Layer<TextToSpeech, BackendError.InvalidConfig> = Layer.unwrap(Effect.fail(unused))
const store: Layer.Layer<SessionStore, BackendError.InvalidConfig> = Layer.unwrap(Effect.fail(unused))

const app = defineApp({
  agents: { concierge: Agent.fromCallback(Effect.succeed), night: Agent.fromCallback(Effect.succeed) },
  engines: {
    stt: {
      ears: recogniser(
        "ears",
        Schema.Struct({
          speed: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 9 }))),
          words: Schema.optionalKey(Schema.Array(Schema.String)).annotateKey({ description: "What is often said." })
        })
      ),
      // ours is replaced, and the voice of that name stays
      deepgram: recogniser("deepgram", Schema.Struct({ model: Schema.optionalKey(Schema.String) })),
      away: Effect.fail(unused),
      odd: recogniser("odd", Schema.Struct({ pair: Schema.optionalKey(Schema.Tuple([Schema.String, Schema.Int])) }))
    },
    tts: { bellboy: voice }
  },
  processors: {
    attenuate: AudioProcessor.define({
      name: "attenuate",
      options: Schema.Struct({ shift: Schema.Int }),
      open: () => Effect.fail(unused)
    }),
    plain: () => Effect.fail(unused)
  },
  stores: { paper: store },
  providers: [sip],
  config: { stt_provider: "ears", engines: { ears: { speed: 3 } }, server: { api_keys: ["hunter2-hunter2-hunter2"] } }
})

const made = AppSchema.make(base, app).pipe(Effect.provide(Builtin.layerWith(app.parts)))

const at = (node: unknown, ...path: ReadonlyArray<string>): unknown =>
  path.reduce((inner, key) => typeof inner === "object" && inner !== null ? Reflect.get(inner, key) : undefined, node)
const listAt = (node: unknown, ...path: ReadonlyArray<string>): ReadonlyArray<unknown> => {
  const list = at(node, ...path)
  return Array.isArray(list) ? list : []
}

describe("AppSchema", () => {
  it.effect("completes the application's names beside ours", () =>
    Effect.gen(function*() {
      const { schema } = yield* made
      const names = (...path: ReadonlyArray<string>) => listAt(schema, "properties", ...path, "anyOf", "0", "enum")
      assert.deepStrictEqual(names("agent"), ["concierge", "night", "builtin", "llm"])
      assert.deepStrictEqual(names("stt_provider").slice(0, 5), ["ears", "deepgram", "away", "odd", "assemblyai"])
      assert.deepStrictEqual(names("stt_fallback", "anyOf", "0", "items").slice(0, 2), ["ears", "deepgram"])
      assert.include(names("tts_provider"), "bellboy")
      assert.deepStrictEqual(names("provider"), ["sip", "local", "livekit", "pipecat", "telephony"])
      assert.include(names("store", "properties", "kind"), "paper")
      assert.strictEqual(at(schema, "properties", "agent", "default"), "concierge")
      assert.strictEqual(at(schema, "properties", "stt_provider", "default"), "ears")
      assert.notInclude(JSON.stringify(schema), "hunter2")
    }))

  it.effect("describes the options of the application's parts, and leaves open what cannot be described", () =>
    Effect.gen(function*() {
      const { missing, schema } = yield* made
      const takes = (config: Node) => fits(schema, config)
      assert.isTrue(takes({ agent: "night", stt_provider: "ears", engines: { ears: { speed: 9, words: ["hi"] } } }))
      assert.isFalse(takes({ engines: { ears: { speed: 10 } } }))
      assert.isFalse(takes({ engines: { ears: { spead: 1 } } }))
      assert.isTrue(takes({ engines: { ears: { speed: "${SPEED}" } } }))
      assert.isFalse(takes({ engines: { bellboy: 1 } }))
      // the application's recogniser and our voice, under the name that they share
      assert.isTrue(takes({ engines: { deepgram: { model: "mine", tts: { voice: "aura-2-thalia-en" } } } }))
      assert.isFalse(takes({ engines: { deepgram: { stt: { keyterms: [] } } } }))
      assert.isTrue(takes({ engines: { away: { anything: 1 }, odd: { pair: ["a", 1] } } }))
      assert.isTrue(takes({ provider: "sip", provider_config: { trunk: "a", ports: [1] } }))
      assert.isFalse(takes({ provider: "sip", provider_config: { trunk: 1 } }))
      assert.isFalse(takes({ provider: "local", provider_config: { trunk: "a" } }))
      assert.isTrue(
        takes({
          custom_processors: [{ name: "attenuate", options: { shift: 1 } }, { name: "plain", options: { a: 1 } }]
        })
      )
      assert.isFalse(takes({ custom_processors: [{ name: "attenuate", options: { shift: "a" } }] }))
      assert.strictEqual(
        at(schema, "properties", "engines", "properties", "ears", "properties", "words", "description"),
        "What is often said."
      )
      assert.lengthOf(missing, 2)
      assert.match(
        missing.join("\n"),
        /engine away are not described: not built in this test\n.*engine odd are not described/
      )
    }))

  it.effect("is ours where there is no application", () =>
    Effect.gen(function*() {
      const { missing, schema } = yield* AppSchema.make(base, none).pipe(Effect.provide(Builtin.layer))
      assert.deepStrictEqual(schema, base)
      assert.deepStrictEqual(missing, [])
    }))
})
