import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as Agent from "../../../src/agent/Agent.ts"
import { CallContext } from "../../../src/agent/CallContext.ts"
import { call, dial, echo, immediates, only, type PhoneOptions, SECRET, start } from "./Phone.ts"

/** A stream that is not let in: how it was closed. */
const refused = Effect.fnUntraced(function*(url: string, options: PhoneOptions = {}) {
  const phone = yield* call(url, options)
  yield* phone.until("the refusal", () => phone.closed !== undefined)
  return phone.closed
})

const settings = {
  allowed_callers: ["+4930*", "+1555123"],
  allowed_numbers: ["+49800*"]
}

describe.concurrent("a media stream that is not let in", () => {
  it.live("has a wrong secret, or none: 1008, and nothing was created", () =>
    Effect.gen(function*() {
      const { backend, url } = yield* start()
      for (const secret of ["", "guessed", `${SECRET} `, SECRET.slice(0, -1), SECRET.toUpperCase()]) {
        assert.deepStrictEqual(yield* refused(url, { parameters: { secret } }), {
          code: 1_008,
          reason: "authentication_failed"
        })
      }
      const phone = yield* dial(url)
      phone.start({ custom_parameters: {} })
      yield* phone.until("the refusal", () => phone.closed !== undefined)
      assert.strictEqual(phone.closed?.code, 1_008)
      assert.strictEqual(yield* backend.activeSessionCount, 0)
      // by the handshake
      for (
        const [query, headers] of [
          [`?secret=${encodeURIComponent(SECRET)}`, undefined],
          ["", { authorization: `Basic ${Buffer.from(`user:${SECRET}`).toString("base64")}` }]
        ] as const
      ) {
        const taken = yield* dial(`${url}${query}`, { call: query, ...(headers === undefined ? {} : { headers }) })
        taken.start({ custom_parameters: {}, call_control_id: `by ${query}` })
        taken.say("hello there")
        yield* taken.until("the answer", () => taken.heard === "You said hello there.")
      }
    }).pipe(Effect.scoped), 60_000)

  it.live("is of a caller or a number that is not allowed", () =>
    Effect.gen(function*() {
      const { backend, url } = yield* start({ carrier: settings })
      const cases: ReadonlyArray<readonly [string | undefined, string | undefined]> = [
        ["+4940123", "+49800111"],
        ["+49301", "+49801"],
        ["+15551234", "+49800"],
        [undefined, "+49800"],
        ["+49301", undefined]
      ]
      for (const [from, to] of cases) {
        const options = { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) }
        assert.strictEqual((yield* refused(url, options))?.reason, "authorization_failed", `${from} ${to}`)
      }
      assert.strictEqual(yield* backend.activeSessionCount, 0)
      for (const [i, from] of ["+4930999", "+1555123"].entries()) {
        const phone = yield* call(url, { from, to: "+49800111", call: `allowed ${i}` })
        phone.say("hello there")
        yield* phone.until("the answer", () => phone.heard === "You said hello there.")
      }
    }).pipe(Effect.scoped), 60_000)

  it.live("is not a stream, or floods: it is closed and disturbs nobody", () =>
    Effect.gen(function*() {
      const { backend, url } = yield* start()
      const good = yield* call(url, { call: "good" })
      const hostile: ReadonlyArray<readonly [string | Uint8Array, number]> = [
        ["", 1_008],
        ["{", 1_008],
        ["[]", 1_008],
        [Buffer.alloc(320), 1_008],
        ["{\"event\":\"stop\"}", 1_008],
        ["{\"event\":\"start\"}", 1_008],
        [JSON.stringify({ event: "connected", more: "x".repeat(65_000) }), 0],
        ["x".repeat(65_536), 1_008],
        ["x".repeat(65_537), 1_009]
      ]
      for (const [message, code] of hostile) {
        const phone = yield* dial(url)
        if (code === 0) { for (let i = 0; i < 40; i++) phone.send(message) }
        else phone.send(message)
        yield* phone.until("the refusal", () => phone.closed !== undefined)
        assert.strictEqual(phone.closed?.code, code === 0 ? 1_008 : code, message.slice(0, 40).toString())
      }
      const gone = yield* dial(url)
      gone.socket.close()
      yield* gone.until("the end", () => gone.closed !== undefined)
      assert.strictEqual(yield* backend.activeSessionCount, 1)
      good.say("are you there")
      yield* good.until("the answer", () => good.heard === "You said are you there.")
    }).pipe(Effect.scoped), 60_000)

  it.live("finds a full backend, or one that drains: 1013, and no session is left", () =>
    Effect.gen(function*() {
      const { backend, url } = yield* start({
        config: { maxConcurrentSessions: 1 },
        agent: Agent.fromCallback(() => Effect.succeed("And on it goes. ".repeat(20)))
      })
      const first = yield* call(url, { call: "first" })
      first.say("good morning")
      yield* first.until("the answer", () => first.words.length > 2)
      assert.deepStrictEqual(yield* refused(url, { call: "second" }), { code: 1_013, reason: "session_limit_exceeded" })
      assert.strictEqual(yield* backend.activeSessionCount, 1)
      const stopping = yield* Effect.forkChild(backend.stop, { startImmediately: true })
      assert.strictEqual((yield* refused(url, { call: "third" }))?.code, 1_013)
      yield* first.until("the end", () => first.closed !== undefined)
      yield* Fiber.join(stopping)
      assert.strictEqual(yield* backend.activeSessionCount, 0)
    }).pipe(Effect.scoped), 60_000)

  it.effect("does not start: it is closed after 10 s", () =>
    Effect.gen(function*() {
      const { backend, url } = yield* start()
      const phone = yield* dial(url)
      phone.send({ event: "connected" })
      let seconds = 0
      while (phone.closed === undefined && seconds < 30) {
        yield* immediates(5)
        yield* TestClock.adjust("1 second")
        seconds++
        yield* immediates(5)
      }
      assert.strictEqual(phone.closed?.code, 1_008)
      assert.isAtLeast(seconds, 10)
      assert.isAtMost(seconds, 12)
      assert.strictEqual(yield* backend.activeSessionCount, 0)
    }).pipe(Effect.scoped), 60_000)
})

