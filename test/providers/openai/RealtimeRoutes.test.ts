/** The routes of OpenAI's Realtime API: who is let in, as whom, to which agent, and what becomes of the session. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted, Result, Schedule } from "effect"
import { AuthenticationFailed } from "../../../src/BackendError.ts"
import { AuthHook } from "../../../src/hooks/AuthHook.ts"
import { parse } from "../../../src/schema/Json.ts"
import { at, connect, type RealtimeServer, silence, speech, start } from "./RealtimeServer.ts"

const KEY = "a-key-of-the-operator-0123456789"
const keys = { apiKeys: [Redacted.make(KEY)] }
const bearer = (key: string) => ({ headers: { authorization: `Bearer ${key}` } })
const page = (key: string) => ({
  protocols: ["realtime", `openai-insecure-api-key.${key}`, "openai-agents-sdk.0.20.0"]
})

/** Knows the users ann and bob by their tokens. */
const hook = Layer.succeed(AuthHook, {
  authenticate: (token) =>
    token === "token-of-ann" || token === "token-of-bob"
      ? Effect.succeed({ userId: token.slice(9), authorized: true, tenant: "acme", metadata: { plan: "gold" } })
      : Effect.fail(new AuthenticationFailed({ op: "test", message: `unknown: ${token}` })),
  authorize: (userId) => Effect.succeed(userId !== "bob")
})

const refused = <A, R>(effect: Effect.Effect<A, unknown, R>) =>
  Effect.map(
    Effect.result(effect),
    (result) => Result.isSuccess(result) ? assert.fail("was not refused") : result.failure
  )

const post = (server: RealtimeServer, body: unknown, key?: string, headers: Record<string, string> = {}) =>
  Effect.promise(async () => {
    const response = await fetch(`${server.url}/v1/realtime/client_secrets`, {
      method: "POST",
      headers: { "content-type": "application/json", ...(key === undefined ? {} : bearer(key).headers), ...headers },
      body: typeof body === "string" ? body : JSON.stringify(body)
    })
    return { status: response.status, headers: response.headers, body: parse(await response.text()) }
  })

const secretOf = (server: RealtimeServer, body: unknown, key?: string, headers: Record<string, string> = {}) =>
  Effect.map(post(server, body, key, headers), ({ body, status }) => {
    assert.strictEqual(status, 200, JSON.stringify(body))
    return String(at(body, "value"))
  })

/** Holds once the number of sessions is this. */
const sessions = (server: RealtimeServer, count: number) =>
  server.backend.activeSessionCount.pipe(
    Effect.flatMap((now) => now === count ? Effect.void : Effect.fail(`${now} sessions`)),
    Effect.retry({ schedule: Schedule.spaced("10 millis"), times: 3_000 }),
    Effect.orDie
  )

const only = (server: RealtimeServer) =>
  Effect.map(server.backend.listSessions, (all) => all.length === 1 ? all[0]! : assert.fail(`${all.length} sessions`))

