import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, Schema, SchemaGetter } from "effect"
import { AgentRegistry } from "../../../src/agent/AgentRegistry.ts"
import * as BackendConfig from "../../../src/backend/config/BackendConfig.ts"
import * as ConfigSource from "../../../src/backend/config/ConfigSource.ts"
import * as BackendProvider from "../../../src/backend/provider/BackendProvider.ts"
import { BackendRegistry, newBackend } from "../../../src/backend/provider/BackendRegistry.ts"
import { VoiceBackend } from "../../../src/backend/VoiceBackend.ts"
import * as AudioProcessor from "../../../src/hooks/AudioProcessor.ts"
import { encodeKeys } from "../../../src/schema/EncodedKeys.ts"
import * as EngineRegistry from "../../../src/speech/EngineRegistry.ts"
import * as Scripted from "../../../src/testing/scripted/ScriptedEngines.ts"
import { echo, provider } from "../../session/Harness.ts"

/** Counts the decodes of options, by what they are of. */
const make = () => {
  const counts: Record<string, number> = {}
  const optionsOf = (part: string) =>
    Schema.Struct({
      someName: Schema.String.pipe(Schema.decodeTo(Schema.String, {
        decode: SchemaGetter.transform((text: string) => {
          counts[part] = (counts[part] ?? 0) + 1
          return text
        }),
        encode: SchemaGetter.passthrough()
      }))
    }).pipe(encodeKeys({ someName: "some_name" }))
  const built: Record<string, string> = {}
  const engine = <Kind extends EngineRegistry.EngineKind>(
    kind: Kind,
    layer: Layer.Layer<EngineRegistry.EngineKinds[Kind]>
  ): EngineRegistry.EngineLoader<Kind> =>
    Effect.succeed(EngineRegistry.define({
      kind,
      name: kind,
      description: kind,
      options: optionsOf(kind),
      layer: ({ someName }) => {
        built[kind] = someName
        return layer
      }
    }))
  const local = provider()
  const counted = BackendProvider.make({
    name: "counted",
    description: "counted",
    capabilities: local.capabilities,
    config: optionsOf("provider"),
    connect: ({ someName }, config, host) => {
      built["provider"] = someName
      return Effect.flatMap(local.configure({}), (configured) => configured.connect(config, host))
    }
  })
  const registries = Layer.mergeAll(
    BackendRegistry.layer([counted]),
    EngineRegistry.EngineRegistry.layer({
      stt: { "my-stt": engine("stt", Scripted.layerStt(["hello"])) },
      tts: { "my-tts": engine("tts", Scripted.layerTts()) },
      vad: { "my-vad": engine("vad", Scripted.layerVad()) }
    }),
    AgentRegistry.layer({ echo }),
    AudioProcessor.ProcessorRegistry.layer({
      "my-processor": AudioProcessor.define({
        name: "my-processor",
        options: optionsOf("processor"),
        open: ({ someName }) => {
          built["processor"] = someName
          return Effect.succeed(AudioProcessor.sync({ name: "my-processor", process: (audio) => audio }))
        }
      })
    }),
    NodeServices.layer
  )
  return { built, counts, registries, section: { name: "server", schema: optionsOf("server") } }
}

const raw = {
  provider: "counted",
  provider_config: { some_name: "users" },
  pipeline_type: "stt_tts",
  stt_provider: "my-stt",
  tts_provider: "my-tts",
  vad_provider: "my-vad",
  agent: "echo",
  engines: { "my-stt": { some_name: "ears" }, "my-tts": { some_name: "voice" }, "my-vad": { some_name: "level" } },
  custom_processors: [{ name: "my-processor", options: { some_name: "gain" } }]
}

const once = { provider: 1, stt: 1, tts: 1, vad: 1, processor: 1 }
const built = { provider: "users", stt: "ears", tts: "voice", vad: "level", processor: "gain" }

const twoSessions = Effect.gen(function*() {
  const backend = yield* VoiceBackend
  for (const userId of ["ada", "bob"]) yield* backend.createSession({ userId, transport: "websocket" })
  const config = yield* backend.config
  yield* backend.updateConfig({ ...config, maxRetries: 1 })
})

describe("DecodedConfig", () => {
  it.effect("decodes every part exactly once, from a file to a running backend with sessions", () =>
    Effect.gen(function*() {
      const test = make()
      const fs = yield* FileSystem.FileSystem
      const file = yield* fs.makeTempFileScoped({ suffix: ".json" })
      yield* fs.writeFileString(file, JSON.stringify({ ...raw, server: { some_name: "here" } }))
      const loaded = yield* Effect.provide(ConfigSource.load({ file, section: test.section }), test.registries)
      assert.deepStrictEqual(loaded.section, { someName: "here" })
      yield* Effect.provide(twoSessions, VoiceBackend.layerDecoded(loaded).pipe(Layer.provide(test.registries)))
      assert.deepStrictEqual(test.counts, { ...once, server: 1 })
      assert.deepStrictEqual(test.built, built)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("decodes every part exactly once for a config of a program", () =>
    Effect.gen(function*() {
      const config = yield* BackendConfig.decode(raw)
      for (
        const backend of [
          (registries: ReturnType<typeof make>["registries"]) =>
            VoiceBackend.layerConfig(config).pipe(Layer.provide(registries)),
          (registries: ReturnType<typeof make>["registries"]) =>
            Layer.effect(VoiceBackend, Effect.tap(newBackend("counted", config), (made) => made.start)).pipe(
              Layer.provide(registries)
            )
        ]
      ) {
        const test = make()
        yield* Effect.provide(twoSessions, backend(test.registries))
        assert.deepStrictEqual(test.counts, once)
        assert.deepStrictEqual(test.built, built)
      }
    }))

  it.effect("reports all faults of a program's config together", () =>
    Effect.gen(function*() {
      const test = make()
      const config = yield* BackendConfig.decode(raw)
      const error = yield* Effect.flip(Effect.scoped(newBackend("counted", {
        ...config,
        ttsProvider: "my-tss",
        providerConfig: { some_nam: "x" },
        engines: { ...config.engines, "my-stt": { some_name: 5 } }
      })))
        .pipe(Effect.provide(test.registries))
      assert.strictEqual(error.code, "invalid_config")
      assert.deepStrictEqual(error.details?.["faults"], [
        {
          path: "tts_provider",
          message: "unknown text-to-speech engine; did you mean `my-tts`?"
        },
        { path: "engines.my-stt.some_name", message: "expected string" },
        { path: "provider_config.some_nam", message: "unknown key `some_nam`; did you mean `some_name`?" },
        { path: "provider_config.some_name", message: "required" }
      ])
    }))
})
