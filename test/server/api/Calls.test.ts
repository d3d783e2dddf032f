/** Calls over HTTP: made by `POST /v1/calls`, controlled by `POST /v1/sessions/{id}/call`. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { VoiceBackend } from "../../../src/backend/VoiceBackend.ts"
import { AuthenticationFailed } from "../../../src/BackendError.ts"
import { AuthHook } from "../../../src/hooks/AuthHook.ts"
import { DoNotCall } from "../../../src/hooks/DoNotCall.ts"
import * as Server from "../../../src/server/Server.ts"
import { VoiceServer } from "../../../src/server/Server.ts"
import * as ScriptedCalls from "../../../src/testing/scripted/ScriptedCalls.ts"
import { layer } from "../../session/Harness.ts"
import { TestConnection } from "../../session/TestConnection.ts"
import { call, neverOverloaded } from "../support.ts"

const body = { to: "+442071838750", user_id: "ann" }

const post = (
  url: string,
  path: string,
  json: unknown,
  headers: { readonly [name: string]: string } = {}
) =>
  call(`${url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(json)
  })

const started = (
  options: ScriptedCalls.ScriptedCallsOptions = {},
  server: Server.ServerOptions = {},
  hooks: Layer.Layer<never> = Layer.empty
) => {
  const calls = ScriptedCalls.make(options)
  return {
    calls,
    live: Server.layer({ port: 0, ...server }).pipe(
      Layer.provideMerge(
        layer({ provider: calls.provider, config: { overload: neverOverloaded } }).pipe(Layer.provide(hooks))
      )
    )
  }
}

describe("POST /v1/calls", () => {
  it.live("makes a call and says where its session is", () => {
    const { calls, live } = started()
    return Effect.gen(function*() {
      const { url } = yield* VoiceServer
      const made = yield* post(url, "/v1/calls", {
        ...body,
        from: "+15005550006",
        metadata: { order: 7 },
        parameters: { list: "autumn" },
        ring_timeout: "20s",
        longest: "10m",
        machine: { detect: "own", on_machine: "leave_message", message: "Please call back." },
        policy: { greeting: "Hello." }
      })
      assert.strictEqual(made.status, 201)
      const { id } = made.json
      assert.deepStrictEqual(made.json, {
        id,
        state: "idle",
        carrier: "scripted",
        from: "+15005550006",
        to: "+442071838750"
      })
      assert.strictEqual(made.headers.get("location"), `/v1/sessions/${id}`)
      const [first] = calls.made
      assert.deepInclude(first?.session.config.call?.dial, {
        ringTimeoutMs: 20_000,
        longestMs: 600_000,
        machine: { detect: "own", onMachine: "leave_message", message: "Please call back." }
      })
      assert.strictEqual(first?.session.config.policy?.greeting, "Hello.")
      const shown = yield* call(`${url}/v1/sessions/${id}`)
      assert.deepStrictEqual(shown.json["call"], {
        carrier: "scripted",
        direction: "outbound",
        from: "+15005550006",
        to: "+442071838750"
      })
      assert.strictEqual((yield* call(`${url}/v1/sessions/${id}`, { method: "DELETE" })).status, 204)
      assert.isTrue(first?.isOver())
    }).pipe(Effect.provide(live))
  })

  it.live("makes one for each key, from the header or the body", () => {
    const { calls, live } = started()
    return Effect.gen(function*() {
      const { url } = yield* VoiceServer
      const keyed = (json: unknown, key: string) => post(url, "/v1/calls", json, { "idempotency-key": key })
      const all = yield* Effect.all([
        keyed(body, "order-7"),
        keyed(body, "\"order-7\""),
        post(url, "/v1/calls", { ...body, idempotency_key: "order-7" }),
        keyed({ ...body, idempotency_key: "order-7" }, "order-7")
      ], { concurrency: "unbounded" })
      assert.deepStrictEqual(all.map(({ status }) => status), [201, 201, 201, 201])
      assert.strictEqual(new Set(all.map(({ json }) => json["id"])).size, 1)
      assert.strictEqual(calls.made.length, 1)
      const other = yield* keyed({ ...body, to: "+442071838751" }, "order-7")
      assert.deepStrictEqual([other.status, other.json["code"], other.json["details"]], [
        409,
        "invalid_config",
        { reason: "idempotency_key_reused" }
      ])
      const two = yield* keyed({ ...body, idempotency_key: "order-8" }, "order-7")
      assert.strictEqual(two.status, 400)
      for (const bad of ["", "x".repeat(300), "two words"]) {
        assert.strictEqual((yield* keyed(body, bad)).status, 400, bad)
      }
      assert.strictEqual(calls.made.length, 1)
    }).pipe(Effect.provide(live))
  })

  it.live("says what is wrong with a request, and why it is refused", () => {
    const { calls, live } = started(
      { outbound: { maxConcurrentCalls: 1, allowedDestinations: ["+44"] } },
      {},
      Layer.succeed(DoNotCall, { mayCall: ({ to }) => Effect.succeed(to !== "+442071838759") })
    )
    return Effect.gen(function*() {
      const { url } = yield* VoiceServer
      const tell = (json: unknown) =>
        Effect.map(post(url, "/v1/calls", json), ({ headers, json, status }) => [
          status,
          json["code"],
          json["details"]?.["reason"] ?? json["details"]?.["faults"]?.[0]?.path,
          headers.get("retry-after")
        ])
      assert.deepStrictEqual(yield* tell({ user_id: "ann" }), [400, "invalid_config", "to", null])
      assert.deepStrictEqual(yield* tell({ ...body, to: "911" }), [400, "invalid_config", "to", null])
      assert.deepStrictEqual(yield* tell({ ...body, ring_timeout: "1s" }), [
        400,
        "invalid_config",
        "ring_timeout",
        null
      ])
      assert.deepStrictEqual(yield* tell({ ...body, ringTimeout: "30s" }), [400, "invalid_config", "ringTimeout", null])
      assert.deepStrictEqual(yield* tell({ ...body, to: "+12025550123" }), [
        403,
        "authorization_failed",
        "destination_not_allowed",
        null
      ])
      assert.deepStrictEqual(yield* tell({ ...body, to: "+442071838759" }), [
        403,
        "authorization_failed",
        "do_not_call",
        null
      ])
      assert.strictEqual((yield* post(url, "/v1/calls", body)).status, 201)
      assert.deepStrictEqual(yield* tell(body), [503, "session_limit_exceeded", "calls_full", "5"])
      assert.strictEqual(calls.made.length, 1)
    }).pipe(Effect.provide(live))
  })

  it.live("takes a user for themselves, who may be allowed to", () => {
    const Auth = Layer.succeed(AuthHook, {
      authenticate: (token) =>
        token === "ann" || token === "eve"
          ? Effect.succeed({ userId: token, authorized: true })
          : Effect.fail(new AuthenticationFailed({ op: "test", message: "no" })),
      authorize: (user, operation) => Effect.succeed(user === "ann" || !operation.startsWith("call."))
    })
    const { calls, live } = started({}, { authentication: "hook" }, Auth)
    return Effect.gen(function*() {
      const { url } = yield* VoiceServer
      const by = (user: string, json: unknown = body, path = "/v1/calls") =>
        post(url, path, json, { authorization: `Bearer ${user}` })
      assert.strictEqual((yield* by("nobody")).status, 401)
      assert.strictEqual((yield* by("eve")).status, 403)
      const made = yield* by("ann", { ...body, user_id: "somebody else" })
      assert.strictEqual(made.status, 201)
      assert.strictEqual(calls.made[0]?.session.config.userId, "ann")
      const path = `/v1/sessions/${made.json["id"]}/call`
      assert.strictEqual((yield* by("eve", { action: "hang_up" }, path)).status, 403)
      assert.strictEqual((yield* by("ann", { action: "hold", on: true }, path)).status, 204)
    }).pipe(Effect.provide(live))
  })

  it.live("is in the document of the API, with its conflict", () => {
    const { live } = started()
    return Effect.gen(function*() {
      const { url } = yield* VoiceServer
      const { json } = yield* call(`${url}/openapi.json`)
      const dial = json["paths"]["/v1/calls"]["post"]
      assert.includeMembers(Object.keys(dial.responses), ["201", "400", "403", "409", "429", "503"])
      assert.deepInclude(dial.parameters[0], { name: "idempotency-key", in: "header", required: false })
      assert.isDefined(json["paths"]["/v1/sessions/{id}/call"]["post"])
    }).pipe(Effect.provide(live))
  })
})

describe("POST /v1/sessions/{id}/call", () => {
  it.live("controls the call of a session", () => {
    const { calls, live } = started()
    return Effect.gen(function*() {
      const { url } = yield* VoiceServer
      const backend = yield* VoiceBackend
      const { json: { id } } = yield* post(url, "/v1/calls", body)
      const control = (command: unknown) => post(url, `/v1/sessions/${id}/call`, command)
      const connection = new TestConnection()
      calls.made[0]?.answer(connection)
      const session = yield* backend.getSession(id)
      while (!connection.types.includes("connection.attached")) yield* Effect.sleep(5)
      assert.strictEqual((yield* control({ action: "hold", on: true })).status, 204)
      assert.strictEqual((yield* control({ action: "hold", on: false })).status, 204)
      assert.strictEqual((yield* control({ action: "mute", on: true })).status, 204)
      assert.includeMembers(Array.from(connection.types), ["call.held", "call.resumed", "call.muted"])
      const unsupported = yield* control({ action: "transfer", target: "+442071838751" })
      assert.deepStrictEqual([unsupported.status, unsupported.json["details"]], [400, { reason: "unsupported" }])
      for (const wrong of [{}, { action: "fly" }, { action: "send_dtmf", digits: "abc" }, { action: "hold" }]) {
        assert.strictEqual((yield* control(wrong)).status, 400, JSON.stringify(wrong))
      }
      assert.strictEqual((yield* control({ action: "hang_up" })).status, 204)
      assert.strictEqual(yield* session.ended, "hung_up")
      assert.strictEqual((yield* control({ action: "hang_up" })).status, 404)
    }).pipe(Effect.provide(live))
  })
})
