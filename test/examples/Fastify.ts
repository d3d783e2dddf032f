import { Effect, Layer, ManagedRuntime } from "effect"
import { BackendConfig, VoiceBackend } from "effect-voice"
import * as Builtin from "effect-voice/builtin"
import * as Server from "effect-voice/server"
import fastify from "fastify"

const app = fastify()
app.get("/", async () => "my application")

const config = { provider: "local", pipeline_type: "stt_tts", stt_provider: "moonshine", tts_provider: "hibari" }
const Backend = Layer.unwrap(
  Effect.map(BackendConfig.decode({ ...config, agent: "builtin" }), VoiceBackend.layerConfig)
).pipe(Layer.provide(Builtin.layer))

const voice = ManagedRuntime.make(Server.attach(app.server, { prefix: "/voice" }).pipe(Layer.provide(Backend)))
await voice.context() // rejects where the backend cannot start
app.addHook("preClose", () => voice.dispose()) // so that calls end well

// an address, not `localhost`, for which Fastify makes a second server
await app.listen({ host: "127.0.0.1", port: Number(process.env["PORT"] ?? 8080) })
process.once("SIGTERM", () => void app.close())
