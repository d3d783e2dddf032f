import { NodeRuntime } from "@effect/platform-node"
import { Effect, Layer } from "effect"
import { Agent, AgentRegistry, BackendConfig, VoiceBackend } from "effect-voice"
import * as Builtin from "effect-voice/builtin"
import * as Server from "effect-voice/server"
import { readFileSync } from "node:fs"

const concierge = Agent.fromCallback((transcript) => Effect.succeed(`At your service. You said: ${transcript}`))

const [, , file = "voice.json", port = "8080"] = process.argv
Layer.unwrap(Effect.map(
  BackendConfig.decode(JSON.parse(readFileSync(file, "utf8"))),
  (config) => Server.layer({ port: Number(port) }).pipe(Layer.provide(VoiceBackend.layerConfig(config)))
)).pipe(
  Layer.provide(AgentRegistry.layer({ concierge })),
  Layer.provide(Builtin.layer),
  Layer.launch,
  NodeRuntime.runMain
)
