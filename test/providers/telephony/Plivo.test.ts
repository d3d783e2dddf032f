/** Calls of Plivo, from the webhook to the end, against its fake. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { speech } from "../../../src/testing/scripted/ScriptedEngines.ts"
import * as FakePlivo from "../../support/FakePlivo.ts"
import * as CarrierServer from "./CarrierServer.ts"

const start = Effect.fnUntraced(function*(
  options: Omit<CarrierServer.CarrierServerOptions, "carriers"> & {
    readonly fake?: FakePlivo.FakePlivoOptions
    readonly carrier?: object
  } = {}
) {
  const { carrier, fake, ...rest } = options
  const plivo = yield* FakePlivo.start(fake)
  const server = yield* CarrierServer.start({
    ...rest,
    carriers: [{
      name: "p",
      kind: "plivo",
      auth_id: plivo.authId,
      auth_token: plivo.authToken,
      api_url: plivo.url,
      from: "+15550101",
      calls_per_second: 50,
      ...carrier
    }]
  })
  const answerUrl = `${server.url}/telephony/p/answer`
  return { plivo, server, answerUrl, urls: { answerUrl, hangupUrl: answerUrl } }
})

const outbound = (to: string) => CarrierServer.outbound("p", to)

describe("the carrier plivo", () => {
  for (const audio of ["l16_16000", "mulaw_8000"] as const) {
    it.live(`takes a call with ${audio}`, () =>
      Effect.gen(function*() {
        const { plivo, server, urls } = yield* start({ words: ["hello"], greeting: "Welcome.", carrier: { audio } })
        const call = plivo.call(urls)
        const stream = yield* call.stream
        const followed = yield* server.session
        yield* stream.until("the greeting", () => stream.loudMs() >= 100 && stream.aheadMs === 0)
        const rate = audio === "l16_16000" ? 16_000 : 8_000
        assert.strictEqual(stream.wire.sampleRate, rate)
        assert.deepStrictEqual(followed.session.config.call, {
          carrier: "p",
          direction: "inbound",
          id: call.id,
          from: "+15550100",
          to: "+15550101",
          parameters: {}
        })
        stream.press("*")
        yield* followed.event("dtmf.received")
        stream.say(speech(400, rate))
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
      const { plivo, server, urls } = yield* start({
        words: ["tell me", "stop"],
        answer: (text) => text === "stop" ? "Yes." : "a long answer ".repeat(20)
      })
      const call = plivo.call(urls)
      const stream = yield* call.stream
      const followed = yield* server.session
      yield* stream.opened
      stream.say(speech(400, 16_000))
      yield* stream.until("the answer is heard", () => stream.loudMs() >= 300)
      stream.say(speech(1_000, 16_000))
      yield* stream.until("a clear", () => stream.clears.length > 0)
      yield* followed.session.sendDtmf("1w2#")
      assert.deepStrictEqual(call.digits, ["1w2#"])
      assert.strictEqual((yield* Effect.flip(followed.session.sendDtmf("D"))).details?.["reason"], "unsupported")
      yield* followed.session.hangUp
      yield* call.over
      assert.deepStrictEqual(stream.faults, [])
    }).pipe(Effect.scoped))

  it.live("transfers a call to a person, or has it back when nobody answers", () =>
    Effect.gen(function*() {
      const { plivo, server, urls } = yield* start({ fake: { outcomes: { "15550109": "busy" } } })
      const call = plivo.call(urls)
      const followed = yield* server.session
      yield* Effect.flatMap(call.stream, ({ opened }) => opened)
      yield* followed.session.transfer("+15550109")
      yield* followed.event("call.transfer_failed")
      assert.strictEqual(followed.of("call.transfer_failed")[0]?.cause, "busy")
      yield* call.until("a second stream", () => call.streams.length === 2)
      yield* Effect.flatMap(call.stream, ({ opened }) => opened)
      yield* followed.session.transfer("+15550108")
      yield* followed.event("session.ended")
      assert.strictEqual(followed.of("call.ended")[0]?.cause, "transferred")
      assert.deepStrictEqual(call.dialled.map(({ connected }) => connected), [false, true])
      assert.strictEqual(call.status, "in-progress", "the caller talks on")
    }).pipe(Effect.scoped))

  it.live("transfers a call warm: whoever answers hears the summary, and meets the caller", () =>
    Effect.gen(function*() {
      const { plivo, server, urls } = yield* start({ fake: { outcomes: { "15550109": "no-answer" } } })
      const call = plivo.call(urls)
      const followed = yield* server.session
      yield* Effect.flatMap(call.stream, ({ opened }) => opened)
      yield* followed.session.transfer("+15550109", { warm: true, summary: "A caller." })
      yield* followed.event("call.transfer_failed")
      assert.strictEqual(followed.of("call.transfer_failed")[0]?.cause, "no_answer")
      yield* followed.session.transfer("+15550108", { warm: true, summary: "A caller." })
      yield* followed.event("call.ended")
      const other = plivo.calls.find(({ to }) => to === "15550108") ?? assert.fail("nobody was called")
      yield* call.until("the conference", () => call.conference !== undefined)
      yield* other.until("the conference", () => other.conference !== undefined)
      assert.deepStrictEqual(other.said, ["A caller."])
      assert.strictEqual(other.conference, call.conference)
    }).pipe(Effect.scoped))

  it.live("comes back to its session when its stream is lost", () =>
    Effect.gen(function*() {
      const { plivo, server, urls } = yield* start({ words: ["again"] })
      const call = plivo.call(urls)
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

  it.live("makes calls: a machine, and why one did not come about", () =>
    Effect.gen(function*() {
      const { plivo, server } = yield* start({
        fake: { machine: true, outcomes: { "15550103": "busy", "15550104": "no-answer" } },
        carrier: { machine_detection: "detect" },
        greeting: "Good day."
      })
      const session = yield* server.backend.createSession(outbound("+15550102"))
      const followed = yield* server.follow(session.id)
      const call = plivo.calls[0] ?? assert.fail("nobody was called")
      const stream = yield* call.stream
      yield* followed.until("the machine", () => followed.of("call.machine").some(({ result }) => result === "machine"))
      yield* stream.until("the greeting", () => stream.loudMs() >= 100)
      yield* session.hangUp
      yield* call.over
      for (const [to, cause] of [["+15550103", "busy"], ["+15550104", "no_answer"]] as const) {
        const missed = yield* server.follow((yield* server.backend.createSession(outbound(to))).id)
        yield* missed.event("call.ended")
        assert.strictEqual(missed.of("call.ended")[0]?.cause, cause)
      }
    }).pipe(Effect.scoped))

  it.live("takes no webhook that Plivo has not signed, none twice, and no stream without a token", () =>
    Effect.gen(function*() {
      const { answerUrl, plivo, server } = yield* start({ carrier: { allowed_numbers: ["+15550101"] } })
      const form = { CallUUID: "u1", From: "15550100", To: "15550101", Direction: "inbound", Event: "StartApp" }
      const bare = yield* Effect.promise(() => fetch(answerUrl, { method: "POST", body: new URLSearchParams(form) }))
      assert.strictEqual(bare.status, 401)
      const post = (given: { readonly [name: string]: string }, more?: Parameters<typeof plivo.post>[2]) =>
        Effect.promise(() => plivo.post(answerUrl, given, more))
      assert.strictEqual((yield* post(form, { token: "another token" })).status, 401)
      assert.strictEqual((yield* post(form, { nonce: "777" })).status, 200)
      assert.strictEqual((yield* post(form, { nonce: "777" })).status, 401, "a replay")
      assert.strictEqual((yield* post({ ...form, To: "15550199" })).status, 403)
      assert.strictEqual((yield* post({ From: "1" })).status, 400)
      const stream = yield* Effect.promise(() => fetch(`${server.url}/telephony/p/media`))
      assert.strictEqual(stream.status, 401)
      assert.strictEqual((yield* server.backend.listSessions).length, 0)
    }).pipe(Effect.scoped))
})
