import { assert, describe, it } from "@effect/vitest"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { createHash } from "node:crypto"
import twilio from "twilio"
import { getExpectedTwilioSignature } from "twilio/lib/webhooks/webhooks.js"
import * as Signature from "../../../../src/providers/telephony/twilio/Signature.ts"

const TOKEN = "12345"
const token = Redacted.make(TOKEN)
const tokens = [token]
const answer = "https://voice.example.com/twilio/answer?x=1"
const form = new URLSearchParams({ CallSid: "CA123", From: "+15550100", To: "+15550101", AccountSid: "AC1" }).toString()
const media = "wss://voice.example.com/twilio/media"

const Name = Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(12))
const Parameters = Schema.Record(Name, Schema.String)
const Path = Schema.String.check(Schema.isPattern(/^[A-Za-z0-9/_.~'!-]{0,16}$/))

/** What a well-formed text has of any: half a character cannot be sent. */
const sent = (parameters: { readonly [name: string]: string }) =>
  Object.fromEntries(new URLSearchParams(new URLSearchParams(parameters).toString()))

describe("Signature", () => {
  it("accepts the golden signatures", () => {
    assert.strictEqual(Signature.sign(token, answer, form), "lfyYtQXhmihLxF8G4fnvb+Ig2c8=")
    assert.strictEqual(Signature.sign(token, media), "PGLrn08/Ba1sEIuSwPQRBPD54PA=")
    assert.isTrue(Signature.verify(tokens, { url: answer, form, signature: "lfyYtQXhmihLxF8G4fnvb+Ig2c8=" }))
    assert.isTrue(Signature.verify(tokens, { url: media, signature: "PGLrn08/Ba1sEIuSwPQRBPD54PA=" }))
  })

  it("accepts a URL with the port, without it, and either of them where the other is signed", () => {
    for (const signed of ["https://a.example.com/x?y=1", "https://a.example.com:443/x?y=1"]) {
      const signature = getExpectedTwilioSignature(TOKEN, signed, {})
      for (const url of ["https://a.example.com/x?y=1", "https://a.example.com:443/x?y=1"]) {
        assert.isTrue(Signature.verify(tokens, { url, signature }), `${signed} ${url}`)
        assert.isTrue(twilio.validateRequest(TOKEN, signature, url, {}))
      }
    }
    const other = getExpectedTwilioSignature(TOKEN, "https://a.example.com:8443/x", {})
    assert.isTrue(Signature.verify(tokens, { url: "https://a.example.com:8443/x", signature: other }))
    assert.isFalse(Signature.verify(tokens, { url: "https://a.example.com/x", signature: other }))
    const v6 = getExpectedTwilioSignature(TOKEN, "wss://[::1]:443/media", {})
    assert.isTrue(Signature.verify(tokens, { url: "wss://[::1]/media", signature: v6 }))
  })

  it("accepts a handshake whose path is signed with a slash at its end", () => {
    const signature = getExpectedTwilioSignature(TOKEN, `${media}/`, {})
    assert.isTrue(Signature.verify(tokens, { url: media, signature }))
    assert.isFalse(
      Signature.verify(tokens, { url: answer, signature: getExpectedTwilioSignature(TOKEN, `${answer}/`, {}) })
    )
  })

  it.prop(
    "accepts what the official package signs, and what is signed the official package accepts",
    [Parameters, Path, Parameters],
    ([query, path, given]) => {
      const search = new URLSearchParams(sent(query)).toString()
      const url = `https://voice.example.com/${path}${search === "" ? "" : `?${search}`}`
      const parameters = sent(given)
      const body = new URLSearchParams(parameters).toString()
      const signature = getExpectedTwilioSignature(TOKEN, url, parameters)
      assert.isTrue(Signature.verify(tokens, { url, form: body, signature }))
      assert.isTrue(twilio.validateRequest(TOKEN, Signature.sign(token, url, body), url, parameters))
      assert.isFalse(Signature.verify(tokens, { url, form: `${body}&more=1`, signature }))
      assert.isFalse(Signature.verify(tokens, { url: `${url}x`, form: body, signature }))
      assert.isFalse(Signature.verify([Redacted.make("other")], { url, form: body, signature }))
    }
  )

  it("counts a value that comes twice once, as the official package does", () => {
    const twice = "a=2&b=1&a=1&a=2"
    const signature = getExpectedTwilioSignature(TOKEN, answer, { a: ["2", "1", "2"], b: "1" })
    assert.isTrue(Signature.verify(tokens, { url: answer, form: twice, signature }))
  })

  it("accepts a JSON body by its hash in the query alone", () => {
    const body = JSON.stringify({ type: "call" })
    const url = `https://voice.example.com/x?bodySHA256=${createHash("sha256").update(body).digest("hex")}`
    const signature = getExpectedTwilioSignature(TOKEN, url, {})
    assert.isTrue(twilio.validateRequestWithBody(TOKEN, signature, url, body))
    assert.isTrue(Signature.verify(tokens, { url, body, signature }))
    assert.isFalse(Signature.verify(tokens, { url, body: `${body} `, signature }))
    assert.isFalse(Signature.verify(tokens, { url, signature }))
    // a body that nothing covers
    assert.isFalse(
      Signature.verify(tokens, { url: answer, body, signature: getExpectedTwilioSignature(TOKEN, answer, {}) })
    )
  })

  it("accepts SHA-256 where the request says so, and no algorithm that it does not know", () => {
    const settings = "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256"
    const signature = getExpectedTwilioSignature(TOKEN, answer, {}, "HMAC_SHA256")
    assert.isTrue(Signature.verify(tokens, { url: answer, settings, signature }))
    assert.isFalse(Signature.verify(tokens, { url: answer, signature }))
    assert.isFalse(Signature.verify(tokens, { url: answer, settings: "algorithm=none", signature }))
  })

  it("accepts the next token while tokens are changed", () => {
    const signature = getExpectedTwilioSignature("next", answer, {})
    assert.isTrue(Signature.verify([token, Redacted.make("next")], { url: answer, signature }))
    assert.isFalse(Signature.verify([], { url: answer, signature }))
  })

  it("refuses no signature, an empty one, a long one, and whatever is no URL", () => {
    for (const signature of [undefined, "", "AAAA", "A".repeat(10_000), "lfyYtQXhmihLxF8G4fnvb+Ig2c9="]) {
      assert.isFalse(Signature.verify(tokens, { url: answer, form, signature }))
    }
    for (const url of ["", "x", "//", "https://", "https://[::1"]) {
      assert.isFalse(Signature.verify(tokens, { url, signature: "lfyYtQXhmihLxF8G4fnvb+Ig2c8=" }))
    }
  })
})
