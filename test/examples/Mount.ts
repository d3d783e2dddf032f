import { NodeHttpServer, NodeRuntime } from "@effect/platform-node"
import { Effect, Layer, Schema } from "effect"
import { BackendConfig, VoiceBackend } from "effect-voice"
import * as Builtin from "effect-voice/builtin"
import * as Server from "effect-voice/server"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { HttpApi, HttpApiBuilder, HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import { createServer } from "node:http"

const MyApi = HttpApi.make("mine").add(
  HttpApiGroup.make("hours").add(HttpApiEndpoint.get("today", "/hours", { success: Schema.String }))
)
const MyHandlers = HttpApiBuilder.group(
  MyApi,
  "hours",
  (handlers) => handlers.handle("today", () => Effect.succeed("from noon to ten in the evening"))
)

const config = { provider: "local", pipeline_type: "stt_tts", stt_provider: "moonshine", tts_provider: "hibari" }
const Backend = Layer.unwrap(
  Effect.map(BackendConfig.decode({ ...config, agent: "builtin" }), VoiceBackend.layerConfig)
).pipe(Layer.provide(Builtin.layer))

const Application = Layer.mergeAll(
  HttpRouter.add("GET", "/", HttpServerResponse.text("my application")),
  HttpApiBuilder.layer(MyApi).pipe(Layer.provide(MyHandlers)),
  Server.routes({ prefix: "/voice" })
)

Server.layerDrain.pipe(
  Layer.provide(HttpRouter.serve(Application)),
  Layer.provide(NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: Number(process.env["PORT"] ?? 8080) })),
  Layer.provide(Backend),
  Layer.launch,
  NodeRuntime.runMain
)
