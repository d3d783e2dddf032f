import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Queue, Stream } from "effect"
import * as Agent from "../../src/agent/Agent.ts"
import { VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import * as History from "../../src/conversation/History.ts"
import * as JsonBytes from "../../src/schema/JsonBytes.ts"
import * as ClientMessage from "../../src/session/ClientMessage.ts"
import { SpeechToText, type TranscriptEvent } from "../../src/speech/SpeechToText.ts"
import { call, layer, pass, running } from "./Harness.ts"

const brief = Agent.fromStream(() => Stream.make("Yes."))

/** A recogniser that hears this text twice in each turn. */
const twoFinals = (text: string) =>
  Layer.succeed(SpeechToText, {
    name: "wordy",
    sampleRate: 16_000,
    capabilities: { interim: false, endOfTurn: false },
    open: () =>
      Effect.map(Queue.unbounded<TranscriptEvent>(), (events) => ({
        push: () => {},
        activity: () => {},
        finalize: (id: number) => {
          for (const _ of [1, 2]) Queue.offerUnsafe(events, { _tag: "Final", text: `${text}${++words}` })
          Queue.offerUnsafe(events, { _tag: "Finalized", id })
        },
        events: Stream.fromQueue(events)
      }))
  })
let words = 0

const bytes = (history: ReadonlyArray<History.HistoryItem>) => Buffer.byteLength(JSON.stringify(history))

describe("texts", () => {
  it("of a client are counted in the bytes that they take when they are stored", () => {
    const of = (text: string) => ClientMessage.parse(JSON.stringify({ type: "user.text", text }))._tag
    assert.strictEqual(of("\u0001".repeat(10_916)), "Malformed")
    for (const text of ["\u0001".repeat(8_192), "\u4e00".repeat(16_384), "\ud83d\ude00".repeat(8_192)]) {
      assert.strictEqual(of(text), "Message")
    }
  })

  it.effect("that a program sends or says are refused when they are too long, in characters or in bytes", () =>
    running(
      layer(),
      Effect.gen(function*() {
        const { session } = yield* call()
        for (const text of ["x".repeat(16_385), "\u0001".repeat(8_193)]) {
          for (const operation of [session.sendText(text), session.say(text)]) {
            assert.strictEqual((yield* Effect.flip(operation)).code, "invalid_config")
          }
        }
        yield* session.sendText("")
        assert.deepStrictEqual(yield* session.history, [])
      })
    ))

  it.effect("that are sent without a pause do not grow the history beyond its bytes", () =>
    running(
      layer(),
      Effect.gen(function*() {
        const user = yield* call()
        const text = "word ".repeat(3_000)
        for (let i = 0; i < 1_000; i++) yield* Effect.ignore(user.session.sendText(text))
        yield* pass("5 seconds")
        const history = yield* user.session.history
        assert.isAtMost(bytes(history), History.MAX_BYTES)
        assert.isAbove(history[0]?.omittedBefore ?? 0, 800)
        yield* user.session.sendText("and the last")
        yield* pass("10 seconds")
        assert.include((yield* user.session.history).map((item) => item.text), "and the last")
      })
    ))

  it.effect("that wait for the end of a reply are bounded in bytes, and so is the question that they become", () =>
    running(
      layer(),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.session.say("Please listen to this.", { interruptible: false })
        yield* pass("500 millis")
        const results: Array<string> = []
        for (let i = 0; i < 10; i++) {
          const result = yield* Effect.result(user.session.sendText("x".repeat(15_000)))
          results.push(result._tag === "Success" ? "taken" : result.failure.code)
        }
        assert.deepStrictEqual(results.slice(0, 4), ["taken", "taken", "taken", "session_limit_exceeded"])
        // the user is told, too
        user.connection.listener?.message({ type: "user.text", text: "y".repeat(15_000) })
        assert.deepStrictEqual(user.connection.of("error").map(({ details }) => details?.["reason"]), ["queue_full"])
        yield* pass("10 seconds")
        for (const item of yield* user.session.history) {
          assert.isAtMost(JsonBytes.lengthOf(item.text), History.MAX_TEXT_BYTES)
        }
      })
    ))

  it.effect("that are queued are bounded in bytes", () =>
    running(
      layer(),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.session.say("Hello.")
        const said: Array<string> = []
        for (let i = 0; i < 10; i++) {
          const result = yield* Effect.result(user.session.say("word ".repeat(3_200)))
          said.push(result._tag === "Success" ? "taken" : result.failure.code)
        }
        assert.deepStrictEqual(said.slice(7), ["taken", "session_limit_exceeded", "session_limit_exceeded"])
        yield* user.session.sendAudio(new Uint8Array(960))
      })
    ))

  it.effect("that were heard and are too long for the history are cut, and that is told", () =>
    running(
      layer({ layerStt: twoFinals("\u4e00".repeat(12_000)), agent: brief }),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.speaks(1_000)
        yield* user.hears(2_000)
        const backend = yield* VoiceBackend
        assert.strictEqual((yield* backend.getSession(user.session.id)).id, user.session.id)
        const [item] = yield* user.session.history
        assert.isTrue(item?.text.endsWith(JsonBytes.CUT_MARK))
        assert.isAtMost(JsonBytes.lengthOf(item?.text ?? ""), History.MAX_TEXT_BYTES)
        assert.deepStrictEqual(user.connection.of("error").map(({ details }) => details), [
          { reason: "too_large", limit: History.MAX_TEXT_BYTES }
        ])
      })
    ))
})
