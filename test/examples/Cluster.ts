import { NodeRuntime } from "@effect/platform-node"
import { Deferred, Effect, Layer } from "effect"
import { Agent, VoiceBackend } from "effect-voice"
import * as VoiceCluster from "effect-voice/cluster"
import * as Flite from "effect-voice/engines/flite"
import * as Moonshine from "effect-voice/engines/moonshine"
import * as Silero from "effect-voice/engines/silero"
import { ModelStore } from "effect-voice/models/ModelStore"
import * as Local from "effect-voice/providers/local"
import * as Server from "effect-voice/server"
import * as SqliteStore from "effect-voice/store/SqliteStore"

// several of these on one machine, each on a port of its own; PostgresStore and `kind: "postgres"` for several machines
const path = process.env["SESSIONS"] ?? "sessions.db"
const agent = Agent.fromCallback((text) => Effect.succeed(`You said: ${text}`))

const OwnBackend = VoiceBackend.layerSttTts({ agent, config: { maxConcurrentSessions: 50 } }).pipe(
  Layer.provide([Moonshine.layer({ model: "tiny" }), Flite.layer(), Silero.layer()]),
  Layer.provide([Local.layer, ModelStore.layer, SqliteStore.layer({ path })])
)

Layer.unwrap(
  Effect.gen(function*() {
    // other nodes and clients reach this one here, once it listens
    const url = yield* Deferred.make<string>()
    const cluster = VoiceCluster.layer(OwnBackend, {
      address: Deferred.await(url),
      nodeUrl: Deferred.await(url),
      storage: { kind: "sqlite", path: VoiceCluster.besideSessions(path) },
      maxSessions: 80 // in all nodes together
    })
    return Layer.effectDiscard(
      Effect.flatMap(Server.VoiceServer, (server) => Deferred.succeed(url, server.url))
    ).pipe(
      Layer.provide(Server.layer({ port: Number(process.env["PORT"] ?? 8080) })),
      Layer.provide(cluster)
    )
  })
).pipe(Layer.launch, NodeRuntime.runMain)
