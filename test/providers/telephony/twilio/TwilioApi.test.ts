import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Redacted } from "effect"
import { FetchHttpClient, HttpClient } from "effect/http"
import twilio from "twilio"
import RequestClient from "twilio/lib/base/RequestClient.js"
import type { BackendError } from "../../../../src/BackendError.ts"
import * as TwilioApi from "../../../../src/providers/telephony/twilio/TwilioApi.ts"
import { serveHttp } from "../../../support/FakeCarrier.ts"
import * as FakeTwilio from "../../../support/FakeTwilio.ts"

const credentials = { authToken: Redacted.make(FakeTwilio.TOKEN) }
const apiOf = (url: string, given: TwilioApi.TwilioCredentials = credentials) =>
  Effect.map(HttpClient.HttpClient, (client) =>
    TwilioApi.make(client, {
      accountSid: FakeTwilio.ACCOUNT,
      credentials: given,
      url,
      timeout: Duration.seconds(10)
    }))

const call: TwilioApi.NewCall = {
  to: "+15550102",
  from: "+15550101",
  url: "http://127.0.0.1:9/answer",
  statusCallback: "http://127.0.0.1:9/status",
  timeoutSeconds: 20
}

const failure = <A>(effect: Effect.Effect<A, BackendError>) => Effect.flip(Effect.asVoid(effect))

