import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Http from "node:http"
import * as Https from "node:https"
import * as Net from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"
import * as NodeTls from "node:tls"
import { install, READ_MS, type SocketLimits } from "../../../src/server/access/SocketLimits.ts"
import { VoiceServer } from "../../../src/server/Server.ts"
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

/** Connects and sends what it is given. */
const connect = (port: number, text = "") =>
  Effect.acquireRelease(
    Effect.callback<Client>((resume) => {
      const socket = Net.connect(port, "127.0.0.1", () => {
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

const get = (path = "/") => `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`

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
      const dir = yield* Effect.acquireRelease(
        Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-voice-sockets-"))),
        (made) => Effect.sync(() => Fs.rmSync(made, { recursive: true, force: true }))
      )
      const [key, cert] = [Path.join(dir, "key"), Path.join(dir, "cert")]
      const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
      execFileSync(
        "openssl",
        ["req", "-x509", ...curve, "-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout", key, "-out", cert],
        { stdio: "ignore" }
      )
      const tls = { key: Fs.readFileSync(key), cert: Fs.readFileSync(cert) }
      const { port } = yield* start({ max: 2, tls })
      const secure = (text: string) =>
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
      const user = yield* secure(get())
      yield* until(() => user.text.includes("hello"))
      const silent = yield* connect(port)
      const newcomer = yield* secure(get())
      yield* until(() => newcomer.text.includes("hello") && silent.closed)
      const refused = yield* secure(get())
      yield* until(() => refused.closed)
      assert.strictEqual(refused.text, "")
      user.text = ""
      user.spoken.write(get())
      yield* until(() => user.text.includes("hello"))
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
