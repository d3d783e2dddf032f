/** Calls that are asked for over HTTP, and made through Twilio's interface. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as FakeTwilio from "../../support/FakeTwilio.ts"
import { freePort } from "../../support/FreePort.ts"
import * as CloudService from "./CloudService.ts"

const start = Effect.fnUntraced(function*(twilio: FakeTwilio.FakeTwilioOptions = {}) {
  const fake = yield* FakeTwilio.start(twilio)
  const phone = yield* CloudService.make({
    port: yield* freePort,
    carriers: [{
      name: "tw",
      kind: "twilio",
      account_sid: fake.accountSid,
      auth_token: fake.authToken,
      api_url: fake.url,
      from: "+15550101",
      calls_per_second: 10
    }],
    provider: { allowed_destinations: ["+1555"], max_concurrent_calls: 2 }
  })
  const request = (method: string, path: string, body?: unknown, headers: { readonly [name: string]: string } = {}) =>
    Effect.promise(async () => {
      const response = await fetch(`${phone.url}${path}`, {
        method,
        headers: { "content-type": "application/json", ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) })
      })
      const text = await response.text()
      return { status: response.status, json: text === "" ? {} : JSON.parse(text) }
    })
  return { fake, phone, request }
})

const order = { to: "+15550102", user_id: "ann" }

describe("POST /v1/calls by Twilio", () => {
  it.live("makes one call for a key, as it is asked for, which is talked to and hung up", () =>
    Effect.gen(function*() {
      const { fake, phone, request } = yield* start({ answeredBy: "human" })
      const body = { ...order, ring_timeout: "25s", machine: { detect: "carrier", on_machine: "hang_up" } }
      const made = yield* Effect.all(
        [1, 2, 3].map(() => request("POST", "/v1/calls", body, { "idempotency-key": "order-7" })),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(made.map(({ status }) => status), [201, 201, 201])
      assert.strictEqual(fake.calls.length, 1)
      const { id } = made[0]!.json
      const form = new URLSearchParams(fake.requests.find(({ body }) => body.includes("To="))?.body)
      assert.deepStrictEqual(
        [form.get("To"), form.get("From"), form.get("Timeout"), form.has("MachineDetection")],
        ["+15550102", "+15550101", "25", true]
      )
      const [call] = fake.calls
      const stream = yield* call!.stream
      yield* stream.until("the greeting", () => stream.loudMs() >= CloudService.WORD_MS)
      assert.strictEqual((yield* request("POST", `/v1/sessions/${id}/call`, { action: "hang_up" })).status, 204)
      yield* call!.over
      const ended = yield* phone.until("the end", (event) => event.type === "session.ended" && event.session === id)
      assert.propertyVal(ended, "reason", "hung_up")
      assert.strictEqual(fake.calls.length, 1)
    }).pipe(Effect.scoped), 60_000)

  it.live("says who was not reached, and calls nobody elsewhere", () =>
    Effect.gen(function*() {
      const { fake, phone, request } = yield* start({ outcomes: { "+15550103": "busy" } })
      const busy = yield* request("POST", "/v1/calls", { ...order, to: "+15550103" })
      assert.strictEqual(busy.status, 201)
      const ended = yield* phone.until("the end", ({ type }) => type === "session.ended")
      assert.deepInclude(ended, { reason: "not_reached", session: busy.json.id })
      assert.deepStrictEqual(phone.of("call.ended").map(({ cause }) => cause), ["busy"])
      const elsewhere = yield* request("POST", "/v1/calls", { ...order, to: "+442071838750" })
      assert.deepStrictEqual([elsewhere.status, elsewhere.json.details.reason], [403, "destination_not_allowed"])
      assert.strictEqual(fake.calls.length, 1)
    }).pipe(Effect.scoped), 60_000)

  it.live(
    "hangs up a session that is deleted, and makes no more calls than there may be",
    () =>
      Effect.gen(function*() {
        const { fake, request } = yield* start()
        const first = yield* request("POST", "/v1/calls", order)
        const second = yield* request("POST", "/v1/calls", order)
        const third = yield* request("POST", "/v1/calls", order)
        assert.deepStrictEqual([first.status, second.status, third.status], [201, 201, 503])
        assert.strictEqual(third.json.details.reason, "calls_full")
        assert.strictEqual((yield* request("DELETE", `/v1/sessions/${first.json.id}`)).status, 204)
        yield* fake.calls[0]!.over
        assert.strictEqual((yield* request("POST", "/v1/calls", order)).status, 201)
        assert.strictEqual(fake.calls.length, 3)
      }).pipe(Effect.scoped),
    60_000
  )
})
