import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { SessionNotFound } from "../../../src/BackendError.ts"
import type { MediaStart } from "../../../src/protocols/MediaProtocol.ts"
import type { Calls } from "../../../src/providers/telephony/Call.ts"
import * as GrantedCall from "../../../src/providers/telephony/GrantedCall.ts"
import * as StreamTokens from "../../../src/providers/telephony/StreamTokens.ts"

const startOf = (callId: string, account?: string): MediaStart => {
  const format = { encoding: "mulaw", sampleRate: 8_000 } as const
  return {
    streamId: "MZ1",
    callId,
    account,
    input: format,
    output: format,
    parameters: { token: "secret", order: "7" }
  }
}

/** Tokens, and calls that tell which session or call was asked for: they have none. */
const setUp = Effect.gen(function*() {
  const tokens = yield* StreamTokens.make({ signingKey: Redacted.make("a key of at least thirty-two characters") })
  const asked: Array<readonly [string, ...ReadonlyArray<unknown>]> = []
  const none = new SessionNotFound({ op: "test", message: "there is no such session" })
  const calls: Calls = {
    enter: (carrier, { id, parameters }) =>
      Effect.suspend(() => {
        asked.push(["enter", carrier, id, parameters])
        return Effect.fail(none)
      }),
    resume: (session) =>
      Effect.suspend(() => {
        asked.push(["resume", session])
        return Effect.fail(none)
      }),
    sessionOf: (_, id) => id,
    find: () => undefined
  }
  /** The code of the failure of a stream with a token for this. */
  const enter = (
    grant: Omit<StreamTokens.StreamGrant, "carrier">,
    start: MediaStart,
    accounts?: ReadonlyArray<string>
  ) =>
    tokens.issue({ carrier: "main", ...grant }).pipe(
      Effect.flatMap((token) => GrantedCall.enter({ calls, tokens }, "main", token, start, accounts)),
      Effect.scoped,
      Effect.flip,
      Effect.map(({ code }) => code)
    )
  return { asked, enter }
})

describe("GrantedCall", () => {
  it.effect("lets in the stream of the token's call, or of its session", () =>
    Effect.gen(function*() {
      const { asked, enter } = yield* setUp
      assert.strictEqual(yield* enter({ call: "one" }, startOf("one")), "session_not_found")
      assert.strictEqual(yield* enter({ call: "one", session: "s1" }, startOf("one")), "session_not_found")
      assert.strictEqual(yield* enter({ session: "s1" }, startOf("")), "session_not_found")
      assert.deepStrictEqual(asked, [["enter", "main", "one", { order: "7" }], ["resume", "s1"], ["resume", "s1"]])
    }))

  it.effect("refuses the stream of another call, whether the token names a session or not", () =>
    Effect.gen(function*() {
      const { asked, enter } = yield* setUp
      for (const grant of [{ call: "one" }, { call: "one", session: "s1" }, {}]) {
        assert.strictEqual(yield* enter(grant, startOf("other")), "authentication_failed", JSON.stringify(grant))
      }
      assert.deepStrictEqual(asked, [])
    }))

  it.effect("refuses the stream of another account, where one is told", () =>
    Effect.gen(function*() {
      const { asked, enter } = yield* setUp
      const grant = { call: "one" }
      assert.strictEqual(yield* enter(grant, startOf("one", "AC2"), ["AC1"]), "authorization_failed")
      assert.strictEqual(yield* enter(grant, startOf("other", "AC2"), ["AC1"]), "authentication_failed")
      assert.strictEqual(asked.length, 0)
      assert.strictEqual(yield* enter(grant, startOf("one", "AC1"), ["AC1"]), "session_not_found")
      assert.strictEqual(yield* enter(grant, startOf("one"), ["AC1"]), "session_not_found")
      assert.strictEqual(yield* enter(grant, startOf("one", "AC2")), "session_not_found")
    }))
})
