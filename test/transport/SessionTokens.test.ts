import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { SignJWT, UnsecuredJWT } from "jose"
import * as SessionTokens from "../../src/transport/SessionTokens.ts"

const KEY = "a key of at least thirty-two characters"
const make = (key = KEY) => SessionTokens.make(Redacted.make(key))

const forged = (alg: string, change: (token: SignJWT) => SignJWT, key = KEY) =>
  Effect.promise(() =>
    change(
      new SignJWT().setProtectedHeader({ alg }).setIssuer("effect-voice").setAudience("session:s1").setSubject("x")
        .setJti("1").setIssuedAt(0).setExpirationTime(3_600)
    ).sign(Buffer.from(key))
  )

describe("SessionTokens", () => {
  it.effect("admit one user to one session, until they expire", () =>
    Effect.gen(function*() {
      const tokens = yield* make()
      const token = yield* tokens.issue("s1", "ada", 60_000)
      assert.isBelow(token.length, 400)
      assert.notInclude(Buffer.from(token.split(".")[1] ?? "", "base64url").toString(), "ada")
      const before = yield* tokens.verify(token, "s1")
      assert.deepStrictEqual([before.expired, before.expiresAt], [false, 60_000])
      assert.deepStrictEqual([before.isFor("ada"), before.isFor("bob")], [true, false])
      yield* TestClock.adjust("1 minute")
      assert.isTrue((yield* tokens.verify(token, "s1")).expired)
      // another process with the same key
      const again = yield* make()
      assert.isTrue((yield* again.verify(token, "s1")).isFor("ada"))
    }))

  it.effect("are signed with the present key, and stay valid when the key becomes a former one", () =>
    Effect.gen(function*() {
      const keys = { current: Redacted.make(KEY), former: [] as ReadonlyArray<Redacted.Redacted<string>> }
      const tokens = yield* SessionTokens.make({ current: () => keys.current, former: () => keys.former })
      const before = yield* tokens.issue("s1", "ada", 60_000)
      keys.former = [Redacted.make("one that nobody signed with, of enough characters"), keys.current]
      keys.current = Redacted.make("another key of at least thirty-two characters")
      const after = yield* tokens.issue("s1", "ada", 60_000)
      for (const token of [before, after]) assert.isTrue((yield* tokens.verify(token, "s1")).isFor("ada"))
      yield* TestClock.adjust("1 minute")
      assert.isTrue((yield* tokens.verify(before, "s1")).expired)
      // a process that has always known the present key alone
      const other = yield* make(Redacted.value(keys.current))
      assert.isTrue((yield* other.verify(after, "s1")).isFor("ada"))
      assert.strictEqual((yield* Effect.flip(other.verify(before, "s1"))).code, "authentication_failed")
      assert.strictEqual((yield* Effect.flip(tokens.verify(before, "s2"))).code, "authentication_failed")
    }))

  it.effect("stay small, however long the user id is", () =>
    Effect.gen(function*() {
      const tokens = yield* make()
      const token = yield* tokens.issue("s".repeat(256), "\u0000".repeat(256), 60_000)
      assert.isBelow(token.length, SessionTokens.MAX_TOKEN_LENGTH)
    }))

  it.effect("are rejected with the same error, whatever is wrong", () =>
    Effect.gen(function*() {
      const tokens = yield* make()
      const good = yield* tokens.issue("s1", "ada", 60_000)
      const [header = "", payload = "", signature = ""] = good.split(".")
      const claims = JSON.parse(Buffer.from(payload, "base64url").toString())
      const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url")
      const other = yield* make("another key of at least thirty-two characters")
      const wrong = [
        undefined,
        "",
        "x",
        "..",
        "a.b.c",
        "é.é.é",
        good.slice(0, -4),
        `${header}.${encode({ ...claims, aud: "session:s2" })}.${signature}`,
        `${header}.${encode({ ...claims, exp: 9_999_999_999 })}.${signature}`,
        `${encode({ alg: "none" })}.${payload}.`,
        `${encode({ alg: "none" })}.${payload}.${signature}`,
        `${header}.${payload}.`,
        new UnsecuredJWT(claims).encode(),
        yield* other.issue("s1", "ada", 60_000),
        yield* tokens.issue("s2", "ada", 60_000),
        yield* forged("HS512", (token) => token, KEY.repeat(2)),
        yield* forged("HS256", (token) => token.setIssuer("somebody")),
        yield* forged("HS256", (token) => token.setAudience("s1")),
        yield* forged("HS256", (token) => token.setNotBefore(1_000)),
        yield* forged("HS256", () => new SignJWT({ aud: "session:s1" }).setProtectedHeader({ alg: "HS256" })),
        `${good}${"x".repeat(10_000)}`,
        "x".repeat(1_000_000)
      ]
      const messages = yield* Effect.forEach(wrong, (token) =>
        Effect.map(Effect.flip(tokens.verify(token, "s1")), (error) => {
          assert.strictEqual(error.code, "authentication_failed")
          return JSON.stringify(error)
        }))
      assert.strictEqual(new Set(messages).size, 1)
      assert.isFalse((yield* tokens.verify(
        yield* forged("HS256", (token) =>
          token),
        "s1"
      )).isFor("ada"))
    }))
})
