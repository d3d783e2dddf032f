import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Fs from "node:fs"
import * as Http from "node:http"
import * as Https from "node:https"
import * as Net from "node:net"
import * as NodeTls from "node:tls"
import { READ_MS } from "../../../src/server/access/ResponseLimits.ts"
import {
  END_MS,
  HANDSHAKE_MS,
  install,
  type SocketLimits,
  UPGRADE_MS
} from "../../../src/server/access/SocketLimits.ts"
import { VoiceServer } from "../../../src/server/Server.ts"
import { makeCertificate } from "../../support/Certificate.ts"
import { serve } from "../support.ts"

const MiB = 1_048_576

interface Running {
  readonly port: number
  readonly sockets: SocketLimits
  readonly time: { nowMs: number }
  /** How many requests have been answered. */
  readonly answered: () => number
}

/** A server that answers `/` with a word, and anything else with 16 MiB. */
const start = (options: {
  readonly max: number
  readonly maxUnreadBytes?: number
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer }
}) =>
  Effect.acquireRelease(
    Effect.callback<Running & { readonly server: Http.Server }>((resume) => {
      const { tls, ...limits } = options
      let answered = 0
      const answer = (request: Http.IncomingMessage, response: Http.ServerResponse) => {
        response.end(request.url === "/" ? "hello" : Buffer.alloc(16 * MiB))
        answered++
      }
      const server: Http.Server = tls === undefined ? Http.createServer(answer) : Https.createServer(tls, answer)
      // Effect answers these two as it does any request.
      server.on("checkContinue", answer)
      server.on("upgrade", (request: Http.IncomingMessage, socket: Net.Socket) => {
        socket.on("error", () => {})
        if (request.url === "/socket") socket.write("HTTP/1.1 101 Switching Protocols\r\n\r\n")
        else if (request.url === "/refused") socket.end("HTTP/1.1 401 Unauthorized\r\n\r\n")
        answered++
      })
      const time = { nowMs: 0 }
      const sockets = install(server, { ...limits, secure: tls !== undefined, nowMs: () => time.nowMs })
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        resume(Effect.succeed({
          server,
          sockets,
          time,
          answered: () => answered,
          port: typeof address === "object" && address !== null ? address.port : 0
        }))
      })
    }),
    ({ server, sockets }) =>
      Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
        sockets.destroy()
      })
  )

interface Client {
  readonly socket: Net.Socket
  text: string
  closed: boolean
}

/** Connects and sends what it is given; `halfOpen`: leaves the connection open when the server has ended it. */
const connect = (port: number, text = "", halfOpen = false) =>
  Effect.acquireRelease(
    Effect.callback<Client>((resume) => {
      const socket = Net.connect({ port, host: "127.0.0.1", allowHalfOpen: halfOpen }, () => {
        if (text !== "") socket.write(text)
        resume(Effect.succeed(client))
      })
      const client: Client = { socket, text: "", closed: false }
      socket.on("error", () => {})
      socket.on("data", (part) => client.text += part.toString())
      socket.on("close", () => client.closed = true)
    }),
    ({ socket }) => Effect.sync(() => socket.destroy())
  )

const until = (holds: () => boolean) =>
  Effect.suspend(() => holds() ? Effect.void : Effect.fail("not yet")).pipe(
    Effect.delay("5 millis"),
    Effect.eventually,
    Effect.timeout("1 minute")
  )

/** Goes on sending until the server has closed the connection. */
const closed = (client: Client) =>
  until(() => {
    client.socket.write("x")
    return client.closed
  })

const get = (path = "/", headers = "") => `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${headers}\r\n`
const upgrade = (path: string) => get(path, "Connection: Upgrade\r\nUpgrade: websocket\r\n")

const certificate = Effect.map(makeCertificate, ({ cert, key }) => ({
  cert: Fs.readFileSync(cert),
  key: Fs.readFileSync(key)
}))

/** Speaks TLS over a connection. */
const secure = (port: number, text: string) =>
  Effect.map(connect(port), (client) => {
    const spoken = NodeTls.connect({ socket: client.socket, rejectUnauthorized: false }, () => {
      if (text !== "") spoken.write(text)
    })
    const over = { spoken, text: "", closed: false }
    spoken.on("error", () => {})
    spoken.on("data", (part) => over.text += part.toString())
    spoken.on("close", () => over.closed = true)
    return over
  })

