/** Calls of Telnyx, from the webhook to the end, against its fake: of a Call Control application and of a TeXML one. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { speech } from "../../../src/testing/scripted/ScriptedEngines.ts"
import * as FakeTelnyx from "../../support/FakeTelnyx.ts"
import * as CarrierServer from "./CarrierServer.ts"

const start = Effect.fnUntraced(function*(
  options: Omit<CarrierServer.CarrierServerOptions, "carriers"> & {
    readonly fake?: FakeTelnyx.FakeTelnyxOptions
    readonly carrier?: object
  } = {}
) {
  const { carrier, fake, ...rest } = options
  const telnyx = yield* FakeTelnyx.start(fake)
  const server = yield* CarrierServer.start({
    ...rest,
    carriers: [{
      name: "t",
      kind: "telnyx",
      api_key: telnyx.apiKey,
      public_key: telnyx.publicKey,
      connection_id: "c1",
      api_url: telnyx.url,
      from: "+15550101",
      calls_per_second: 50,
      ...carrier
    }]
  })
  return { telnyx, server, webhookUrl: `${server.url}/telephony/t/answer` }
})

const outbound = (to: string) => CarrierServer.outbound("t", to)

describe("the carrier telnyx", () => {
  for (const texml of [false, true]) {
    it.live(`takes a call of a ${texml ? "TeXML" : "Call Control"} application`, () =>
      Effect.gen(function*() {
        const { server, telnyx, webhookUrl } = yield* start({ words: ["hello"], greeting: "Welcome." })
        const call = telnyx.call({ webhookUrl, texml })
        const stream = yield* call.stream
        const followed = yield* server.session
        yield* stream.until("the greeting", () => stream.loudMs() >= 100 && stream.aheadMs === 0)
        assert.deepStrictEqual([stream.wire.encoding, stream.wire.sampleRate], ["l16", 16_000])
        const { config } = followed.session
        assert.strictEqual(config.userId, "+15550100")
        assert.deepStrictEqual(config.call, {
          carrier: "t",
          direction: "inbound",
          id: call.id,
          from: "+15550100",
          to: "+15550101",
          parameters: {}
        })
        stream.press("#")
        yield* followed.event("dtmf.received")
        stream.say(speech(400, 16_000))
        yield* followed.answered("hello")
        yield* stream.until("all is played", () => stream.aheadMs === 0)
        assert.isAbove(stream.marks.length, 1)
        assert.deepStrictEqual(stream.faults, [])
        call.hangUp()
        yield* followed.event("session.ended")
        assert.strictEqual(followed.of("call.ended")[0]?.cause, "user_hung_up")
      }).pipe(Effect.scoped))
  }

  it.live("sends keys, drops what was not played, and ends the call when the agent hangs up", () =>
    Effect.gen(function*() {
      const { server, telnyx, webhookUrl } = yield* start({
        words: ["tell me", "stop"],
        carrier: { codec: "pcma" },
        answer: (text) => text === "stop" ? "Yes." : "a long answer ".repeat(20)
      })
      const call = telnyx.call({ webhookUrl })
      const stream = yield* call.stream
      const followed = yield* server.session
      yield* stream.opened
      assert.strictEqual(stream.wire.encoding, "alaw")
      stream.say(speech(400, 8_000))
      yield* stream.until("the answer is heard", () => stream.loudMs() >= 300)
      stream.say(speech(1_000, 8_000))
      yield* stream.until("a clear", () => stream.clears.length > 0)
      yield* followed.session.sendDtmf("1w2#A")
      assert.deepStrictEqual(call.digits, ["1w2#A"])
      yield* followed.session.hangUp
      yield* call.over
      assert.deepStrictEqual(stream.faults, [])
    }).pipe(Effect.scoped))

  it.live("transfers a call to a person, and keeps it when nobody answers", () =>
    Effect.gen(function*() {
      const { server, telnyx, webhookUrl } = yield* start({ fake: { outcomes: { "+15550109": "user_busy" } } })
      const call = telnyx.call({ webhookUrl })
      const followed = yield* server.session
      yield* Effect.flatMap(call.stream, ({ opened }) => opened)
      yield* followed.session.transfer("+15550109")
      yield* followed.event("call.transfer_failed")
      assert.strictEqual(followed.of("call.transfer_failed")[0]?.cause, "busy")
      yield* followed.session.transfer("+15550108")
      yield* followed.event("session.ended")
      assert.strictEqual(followed.of("call.ended")[0]?.cause, "transferred")
      assert.strictEqual(call.state, "bridged", "the caller talks on")
    }).pipe(Effect.scoped))

  it.live("transfers a call to a queue", () =>
    Effect.gen(function*() {
      const { server, telnyx, webhookUrl } = yield* start()
      const call = telnyx.call({ webhookUrl })
      const followed = yield* server.session
      yield* Effect.flatMap(call.stream, ({ opened }) => opened)
      yield* followed.session.transfer({ queue: "sales" })
      yield* followed.event("call.ended")
      assert.strictEqual(followed.of("call.ended")[0]?.cause, "transferred")
      assert.strictEqual(call.queue, "sales")
    }).pipe(Effect.scoped))

  it.live("transfers a call warm: whoever answers hears the summary, and is bridged", () =>
    Effect.gen(function*() {
      const { server, telnyx, webhookUrl } = yield* start({ fake: { outcomes: { "+15550109": "timeout" } } })
      const call = telnyx.call({ webhookUrl })
      const followed = yield* server.session
      yield* Effect.flatMap(call.stream, ({ opened }) => opened)
      yield* followed.session.transfer("+15550109", { warm: true, summary: "A caller." })
      yield* followed.event("call.transfer_failed")
      assert.strictEqual(followed.of("call.transfer_failed")[0]?.cause, "no_answer")
      yield* followed.session.transfer("+15550108", { warm: true, summary: "A caller." })
      yield* followed.event("call.ended")
      const other = telnyx.calls.find(({ to }) => to === "+15550108") ?? assert.fail("nobody was called")
      assert.deepStrictEqual(other.said, ["A caller."])
      assert.strictEqual(other.bridgedWith, call.id)
    }).pipe(Effect.scoped))

  it.live("comes back to its session when its stream is lost", () =>
    Effect.gen(function*() {
      const { server, telnyx, webhookUrl } = yield* start({ words: ["again"] })
      const call = telnyx.call({ webhookUrl })
      const stream = yield* call.stream
      const followed = yield* server.session
      yield* stream.opened
      stream.cut()
      yield* call.until("a second stream", () => call.streams.length === 2)
      const second = yield* call.stream
      yield* second.opened
      second.say(speech(400, 16_000))
      yield* followed.answered("again")
      assert.strictEqual((yield* server.backend.listSessions).length, 1)
    }).pipe(Effect.scoped))

  it.live("makes calls: a machine and its beep, and why one did not come about", () =>
    Effect.gen(function*() {
      const { server, telnyx } = yield* start({
        fake: {
          answeredBy: "beep",
          outcomes: { "+15550103": "user_busy", "+15550104": "timeout", "+15550105": "call_rejected" }
        },
        carrier: { machine_detection: "beep" },
        greeting: "Good day."
      })
      const session = yield* server.backend.createSession(outbound("+15550102"))
      const followed = yield* server.follow(session.id)
      const call = telnyx.calls[0] ?? assert.fail("nobody was called")
      const stream = yield* call.stream
      yield* followed.until("the beep", () => followed.of("call.machine").some(({ result }) => result === "beep"))
      yield* stream.until("the greeting", () => stream.loudMs() >= 100)
      yield* session.hangUp
      yield* call.over
      for (
        const [to, cause] of [["+15550103", "busy"], ["+15550104", "no_answer"], ["+15550105", "rejected"]] as const
      ) {
        const missed = yield* server.follow((yield* server.backend.createSession(outbound(to))).id)
        yield* missed.event("call.ended")
        assert.strictEqual(missed.of("call.ended")[0]?.cause, cause)
      }
      const wrong = yield* Effect.flip(server.backend.createSession(outbound("not a number")))
      assert.strictEqual(wrong.code, "invalid_config")
    }).pipe(Effect.scoped))

  it.live("takes no webhook that Telnyx has not signed, none twice, and no stream without a token", () =>
    Effect.gen(function*() {
      const { server, telnyx, webhookUrl } = yield* start({ carrier: { allowed_callers: ["+1555*"] } })
      const event = (id: string, more: object = {}) =>
        JSON.stringify({
          data: {
            id,
            event_type: "call.initiated",
            payload: {
              call_control_id: "v3:x",
              connection_id: "c1",
              direction: "incoming",
              from: "+15550100",
              to: "+15550101",
              ...more
            }
          }
        })
      const ask = (body: string, headers: { readonly [name: string]: string }) =>
        Effect.promise(async () => (await fetch(webhookUrl, { method: "POST", body, headers })).status)
      const now = String(Math.floor(Date.now() / 1_000))
      const signed = (body: string, timestamp = now) => ({
        "content-type": "application/json",
        "telnyx-timestamp": timestamp,
        "telnyx-signature-ed25519": telnyx.sign(timestamp, body)
      })
      const old = String(Math.floor(Date.now() / 1_000) - 1_000)
      assert.strictEqual(yield* ask(event("a"), {}), 401)
      assert.strictEqual(yield* ask(event("a"), signed(event("b"))), 401)
      assert.strictEqual(yield* ask(event("a"), signed(event("a"), old)), 401)
      const good = event("c", { from: "+4420" })
      assert.strictEqual(yield* ask(good, signed(good)), 200)
      assert.strictEqual(yield* ask(good, signed(good)), 401, "a replay")
      assert.strictEqual(telnyx.requests.filter(({ path }) => path.endsWith("/reject")).length, 1, "another caller")
      const foreign = event("d", { connection_id: "c2" })
      assert.strictEqual(yield* ask(foreign, signed(foreign)), 403)
      for (const body of ["", "[]", `{"data":7}`]) assert.strictEqual(yield* ask(body, signed(body)), 200)
      const response = yield* Effect.promise(() => fetch(`${server.url}/telephony/t/media`))
      assert.strictEqual(response.status, 426)
      assert.strictEqual((yield* server.backend.listSessions).length, 0)
    }).pipe(Effect.scoped))
})
