import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, Result, Schema } from "effect"
import { TestClock } from "effect/testing"
import { isAllowed, NumberPattern } from "../../../src/providers/telephony/CarrierFields.ts"
import { MAX_REMEMBERED, Replays } from "../../../src/providers/telephony/Replays.ts"
import * as StreamTokens from "../../../src/providers/telephony/StreamTokens.ts"

const key = (name: string) => Redacted.make(`${name}, a key of at least thirty-two characters`)
const tokens = StreamTokens.make({ signingKey: key("one") })

const Natural = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 15 }))
const Requests = Schema.Array(
  Schema.Struct({
    id: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 5 })),
    after: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 40 }))
  })
).check(Schema.isMaxLength(60))
const PhoneNumber = Schema.String.check(Schema.isPattern(/^\+?[0-9]{1,15}$/))

/** Whether a token is taken; every refusal is the same. */
const taken = (from: StreamTokens.StreamTokens, token: string | undefined, carrier = "main") =>
  Effect.map(Effect.result(from.take(token, carrier)), (result) => {
    if (Result.isSuccess(result)) return result.success
    assert.strictEqual(result.failure.code, "authentication_failed")
    assert.strictEqual(
      result.failure.message,
      "the token of the media stream is missing, invalid, expired or used"
    )
    return undefined
  })

describe("StreamTokens", () => {
  it.effect("are good once, for their carrier, and tell their call", () =>
    Effect.gen(function*() {
      const ours = yield* tokens
      const token = yield* ours.issue({ carrier: "main", call: "CA1", session: "s1" })
      assert.isUndefined(yield* taken(ours, token, "other"))
      assert.deepStrictEqual(yield* taken(ours, token), { carrier: "main", call: "CA1", session: "s1" })
      assert.isUndefined(yield* taken(ours, token))
      const bare = yield* ours.issue({ carrier: "main" })
      assert.deepStrictEqual(yield* taken(ours, bare), { carrier: "main", call: undefined, session: undefined })
      assert.notStrictEqual(yield* ours.issue({ carrier: "main" }), yield* ours.issue({ carrier: "main" }))
    }))

  it.effect("are good for a minute, or as long as was asked for, at most five", () =>
    Effect.gen(function*() {
      const ours = yield* tokens
      const issue = (ttlMs?: number) => ours.issue({ carrier: "main" }, ttlMs)
      const [a, b, c, d] = [yield* issue(), yield* issue(), yield* issue(120_000), yield* issue(1e12)]
      yield* TestClock.adjust(60_000)
      assert.isDefined(yield* taken(ours, a))
      yield* TestClock.adjust(1)
      assert.isUndefined(yield* taken(ours, b))
      assert.isDefined(yield* taken(ours, c))
      yield* TestClock.adjust(240_000)
      assert.isUndefined(yield* taken(ours, d))
      assert.isUndefined(yield* taken(ours, a), "a used one is not good again when it is forgotten")
    }))

  it.effect("of another key are refused, and of a former one are taken", () =>
    Effect.gen(function*() {
      const theirs = yield* StreamTokens.make({ signingKey: key("two") })
      const later = yield* StreamTokens.make({ signingKey: key("two"), formerKeys: () => [key("one")] })
      const token = yield* (yield* tokens).issue({ carrier: "main" })
      assert.isUndefined(yield* taken(theirs, token))
      assert.isDefined(yield* taken(later, token))
    }))

  it.effect("that were changed anywhere are refused", () =>
    Effect.gen(function*() {
      const ours = yield* tokens
      const token = yield* ours.issue({ carrier: "main", call: "CA1" })
      for (const bad of [undefined, "", ".", "..", "a.b", token.split(".")[0], `.${token.split(".")[1]}`]) {
        assert.isUndefined(yield* taken(ours, bad), bad)
      }
      assert.isUndefined(yield* taken(ours, "x".repeat(100_000)))
      const at = token.indexOf(".")
      for (let i = 0; i < at; i++) {
        const other = token[i] === "A" ? "B" : "A"
        assert.isUndefined(yield* taken(ours, token.slice(0, i) + other + token.slice(i + 1)), `${i}`)
      }
      assert.isDefined(yield* taken(ours, token))
    }))
})

describe("Replays", () => {
  it.prop("accepts what is new, and nothing twice within its time", [Requests], ([requests]) => {
    const replays = new Replays(100)
    const accepted = new Map<number, number>()
    let now = 0
    for (const { after, id } of requests) {
      now += after
      const atMs = accepted.get(id)
      const isNew = atMs === undefined || now - atMs >= 100
      assert.strictEqual(replays.accepts(String(id), now), isNew)
      if (isNew) accepted.set(id, now)
      assert.isAtMost(replays.size, 6)
    }
  })

  it("does not grow without end", () => {
    const replays = new Replays(1e9)
    for (let i = 0; i < MAX_REMEMBERED + 1_000; i++) assert.isTrue(replays.accepts(String(i), i))
    assert.strictEqual(replays.size, MAX_REMEMBERED)
    assert.isFalse(replays.accepts(String(MAX_REMEMBERED), MAX_REMEMBERED))
  })
})

describe("NumberPattern", () => {
  const isPattern = Schema.is(NumberPattern)

  it("is a number, or the beginning of one", () => {
    for (const good of ["*", "+4930*", "+49301234", "anonymous", "sip:bob@example.com"]) {
      assert.isTrue(isPattern(good), good)
    }
    for (const bad of ["", "+49 30", "*49", "+49*30", "**", "x".repeat(65)]) assert.isFalse(isPattern(bad), bad)
  })

  it.prop("allows what it names, and nothing else", [PhoneNumber, PhoneNumber, Natural], ([one, other, length]) => {
    const beginning = one.slice(0, Math.max(1, length))
    assert.isTrue(isAllowed([one], one))
    assert.isTrue(isAllowed([`${beginning}*`], one))
    assert.strictEqual(isAllowed([one], other), one === other)
    assert.strictEqual(isAllowed([`${one}*`], other), other.startsWith(one))
    assert.isTrue(isAllowed([other, one], one))
    assert.isFalse(isAllowed([], one))
    assert.isFalse(isAllowed([one], undefined))
    assert.isTrue(isAllowed(["*"], undefined))
  })
})
