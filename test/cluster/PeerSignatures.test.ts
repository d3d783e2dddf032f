import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { NonceMemory, WINDOW_MS } from "../../src/cluster/peers/NonceMemory.ts"
import * as RequestSignature from "../../src/cluster/peers/RequestSignature.ts"

const key = RequestSignature.keyOf("a secret of the store", "default")
const request = { to: "10.0.0.7:8080", method: "POST", path: "/internal/rpc" }
const sign = (body: string, changes: Partial<RequestSignature.Signed> = {}, by: Uint8Array = key) =>
  RequestSignature.sign(by, {
    ...request,
    digest: RequestSignature.digestOf(body),
    atMs: 1_700_000_000_000,
    nonce: "AAAAAAAAAAAAAAAAAAAAAA",
    ...changes
  })

describe("RequestSignature", () => {
  it.prop(
    "is right for the request that was signed, and its body alone",
    [Schema.String, Schema.String],
    ([body, other]) => {
      const signed = RequestSignature.verify([key], sign(body), request)
      assert.isDefined(signed)
      assert.isTrue(RequestSignature.isBody(signed.digest, new TextEncoder().encode(body)))
      const isSame = new TextEncoder().encode(body).toString() === new TextEncoder().encode(other).toString()
      assert.strictEqual(RequestSignature.isBody(signed.digest, new TextEncoder().encode(other)), isSame)
    }
  )

  it.prop(
    "is wrong with another secret, cluster, receiver, method or path",
    [Schema.String, Schema.String],
    ([secret, text]) => {
      const others = [
        RequestSignature.keyOf(`another ${secret}`, "default"),
        RequestSignature.keyOf("a secret of the store", `cell-${text}`)
      ]
      for (const other of others) assert.isUndefined(RequestSignature.verify([key], sign("", {}, other), request))
      for (const field of ["to", "method", "path"] as const) {
        assert.isUndefined(RequestSignature.verify([key], sign("", { [field]: `${request[field]}${text}x` }), request))
      }
    }
  )

  it.prop("refuses whatever is no signature", [Schema.String], ([text]) => {
    assert.isUndefined(RequestSignature.verify([key], text, request))
    assert.isUndefined(RequestSignature.verify([key], `${sign("")}${text}x`, request))
  })

  it("is right with any of the keys that count, and with none without keys", () => {
    const former = RequestSignature.keyOf("a former secret", "default")
    assert.isDefined(RequestSignature.verify([key, former], sign("", {}, former), request))
    assert.isUndefined(RequestSignature.verify([], sign(""), request))
    assert.isUndefined(RequestSignature.verify([key], undefined, request))
  })

  it("signs the path from /internal on, whatever is in front of it", () => {
    for (
      const url of ["/internal/rpc?a=1", "/voice/internal/rpc?a=1", "http://10.0.0.7:8080/voice/internal/rpc?a=1#b"]
    ) {
      assert.strictEqual(RequestSignature.signedPath(url), "/internal/rpc?a=1")
    }
    assert.isUndefined(RequestSignature.signedPath("/v1/sessions?to=/internal/rpc"))
  })
})

describe("NonceMemory", () => {
  const now = 1_700_000_000_000

  it("lets a request in once", () => {
    const memory = new NonceMemory()
    assert.isUndefined(memory.take("a", now, now))
    assert.strictEqual(memory.take("a", now, now + 1), "replayed")
    assert.strictEqual(memory.take("a", now, now + WINDOW_MS + 1), "too_old")
  })

  it("bears clocks that are apart by the window, and no more", () => {
    const memory = new NonceMemory()
    assert.isUndefined(memory.take("a", now - WINDOW_MS, now))
    assert.isUndefined(memory.take("b", now + WINDOW_MS, now))
    assert.strictEqual(memory.take("c", now - WINDOW_MS - 1, now), "too_old")
    assert.strictEqual(memory.take("d", now + WINDOW_MS + 1, now), "from_the_future")
  })

  it("refuses what was signed before it began", () => {
    assert.strictEqual(new NonceMemory({ sinceMs: now }).take("a", now - 1, now), "too_old")
  })

  const offset = Schema.Int.check(Schema.isBetween({ minimum: -WINDOW_MS, maximum: WINDOW_MS }))
  const request = Schema.Struct({ nonce: Schema.Literals(["a", "b", "c", "d"]), signed: offset, passed: offset })

  it.prop("is bounded and lets no request in twice, however many come and however the clock is set", [
    Schema.Array(request)
  ], ([requests]) => {
    const memory = new NonceMemory({ maxNonces: 3 })
    const letIn = new Set<string>()
    let at = now
    for (const { nonce, passed, signed } of requests) {
      at += passed
      const id = `${nonce} ${now + signed}`
      if (memory.take(id, now + signed, at) !== undefined) continue
      assert.isFalse(letIn.has(id), `${id} was let in twice`)
      letIn.add(id)
      assert.isAtMost(memory.size, 3)
    }
  })
})
