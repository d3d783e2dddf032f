/** Mounted routes are guarded as those of a server of their own. */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Redacted } from "effect"
import { HttpRouter, HttpServer } from "effect/http"
import { NetAddress } from "effect/net"
import * as Http from "node:http"
import { AuthenticationFailed } from "../../../src/BackendError.ts"
import { AuthHook } from "../../../src/hooks/AuthHook.ts"
import * as Server from "../../../src/server/index.ts"
import { listening } from "../Mounted.ts"
import { talking } from "../Talking.ts"

const key = "0123456789abcdef-one"
const keys = { apiKeys: [Redacted.make(key)] }
const settings: { readonly [name: string]: Omit<Server.RoutesOptions, "host" | "prefix"> } = {
  open: {},
  keys,
  "operations by key": { ...keys, operations: "keys" },
  origins: { ...keys, allowedOrigins: ["https://app.example"] },
  "public URL": { ...keys, publicUrl: "https://voice.example/apps" },
  hook: { authentication: "hook" },
  none: { authentication: "none", trustedProxies: ["127.0.0.1"] }
}

const backend = talking.pipe(Layer.provide(Layer.succeed(AuthHook, {
  authenticate: (token) =>
    token === "adas-token-0123456789"
      ? Effect.succeed({ userId: "ada", authorized: true })
      : Effect.fail(new AuthenticationFailed({ op: "test", message: "who is it?" })),
  authorize: () => Effect.succeed(true)
})))

type Request = readonly [method: string, path: string, headers?: Record<string, string>, body?: string]
const json = { "content-type": "application/json" }
const body = JSON.stringify({ user_id: "ada", transport: "websocket" })
const by = (name: string, value: string) => ({ [name]: value })
const credentials = [
  {},
  by("authorization", `Bearer ${key}`),
  by("authorization", "Bearer wrong-wrong-wrong-wrong"),
  by("authorization", "Bearer adas-token-0123456789"),
  by("origin", "https://app.example"),
  by("origin", "https://evil.example"),
  by("host", "evil.example"),
  { ...by("authorization", `Bearer ${key}`), ...by("origin", "https://app.example") }
]
const requests: ReadonlyArray<Request> = credentials.flatMap((headers): ReadonlyArray<Request> => [
  ["POST", "/v1/sessions", { ...json, ...headers }, body],
  ["POST", "/v1/sessions", headers, "{"],
  ["GET", "/v1/sessions", headers],
  ["PUT", "/v1/sessions", headers],
  ["GET", "/v1/sessions/none", headers],
  ["DELETE", "/v1/sessions/none", headers],
  ["GET", "/v1/sessions/none/audio", headers],
  ["POST", "/v1/sessions/none/offer", { ...headers, "content-type": "application/sdp" }, "v=0"],
  ["GET", "/v1/providers", headers],
  ["GET", "/health/live", headers],
  ["GET", "/metrics", headers],
  ["GET", "/", headers],
  ["OPTIONS", "/v1/sessions", { ...headers, "access-control-request-method": "POST" }],
  ["GET", "/v1/sessions/none/audio", { ...headers, connection: "Upgrade", upgrade: "websocket" }]
])

const shown = [
  "access-control-allow-origin",
  "access-control-allow-methods",
  "access-control-allow-headers",
  "allow",
  "cache-control",
  "content-security-policy",
  "content-type",
  "cross-origin-opener-policy",
  "cross-origin-resource-policy",
  "permissions-policy",
  "referrer-policy",
  "vary",
  "www-authenticate",
  "x-content-type-options",
  "x-frame-options"
]

/** What a request is answered: all that access decides. */
const ask = (url: string, [method, path, headers, body]: Request) =>
  Effect.callback<unknown>((resume) => {
    const { hostname, pathname, port } = new URL(`${url}${path}`)
    const request = Http.request({ hostname, port, method, path: pathname, headers: headers ?? {}, agent: false })
    request.on("error", (error) => resume(Effect.succeed(error.message)))
    request.on("response", (response) => {
      let text = ""
      response.on("data", (data: Buffer) => text += data.toString()).on("end", () => {
        const code = /"code":"(\w+)"/u.exec(text)?.[1]
        const reason = /"reason":"(\w+)"/u.exec(text)?.[1]
        const values = shown.map((name) => response.headers[name])
        resume(Effect.succeed({ status: response.statusCode, code, reason, values }))
      })
    })
    request.end(body)
  })

const answers = (url: string) => Effect.forEach(requests, (request) => ask(url, request), { concurrency: 8 })

describe("mounted routes", () => {
  for (const [name, options] of Object.entries(settings)) {
    it.live(`are guarded as those of a server of their own (${name})`, () =>
      Effect.gen(function*() {
        const own = yield* Layer.build(
          Server.layer({ port: 0, prefix: "/voice", ...options }).pipe(Layer.provide(Layer.fresh(backend)))
        )
        const expected = yield* answers(`${Context.get(own, Server.VoiceServer).url}/voice`)
        const router = yield* Layer.build(
          HttpRouter.serve(Server.routes({ prefix: "/voice", ...options }), {
            disableLogger: true,
            disableListenLog: true
          })
            .pipe(
              Layer.provideMerge(NodeHttpServer.layer(() => Http.createServer(), { host: "127.0.0.1", port: 0 })),
              Layer.provide(Layer.fresh(backend))
            )
        )
        const routed = NetAddress.formatUrlUnsafe(Context.get(router, HttpServer.HttpServer).address)
        const server = Http.createServer()
        yield* Layer.build(
          Server.attach(server, { prefix: "/voice", ...options }).pipe(Layer.provide(Layer.fresh(backend)))
        )
        const attached = yield* listening(server)
        const statuses = new Set(expected.map((answer) => JSON.stringify(answer)))
        assert.isAbove(statuses.size, 8)
        for (const [where, origin] of [["routes", routed], ["attach", attached]] as const) {
          const given = yield* answers(`${origin}/voice`)
          for (const [i, request] of requests.entries()) {
            assert.deepStrictEqual(given[i], expected[i], `${where}: ${JSON.stringify(request)}`)
          }
        }
      }).pipe(Effect.scoped))
  }
})