describe("the Realtime API", () => {
  it.live("lets a key in by a header or a subprotocol, selects `realtime`, and refuses in OpenAI's form", () =>
    Effect.gen(function*() {
      const server = yield* start({ server: keys })
      for (const options of [bearer(KEY), { ...page(KEY), protocols: page(KEY).protocols.toReversed() }]) {
        const client = yield* connect(server, "?model=gpt-realtime", options)
        assert.strictEqual(client.socket.protocol, "protocols" in options ? "realtime" : "")
        const created = yield* client.until("session.created")
        assert.strictEqual(at(created, "session", "model"), "gpt-realtime")
        client.socket.close()
        yield* client.closed
      }
      for (
        const options of [{}, bearer("another-key-0123456789"), page("another-key-0123456789"), {
          protocols: ["realtime"]
        }, bearer("ek_a.b.c.d.e")]
      ) {
        const refusal = yield* refused(connect(server, "?model=gpt-realtime", options))
        assert.propertyVal(refusal, "status", 401)
        assert.nestedPropertyVal(refusal, "body.error.code", "invalid_api_key")
        assert.nestedPropertyVal(refusal, "body.error.type", "invalid_request_error")
        assert.notInclude(JSON.stringify(refusal), "another-key")
      }
      const plain = yield* Effect.promise(() => fetch(`${server.url}/v1/realtime`, bearer(KEY)))
      assert.strictEqual(plain.status, 426)
      const sideband = yield* refused(connect(server, "?call_id=rtc_1", bearer(KEY)))
      assert.nestedPropertyVal(sideband, "body.error.param", "call_id")
      assert.propertyVal(yield* refused(connect(server, `?model=${"m".repeat(300)}`, bearer(KEY))), "status", 400)
      const foreign = yield* refused(
        connect(server, "", { headers: { ...bearer(KEY).headers, origin: "https://evil.example" } })
      )
      assert.propertyVal(foreign, "status", 403)
      yield* sessions(server, 0)
    }).pipe(Effect.scoped))

  it.live("takes an agent by its name, one that the config has for the model, and the default one else", () =>
    Effect.gen(function*() {
      const server = yield* start({ openai: { models: { "gpt-realtime": { agent: "concierge" } } } })
      for (
        const [query, agent, name] of [
          ["?model=concierge", "concierge", "concierge"],
          ["?model=gpt-realtime", "concierge", "gpt-realtime"],
          ["?model=gpt-realtime-mini", undefined, "gpt-realtime-mini"],
          ["?model=__proto__", undefined, "__proto__"],
          ["", undefined, "echo"]
        ] as const
      ) {
        const client = yield* connect(server, query)
        const created = yield* client.until("session.created")
        assert.strictEqual(at(created, "session", "model"), name, query)
        const session = yield* only(server)
        assert.deepStrictEqual([session.id, session.config.agent], [at(created, "session", "id"), agent])
        client.socket.close()
        yield* sessions(server, 0)
      }
    }).pipe(Effect.scoped))

  it.live("ends the session of a client that closes, and gives it back to one that was lost", () =>
    Effect.gen(function*() {
      const server = yield* start({ server: keys })
      const lost = yield* connect(server, "", bearer(KEY))
      const created = yield* lost.until("session.created")
      const id = String(at(created, "session", "id"))
      const token = String(at(created, "session", "client_secret", "value"))
      lost.socket.terminate()
      for (const key of [KEY, `${token}x`, "ek_x"]) {
        assert.propertyVal(yield* refused(connect(server, `?session=${id}`, bearer(key))), "status", 401)
      }
      assert.propertyVal(yield* refused(connect(server, "?session=ses_other", bearer(token))), "status", 401)
      const back = yield* connect(server, `?session=${id}`, page(token))
      const again = yield* back.until("session.created")
      assert.strictEqual(at(again, "session", "id"), id)
      const { ended } = yield* only(server)
      back.socket.close(1000)
      assert.strictEqual(yield* ended, "user_ended")
      yield* sessions(server, 0)
      assert.propertyVal(yield* refused(connect(server, `?session=${id}`, bearer(token))), "status", 404)
    }).pipe(Effect.scoped))

  it.live("tells a client why its session ends, and closes with 1000; an event of more than 1 MiB closes with 1009", () =>
    Effect.gen(function*() {
      const server = yield* start()
      const client = yield* connect(server)
      yield* client.until("session.created")
      yield* server.backend.closeSession((yield* only(server)).id)
      assert.deepInclude(yield* client.closed, { code: 1000, reason: "session_ended" })

      const long = yield* connect(server)
      yield* long.until("session.created")
      long.send({ type: "input_audio_buffer.append", audio: "A".repeat(1_000_000) })
      long.send({ type: "session.update", session: { type: "realtime", instructions: "Be brief." } })
      assert.strictEqual(at(yield* long.until("session.updated"), "session", "instructions"), "Be brief.")
      long.send({ type: "input_audio_buffer.append", audio: "A".repeat(1_100_000) })
      assert.strictEqual((yield* long.closed).code, 1009)
    }).pipe(Effect.scoped))

  it.live("leaves no session behind, whenever a client closes", () =>
    Effect.gen(function*() {
      const server = yield* start({ words: Array.from({ length: 8 }, () => "hello") })
      const moments = [
        "",
        "session.created",
        "input_audio_buffer.speech_started",
        "response.created",
        "response.output_audio.delta"
      ]
      for (const moment of moments) {
        const client = yield* connect(server)
        client.send({ type: "input_audio_buffer.append", audio: speech(600) })
        client.send({ type: "input_audio_buffer.append", audio: silence(1_200) })
        if (moment !== "") yield* client.until(moment)
        client.socket.close()
        yield* client.closed
        yield* sessions(server, 0)
      }
    }).pipe(Effect.scoped))

  it.live("refuses beyond the limit of sessions, before the upgrade", () =>
    Effect.gen(function*() {
      const server = yield* start({ maxConcurrentSessions: 1 })
      const client = yield* connect(server)
      yield* client.until("session.created")
      const refusal = yield* refused(connect(server))
      assert.propertyVal(refusal, "status", 503)
      assert.nestedPropertyVal(refusal, "body.error.type", "server_error")
    }).pipe(Effect.scoped))
})

