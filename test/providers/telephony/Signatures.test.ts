import { assert, describe, it } from "@effect/vitest"
import { verifySignature } from "@vonage/jwt"
import { Clock, Effect, Redacted, Schema } from "effect"
import { decodeJwt, SignJWT } from "jose"
import { createPrivateKey, generateKeyPairSync, sign } from "node:crypto"
import plivo from "plivo"
import { Telnyx } from "telnyx"
import * as Plivo from "../../../src/providers/telephony/plivo/Signature.ts"
import { MAX_REMEMBERED, Replays } from "../../../src/providers/telephony/Replays.ts"
import * as TelnyxSignature from "../../../src/providers/telephony/telnyx/Signature.ts"
import * as Vonage from "../../../src/providers/telephony/vonage/Signature.ts"

const bytes = (text: string) => new TextEncoder().encode(text)
const AT = 1_790_000_000

describe("Signatures of Vonage", () => {
  // made by Python's hmac
  const token =
    "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJpYXQiOjE3OTAwMDAwMDAsImp0aSI6ImM1YmE4ZjI0IiwiaXNzIjoiVm9uYWdlIiwicGF5bG9hZF9oYXNoIjoiMTQ3MzdlNzNlYTU1YjcxODkzNjNhYjA4YWM3ODk5MmE5NjUwODUxNzUyMGFlOGNkMDUzNDNmZjE1NjNkNzc0NyIsImFwaV9rZXkiOiJhYmNkMTIzNCIsImFwcGxpY2F0aW9uX2lkIjoiNzhkMzM1ZmEtMzIzZC0wMTE0LTljM2QtZDZmMGQ0ODk2OGNmIn0.inyEccZJbOSdT4R4HaoLC3ou59RYZw9sYCBvUv3G4rc"
  const body = bytes(`{"uuid":"63f61863","from":"447700900000","to":"447700900001"}`)
  const secret = "signature-secret-12345"
  const signatureSecret = Redacted.make(secret)
  const keys = { signatureSecret, apiKey: "abcd1234", applicationId: "78d335fa-323d-0114-9c3d-d6f0d48968cf" }
  const request = { authorization: `Bearer ${token}`, body, nowMs: AT * 1_000 }

  it.effect("accepts the golden token, as the official package does", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* Vonage.verify(request, keys), "c5ba8f24")
      assert.strictEqual(yield* Vonage.verify(request, { signatureSecret }), "c5ba8f24")
      assert.isTrue(verifySignature(token, secret))
      const early = { ...request, nowMs: (AT - 299) * 1_000 }
      const late = { ...request, nowMs: (AT + 299) * 1_000 }
      for (const each of [early, late]) assert.strictEqual(yield* Vonage.verify(each, keys), "c5ba8f24")
    }))

  const refused: ReadonlyArray<readonly [string, Vonage.SignedRequest, Vonage.WebhookKeys]> = [
    ["no header", { ...request, authorization: undefined }, keys],
    ["another scheme", { ...request, authorization: `Basic ${token}` }, keys],
    ["no token", { ...request, authorization: "Bearer x" }, keys],
    ["a token beyond any size", { ...request, authorization: `Bearer ${token}${"a".repeat(5_000)}` }, keys],
    ["a changed signature", { ...request, authorization: `Bearer ${token.slice(0, -2)}AA` }, keys],
    ["another body", { ...request, body: bytes("{}") }, keys],
    ["another secret", request, { ...keys, signatureSecret: Redacted.make("other") }],
    ["another account", request, { ...keys, apiKey: "other" }],
    ["another application", request, { ...keys, applicationId: "other" }],
    ["too old", { ...request, nowMs: (AT + 301) * 1_000 }, keys],
    ["of the future", { ...request, nowMs: (AT - 301) * 1_000 }, keys]
  ]
  for (const [what, given, by] of refused) {
    it.effect(`refuses ${what}`, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(Vonage.verify(given, by))
        assert.strictEqual(error.code, "authentication_failed")
        assert.isFalse(error.message.includes(secret))
      }))
  }

  const signed = (payload: { readonly [claim: string]: unknown }, alg = "HS256") =>
    Effect.promise(() => new SignJWT(payload).setProtectedHeader({ alg }).sign(Buffer.from(secret)))
  const claims = { iat: AT, jti: "a", iss: "Vonage" }

  it.effect("needs every claim, and a hash wherever there is a body", () =>
    Effect.gen(function*() {
      const verify = (token: string, body?: Uint8Array) =>
        Vonage.verify({ authorization: `Bearer ${token}`, body, nowMs: AT * 1_000 }, { signatureSecret })
      assert.strictEqual(yield* verify(yield* signed(claims)), "a", "a GET")
      for (
        const wrong of [
          yield* signed({ ...claims, iss: "Other" }),
          yield* signed({ iat: AT, iss: "Vonage" }),
          yield* signed({ ...claims, jti: "" }),
          yield* signed({ jti: "a", iss: "Vonage" }),
          yield* signed({ ...claims, exp: AT - 100 })
        ]
      ) yield* Effect.flip(verify(wrong))
      yield* Effect.flip(verify(yield* signed(claims), body))
      yield* Effect.flip(verify(yield* signed({ ...claims, payload_hash: 7 }), body))
      // "none", and an asymmetric algorithm with the secret as key
      const none = `${btoa(`{"alg":"none"}`)}.${btoa(JSON.stringify(claims))}.`
      yield* Effect.flip(verify(none.replaceAll("=", "")))
    }))

  it.effect("signs requests as the official package verifies and reads them", () =>
    Effect.gen(function*() {
      const pair = generateKeyPairSync("rsa", { modulusLength: 2_048 })
      const pem = pair.privateKey.export({ type: "pkcs8", format: "pem" }).toString()
      const key = yield* Vonage.privateKey(Redacted.make(pem.replaceAll("\n", "\\n")))
      const made = yield* Vonage.restToken({ applicationId: "app", key, id: "j1", nowMs: 4_102_444_800_000 })
      assert.isTrue(verifySignature(made, pair.publicKey.export({ type: "spki", format: "pem" }).toString()))
      assert.deepStrictEqual(decodeJwt(made), {
        application_id: "app",
        jti: "j1",
        iat: 4_102_444_800,
        exp: 4_102_445_100
      })
    }))

  it.effect("refuses a private key that is none, without quoting it", () =>
    Effect.gen(function*() {
      const other = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString()
      for (const wrong of ["not a key", "", other]) {
        const error = yield* Effect.flip(Vonage.privateKey(Redacted.make(wrong)))
        assert.strictEqual(error.code, "invalid_config")
        assert.isTrue(wrong === "" || !error.message.includes(wrong))
      }
    }))
})

