import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Layer, Logger, Option, Redacted, Schema } from "effect"
import { VoiceServer } from "../../src/server/Server.ts"
import { requireAuthentication, ServerConfig } from "../../src/server/ServerConfig.ts"
import { call, serve } from "./support.ts"

const decode = Schema.decodeUnknownEffect(ServerConfig)

const outcome = (section: object) =>
  Effect.flatMap(decode(section), requireAuthentication).pipe(
    Effect.as("served"),
    Effect.catchTag("InvalidConfig", (error) => Effect.succeed(error.details?.["settings"]))
  )

/** Runs an effect with its log lines in a list. */
const logged = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const lines: Array<string> = []
    const logger = Logger.make<unknown, void>(({ message }) => void lines.push(String(message)))
    return Effect.map(Effect.provide(effect, Logger.layer([logger])), (value) => ({ lines, value }))
  })

const post = (url: string, host?: string) =>
  call(`${url}/v1/sessions`, {
    method: "POST",
    headers: { "content-type": "application/json", ...(host === undefined ? {} : { origin: `https://${host}` }) },
    body: JSON.stringify({ user_id: "u", transport: "websocket" })
  })

/** The links of the console page to what is for operators. */
const documentationLinks = (url: string) =>
  Effect.promise(async () => {
    const response = await fetch(url)
    const page = await response.text()
    assert.strictEqual(response.headers.get("content-type"), "text/html; charset=utf-8")
    assert.include(page, "<footer>")
    assert.strictEqual(
      (await fetch(url, { headers: { "if-none-match": response.headers.get("etag") ?? "" } })).status,
      304
    )
    return Array.from(page.matchAll(/href="(docs|openapi\.json|asyncapi\.json|metrics)"/g), ([, path]) => path)
  })

