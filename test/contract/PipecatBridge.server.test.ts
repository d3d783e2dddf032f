import { afterAll, beforeAll, describe } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import { fileURLToPath } from "node:url"
import type * as Conformance from "../../src/testing/conformance/Conformance.ts"
import { freePort } from "../support/FreePort.ts"
import { isFull } from "../support/Full.ts"
import * as Python from "../support/pipecat/Python.ts"
import { serve } from "./LocalHarness.ts"
import { connectPipecat, pipecat } from "./PipecatHarness.ts"
import * as Results from "./Results.ts"

const script = fileURLToPath(new URL("../support/pipecat/bridge_to.py", import.meta.url))
const scope = Scope.makeUnsafe()
let bridge = ""

/** The same provider behind the real Pipecat: each user of the suite is a client of the bridge. */
const harness: Conformance.Harness = {
  ...pipecat,
  name: "pipecat through the real bridge",
  unsupported: { ...pipecat.unsupported, orderedInput: "Pipecat passes messages on beside the audio that it holds" },
  serve: (backend) =>
    Effect.map(serve(backend), ({ url }) => ({ access, listener }) => {
      const session = {
        connection_url: new URL(access.connectionUrl, url.replace(/^http/u, "ws")).href,
        token: access.token
      }
      return connectPipecat(`${bridge}?session=${encodeURIComponent(JSON.stringify(session))}`, undefined, listener)
    })
}

/**
 * All cases except those that a bridge hides: a refusal reaches the bridge, not the user; and the last audio of a session
 * reaches the user a moment after the session has ended (the provider's PipecatBridge.server.test.ts shows that it does).
 */
const only = /^(?!(?:AuthHook\.Authorize connect|FR-022 connect|VoiceSession\.Stop|FR-020|P7)$)/u

/** In CI the promises and what a user sees of a session: the provider itself has all of them in `Pipecat.test.ts`. */
const quick = /^(?:P(?!7$)\d+|VoiceSession\.(?!Stop$).*)$/u

describe.skipIf(Python.missing !== undefined)(
  `the contract over provider pipecat, behind Pipecat${Python.missing === undefined ? "" : ` (${Python.missing})`}`,
  () => {
    beforeAll(async () => {
      const start = Effect.gen(function*() {
        const port = yield* freePort
        yield* Python.run(script, ["-t", "websocket", "--host", "127.0.0.1", "--port", String(port)], {
          ready: /Uvicorn running on/
        })
        bridge = `ws://127.0.0.1:${port}/ws-client`
      })
      await Effect.runPromise(Scope.provide(start, scope))
    }, 90_000)
    afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))
    Results.each(harness, { concurrency: 6, only: isFull ? only : quick, again: true })
  }
)
