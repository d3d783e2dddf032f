/** Calls of Vonage, from the webhook to the end, against its fake. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { generateKeyPairSync } from "node:crypto"
import { speech } from "../../../src/testing/scripted/ScriptedEngines.ts"
import * as FakeVonage from "../../support/FakeVonage.ts"
import * as CarrierServer from "./CarrierServer.ts"

const pair = generateKeyPairSync("rsa", { modulusLength: 2_048 })
const publicKey = pair.publicKey.export({ type: "spki", format: "pem" }).toString()
const privateKey = pair.privateKey.export({ type: "pkcs8", format: "pem" }).toString()

const start = Effect.fnUntraced(function*(
  options: Omit<CarrierServer.CarrierServerOptions, "carriers"> & {
    readonly fake?: Omit<FakeVonage.FakeVonageOptions, "publicKey">
    readonly carrier?: object
  } = {}
) {
  const { carrier, fake, ...rest } = options
  const vonage = yield* FakeVonage.start({ publicKey, ...fake })
  const server = yield* CarrierServer.start({
    ...rest,
    carriers: [{
      name: "v",
      kind: "vonage",
      application_id: vonage.applicationId,
      private_key: privateKey,
      signature_secret: vonage.signatureSecret,
      api_key: vonage.apiKey,
      api_url: vonage.url,
      calls_per_second: 50,
      from: "+447700900001",
      ring_timeout: "20s",
      ...carrier
    }]
  })
  const answerUrl = `${server.url}/telephony/v/answer`
  const eventUrl = `${server.url}/telephony/v/event`
  return { vonage, server, answerUrl, eventUrl, urls: { answerUrl, eventUrl } }
})

const long =
  "a long answer which takes so much time to be said that somebody can interrupt it before it has come to its end"

describe("the carrier vonage", () => {
  it.live("takes a call: greeting, facts, keys, a turn, what was heard, and the end by the caller", () =>
    Effect.gen(function*() {
      const { server, urls, vonage } = yield* start({ words: ["hello"], greeting: "Welcome." })
      const call = vonage.call(urls)
      const stream = yield* call.stream
      const followed = yield* server.session
      yield* stream.until("the greeting", () => stream.loudMs() >= 100 && stream.aheadMs === 0)
      assert.strictEqual(stream.wire.sampleRate, 16_000)
      const { session } = followed
      assert.strictEqual(session.config.userId, "+447700900000")
      assert.deepStrictEqual(session.config.call, {
        carrier: "v",
        direction: "inbound",
        id: call.uuid,
        from: "+447700900000",
        to: "+447700900001",
        parameters: {}
      })
      stream.press("5")
      yield* followed.event("dtmf.received")
      stream.say(speech(400, 16_000))
      yield* followed.answered("hello")
      yield* stream.until("all is played", () => stream.aheadMs === 0)
      assert.isAbove(stream.marks.length, 1)
      assert.isBelow(stream.mostAheadMs, 1_500)
      assert.deepStrictEqual(stream.faults, [])
      call.hangUp()
      yield* followed.event("call.ended")
      assert.strictEqual(followed.of("call.ended")[0]?.cause, "user_hung_up")
      yield* followed.event("session.ended")
    }).pipe(Effect.scoped))

  it.live("drops what was not played when the caller interrupts", () =>
    Effect.gen(function*() {
      const { server, urls, vonage } = yield* start({
        words: ["tell me", "stop"],
        answer: (text) => text === "stop" ? "Yes." : long
      })
      const call = vonage.call(urls)
      const stream = yield* call.stream
      const followed = yield* server.session
      yield* stream.opened
      stream.say(speech(400, 16_000))
      yield* stream.until("the answer is heard", () => stream.loudMs() >= 300)
      stream.say(speech(1_000, 16_000))
      yield* stream.until("a clear", () => stream.clears.length > 0)
      yield* followed.event("playout.clear")
      assert.deepStrictEqual(stream.faults, [])
    }).pipe(Effect.scoped))

  it.live("ends the call when the agent hangs up, and sends keys", () =>
    Effect.gen(function*() {
      const { server, urls, vonage } = yield* start()
      const call = vonage.call(urls)
      const followed = yield* server.session
      yield* Effect.flatMap(call.stream, ({ opened }) => opened)
      yield* followed.session.sendDtmf("1w2#")
      assert.deepStrictEqual(call.digits, ["1p2#"])
      const unsupported = yield* Effect.flip(followed.session.sendDtmf("A"))
      assert.strictEqual(unsupported.details?.["reason"], "unsupported")
      yield* followed.session.hangUp
      yield* call.over
      assert.strictEqual(call.status, "completed")
    }).pipe(Effect.scoped))

  it.live("transfers a call to a person, or has it back when nobody answers", () =>
    Effect.gen(function*() {
      const { server, urls, vonage } = yield* start({
        fake: { outcomes: { "447700900009": "busy" } },
        providerConfig: { transfer_targets: { sales: "+447700900008", lost: "+447700900009" } }
      })
      const call = vonage.call(urls)
      const followed = yield* server.session
      yield* Effect.flatMap(call.stream, ({ opened }) => opened)
      assert.strictEqual(
        (yield* Effect.flip(followed.session.transfer({ queue: "q" }))).details?.["reason"],
        "unsupported"
      )
      yield* followed.session.transfer("lost")
      yield* followed.until("the failure", () => followed.of("call.transfer_failed").length === 2)
      assert.strictEqual(followed.of("call.transfer_failed").at(-1)?.cause, "busy")
      yield* call.until("a second stream", () => call.streams.length === 2)
      yield* Effect.flatMap(call.stream, ({ opened }) => opened)
      yield* followed.session.transfer("sales")
      yield* followed.event("call.ended")
      assert.strictEqual(followed.of("call.ended")[0]?.cause, "transferred")
      assert.deepStrictEqual(call.dialled, [
        { target: "447700900009", connected: false },
        { target: "447700900008", connected: true }
      ])
      assert.strictEqual(call.status, "answered", "the caller talks on")
    }).pipe(Effect.scoped))

  it.live("transfers a call warm: whoever answers hears the summary, and meets the caller", () =>
    Effect.gen(function*() {
      const { server, urls, vonage } = yield* start({ fake: { outcomes: { "447700900009": "unanswered" } } })
      const call = vonage.call(urls)
      const followed = yield* server.session
      yield* Effect.flatMap(call.stream, ({ opened }) => opened)
      yield* followed.session.transfer("+447700900009", { warm: true, summary: "A caller." })
      yield* followed.event("call.transfer_failed")
      assert.strictEqual(followed.of("call.transfer_failed").at(-1)?.cause, "no_answer")
      assert.strictEqual(call.streams.length, 1, "the caller was with the agent all the time")
      yield* followed.session.transfer("+447700900008", { warm: true, summary: "A caller." })
      yield* followed.event("call.ended")
      const other = vonage.calls.find(({ to }) => to === "447700900008") ?? assert.fail("nobody was called")
      yield* call.until("the conversation", () => call.conversation !== undefined)
      yield* other.until("the conversation", () => other.conversation !== undefined)
      assert.deepStrictEqual(other.said, ["A caller."])
      assert.strictEqual(other.conversation, call.conversation)
    }).pipe(Effect.scoped))

  it.live("comes back to its session when its stream is lost", () =>
    Effect.gen(function*() {
      const { server, urls, vonage } = yield* start({ words: ["again"] })
      const call = vonage.call(urls)
      const stream = yield* call.stream
      const followed = yield* server.session
      yield* stream.opened
      stream.cut()
      yield* call.until("a second stream", () => call.streams.length === 2)
      yield* Effect.flatMap(call.stream, ({ opened }) => opened)
      const second = yield* call.stream
      second.say(speech(400, 16_000))
      yield* followed.answered("again")
      assert.strictEqual((yield* server.backend.listSessions).length, 1)
    }).pipe(Effect.scoped))

  it.live("makes a call: it rings, is answered by a machine with a beep, and talks", () =>
    Effect.gen(function*() {
      const { server, vonage } = yield* start({
        fake: { answeredBy: "beep" },
        carrier: { machine_detection: "beep" },
        greeting: "Good day."
      })
      const session = yield* server.backend.createSession(CarrierServer.outbound("v", "+447700900002"))
      const followed = yield* server.follow(session.id)
      const call = vonage.calls[0] ?? assert.fail("nobody was called")
      const stream = yield* call.stream
      yield* followed.until("the beep", () => followed.of("call.machine").some(({ result }) => result === "beep"))
      yield* stream.until("the greeting", () => stream.loudMs() >= 100)
      assert.strictEqual(call.from, "447700900001")
      yield* session.hangUp
      yield* call.over
    }).pipe(Effect.scoped))

  it.live("tells why a call that was made did not come about", () =>
    Effect.gen(function*() {
      const { server } = yield* start({ fake: { outcomes: { "447700900003": "busy", "447700900004": "timeout" } } })
      for (const [to, cause] of [["+447700900003", "busy"], ["+447700900004", "no_answer"]] as const) {
        const session = yield* server.backend.createSession(CarrierServer.outbound("v", to))
        const followed = yield* server.follow(session.id)
        yield* followed.event("call.ended")
        assert.strictEqual(followed.of("call.ended")[0]?.cause, cause)
      }
      const missing = yield* Effect.flip(server.backend.createSession(CarrierServer.outbound("v", "not a number")))
      assert.strictEqual(missing.code, "invalid_config")
    }).pipe(Effect.scoped))

  it.live("takes no webhook that Vonage has not signed, none twice, and no call of another number", () =>
    Effect.gen(function*() {
      const { answerUrl, eventUrl, vonage } = yield* start({ carrier: { allowed_callers: ["+4477009000*"] } })
      const body = { uuid: "u1", from: "447700900000", to: "447700900001" }
      const text = JSON.stringify(body)
      const ask = (url: string, token: string | undefined, sent = text) =>
        Effect.promise(async () => {
          const response = await fetch(url, {
            method: "POST",
            body: sent,
            headers: token === undefined ? {} : { authorization: `Bearer ${token}` }
          })
          return { status: response.status, text: await response.text() }
        })
      const token = yield* Effect.promise(() => vonage.token(text))
      const other = yield* Effect.promise(() => vonage.token(text, { api_key: "other" }))
      const old = yield* Effect.promise(() => vonage.token(text, { iat: Math.floor(Date.now() / 1_000) - 1_000 }))
      for (const url of [answerUrl, eventUrl]) {
        assert.strictEqual((yield* ask(url, undefined)).status, 401)
        assert.strictEqual((yield* ask(url, other)).status, 401)
        assert.strictEqual((yield* ask(url, old)).status, 401)
        assert.strictEqual((yield* ask(url, token, `${text} `)).status, 401)
      }
      const first = yield* ask(answerUrl, token)
      assert.strictEqual(first.status, 200)
      assert.strictEqual((yield* ask(answerUrl, token)).status, 401, "a replay")
      const stranger = yield* Effect.promise(() => vonage.post(answerUrl, { ...body, from: "15550100" }))
      assert.strictEqual(stranger.status, 403)
      assert.strictEqual((yield* Effect.promise(() => vonage.post(answerUrl, { uuid: "" }))).status, 400)
      assert.strictEqual((yield* Effect.promise(() => vonage.post(eventUrl, { status: 7 }))).status, 204)
      const huge = JSON.stringify({ uuid: "x".repeat(100_000) })
      const signed = yield* Effect.promise(() => vonage.token(huge))
      assert.strictEqual((yield* ask(answerUrl, signed, huge)).status, 400)
    }).pipe(Effect.scoped))

  it.live("goes on through messages that are not of the protocol", () =>
    Effect.gen(function*() {
      const strange: ReadonlyArray<Buffer | string> = [
        "no JSON",
        JSON.stringify({ event: "websocket:connected", "content-type": "audio/l16;rate=8000" }),
        JSON.stringify({ event: "websocket:dtmf", digit: "not a key" }),
        JSON.stringify({ event: "websocket:unheard_of" }),
        JSON.stringify({ event: "websocket:notify", payload: { mark: "e9.9" } }),
        Buffer.alloc(641),
        Buffer.alloc(0)
      ]
      const { server, urls, vonage } = yield* start({
        words: ["hello"],
        fake: {
          misbehaviour: {
            instead: (message, index) => index > 0 && index % 40 === 0 ? [...strange, message] : [message]
          }
        }
      })
      const call = vonage.call(urls)
      const stream = yield* call.stream
      const followed = yield* server.session
      yield* stream.until("two rounds of them", () => stream.heard.length > 90)
      stream.say(speech(400, 16_000))
      yield* followed.answered("hello")
      assert.strictEqual(followed.of("dtmf.received").length, 0)
      assert.isUndefined(stream.end)
    }).pipe(Effect.scoped))

  it.live("answers by GET, too", () =>
    Effect.gen(function*() {
      const { server, urls, vonage } = yield* start()
      const call = vonage.call({ ...urls, method: "GET" })
      yield* Effect.flatMap(call.stream, ({ opened }) => opened)
      const { session } = yield* server.session
      assert.strictEqual(session.config.call?.id, call.uuid)
    }).pipe(Effect.scoped))
})
