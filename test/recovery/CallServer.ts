/**
 * A server to be killed: the real one, with the local provider, a store that survives it, and engines that hear and speak
 * spelt audio. `CallServer.ts <port> <store> <path or url>`; prints `ready` when it listens.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Duration, Effect, Layer, Redacted } from "effect"
import * as Agent from "../../src/agent/Agent.ts"
import type { StoreConfig } from "../../src/backend/config/BackendConfig.ts"
import { VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import { stores } from "../../src/builtin/Stores.ts"
import * as Local from "../../src/providers/local/index.ts"
import * as Server from "../../src/server/Server.ts"
import * as ScriptedEngines from "../../src/testing/scripted/ScriptedEngines.ts"
import * as ScriptedRecogniser from "../../src/testing/scripted/ScriptedRecogniser.ts"

const [, , port = "", kind = "", where = ""] = process.argv
if (kind !== "sqlite" && kind !== "postgres" && kind !== "redis") throw new Error(`no store ${kind}`)
const config: StoreConfig = {
  kind,
  lease: Duration.seconds(5),
  ...(kind === "sqlite" ? { path: where } : { url: Redacted.make(where) })
}

const agent = Agent.fromCallback((text) => Effect.succeed(`You said ${text}. I have made a note of it. What else?`))
const Backend = VoiceBackend.layerSttTts({ agent }).pipe(Layer.provide([
  Local.layer,
  ScriptedRecogniser.layer(),
  ScriptedEngines.layerTts(),
  ScriptedEngines.layerVad(),
  Layer.unwrap(stores[kind](config))
]))

Layer.effectDiscard(Effect.flatMap(Server.VoiceServer, () => Effect.sync(() => process.stdout.write("ready\n")))).pipe(
  Layer.provide(Server.layer({ port: Number(port) }).pipe(Layer.provide(Backend))),
  Layer.launch,
  NodeRuntime.runMain
)
