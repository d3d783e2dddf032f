import { NodeHttpServer } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Layer, Logger, Redacted, Schema, Scope } from "effect"
import { HttpMiddleware, HttpRouter, HttpServer, HttpServerRequest, HttpServerResponse } from "effect/http"
import { HttpApi, HttpApiBuilder, HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import { NetAddress } from "effect/net"
import { TestClock } from "effect/testing"
import * as Http from "node:http"
import * as Net from "node:net"
import { WebSocket } from "ws"
import type { VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import * as Server from "../../src/server/index.ts"
import { everything, Recording } from "../telemetry/RecordingTracer.ts"
import { begun, redacted, talked } from "./Mounted.ts"
import { backend as scripted, call } from "./support.ts"
import { session, talk, talking } from "./Talking.ts"

/** A middleware of the application whose span lies between the server's and ours, and says all that it knows. */
const spans = HttpRouter.middleware(
  (app) =>
    Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) =>
      Effect.log(`before ${request.url}`).pipe(
        Effect.andThen(app),
        Effect.tap(Effect.annotateCurrentSpan({ after: request.originalUrl })),
        Effect.ensuring(Effect.log(`after ${request.url}`)),
        Effect.withSpan(`application ${request.url}`, {
          attributes: {
            path: request.url,
            headers: { ...request.headers },
            nested: [{ deep: [[request.originalUrl]] }]
          }
        })
      )),
  { global: true }
)

const own = HttpRouter.add("GET", "/hello", HttpServerResponse.text("the application's own"))

/** An application with a server of its own, on loopback unless told otherwise. */
const serve = <E, R>(routes: Layer.Layer<never, E, R>, host = "127.0.0.1") =>
  HttpRouter.serve(routes, { disableLogger: true, disableListenLog: true }).pipe(
    Layer.provideMerge(NodeHttpServer.layer(() => Http.createServer(), { host, port: 0 }))
  )

const application = (options: Server.RoutesOptions, backend: Layer.Layer<VoiceBackend, unknown> = scripted) =>
  Server.layerDrain.pipe(
    Layer.provideMerge(serve(Layer.mergeAll(own, Server.routes(options)))),
    Layer.provide(backend)
  )

const address = Effect.map(HttpServer.HttpServer, ({ address }) => NetAddress.formatUrlUnsafe(address))

