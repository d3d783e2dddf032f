import { Effect, Exit, Redacted } from "effect"
import { toProblemJson } from "../../src/BackendError.ts"
import * as SessionTokens from "../../src/transport/SessionTokens.ts"
import { input } from "./Fuzz.ts"
import { textOf } from "./Mutate.ts"
import { CANARY, expect, expectDiscreet, text } from "./Surface.ts"

const id = "s1"

/** A valid token of a session, and valid tokens of other sessions and keys. */
export const tokens = Effect.gen(function*() {
  const tokens = yield* SessionTokens.make(Redacted.make(CANARY.repeat(2)))
  const others = yield* SessionTokens.make(Redacted.make("another key".repeat(4)))
  const until = Date.UTC(2100, 0)
  return {
    tokens,
    good: yield* tokens.issue(id, "ada", until),
    wrong: [yield* tokens.issue("s2", "ada", until), yield* others.issue(id, "ada", until)]
  }
})

const json = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url")

/** The signed part as text and the signature as bytes, because base64 can encode the same bytes in several ways. */
const partsOf = (token: string): string => {
  const [head, body, signature = "", ...more] = token.split(".")
  return [head, body, Buffer.from(signature, "base64url").toString("hex"), ...more].join(".")
}

/** Verifies mutated tokens; fails when one is accepted, or when its refusal leaks a secret. Slow: each is verified. */
export const forged = Effect.fnUntraced(function*(inputs: number) {
  const { good, tokens: made, wrong } = yield* tokens
  const [, body = "", signature = ""] = good.split(".")
  const surface = {
    name: "forged-token",
    seeds: text(
      good,
      ...wrong,
      `${json({ alg: "none" })}.${body}.`,
      `${json({ alg: "HS512", typ: "JWT" })}.${body}.${signature}`,
      `${json({ alg: "HS256", crit: ["exp"] })}.${body}.${signature}`,
      `${json({ alg: "HS256", jwk: { kty: "oct", k: "AA" } })}.${body}.${signature}`,
      CANARY
    ),
    maxBytes: 4_096,
    dictionary: [".", "..", "=", "eyJ", json({ alg: "none" }), body, signature],
    run: () => {}
  }
  let opened = 0
  for (let i = 0; i < inputs; i++) {
    const given = i < surface.seeds.length ? textOf(surface.seeds[i]!) : textOf(input(surface, surface.seeds, i))
    const exit = yield* Effect.exit(made.verify(given, id))
    if (Exit.isSuccess(exit)) {
      opened++
      expect(partsOf(given) === partsOf(good), () => `a forged token was accepted: ${given.slice(0, 600)}`)
      continue
    }
    const [failure] = exit.cause.reasons
    if (failure?._tag !== "Fail") throw new Error(`verification failed unexpectedly for ${given.slice(0, 600)}`)
    const told = JSON.stringify(toProblemJson(failure.error))
    expect(failure.error.code === "authentication_failed", () => failure.error.code)
    expect(told.length < 400 && !told.includes(signature), () => `it tells ${told}`)
    expectDiscreet(told)
  }
  return opened
})
