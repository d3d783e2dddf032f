import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Conformance from "../../../src/testing/conformance/Conformance.ts"
import * as ScriptedProvider from "../../../src/testing/scripted/ScriptedProvider.ts"

const { provider } = ScriptedProvider

/** A line in memory, on which something may be wrong. */
const harness = (
  spoil: (line: Conformance.Line, ear: Conformance.Listener) => {
    readonly line?: Partial<Conformance.Line>
    readonly ear?: Partial<Conformance.Listener>
  } = () => ({})
): Conformance.Harness => ({
  name: "test",
  provider,
  transport: "websocket",
  reach: () =>
    Effect.succeed(({ ear, session }) => {
      const { connection, line } = Conformance.memoryLine({
        ...ear,
        ...spoil(Conformance.memoryLine(ear).line, ear).ear
      })
      if (session === undefined) return Effect.die(new Error("unexpected"))
      return Effect.as(session.attach(connection), { ...line, ...spoil(line, ear).line })
    }),
  unsupported: { recovery: "it has no other process" },
  time: Conformance.virtualTime("test")
})

const run = (of: Conformance.Harness, only: RegExp) => Effect.runPromise(Conformance.run(of, { only, concurrency: 1 }))

describe("Conformance", () => {
  it("finds that a provider keeps the contract", async () => {
    const [result] = await run(harness(), /^FR-003$/u)
    assert.deepInclude(result, { id: "FR-003", result: "held", detail: undefined })
  })

  it("finds a provider whose users cannot be heard, and says what was waited for", async () => {
    const [result] = await run(harness(() => ({ line: { audio: () => {} } })), /^FR-003$/u)
    assert.deepInclude(result, { result: "broken" })
    assert.include(result?.detail, "user.transcript")
  })

  it("finds a provider whose users hear nothing", async () => {
    const [result] = await run(harness(() => ({ ear: { audio: () => {} } })), /^FR-003$/u)
    assert.deepInclude(result, { result: "broken" })
  })

  it("finds a provider that plays on when it was told to stop", async () => {
    const late = harness((_, ear) => {
      let last: Int16Array | undefined
      return {
        ear: {
          audio: (pcm) => {
            last = pcm
            ear.audio(pcm)
          },
          event: (event) => {
            ear.event(event)
            if (event.type === "playout.clear" && last !== undefined) ear.audio(last)
          }
        }
      }
    })
    const [result] = await run(late, /^P1$/u)
    assert.deepInclude(result, { result: "broken" })
    assert.include(result?.detail, "frames that came after")
  })

  it("does not run what a provider cannot do, and says why", async () => {
    const silent = { ...provider, capabilities: { ...provider.capabilities, s2s: false } }
    const results = await run({ ...harness(), provider: silent }, /^(FR-006|P10|SC-003)$/u)
    assert.deepStrictEqual(results.map(({ id, result }) => [id, result]), [
      ["FR-006", "skipped"],
      ["SC-003", "later"],
      ["P10", "skipped"]
    ])
    assert.strictEqual(results[2]?.detail, "it has no other process")
    assert.strictEqual(Conformance.summary(results), "conformance: 0 held, 1 later, 0 broken, 2 skipped")
    assert.include(Conformance.table(results), "| P10 | an active session survives its process")
  })
})
