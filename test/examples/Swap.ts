import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Effect, Layer } from "effect"
import { Agent, ConfigSource, VoiceBackend } from "effect-voice"
import * as Builtin from "effect-voice/builtin"
import * as Server from "effect-voice/server"

const concierge = Agent.fromCallback((transcript) => Effect.succeed(`At your service. You said: ${transcript}`))

const [, , file = "voice.yaml"] = process.argv
Layer.unwrap(Effect.map(
  ConfigSource.load({ file, env: process.env, section: Server.section, complete: Server.bindLikeServer }),
  (loaded) => Server.layer(loaded.section).pipe(Layer.provide(VoiceBackend.layerDecoded(loaded)))
)).pipe(
  Layer.provide([Builtin.layerWith({ agents: { concierge } }), NodeServices.layer]),
  Layer.launch,
  NodeRuntime.runMain
)
