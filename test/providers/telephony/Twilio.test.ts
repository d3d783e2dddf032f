import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type * as SessionConfig from "../../../src/session/SessionConfig.ts"
import { FakeStream } from "../../support/FakeCarrier.ts"
import * as FakeTwilio from "../../support/FakeTwilio.ts"
import { freePort } from "../../support/FreePort.ts"
import * as CloudService from "./CloudService.ts"

interface Setup {
  readonly twilio?: FakeTwilio.FakeTwilioOptions
  readonly carrier?: Record<string, unknown>
  readonly service?: Partial<CloudService.CloudServiceOptions>
}

const start = Effect.fnUntraced(function*({ carrier, service, twilio }: Setup = {}) {
  const port = yield* freePort
  const fake = yield* FakeTwilio.start(twilio)
  const phone = yield* CloudService.make({
    port,
    carriers: [{
      name: "tw",
      kind: "twilio",
      account_sid: fake.accountSid,
      auth_token: fake.authToken,
      api_url: fake.url,
      from: "+15550101",
      ...carrier
    }],
    ...service
  })
  const url = (path: string) => `${phone.url}/telephony/tw/${path}`
  return { fake, phone, url, answer: url("answer") }
})

/** What counts as speech, at 8 kHz. */
const speech = (ms: number) => new Int16Array(ms * 8).fill(8_000)

const outbound = (to: string): SessionConfig.SessionConfig => ({
  userId: to,
  transport: "websocket",
  call: { carrier: "tw", direction: "outbound", to, parameters: {} }
})

/** The greeting has been heard, and the caller may speak. */
const greeted = Effect.fnUntraced(function*(call: FakeTwilio.FakeCall) {
  const stream = yield* call.stream
  yield* stream.until("the greeting", () => stream.loudMs() >= 4 * CloudService.WORD_MS)
  yield* stream.until("the end of the greeting", () => stream.aheadMs === 0 && stream.quietSinceMs !== undefined)
  return stream
})

/** All of so many words was heard, to a tick of 20 ms: a far end that stands still for a moment plays the last one late. */
const assertHeard = (loudMs: number, words: number): void => {
  assert.isAtLeast(loudMs, words * CloudService.WORD_MS - 20)
  assert.isBelow(loudMs, (words + 1) * CloudService.WORD_MS)
}

