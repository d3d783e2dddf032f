import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Layer, Logger, References, Schema, Stream } from "effect"
import { Tool, Toolkit } from "effect/ai"
import * as Agent from "../../src/agent/Agent.ts"
import * as BackendProvider from "../../src/backend/provider/BackendProvider.ts"
import { VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import { ConnectionFailed } from "../../src/BackendError.ts"
import * as Cascade from "../../src/engines/cascade/index.ts"
import * as Scripted from "../../src/testing/scripted/ScriptedEngines.ts"
import type { S2sCall } from "../../src/testing/scripted/ScriptedSpeechToSpeech.ts"
import { call, echo, layerS2s, pass, provider, running } from "./Harness.ts"

const lost = new ConnectionFailed({ op: "test", message: "lost" })

const toldOf = (events: ReadonlyArray<{ readonly type: string }>, ...types: ReadonlyArray<string>) =>
  events.map(({ type }) => type).filter((type) => types.includes(type))

describe("An agent in the loop", () => {
  for (const authority of ["own", "remote"] as const) {
    it.effect(`answers in the model's place, with turns decided by ${authority === "own" ? "us" : "the model"}`, () => {
      const calls: Array<S2sCall> = []
      return running(
        layerS2s(["The model's own answer."], {
          turnAuthority: authority,
          agentInLoop: true,
          calls,
          transcripts: ["hello", "more"],
          setup: { agent: echo, policy: { greeting: "Good day." } },
          backend: { agentInLoop: "answer" }
        }),
        Effect.gen(function*() {
          const user = yield* call()
          yield* user.hears(1_500)
          for (let turn = 0; turn < 2; turn++) {
            yield* user.speaks(400)
            yield* user.hears(3_000)
          }
          assert.deepStrictEqual(yield* user.said, [
            "agent: Good day.",
            "user: hello",
            "agent: You said hello.",
            "user: more",
            "agent: You said more."
          ])
          assert.deepStrictEqual(
            calls.filter(({ _tag }) => _tag === "say"),
            ["Good day.", "You said hello.", "You said more."].map((text) => ({ _tag: "say" as const, text }))
          )
        })
      )
    })
  }

  it.effect("is truncated where it was interrupted: sentences that were heard stay in the model, the rest does not", () => {
    const calls: Array<S2sCall> = []
    return running(
      layerS2s([], {
        turnAuthority: "own",
        agentInLoop: true,
        calls,
        transcripts: ["go on", "stop"],
        setup: { agent: Agent.fromStream(() => Stream.make("One two three four. ", "Five six seven eight.")) },
        backend: { agentInLoop: "answer" }
      }),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.speaks(400)
        yield* user.hears(1_500)
        yield* user.speaks(600)
        // without interim transcripts the words at the end of the turn decide
        yield* user.hears(400)
        const truncated = calls.filter((done) => done._tag === "truncate")
        assert.deepStrictEqual(truncated.map(({ reply }) => reply), ["reply-1"])
        assert.isTrue(truncated[0]!.playedMs > 200 && truncated[0]!.playedMs < 1_000, JSON.stringify(truncated))
        assert.match((yield* user.said)[1] ?? "", /^agent: One two three four\. Five( six)?( seven)? …$/u)
      })
    )
  })

  for (const turnAuthority of ["own", "remote"] as const) {
    for (const namesRequests of [true, false]) {
      it.effect(
        `has a transcript that never comes cost its turn: turns by ${turnAuthority}, requests ${
          namesRequests ? "" : "not "
        }named`,
        () =>
          running(
            layerS2s([], {
              turnAuthority,
              agentInLoop: true,
              namesRequests,
              transcripts: ["one", "two", "three"],
              untranscribedAt: [0],
              setup: { agent: echo },
              backend: { agentInLoop: "answer" }
            }),
            Effect.gen(function*() {
              const user = yield* call()
              yield* user.speaks(400)
              yield* user.hears(15_000)
              assert.strictEqual(yield* user.session.state.get, "listening")
              for (const text of ["two", "three"]) {
                yield* user.speaks(400)
                yield* user.hears(2_500)
                assert.deepStrictEqual((yield* user.said).slice(-2), [`user: ${text}`, `agent: You said ${text}.`])
              }
            })
          )
      )
    }
  }

  it.effect("is called by the model as a tool, and the reply goes on with its answer", () => {
    const calls: Array<S2sCall> = []
    return running(
      layerS2s([{ first: "One moment.", call: "ask_agent", input: { question: "the time" }, last: "I hear: {}" }], {
        calls,
        transcripts: ["what time is it"],
        setup: { agent: Agent.fromCallback((asked) => Effect.delay(Effect.succeed(`It is ${asked}.`), "2 seconds")) },
        backend: { agentInLoop: "tool" }
      }),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.speaks(400)
        yield* user.hears(6_000)
        assert.deepStrictEqual(yield* user.said, [
          "user: what time is it",
          "agent: One moment. I hear: It is the time."
        ])
        assert.deepInclude(calls, { _tag: "toolResult", id: "call-reply-0", output: "It is the time." })
        const { events } = user.connection
        assert.deepStrictEqual(toldOf(events, "tool.started", "tool.finished", "agent.speech_stopped"), [
          "tool.started",
          "tool.finished",
          "agent.speech_stopped"
        ])
        assert.deepInclude(user.connection.of("tool.finished")[0], { turn: 1, name: "ask_agent", ok: true })
      })
    )
  })

  it.effect("is interrupted with the reply that called it, and the model gets an error", () => {
    const calls: Array<S2sCall> = []
    let interrupted = 0
    const agent = Agent.fromCallback(() => Effect.onInterrupt(Effect.never, () => Effect.sync(() => interrupted++)))
    return running(
      layerS2s([{ call: "ask_agent", input: { question: "x" }, last: "{}" }, "Yes?"], {
        calls,
        setup: { agent },
        backend: { agentInLoop: "tool" }
      }),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.speaks(400)
        yield* user.hears(1_000)
        yield* user.speaks(400)
        yield* user.hears(2_000)
        assert.strictEqual(interrupted, 1)
        assert.deepInclude(user.connection.of("tool.finished")[0], { ok: false })
        assert.deepInclude(yield* user.said, "agent: Yes?")
      })
    )
  })

  it.effect("checks tool calls: the model gets an error, and the log its cause; of a defect only the log", () => {
    const logs: Array<{ tool: unknown; turn: unknown; cause: string }> = []
    const logged = Logger.layer([
      Logger.make(({ cause, fiber }) => {
        const { tool, turn } = fiber.getRef(References.CurrentLogAnnotations)
        logs.push({ tool, turn, cause: Cause.pretty(cause) })
      })
    ])
    const calls: Array<S2sCall> = []
    const toolkit = Toolkit.make(Tool.make("double", {
      description: "Doubles",
      parameters: Schema.Struct({ n: Schema.Finite }),
      success: Schema.Struct({ doubled: Schema.Finite }),
      failure: Schema.String
    }))
    const handlers = toolkit.toLayer({
      double: ({ n }) =>
        n === 13
          ? Effect.fail("unlucky")
          : n === 14
          ? Effect.die(new Error("no password for db.internal"))
          : Effect.succeed({ doubled: 2 * n })
    })
    return running(
      layerS2s([
        { call: "double", input: { n: 4 }, last: "{}" },
        { call: "double", input: { n: "four" }, last: "{}" },
        { call: "double", input: { n: 13 }, last: "{}" },
        { call: "triple", input: {}, last: "{}" },
        { call: "double", input: { n: 14 }, last: "{}" }
      ], { calls, backend: { toolkit } }).pipe(Layer.provide(handlers)),
      Effect.gen(function*() {
        const user = yield* call()
        for (let turn = 0; turn < 5; turn++) {
          yield* user.speaks(400)
          yield* user.hears(20_000)
        }
        const outputs = calls.flatMap((done) => done._tag === "toolResult" ? [done.output] : [])
        assert.strictEqual(outputs[0], `{"doubled":8}`)
        assert.match(outputs[1]!, /^\{"error":"Invalid parameters for tool 'double': .*\[\\"n\\"\].*\}$/su)
        assert.strictEqual(outputs[2], `{"error":"tool double failed: unlucky"}`)
        assert.strictEqual(outputs[3], `{"error":"unknown tool triple"}`)
        assert.strictEqual(outputs[4], `{"error":"tool double failed","code":"tool_failed"}`)
        assert.deepStrictEqual(user.connection.of("tool.finished").map(({ ok }) => ok), [true, ...Array(4).fill(false)])
        const logged = logs.filter(({ tool }) => tool !== undefined)
        assert.deepStrictEqual(logged.map(({ tool, turn }) => [tool, turn]), [
          ["double", 2],
          ["double", 3],
          ["triple", 4],
          ["double", 5]
        ])
        assert.include(logged[3]?.cause, "no password")
        assert.notInclude(JSON.stringify(logs), "four", "what the model wrote may be what the user said")
      }).pipe(Effect.provide(logged))
    )
  })

  it.effect("is refused by a model that does not support it", () =>
    Effect.gen(function*() {
      const refused = (layer: ReturnType<typeof layerS2s>) =>
        Effect.map(Effect.flip(Effect.scoped(Layer.build(layer))), ({ code, details }) => [code, details?.["missing"]])
      const callsTools = [{ call: "t", input: {}, last: "{}" }]
      // no tool is called, so none needs a handler
      const withTool = (tool: Tool.Any, answers: typeof callsTools, agentInLoop: "off" | "tool" = "off") =>
        layerS2s<never, {}, never>(answers, { backend: { agentInLoop, toolkit: Toolkit.make(tool) as never } })
      const own = Tool.make("t", { description: "t" })
      assert.deepStrictEqual(yield* refused(layerS2s([], { backend: { agentInLoop: "answer" } })), [
        "invalid_config",
        "agent_in_loop"
      ])
      assert.deepStrictEqual(yield* refused(layerS2s([], { backend: { agentInLoop: "tool" } })), [
        "invalid_config",
        "tools"
      ])
      assert.deepStrictEqual(yield* refused(withTool(own, [])), ["invalid_config", "tools"])
      const search = Tool.providerDefined({ id: "vendor.search", customName: "search", providerName: "search" })
      assert.deepStrictEqual(yield* refused(withTool(search(undefined), callsTools)), ["invalid_config", "tools"])
      assert.deepStrictEqual(
        yield* refused(withTool(Tool.make("ask_agent"), callsTools, "tool")),
        ["invalid_config", "tools"]
      )
    }))
})

