import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import { AgentRegistry } from "../../src/agent/AgentRegistry.ts"
import * as Agent from "../../src/agent/index.ts"
import * as BackendConfig from "../../src/backend/config/BackendConfig.ts"
import { BackendRegistry } from "../../src/backend/provider/BackendRegistry.ts"
import { StoreRegistry } from "../../src/backend/sessions/StoreRegistry.ts"
import { InvalidConfig } from "../../src/BackendError.ts"
import * as Builtin from "../../src/builtin/index.ts"
import { ProcessorRegistry } from "../../src/hooks/AudioProcessor.ts"
import * as EngineRegistry from "../../src/speech/EngineRegistry.ts"
import type { SpeechToText } from "../../src/speech/SpeechToText.ts"

const unused = new InvalidConfig({ op: "test", message: "not built in this test" })
const Ears = Schema.Struct({ speed: Schema.Int })
const layer: Layer.Layer<SpeechToText, InvalidConfig> = Layer.unwrap(Effect.fail(unused))
const ears = EngineRegistry.define({
  kind: "stt",
  name: "ears",
  description: "ears",
  options: Ears,
  layer: () => layer
})
const concierge = Agent.fromCallback(Effect.succeed)

describe("Builtin.layerWith", () => {
  it.effect("adds an application's parts to what is built in, and its names win", () =>
    Effect.gen(function*() {
      const [agents, engines, processors, stores, providers] = yield* Effect.all([
        AgentRegistry,
        EngineRegistry.EngineRegistry,
        ProcessorRegistry,
        StoreRegistry,
        BackendRegistry
      ])
      assert.deepStrictEqual(agents.list(), ["builtin", "concierge"])
      assert.includeMembers([...engines.stt.list()], ["ears", "moonshine", "deepgram"])
      assert.strictEqual((yield* Effect.flatten(engines.stt.get("deepgram"))).name, "ears")
      assert.strictEqual((yield* Effect.flatten(engines.tts.get("deepgram"))).name, "deepgram")
      assert.includeMembers([...processors.list()], ["gain", "loud"])
      assert.includeMembers([...stores.list()], ["paper", "sqlite"])
      assert.deepStrictEqual([...(yield* providers.listProviders)].sort(), ["livekit", "local", "pipecat", "telephony"])
    }).pipe(Effect.provide(Builtin.layerWith({
      agents: { concierge },
      engines: { stt: { ears, deepgram: Effect.succeed(ears) } },
      processors: { loud: () => Effect.fail(unused) },
      stores: { paper: () => Effect.fail(unused) }
    }))))

  it.effect("lets the parts of cascade be the application's", () =>
    Effect.gen(function*() {
      const { s2s } = yield* EngineRegistry.EngineRegistry
      const cascade = yield* Effect.flatten(s2s.get("cascade"))
      yield* cascade.decode({ stt: "ears", stt_options: { speed: 3 } })
      const error = yield* Effect.flip(cascade.decode({ stt: "eers" }))
      assert.match(error.message, /did you mean `ears`\?/)
    }).pipe(Effect.provide(Builtin.layerWith({ engines: { stt: { ears } } }))))

  it.effect("downloads no model for an engine of the application", () =>
    Effect.gen(function*() {
      const config = yield* BackendConfig.decode({
        provider: "local",
        pipeline_type: "stt_tts",
        stt_provider: "moonshine",
        tts_provider: "flite",
        vad_provider: "silero"
      })
      assert.deepStrictEqual(Builtin.modelsOf(config), ["moonshine-tiny-en", "silero-vad"])
      assert.deepStrictEqual(Builtin.modelsOf(config, { stt: { moonshine: ears } }), ["silero-vad"])
    }))
})
