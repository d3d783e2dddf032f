import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Https from "node:https"
import * as Net from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"
import * as BackendConfig from "../../src/backend/config/BackendConfig.ts"
import { VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import { AuthenticationFailed } from "../../src/BackendError.ts"
import { AuthHook } from "../../src/hooks/AuthHook.ts"
import * as Local from "../../src/providers/local/index.ts"
import * as Faults from "../../src/schema/Faults.ts"
import * as Server from "../../src/server/Server.ts"
import * as SessionArchiveDirectory from "../../src/store/SessionArchiveDirectory.ts"
import * as ScriptedEngines from "../../src/testing/scripted/ScriptedEngines.ts"
import { echo } from "../session/Harness.ts"
import { call, neverOverloaded } from "./support.ts"

const KEY = "operator-key-0123456789"
const tokens: { readonly [token: string]: { readonly userId: string; readonly tenant?: string } } = {
  "ada-secret": { userId: "ada" },
  "bob-secret": { userId: "bob" },
  "other-ada-secret": { userId: "ada", tenant: "elsewhere" }
}
const hook = Layer.succeed(AuthHook, {
  authenticate: (token) => {
    const who = tokens[token]
    return who === undefined
      ? Effect.fail(new AuthenticationFailed({ op: "hook", message: `no such token: ${token}` }))
      : Effect.succeed({ ...who, authorized: true })
  },
  authorize: (userId, operation) => Effect.succeed(!(userId === "bob" && operation === "session.close"))
})

const backend = (limits: unknown = {}) =>
  Layer.unwrap(Effect.map(
    BackendConfig.decode({ provider: "local", pipeline_type: "s2s", s2s_provider: "x", rate_limits: limits }),
    ({ rateLimits }) => VoiceBackend.layerSttTts({ agent: echo, config: { rateLimits, overload: neverOverloaded } })
  )).pipe(Layer.provide([
    Local.layer,
    ScriptedEngines.layerVad(),
    ScriptedEngines.layerStt(["hello"]),
    ScriptedEngines.layerTts()
  ]))

const send = (url: string, method: string, path: string, token?: string, body?: object, more = {}) =>
  call(`${url}/v1/sessions${path}`, {
    method,
    headers: {
      "content-type": "application/json",
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...more
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) })
  })
const session = { user_id: "anyone", transport: "websocket" }

describe("access to the server", () => {
  it.live("with the application's hook, lets users act on their own sessions only, as far as the hook allows", () =>
    Effect.gen(function*() {
      const { url } = yield* Server.VoiceServer
      const created = yield* send(url, "POST", "", "ada-secret", session)
      assert.strictEqual(created.status, 201, created.text)
      const path = `/${created.json["id"]}`
      assert.strictEqual((yield* send(url, "GET", path, "ada-secret")).json["user_id"], "ada")
      assert.strictEqual((yield* send(url, "PATCH", `${path}/metadata`, "ada-secret", { a: 1 })).status, 200)
      for (const token of ["bob-secret", "other-ada-secret"]) {
        assert.strictEqual((yield* send(url, "GET", path, token)).json["code"], "session_not_found")
        assert.strictEqual((yield* send(url, "GET", `${path}/history`, token)).status, 404)
        assert.deepStrictEqual((yield* send(url, "GET", "", token)).json, { sessions: [] })
        assert.strictEqual((yield* send(url, "PATCH", `${path}/metadata`, token, { a: 2 })).status, 404)
      }
      assert.strictEqual((yield* send(url, "DELETE", path, "other-ada-secret")).status, 404)
      assert.strictEqual((yield* send(url, "DELETE", path, "bob-secret")).status, 403)
      for (const token of [undefined, "canary-guess"]) {
        for (
          const answer of [
            yield* send(url, "GET", path, token),
            yield* send(url, "GET", "", token),
            yield* send(url, "POST", "", token, session),
            yield* send(url, "DELETE", path, token)
          ]
        ) {
          assert.deepStrictEqual([answer.status, answer.json["code"]], [401, "authentication_failed"])
          assert.match(answer.headers.get("www-authenticate") ?? "", /^Bearer/)
          assert.notInclude(answer.text, "canary")
        }
      }
      // a caller with a key sees all sessions
      assert.lengthOf((yield* send(url, "GET", "", KEY)).json["sessions"], 1)
      assert.strictEqual((yield* send(url, "POST", "", KEY, session)).status, 401)
      assert.strictEqual((yield* send(url, "POST", "", KEY, { ...session, token: "bob-secret" })).status, 201)
      assert.strictEqual((yield* send(url, "DELETE", path, KEY)).status, 204)
    }).pipe(Effect.provide(
      Server.layer({ port: 0, host: "0.0.0.0", authentication: "hook", apiKeys: [Redacted.make(KEY)] }).pipe(
        Layer.provide(backend()),
        Layer.provide(hook)
      )
    )))

  it.live("refuses authentication by hook without a hook", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        Layer.build(Server.layer({ port: 0, authentication: "hook" }).pipe(Layer.provide(backend())))
      )
      assert.deepStrictEqual([error.code, error.details?.["missing"]], ["invalid_config", "AuthHook"])
    }).pipe(Effect.scoped))

  it.live("applies rate limits to each user behind a trusted proxy", () =>
    Effect.gen(function*() {
      const { url } = yield* Server.VoiceServer
      const from = (address: string) => send(url, "POST", "", undefined, session, { "x-forwarded-for": address })
      assert.strictEqual((yield* from("6.6.6.6, 192.0.2.1")).status, 201)
      const refused = yield* from("7.7.7.7, 192.0.2.1")
      assert.deepStrictEqual([refused.status, refused.json["code"]], [429, "rate_limit_exceeded"])
      assert.strictEqual(
        refused.headers.get("retry-after"),
        String(Math.ceil(refused.json["details"].retryAfterMs / 1_000))
      )
      assert.isAbove(refused.json["details"].retryAfterMs, 50_000)
      assert.strictEqual((yield* from("192.0.2.2")).status, 201)
    }).pipe(Effect.provide(
      Server.layer({ port: 0, trustedProxies: ["127.0.0.0/8"], authentication: "none" }).pipe(
        Layer.provide(backend({ create: { address: { limit: 1, window: "1m" } } }))
      )
    )))

  it.live("serves TLS, and names the invalid file", () =>
    Effect.gen(function*() {
      const dir = yield* Effect.acquireRelease(
        Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-voice-tls-"))),
        (dir) => Effect.sync(() => Fs.rmSync(dir, { recursive: true, force: true }))
      )
      const file = (name: string) => Path.join(dir, name)
      const pair = (name: string) =>
        execFileSync("openssl", [
          "req",
          "-x509",
          "-newkey",
          "ec",
          "-pkeyopt",
          "ec_paramgen_curve:prime256v1",
          "-nodes",
          "-days",
          "2",
          "-subj",
          "/CN=localhost",
          "-keyout",
          file(`${name}.key`),
          "-out",
          file(`${name}.pem`)
        ], { stdio: "ignore" })
      pair("one")
      pair("two")
      Fs.writeFileSync(file("text"), "canary-secret")
      const layer = (cert: string, key: string) =>
        Server.layer({ port: 0, tls: { cert: file(cert), key: file(key) } }).pipe(Layer.provide(backend()))
      for (
        const [cert, key, path] of [
          ["none", "one.key", "server.tls.cert"],
          ["text", "one.key", "server.tls.cert"],
          ["one.pem", "text", "server.tls.key"],
          ["one.pem", "two.key", "server.tls.key"]
        ] as const
      ) {
        const error = yield* Effect.flip(Layer.build(layer(cert, key)))
        assert.deepStrictEqual([error.code, Faults.fromError(error, "").map((fault) => fault.path)], [
          "invalid_config",
          [path]
        ])
        assert.notInclude(JSON.stringify(error), "canary")
      }
      yield* Effect.gen(function*() {
        const { port, url } = yield* Server.VoiceServer
        assert.match(url, /^https:/)
        const answer = yield* Effect.callback<string>((resume) => {
          const request = Https.request(`${url}/v1/sessions`, {
            method: "POST",
            rejectUnauthorized: false,
            headers: { "content-type": "application/json" }
          }, (response) => {
            let text = ""
            response.on("data", (chunk: Buffer) => text += chunk.toString())
            response.on("end", () => resume(Effect.succeed(text)))
          })
          request.end(JSON.stringify(session))
        })
        assert.include(answer, "\"connection_url\":\"wss://")
        // plain HTTP on a TLS port is closed
        yield* Effect.callback<void>((resume) => {
          const socket = Net.connect(port, "127.0.0.1", () => socket.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n"))
          socket.on("error", () => {})
          socket.on("close", () => resume(Effect.void))
          socket.resume()
        }).pipe(Effect.timeout("1 minute"))
      }).pipe(Effect.provide(layer("one.pem", "one.key")))
    }).pipe(Effect.scoped))
})

