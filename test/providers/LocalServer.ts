import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { Context, Deferred, Effect, Exit, Layer, Queue, Redacted, Scope, Stream } from "effect"
import { HttpRouter, HttpServer } from "effect/http"
import { createServer } from "node:http"
import { WebSocket } from "ws"
import * as BackendConfig from "../../src/backend/config/BackendConfig.ts"
import type { ProviderHost, SessionAccess } from "../../src/backend/provider/BackendProvider.ts"
import { SessionNotFound } from "../../src/BackendError.ts"
import { provider } from "../../src/providers/local/index.ts"
import type { Transport } from "../../src/session/SessionConfig.ts"
import type { UserConnection } from "../../src/session/UserConnection.ts"
import { ScriptedListener } from "../transport/ScriptedListener.ts"

export interface Attached {
  readonly connection: UserConnection
  readonly listener: ScriptedListener
}

export interface TestSession {
  readonly access: SessionAccess
  /** The next attachment, listened to. */
  readonly attached: Effect.Effect<Attached>
  readonly end: Effect.Effect<void>
}

export interface LocalServer {
  readonly port: number
  readonly url: string
  readonly open: (
    id: string,
    options?: { readonly transport?: Transport; readonly listen?: boolean; readonly resumed?: boolean }
  ) => Effect.Effect<TestSession, unknown>
}

/** A backend that admits everybody and recovers no session. */
export const host: ProviderHost = {
  signingKey: Redacted.make("a key of at least thirty-two characters"),
  admit: () => Effect.void,
  recover: () => Effect.fail(new SessionNotFound({ op: "test", message: "no session has this id" }))
}

/** The local provider behind a real HTTP server on loopback; it ends with the scope. */
export const start = Effect.fnUntraced(function*(
  options: {
    readonly providerConfig?: Record<string, unknown>
    readonly session?: Record<string, unknown>
    readonly host?: (open: LocalServer["open"]) => Partial<ProviderHost>
  } = {}
): Effect.fn.Return<LocalServer, unknown, Scope.Scope> {
  const config = yield* BackendConfig.decode({
    provider: "local",
    pipeline_type: "stt_tts",
    stt_provider: "none",
    tts_provider: "none",
    session: options.session ?? {},
    provider_config: { bind_address: "127.0.0.1", ...options.providerConfig }
  })
  // Registered first, so closed last: sessions end before the server does.
  const serving = yield* Scope.fork(yield* Effect.scope)
  const sessions = yield* Effect.acquireRelease(Scope.make("parallel"), (scope) => Scope.close(scope, Exit.void))
  const configured = yield* provider.configure(config.providerConfig)
  const connection = yield* configured.connect(config, {
    ...host,
    ...options.host?.((id, opening) => Effect.suspend(() => open(id, opening)))
  })
  const context = yield* Layer.buildWithScope(
    HttpRouter.serve(HttpRouter.addAll(connection.routes ?? []), { disableListenLog: true, disableLogger: true }).pipe(
      Layer.provideMerge(
        NodeHttpServer.layer(createServer, { port: 0, host: "127.0.0.1", gracefulShutdownTimeout: "1 second" })
      )
    ),
    serving
  )
  const { address } = Context.get(context, HttpServer.HttpServer)
  const port = address._tag === "UnixPathAddress" ? 0 : address.port

  const open: LocalServer["open"] = Effect.fnUntraced(
    function*(id, { listen = true, resumed = false, transport = "websocket" } = {}) {
      const scope = yield* Scope.fork(sessions)
      const link = yield* connection.open({ id, resumed, config: { userId: "user", transport } }).pipe(
        Scope.provide(scope)
      )
      const attached = yield* Queue.unbounded<Attached>()
      yield* link.attachments.pipe(
        Stream.runForEach((connection) => {
          const listener = new ScriptedListener()
          if (listen) connection.listen(listener)
          return Queue.offer(attached, { connection, listener })
        }),
        Effect.forkIn(scope)
      )
      return { access: link.access, attached: Queue.take(attached), end: Scope.close(scope, Exit.void) }
    }
  )
  return { port, url: `http://127.0.0.1:${port}`, open }
})

/** Ends when the listener has received what the test waits for. */
export const heard = (listener: ScriptedListener, done: (listener: ScriptedListener) => boolean) =>
  Effect.callback<void>((resume) => {
    if (done(listener)) return resume(Effect.void)
    const unwatch = listener.watch(() => {
      if (!done(listener)) return
      unwatch()
      resume(Effect.void)
    })
    return Effect.sync(unwatch)
  }).pipe(Effect.timeout("1 minute"))

export interface Refusal {
  readonly status: number
  readonly contentType: string | undefined
  readonly body: unknown
}

export interface TestClient {
  readonly socket: WebSocket
  readonly messages: Array<Buffer | string>
  readonly closed: Effect.Effect<{ readonly code: number; readonly reason: string }>
  /** The next message, binary or text. */
  readonly next: Effect.Effect<Buffer | string>
}

/** A user's socket, destroyed with the scope; fails with the server's answer if it is not upgraded. */
export const connect = Effect.fnUntraced(function*(
  url: string,
  options: {
    readonly protocols?: Array<string>
    readonly headers?: Record<string, string>
    readonly autoPong?: boolean
    readonly rejectUnauthorized?: boolean
  } = {}
): Effect.fn.Return<TestClient, Refusal, Scope.Scope> {
  const closed = yield* Deferred.make<{ readonly code: number; readonly reason: string }>()
  const incoming = yield* Queue.unbounded<Buffer | string>()
  const messages: Array<Buffer | string> = []
  const socket = yield* Effect.acquireRelease(
    Effect.callback<WebSocket, Refusal>((resume) => {
      const socket = new WebSocket(url, options.protocols ?? [], {
        headers: options.headers ?? {},
        autoPong: options.autoPong ?? true,
        rejectUnauthorized: options.rejectUnauthorized ?? true
      })
      socket.on("error", () => {})
      socket.on("message", (data: Buffer, binary) => {
        const message = binary ? data : data.toString()
        messages.push(message)
        Queue.offerUnsafe(incoming, message)
      })
      socket.on("close", (code, reason) => {
        Deferred.doneUnsafe(closed, Effect.succeed({ code, reason: reason.toString() }))
      })
      socket.on("open", () => resume(Effect.succeed(socket)))
      socket.on("unexpected-response", (_, response) => {
        let text = ""
        response.on("data", (chunk: Buffer) => text += chunk.toString())
        response.on("end", () => {
          const body: unknown = text.startsWith("{") ? JSON.parse(text) : text
          resume(Effect.fail({
            status: response.statusCode ?? 0,
            contentType: response.headers["content-type"],
            body
          }))
        })
      })
    }),
    (socket) => Effect.sync(() => socket.terminate())
  )
  return {
    socket,
    messages,
    closed: Deferred.await(closed),
    next: Queue.take(incoming)
  }
})
