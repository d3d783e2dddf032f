import { NodeRuntime } from "@effect/platform-node"
import { Effect, Layer } from "effect"
import { AuthenticationFailed, AuthHook, BackendConfig, VoiceBackend } from "effect-voice"
import * as Builtin from "effect-voice/builtin"
import * as Server from "effect-voice/server"

const users = new Map([["ada-has-this-token", Effect.succeed({ userId: "ada", tenant: "acme", authorized: true })]])
const unknown = Effect.fail(new AuthenticationFailed({ op: "users", message: "unknown token" }))
const Auth = Layer.succeed(AuthHook, {
  authenticate: (token) => users.get(token) ?? unknown,
  authorize: (_userId, operation) => Effect.succeed(operation !== "session.update")
})
const config = { provider: "local", pipeline_type: "stt_tts", stt_provider: "moonshine", tts_provider: "hibari" }
const Backend = Layer.unwrap(
  Effect.map(BackendConfig.decode({ ...config, agent: "builtin" }), VoiceBackend.layerConfig)
)

Server.layer({ port: Number(process.env["PORT"] ?? 8080), authentication: "hook" }).pipe(
  Layer.provide(Backend),
  Layer.provide([Builtin.layer, Auth]),
  Layer.launch,
  NodeRuntime.runMain
)
