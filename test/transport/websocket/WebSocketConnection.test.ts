import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Scope } from "effect"
import { WebSocket, WebSocketServer } from "ws"
import type { ConnectionClose } from "../../../src/session/UserConnection.ts"
import { type CloseCode, closeCodes } from "../../../src/transport/websocket/CloseCodes.ts"
import * as WebSocketConnection from "../../../src/transport/websocket/WebSocketConnection.ts"
import { defaultRates } from "../../../src/transport/websocket/WebSocketProtocol.ts"
import { ScriptedListener } from "../ScriptedListener.ts"

/** Both ends of a socket on loopback; `closed` is what the client sees of its end. */
const open = Effect.gen(function*() {
  const server = yield* Effect.acquireRelease(
    Effect.callback<WebSocketServer>((resume) => {
      const server: WebSocketServer = new WebSocketServer(
        { host: "127.0.0.1", port: 0, maxPayload: WebSocketConnection.MAX_PAYLOAD_BYTES, autoPong: false },
        () => resume(Effect.succeed(server))
      )
    }),
    (server) =>
      Effect.sync(() => {
        for (const each of server.clients) each.terminate()
        server.close()
      })
  )
  const address = server.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  const accepted = yield* Deferred.make<WebSocket>()
  server.once("connection", (socket) => {
    socket.pause()
    Deferred.doneUnsafe(accepted, Effect.succeed(socket))
  })
  const closed = yield* Deferred.make<Pick<CloseCode, "code" | "reason">>()
  const client = yield* Effect.acquireRelease(
    Effect.callback<WebSocket>((resume) => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}`)
      socket.on("open", () => resume(Effect.succeed(socket)))
      socket.on(
        "close",
        (code, reason) => Deferred.doneUnsafe(closed, Effect.succeed({ code, reason: reason.toString() }))
      )
    }),
    (socket) => Effect.sync(() => socket.terminate())
  )
  const scope = yield* Scope.fork(yield* Effect.scope)
  const socket = yield* Deferred.await(accepted)
  const { connection } = yield* WebSocketConnection.make(socket, defaultRates).pipe(Scope.provide(scope))
  return {
    client,
    connection,
    closed: Deferred.await(closed),
    end: Scope.close(scope, Exit.void)
  }
})

type Ends = Effect.Success<typeof open>

const byTheSession = (reason: ConnectionClose) => ({ connection }: Ends) => connection.close(reason)

const byTheClient = (send: (client: WebSocket) => void) => ({ client, connection }: Ends) =>
  Effect.sync(() => {
    connection.listen(new ScriptedListener())
    send(client)
  })

/** Writes past the client's own encoder. */
const writePast = (client: WebSocket, bytes: Uint8Array): void => {
  const raw: unknown = Reflect.get(client, "_socket")
  if (typeof raw === "object" && raw !== null && "write" in raw && typeof raw.write === "function") raw.write(bytes)
}

/** How each close code comes about, but for `moved`: a node that does not have the session makes no connection of it. */
const causes: { readonly [Name in Exclude<keyof typeof closeCodes, "moved">]: (ends: Ends) => Effect.Effect<void> } = {
  session_ended: byTheSession("session_ended"),
  replaced: byTheSession("replaced"),
  too_slow: byTheSession("too_slow"),
  rate_limited: byTheSession("rate_limited"),
  server_closed: ({ end }) => end,
  // A frame with reserved bits set.
  protocol_error: byTheClient((client) => writePast(client, Buffer.from([0xf1, 0x80, 0, 0, 0, 0]))),
  invalid_text: byTheClient((client) => client.send(Buffer.from([0xff, 0xfe]), { binary: false })),
  too_big: byTheClient((client) => client.send(Buffer.alloc(WebSocketConnection.MAX_PAYLOAD_BYTES + 1))),
  internal_error: ({ client, connection }) =>
    Effect.sync(() => {
      connection.listen({
        audio: () => {
          throw new Error("broken")
        },
        gap: () => {},
        message: () => {},
        malformed: () => {},
        closed: () => {}
      })
      client.send(Buffer.alloc(640))
    })
}

describe("WebSocketConnection", () => {
  for (const [name, cause] of Object.entries(causes)) {
    it.live(`closes with the code of ${name}`, () =>
      Effect.gen(function*() {
        const ends = yield* open
        yield* cause(ends)
        const { code, reason }: CloseCode = closeCodes[name as keyof typeof closeCodes]
        assert.deepStrictEqual(yield* ends.closed, { code, reason })
      }))
  }

  it.live("takes a thousand of the frames that arrive in one piece and are over the flood limit, and drops the others", () =>
    Effect.gen(function*() {
      const { client, connection } = yield* open
      let taken = 0
      const first = yield* Deferred.make<void>()
      connection.listen({
        audio: () => {},
        gap: () => {},
        message: () => {},
        malformed: () => {
          taken++
          Deferred.doneUnsafe(first, Effect.void)
        },
        closed: () => {}
      })
      // an empty text is malformed
      writePast(client, Buffer.concat(Array.from({ length: 9_000 }, () => Buffer.from([0x81, 0x80, 0, 0, 0, 0]))))
      yield* Deferred.await(first)
      // all frames of a piece are taken in one go
      yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      assert.isAtMost(taken, 1_600)
    }))
})
