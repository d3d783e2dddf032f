import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Result, Schedule } from "effect"
import { TestClock } from "effect/testing"
import { type IncomingMessage, request } from "node:http"
import * as net from "node:net"
import * as BackendConfig from "../../src/backend/config/BackendConfig.ts"
import { provider } from "../../src/providers/local/index.ts"
import type { SessionEvent } from "../../src/session/SessionEvent.ts"
import * as SessionTokens from "../../src/transport/SessionTokens.ts"
import { connect, heard, host, type LocalServer, start, type TestSession } from "./LocalServer.ts"

const audio = (server: LocalServer, id: string, query = "") =>
  `ws://127.0.0.1:${server.port}/v1/sessions/${id}/audio${query}`
const protocols = (session: TestSession) => ["effect-voice.v1", `token.${session.access.token}`]
const bearer = (session: { readonly access: Pick<TestSession["access"], "token"> }) => ({
  headers: { authorization: `Bearer ${session.access.token}` }
})

const base = { provider: "local", pipeline_type: "stt_tts", stt_provider: "none", tts_provider: "none" }

const pcm = (...samples: Array<number>) => Buffer.from(Int16Array.from(samples).buffer)
const event = (seq: number): SessionEvent => ({ type: "pong", seq, atMs: 5 })

const refused = <A, R>(effect: Effect.Effect<A, unknown, R>) =>
  Effect.map(Effect.result(effect), (result) => {
    if (Result.isSuccess(result)) return assert.fail("was not refused")
    return result.failure
  })