describe("Server.routes", () => {
  it.live("mounts below a prefix, beside the application's own routes", () => {
    const recording = new Recording()
    return Effect.gen(function*() {
      const origin = yield* address
      const url = `${origin}/voice`
      const { json } = yield* talked(url)
      const webrtc = yield* session(url, "webrtc")
      assert.strictEqual(webrtc.json["connection_url"], `${url}/v1/sessions/${webrtc.json["id"]}/offer`)
      assert.strictEqual((yield* call(`${webrtc.json["connection_url"]}`, { method: "POST" })).status, 401)

      assert.strictEqual((yield* call(`${origin}/hello`)).text, "the application's own")
      const unknown = yield* call(`${origin}/voice/nope`)
      assert.deepStrictEqual([unknown.status, unknown.text], [404, ""])
      assert.strictEqual((yield* call(`${origin}/v1/sessions`)).status, 404)
      const wrong = yield* call(`${url}/v1/sessions`, { method: "PUT" })
      assert.deepStrictEqual([wrong.status, wrong.json["code"]], [405, "method_not_allowed"])
      assert.strictEqual(wrong.headers.get("allow"), "GET, HEAD, POST")
      const ready = yield* call(`${url}/health/ready`)
      // 503 where the machine is busy
      assert.include([200, 503], ready.status)
      assert.strictEqual(ready.headers.get("cache-control"), "no-store")
      assert.include((yield* call(`${url}/metrics`)).text, "process_cpu_seconds_total")
      return json["token"]
    }).pipe(
      Effect.scoped,
      Effect.provide(
        Server.layerDrain.pipe(
          Layer.provideMerge(serve(Layer.mergeAll(spans, own, Server.routes({ prefix: "/voice" })))),
          Layer.provide(talking)
        )
      ),
      // an application may trace all headers
      Effect.provideService(HttpMiddleware.TracerHeaderFilter, () => true),
      Effect.provide(Logger.layer([Logger.tracerLogger])),
      recording.provide,
      Effect.map((token) => {
        const text = everything(recording)
        const upgrades = recording.spans.filter(({ attributes }) => String(attributes["url.path"]).endsWith("/audio"))
        assert.strictEqual(upgrades.length, 2)
        const theirs = recording.spans.filter(({ attributes }) => String(attributes["path"]).includes("/audio"))
        assert.strictEqual(theirs.length, 2)
        const shown = theirs.map(({ attributes: { headers, path }, name }) => JSON.stringify({ name, path, headers }))
        assert.lengthOf(shown.filter((each) => /audio\?token=REDACTED.*audio\?token=REDACTED/u.test(each)), 1)
        assert.lengthOf(shown.filter((each) => each.includes("effect-voice.v1,token.REDACTED")), 1)
        for (const said of ["before", "after"]) {
          assert.match(text, new RegExp(`${said} [^ ]*/audio.token=REDACTED`, "u"))
        }
        assert.include(text, `"http.request.header.sec-websocket-protocol":"<redacted>"`)
        redacted(recording, [token])
      })
    )
  })

  it.live("shares a port with an HttpApi and a WebSocket of the application", () => {
    const recording = new Recording()
    const api = HttpApi.make("mine").add(
      HttpApiGroup.make("hours").add(HttpApiEndpoint.get("today", "/hours", { success: Schema.String }))
    )
    const handlers = HttpApiBuilder.group(
      api,
      "hours",
      (handlers) => handlers.handle("today", () => Effect.succeed("from noon"))
    )
    const socket = HttpRouter.add(
      "GET",
      "/own/socket",
      Effect.gen(function*() {
        const request = yield* HttpServerRequest.HttpServerRequest
        const socket = yield* request.upgrade
        // With it, the handshake is done.
        const reader = yield* socket.reader
        yield* (yield* socket.writer).write("the application's own")
        return yield* Effect.forever(reader.pull)
      }).pipe(Effect.scoped, Effect.orElseSucceed(() => HttpServerResponse.empty()))
    )
    const mine = HttpApiBuilder.layer(api, { openapiPath: "/openapi.json" }).pipe(Layer.provide(handlers))
    return Effect.gen(function*() {
      const scope = yield* Scope.make()
      const context = yield* Server.layerDrain.pipe(
        Layer.provideMerge(serve(Layer.mergeAll(mine, socket, Server.routes({ prefix: "/voice" })))),
        Layer.provide(talking),
        Layer.buildWithScope(scope)
      )
      const origin = yield* Effect.provideContext(address, context)
      assert.strictEqual((yield* call(`${origin}/hours`)).text, "\"from noon\"")
      assert.deepStrictEqual(Object.keys((yield* call(`${origin}/openapi.json`)).json["paths"]), ["/hours"])
      const greeting = yield* Effect.callback<string>((resume) => {
        const own = new WebSocket(`${origin}/own/socket`).on("error", () => {})
        own.on("message", (data: Buffer) => {
          own.terminate()
          resume(Effect.succeed(data.toString()))
        })
      })
      assert.strictEqual(greeting, "the application's own")
      const { json } = yield* talked(`${origin}/voice`)
      const { ended } = yield* begun(`${origin}/voice`)
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(yield* ended, "drained")
      return json["token"]
    }).pipe(
      Effect.scoped,
      recording.provide,
      Effect.map((token) => redacted(recording, [token]))
    )
  })

  it.live("mounts two backends in one router", () =>
    Effect.gen(function*() {
      const origin = yield* address
      const [one, two] = [yield* session(`${origin}/voice`), yield* session(`${origin}/sales`)]
      for (const { json, status } of [one, two]) {
        assert.strictEqual(status, 201)
        assert.match(yield* talk(json), /good morning/)
      }
      assert.strictEqual((yield* call(`${origin}/sales/v1/sessions/${one.json["id"]}`)).status, 404)
      assert.strictEqual((yield* call(`${origin}/sales/v1/sessions/${two.json["id"]}`)).status, 200)
    }).pipe(Effect.provide(serve(Layer.mergeAll(
      Server.routes({ prefix: "/voice" }).pipe(Layer.provide(Layer.fresh(talking))),
      Server.routes({ prefix: "/sales" }).pipe(Layer.provide(Layer.fresh(talking)))
    )))))

  it.live("loads the console and all that it imports below the prefix", () =>
    Effect.gen(function*() {
      const origin = yield* address
      const bare = yield* call(`${origin}/voice`)
      assert.strictEqual(bare.status, 301)
      assert.strictEqual(new URL(bare.headers.get("location")!, `${origin}/voice`).href, `${origin}/voice/`)
      for (const query of ["?x=/https:evil.example", "?x=/\\\\evil.example", "?url=wss://host/path"]) {
        assert.strictEqual((yield* call(`${origin}/voice/${query}`)).status, 200, query)
      }
      const page = new URL("/voice/", origin)
      const html = yield* call(page.href)
      assert.strictEqual(html.headers.get("content-type"), "text/html; charset=utf-8")
      assert.include(html.headers.get("content-security-policy")!, "script-src 'self'")
      const seen = new Set<string>()
      const load = Effect.fnUntraced(function*(file: URL): Effect.fn.Return<void> {
        if (seen.has(file.href)) return
        seen.add(file.href)
        const { headers, status, text } = yield* call(file.href)
        assert.strictEqual(status, 200, file.href)
        if (!file.href.endsWith(".js")) return
        assert.strictEqual(headers.get("content-type"), "text/javascript; charset=utf-8", file.href)
        assert.notMatch(text, /from ["'][^"']+\.ts["']/)
        for (const [, path = ""] of text.matchAll(/(?:from\s*|import\()["'](\.[^"']+)["']/g)) {
          yield* load(new URL(path, file))
        }
      })
      for (const [, path = ""] of html.text.matchAll(/(?:src|href)="([^"#]+)"/g)) yield* load(new URL(path, page))
      for (const name of ["console.js", "console.css", "icon.svg"]) {
        assert.isTrue(seen.has(`${origin}/voice/assets/console/${name}`), name)
      }
      assert.isTrue(seen.has(`${origin}/voice/client/VoiceClient.js`))
      assert.isTrue(Array.from(seen).every((href) => href.startsWith(`${origin}/voice/`)))
      const spec = (yield* call(`${origin}/voice/openapi.json`)).json
      assert.deepStrictEqual(spec["servers"], [{ url: "/voice" }])
      const icon = yield* call(`${origin}/voice/favicon.ico`)
      assert.strictEqual(
        new URL(icon.headers.get("location")!, `${origin}/voice/favicon.ico`).pathname,
        "/voice/assets/console/icon.svg"
      )
    }).pipe(Effect.provide(application({ prefix: "/voice/" }))))

  it.live("mounts at the root, and leaves unknown paths to the application", () =>
    Effect.gen(function*() {
      const origin = yield* address
      assert.strictEqual((yield* session(origin)).status, 201)
      assert.strictEqual((yield* call(`${origin}/hello`)).text, "the application's own")
      assert.strictEqual((yield* call(`${origin}/`)).status, 404)
      assert.strictEqual((yield* call(`${origin}/nope`)).text, "")
    }).pipe(Effect.provide(application({ console: false }))))

  it.live("adds the prefix to the public URL", () =>
    Effect.gen(function*() {
      const url = `${yield* address}/voice`
      const { headers, json } = yield* session(url)
      const path = `/v1/sessions/${json["id"]}`
      assert.strictEqual(json["connection_url"], `wss://voice.example/talk/voice${path}/audio`)
      assert.strictEqual(headers.get("location"), `/talk/voice${path}`)
      assert.deepStrictEqual((yield* call(`${url}/openapi.json`)).json["servers"], [
        { url: "https://voice.example/talk/voice" }
      ])
    }).pipe(Effect.provide(
      application({ prefix: "/voice", publicUrl: "https://voice.example/talk/", authentication: "none" })
    )))

  it.live("guards its own routes only", () =>
    Effect.gen(function*() {
      const origin = yield* address
      assert.strictEqual((yield* session(`${origin}/voice`)).status, 401)
      const key = { authorization: "Bearer 0123456789abcdef-one" }
      assert.strictEqual((yield* session(`${origin}/voice`, "websocket", key)).status, 201)
      const foreign = yield* session(`${origin}/voice`, "websocket", { ...key, origin: "https://evil.example" })
      assert.strictEqual(foreign.json["code"], "authorization_failed")
      const hello = yield* call(`${origin}/hello`, { headers: { origin: "https://evil.example" } })
      assert.strictEqual(hello.status, 200)
      assert.isNull(hello.headers.get("x-frame-options"))
    }).pipe(
      Effect.provide(application({ prefix: "/voice", apiKeys: [Redacted.make("0123456789abcdef-one")] }))
    ))

  it.effect("closes a refused upgrade that its peer leaves open, on the application's own server", () =>
    Effect.gen(function*() {
      const { port } = new URL(yield* address)
      const peer = yield* Effect.acquireRelease(
        Effect.sync(() => Net.connect({ port: Number(port), host: "127.0.0.1", allowHalfOpen: true })),
        (peer) => Effect.sync(() => peer.destroy())
      )
      let isClosed = false
      peer.on("error", () => {}).on("close", () => isClosed = true).resume()
      const ended = Effect.callback<void>((resume) => void peer.once("end", () => resume(Effect.void)))
      peer.write("GET /v1/providers HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
      yield* ended
      assert.isFalse(isClosed)
      yield* TestClock.adjust("2 minutes")
      // A write to a connection that is gone shows that it is.
      yield* Effect.callback<void>((resume) => {
        const timer = setInterval(() => peer.write("x"), 5)
        peer.once("close", () => {
          clearInterval(timer)
          resume(Effect.void)
        })
        return Effect.sync(() => clearInterval(timer))
      })
    }).pipe(Effect.provide(application({ apiKeys: [Redacted.make("0123456789abcdef-one")] }))))

  it.live("makes no spans of probes, below a prefix that ends with a slash too", () => {
    const recording = new Recording()
    return Effect.gen(function*() {
      const { url } = yield* Server.VoiceServer
      for (const path of ["health/live", "metrics", "v1/providers"]) {
        assert.strictEqual((yield* call(`${url}/voice/${path}`)).status, 200, path)
      }
    }).pipe(
      Effect.provide(Server.layer({ port: 0, prefix: "/voice/" }).pipe(Layer.provide(scripted))),
      recording.provide,
      Effect.map(() => {
        const paths = recording.spans.flatMap(({ attributes }) => attributes["url.path"] ?? [])
        assert.deepStrictEqual(paths, ["/voice/v1/providers"])
      })
    )
  })

  it.live("refuses a server on the network without authentication, unless the application authenticates", () =>
    Effect.gen(function*() {
      const open = (options: Server.RoutesOptions) =>
        Layer.build(
          serve(Server.routes({ prefix: "/voice", ...options }), "0.0.0.0").pipe(Layer.provide(scripted))
        ).pipe(Effect.scoped, Effect.exit)
      const refused = yield* open({})
      assert.isTrue(Exit.isFailure(refused))
      assert.match(JSON.stringify(refused), /api_keys/)
      assert.isTrue(Exit.isSuccess(yield* open({ authentication: "none" })))
      const behind = yield* Layer.build(
        serve(Server.routes({ publicUrl: "https://voice.example" })).pipe(Layer.provide(scripted))
      ).pipe(Effect.scoped, Effect.exit)
      assert.match(JSON.stringify(behind), /server\.public_url/)
      const wrong = yield* open({ prefix: "/voice/:tenant", authentication: "none" })
      assert.match(JSON.stringify(wrong), /invalid prefix/)
    }))

  it.live("refuses options that a config file could not have, wherever it is mounted", () =>
    Effect.gen(function*() {
      const apiKeys = [Redacted.make("0123456789abcdef-one")]
      // what the compiler does not see: a variable of the environment, a program in JavaScript
      const wrong: ReadonlyArray<readonly [options: object, fault: string]> = [
        [{ authentication: "key", host: "0.0.0.0" }, "server.authentication: expected \"none\" | \"keys\" | \"hook\""],
        [{ operations: "all" }, "server.operations: expected \"public\" | \"keys\""],
        [{ publicUrl: "voice.example", apiKeys }, "server.public_url: expected a URL"],
        [{ publicUrl: "", apiKeys }, "server.public_url: expected a URL"],
        [{ allowedOrigins: ["https://app.example/"], apiKeys }, "server.allowed_origins.0: expected an origin"],
        [{ allowedOrigins: ["*"], apiKeys }, "server.allowed_origins.0: expected an origin"],
        [{ trustedProxies: ["the proxy"], apiKeys }, "server.trusted_proxies.0: expected an address"],
        [{ apiKeys: [...apiKeys, Redacted.make("short")] }, "server.api_keys.1: expected at least 16 characters"],
        [{ apiKeys: ["0123456789abcdef-one"] }, "server.api_keys.0: expected Redacted"]
      ]
      for (const [options, fault] of wrong) {
        const refused = <A, E>(layer: Layer.Layer<A, E, VoiceBackend>) =>
          Layer.build(layer.pipe(Layer.provide(scripted))).pipe(Effect.scoped, Effect.flip, Effect.map(String))
        const errors = [
          yield* refused(Server.layer({ port: 0, ...options })),
          yield* refused(serve(Server.routes(options))),
          yield* refused(Server.attach(Http.createServer(), options))
        ]
        for (const error of errors) {
          assert.include(error, `InvalidConfig: the options of the server are not valid: ${fault}`)
        }
      }
    }))

  it.live("refuses a router that has one of its routes, and says which", () =>
    Effect.gen(function*() {
      const refused = (routes: Layer.Layer<never, unknown, HttpRouter.HttpRouter | VoiceBackend>) =>
        Layer.build(serve(routes).pipe(Layer.provide(scripted))).pipe(Effect.scoped, Effect.flip, Effect.map(String))
      const page = HttpRouter.add("GET", "/", HttpServerResponse.text("the application's own"))
      const root = yield* refused(Server.routes().pipe(Layer.provideMerge(page)))
      assert.match(root, /^InvalidConfig: .*'GET' already declared for route '\/'\. Mount them below a prefix, or/u)
      const voice = Server.routes({ prefix: "/voice" })
      const twice = yield* refused(Layer.fresh(voice).pipe(Layer.provideMerge(voice)))
      assert.match(twice, /^InvalidConfig: .*route '\/voice\/.*Mount them below another prefix/u)
    }))

  it.live("says that a middleware of the application has read a body", () => {
    const lines: Array<string> = []
    const reader = HttpRouter.middleware(
      (app) =>
        Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ text }) => Effect.andThen(Effect.ignore(text), app)),
      { global: true }
    )
    return Effect.gen(function*() {
      const created = yield* session(`${yield* address}/voice`)
      assert.deepStrictEqual([created.status, created.json["code"]], [500, "internal_error"])
      assert.match(lines.join("\n"), /a middleware of the application has read the request's body/u)
    }).pipe(
      Effect.provide(
        serve(Layer.mergeAll(reader, Server.routes({ prefix: "/voice" }))).pipe(
          Layer.provide(scripted),
          Layer.provideMerge(
            Logger.layer([Logger.make(({ cause, message }) => void lines.push(`${String(message)} ${String(cause)}`))])
          )
        )
      )
    )
  })

  it.live("drains calls while their sockets are open", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(application({}, talking), scope)
      const url = yield* Effect.provideContext(address, context)
      const { ended } = yield* begun(url)
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(yield* ended, "drained")
    }))
})