describe("a public server", () => {
  it.effect("is one with any setting that lets others than this machine in", () =>
    Effect.gen(function*() {
      for (
        const [section, settings] of [
          [{}, "served"],
          [{ host: "::1", public_url: "http://localhost:8080/talk" }, "served"],
          [{ allowed_origins: ["http://localhost:5173", "http://127.0.0.1:3000"] }, "served"],
          [{ host: "0.0.0.0" }, ["server.host"]],
          [{ public_url: "https://voice.example" }, ["server.public_url"]],
          [{ public_url: "https://localhost.evil.example" }, ["server.public_url"]],
          [{ trusted_proxies: ["127.0.0.1"] }, ["server.trusted_proxies"]],
          [{ allowed_origins: ["https://app.example"] }, ["server.allowed_origins"]],
          [{ host: "::", public_url: "http://10.0.0.1", trusted_proxies: ["::/0"] }, [
            "server.host",
            "server.public_url",
            "server.trusted_proxies"
          ]]
        ] as const
      ) {
        assert.deepStrictEqual(yield* outcome(section), settings, JSON.stringify(section))
        const keys = { ...section, api_keys: ["0123456789abcdef"] }
        for (const given of [keys, { ...section, authentication: "hook" }, { ...section, authentication: "none" }]) {
          assert.strictEqual(yield* outcome(given), "served", JSON.stringify(given))
        }
      }
      assert.match(String(yield* Effect.flip(decode({ allowed_origins: ["*"] }))), /origin/)
    }))

  it.effect("is refused by the layer as well, with what to do", () =>
    Effect.gen(function*() {
      for (const options of [{ publicUrl: "https://voice.example" }, { trustedProxies: ["127.0.0.0/8"] }]) {
        const cause = yield* Layer.build(serve(options)).pipe(Effect.scoped, Effect.sandbox, Effect.flip)
        const error = Option.getOrThrow(Cause.findErrorOption(cause))
        assert.strictEqual(error.code, "invalid_config")
        assert.match(error.message, /server\.(public_url|trusted_proxies).*api_keys.*none.*leave out/)
      }
    }))

  it.live("says in one log line that it has no authentication, and still knows its names", () =>
    Effect.gen(function*() {
      const publicUrl = "https://voice.example"
      const { lines } = yield* logged(
        Effect.gen(function*() {
          const { url } = yield* VoiceServer
          assert.strictEqual((yield* post(url, "voice.example")).status, 201)
          assert.strictEqual((yield* post(url, "evil.example")).status, 403)
        }).pipe(Effect.provide(serve({ publicUrl, authentication: "none" })))
      )
      assert.lengthOf(lines.filter((line) => /authentication is none/.test(line)), 1)
    }))

  it.live("has links to its documentation on the console page, as long as a browser can follow them", () =>
    Effect.gen(function*() {
      const { url } = yield* VoiceServer
      assert.deepStrictEqual(yield* documentationLinks(url), ["docs", "openapi.json", "asyncapi.json"])
    }).pipe(Effect.provide(serve({}))))

  it.live("puts what is for operators behind a key", () =>
    Effect.gen(function*() {
      const { url } = yield* VoiceServer
      const key = { headers: { authorization: "Bearer 0123456789abcdef" } }
      for (const path of ["/metrics", "/docs", "/openapi.json", "/asyncapi.json"]) {
        assert.strictEqual((yield* call(url + path)).status, 401, path)
        assert.strictEqual((yield* call(url + path, { headers: { authorization: "Bearer wrong" } })).status, 401, path)
        assert.strictEqual((yield* call(url + path, key)).status, 200, path)
      }
      assert.deepStrictEqual((yield* call(`${url}/health/ready`)).json, { status: "healthy", ready: true })
      assert.deepStrictEqual((yield* call(`${url}/health/ready`, key)).json["parts"], [])
      for (const path of ["/", "/health/live"]) assert.strictEqual((yield* call(url + path)).status, 200, path)
      assert.deepStrictEqual(yield* documentationLinks(url), [])
    }).pipe(Effect.provide(serve({ apiKeys: [Redacted.make("0123456789abcdef")], operations: "keys" }))))

  it.live("puts what is for operators on a second port, with the same rules", () =>
    Effect.gen(function*() {
      const { adminUrl = "", url } = yield* VoiceServer
      assert.notStrictEqual(adminUrl, url)
      for (const path of ["/metrics", "/docs", "/openapi.json", "/asyncapi.json"]) {
        assert.strictEqual((yield* call(url + path)).status, 404, path)
        assert.strictEqual((yield* call(adminUrl + path)).status, 200, path)
      }
      assert.deepStrictEqual((yield* call(`${url}/health/ready`)).json, { status: "healthy", ready: true })
      assert.deepStrictEqual((yield* call(`${adminUrl}/health/ready`)).json["parts"], [])
      for (const base of [url, adminUrl]) assert.strictEqual((yield* call(`${base}/health/live`)).status, 200)
      assert.strictEqual((yield* post(url)).status, 201)
      assert.strictEqual((yield* post(adminUrl)).status, 404)
      assert.strictEqual((yield* call(`${adminUrl}/`)).status, 404)
      assert.deepStrictEqual(yield* documentationLinks(url), [])
      assert.notInclude(JSON.stringify((yield* call(`${url}/nowhere`)).json), "/docs")
    }).pipe(Effect.provide(serve({ adminPort: 0 }))))

  it.live("closes the second port after the drain, and names it when it is taken", () =>
    Effect.gen(function*() {
      const adminUrl = yield* Effect.scoped(Effect.gen(function*() {
        const context = yield* Layer.build(serve({ adminPort: 0 }))
        const server = yield* Effect.provideContext(VoiceServer, context)
        const port = Number(new URL(server.adminUrl ?? "").port)
        const error = yield* Effect.flip(Effect.scoped(Layer.build(serve({ adminPort: port }))))
        assert.strictEqual(error.details?.["reason"], "port_in_use")
        assert.match(error.message, /server\.admin_port/)
        return server.adminUrl ?? ""
      }))
      assert.isTrue(yield* Effect.promise(() => fetch(adminUrl).then(() => false, () => true)))
    }))

  it.effect("refuses settings that contradict each other", () =>
    Effect.gen(function*() {
      for (const options of [{ operations: "keys" }, { port: 9_999, adminPort: 9_999 }] as const) {
        const error = yield* Effect.flip(Effect.scoped(Layer.build(serve(options))))
        assert.strictEqual(error.code, "invalid_config")
        assert.match(error.message, /server\.(operations|admin_port)/)
      }
    }))
})