// RFC 8410's prefix of a private key in DER, then a seed of sevens
const telnyxKey = createPrivateKey({
  key: Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), Buffer.alloc(32, 7)]),
  format: "der",
  type: "pkcs8"
})
const telnyxPublic = "6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw="

describe("Signatures of Telnyx", () => {
  const key = TelnyxSignature.publicKey(telnyxPublic) ?? assert.fail("no key")
  const body = bytes(`{"data":{"event_type":"call.initiated"}}`)
  // made by Python's cryptography
  const signature = "+C9xBJ1B6gQvoQ0c9DkGjfkC796AG0chjvozhOUBcGelxTgcfhomolcWQM11TaGbA2Wv5phkX6gl7eAgJfzhCw=="
  const request = { signature, timestamp: String(AT), body, nowMs: AT * 1_000 }

  it("accepts the golden signature for five minutes either way, and nothing else", () => {
    const given = (changed: Partial<TelnyxSignature.SignedRequest>) =>
      TelnyxSignature.verify({ ...request, ...changed }, key)
    assert.isTrue(given({}))
    assert.isTrue(given({ nowMs: (AT + 300) * 1_000 }))
    assert.isTrue(given({ nowMs: (AT - 300) * 1_000 }))
    const refused: ReadonlyArray<Partial<TelnyxSignature.SignedRequest>> = [
      { nowMs: (AT + 301) * 1_000 },
      { nowMs: (AT - 301) * 1_000 },
      { signature: undefined },
      { timestamp: undefined },
      { timestamp: String(AT + 1) },
      { timestamp: `${AT}.0` },
      { timestamp: "" },
      { timestamp: "9".repeat(400) },
      { body: bytes("{}") },
      { signature: "" },
      { signature: signature.slice(0, -4) },
      { signature: `${signature}====` },
      { signature: `A${signature.slice(1)}` },
      { signature: "A".repeat(100_000) }
    ]
    assert.deepStrictEqual(refused.filter(given), [])
  })

  it("reads no key that is none", () => {
    for (const text of ["", "abc", `${telnyxPublic}AAAA`, telnyxPublic.slice(4), "é".repeat(44)]) {
      assert.isUndefined(TelnyxSignature.publicKey(text))
    }
    assert.isDefined(TelnyxSignature.publicKey(` ${telnyxPublic}\n`))
  })

  it.live("accepts what the official package accepts, and refuses what it refuses", () =>
    Effect.gen(function*() {
      const client = new Telnyx({ apiKey: "k", publicKey: telnyxPublic })
      const nowMs = yield* Clock.currentTimeMillis
      const cases = [0, -200, -1_000, 1_000].flatMap((offset) =>
        ["", "x"].map((end) => ({ timestamp: String(Math.floor(nowMs / 1_000) + offset), end }))
      )
      for (const { end, timestamp } of cases) {
        const text = `{"data":{"id":"é"}}`
        const made = sign(null, Buffer.from(`${timestamp}|${text}${end}`), telnyxKey).toString("base64")
        const official = yield* Effect.promise(() =>
          client.webhooks.unwrap(text, {
            headers: { "Telnyx-Signature-Ed25519": made, "Telnyx-Timestamp": timestamp }
          }).then(() => true, () => false)
        )
        const ours = TelnyxSignature.verify({ signature: made, timestamp, body: bytes(text), nowMs }, key)
        assert.strictEqual(ours, official, `${timestamp}${end}`)
      }
    }))
})

