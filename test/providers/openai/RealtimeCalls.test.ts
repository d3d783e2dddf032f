/** OpenAI's Realtime API over WebRTC: offers, their answers, what is refused, and how a call ends. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, Schedule } from "effect"
import { parse } from "../../../src/schema/Json.ts"
import * as RtcUser from "../../transport/RtcUser.ts"
import { at, type RealtimeServer, start } from "./RealtimeServer.ts"

const KEY = "a-key-of-the-operator-0123456789"
const keys = { apiKeys: [Redacted.make(KEY)] }

const send = (server: RealtimeServer, path: string, body: RequestInit["body"], headers: Record<string, string> = {}) =>
  Effect.promise(async () => {
    const response = await fetch(`${server.url}/v1/realtime/${path}`, { method: "POST", headers, body: body ?? null })
    return { status: response.status, headers: response.headers, text: await response.text() }
  })
const bearer = (key: string) => ({ authorization: `Bearer ${key}` })
const sdp = { "content-type": "application/sdp" }

/** Holds once the number of sessions is this. */
const sessions = (server: RealtimeServer, count: number) =>
  server.backend.activeSessionCount.pipe(
    Effect.flatMap((now) => now === count ? Effect.void : Effect.fail(`${now} sessions`)),
    Effect.retry({ schedule: Schedule.spaced("10 millis"), times: 3_000 }),
    Effect.orDie
  )

const until = (user: RtcUser.RtcUser, type: string): Effect.Effect<unknown> =>
  user.event.pipe(
    Effect.map(parse),
    Effect.repeat({ until: (event) => at(event, "type") === type })
  )

/** A call that is connected, whose session has begun. */
const call = Effect.fnUntraced(function*(
  server: RealtimeServer,
  body: (offer: string) => RequestInit["body"],
  headers: Record<string, string> = {}
) {
  const user = yield* RtcUser.withChannel("oai-events")
  const response = yield* send(server, "calls", body(user.offer), headers)
  assert.strictEqual(response.status, 201, response.text)
  assert.strictEqual(response.headers.get("content-type"), "application/sdp")
  yield* user.answer(response.text)
  const created = yield* until(user, "session.created")
  const location = response.headers.get("location") ?? ""
  assert.strictEqual(location, `/v1/realtime/calls/rtc_${String(at(created, "session", "id"))}`)
  return { user, created, id: location.slice("/v1/realtime/calls/".length) }
})

describe("calls of the Realtime API", () => {
  it.live("answer an offer, tell the client its session, and end when the client hangs up", () =>
    Effect.gen(function*() {
      const server = yield* start({})
      const { user } = yield* call(server, (offer) => offer, sdp)
      user.send(JSON.stringify({ type: "session.update", session: { type: "realtime", instructions: "Be brief." } }))
      const updated = yield* until(user, "session.updated")
      assert.strictEqual(at(updated, "session", "instructions"), "Be brief.")
      user.send(JSON.stringify({ type: "input_audio_buffer.append", event_id: "mine", audio: "AAAA" }))
      assert.strictEqual(at(yield* until(user, "error"), "error", "event_id"), "mine")
      user.close()
      yield* sessions(server, 0)
    }).pipe(Effect.scoped))

  it.live("end with the peer, wherever the client is by then, and with the session", () =>
    Effect.gen(function*() {
      const server = yield* start({})
      const dial = Effect.gen(function*() {
        const user = yield* RtcUser.withChannel("oai-events")
        const response = yield* send(server, "calls", user.offer, sdp)
        yield* user.answer(response.text)
        return user
      })
      const moments = [
        (user: RtcUser.RtcUser) => user.connected,
        (user: RtcUser.RtcUser) => user.channelOpen,
        (user: RtcUser.RtcUser) => until(user, "session.created")
      ]
      for (const moment of moments) {
        const user = yield* dial
        yield* moment(user)
        user.close()
        yield* sessions(server, 0)
      }
      const user = yield* dial
      yield* user.channelOpen
      const [session] = yield* server.backend.listSessions
      yield* session?.stop ?? assert.fail("no session")
      yield* user.closed
      yield* sessions(server, 0)
    }).pipe(Effect.scoped))

  it.live("take the session beside the offer, and are hung up by whoever may", () =>
    Effect.gen(function*() {
      const server = yield* start({ server: keys })
      const form = (offer: string) => {
        const parts = new FormData()
        parts.append("sdp", new Blob([offer], { type: "application/sdp" }), "offer.sdp")
        parts.append("session", JSON.stringify({ type: "realtime", instructions: "Be kind." }))
        return parts
      }
      const { created, id, user } = yield* call(server, form, bearer(KEY))
      assert.strictEqual(at(created, "session", "instructions"), "Be kind.")
      assert.strictEqual((yield* send(server, `calls/${id}/hangup`, null)).status, 401)
      for (const other of ["rtc_none", id.slice(4)]) {
        assert.strictEqual((yield* send(server, `calls/${other}/hangup`, null, bearer(KEY))).status, 404, other)
      }
      yield* sessions(server, 1)
      assert.include(yield* send(server, `calls/${id}/hangup`, null, bearer(KEY)), { status: 200, text: "" })
      yield* user.closed
      yield* sessions(server, 0)
      assert.strictEqual((yield* send(server, `calls/${id}/hangup`, null, bearer(KEY))).status, 404)
    }).pipe(Effect.scoped))

  it.live("are refused in OpenAI's form, and leave no session behind", () =>
    Effect.gen(function*() {
      const server = yield* start({ server: keys })
      const user = yield* RtcUser.withChannel("oai-events")
      const refused = Effect.fnUntraced(function*(
        body: RequestInit["body"],
        headers: Record<string, string>,
        status: number,
        words: RegExp
      ) {
        const response = yield* send(server, "calls", body, headers)
        assert.strictEqual(response.status, status, response.text)
        assert.match(String(at(parse(response.text), "error", "message")), words)
      })
      const known = { ...sdp, ...bearer(KEY) }
      const part = (name: string, value: string) => {
        const parts = new FormData()
        parts.append("sdp", user.offer)
        parts.set(name, value)
        return parts
      }
      yield* refused(user.offer, sdp, 401, /key/)
      yield* refused("v=0\r\nhello", known, 400, /line 2/)
      yield* refused("v".repeat(70_000), known, 413, /at most 65536 bytes/)
      yield* refused(user.offer, { ...known, "content-type": "text/plain" }, 415, /content-type/)
      yield* refused(part("session", "[]"), bearer(KEY), 400, /session/)
      yield* refused(part("session", "{\"type\":\"made up\"}"), bearer(KEY), 400, /type/)
      yield* refused(part("sdp", "v".repeat(200_000)), bearer(KEY), 413, /parts/)
      yield* refused("nothing", { ...known, "content-type": "multipart/form-data; boundary=x" }, 400, /sdp|parts/)
      yield* sessions(server, 0)
    }).pipe(Effect.scoped))
})