describe("SocketLimits", () => {
  it.live("replaces the oldest socket without a request by a new one, and no other", () =>
    Effect.gen(function*() {
      const { port } = yield* start({ max: 4 })
      const user = yield* connect(port, get())
      yield* until(() => user.text.includes("hello"))
      const silent = yield* connect(port)
      const slowHead = yield* connect(port, "GET / HTTP/1.1\r\nHost:")
      const slowBody = yield* connect(port, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
      yield* until(() => slowBody.text !== "")
      for (const dropped of [silent, slowHead, slowBody]) {
        assert.isFalse(dropped.closed)
        const newcomer = yield* connect(port, get())
        yield* until(() => newcomer.text.includes("hello") && dropped.closed)
      }
      user.text = ""
      user.socket.write(get())
      yield* until(() => user.text.includes("hello"))
    }))

  it.live("answers 503 when all sockets have sent a request", () =>
    Effect.gen(function*() {
      const { port } = yield* start({ max: 2 })
      const users = [yield* connect(port, get()), yield* connect(port, get())]
      yield* until(() => users.every((user) => user.text.includes("hello")))
      for (const text of ["", get(), "no HTTP\r\n\r\n"]) {
        const refused = yield* connect(port, text)
        yield* until(() => refused.closed)
        const [head = "", body = ""] = refused.text.split("\r\n\r\n")
        assert.match(head, /^HTTP\/1\.1 503 /)
        assert.match(head, /\r\nretry-after: [1-9]/)
        assert.match(head, /\r\ncontent-type: application\/problem\+json/)
        assert.include(JSON.parse(body), { code: "too_many_connections", status: 503, retryable: true })
      }
      users[0]!.socket.destroy()
      yield* until(() => users[0]!.closed)
      // the server may not have seen the end of that connection yet
      yield* connect(port, get()).pipe(
        Effect.tap((next) => until(() => next.closed || next.text.includes("hello"))),
        Effect.repeat({ until: (next) => next.text.includes("hello") })
      )
    }))

  it.live("bounds the number of refused sockets that stay open", () =>
    Effect.gen(function*() {
      const { port } = yield* start({ max: 1 })
      const user = yield* connect(port, get())
      yield* until(() => user.text.includes("hello"))
      const refused = yield* Effect.forEach(Array.from({ length: 100 }), () => connect(port))
      yield* until(() => refused.filter((each) => each.closed).length >= 36)
      yield* until(() => refused.every((each) => each.closed))
    }))

  it.live("closes the socket of a response that is not read in time", () =>
    Effect.gen(function*() {
      const { answered, port, sockets, time } = yield* start({ max: 8 })
      const idle = yield* connect(port, get())
      yield* until(() => idle.text.includes("hello"))
      const slow = yield* connect(port)
      slow.socket.pause()
      slow.socket.write(get("/download"))
      yield* until(() => answered() === 2)
      time.nowMs = READ_MS - 1
      sockets.sweep()
      const reader = yield* connect(port, get("/download"))
      yield* until(() => reader.text.length > 16 * MiB)
      assert.isFalse(slow.closed)
      time.nowMs = READ_MS + 1
      sockets.sweep()
      slow.socket.resume()
      yield* until(() => slow.closed)
      assert.isBelow(slow.text.length, 16 * MiB)
      assert.isFalse(idle.closed)
      assert.isFalse(reader.closed)
    }))

  it.live("bounds the memory of unread responses", () =>
    Effect.gen(function*() {
      const { answered, port, sockets } = yield* start({ max: 8, maxUnreadBytes: 40 * MiB })
      const slow: Array<Client> = []
      for (let i = 0; i < 4; i++) {
        const client = yield* connect(port)
        client.socket.pause()
        client.socket.write(get("/download"))
        slow.push(client)
        yield* until(() => answered() === i + 1)
      }
      sockets.sweep()
      for (const client of slow) client.socket.resume()
      yield* until(() => slow[0]!.closed && slow.slice(2).every((each) => each.text.length > 16 * MiB))
      assert.isBelow(slow[0]!.text.length, 16 * MiB)
    }))

  it.live("tells sockets with a request from others over TLS as well", () =>
    Effect.gen(function*() {
      const tls = yield* certificate
      const { port } = yield* start({ max: 2, tls })
      const user = yield* secure(port, get())
      yield* until(() => user.text.includes("hello"))
      const silent = yield* connect(port)
      const newcomer = yield* secure(port, get())
      yield* until(() => newcomer.text.includes("hello") && silent.closed)
      const refused = yield* secure(port, get())
      yield* until(() => refused.closed)
      assert.strictEqual(refused.text, "")
      user.text = ""
      user.spoken.write(get())
      yield* until(() => user.text.includes("hello"))
    }))

  it.live("ends a TLS handshake that does not finish in time, silent or a byte at a time", () =>
    Effect.gen(function*() {
      const { port, sockets, time } = yield* start({ max: 8, tls: yield* certificate })
      const user = yield* secure(port, get())
      yield* until(() => user.text.includes("hello"))
      const silent = yield* connect(port)
      const slow = yield* connect(port, "\u0016\u0003\u0001")
      time.nowMs = HANDSHAKE_MS - 1
      sockets.sweep()
      slow.socket.write("\u0002")
      yield* Effect.sleep("20 millis")
      assert.deepStrictEqual([silent.closed, slow.closed], [false, false])
      time.nowMs = HANDSHAKE_MS
      sockets.sweep()
      yield* until(() => silent.closed && slow.closed)
      assert.isFalse(user.closed)
    }))

  it.live("closes a refused upgrade that its peer leaves open, and no WebSocket", () =>
    Effect.gen(function*() {
      const { answered, port, sockets, time } = yield* start({ max: 8 })
      const joined = yield* connect(port, upgrade("/socket"))
      const refused = yield* connect(port, upgrade("/refused"), true)
      const hanging = yield* connect(port, upgrade("/hanging"))
      yield* until(() => answered() === 3 && joined.text.includes("101") && refused.text.includes("401"))
      sockets.sweep()
      time.nowMs = END_MS - 1
      sockets.sweep()
      assert.deepStrictEqual([joined, refused, hanging].map((each) => each.closed), [false, false, false])
      time.nowMs = END_MS
      sockets.sweep()
      yield* closed(refused)
      time.nowMs = UPGRADE_MS
      sockets.sweep()
      yield* until(() => hanging.closed)
      time.nowMs = 10 * READ_MS
      sockets.sweep()
      yield* Effect.sleep("20 millis")
      assert.isFalse(joined.closed)
    }))

  it.live("gives the places of refused upgrades to newcomers", () =>
    Effect.gen(function*() {
      const { answered, port } = yield* start({ max: 3 })
      const joined = yield* connect(port, upgrade("/socket"))
      const refused = yield* connect(port, upgrade("/refused"), true)
      const hanging = yield* connect(port, upgrade("/hanging"))
      yield* until(() => answered() === 3 && refused.text.includes("401"))
      for (const dropped of [refused, hanging]) {
        const newcomer = yield* connect(port, get())
        yield* until(() => newcomer.text.includes("hello"))
        yield* closed(dropped)
      }
      assert.isFalse(joined.closed)
    }))

  it.live("closes the socket of a response to a request with Expect that is not read in time", () =>
    Effect.gen(function*() {
      const { answered, port, sockets, time } = yield* start({ max: 8 })
      const slow = yield* connect(port)
      slow.socket.pause()
      slow.socket.write(get("/download", "Expect: 100-continue\r\n"))
      yield* until(() => answered() === 1)
      time.nowMs = READ_MS
      sockets.sweep()
      slow.socket.resume()
      yield* until(() => slow.closed)
      assert.isBelow(slow.text.length, 16 * MiB)
    }))

  it.live("closes a refused socket whose peer goes on sending", () =>
    Effect.gen(function*() {
      const { port, sockets, time } = yield* start({ max: 1 })
      const user = yield* connect(port, get())
      yield* until(() => user.text.includes("hello"))
      const refused = yield* connect(port, "x", true)
      yield* until(() => refused.text.includes("503"))
      time.nowMs = END_MS
      sockets.sweep()
      yield* closed(refused)
    }))

  it.live("limits a server by server.max_connections", () =>
    Effect.gen(function*() {
      const { port } = yield* VoiceServer
      const live = get("/health/live")
      const silent = yield* connect(port)
      const users = yield* Effect.forEach(Array.from({ length: 16 }), () => connect(port, live))
      yield* until(() => silent.closed && users.every((user) => user.text.includes("200 OK")))
      const refused = yield* connect(port, live)
      yield* until(() => refused.closed)
      assert.match(refused.text, /^HTTP\/1\.1 503 /)
    }).pipe(Effect.provide(serve({ maxConnections: 16 }))))
})