const Names = Schema.String.check(Schema.isPattern(/^[A-Za-z_][A-Za-z0-9_]{0,8}$/))
const Plain = Schema.String.check(Schema.isPattern(/^[ -~]{0,12}$/))

describe("Signatures of Plivo", () => {
  const authToken = Redacted.make("token")
  const url = "https://voice.example.com/plivo/answer"
  // made by Python's hmac
  const golden: ReadonlyArray<readonly [Plivo.PlivoRequest, string]> = [
    [
      { method: "POST", url, parameters: { To: "15550101", CallUUID: "1", From: "15550100" } },
      "f+vpn+mnOG9G3ojPeprKsPVktXTCvHRM2gjaT4zmHFY="
    ],
    [
      { method: "POST", url: `${url}?x=1&call=a%20b`, parameters: { From: "15550100", CallUUID: "1" } },
      "9i0o/7WQYQHs0kB8rHFHnTM/3eWU5TOE6BmDi01nOY4="
    ],
    [{ method: "GET", url: `${url}?From=15550100&CallUUID=1` }, "ETtFRsj1z7vJkSVgA7D6RIuh69XetwDysLY7Koojbzo="]
  ]

  it("makes the golden signatures, which the official package accepts", () => {
    for (const [request, expected] of golden) {
      assert.strictEqual(Plivo.sign(request, "12345", authToken), expected)
      assert.isTrue(
        plivo.validateV3Signature(request.method, request.url, "12345", "token", expected, { ...request.parameters })
      )
    }
  })

  it.prop("makes what the official package accepts, for any query and form", [
    Schema.Literals(["GET", "POST"]),
    Schema.Record(Names, Plain),
    Schema.Record(Names, Schema.Union([Plain, Schema.Array(Plain).check(Schema.isMinLength(1))])),
    Schema.String.check(Schema.isPattern(/^\d{1,20}$/))
  ], ([method, query, parameters, nonce]) => {
    const search = new URLSearchParams({ ...query }).toString()
    const request: Plivo.PlivoRequest = {
      method,
      url: search === "" ? url : `${url}?${search}`,
      ...(method === "POST" ? { parameters } : {})
    }
    const made = Plivo.sign(request, nonce, authToken)
    const form = Object.fromEntries(
      Object.entries(request.parameters ?? {}).map((
        [name, value]
      ) => [name, typeof value === "string" ? value : [...value]])
    )
    assert.isTrue(plivo.validateV3Signature(method, request.url, nonce, "token", made, form))
  })

  it("accepts either header and one of several, and nothing else", () => {
    const [request, signature] = golden[0] ?? assert.fail()
    const none: Plivo.PlivoSignature = { signature: undefined, mainSignature: undefined, nonce: "12345" }
    const verify = (given: Partial<Plivo.PlivoSignature>, what = request, by = authToken) =>
      Plivo.verify(what, { ...none, ...given }, by)
    assert.isTrue(verify({ signature }))
    assert.isTrue(verify({ mainSignature: signature }))
    assert.isTrue(verify({ signature: `AAAA,${signature}` }))
    assert.isTrue(verify({ signature: "AAAA", mainSignature: signature }))
    assert.isFalse(verify({}))
    assert.isFalse(verify({ signature: "" }))
    assert.isFalse(verify({ signature: signature.slice(1) }))
    assert.isFalse(verify({ signature, nonce: "12346" }))
    assert.isFalse(verify({ signature, nonce: undefined }))
    assert.isFalse(verify({ signature, nonce: "1".repeat(1_000) }))
    assert.isFalse(verify({ signature: `${"A,".repeat(10_000)}${signature}` }))
    assert.isFalse(verify({ signature }, { ...request, url: `${request.url}?a=1` }))
    assert.isFalse(verify({ signature }, { ...request, parameters: { ...request.parameters, From: "1" } }))
    assert.isFalse(verify({ signature }, request, Redacted.make("other")))
  })
})

describe("Replays", () => {
  it("accepts each request once, for as long as it is remembered", () => {
    const replays = new Replays(300_000)
    assert.isTrue(replays.accepts("a", 0))
    assert.isFalse(replays.accepts("a", 299_999))
    assert.isTrue(replays.accepts("b", 299_999))
    assert.isTrue(replays.accepts("a", 300_000))
    assert.strictEqual(replays.size, 2)
    assert.isTrue(replays.accepts("c", 10_000_000))
    assert.strictEqual(replays.size, 1, "what is too old is forgotten")
  })

  it("is bounded", () => {
    const replays = new Replays(300_000)
    for (let i = 0; i < MAX_REMEMBERED + 1_000; i++) assert.isTrue(replays.accepts(String(i), i))
    assert.strictEqual(replays.size, MAX_REMEMBERED)
    assert.isFalse(replays.accepts(String(MAX_REMEMBERED + 999), MAX_REMEMBERED + 999))
  })
})
