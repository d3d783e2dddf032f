/** What a vendor's status, close code and own code come to. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { detailsForUsers, PipelineError } from "../../src/BackendError.ts"
import * as VendorError from "../../src/wire/VendorError.ts"
import * as VendorKey from "../../src/wire/VendorKey.ts"

const op = "SpeechToText.connect"

describe("VendorError", () => {
  const statuses = [
    [400, "InvalidConfig", "deepgram rejected the request (400)"],
    [401, "AuthenticationFailed", "deepgram rejected the API key (401)"],
    [402, "AuthorizationFailed", "deepgram: the account's quota or credit is exhausted (402)"],
    [403, "AuthorizationFailed", "deepgram denied permission (403)"],
    [404, "InvalidConfig", "deepgram rejected the request (404)"],
    [408, "ConnectionFailed", "deepgram is temporarily unavailable (408)"],
    [429, "RateLimitExceeded", "deepgram: rate limited (429)"],
    [503, "ConnectionFailed", "deepgram is temporarily unavailable (503)"],
    [302, "ConnectionFailed", "deepgram is temporarily unavailable (302)"]
  ] as const
  for (const [status, tag, message] of statuses) {
    it(`${status} is ${tag}`, () => {
      const error = VendorError.fromStatus("deepgram", { op, status, retryAfter: "1.5", requestId: "r" })
      assert.strictEqual(error._tag, tag)
      assert.strictEqual(error.message, message)
      assert.deepInclude(error.details, { vendor: "deepgram", status, requestId: "r", retryAfterMs: 1_500 })
      assert.strictEqual(error.details?.["reason"], status === 402 ? "quota" : undefined)
    })
  }

  it("lets a vendor's own code decide, in the shapes that they come in, and quotes no text", () => {
    const bodies = [
      { error: { message: "secret words", type: "x", code: "insufficient_quota" } },
      { error: { message: "secret words", type: "insufficient_quota", code: null } },
      { err_code: "insufficient_quota", err_msg: "secret words" },
      { detail: { status: "insufficient_quota", message: "secret words" } },
      { error_code: "insufficient_quota", message: "secret words" }
    ]
    for (const body of bodies) {
      const error = VendorError.fromStatus(
        "openai",
        { op, status: 429, body: JSON.stringify(body) },
        { insufficient_quota: "quota" }
      )
      assert.strictEqual(error._tag, "AuthorizationFailed", JSON.stringify(body))
      assert.deepInclude(error.details, { reason: "quota", code: "insufficient_quota" })
      assert.notInclude(JSON.stringify(error), "secret words")
    }
  })

  it.effect("repeats no key of this process, wherever a vendor does", () =>
    Effect.gen(function*() {
      const key = "sk-hunter2-0123456789"
      yield* VendorKey.key("deepgram", Redacted.make(`${key}\n`), "DEEPGRAM_API_KEY")
      const errors = [
        VendorError.fromClose("deepgram", { op, code: 1008, reason: `the key ${key} may not do this` }),
        VendorError.fromStatus("deepgram", { op, status: 429, requestId: key, body: `{"error":{"code":"${key}"}}` }),
        ...(["authorization", "rate", "input", "unavailable", "failed"] as const).map((kind) =>
          // a key that is cut is a key
          VendorError.toError("deepgram", op, { kind, text: `${"x".repeat(190)} ${key} ${key}` })
        )
      ]
      for (const error of errors) {
        assert.notInclude(JSON.stringify([error.message, error.details]), "hunter2")
      }
      // an engine of an application may tell it in what a user sees of an error
      const own = new PipelineError({ op, message: "", retryable: false, details: { requestId: key, status: 500 } })
      assert.deepStrictEqual(detailsForUsers(own), { status: 500 })
      assert.strictEqual(
        errors[0]?.message,
        "deepgram closed the connection (1008): the key <redacted> may not do this"
      )
    }))

  it("takes no sentence, no markup and no inherited name for a code", () => {
    for (const body of ["", "<html>", "[]", "{\"error\":\"you said secret words\"}", "{\"error\":{\"code\":{}}}"]) {
      const error = VendorError.fromStatus("openai", { op, status: 500, body })
      assert.strictEqual(error._tag, "ConnectionFailed")
      assert.notProperty(error.details, "code")
    }
    const kinds = VendorError.fromStatus("openai", { op, status: 500, body: "{\"code\":\"constructor\"}" }, {})
    assert.strictEqual(kinds._tag, "ConnectionFailed")
  })

  it("maps a close code: a lost connection, or what the vendor's table says", () => {
    const kinds = { 4001: "authentication", quota_exceeded: "quota", "DATA-0000": "input" } as const
    const close = (code: number, reason = "") => VendorError.fromClose("acme", { op, code, reason }, kinds)
    assert.strictEqual(close(1011, "internal error")._tag, "ConnectionFailed")
    assert.strictEqual(close(1011, "internal error").message, "acme closed the connection (1011): internal error")
    assert.deepStrictEqual(close(1000).details, { vendor: "acme", closeCode: 1000 })
    assert.strictEqual(close(4001)._tag, "AuthenticationFailed")
    assert.strictEqual(close(1008, "quota_exceeded").details?.["reason"], "quota")
    assert.strictEqual(close(1011, "DATA-0000: no audio")._tag, "InvalidConfig")
    assert.isAtMost(close(1011, "x".repeat(1_000)).message.length, 300)
  })

  it("reads the wait that headers ask for: seconds, ms, a date; a day at most", () => {
    const at = Date.UTC(2026, 10, 29)
    const after = (headers: { readonly [name: string]: string }) => VendorError.retryAfterMs(headers, at)
    assert.strictEqual(after({ "retry-after": "1.5" }), 1_500)
    assert.strictEqual(after({ "retry-after-ms": "20", "retry-after": "1" }), 20)
    assert.strictEqual(after({ "retry-after": new Date(at + 3_000).toUTCString() }), 3_000)
    assert.strictEqual(after({ "retry-after": new Date(at - 3_000).toUTCString() }), 0)
    // this machine's clock is an hour off: what counts is the clock of the server
    const far = at + 3_600_000
    const dates = { "retry-after": new Date(far + 5_000).toUTCString(), date: new Date(far).toUTCString() }
    assert.strictEqual(after(dates), 5_000)
    assert.strictEqual(after({ ...dates, date: "yesterday" }), 3_605_000)
    assert.strictEqual(after({ "retry-after": "999999999" }), 86_400_000)
    for (const header of ["", "soon", "-1", "1e9", "NaN"]) assert.isUndefined(after({ "retry-after": header }))
    assert.isUndefined(after({}))
  })
})
