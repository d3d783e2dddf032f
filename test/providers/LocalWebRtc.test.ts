import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import type { Scope } from "effect"
import { readFileSync } from "node:fs"
import * as Wav from "../../src/audio/Wav.ts"
import type { SessionEvent } from "../../src/session/SessionEvent.ts"
import * as RtcUser from "../transport/RtcUser.ts"
import { heard, type LocalServer, start, type TestSession } from "./LocalServer.ts"

const event = (seq: number): SessionEvent => ({ type: "pong", seq, atMs: 5 })

const post = (server: LocalServer, id: string, token: string | undefined, body: string, type = "application/sdp") =>
  Effect.promise(async () => {
    const response = await fetch(`${server.url}/v1/sessions/${id}/offer`, {
      method: "POST",
      headers: { "content-type": type, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
      body
    })
    return { status: response.status, headers: response.headers, text: await response.text() }
  })

const call = Effect.fnUntraced(function*(
  server: LocalServer,
  session: TestSession,
  id: string
): Effect.fn.Return<RtcUser.RtcUser, never, Scope.Scope> {
  const user = yield* RtcUser.make
  const response = yield* post(server, id, session.access.token, user.offer)
  assert.strictEqual(response.status, 201, response.text)
  // As a WHIP client resolves it, behind any proxy.
  const offer = `https://voice.example/talk/v1/sessions/${id}/offer`
  assert.strictEqual(
    new URL(response.headers.get("location")!, offer).href,
    `https://voice.example/talk/v1/sessions/${id}`
  )
  assert.strictEqual(response.headers.get("content-type"), "application/sdp")
  yield* user.answer(response.text)
  return user
})

const recording = (name: string): Int16Array => {
  const wav = Wav.parse(readFileSync(new URL(`../fixtures/${name}.wav`, import.meta.url)))
  if (wav._tag === "Failure") throw wav.failure
  assert.strictEqual(wav.success.sampleRate, 16_000)
  return wav.success.samples
}

/** 16 kHz to 24 kHz, by straight lines. */
const stretched = (pcm: Int16Array): Int16Array =>
  Int16Array.from({ length: Math.floor(pcm.length * 1.5) - 2 }, (_, i) => {
    const at = i / 1.5
    const left = pcm[Math.floor(at)]!
    return left + (pcm[Math.floor(at) + 1]! - left) * (at - Math.floor(at))
  })

describe("local provider, WebRTC", () => {
  it.live("carries audio both ways, and events and messages", () =>
    Effect.gen(function*() {
      const server = yield* start()
      const session = yield* server.open("s1", { transport: "webrtc" })
      assert.strictEqual(session.access.connectionUrl, "/v1/sessions/s1/offer")
      const user = yield* call(server, session, "s1")
      const { connection, listener } = yield* session.attached
      assert.deepStrictEqual(connection.format, { input: { sampleRate: 16_000 }, output: { sampleRate: 24_000 } })
      connection.notify(event(1))
      yield* user.channelOpen
      connection.notify(event(2))
      assert.strictEqual(yield* user.event, JSON.stringify({ type: "pong", seq: 1, at_ms: 5 }))
      assert.strictEqual(yield* user.event, JSON.stringify({ type: "pong", seq: 2, at_ms: 5 }))
      user.send("{\"type\":\"ping\"}")
      user.send("nonsense")
      yield* heard(listener, (each) => each.faults.length === 1)
      assert.deepStrictEqual(listener.messages, [{ type: "ping" }])

      const said = recording("queen-of-clubs")
      const decoy = recording("cold-hearted")
      yield* user.speak(said)
      yield* heard(listener, (each) => each.samples >= said.length)
      const needle = said.subarray(4_000, 4_000 + 16_000)
      const received = Int16Array.from(listener.pcm)
      assert.isAbove(RtcUser.correlation(needle, received), 0.85)
      assert.isBelow(RtcUser.correlation(decoy.subarray(4_000, 20_000), received), 0.4)
      assert.isBelow(listener.samples - said.length, 16_000)

      // a pause: a user who stops in the middle of a word is waited for
      yield* user.speak(new Int16Array(4_800))
      const reply = stretched(decoy)
      let at = 0
      const before = user.packets.length
      yield* Effect.callback<void>((resume) =>
        Effect.sync(
          listener.watch(() => {
            while (at + 480 <= reply.length && connection.send(reply.subarray(at, at + 480))) at += 480
            if (at + 480 > reply.length && (user.packets.length - before) * 480 >= at) resume(Effect.void)
          })
        )
      ).pipe(Effect.timeout("2 minutes"))
      const agent = user.heard()
      assert.isAbove(RtcUser.correlation(decoy.subarray(4_000, 20_000), agent), 0.85)
      const timestamps = user.packets.map((packet) => packet.timestamp)
      for (let i = 1; i < timestamps.length; i++) {
        assert.strictEqual((timestamps[i]! - timestamps[i - 1]!) >>> 0, 960)
      }
    }))

  it.live("returns ICE servers for WebRTC sessions only", () =>
    Effect.gen(function*() {
      const servers = [{ urls: ["turn:turn.example:3478"], username: "u", credential: "p" }]
      const server = yield* start({ providerConfig: { ice_servers: servers } })
      const told = (yield* server.open("s1", { transport: "webrtc" })).access.iceServers
      assert.deepStrictEqual(
        told?.map((each) => ({
          ...each,
          credential: each.credential === undefined ? undefined : Redacted.value(each.credential)
        })),
        servers.map((each) => ({ ...each }))
      )
      assert.notInclude(JSON.stringify(told), "\"p\"")
      assert.isUndefined((yield* server.open("s2")).access.iceServers)
      const without = yield* start()
      assert.isUndefined((yield* without.open("s1", { transport: "webrtc" })).access.iceServers)
    }))

  it.live("drops queued audio on clear, and refuses more than 200 ms", () =>
    Effect.gen(function*() {
      const server = yield* start()
      const session = yield* server.open("s1", { transport: "webrtc" })
      yield* call(server, session, "s1")
      const { connection } = yield* session.attached
      const frame = new Int16Array(480)
      let accepted = 0
      while (connection.send(frame)) accepted++
      assert.strictEqual(accepted, 10)
      assert.strictEqual(connection.clear(), 200)
      assert.strictEqual(connection.clear(), 0)
      assert.isTrue(connection.send(frame))
    }))

  it.live("refuses an invalid offer, and goes on", () =>
    Effect.gen(function*() {
      const server = yield* start()
      const session = yield* server.open("s1")
      const { token } = session.access
      const user = yield* RtcUser.make
      const cases = [
        [post(server, "s1", undefined, user.offer), 401, "authentication_failed"],
        [post(server, "s1", "guessed", user.offer), 401, "authentication_failed"],
        [post(server, "s2", token, user.offer), 401, "authentication_failed"],
        [post(server, "s1", token, user.offer, "text/plain"), 415, "invalid_config"],
        [post(server, "s1", token, ""), 400, "invalid_config"],
        [post(server, "s1", token, "v=0\r\n"), 400, "invalid_config"],
        [post(server, "s1", token, user.offer.replace(/opus/g, "silk")), 400, "invalid_config"],
        [
          post(server, "s1", token, user.offer.replace(/a=fingerprint:\S+ \S+/, "a=fingerprint:sha-256 00")),
          400,
          "invalid_config"
        ],
        [post(server, "s1", token, "v=0\r\n".padEnd(70_000, "a")), 413, "invalid_config"]
      ] as const
      for (const [request, status, code] of cases) {
        const response = yield* request
        assert.strictEqual(response.status, status, response.text)
        assert.strictEqual(response.headers.get("content-type"), "application/problem+json")
        assert.include(JSON.parse(response.text), { code, status })
      }
      yield* call(server, session, "s1")
      yield* session.attached
    }))

  it.live("closes the peer connection when the session ends, after its last audio and its last event", () =>
    Effect.gen(function*() {
      const server = yield* start()
      const session = yield* server.open("s1")
      const user = yield* call(server, session, "s1")
      const { connection, listener } = yield* session.attached
      yield* user.channelOpen
      for (let i = 0; i < 5; i++) connection.send(new Int16Array(480).fill(1_000))
      connection.notify(event(9))
      yield* session.end
      yield* user.closed
      assert.deepStrictEqual(listener.ends, ["session_ended"])
      assert.include(yield* user.event, "\"seq\":9")
      assert.isAtLeast(user.packets.length, 5)
    }))

  it.live("reports that the user has hung up", () =>
    Effect.gen(function*() {
      const server = yield* start()
      const session = yield* server.open("s1")
      const user = yield* call(server, session, "s1")
      const { connection, listener } = yield* session.attached
      user.close()
      yield* heard(listener, (each) => each.ends.length > 0)
      assert.deepStrictEqual(listener.ends, ["client_closed"])
      assert.isFalse(connection.send(new Int16Array(480)))
      yield* connection.close("session_ended")
    }))

  it.live("frees its connection slot when a call ends", () =>
    Effect.gen(function*() {
      const server = yield* start({ providerConfig: { max_connections_per_session: 1 } })
      const session = yield* server.open("s1")
      for (let i = 0; i < 5; i++) {
        yield* call(server, session, "s1")
        const { connection } = yield* session.attached
        const refused = yield* post(server, "s1", session.access.token, "")
        assert.strictEqual(refused.status, 429)
        yield* connection.close("replaced")
      }
    }))
})