describe.concurrent("a media stream that was let in", () => {
  it.live(
    "goes on over unknown events, garbage, duplicates, a second start and audio that is none",
    () =>
      Effect.gen(function*() {
        const { backend, url } = yield* start()
        const phone = yield* call(url)
        phone.send({ event: "from.the.future", payload: {} })
        phone.send("garbage")
        phone.send(Buffer.alloc(640))
        phone.send("x".repeat(65_536))
        phone.send({ event: "media", stream_id: "s1", media: { chunk: "1", payload: "%%%" } })
        phone.send({ event: "media", stream_id: "other", media: { chunk: "1", payload: "AAAA" } })
        phone.send({ event: "start", stream_id: "s1", start: { call_control_id: "another" } })
        phone.say("good morning")
        yield* phone.until("the answer", () => phone.heard === "You said good morning.")
        assert.strictEqual(yield* backend.activeSessionCount, 1)
        phone.hangUp()
        yield* phone.until("the end", () => phone.closed !== undefined)
      }).pipe(Effect.scoped),
    60_000
  )

  it.live(
    "ends the session when the caller hangs up, at once, and when it breaks off without a word",
    () =>
      Effect.gen(function*() {
        const { backend, url } = yield* start()
        for (const how of ["stop", "close", "terminate"] as const) {
          const phone = yield* call(url, { call: how })
          phone.say("good morning")
          yield* phone.until("the answer", () => phone.heard === "You said good morning.")
          const session = yield* only(backend)
          if (how === "stop") phone.hangUp()
          else if (how === "close") phone.socket.close()
          else phone.socket.terminate()
          assert.strictEqual(yield* session.ended, "user_ended", how)
          yield* Effect.repeat(Effect.andThen(immediates(10), backend.activeSessionCount), {
            until: (count) => count === 0
          })
        }
      }).pipe(Effect.scoped),
    60_000
  )

  it.live("is replaced by a second one of the same call: one session, which goes on", () =>
    Effect.gen(function*() {
      const { backend, url } = yield* start()
      const first = yield* call(url, { call: "same" })
      first.say("good morning")
      yield* first.until("the answer", () => first.heard === "You said good morning.")
      const session = yield* only(backend)
      const second = yield* call(url, { call: "same" })
      yield* first.until("the replacement", () => first.closed !== undefined)
      second.say("good evening")
      yield* second.until("the answer", () => second.heard === "You said good evening.")
      assert.strictEqual((yield* only(backend)).id, session.id)
      yield* Effect.repeat(Effect.andThen(immediates(10), session.history), { until: (items) => items.length === 4 })
      second.hangUp()
      assert.strictEqual(yield* session.ended, "user_ended")
    }).pipe(Effect.scoped), 60_000)

  it.live("shares its session with one that comes at the same time for the same call", () =>
    Effect.gen(function*() {
      const { backend, url } = yield* start()
      const phones = yield* Effect.forEach(Array.from({ length: 3 }), () => dial(url, { call: "same" }))
      for (const phone of phones) phone.start()
      yield* Effect.raceAll(phones.map((phone) => {
        phone.say("good morning")
        return phone.until("the answer", () => phone.heard === "You said good morning.")
      }))
      yield* only(backend)
      for (const { closed } of phones) {
        assert.isTrue(closed === undefined || closed.reason === "replaced", closed?.reason)
      }
    }).pipe(Effect.scoped), 60_000)

  it.live("is answered by the agent of the number that was called, and knows its call", () =>
    Effect.gen(function*() {
      const facts = Agent.fromCallback(() =>
        Effect.gen(function*() {
          const { facts } = yield* CallContext
          return `From ${facts["from"]} by ${(facts["parameters"] as { flow?: string }).flow}.`
        })
      )
      const { backend, url } = yield* start({
        agent: facts,
        carrier: { numbers: { "+49800": { language: "de" }, "+1": {} }, language: "en" }
      })
      const phone = yield* call(url, { from: "+4930", to: "+49800", parameters: { flow: "sales" } })
      phone.say("hello there")
      yield* phone.until("the answer", () => phone.heard === "From +4930 by sales.")
      const session = yield* only(backend)
      assert.strictEqual(yield* session.language, "de")
      assert.strictEqual(session.config.userId, "+4930")
      assert.strictEqual(session.config.transport, "websocket")
      assert.deepStrictEqual((yield* session.metadata)["call"], {
        carrier: "main",
        direction: "inbound",
        id: "c1",
        from: "+4930",
        to: "+49800",
        parameters: { flow: "sales" }
      })
      const other = yield* call(url, { to: "constructor", call: "other" })
      other.say("hello there")
      yield* other.until("the answer", () => other.heard.startsWith("From undefined"))
      const session2 = (yield* backend.listSessions).find(({ id }) => id !== session.id)
      assert.strictEqual(yield* session2!.language, "en")
    }).pipe(Effect.scoped), 60_000)

  it.effect("is silent for as long as a session may last, an hour, and is answered then", () =>
    Effect.gen(function*() {
      const { backend, url } = yield* start({ agent: echo })
      const phone = yield* call(url, { comfort: false })
      yield* Effect.repeat(Effect.andThen(immediates(1), backend.activeSessionCount), { until: (count) => count === 1 })
      const session = yield* only(backend)
      for (let quarter = 0; quarter < 236; quarter++) {
        yield* TestClock.adjust("15 seconds")
        yield* immediates(4)
        assert.isUndefined(phone.closed, `after ${quarter * 15} s`)
      }
      for (let i = 0; i < 50; i++) {
        phone.audio(new Int16Array(320).fill(i < 30 ? 8_000 : 0))
        yield* immediates(2)
        yield* TestClock.adjust(20)
      }
      // the scripted recogniser has heard no words in it, but a turn: it ends though nothing follows
      yield* Effect.repeat(
        Effect.andThen(Effect.andThen(TestClock.adjust(20), immediates(1)), session.state.get),
        { until: (state) => state === "idle" || state === "listening", times: 500 }
      )
      assert.isUndefined(phone.closed)
    }).pipe(Effect.scoped), 60_000)
})
