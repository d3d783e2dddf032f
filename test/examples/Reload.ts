import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Effect, Layer, Stream } from "effect"
import { Agent, ConfigSource, VoiceBackend } from "effect-voice"
import * as Builtin from "effect-voice/builtin"
import * as Server from "effect-voice/server"

const concierge = Agent.fromCallback((transcript) => Effect.succeed(`At your service. You said: ${transcript}`))

const [, , file = "voice.yaml"] = process.argv
const source = { file, env: process.env, section: Server.section, complete: Server.bindLikeServer }

// on SIGHUP: running sessions keep their config, and one with faults changes nothing
const Reloading = Layer.effectDiscard(Effect.gen(function*() {
  const backend = yield* VoiceBackend
  yield* ConfigSource.reloads(source).pipe(
    Stream.runForEach((read) =>
      Effect.fromResult(read).pipe(
        Effect.flatMap(({ config }) => backend.updateConfig(config)),
        Effect.matchEffect({
          onFailure: (error) => Effect.logError(error.message),
          onSuccess: () => Effect.log("the config was read again")
        })
      )
    ),
    Effect.forkScoped
  )
}))

Layer.unwrap(Effect.map(
  ConfigSource.load(source),
  (loaded) =>
    Layer.merge(Server.layer(loaded.section), Reloading).pipe(Layer.provide(VoiceBackend.layerDecoded(loaded)))
)).pipe(
  Layer.provide([Builtin.layerWith({ agents: { concierge } }), NodeServices.layer]),
  Layer.launch,
  NodeRuntime.runMain
)
