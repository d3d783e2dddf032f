import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Queue, Scope } from "effect"
import { WebSocket, WebSocketServer } from "ws"
import { InvalidConfig } from "../../../src/BackendError.ts"
import type { SessionControl } from "../../../src/session/SessionControl.ts"
import type { ConnectionClose } from "../../../src/session/UserConnection.ts"
import { type CloseCode, closeCodes } from "../../../src/transport/websocket/CloseCodes.ts"
import * as WebSocketConnection from "../../../src/transport/websocket/WebSocketConnection.ts"
import { defaultRates, type MakeProtocol } from "../../../src/transport/websocket/WebSocketProtocol.ts"
import { ScriptedListener } from "../ScriptedListener.ts"

/** Both ends of a socket on loopback; `closed` is what the client sees of its end. */
const openWith = Effect.fnUntraced(function*(protocol?: MakeProtocol) {
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
      const socket: WebSocket = new WebSocket(`ws://127.0.0.1:${port}`)
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
  const { connection } = yield* WebSocketConnection.make(socket, { ...defaultRates, protocol }).pipe(
    Scope.provide(scope)
  )
  return {
    client,
    connection,
    closed: Deferred.await(closed),
    end: Scope.close(scope, Exit.void)
  }
})

const open = openWith()

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

/** A protocol whose frames are items of the history, by their ids. */
const asking: MakeProtocol = (_, reply) => ({
  receive: (data, _isBinary, listener) => {
    const id = data.toString()
    const refused = listener.control?.({ _tag: "Remove", item: { id } })
    reply(refused === undefined ? `removed ${id}` : `refused ${refused.message}`)
    return 20
  },
  audio: (pcm) => new Uint8Array(pcm.buffer, pcm.byteOffset, pcm.byteLength),
  event: () => [],
  clear: () => undefined,
  callTool: ({ arguments: given, name }) => [name, given],
  afterListening: true
})

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

  it.live("receives nothing before the session listens, of a protocol whose client is answered", () =>
    Effect.gen(function*() {
      const { client, connection } = yield* openWith((rates, reply) => ({
        ...asking(rates, reply),
        audio: () => undefined,
        listening: () => reply("listens")
      }))
      const replies = yield* Queue.unbounded<string>()
      client.on("message", (data: Buffer) => Queue.offerUnsafe(replies, data.toString()))
      for (const id of ["one", "two", "odd"]) {
        yield* Effect.callback<void>((resume) => client.send(id, () => resume(Effect.void)))
      }
      const controls: Array<SessionControl> = []
      connection.listen(Object.assign(new ScriptedListener(), {
        control: (control: SessionControl) => {
          controls.push(control)
          return controls.length < 3 ? undefined : new InvalidConfig({ op: "test", message: "no such item" })
        }
      }))
      assert.deepStrictEqual(yield* Queue.takeN(replies, 4), [
        "listens",
        "removed one",
        "removed two",
        "refused no such item"
      ])
      assert.deepStrictEqual(controls.at(0), { _tag: "Remove", item: { id: "one" } })
      // a client that wants no audio gets none
      assert.isTrue(connection.send(new Int16Array(480)))
      connection.callTool?.({ id: "call-1", name: "weather", arguments: "{}" })
      assert.deepStrictEqual([yield* Queue.take(replies), yield* Queue.take(replies)], ["weather", "{}"])
    }))

  it.live("answers that nobody takes what a client asks where the session does not, and offers no tools without a protocol for it", () =>
    Effect.gen(function*() {
      const asked = yield* openWith(asking)
      const reply = yield* Deferred.make<string>()
      asked.client.on("message", (data: Buffer) => Deferred.doneUnsafe(reply, Effect.succeed(data.toString())))
      asked.connection.listen(new ScriptedListener())
      asked.client.send("one")
      assert.match(yield* Deferred.await(reply), /^refused the session does not take this now/)
      const { connection } = yield* open
      assert.isUndefined(connection.callTool)
    }))

  it.live("closes with its code before the session has listened, with frames waiting", () =>
    Effect.gen(function*() {
      const ends = yield* openWith(asking)
      ends.client.send("one")
      yield* ends.end
      const { code, reason } = closeCodes.server_closed
      assert.deepStrictEqual(yield* ends.closed, { code, reason })
    }))
})