describe("recordings", () => {
  it.live("are listed and erased for a caller with a key, also after the session has ended", () =>
    Effect.gen(function*() {
      const path = yield* Effect.acquireRelease(
        Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "kept-"))),
        (made) => Effect.sync(() => Fs.rmSync(made, { recursive: true, force: true }))
      )
      const server = Server.layer({ port: 0, apiKeys: [Redacted.make(KEY)], authentication: "hook" }).pipe(
        Layer.provideMerge(
          Layer.unwrap(Effect.map(
            BackendConfig.decode({
              provider: "local",
              pipeline_type: "s2s",
              s2s_provider: "x",
              retention: { metadata: "1h" }
            }),
            ({ retention }) =>
              VoiceBackend.layerSttTts({ agent: echo, config: { retention, overload: neverOverloaded } })
          )).pipe(Layer.provide([
            SessionArchiveDirectory.layer(path),
            Local.layer,
            ScriptedEngines.layerVad(),
            ScriptedEngines.layerStt(["hello"]),
            ScriptedEngines.layerTts()
          ]))
        ),
        Layer.provide(hook)
      )
      yield* Effect.gen(function*() {
        const { url } = yield* Server.VoiceServer
        const created = yield* send(url, "POST", "", "ada-secret", { ...session, metadata: { plan: "gold" } })
        const id = created.json["id"]
        const data = `/${id}/data`
        assert.strictEqual((yield* send(url, "DELETE", `/${id}`, KEY)).status, 204)
        const told = yield* send(url, "GET", data, KEY)
        assert.strictEqual(told.status, 200)
        assert.deepStrictEqual(told.json["kept"].map(({ file }: { readonly file: string }) => file), ["metadata.json"])
        // the session has ended: its user has no access to it
        assert.strictEqual((yield* send(url, "GET", data, "ada-secret")).status, 404)
        assert.strictEqual((yield* send(url, "DELETE", data, "bob-secret")).status, 403)
        assert.strictEqual((yield* send(url, "DELETE", data)).status, 401)
        assert.strictEqual((yield* send(url, "GET", "/..%2f..%2fetc/data", KEY)).status, 400)
        assert.strictEqual((yield* send(url, "DELETE", data, KEY)).status, 204)
        assert.strictEqual((yield* send(url, "DELETE", data, KEY)).status, 404)
        assert.deepStrictEqual(Fs.readdirSync(path), [".secret"])
      }).pipe(Effect.provide(server))
    }))
})
