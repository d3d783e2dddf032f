import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { http } from "./HttpFuzz.ts"
import { offers } from "./RtcFuzz.ts"
import { sockets } from "./SocketFuzz.ts"
import { CANARY } from "./Surface.ts"
import * as TestServer from "./TestServer.ts"

const INPUTS = Number(process.env["FUZZ_INPUTS"] ?? 3_000)
const FRAMES = INPUTS
const OFFERS = INPUTS / 10
const server = { apiKeys: [Redacted.make(CANARY)] }

describe("Fuzz, a whole server", () => {
  it.live(`${INPUTS} hostile HTTP requests get problem JSON or nothing`, () =>
    Effect.gen(function*() {
      const from = performance.now()
      const report = yield* http(INPUTS)
      yield* Effect.log(
        `http: ${INPUTS} inputs in ${(performance.now() - from).toFixed(0)} ms, slowest ${
          report.slowest.toFixed(0)
        } ms`,
        report.statuses
      )
      // Some inputs are valid enough to be accepted.
      for (const status of [200, 201, 400, 401, 404, 405, 415]) {
        assert.isAbove(report.statuses[status] ?? 0, 0, String(status))
      }
    }).pipe(Effect.provide(TestServer.layer({ server }))), 120_000)

  it.live(`${FRAMES} hostile WebSocket frames end one socket at most`, () =>
    Effect.gen(function*() {
      const from = performance.now()
      const ends = yield* sockets(FRAMES)
      yield* Effect.log(`sockets: ${FRAMES} frames in ${(performance.now() - from).toFixed(0)} ms`, ends)
      assert.isAbove(ends["101"] ?? 0, 0)
    }).pipe(Effect.provide(TestServer.layer({ server }))), 120_000)

  it.live(`${OFFERS} hostile offers are answered or refused by native code`, () =>
    Effect.gen(function*() {
      const from = performance.now()
      const seen = yield* offers(OFFERS)
      yield* Effect.log(`offers: ${OFFERS} in ${(performance.now() - from).toFixed(0)} ms`, seen)
      assert.isAbove(seen.answered, 0)
      assert.isAbove(seen.refused, 0)
    }).pipe(Effect.scoped), 120_000)
})