describe("local provider, WebSocket", () => {
  it.live("carries audio, messages and events both ways", () =>
    Effect.gen(function*() {
      const server = yield* start()
      const session = yield* server.open("s1")
      assert.strictEqual(session.access.connectionUrl, "/v1/sessions/s1/audio")
      const client = yield* connect(audio(server, "s1"), { protocols: protocols(session) })
      assert.strictEqual(client.socket.protocol, "effect-voice.v1")
      const { connection, listener } = yield* session.attached
      assert.deepStrictEqual(connection.format, { input: { sampleRate: 16_000 }, output: { sampleRate: 24_000 } })

      client.socket.send(pcm(1, -2, 32_767))
      client.socket.send(JSON.stringify({ type: "user.text", text: "hello" }))
      client.socket.send(pcm(-32_768))
      yield* heard(listener, (each) => each.samples === 4)
      assert.deepStrictEqual(listener.log, ["audio", "user.text", "audio"])
      assert.deepStrictEqual(listener.pcm, [1, -2, 32_767, -32_768])

      const frame = new Int16Array(480).fill(11)
      assert.isTrue(connection.send(frame))
      connection.notify(event(3))
      assert.deepStrictEqual(yield* client.next, Buffer.from(new Int16Array(480).fill(11).buffer))
      assert.strictEqual(yield* client.next, JSON.stringify({ type: "pong", seq: 3, at_ms: 5 }))
    }))

  it.live("takes the token from the subprotocol, the query or a bearer header", () =>
    Effect.gen(function*() {
      const server = yield* start()
      const session = yield* server.open("s1")
      yield* connect(audio(server, "s1"), { protocols: protocols(session).toReversed() })
      yield* connect(audio(server, "s1", `?token=${session.access.token}`))
      yield* connect(audio(server, "s1"), bearer(session))
      const connections = yield* Effect.all([session.attached, session.attached, session.attached])
      assert.strictEqual(new Set(connections.map(({ connection }) => connection.id)).size, 3)
    }))

  it.live("refuses a bad token with 401, an unknown session with 404 and bad rates with 400, and goes on", () =>
    Effect.gen(function*() {
      const server = yield* start()
      const session = yield* server.open("s1")
      const other = yield* server.open("s2")
      const ours = yield* (yield* SessionTokens.make(host.signingKey)).issue("nobody", "user", 9e12)
      const cases = [
        [audio(server, "s1"), {}, 401, "authentication_failed"],
        [audio(server, "s1"), { protocols: ["effect-voice.v1", "token.guessed"] }, 401, "authentication_failed"],
        [audio(server, "s1", `?token=${"x".repeat(9_000)}`), {}, 401, "authentication_failed"],
        [audio(server, "s1"), bearer(other), 401, "authentication_failed"],
        [audio(server, "nobody"), bearer(session), 401, "authentication_failed"],
        [audio(server, "nobody"), bearer({ access: { token: ours } }), 404, "session_not_found"],
        [audio(server, "%00%ff"), bearer(session), 404, undefined],
        [audio(server, "s1", "?input_rate=7999"), bearer(session), 400, "invalid_config"],
        [audio(server, "s1", "?output_rate=48001"), bearer(session), 400, "invalid_config"],
        [audio(server, "s1", "?input_rate=16e3"), bearer(session), 400, "invalid_config"],
        [audio(server, "s1", "?output_rate="), bearer(session), 400, "invalid_config"]
      ] as const
      for (const [url, options, status, code] of cases) {
        const refusal = yield* refused(
          connect(url, { ...options, protocols: [...("protocols" in options ? options.protocols : [])] })
        )
        assert.propertyVal(refusal, "status", status, url)
        if (code === undefined) continue
        assert.propertyVal(refusal, "contentType", "application/problem+json")
        assert.nestedPropertyVal(refusal, "body.code", code)
        assert.notInclude(JSON.stringify(refusal), "guessed")
        assert.notInclude(JSON.stringify(refusal), String(session.access.token))
      }
      yield* connect(audio(server, "s1", "?input_rate=8000&output_rate=48000"), bearer(session))
      const { connection } = yield* session.attached
      assert.deepStrictEqual(connection.format, { input: { sampleRate: 8_000 }, output: { sampleRate: 48_000 } })
    }))

  it.live("answers a request without a handshake with 426", () =>
    Effect.gen(function*() {
      const server = yield* start()
      const session = yield* server.open("s1")
      const response = yield* Effect.promise(() => fetch(audio(server, "s1").replace("ws:", "http:"), bearer(session)))
      assert.strictEqual(response.status, 426)
      assert.nestedPropertyVal(yield* Effect.promise(() => response.json()), "code", "invalid_config")
    }))

  it.live("survives a handshake without a key", () =>
    Effect.gen(function*() {
      const server = yield* start()
      const session = yield* server.open("s1")
      const answer = yield* Effect.callback<string>((resume) => {
        const socket = net.connect(server.port, "127.0.0.1", () =>
          socket.write(
            `GET /v1/sessions/s1/audio?token=${session.access.token} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n` +
              "Upgrade: websocket\r\n\r\n"
          ))
        let text = ""
        socket.on("data", (chunk) => text += chunk.toString())
        socket.on("close", () => resume(Effect.succeed(text)))
      })
      assert.match(answer, /^HTTP\/1\.1 400 /)
      assert.strictEqual(answer.match(/HTTP\/1\.1/g)?.length, 1)
      yield* connect(audio(server, "s1"), bearer(session))
      yield* session.attached
    }))

  it.live("reports and drops half a sample, so that the following audio stays aligned, and ignores empty frames", () =>
    Effect.gen(function*() {
      const server = yield* start()
      const session = yield* server.open("s1")
      const client = yield* connect(audio(server, "s1"), { protocols: protocols(session) })
      const { listener } = yield* session.attached
      client.socket.send(Buffer.of(1))
      client.socket.send(Buffer.alloc(0))
      client.socket.send(Buffer.concat([pcm(7, 8), Buffer.of(3)]))
      client.socket.send(pcm(9, 10))
      yield* heard(listener, (each) => each.samples === 4)
      assert.deepStrictEqual(listener.pcm, [7, 8, 9, 10])
      assert.deepStrictEqual(listener.log, [
        "malformed",
        "malformed",
        "audio",
        "audio"
      ])
    }))

  it.live("gathers frames for a client that asks for longer ones, and sends the rest when none follow", () =>
    Effect.gen(function*() {
      const server = yield* start()
      const session = yield* server.open("s1")
      for (const bad of ["19", "101", "1e2", "", "-40"]) {
        const refusal = yield* refused(connect(audio(server, "s1", `?chunk_ms=${bad}`), bearer(session)))
        assert.nestedPropertyVal(refusal, "body.code", "invalid_config", bad)
      }
      const client = yield* connect(audio(server, "s1", "?chunk_ms=60"), bearer(session))
      const { connection } = yield* session.attached
      const frame = (value: number) => new Int16Array(480).fill(value)
      for (const value of [1, 2, 3, 4]) assert.isTrue(connection.send(frame(value)))
      connection.flush?.()
      connection.flush?.()
      // what was gathered and is cleared is never sent
      connection.send(frame(5))
      connection.clear()
      connection.send(frame(6))
      connection.flush?.()
      const bytes = (...values: ReadonlyArray<number>) => pcm(...values.flatMap((value) => Array.from(frame(value))))
      assert.deepStrictEqual(yield* client.next, bytes(1, 2, 3))
      assert.deepStrictEqual(yield* client.next, bytes(4))
      assert.deepStrictEqual(yield* client.next, bytes(6))
    }))

  it.live("reports malformed text, ignores unknown types, and goes on", () =>
    Effect.gen(function*() {
      const server = yield* start()
      const session = yield* server.open("s1")
      const client = yield* connect(audio(server, "s1"), bearer(session))
      const { listener } = yield* session.attached
      for (
        const text of [
          "",
          "{",
          "[]",
          "null",
          "{\"type\":7}",
          "{\"type\":\"user.text\"}",
          "{\"type\":\"later\"}",
          "\u0000"
        ]
      ) client.socket.send(text)
      client.socket.send("{\"type\":\"ping\"}")
      yield* heard(listener, (each) => each.messages.length === 1)
      assert.strictEqual(listener.faults.length, 7)
      assert.deepStrictEqual(listener.ends, [])
    }))

  it.live("closes oversize frames with 1009 and broken text with 1007", () =>
    Effect.gen(function*() {
      const server = yield* start()
      const session = yield* server.open("s1")
      for (const binary of [true, false]) {
        const client = yield* connect(audio(server, "s1"), bearer(session))
        const { listener } = yield* session.attached
        client.socket.send(Buffer.alloc(65_536, 65), { binary })
        yield* heard(listener, (each) => each.samples + each.faults.length > 0)
        client.socket.send(Buffer.alloc(65_537, 65), { binary })
        assert.strictEqual((yield* client.closed).code, 1009)
        yield* heard(listener, (each) => each.ends.length > 0)
        assert.deepStrictEqual(listener.ends, ["too_big"])
      }
      const client = yield* connect(audio(server, "s1"), bearer(session))
      const { listener } = yield* session.attached
      client.socket.send(Buffer.of(0xc3, 0x28), { binary: false })
      assert.strictEqual((yield* client.closed).code, 1007)
      yield* heard(listener, (each) => each.ends.length > 0)
      assert.deepStrictEqual(listener.ends, ["protocol_error"])
    }))

  it.live("keeps messages that arrive before the session listens", () =>
    Effect.gen(function*() {
      const server = yield* start()
      const session = yield* server.open("s1", { listen: false })
      const client = yield* connect(audio(server, "s1"), bearer(session))
      const { connection, listener } = yield* session.attached
      client.socket.send(pcm(1, 2))
      client.socket.send("{\"type\":\"ping\"}")
      client.socket.ping()
      yield* Effect.callback<void>((resume) => {
        client.socket.once("pong", () => resume(Effect.void))
      })
      connection.listen(listener)
      assert.deepStrictEqual(listener.log, ["audio", "ping"])
    }))

  it.live("closes with the code of the reason, and ignores later messages", () =>
    Effect.gen(function*() {
      const server = yield* start()
      const session = yield* server.open("s1")
      for (const [reason, code] of [["replaced", 4408], ["too_slow", 4409], ["session_ended", 1000]] as const) {
        const client = yield* connect(audio(server, "s1"), bearer(session))
        const { connection, listener } = yield* session.attached
        connection.notify(event(1))
        yield* connection.close(reason)
        client.socket.send(pcm(1))
        assert.deepStrictEqual(yield* client.closed, { code, reason })
        assert.strictEqual(yield* client.next, JSON.stringify({ type: "pong", seq: 1, at_ms: 5 }))
        assert.deepStrictEqual(listener.log, ["closed"])
        assert.deepStrictEqual(listener.ends, [reason])
        assert.isFalse(connection.send(new Int16Array(480)))
        connection.notify(event(2))
        yield* connection.close(reason)
      }
    }))

  it.live("reports why the connection has ended", () =>
    Effect.gen(function*() {
      const server = yield* start()
      const session = yield* server.open("s1")
      const polite = yield* connect(audio(server, "s1"), bearer(session))
      const first = yield* session.attached
      polite.socket.close()
      yield* heard(first.listener, (each) => each.ends.length > 0)
      assert.deepStrictEqual(first.listener.ends, ["client_closed"])
      const sudden = yield* connect(audio(server, "s1"), bearer(session))
      const second = yield* session.attached
      sudden.socket.terminate()
      yield* heard(second.listener, (each) => each.ends.length > 0)
      assert.deepStrictEqual(second.listener.ends, ["connection_lost"])
    }))

  it.live("stops accepting audio for a client that does not read, and closes its socket at once", () =>
    Effect.gen(function*() {
      const server = yield* start()
      const session = yield* server.open("s1")
      const client = yield* connect(audio(server, "s1"), bearer(session))
      const { connection, listener } = yield* session.attached
      client.socket.pause()
      const frame = new Int16Array(480)
      let sent = 0
      // The system's own buffers take some megabytes first.
      while (connection.send(frame) && sent < 100_000) {
        if (++sent % 100 === 0) yield* Effect.yieldNow
      }
      assert.isBelow(sent, 100_000)
      yield* connection.close("too_slow").pipe(Effect.timeout("20 seconds"))
      assert.deepStrictEqual(listener.ends, ["too_slow"])
    }))

  it.live("closes the connection of a client that does not read its events", () =>
    Effect.gen(function*() {
      const server = yield* start()
      const session = yield* server.open("s1")
      const client = yield* connect(audio(server, "s1"), bearer(session))
      const { connection, listener } = yield* session.attached
      client.socket.pause()
      const big: SessionEvent = { type: "agent.transcript", seq: 1, atMs: 1, turn: 1, text: "x".repeat(60_000) }
      for (let i = 0; i < 1_000 && listener.ends.length === 0; i++) {
        connection.notify(big)
        if (i % 20 === 0) yield* Effect.yieldNow
      }
      assert.deepStrictEqual(listener.ends, ["too_slow"])
    }))

  it.effect("closes only a connection that has not answered pings for half a minute", () =>
    Effect.gen(function*() {
      const server = yield* start()
      const session = yield* server.open("s1")
      const alive = yield* connect(audio(server, "s1"), bearer(session))
      const first = yield* session.attached
      const dead = yield* connect(audio(server, "s1"), { ...bearer(session), autoPong: false })
      const second = yield* session.attached
      for (let i = 1; i <= 2; i++) {
        // Sent after the answer to the ping, so that the answer has come too.
        const pinged = Effect.callback<void>((resume) => {
          alive.socket.once("ping", () => {
            alive.socket.send("{\"type\":\"ping\"}")
            resume(Effect.void)
          })
        })
        const answered = yield* Effect.forkChild(pinged, { startImmediately: true })
        yield* TestClock.adjust("15 seconds")
        if (i === 1) {
          yield* Fiber.join(answered)
          yield* heard(first.listener, (each) => each.messages.length === i)
          assert.deepStrictEqual(second.listener.ends, [])
        }
      }
      yield* heard(second.listener, (each) => each.ends.length > 0)
      assert.deepStrictEqual(second.listener.ends, ["timeout"])
      assert.strictEqual((yield* dead.closed).code, 1006)
      assert.deepStrictEqual(first.listener.ends, [])
    }))

  it.live("limits the open connections of one session", () =>
    Effect.gen(function*() {
      const server = yield* start({ providerConfig: { max_connections_per_session: 2 } })
      const session = yield* server.open("s1")
      const one = yield* connect(audio(server, "s1"), bearer(session))
      const { listener } = yield* session.attached
      yield* connect(audio(server, "s1"), bearer(session))
      const refusal = yield* refused(connect(audio(server, "s1"), bearer(session)))
      assert.propertyVal(refusal, "status", 429)
      one.socket.close()
      yield* heard(listener, (each) => each.ends.length > 0)
      yield* connect(audio(server, "s1"), bearer(session)).pipe(Effect.retry(Schedule.spaced("5 millis")))
    }))

  it.live("closes the connections of a session that ends, and forgets it", () =>
    Effect.gen(function*() {
      const server = yield* start()
      const session = yield* server.open("s1")
      const client = yield* connect(audio(server, "s1"), bearer(session))
      const { listener } = yield* session.attached
      yield* session.end
      assert.deepStrictEqual(yield* client.closed, { code: 1000, reason: "session_ended" })
      assert.deepStrictEqual(listener.ends, ["session_ended"])
      const refusal = yield* refused(connect(audio(server, "s1"), bearer(session)))
      assert.propertyVal(refusal, "status", 404)
    }))

  it.live("ends the link of a session that fails, not the process", () =>
    Effect.gen(function*() {
      const server = yield* start()
      const session = yield* server.open("s1", { listen: false })
      const client = yield* connect(audio(server, "s1"), bearer(session))
      const { connection, listener } = yield* session.attached
      connection.listen({
        audio: () => {
          throw new Error("broken")
        },
        gap: () => {},
        message: () => {},
        malformed: () => {},
        closed: (reason) => listener.closed(reason)
      })
      client.socket.send(pcm(1))
      assert.strictEqual((yield* client.closed).code, 1011)
      assert.deepStrictEqual(listener.ends, ["failed"])
    }))

  it.live("answers an invalid handshake with a problem", () =>
    Effect.gen(function*() {
      const server = yield* start()
      const { access } = yield* server.open("s1")
      for (const [version, key] of [["7", "AAAAAAAAAAAAAAAAAAAAAA=="], ["13", "short"]] as const) {
        const answer = yield* Effect.callback<IncomingMessage>((resume) => {
          request(`${server.url}/v1/sessions/s1/audio`, {
            headers: {
              authorization: `Bearer ${access.token}`,
              connection: "Upgrade",
              upgrade: "websocket",
              "sec-websocket-version": version,
              "sec-websocket-key": key
            }
          }, (response) => resume(Effect.succeed(response.resume()))).on("error", () => {}).end()
        })
        assert.strictEqual(answer.statusCode, 400)
        assert.strictEqual(answer.headers["content-type"], "application/problem+json")
      }
    }))

  it.effect("names every fault of its config", () =>
    Effect.gen(function*() {
      const failure = yield* Effect.flip(provider.validateConfig({
        ...(yield* BackendConfig.decode(base)),
        providerConfig: {
          ice_servers: [{ urls: "http://x" }],
          udp_port_range: { begin: 2_000, end: 1_500 },
          bind_address: "localhost",
          max_connections_per_session: 0,
          more: 1
        }
      }))
      assert.strictEqual(failure.code, "invalid_config")
      for (
        const path of [
          "ice_servers.0.urls",
          "udp_port_range",
          "bind_address",
          "max_connections_per_session",
          "more"
        ]
      ) assert.include(failure.message, `provider_config.${path}`)
    }))
})
