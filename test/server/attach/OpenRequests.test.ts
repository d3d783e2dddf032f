import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Http from "node:http"
import * as Net from "node:net"
import { READ_MS } from "../../../src/server/access/ResponseLimits.ts"
import { UPGRADE_MS } from "../../../src/server/access/SocketLimits.ts"
import * as OpenRequests from "../../../src/server/attach/OpenRequests.ts"

/** A server whose requests and upgrades are all tracked; nobody answers them but the test. */
const tracked = Effect.gen(function*() {
  const time = { nowMs: 0 }
  const open = OpenRequests.make(() => time.nowMs)
  const server = Http.createServer()
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
    () =>
      Effect.sync(() => {
        server.close()
        server.closeAllConnections()
      })
  )
  const address = server.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  const send = (text: string) =>
    Effect.acquireRelease(
      Effect.sync(() => {
        const socket = Net.connect(port, "127.0.0.1", () => socket.write(text))
        return socket.on("error", () => {}).pause()
      }),
      (socket) => Effect.sync(() => socket.destroy())
    )
  const response = Effect.callback<Http.ServerResponse>((resume) =>
    void server.once("request", (_request, response: Http.ServerResponse) => {
      open.add(response)
      resume(Effect.succeed(response))
    })
  )
  const upgrade = Effect.callback<Net.Socket>((resume) =>
    void server.once("upgrade", ({ socket }: Http.IncomingMessage) => {
      open.addUpgrade(socket)
      resume(Effect.succeed(socket.on("error", () => {})))
    })
  )
  return { open, response, send, time, upgrade }
})

const ask = (more = "") => `GET / HTTP/1.1\r\nHost: a\r\n${more}\r\n`
const upgrading = ask("Connection: Upgrade\r\nUpgrade: websocket\r\n")

const closed = (socket: Net.Socket) =>
  Effect.callback<void>((resume) =>
    void (socket.closed ? resume(Effect.void) : socket.once("close", () => resume(Effect.void)))
  )

describe("OpenRequests", () => {
  it.live("cuts off a response that is not read, and leaves one that has not begun", () =>
    Effect.gen(function*() {
      const { open, response, send, time } = yield* tracked
      yield* send(ask())
      const slow = yield* response
      yield* send(ask())
      const later = yield* response
      slow.write(Buffer.alloc(33_554_432))
      time.nowMs = READ_MS - 1
      open.sweep()
      assert.isFalse(slow.destroyed)
      const { socket } = slow
      assert.isNotNull(socket)
      time.nowMs = READ_MS + 1
      open.sweep()
      yield* closed(socket!)
      assert.isFalse(later.destroyed)
    }).pipe(Effect.scoped))

  it.live("closes an upgrade that is neither granted nor answered", () =>
    Effect.gen(function*() {
      const { open, send, time, upgrade } = yield* tracked
      yield* send(upgrading)
      const waiting = yield* upgrade
      yield* send(upgrading)
      const granted = yield* upgrade
      granted.write("HTTP/1.1 101 Switching Protocols\r\n\r\n")
      time.nowMs = UPGRADE_MS + 1
      open.sweep()
      yield* closed(waiting)
      assert.isFalse(granted.destroyed)
    }).pipe(Effect.scoped))

  it.live("is idle when the last one has ended, and closes what is open", () =>
    Effect.gen(function*() {
      const { open, response, send, upgrade } = yield* tracked
      let idle = 0
      open.whenIdle(() => idle++)
      assert.strictEqual(idle, 1)
      yield* send(ask())
      const answer = yield* response
      yield* send(upgrading)
      const socket = yield* upgrade
      const isIdle = Effect.callback<void>((resume) => open.whenIdle(() => resume(Effect.void)))
      open.whenIdle(() => idle++)
      answer.end()
      yield* Effect.callback<void>((resume) => void answer.once("close", () => resume(Effect.void)))
      assert.strictEqual(idle, 1)
      open.destroy()
      yield* isIdle
      assert.isTrue(socket.destroyed)
      assert.strictEqual(idle, 2)
    }).pipe(Effect.scoped))
})
