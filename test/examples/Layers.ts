import { NodeRuntime } from "@effect/platform-node"
import { Effect, Layer } from "effect"
import { Agent, VoiceBackend } from "effect-voice"
import * as Flite from "effect-voice/engines/flite"
import * as Moonshine from "effect-voice/engines/moonshine"
import * as Silero from "effect-voice/engines/silero"
import { ModelStore } from "effect-voice/models/ModelStore"
import * as Local from "effect-voice/providers/local"
import * as Server from "effect-voice/server"

const agent = Agent.fromCallback((transcript) => Effect.succeed(`You said: ${transcript}`))

const Engines = Layer.mergeAll(Moonshine.layer({ model: "tiny" }), Flite.layer({ voice: "slt" }), Silero.layer()).pipe(
  Layer.provide(ModelStore.layer)
)
const Backend = VoiceBackend.layerSttTts({ agent }).pipe(Layer.provide([Engines, Local.layer]))

Server.layer({ port: 8080 }).pipe(Layer.provide(Backend), Layer.launch, NodeRuntime.runMain)