describe("telephony, Twilio", () => {
  it.live("answers a call: the whole greeting is heard, the caller is understood, and hangs up", () =>
    Effect.gen(function*() {
      const { answer, fake, phone } = yield* start()
      const call = fake.call({ url: `${answer}?department=sales` })
      const stream = yield* greeted(call)
      assertHeard(stream.loudMs(), 4)
      const [session] = yield* phone.backend.listSessions
      const metadata = yield* session!.metadata
      assert.deepInclude(metadata["call"], { carrier: "tw", direction: "inbound", id: call.sid, from: "+15550100" })
      assert.deepNestedInclude(metadata, { "call.parameters": { department: "sales" } })
      stream.press("5")
      stream.say(speech(400))
      yield* phone.until("the answer", ({ type }) => type === "agent.speech_stopped")
      yield* phone.until("its end", (event) => event.type === "agent.speech_stopped" && event.seq > 8)
      yield* phone.until("the key", (event) => event.type === "dtmf.received" && event.digit === "5")
      call.hangUp()
      const ended = yield* phone.until("the end", ({ type }) => type === "session.ended")
      assert.propertyVal(ended, "reason", "user_ended")
      assert.deepStrictEqual(phone.of("call.ended").map(({ cause }) => cause), ["user_hung_up"])
      assert.deepStrictEqual(stream.faults, [])
      assert.isAbove(stream.marks.length, 2)
      assert.deepStrictEqual(fake.requests, [])
    }))

  it.live("is silent soon when the caller interrupts: nothing stale follows, and the history has the words that were heard", () =>
    Effect.gen(function*() {
      const { answer, fake, phone } = yield* start({ service: { texts: ["count", "stop", "more"] } })
      const call = fake.call({ url: answer })
      const stream = yield* greeted(call)
      const before = stream.playedMs
      stream.say(speech(400))
      yield* stream.until("some of the answer", () => stream.playedMs > before + 6 * CloudService.WORD_MS)
      stream.say(speech(900))
      yield* stream.until("the clear", () => stream.clears.length === 1)
      const [clearedAt = 0] = stream.clears
      const playedMs = stream.playedMs - before
      yield* stream.until("what comes next", () => stream.heard.length > clearedAt + 15)
      assert.strictEqual(stream.loudMs(clearedAt, clearedAt + 15), 0)
      yield* phone.until(
        "the second turn",
        (event) => event.type === "user.transcript" && event.text === "stop" && event.final
      )
      const [session] = yield* phone.backend.listSessions
      const history = yield* session!.history
      const spoken = history.flatMap((entry) =>
        entry.role === "agent" && entry.text.startsWith("one") ? [entry.text] : []
      )
      assert.strictEqual(spoken.length, 1, JSON.stringify(history))
      const words = spoken[0]!.split(/\s+/u).filter((word) => word !== "").length
      assert.isAtMost(Math.abs(words - playedMs / CloudService.WORD_MS), 1)
      assert.isTrue(CloudService.NUMBERS.startsWith(spoken[0]!.trim().replace(/\W+$/u, "")))
      call.hangUp()
      yield* phone.until("the end", ({ type }) => type === "session.ended")
      assert.deepStrictEqual(stream.faults, [])
      assert.isAtMost(stream.mostAheadMs, 1_000)
    }))

  it.live("hangs up behind the last word, when the agent wants to", () =>
    Effect.gen(function*() {
      const { answer, fake, phone } = yield* start({ service: { texts: ["bye"] } })
      const call = fake.call({ url: answer })
      const stream = yield* greeted(call)
      const before = stream.loudMs()
      stream.say(speech(400))
      yield* stream.until("the answer", () => stream.loudMs() > before)
      const [session] = yield* phone.backend.listSessions
      yield* session!.hangUp
      yield* call.over
      assert.strictEqual(call.status, "completed")
      assertHeard(stream.loudMs() - before, 4)
      const ended = yield* phone.until("the end", ({ type }) => type === "session.ended")
      assert.propertyVal(ended, "reason", "hung_up")
    }))

  it.live("plays keys as tones", () =>
    Effect.gen(function*() {
      const { answer, fake, phone } = yield* start()
      const call = fake.call({ url: answer })
      const stream = yield* greeted(call)
      const before = stream.loudMs()
      const [session] = yield* phone.backend.listSessions
      yield* session!.sendDtmf("42#")
      yield* stream.until("the tones", () => stream.loudMs() > before && stream.aheadMs === 0)
      call.hangUp()
      yield* phone.until("the end", ({ type }) => type === "session.ended")
    }))

  it.live("transfers blindly, warmly with a summary, and to a queue: the session ends when they are connected", () =>
    Effect.gen(function*() {
      const { answer, fake, phone } = yield* start({
        carrier: { transfer_caller_id: "+15550109" },
        service: { provider: { transfer_targets: { support: "sip:support@example.com" } } }
      })
      const targets = [
        ["+15550102", {}, { target: "+15550102", heard: [], connected: true }],
        ["support", { warm: true, summary: "Ann <asks> & waits" }, {
          target: "sip:support@example.com",
          heard: ["Ann <asks> & waits"],
          connected: true
        }],
        [{ queue: "sales" }, {}, { target: "sales", heard: [], connected: true }]
      ] as const
      for (const [target, how, expected] of targets) {
        const call = fake.call({ url: answer })
        yield* greeted(call)
        const [session] = yield* phone.backend.listSessions
        const { id } = session!
        yield* session!.transfer(target, how)
        yield* call.until("the other", () => call.dialled.length === 1)
        assert.deepStrictEqual(call.dialled, [expected])
        const ended = yield* phone.until("the end", (event) => event.type === "session.ended" && event.session === id)
        assert.propertyVal(ended, "reason", "transferred")
        // the call goes on without us
        assert.strictEqual(call.status, "in-progress")
        call.otherHangsUp()
        yield* call.over
      }
      assert.notInclude(fake.requests.map(({ body }) => body).join(), "Status=completed")
      const unknown = yield* Effect.gen(function*() {
        const call = fake.call({ url: answer })
        yield* greeted(call)
        const [session] = yield* phone.backend.listSessions
        return yield* Effect.flip(session!.transfer("nobody"))
      })
      assert.propertyVal(unknown, "_tag", "InvalidConfig")
    }))

  it.live("gives the caller back to the agent when nobody takes the transfer", () =>
    Effect.gen(function*() {
      const { answer, fake, phone } = yield* start({
        twilio: { outcomes: { "+15550102": "busy", "+15550103": "no-answer", "+15550104": "declines" } }
      })
      const call = fake.call({ url: answer })
      yield* greeted(call)
      const [session] = yield* phone.backend.listSessions
      const expected = [["+15550102", "busy"], ["+15550103", "no_answer"], ["+15550104", "rejected"]] as const
      for (const [i, [target]] of expected.entries()) {
        const before = phone.of("connection.attached").length
        yield* session!.transfer(target, { warm: true, summary: "A caller." })
        yield* call.until("the stream after it", () => call.streams.length === i + 2)
        yield* call.streams.at(-1)!.opened
        yield* phone.until("the agent again", () => phone.of("connection.attached").length > before)
      }
      assert.deepStrictEqual(
        phone.of("call.transfer_failed").map(({ cause }) => cause),
        expected.map(([, cause]) => cause)
      )
      call.streams.at(-1)!.say(speech(400))
      yield* call.streams.at(-1)!.until("an answer", () => call.streams.at(-1)!.loudMs() > 0)
      assert.strictEqual((yield* phone.backend.listSessions).length, 1)
    }))

  it.live("comes back to its session when the stream is lost, and no more often than it makes sense", () =>
    Effect.gen(function*() {
      const { answer, fake, phone } = yield* start()
      const call = fake.call({ url: answer })
      const first = yield* greeted(call)
      const before = phone.of("connection.attached").length
      first.cut()
      yield* call.until("another stream", () => call.streams.length === 2)
      yield* phone.until("the agent again", () => phone.of("connection.attached").length > before)
      assert.strictEqual(new Set(phone.events.map(({ session }) => session)).size, 1)
      // the greeting is not said again
      const second = call.streams[1]!
      second.say(speech(400))
      yield* second.until("the answer", () => second.loudMs() >= 3 * CloudService.WORD_MS)
      for (let i = 2; i < 10 && call.status === "in-progress"; i++) {
        yield* call.until("another stream", () => call.streams.length === i || call.status !== "in-progress")
        const stream = call.streams.at(-1)!
        yield* stream.opened
        stream.cut()
        yield* stream.ended
      }
      yield* call.over
      yield* phone.until("the end", ({ type }) => type === "session.ended")
    }))

  it.live("makes calls, and tells what becomes of them", () =>
    Effect.gen(function*() {
      const { fake, phone } = yield* start({
        twilio: {
          outcomes: { "+15550102": "busy", "+15550103": "no-answer", "+15550104": "failed" },
          answeredBy: "machine_end_beep"
        },
        carrier: { machine_detection: "beep", calls_per_second: 100, ring_timeout: "20 seconds" }
      })
      for (const [to, cause] of [["+15550102", "busy"], ["+15550103", "no_answer"], ["+15550104", "failed"]] as const) {
        const session = yield* phone.backend.createSession(outbound(to))
        const ended = yield* phone.until("the end", (event) =>
          event.type === "session.ended" && event.session === session.id)
        assert.propertyVal(ended, "reason", "not_reached")
        assert.strictEqual(
          phone.of("call.ended").find((event) =>
            event.session === session.id
          )?.cause,
          cause
        )
      }
      const session = yield* phone.backend.createSession(outbound("+15550105"))
      yield* greeted(fake.calls.at(-1)!)
      yield* phone.until("the machine", (event) => event.type === "call.machine" && event.session === session.id)
      assert.deepInclude(phone.of("call.machine")[0], { result: "beep", by: "carrier" })
      const types = phone.events.filter((event) => event.session === session.id).map(({ type }) => type)
      assert.isBelow(types.indexOf("call.ringing"), types.indexOf("call.answered"))
      const form = new URLSearchParams(fake.requests.at(-1)?.body)
      assert.strictEqual(form.get("From"), "+15550101")
      assert.strictEqual(form.get("Timeout"), "20")
      yield* session.hangUp
      yield* fake.calls.at(-1)!.over
      // what the carrier refuses is the error of who asked
      const refused = yield* Effect.flip(phone.backend.createSession(outbound("no number")))
      assert.propertyVal(refused, "_tag", "InvalidConfig")
    }))

  it.live("lets nobody in without the carrier's signature, the account, an allowed number, and a token of its own", () =>
    Effect.gen(function*() {
      const { answer, fake, phone, url } = yield* start({
        carrier: { allowed_numbers: ["+15550101"], allowed_callers: ["+1555*"] }
      })
      const parameters = {
        CallSid: "CA1",
        AccountSid: fake.accountSid,
        From: "+15550100",
        To: "+15550101",
        CallStatus: "ringing",
        Direction: "inbound"
      }
      const status = (target: string, given: { readonly [name: string]: string }, token?: string) =>
        Effect.map(Effect.promise(() => fake.post(target, given, token)), (told) => told.status)
      assert.strictEqual(yield* status(answer, parameters, "another token"), 401)
      for (const path of ["ended", "transferred", "reached", "joined", "queued", "status", "machine"]) {
        assert.strictEqual(yield* status(`${url(path)}?session=ses_1`, parameters, "another token"), 401, path)
      }
      assert.strictEqual(yield* status(answer, { ...parameters, AccountSid: "AC2" }), 403)
      assert.strictEqual(yield* status(answer, { From: "+15550100" }), 400)
      for (const other of [{ To: "+15550999" }, { From: "+4930123" }, { From: "" }]) {
        const rejected = yield* Effect.promise(() => fake.post(answer, { ...parameters, ...other }))
        assert.include(rejected.body, "<Reject reason=\"rejected\"/>")
      }
      const large = yield* Effect.promise(() => fetch(answer, { method: "POST", body: "x".repeat(100_000) }))
      assert.isAtLeast(large.status, 400)
      yield* Effect.promise(() => large.arrayBuffer())
      // the same request is answered the same, so that no second token can be had by it
      const told = yield* Effect.promise(() => fake.post(answer, parameters))
      const again = yield* Effect.promise(() => fake.post(answer, parameters))
      assert.strictEqual(again.body, told.body)
      const token = /name="token" value="([^"]+)"/.exec(told.body)?.[1] ?? ""
      const media = url("media").replace("http", "ws")
      const headers = { "x-twilio-signature": fake.sign(media) }
      const open = (given: { readonly callSid?: string; readonly token?: string; readonly signed?: boolean }) =>
        new FakeStream({
          url: media,
          headers: given.signed === false ? { "x-twilio-signature": "AAAA" } : headers,
          wire: FakeTwilio.twilioProtocol({
            accountSid: fake.accountSid,
            callSid: given.callSid ?? "CA1",
            streamSid: "MZ1",
            parameters: given.token === undefined ? {} : { token: given.token, from: "+15550100", to: "+15550101" }
          }),
          manual: true
        })
      assert.deepInclude(yield* open({ token, signed: false }).ended, { by: "refused", status: 401 })
      for (const given of [{}, { token: "guessed" }, { token: `${token}x` }]) {
        assert.deepInclude(yield* open(given).ended, { by: "us", code: 1_008 })
      }
      assert.deepInclude(yield* open({ token, callSid: "CA2" }).ended, { by: "us", code: 1_008 })
      // it was taken by the other call: a token is good once
      assert.deepInclude(yield* open({ token }).ended, { by: "us", code: 1_008 })
      assert.strictEqual((yield* phone.backend.listSessions).length, 0)
    }))

  it.live("is busy when it is full", () =>
    Effect.gen(function*() {
      const { answer, fake } = yield* start({ service: { maxSessions: 1 } })
      yield* greeted(fake.call({ url: answer }))
      const other = fake.call({ url: answer })
      yield* other.over
      assert.strictEqual(other.status, "busy")
    }))

  it.live("goes on through whatever a stream sends, and another call does not notice", () =>
    Effect.gen(function*() {
      const { answer, fake, phone } = yield* start()
      const good = fake.call({ url: answer })
      const bad = fake.call({
        url: answer,
        misbehaviour: {
          withoutStop: true,
          instead: (message, i) =>
            i < 2 ?
              [message] :
              i === 3 ?
              [message, "{", Buffer.from("x"), "[]", "{\"event\":\"start\"}", `{"a":"${"x".repeat(60_000)}"}`] :
              i % 5 === 0
              ? [message, message]
              : i % 7 === 0
              ? []
              : [message]
        }
      })
      const stream = yield* greeted(good)
      const odd = yield* greeted(bad)
      assertHeard(stream.loudMs(), 4)
      assert.isTrue(odd.isOpen)
      odd.raw("x".repeat(70_000))
      yield* odd.ended
      stream.say(speech(400))
      yield* stream.until("the answer", () => stream.loudMs() >= 7 * CloudService.WORD_MS)
      assert.deepStrictEqual(stream.faults, [])
      assert.isTrue(stream.isOpen)
      assert.isAtLeast(phone.of("error").length, 1)
    }))
})