describe("TwilioApi", () => {
  it("asks the region and edge of the account", () => {
    assert.strictEqual(TwilioApi.urlOf({}), "https://api.twilio.com/2010-04-01")
    assert.strictEqual(
      TwilioApi.urlOf({ region: "ie1", edge: "dublin" }),
      "https://api.dublin.ie1.twilio.com/2010-04-01"
    )
  })

  it.live("makes a call as the official package makes it", () =>
    Effect.gen(function*() {
      const fake = yield* FakeTwilio.start({ outcomes: { "+15550102": "busy" } })
      const api = yield* apiOf(fake.url)
      const detection = { until: "message_end", timeoutSeconds: 10, callback: "http://127.0.0.1:9/amd" } as const
      const sid = yield* api.create({ ...call, sendDigits: "ww1", machineDetection: detection })
      assert.strictEqual(sid, fake.calls[0]?.sid)
      const httpClient = new RequestClient()
      httpClient.axios.interceptors.request.use((request) => {
        request.url = request.url?.replace("https://api.twilio.com/2010-04-01", fake.url) ?? fake.url
        return request
      })
      const official = twilio(FakeTwilio.ACCOUNT, FakeTwilio.TOKEN, { httpClient })
      const made = yield* Effect.promise(() =>
        official.calls.create({
          to: call.to,
          from: call.from,
          url: call.url,
          method: "POST",
          statusCallback: call.statusCallback,
          statusCallbackMethod: "POST",
          statusCallbackEvent: ["initiated", "ringing", "answered", "completed"],
          timeout: 20,
          sendDigits: "ww1",
          machineDetection: "DetectMessageEnd",
          asyncAmd: "true",
          asyncAmdStatusCallback: "http://127.0.0.1:9/amd",
          asyncAmdStatusCallbackMethod: "POST",
          machineDetectionTimeout: 10
        })
      )
      assert.strictEqual(made.sid, fake.calls[1]?.sid)
      const [ours, theirs] = fake.requests.map(({ body, headers, method, path }) => ({
        method,
        path,
        authorization: headers.authorization,
        form: Array.from(new URLSearchParams(body)).map((pair) => pair.join("=")).sort()
      }))
      assert.deepStrictEqual(ours, theirs)
    }).pipe(Effect.provide(FetchHttpClient.layer)))

  it.live("hangs up; that a call is over already is a success, and for a redirect it is not", () =>
    Effect.gen(function*() {
      const fake = yield* FakeTwilio.start()
      const server = yield* serveHttp(() => ({ status: 200, body: "<Response><Dial>+15550103</Dial></Response>" }))
      const api = yield* apiOf(fake.url)
      const line = fake.call({ url: server.url })
      yield* line.until("the call to be answered", () => line.dialled.length > 0)
      yield* api.redirect(line.sid, "<Response><Say>one &amp; two</Say><Dial>+15550104</Dial></Response>")
      yield* line.until("the other document", () => line.dialled.length > 1)
      assert.deepStrictEqual(line.said, ["one & two"])
      yield* api.hangUp(line.sid)
      assert.strictEqual(line.status, "completed")
      yield* api.hangUp(line.sid)
      yield* api.hangUp("CA-unknown/../x")
      assert.include(fake.requests.at(-1)?.path, "/Calls/CA-unknown%2F..%2Fx.json")
      assert.propertyVal(yield* failure(api.redirect(line.sid, "<Response/>")), "_tag", "SessionNotFound")
      assert.propertyVal(yield* failure(api.redirect("CA-unknown", "<Response/>")), "_tag", "SessionNotFound")
    }).pipe(Effect.provide(FetchHttpClient.layer)))

  it.live("takes an API key, and says that a key is refused without repeating it", () =>
    Effect.gen(function*() {
      const fake = yield* FakeTwilio.start({ apiKeys: { SK1: "a secret" }, outcomes: { "+15550102": "busy" } })
      const key = { apiKey: "SK1", apiSecret: Redacted.make("a secret") }
      yield* Effect.flatMap(apiOf(fake.url, key), (api) => api.create(call))
      const wrong = yield* apiOf(fake.url, { ...key, apiSecret: Redacted.make("another secret") })
      const refused = yield* failure(wrong.create(call))
      assert.propertyVal(refused, "_tag", "AuthenticationFailed")
      assert.deepInclude(refused.details, { vendor: "twilio", status: 401, code: "20003" })
      assert.match(String(refused.details?.["requestId"]), /^RQ/)
      assert.notInclude(JSON.stringify(refused), "another secret")
    }).pipe(Effect.provide(FetchHttpClient.layer)))

  it.live("gives each refusal an error of its own, and asks once", () =>
    Effect.gen(function*() {
      const fake = yield* FakeTwilio.start()
      const api = yield* apiOf(fake.url)
      const refusals = [
        [{ status: 400, body: { code: 21_211, message: "Invalid 'To' Phone Number: +4929" } }, "InvalidConfig"],
        [{ status: 400, body: { code: 21_215, message: "Geo" } }, "AuthorizationFailed"],
        [
          { status: 429, body: { code: 20_429, message: "Too many" }, headers: { "retry-after": "3" } },
          "RateLimitExceeded"
        ],
        [{ status: 500, body: "<html>" }, "ConnectionFailed"],
        [{ status: 503, body: "" }, "ConnectionFailed"],
        [{ status: 201, body: "not JSON" }, "PipelineError"],
        [{ status: 201, body: { sid: "x".repeat(9_000) } }, "PipelineError"],
        [{ status: 302, headers: { location: "http://127.0.0.1:9/" } }, "ConnectionFailed"]
      ] as const
      for (const [answer, tag] of refusals) {
        fake.refuseNext(answer)
        const before = fake.requests.length
        const error = yield* failure(api.create(call))
        assert.propertyVal(error, "_tag", tag, JSON.stringify(answer))
        assert.strictEqual(fake.requests.length, before + 1)
        assert.notInclude(JSON.stringify(error), "4929")
        assert.notInclude(JSON.stringify(error), "127.0.0.1")
      }
      assert.strictEqual(fake.calls.length, 0)
      const nowhere = yield* apiOf("http://127.0.0.1:9/2010-04-01")
      assert.propertyVal(yield* failure(nowhere.hangUp("CA1")), "_tag", "ConnectionFailed")
    }).pipe(Effect.provide(FetchHttpClient.layer)))
})
