import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import * as Agent from "../../src/agent/Agent.ts"
import { VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import { PipelineError } from "../../src/BackendError.ts"
import type { S2sCall } from "../../src/testing/scripted/ScriptedSpeechToSpeech.ts"
import { call, layerS2s, pass, running } from "./Harness.ts"

const broken = new PipelineError({ op: "SpeechToSpeech", message: "broken", retryable: false })

describe("A speech-to-speech model", () => {
  for (const authority of ["own", "remote"] as const) {
    describe(`with turns decided by ${authority === "own" ? "us" : "the model"}`, () => {
      it.effect("takes turns, with a history", () => {
        const calls: Array<S2sCall> = []
        return running(
          layerS2s(["First answer.", "Second answer."], {
            turnAuthority: authority,
            calls,
            transcripts: ["hello", "more"]
          }),
          Effect.gen(function*() {
            const user = yield* call()
            yield* user.speaks(400)
            yield* user.hears(2_000)
            yield* user.speaks(400)
            yield* user.hears(2_000)
            const agent = (yield* user.said).filter((line) => line.startsWith("agent"))
            assert.deepStrictEqual(agent, ["agent: First answer.", "agent: Second answer."])
            assert.deepStrictEqual(user.connection.of("agent.speech_stopped").map((event) => event.reason), [
              "completed",
              "completed"
            ])
            assert.strictEqual(user.connection.of("turn.latency").length, 2)
            assert.deepStrictEqual(calls.map((done) => done._tag), authority === "own" ? ["commit", "commit"] : [])
            if (authority === "remote") {
              assert.deepStrictEqual(yield* user.said, [
                "user: hello",
                "agent: First answer.",
                "user: more",
                "agent: Second answer."
              ])
            }
          })
        )
      })

      it.effect("is truncated where it was interrupted", () => {
        const calls: Array<S2sCall> = []
        return running(
          layerS2s(["one two three four five six seven eight nine ten.", "Yes?"], { turnAuthority: authority, calls }),
          Effect.gen(function*() {
            const user = yield* call()
            yield* user.speaks(400)
            yield* user.hears(1_300)
            yield* user.speaks(80)
            const sent = user.connection.frames.length
            yield* user.speaks(400)
            assert.strictEqual(user.connection.frames.length, sent)
            const cut = calls.find((done) => done._tag === "truncate")
            assert.isTrue(cut?._tag === "truncate" && cut.reply === "reply-0")
            assert.isTrue(cut?._tag === "truncate" && cut.playedMs > 900 && cut.playedMs < 1_100, JSON.stringify(cut))
            yield* user.hears(2_000)
            const said = yield* user.said
            assert.match(said[0] ?? "", /^agent: one two three( four)?( five)? …$/u)
            assert.strictEqual(said.at(-1), "agent: Yes?")
          })
        )
      })

      it.effect("speaks given texts, and answers typed turns", () => {
        const calls: Array<S2sCall> = []
        return running(
          layerS2s(["An answer."], { turnAuthority: authority, calls, setup: { policy: { greeting: "Hello." } } }),
          Effect.gen(function*() {
            const user = yield* call()
            yield* pass("1 second")
            yield* user.session.sendText("typed")
            yield* pass("2 seconds")
            assert.deepStrictEqual(yield* user.said, ["agent: Hello.", "user: typed", "agent: An answer."])
            assert.deepStrictEqual(calls, [{ _tag: "say", text: "Hello." }, { _tag: "userText", text: "typed" }])
          })
        )
      })

      it.effect("greets in the policy's words only: the model answers, not the agent", () => {
        const agent = Agent.fromCallback(() => Effect.succeed("Yes."), { greeting: "I am Ada." })
        return running(
          layerS2s(["An answer."], { turnAuthority: authority, setup: { agent } }),
          Effect.gen(function*() {
            const user = yield* call()
            yield* pass("1 second")
            assert.deepStrictEqual(yield* user.said, [])
          })
        )
      })

      it.effect("goes on when an answer fails, and closes when the model does", () =>
        running(
          layerS2s(["lost", "Second.", "never"], {
            turnAuthority: authority,
            failAt: { 0: broken },
            endAt: { 3: broken }
          }),
          Effect.gen(function*() {
            const user = yield* call()
            yield* user.speaks(400)
            yield* user.hears(2_000)
            assert.isAtLeast(user.connection.of("error").length, 1)
            yield* user.speaks(400)
            yield* user.hears(2_000)
            assert.include(yield* user.said, "agent: Second.")
            assert.strictEqual(yield* user.session.state.get, "listening")
            yield* user.speaks(400)
            yield* user.hears(2_000)
            yield* user.speaks(400)
            yield* user.hears(2_000)
            assert.strictEqual(yield* user.session.ended, "failed")
          })
        ))
    })
  }

  it.effect("that does not support `say` cannot greet, and goes on", () =>
    running(
      layerS2s(["An answer."], { say: false, setup: { policy: { greeting: "Hello." } } }),
      Effect.gen(function*() {
        const user = yield* call()
        yield* pass("1 second")
        assert.deepInclude(user.connection.of("error")[0], { code: "invalid_config", details: { missing: "say" } })
        yield* user.session.sendText("typed")
        yield* pass("2 seconds")
        assert.include(yield* user.said, "agent: An answer.")
      })
    ))

  it.effect("does not play an answer that is no longer wanted", () => {
    const calls: Array<S2sCall> = []
    return running(
      layerS2s(["Stale.", "Fresh."], { turnAuthority: "own", delay: "2 seconds", calls }),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.session.sendText("one")
        yield* pass("1 second")
        yield* user.session.sendText("two")
        yield* pass("10 seconds")
        assert.deepStrictEqual(yield* user.said, ["user: one", "user: two", "agent: Fresh."])
        assert.deepInclude(calls, { _tag: "truncate", reply: "reply-0", playedMs: 0 })
      })
    )
  })

  it.effect("drains like any other", () =>
    running(
      layerS2s(["An answer to the end."], { delay: "1 second" }),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.speaks(400)
        yield* user.hears(400)
        const backend = yield* VoiceBackend
        const stopping = yield* Effect.forkChild(backend.stop)
        yield* pass("10 seconds")
        assert.deepInclude(yield* Fiber.join(stopping), { completed: 1, interrupted: 0 })
        assert.deepStrictEqual(yield* user.said, ["agent: An answer to the end."])
      })
    ))
})
