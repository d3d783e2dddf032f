import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Logger, Redacted, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as Http from "node:http"
import * as Http2 from "node:http2"
import * as Net from "node:net"
import { WebSocket, WebSocketServer } from "ws"
import type { VoiceBackend } from "../../../src/backend/VoiceBackend.ts"
import * as Server from "../../../src/server/index.ts"
import { Recording } from "../../telemetry/RecordingTracer.ts"
import { begun, listening, raw, redacted, talked } from "../Mounted.ts"
import { backend as scripted, call } from "../support.ts"
import { session, talk, talking } from "../Talking.ts"

const own: Http.RequestListener = (request, response) => {
  response.setHeader("x-own", "yes").end(`the application's own ${request.method} ${request.url}`)
}

const attach = (
  server: Http.Server,
  options: Server.AttachOptions,
  backend: Layer.Layer<VoiceBackend, unknown> = scripted
) => Layer.build(Server.attach(server, options).pipe(Layer.provide(backend)))

describe("Server.attach", () => {
  it.live("serves below its prefix only, on a server that listens later", () => {
    const recording = new Recording()
    return Effect.gen(function*() {
      const server = Http.createServer(own)
      yield* attach(server, { prefix: "/voice" }, talking)
      const origin = yield* listening(server)
      const { json } = yield* talked(`${origin}/voice`)
      for (const path of ["/", "/voices", "/voic", "/v1/sessions", "/VOICE/v1/sessions"]) {
        const { headers, status, text } = yield* call(`${origin}${path}`)
        assert.deepStrictEqual([status, headers.get("x-own"), text], [200, "yes", `the application's own GET ${path}`])
      }
      for (const path of ["/voice/nope", "/voice/%zz", "/voice/../x/", "/voice/nope?token=" + json["token"]]) {
        const { headers, json, status } = yield* call(`${origin}${path.replace("/../", "/%2e%2e%2f")}`)
        assert.deepStrictEqual([status, json["code"], headers.get("x-own")], [404, "route_not_found", null], path)
      }
      assert.strictEqual((yield* call(`${origin}/voice`)).headers.get("location"), "voice/")
      assert.strictEqual((yield* call(`${origin}/voice/v1/sessions`, { method: "PUT" })).status, 405)
      return json["token"]
    }).pipe(
      Effect.scoped,
      recording.provide,
      Effect.map((token) => redacted(recording, [token]))
    )
  })

  it.live("leaves the WebSockets of the application alone, and keeps its listeners from ours", () =>
    Effect.gen(function*() {
      const server = Http.createServer(own)
      // It refuses every upgrade to another path, as the libraries do.
      const before = new WebSocketServer({ server, path: "/own" })
      before.on("connection", (socket) => socket.send("own"))
      const origin = yield* listening(server)
      yield* attach(server, { prefix: "/voice" }, talking)
      const seen: Array<string | undefined> = []
      for (const event of ["request", "upgrade"]) {
        server.on(event, ({ url }: Http.IncomingMessage) => seen.push(url))
      }
      const greeting = Effect.callback<string>((resume) => {
        const socket = new WebSocket(`${origin}/own`)
        socket.on("message", (data: Buffer) => {
          socket.terminate()
          resume(Effect.succeed(data.toString()))
        })
      })
      assert.strictEqual(yield* greeting, "own")
      assert.match(yield* talk((yield* session(`${origin}/voice`)).json), /good morning/)
      const unknown = yield* raw(
        origin,
        "GET /voice/nope HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
      )
      assert.match(unknown, /^HTTP\/1\.1 404 /)
      assert.include(unknown, "route_not_found")
      assert.strictEqual((yield* call(`${origin}/hello`)).status, 200)
      assert.deepStrictEqual(seen, ["/own", "/hello"])
      before.close()
    }).pipe(Effect.scoped))

  it.live("lets requests that ask for another protocol be ordinary ones", () =>
    Effect.gen(function*() {
      const server = Http.createServer(own)
      yield* attach(server, { prefix: "/voice" })
      const origin = yield* listening(server)
      const ask = (path: string, upgrade: string) =>
        raw(
          origin,
          `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, close\r\nUpgrade: ${upgrade}\r\n\r\n`
        )
      // Nobody listens for upgrades: so it was before.
      assert.match(yield* ask("/hello", "websocket"), /^HTTP\/1\.1 200 [^]*the application's own GET \/hello/)
      assert.match(yield* ask("/hello", "h2c"), /^HTTP\/1\.1 200 /)
      assert.match(yield* ask("/voice/health/live", "h2c"), /^HTTP\/1\.1 200 /)
    }).pipe(Effect.scoped))

  it.live("does the same on a Node that does not ask whether to upgrade", () =>
    Effect.gen(function*() {
      const server = Http.createServer(own)
      Reflect.set(server, "shouldUpgradeCallback", undefined)
      yield* attach(server, { prefix: "/voice" }, talking)
      Reflect.set(server, "shouldUpgradeCallback", () => server.listenerCount("upgrade") > 0)
      const origin = yield* listening(server)
      const ask = (more = "") =>
        raw(
          origin,
          `GET /hello HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n${more}\r\n`
        )
      assert.match(yield* ask(), /^HTTP\/1\.1 200 [^]*the application's own GET \/hello/)
      assert.match(yield* ask("Content-Length: 1\r\n"), /^HTTP\/1\.1 400 /)
      assert.match(yield* talk((yield* session(`${origin}/voice`)).json), /good morning/)
    }).pipe(Effect.scoped))

  it.live("answers an Expect header itself, whatever the application does with it", () =>
    Effect.gen(function*() {
      const server = Http.createServer(own)
      yield* attach(server, { prefix: "/voice" })
      const origin = yield* listening(server)
      const body = JSON.stringify({ user_id: "ada", transport: "websocket" })
      const post = (expect: string) =>
        raw(
          origin,
          "POST /voice/v1/sessions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" +
            `Content-Type: application/json\r\nContent-Length: ${body.length}\r\nExpect: ${expect}\r\n\r\n${body}`
        )
      for (const event of ["", "checkContinue", "checkExpectation"]) {
        if (event !== "") {
          server.on(event, (_: unknown, response: Http.ServerResponse) => void response.writeHead(500).end())
        }
        assert.match(yield* post("100-continue"), /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 201 /, event)
        assert.match(yield* post("a miracle"), /^HTTP\/1\.1 417 /, event)
      }
    }).pipe(Effect.scoped))

  it.live("drains calls at the release, and leaves the server as it was", () =>
    Effect.gen(function*() {
      const server = Http.createServer(own)
      const names = () => [Object.hasOwn(server, "emit"), server.listenerCount("upgrade")]
      const before = [names(), Reflect.get(server, "shouldUpgradeCallback")]
      const origin = yield* listening(server)
      const scope = yield* Scope.make()
      yield* Scope.provide(attach(server, { prefix: "/voice" }, talking), scope)
      assert.notDeepEqual(names(), before[0])
      const { ended, socket } = yield* begun(`${origin}/voice`)
      const closed = Effect.callback<void>((resume) => void socket.once("close", () => resume(Effect.void)))
      const isClosed = yield* Effect.forkChild(closed, { startImmediately: true })
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(yield* ended, "drained")
      yield* Fiber.join(isClosed)
      assert.deepStrictEqual([names(), Reflect.get(server, "shouldUpgradeCallback")], before)
      assert.include((yield* call(`${origin}/voice/health/live`)).text, "the application's own")
    }).pipe(Effect.scoped))

  it.effect("waits no longer than the grace for requests that do not end", () =>
    Effect.gen(function*() {
      const server = Http.createServer(own)
      const origin = yield* listening(server)
      const scope = yield* Scope.make()
      yield* Scope.provide(attach(server, { prefix: "/voice", grace: "3 seconds" }), scope)
      const arrived = Effect.callback<void>((resume) => {
        const { emit } = server
        Reflect.set(server, "emit", (event: string, ...args: ReadonlyArray<unknown>) => {
          const emitted = Reflect.apply(emit, server, [event, ...args])
          if (event === "request") resume(Effect.void)
          return emitted
        })
      })
      const waiting = yield* Effect.forkChild(arrived, { startImmediately: true })
      const half = yield* Effect.forkChild(
        raw(
          origin,
          "POST /voice/v1/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" +
            "Content-Length: 9\r\n\r\n{"
        ),
        { startImmediately: true }
      )
      yield* Fiber.join(waiting)
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
      yield* TestClock.adjust("2900 millis")
      assert.isUndefined(closing.pollUnsafe())
      yield* TestClock.adjust("200 millis")
      yield* Fiber.join(closing)
      yield* Fiber.join(half)
      // Somebody has wrapped `emit` since: it passes on everything.
      assert.include((yield* call(`${origin}/voice`)).text, "the application's own")
    }).pipe(Effect.scoped))

  it.live("answers 503 below its prefix until it is detached, so that clients come again", () =>
    Effect.gen(function*() {
      const server = Http.createServer(own)
      const origin = yield* listening(server)
      const scope = yield* Scope.make()
      yield* Scope.provide(attach(server, { prefix: "/voice", grace: "1 minute" }, talking), scope)
      const { ended } = yield* begun(`${origin}/voice`)
      // a request whose body does not end
      const half = Net.connect(Number(new URL(origin).port), "127.0.0.1").on("error", () => {})
      const arrived = Effect.callback<void>((resume) => {
        server.once("connection", () => resume(Effect.void))
      })
      const waiting = yield* Effect.forkChild(arrived, { startImmediately: true })
      half.write(
        "POST /voice/v1/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" +
          "Content-Length: 9\r\nExpect: 100-continue\r\n\r\n"
      )
      yield* Fiber.join(waiting)
      yield* Effect.callback<void>((resume) => void half.once("data", () => resume(Effect.void)))
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
      assert.strictEqual(yield* ended, "drained")
      const refused = yield* Effect.repeat(call(`${origin}/voice/v1/providers`), {
        until: ({ status }) => status !== 200
      })
      assert.deepStrictEqual([refused.status, refused.headers.get("retry-after")], [503, "1"])
      assert.deepInclude(refused.json, { code: "session_limit_exceeded", details: { reason: "draining" } })
      const upgrade = yield* raw(
        origin,
        "GET /voice/v1/sessions/x/audio HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
      )
      assert.match(upgrade, /^HTTP\/1\.1 503 [^]*retry-after: 1\r\n[^]*"reason":"draining"/)
      assert.include((yield* call(`${origin}/hello`)).text, "the application's own")
      half.destroy()
      yield* Fiber.join(closing)
      assert.include((yield* call(`${origin}/voice`)).text, "the application's own")
    }).pipe(Effect.scoped))

  it.live("attaches several backends to one server, each at its prefix", () =>
    Effect.gen(function*() {
      const server = Http.createServer(own)
      const origin = yield* listening(server)
      const scope = yield* Scope.make()
      yield* attach(server, { prefix: "/voice" }, Layer.fresh(talking))
      yield* Scope.provide(attach(server, { prefix: "/voice/sales/" }, Layer.fresh(talking)), scope)
      const [one, two] = [yield* session(`${origin}/voice`), yield* session(`${origin}/voice/sales`)]
      assert.strictEqual(two.headers.get("location"), `/voice/sales/v1/sessions/${two.json["id"]}`)
      const count = Effect.fnUntraced(function*(path: string) {
        return (yield* call(`${origin}${path}/v1/sessions`)).json["sessions"].map(({ id }: { readonly id: string }) =>
          id
        )
      })
      assert.deepStrictEqual(yield* count("/voice"), [one.json["id"]])
      assert.deepStrictEqual(yield* count("/voice/sales"), [two.json["id"]])
      const again = yield* Effect.flip(attach(server, { prefix: "/voice/sales" }))
      assert.match(String(again), /another backend is attached to this server at \/voice\/sales/)
      for (const json of [one.json, two.json]) assert.match(yield* talk(json), /good morning/)
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual((yield* call(`${origin}/voice/sales/v1/sessions`)).status, 404)
      assert.deepStrictEqual(yield* count("/voice"), [one.json["id"]])
    }).pipe(Effect.scoped))

  it.live("takes only the paths of its routes where it has no prefix", () =>
    Effect.gen(function*() {
      const server = Http.createServer(own)
      yield* attach(server, { console: false }, talking)
      const origin = yield* listening(server)
      assert.match(yield* talk((yield* session(origin)).json), /good morning/)
      for (const path of ["/", "/nope", "/v1/nope", "/%zz"]) {
        assert.strictEqual((yield* call(`${origin}${path}`)).headers.get("x-own"), "yes", path)
      }
      assert.strictEqual((yield* call(`${origin}/v1/providers?x=/nope`)).headers.get("x-own"), null)
    }).pipe(Effect.scoped))

  it.live("reads the path of a target that is a whole URL", () =>
    Effect.gen(function*() {
      const server = Http.createServer(own)
      yield* attach(server, {})
      const origin = yield* listening(server)
      for (const [target, status] of [["", 200], ["?x=1", 200], ["/health/live", 200], ["/nope", 404]] as const) {
        const answer = yield* raw(
          origin,
          `GET ${origin}${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`
        )
        assert.strictEqual(answer.includes("x-own"), status === 404, target)
      }
    }).pipe(Effect.scoped))

  it.live("guards its own routes, and closes on larger frames than 64 KiB", () =>
    Effect.gen(function*() {
      const server = Http.createServer(own)
      const key = "0123456789abcdef-one"
      yield* attach(server, {
        prefix: "/voice",
        apiKeys: [Redacted.make(key)],
        allowedOrigins: ["https://app.example"]
      })
      const origin = yield* listening(server)
      assert.strictEqual((yield* session(`${origin}/voice`)).status, 401)
      const headers = { authorization: `Bearer ${key}` }
      const created = yield* session(`${origin}/voice`, "websocket", { ...headers, origin: "https://app.example" })
      assert.deepStrictEqual([created.status, created.headers.get("access-control-allow-origin")], [
        201,
        "https://app.example"
      ])
      const evil = { ...headers, origin: "https://evil.example" }
      assert.strictEqual((yield* session(`${origin}/voice`, "websocket", evil)).status, 403)
      assert.strictEqual((yield* call(`${origin}/hello`, { headers: evil })).headers.get("x-frame-options"), null)
      const code = yield* Effect.callback<number>((resume) => {
        const socket = new WebSocket(created.json["connection_url"])
        socket.on("open", () => socket.send(Buffer.alloc(65_537))).on("error", () => {})
        socket.on("close", (code) => resume(Effect.succeed(code)))
      })
      assert.strictEqual(code, 1009)
    }).pipe(Effect.scoped))

  it.live("answers to this machine alone without keys, and says so", () =>
    Effect.gen(function*() {
      const lines: Array<string> = []
      const logger = Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))])
      const server = Http.createServer(own)
      yield* attach(server, { prefix: "/voice" }).pipe(Effect.provide(logger))
      yield* Effect.acquireRelease(
        Effect.callback<void>((resume) => void server.listen(0, "0.0.0.0", () => resume(Effect.void))),
        () => Effect.sync(() => server.close())
      )
      const address = server.address()
      const origin = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`
      assert.strictEqual((yield* session(`${origin}/voice`)).status, 201)
      const rebound = yield* raw(
        origin,
        "GET /voice/v1/sessions HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
      )
      assert.match(rebound, /^HTTP\/1\.1 403 [^]*host_not_allowed/)
      assert.match(lines.join("\n"), /listens on 0\.0\.0\.0 and the voice routes have no API authentication/)
      const open = yield* Effect.flip(attach(server, { prefix: "/open", host: "0.0.0.0" }))
      assert.match(String(open), /refusing to listen on 0\.0\.0\.0/)
    }).pipe(Effect.scoped))

  it.live("refuses what comes over another address than loopback, whatever name it gives", () =>
    Effect.gen(function*() {
      const server = Http.createServer(own)
      server.on("connection", (socket) => Object.defineProperty(socket, "localAddress", { value: "192.0.2.7" }))
      yield* attach(server, { prefix: "/voice" })
      yield* attach(server, { prefix: "/keyed", apiKeys: [Redacted.make("0123456789abcdef-one")] })
      const origin = yield* listening(server)
      const refused = yield* session(`${origin}/voice`)
      assert.deepStrictEqual([refused.status, refused.json["details"]], [403, { reason: "address_not_allowed" }])
      assert.strictEqual((yield* call(`${origin}/voice/health/live`)).status, 200)
      const headers = { authorization: "Bearer 0123456789abcdef-one" }
      assert.strictEqual((yield* session(`${origin}/keyed`, "websocket", headers)).status, 201)
    }).pipe(Effect.scoped))

  it.live("refuses what it cannot serve on", () =>
    Effect.gen(function*() {
      // what a program in JavaScript may pass
      const http2: unknown = Http2.createServer()
      const isServer = (server: unknown): server is Http.Server => typeof server === "object"
      assert(isServer(http2))
      assert.match(String(yield* Effect.flip(attach(http2, { prefix: "/voice" }))), /HTTP\/2 servers are not supported/)
      for (
        const prefix of ["/voice/:tenant", "voice", "/a//b", "/*", "/v?x", "/%76oice", "/.", "/..", "/a/../b", "/a/./"]
      ) {
        assert.match(String(yield* Effect.flip(attach(Http.createServer(), { prefix }))), /invalid prefix/, prefix)
      }
    }).pipe(Effect.scoped))
})
