import { describe } from "@effect/vitest"
import { Effect } from "effect"
import { ConnectionFailed } from "../../src/BackendError.ts"
import * as Conformance from "../../src/testing/conformance/Conformance.ts"
import * as ScriptedProvider from "../../src/testing/scripted/ScriptedProvider.ts"
import * as Results from "./Results.ts"

const gone = new ConnectionFailed({ op: "test.dial", message: "the session is in another process" })

const harness: Conformance.Harness = {
  name: "scripted provider in virtual time",
  provider: ScriptedProvider.provider,
  transport: "websocket",
  serve: () =>
    Effect.succeed(({ listener, session }) => {
      if (session === undefined) return Effect.fail(gone)
      const { client, connection } = Conformance.memoryClient(listener)
      return Effect.as(session.attach(connection), client)
    }),
  unsupported: {
    recovery: "the program attaches its users, and ends with the process",
    admission: "the program attaches its users, without access control"
  },
  provideTime: Conformance.virtualTime("conformance")
}

describe("the contract over the scripted provider, in virtual time", () => {
  Results.each(harness, { concurrency: 1 })
})
