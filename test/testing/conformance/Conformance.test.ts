import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Conformance from "../../../src/testing/conformance/Conformance.ts"
import * as ScriptedProvider from "../../../src/testing/scripted/ScriptedProvider.ts"

const { provider } = ScriptedProvider

/** A connection in memory whose client or listener can be made faulty. */
const harness = (
  fault: (client: Conformance.ClientConnection, listener: Conformance.Listener) => {
    readonly client?: Partial<Conformance.ClientConnection>
    readonly listener?: Partial<Conformance.Listener>
  } = () => ({})
): Conformance.Harness => ({
  name: "test",
  provider,
  transport: "websocket",
  serve: () =>
    Effect.succeed(({ listener, session }) => {
      const { client, connection } = Conformance.memoryClient({
        ...listener,
        ...fault(Conformance.memoryClient(listener).client, listener).listener
      })
      if (session === undefined) return Effect.die(new Error("unexpected"))
      return Effect.as(session.attach(connection), { ...client, ...fault(client, listener).client })
    }),
  unsupported: { recovery: "it has no other process" },
  provideTime: Conformance.virtualTime("test")
})

const run = (of: Conformance.Harness, only: RegExp) => Effect.runPromise(Conformance.run(of, { only, concurrency: 1 }))

describe("Conformance", () => {
  it("passes a provider that keeps the contract", async () => {
    const [result] = await run(harness(), /^FR-003$/u)
    assert.deepInclude(result, { id: "FR-003", result: "passed", detail: undefined })
  })

  it("fails a provider that drops the user's audio, and says what it waited for", async () => {
    const [result] = await run(harness(() => ({ client: { audio: () => {} } })), /^FR-003$/u)
    assert.deepInclude(result, { result: "failed" })
    assert.include(result?.detail, "user.transcript")
  })

  it("fails a provider that drops the agent's audio", async () => {
    const [result] = await run(harness(() => ({ listener: { audio: () => {} } })), /^FR-003$/u)
    assert.deepInclude(result, { result: "failed" })
  })

  it("fails a provider that plays on after a clear", async () => {
    const playsOn = harness((_, listener) => {
      let last: Int16Array | undefined
      return {
        listener: {
          audio: (pcm) => {
            last = pcm
            listener.audio(pcm)
          },
          event: (event) => {
            listener.event(event)
            if (event.type === "playout.clear" && last !== undefined) listener.audio(last)
          }
        }
      }
    })
    const [result] = await run(playsOn, /^P1$/u)
    assert.deepInclude(result, { result: "failed" })
    assert.include(result?.detail, "frames received after")
  })

  it("skips what a provider does not support, with the reason", async () => {
    const silent = { ...provider, capabilities: { ...provider.capabilities, s2s: false } }
    const results = await run({ ...harness(), provider: silent }, /^(FR-006|P10|SC-003)$/u)
    assert.deepStrictEqual(results.map(({ id, result }) => [id, result]), [
      ["FR-006", "skipped"],
      ["SC-003", "elsewhere"],
      ["P10", "skipped"]
    ])
    assert.strictEqual(results[2]?.detail, "it has no other process")
    assert.strictEqual(Conformance.summary(results), "conformance: 0 passed, 0 failed, 1 verified elsewhere, 2 skipped")
    assert.include(Conformance.table(results), "| P10 | an active session survives its process")
  })
})