describe("client secrets", () => {
  it.live("let a page in as the user that the key's holder names, with the session that they chose", () =>
    Effect.gen(function*() {
      const server = yield* start({
        server: { ...keys, allowedOrigins: ["https://shop.example"], protocols: ["native", "openai"] },
        openai: { client_settings: "none" }
      })
      const session = {
        type: "realtime",
        model: "concierge",
        instructions: "Sell nothing.",
        audio: { output: { voice: "cedar" } }
      }
      const made = yield* post(server, { expires_after: { anchor: "created_at", seconds: 60 }, session }, KEY, {
        "openai-safety-identifier": "user-7",
        origin: "https://shop.example"
      })
      assert.strictEqual(made.status, 200)
      assert.strictEqual(made.headers.get("access-control-allow-origin"), "https://shop.example")
      assert.match(String(at(made.body, "value")), /^ek_/)
      assert.isNumber(at(made.body, "expires_at"))
      assert.strictEqual(at(made.body, "session", "instructions"), "Sell nothing.")
      const secret = String(at(made.body, "value"))
      const client = yield* connect(server, "?model=echo", {
        ...page(secret),
        headers: { origin: "https://shop.example", "openai-safety-identifier": "somebody-else" }
      })
      const created = yield* client.until("session.created")
      assert.strictEqual(at(created, "session", "model"), "concierge")
      assert.strictEqual(at(created, "session", "audio", "output", "voice"), "cedar")
      const { config } = yield* only(server)
      assert.deepStrictEqual([config.userId, config.agent], ["user-7", "concierge"])
      assert.strictEqual((yield* post(server, {}, secret)).status, 403)
    }).pipe(Effect.scoped))

  it.live("of users are made of their tokens, and their sessions are theirs", () =>
    Effect.gen(function*() {
      const server = yield* start({ server: { authentication: "hook", apiKeys: [Redacted.make(KEY)] }, hooks: hook })
      const direct = yield* connect(server, "", bearer("token-of-ann"))
      yield* direct.until("session.created")
      assert.strictEqual((yield* only(server)).config.userId, "ann")
      direct.socket.close()
      yield* sessions(server, 0)
      for (const [key, status] of [["token-of-eve", 401], ["token-of-bob", 403]] as const) {
        assert.propertyVal(yield* refused(connect(server, "", bearer(key))), "status", status)
        assert.strictEqual((yield* post(server, {}, key)).status, status)
      }
      assert.strictEqual((yield* post(server, {})).status, 401)
      const secret = yield* secretOf(server, {}, "token-of-ann", { "openai-safety-identifier": "bob" })
      const client = yield* connect(server, "", page(secret))
      yield* client.until("session.created")
      const { config } = yield* only(server)
      assert.deepInclude(config, { userId: "ann", tenant: "acme" })
      assert.propertyVal(config.metadata, "plan", "gold")
      client.socket.close()
      yield* sessions(server, 0)
      // a key says who the user is, and the hook what they may
      const byKey = yield* connect(server, "", {
        headers: { ...bearer(KEY).headers, "openai-safety-identifier": "carl" }
      })
      yield* byKey.until("session.created")
      assert.strictEqual((yield* only(server)).config.userId, "carl")
      const ofBob = yield* secretOf(server, {}, KEY, { "openai-safety-identifier": "bob" })
      assert.propertyVal(yield* refused(connect(server, "", page(ofBob))), "status", 403)
    }).pipe(Effect.scoped))

  it.live("are refused for requests that are not valid, with the parameter", () =>
    Effect.gen(function*() {
      const server = yield* start()
      for (
        const [body, code] of [
          ["", undefined],
          ["{}", undefined],
          ["{", "invalid_value"],
          ["[]", "invalid_value"],
          [{ expires_after: { seconds: 9 } }, "invalid_value"],
          [{ expires_after: { seconds: 7_201 } }, "invalid_value"],
          [{ session: { type: "other" } }, "invalid_value"],
          [{ session: { modalities: ["text"] } }, "unknown_parameter"],
          [{ session: { audio: { output: { speed: 9 } } } }, "invalid_value"],
          ["x".repeat(200_000), "invalid_value"]
        ] as const
      ) {
        const made = yield* post(server, body)
        assert.strictEqual(made.status, code === undefined ? 200 : 400, JSON.stringify(body).slice(0, 80))
        if (code !== undefined) {
          assert.strictEqual(at(made.body, "error", "code"), code, JSON.stringify(body).slice(0, 80))
        }
      }
    }).pipe(Effect.scoped))
})