describe("Uninterruptible speech", () => {
  it.effect("is not interrupted by a reply that the model begins, which is played after it", () =>
    running(
      layerS2s(["I interrupt."], { turnAuthority: "remote", silenceMs: 300 }),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.session.say("This call is recorded for quality and for training.", { interruptible: false })
        yield* user.hears(200)
        yield* user.speaks(400)
        yield* user.hears(5_000)
        assert.deepStrictEqual(yield* user.said, [
          "agent: This call is recorded for quality and for training.",
          "agent: I interrupt."
        ])
      })
    ))
})

describe("A cascade", () => {
  const cascade = (options: {
    readonly texts?: ReadonlyArray<string>
    readonly stt?: Parameters<typeof Scripted.layerStt>[1]
    readonly tts?: Parameters<typeof Scripted.layerTts>[0]
  } = {}) =>
    VoiceBackend.layerS2s({ agent: echo }).pipe(Layer.provide([
      Layer.succeed(BackendProvider.BackendProvider, provider()),
      Cascade.layer({ retryDelay: "100 millis" }).pipe(
        Layer.provide([
          Scripted.layerStt(options.texts ?? ["one", "two"], options.stt),
          Scripted.layerTts(options.tts)
        ])
      ),
      Scripted.layerVad()
    ]))

  it.effect("takes turns and is interrupted like any other model", () =>
    running(
      cascade({ texts: ["one", "stop", "two"] }),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.speaks(400)
        yield* user.hears(500)
        yield* user.speaks(600)
        const sent = user.connection.frames.length
        yield* user.hears(200)
        assert.strictEqual(user.connection.frames.length, sent)
        yield* user.hears(3_000)
        const said = yield* user.said
        assert.match(said[1] ?? "", /^agent: You( said)? …$/u)
        assert.deepStrictEqual(said.slice(2), ["user: stop", "agent: You said stop."])
        yield* user.session.sendText("typed")
        yield* pass("3 seconds")
        assert.deepStrictEqual((yield* user.said).slice(4), ["user: typed", "agent: You said typed."])
      })
    ))

  it.effect("retries a sentence that its TTS engine failed on, and an utterance that its STT engine failed on", () =>
    running(
      cascade({
        stt: { failAt: { 0: lost } },
        tts: { failAt: { 0: lost } }
      }),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.speaks(400)
        yield* user.hears(5_000)
        assert.deepStrictEqual(yield* user.said, ["user: one", "agent: You said one."])
      })
    ))
})
