import { assert, describe, it, layer } from "@effect/vitest"
import { Effect, Layer, Redacted, Ref, Schema } from "effect"
import * as Http from "node:http"
import * as Net from "node:net"
import { requireFreePort } from "../../src/server/Listening.ts"
import { VoiceServer } from "../../src/server/Server.ts"
import * as Server from "../../src/server/Server.ts"
import { ServerConfig } from "../../src/server/ServerConfig.ts"
import { backend, call, limits, Script, serve } from "./support.ts"

const post = (url: string, body: unknown, headers: Record<string, string> = {}) =>
  call(`${url}/v1/sessions`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body)
  })
const good = { user_id: "ada", transport: "websocket" }

type Answer = Effect.Success<ReturnType<typeof call>>

const isProblem = (response: Answer, status: number, code: string) => {
  assert.strictEqual(response.status, status, response.text)
  assert.strictEqual(response.headers.get("content-type"), "application/problem+json")
  assert.strictEqual(response.json["code"], code)
  assert.strictEqual(response.json["status"], status)
  for (const key of ["type", "title", "detail"]) assert.isString(response.json[key])
}

/** A request with headers that `fetch` does not let one set. */
const raw = (port: number, options: Http.RequestOptions) =>
  Effect.callback<{ readonly status: number; readonly headers: Http.IncomingHttpHeaders; readonly text: string }>(
    (resume) => {
      const request = Http.request({ host: "127.0.0.1", port, ...options }, (response) => {
        let text = ""
        response.on("data", (chunk: Buffer) => text += chunk.toString())
        response.on(
          "end",
          () => resume(Effect.succeed({ status: response.statusCode!, headers: response.headers, text }))
        )
      })
      request.on("upgrade", (response, socket) => {
        socket.destroy()
        resume(Effect.succeed({ status: response.statusCode!, headers: response.headers, text: "" }))
      })
      request.on("error", (cause) => resume(Effect.die(cause)))
      request.end()
    }
  )

/** The answer to these bytes, until the server closes the socket. */
const bare = (port: number, bytes: string) =>
  Effect.callback<string>((resume) => {
    let text = ""
    const socket = Net.connect(port, "127.0.0.1", () => socket.write(Buffer.from(bytes, "latin1")))
    socket.on("data", (chunk) => text += chunk.toString())
    socket.on("error", () => {})
    socket.on("close", () => resume(Effect.succeed(text)))
    return Effect.sync(() => socket.destroy())
  }).pipe(Effect.timeout("1 minute"))

const upgrade = {
  connection: "Upgrade",
  upgrade: "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA=="
}

