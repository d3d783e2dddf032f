import { describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { http } from "./HttpFuzz.ts"
import { offers } from "./RtcFuzz.ts"
import { sockets } from "./SocketFuzz.ts"
import { CANARY } from "./Surface.ts"
import * as TestServer from "./TestServer.ts"

/** Repeats `Server.server.test.ts` with more inputs. */
const server = TestServer.layer({ server: { apiKeys: [Redacted.make(CANARY)] } })

describe("Fuzz, a whole server", () => {
  it.live("40,000 hostile HTTP requests", () =>
    Effect.gen(function*() {
      yield* Effect.log(yield* http(40_000))
    }).pipe(Effect.provide(server)), 600_000)

  it.live("40,000 hostile WebSocket frames", () =>
    Effect.gen(function*() {
      yield* Effect.log(yield* sockets(40_000))
    }).pipe(Effect.provide(server)), 600_000)

  it.live("4,000 hostile offers", () =>
    Effect.gen(function*() {
      yield* Effect.log(yield* offers(4_000))
    }).pipe(Effect.scoped), 600_000)
})
