/** Calls of `dial` that an answering machine answers. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import { readFileSync } from "node:fs"
import * as Wav from "../../../src/audio/Wav.ts"
import { VoiceBackend } from "../../../src/backend/VoiceBackend.ts"
import type { DialRequest } from "../../../src/session/call/DialRequest.ts"
import * as ScriptedCalls from "../../../src/testing/scripted/ScriptedCalls.ts"
import { layer, pass, running } from "../Harness.ts"
import { TestConnection } from "../TestConnection.ts"

const reading =
  Result.getOrThrow(Wav.parse(readFileSync(new URL("../../fixtures/prudently.wav", import.meta.url)))).samples

/** What a call comes to whose far end reads aloud, and then is silent. */
const dialled = (machine: DialRequest["machine"]) =>
  Effect.gen(function*() {
    const calls = ScriptedCalls.make()
    const connection = new TestConnection()
    let end: string | undefined
    yield* running(
      layer({ provider: calls.provider, texts: [], policy: { greeting: "Hello." } }),
      Effect.gen(function*() {
        const { dial } = yield* VoiceBackend
        const session = yield* dial({
          to: "+442071838750",
          userId: "ann",
          ...(machine === undefined ? {} : { machine })
        })
        calls.made[0]?.answer(connection)
        yield* pass("20 millis")
        const silence = new Int16Array(320)
        for (let at = 0; at < 16_000 * 20; at += 320) {
          connection.listener?.audio(at + 320 <= reading.length ? reading.subarray(at, at + 320) : silence)
          yield* pass("20 millis")
        }
        if ((yield* session.persistenceStatus) === "completed") end = yield* session.ended
        assert.strictEqual(calls.made[0]?.isOver(), end !== undefined)
      })
    )
    return {
      end,
      found: connection.of("call.machine").map(({ by, result }) => `${result} by ${by}`),
      said: connection.of("agent.speech_stopped").map(({ text }) => text)
    }
  })

describe("A call of dial", () => {
  it.effect("is hung up when a machine answers", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* dialled({ detect: "own" }), {
        end: "hung_up",
        found: ["machine by audio"],
        said: []
      })
    }))

  it.effect("leaves its message, with a beep or without", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(
        yield* dialled({ detect: "own", onMachine: "leave_message", message: "please call us back" }),
        { end: "hung_up", found: ["machine by audio"], said: ["please call us back"] }
      )
    }))

  it.effect("talks to whoever answers where nothing is to be found out", () =>
    Effect.gen(function*() {
      const { end, found } = yield* dialled(undefined)
      assert.isUndefined(end)
      assert.deepStrictEqual(found, [])
    }))
})