describe("Server", () => {
  it.live("answers 405 below a prefix to a method that the router does not know", () =>
    Effect.gen(function*() {
      const { port } = yield* VoiceServer
      const odd = yield* raw(port, { method: "PROPFIND", path: "/voice/v1/sessions" })
      assert.deepStrictEqual([odd.status, odd.headers.allow], [405, "GET, HEAD, POST"])
      assert.strictEqual((yield* raw(port, { method: "PROPFIND", path: "/v1/sessions" })).status, 404)
    }).pipe(Effect.provide(serve({ prefix: "/voice" }))))

  layer(serve())("without keys", (it) => {
    it.effect("creates, lists, shows, patches and closes a session", () =>
      Effect.gen(function*() {
        const { url } = yield* VoiceServer
        const created = yield* post(url, {
          ...good,
          metadata: { a: 1, b: 2 },
          agent: "builtin",
          pipeline_type: "stt_tts"
        })
        assert.strictEqual(created.status, 201)
        const { connection_url, expires_at, id, state, token } = created.json
        assert.strictEqual(created.headers.get("location"), `/v1/sessions/${id}`)
        assert.strictEqual(connection_url, `${url.replace("http", "ws")}/v1/sessions/${id}/audio`)
        assert.deepEqual([token, expires_at, state], ["t0ken", 1_000, "idle"])
        const shown = yield* call(`${url}/v1/sessions/${id}`)
        assert.deepEqual(shown.json, {
          id,
          user_id: "ada",
          transport: "websocket",
          pipeline_type: "stt_tts",
          agent: "builtin",
          state: "idle",
          persistence_status: "active",
          metadata: { a: 1, b: 2 }
        })
        assert.notInclude(shown.text, "t0ken")
        const listed = yield* call(`${url}/v1/sessions`)
        assert.isTrue(listed.json["sessions"].some((session: { id: string }) => session.id === id))
        const patched = yield* call(`${url}/v1/sessions/${id}/metadata`, {
          method: "PATCH",
          headers: { "content-type": "application/merge-patch+json" },
          body: JSON.stringify({ a: null, c: [3] })
        })
        assert.deepEqual([patched.status, patched.json], [200, { b: 2, c: [3] }])
        assert.strictEqual((yield* call(`${url}/v1/sessions/${id}`, { method: "DELETE" })).status, 204)
        isProblem(yield* call(`${url}/v1/sessions/${id}`), 404, "session_not_found")
        isProblem(yield* call(`${url}/v1/sessions/${id}`, { method: "DELETE" }), 404, "session_not_found")
      }))

    it.effect("gives a WebRTC session an http URL", () =>
      Effect.gen(function*() {
        const { url } = yield* VoiceServer
        const { json } = yield* post(url, { ...good, transport: "webrtc" })
        assert.strictEqual(json["connection_url"], `${url}/v1/sessions/${json["id"]}/audio`)
      }))

    it.effect("returns the ICE servers of a WebRTC session", () =>
      Effect.gen(function*() {
        const { url } = yield* VoiceServer
        const { json } = yield* post(url, { ...good, transport: "webrtc" })
        assert.deepEqual(json["ice_servers"], [
          { urls: "stun:stun.example" },
          { urls: ["turn:turn.example"], username: "u", credential: "p" }
        ])
        assert.notProperty((yield* post(url, good)).json, "ice_servers")
        const { components, paths } = (yield* call(`${url}/openapi.json`)).json
        assert.property(components.schemas, "IceServer")
        assert.property(
          paths["/v1/sessions"].post.responses["201"].content["application/json"].schema.properties,
          "ice_servers"
        )
      }))

    it.effect("reports every fault of a request by its path", () =>
      Effect.gen(function*() {
        const { url } = yield* VoiceServer
        const response = yield* post(url, {
          transport: "pigeon",
          metadata: [],
          pipeline_type: "x",
          colour: "secret-red"
        })
        isProblem(response, 400, "invalid_config")
        const paths = response.json["details"].faults.map((fault: { path: string }) => fault.path).sort()
        assert.deepEqual(paths, ["colour", "metadata", "pipeline_type", "transport", "user_id"])
        assert.notInclude(response.text, "secret-red")
        for (const body of ["", "{", "null", "[]", "\"x\"", "[".repeat(30_000)]) {
          isProblem(yield* post(url, body), 400, "invalid_config")
        }
        const id = (yield* post(url, good)).json["id"]
        const patch = (body: string) =>
          call(`${url}/v1/sessions/${id}/metadata`, {
            method: "PATCH",
            headers: { "content-type": "application/json" },
            body
          })
        isProblem(yield* patch("[1]"), 400, "invalid_config")
        isProblem(yield* patch("{\"refuse\":true}"), 400, "invalid_config")
        isProblem(yield* patch(JSON.stringify({ a: "x".repeat(20_000) })), 400, "invalid_config")
        isProblem(
          yield* call(`${url}/v1/sessions/nobody/metadata`, {
            method: "PATCH",
            body: "{}",
            headers: { "content-type": "application/json" }
          }),
          404,
          "session_not_found"
        )
      }))

    it.effect("refuses bodies that are too large, encoded, or not JSON", () =>
      Effect.gen(function*() {
        const { url } = yield* VoiceServer
        isProblem(yield* post(url, { ...good, user_id: "x".repeat(70_000) }), 413, "payload_too_large")
        const chunked = new ReadableStream<Uint8Array>({
          pull(controller) {
            controller.enqueue(new Uint8Array(32_768).fill(0x20))
          }
        })
        const response = yield* call(`${url}/v1/sessions`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: chunked,
          duplex: "half"
        } as RequestInit)
        isProblem(response, 413, "payload_too_large")
        isProblem(yield* post(url, good, { "content-type": "text/plain" }), 415, "unsupported_media_type")
        isProblem(yield* post(url, good, { "content-encoding": "gzip" }), 415, "unsupported_media_type")
      }))

    it.effect("answers malformed requests with problems", () =>
      Effect.gen(function*() {
        const { port } = yield* VoiceServer
        const host = "host: localhost\r\n"
        for (
          const [bytes, status, code] of [
            ["\x16\x03\x01\x02\r\n\r\n", 400, "malformed_request"],
            ["GET /v1/sessions HTTP/1.1\r\nconnection: close\r\n\r\n", 400, "malformed_request"],
            [`POST /v1/sessions HTTP/1.1\r\n${host}content-length: -5\r\n\r\n`, 400, "malformed_request"],
            [`GET / HTTP/1.1\r\n${host}x: ${"x".repeat(20_000)}\r\n\r\n`, 431, "headers_too_large"],
            [`GET / HTTP/1.1\r\n${host}expect: banana\r\nconnection: close\r\n\r\n`, 417, "expectation_failed"]
          ] as const
        ) {
          const text = yield* bare(port, bytes)
          assert.match(text, new RegExp(`^HTTP/1.1 ${status} `), bytes.slice(0, 80))
          assert.match(text, /\r\ncontent-type: application\/problem\+json\r\n/)
          assert.include(JSON.parse(text.slice(text.indexOf("{"), text.lastIndexOf("}") + 1)), { status, code })
        }
      }))

    it.effect("answers unknown routes and wrong methods with problems", () =>
      Effect.gen(function*() {
        const { port, url } = yield* VoiceServer
        for (
          const path of [
            "/nope",
            "/v1",
            "/v1/sessions/a/b/c",
            "/assets/console/../../package.json",
            "/assets/console/nope.js",
            "/client/%2e%2e%2fx.js",
            `/v1/sessions/${"x".repeat(300)}/nope`
          ]
        ) {
          isProblem(yield* call(`${url}${path}`), 404, "route_not_found")
        }
        for (
          const [method, path, allow] of [["PUT", "/v1/sessions", "GET, HEAD, POST"], [
            "POST",
            "/health/live",
            "GET, HEAD"
          ], ["GET", "/v1/sessions/a/offer", "POST"]] as const
        ) {
          const response = yield* call(`${url}${path}`, { method })
          isProblem(response, 405, "method_not_allowed")
          assert.strictEqual(response.headers.get("allow"), allow)
        }
        const odd = yield* raw(port, { method: "PROPFIND", path: "/v1/sessions" })
        assert.deepStrictEqual([odd.status, odd.headers.allow], [405, "GET, HEAD, POST"])
        const bad = yield* raw(port, { path: "/v1/sessions/%zz" })
        assert.isTrue(bad.status === 404 || bad.status === 400, String(bad.status))
        assert.match(String(bad.headers["content-type"]), /problem\+json/)
      }))

    it.effect("keeps the text of a defect to itself", () =>
      Effect.gen(function*() {
        const { url } = yield* VoiceServer
        const response = yield* post(url, { ...good, user_id: "defect" })
        isProblem(response, 500, "internal_error")
        assert.notInclude(response.text, "secret defect")
      }))

    it.effect("lists the providers and what the backend runs, documents itself, and has metrics", () =>
      Effect.gen(function*() {
        const { url } = yield* VoiceServer
        const { json } = yield* call(`${url}/v1/providers`)
        assert.deepEqual(json["active"], {
          provider: "scripted",
          pipeline_type: "stt_tts",
          agent: "builtin",
          engines: { stt: "moonshine", tts: "flite", vad: "silero" }
        })
        assert.strictEqual(json["providers"][0].capabilities.min_latency_ms, 20)
        const paths = Object.keys((yield* call(`${url}/openapi.json`)).json["paths"])
        for (
          const path of [
            "/v1/sessions",
            "/v1/sessions/{id}",
            "/v1/sessions/{id}/metadata",
            "/v1/providers",
            "/health/ready"
          ]
        ) {
          assert.include(paths, path)
        }
        assert.deepEqual((yield* call(`${url}/openapi.json`)).json["security"], [{}, { apiKey: [] }, { userToken: [] }])
        const { delete: close, get } = (yield* call(`${url}/openapi.json`)).json["paths"]["/v1/sessions/{id}"]
        for (const { responses } of [close, get]) {
          assert.includeMembers(Object.keys(responses), ["401", "403", "404", "429"])
          assert.isDefined(responses["429"].headers["Retry-After"].schema)
          assert.isUndefined(responses["404"].headers)
        }
        assert.include((yield* call(`${url}/docs`)).text, "swagger-ui")
        assert.strictEqual((yield* call(`${url}/metrics`)).status, 200)
        assert.deepEqual((yield* call(`${url}/health/live`)).json, { status: "alive" })
      }))

    it.effect("serves the console and the client as JavaScript, with a strict Content-Security-Policy", () =>
      Effect.gen(function*() {
        const { url } = yield* VoiceServer
        const page = yield* call(`${url}/`)
        assert.strictEqual(page.status, 200)
        const policy = page.headers.get("content-security-policy") ?? ""
        assert.include(policy, "script-src 'self'")
        assert.notInclude(policy, "unsafe")
        assert.strictEqual(page.headers.get("x-content-type-options"), "nosniff")
        const script = yield* call(`${url}/client/index.js`)
        assert.strictEqual(script.headers.get("content-type"), "text/javascript; charset=utf-8")
        assert.notMatch(script.text, /from ["'][^"']+\.ts["']/)
        const again = yield* call(`${url}/client/index.js`, {
          headers: { "if-none-match": script.headers.get("etag")! }
        })
        assert.strictEqual(again.status, 304)
        assert.strictEqual((yield* call(`${url}/assets/console/console.js`)).status, 200)
        assert.match((yield* call(`${url}/v1/sessions`)).headers.get("content-security-policy")!, /default-src 'none'/)
      }))

    it.effect("refuses changes and WebSockets to pages of other origins", () =>
      Effect.gen(function*() {
        const { port, url } = yield* VoiceServer
        isProblem(yield* post(url, good, { origin: "https://evil.example" }), 403, "authorization_failed")
        isProblem(yield* post(url, good, { origin: "null" }), 403, "authorization_failed")
        assert.strictEqual((yield* post(url, good, { origin: url })).status, 201)
        assert.strictEqual(
          (yield* call(`${url}/health/live`, { headers: { origin: "https://evil.example" } })).status,
          200
        )
        const path = "/v1/sessions/s1/audio"
        assert.strictEqual(
          (yield* raw(port, { path, headers: { ...upgrade, origin: "https://evil.example" } })).status,
          403
        )
        assert.strictEqual((yield* raw(port, { path, headers: { ...upgrade, origin: url } })).status, 101)
        assert.strictEqual((yield* raw(port, { path, headers: upgrade })).status, 101)
        const rebound = yield* raw(port, {
          path: "/v1/sessions",
          headers: { host: "evil.example", origin: "http://evil.example" }
        })
        assert.strictEqual(rebound.status, 403)
      }))
  })

  it.effect("sends Retry-After", () =>
    Effect.gen(function*() {
      const { url } = yield* VoiceServer
      const { createFails } = yield* Script
      yield* Ref.set(createFails, limits.limit)
      const limit = yield* post(url, good)
      isProblem(limit, 503, "session_limit_exceeded")
      assert.isAbove(Number(limit.headers.get("retry-after")), 0)
      yield* Ref.set(createFails, limits.rate)
      const rate = yield* post(url, good)
      isProblem(rate, 429, "rate_limit_exceeded")
      assert.strictEqual(rate.headers.get("retry-after"), "13")
      yield* Ref.set(createFails, limits.pipeline)
      isProblem(yield* post(url, good), 500, "pipeline_error")
    }).pipe(Effect.provide(serve())))

  it.effect("is ready only while new sessions are accepted", () =>
    Effect.gen(function*() {
      const { url } = yield* VoiceServer
      const { health, ready } = yield* Script
      const probe = call(`${url}/health/ready`)
      assert.strictEqual((yield* probe).status, 200)
      yield* Ref.set(health, {
        status: "degraded",
        parts: [{ name: "stt", status: "degraded", cause: "slow" }],
        checkedAt: 0
      })
      assert.strictEqual((yield* probe).status, 200)
      yield* Ref.set(health, {
        status: "unhealthy",
        parts: [{ name: "stt", status: "unhealthy", cause: "gone" }],
        checkedAt: 0
      })
      const unhealthy = yield* probe
      assert.strictEqual(unhealthy.status, 503)
      assert.deepEqual(unhealthy.json["parts"], [{ name: "stt", status: "unhealthy", cause: "gone" }])
      yield* Ref.set(health, { status: "healthy", parts: [], checkedAt: 0 })
      yield* Ref.set(ready, false)
      const draining = yield* probe
      assert.strictEqual(draining.status, 503)
      assert.match(draining.json["reason"], /draining/)
    }).pipe(Effect.provide(serve())))

  const keys = ["0123456789abcdef-one", "0123456789abcdef-two"]
  it.effect("requires a key if there are keys, except on a session's own routes", () =>
    Effect.gen(function*() {
      const { port, url } = yield* VoiceServer
      const refused = yield* post(url, good)
      isProblem(refused, 401, "authentication_failed")
      assert.match(refused.headers.get("www-authenticate")!, /Bearer/)
      isProblem(yield* post(url, good, { authorization: "Bearer 0123456789abcdef-off" }), 401, "authentication_failed")
      isProblem(yield* post(url, good, { authorization: `Basic ${keys[0]}` }), 401, "authentication_failed")
      for (const key of keys) {
        assert.strictEqual((yield* post(url, good, { authorization: `Bearer ${key}` })).status, 201)
      }
      for (
        const path of [
          "//v1/sessions",
          "/%761/sessions",
          "/v1/sessions/",
          "/v1/sessions/s1;/audio",
          "/v1/sessions/s1%3F/",
          "/v1/providers",
          "/V1/sessions"
        ]
      ) {
        assert.strictEqual((yield* raw(port, { path })).status, 401, path)
      }
      assert.strictEqual((yield* call(`${url}/v1/sessions/s1/offer`, { method: "POST" })).status, 200)
      // with keys, the Host header may be anything
      assert.strictEqual((yield* raw(port, { path: "/", headers: { host: "no such host" } })).status, 200)
      for (const path of ["/", "/health/live", "/metrics", "/docs"]) {
        assert.strictEqual((yield* call(`${url}${path}`)).status, 200, path)
      }
    }).pipe(Effect.provide(serve({ apiKeys: keys.map((key) => Redacted.make(key)) }))))

  it.effect("allows configured origins, and answers CORS preflights", () =>
    Effect.gen(function*() {
      const { url } = yield* VoiceServer
      const origin = "https://app.example"
      const response = yield* post(url, good, { origin })
      assert.strictEqual(response.status, 201)
      assert.strictEqual(response.headers.get("access-control-allow-origin"), origin)
      assert.strictEqual(
        response.json["connection_url"],
        `wss://voice.example/v1/sessions/${response.json["id"]}/audio`
      )
      const preflight = { "access-control-request-method": "POST" }
      const asked = yield* call(`${url}/v1/sessions`, { method: "OPTIONS", headers: { origin, ...preflight } })
      assert.strictEqual(asked.status, 204)
      assert.include(asked.headers.get("access-control-allow-methods")!, "POST")
      const foreign = yield* call(`${url}/v1/sessions`, {
        method: "OPTIONS",
        headers: { origin: "https://evil.example", ...preflight }
      })
      assert.strictEqual(foreign.status, 403)
      isProblem(yield* post(url, good, { origin: "https://evil.example" }), 403, "authorization_failed")
    }).pipe(Effect.provide(
      serve({ allowedOrigins: ["https://app.example"], publicUrl: "https://voice.example", authentication: "none" })
    )))

  it.effect("makes URLs below the public URL, with its path", () =>
    Effect.gen(function*() {
      const { url } = yield* VoiceServer
      const socket = yield* post(url, good)
      const path = `/v1/sessions/${socket.json["id"]}`
      assert.strictEqual(socket.json["connection_url"], `wss://voice.example:8443/talk${path}/audio`)
      assert.strictEqual(socket.headers.get("location"), `/talk${path}`)
      const { json } = yield* post(url, { ...good, transport: "webrtc" })
      assert.match(json["connection_url"], /^https:\/\/voice\.example:8443\/talk\/v1\//)
    }).pipe(Effect.provide(serve({ publicUrl: "https://voice.example:8443/talk/", authentication: "none" }))))

  it.effect("validates the public URL", () =>
    Effect.gen(function*() {
      const decode = Schema.decodeUnknownEffect(ServerConfig)
      for (
        const url of ["ftp://x", "voice.example", "https://u:p@voice.example", "https://voice.example/?a", "http://x/#"]
      ) {
        assert.match(String(yield* Effect.flip(decode({ public_url: url }))), /http:\/\//, url)
      }
      assert.strictEqual(
        (yield* decode({ public_url: "https://voice.example/a" })).publicUrl,
        "https://voice.example/a"
      )
    }))

  it.effect("refuses to listen on the network without authentication, and says what to do", () =>
    Effect.gen(function*() {
      for (const host of ["0.0.0.0", "::", "192.168.0.1", "voice.example"]) {
        const error = yield* Effect.flip(Effect.scoped(Layer.build(serve({ host }))))
        assert.strictEqual(error._tag, "InvalidConfig")
        assert.match(error.message, /api_keys/)
      }
    }))

  it.effect("reports a port in use", () =>
    Effect.gen(function*() {
      const taken = yield* Effect.acquireRelease(
        Effect.callback<Net.Server>((resume) => {
          const server = Net.createServer().listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
        }),
        (server) => Effect.sync(() => server.close())
      )
      const address = taken.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      const config = yield* Schema.decodeEffect(ServerConfig)({ port })
      for (const early of [Effect.asVoid(Layer.build(serve({ port }))), requireFreePort(config)]) {
        const error = yield* Effect.flip(Effect.scoped(early))
        assert.strictEqual(error._tag, "ConnectionFailed")
        assert.strictEqual(error.details?.["reason"], "port_in_use")
      }
      yield* Effect.callback<void>((resume) => void taken.close(() => resume(Effect.void)))
      // The check does not keep the port.
      yield* requireFreePort(config)
      yield* Effect.scoped(Layer.build(serve({ port })))
    }))

  it.live("drains the backend first, then closes open sockets, in bounded time", () =>
    Effect.gen(function*() {
      const log = yield* Effect.scoped(Effect.gen(function*() {
        const context = yield* Layer.build(
          Server.layer({ port: 0, grace: "50 millis" }).pipe(Layer.provideMerge(backend))
        )
        const { log, port } = yield* Effect.gen(function*() {
          const { log } = yield* Script
          const { port } = yield* VoiceServer
          return { log, port }
        }).pipe(Effect.provideContext(context))
        // A client that neither finishes its request nor closes its socket.
        const socket = Net.connect(port, "127.0.0.1")
        socket.on("error", () => {})
        socket.on("close", () => log.push("closed"))
        socket.write("POST /v1/sessions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n{")
        yield* Effect.callback<void>((resume) => void socket.once("connect", () => resume(Effect.void)))
        return log
      }))
      assert.strictEqual(log[0], "stop")
    }).pipe(Effect.timeout("1 minute")))
})
