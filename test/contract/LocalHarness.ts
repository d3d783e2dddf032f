import { Context, Effect, Layer } from "effect"
import { WebSocket } from "ws"
import * as Pcm from "../../src/audio/Pcm.ts"
import { VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import * as Errors from "../../src/BackendError.ts"
import { provider } from "../../src/providers/local/index.ts"
import * as Server from "../../src/server/Server.ts"
import * as SessionEvent from "../../src/session/SessionEvent.ts"
import type * as Conformance from "../../src/testing/conformance/Conformance.ts"

const classes = {
  invalid_config: Errors.InvalidConfig,
  connection_failed: Errors.ConnectionFailed,
  session_not_found: Errors.SessionNotFound,
  session_limit_exceeded: Errors.SessionLimitExceeded,
  rate_limit_exceeded: Errors.RateLimitExceeded,
  authentication_failed: Errors.AuthenticationFailed,
  authorization_failed: Errors.AuthorizationFailed
} as const

/** The error that a client receives as problem JSON. */
export const errorOf = (status: number | undefined, text: string): Errors.BackendError => {
  const body: unknown = text.startsWith("{") ? JSON.parse(text) : undefined
  const problem = typeof body === "object" && body !== null && "code" in body ? String(body.code) : ""
  const message = `the server answered ${status}: ${text.slice(0, 200)}`
  const found = Object.entries(classes).find(([code]) => code === problem)
  return found === undefined
    ? new Errors.ConnectionFailed({ op: "test.dial", message })
    : new found[1]({ op: "test.dial", message })
}

/** Serves a backend with the real server, on a free port. */
export const serve = Effect.fnUntraced(function*(backend: VoiceBackend["Service"]) {
  const context = yield* Layer.build(
    Server.layer({ port: 0, console: false, grace: "100 millis" }).pipe(
      Layer.provide(Layer.succeed(VoiceBackend, backend))
    )
  )
  return Context.get(context, Server.VoiceServer)
})

export const connectWebSocket = (url: string, token: string | undefined, listener: Conformance.Listener) =>
  Effect.acquireRelease(
    Effect.callback<WebSocket, Errors.BackendError>((resume) => {
      const socket = new WebSocket(url, ["effect-voice.v1", `token.${token}`])
      socket.on("error", () => {})
      socket.on("message", (data: Buffer, binary) => {
        if (binary) return listener.audio(Pcm.copyInt16(new Uint8Array(data)))
        const event = SessionEvent.fromJson(data.toString())
        if (event._tag === "Failure") throw event.failure
        listener.event(event.success)
      })
      socket.once("close", (code) => listener.closed(String(code)))
      socket.once("open", () => resume(Effect.succeed(socket)))
      socket.once("unexpected-response", (_, response) => {
        let text = ""
        response.on("data", (chunk: Buffer) => text += chunk.toString())
        response.on("end", () => resume(Effect.fail(errorOf(response.statusCode, text))))
      })
    }),
    (socket) => Effect.sync(() => socket.terminate())
  ).pipe(Effect.map((socket): Conformance.ClientConnection => ({
    audio: (pcm) => socket.send(Pcm.fromInt16(pcm)),
    message: (text) => socket.send(text),
    hangUp: Effect.sync(() => socket.close(1000)),
    drop: Effect.sync(() => socket.terminate())
  })))

/** Provider `local` behind the real server, on loopback, by a WebSocket. */
export const webSocket: Conformance.Harness = {
  name: "local over WebSocket",
  provider,
  transport: "websocket",
  providerConfig: { bind_address: "127.0.0.1" },
  serve: (backend) =>
    Effect.map(
      serve(backend),
      ({ url }) => ({ access, listener }) =>
        connectWebSocket(new URL(access.connectionUrl, url.replace(/^http/u, "ws")).href, access.token, listener)
    )
}
