import { Effect, Layer, ManagedRuntime } from "effect"
import { BackendConfig, VoiceBackend } from "effect-voice"
import * as Builtin from "effect-voice/builtin"
import * as Server from "effect-voice/server"
import express from "express"
import { createServer } from "node:http"

const app = express()
app.use(express.json())
app.get("/", (_request, response) => response.send("my application"))

const config = { provider: "local", pipeline_type: "stt_tts", stt_provider: "moonshine", tts_provider: "hibari" }
const Backend = Layer.unwrap(
  Effect.map(BackendConfig.decode({ ...config, agent: "builtin" }), VoiceBackend.layerConfig)
).pipe(Layer.provide(Builtin.layer))

const server = createServer(app)
const voice = ManagedRuntime.make(Server.attach(server, { prefix: "/voice" }).pipe(Layer.provide(Backend)))
await voice.context() // rejects where the backend cannot start
server.listen(Number(process.env["PORT"] ?? 8080), "127.0.0.1")

process.once("SIGTERM", async () => {
  await voice.dispose() // first, so that calls end well
  server.close()
})
