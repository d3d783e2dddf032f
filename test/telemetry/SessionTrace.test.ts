import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Stream } from "effect"
import * as Agent from "../../src/agent/Agent.ts"
import { VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import { AgentError, PipelineError } from "../../src/BackendError.ts"
import * as SpokenAudio from "../../src/testing/scenario/SpokenAudio.ts"
import * as ScriptedRecogniser from "../../src/testing/scripted/ScriptedRecogniser.ts"
import { call, layer, layerS2s, pass, running, type Setup } from "../session/Harness.ts"
import { everything, type Recorded, Recording } from "./RecordingTracer.ts"

const slow = Agent.fromStream((text) => Stream.fromEffect(Effect.delay(Effect.succeed(`You said ${text}.`), 300)), {
  name: "slow"
})
const tookMs = ({ endMs, startMs }: Recorded) => endMs - startMs
const traced = (setup: Setup, body: Effect.Effect<void, unknown, VoiceBackend>) => {
  const recording = new Recording()
  return Effect.as(recording.provide(running(layer(setup), body)), recording)
}

describe("SessionTrace", () => {
  it.effect("is one trace from audio in to audio out, with the times of the events (FR-013)", () =>
    Effect.gen(function*() {
      let saidAt = 0
      let id = ""
      const recording = yield* traced(
        { agent: slow, stt: { delay: 100 }, tts: { delay: 200 } },
        Effect.gen(function*() {
          const user = yield* call()
          id = user.session.id
          yield* user.hears(1_000)
          // a frame holds the speech of the 20 ms before it
          saidAt = (yield* Effect.clockWith((clock) => clock.currentTimeMillis)) - 20
          yield* user.speaks(1_000)
          yield* user.hears(4_000)
        })
      )
      assert.strictEqual(recording.open.size, 0, "every span has ended")
      assert.strictEqual(new Set(recording.spans.map(({ traceId }) => traceId)).size, 1)
      const [session, turn, hear, think, speak] = ["session", "turn", "hear", "think", "speak"].map((name) =>
        recording.one(`voice.${name}`)
      )
      assert.isDefined(session)
      assert.isDefined(turn)
      assert.isDefined(hear)
      assert.isDefined(think)
      assert.isDefined(speak)
      assert.isUndefined(session.parent)
      assert.strictEqual(turn.parent, session.spanId)
      for (const part of [hear, think, speak]) assert.strictEqual(part.parent, turn.spanId)
      assert.deepInclude(session.attributes, {
        "voice.session.id": id,
        "voice.provider": "test",
        "voice.pipeline.type": "stt_tts",
        "voice.engine.stt": "scripted",
        "voice.engine.tts": "scripted",
        "voice.session.end": "drained"
      })
      assert.strictEqual(turn.startMs, saidAt)
      assert.strictEqual(hear.startMs, saidAt + 1_000, "the end of the speech, not when it was noticed")
      assert.strictEqual(think.startMs, hear.endMs)
      assert.strictEqual(tookMs(think), 300)
      assert.strictEqual(speak.startMs, think.startMs + 300, "the first text")
      assert.strictEqual(speak.endMs, turn.endMs)
      // "You said one." takes 13 × 50 ms to say
      assert.isAtLeast(tookMs(speak), 200 + 650)
      assert.isAtMost(tookMs(speak), 200 + 650 + 40)
      const parts = Object.entries(turn.attributes).filter(([key]) => key.startsWith("voice.turn.part."))
      const total = turn.attributes["voice.turn.latency_ms"]
      assert.strictEqual(parts.reduce((sum, [, ms]) => sum + Number(ms), 0), total)
      assert.strictEqual(Number(total), speak.startMs + 200 - hear.startMs)
      assert.deepInclude(turn.attributes, {
        "voice.turn.number": 1,
        "voice.turn.end": "completed",
        "voice.turn.interrupted": false,
        "voice.turn.part.agent_ms": 300,
        "voice.turn.part.transcript_ms": 100,
        "voice.turn.part.tts_ms": 200
      })
      assert.deepInclude(think.attributes, {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": "slow",
        "gen_ai.conversation.id": id
      })
      assert.isTrue(recording.spans.every(({ exit }) => Exit.isSuccess(exit)))
    }))

  it.effect("marks interrupted turns", () =>
    Effect.gen(function*() {
      const agent = Agent.fromCallback(() => Effect.succeed("word ".repeat(50)))
      const recording = yield* traced(
        { agent },
        Effect.gen(function*() {
          const user = yield* call()
          yield* user.speaks(1_000)
          yield* user.hears(2_000)
          yield* user.speaks(1_000)
          yield* user.hears(1_000)
        })
      )
      const [first, second] = recording.named("voice.turn")
      assert.deepInclude(first?.attributes, { "voice.turn.end": "interrupted", "voice.turn.interrupted": true })
      assert.isTrue(Exit.isSuccess(first?.exit ?? Exit.fail("")), "being interrupted is no failure")
      assert.deepInclude(second?.attributes, { "voice.turn.number": 2 })
      const [speak] = recording.named("voice.speak")
      assert.deepInclude(speak?.attributes, { "voice.turn.interrupted": true })
      assert.strictEqual(speak?.endMs, first?.endMs)
      assert.isBelow(second?.startMs ?? Infinity, first?.endMs ?? 0, "the user began before the agent stopped")
      assert.strictEqual(recording.open.size, 0)
    }))

  it.effect("links preemptive replies to the turn, whether committed or discarded", () =>
    Effect.gen(function*() {
      const recording = yield* traced(
        {
          agent: slow,
          layerStt: ScriptedRecogniser.layer(),
          policy: { speculation: true }
        },
        Effect.gen(function*() {
          const user = yield* call()
          yield* user.hears(100)
          yield* spoken(user, "well")
          yield* user.hears(200)
          yield* spoken(user, "then now")
          yield* user.hears(4_000)
        })
      )
      const turn = recording.one("voice.turn")
      const thinks = recording.named("voice.think")
      assert.strictEqual(thinks.length, 2)
      const session = recording.one("voice.session")
      for (const think of thinks) {
        assert.strictEqual(think.parent, session.spanId)
        assert.strictEqual(think.attributes["voice.turn.speculative"], true)
      }
      assert.deepStrictEqual(thinks.map(({ attributes }) => attributes["voice.turn.outcome"]), [
        "discarded",
        "committed"
      ])
      assert.deepStrictEqual(turn.links, [
        { spanId: thinks[0]?.spanId ?? "", attributes: { "voice.link": "discarded" } },
        { spanId: thinks[1]?.spanId ?? "", attributes: { "voice.link": "committed" } }
      ])
      assert.deepStrictEqual(thinks[1]?.links, [{ spanId: turn.spanId, attributes: { "voice.link": "committed" } }])
      assert.strictEqual(recording.one("voice.speak").parent, turn.spanId)
      assert.strictEqual(recording.open.size, 0)
    }))

  it.effect("records only the code of a failure", () =>
    Effect.gen(function*() {
      const agent = Agent.fromCallback(() =>
        Effect.fail(
          new AgentError({ op: "x", message: "s3cret", cause: new Error("s3cret"), retryable: false })
        )
      )
      const recording = yield* traced(
        { agent, policy: { apology: "" } },
        Effect.gen(function*() {
          const user = yield* call()
          yield* user.session.sendText("hello")
          yield* pass("1 second")
        })
      )
      for (const name of ["voice.turn", "voice.think"]) {
        const { attributes, exit } = recording.one(name)
        assert.strictEqual(attributes["error.type"], "agent_error")
        assert.isTrue(Exit.isFailure(exit))
      }
      assert.deepInclude(recording.one("voice.turn").attributes, { "voice.turn.end": "failed" })
      assert.notInclude(everything(recording), "s3cret")
    }))

  it.effect("records a failure on the span that failed: of the voice, or of an agent that hangs", () =>
    Effect.gen(function*() {
      const talk = Effect.gen(function*() {
        const user = yield* call()
        yield* user.session.sendText("hello")
        yield* pass("10 seconds")
      })
      const error = new PipelineError({ op: "TextToSpeech.speak", message: "s3cret", retryable: false })
      const endless = Agent.fromStream(() =>
        Stream.concat(Stream.succeed("This is one sentence. And this is another. Yes. "), Stream.never)
      )
      const voiceless = yield* traced(
        { agent: endless, tts: { failAt: { 0: error, 1: error, 2: error, 3: error } }, policy: { apology: "" } },
        talk
      )
      assert.strictEqual(voiceless.one("voice.speak").attributes["error.type"], "pipeline_error")
      assert.isUndefined(voiceless.one("voice.think").attributes["error.type"])
      assert.strictEqual(voiceless.one("voice.think").attributes["voice.turn.interrupted"], true)
      const hanging = yield* traced(
        { agent: endless, config: { timeout: Duration.seconds(2) }, policy: { apology: "" } },
        talk
      )
      assert.strictEqual(hanging.one("voice.think").attributes["error.type"], "timeout")
      assert.isUndefined(hanging.one("voice.speak").attributes["error.type"])
      for (const recording of [voiceless, hanging]) {
        assert.strictEqual(recording.one("voice.turn").attributes["voice.turn.end"], "failed")
      }
    }))

  it.effect("records an error on the session when an engine fails for good or cannot be opened", () =>
    Effect.gen(function*() {
      const error = new PipelineError({ op: "x", message: "s3cret", retryable: false })
      const failing = new Recording()
      yield* failing.provide(running(
        layerS2s(["Hello."], { endAt: { 0: error } }),
        Effect.gen(function*() {
          const user = yield* call()
          yield* user.speaks(1_000)
          yield* user.hears(1_000)
        })
      ))
      const { attributes, exit } = failing.one("voice.session")
      assert.isTrue(Exit.isFailure(exit))
      assert.deepInclude(attributes, { "error.type": "pipeline_error", "voice.session.end": "failed" })
      assert.notInclude(everything(failing), "s3cret")
      const never = yield* traced(
        {},
        Effect.gen(function*() {
          const backend = yield* VoiceBackend
          yield* Effect.exit(backend.createSession({ userId: "u", transport: "websocket", agent: "nobody" }))
        })
      )
      assert.strictEqual(never.one("voice.session").attributes["error.type"], "invalid_config")
      assert.strictEqual(never.open.size, 0)
    }))

  it.effect("has the turns of a speech-to-speech model", () =>
    Effect.gen(function*() {
      const recording = new Recording()
      yield* recording.provide(running(
        layerS2s(["Hello there."], { delay: 200, transcripts: ["hi"] }),
        Effect.gen(function*() {
          const user = yield* call()
          yield* user.hears(200)
          yield* user.speaks(1_000)
          yield* user.hears(4_000)
        })
      ))
      const turn = recording.one("voice.turn")
      const [hear, think, speak] = ["hear", "think", "speak"].map((name) => recording.one(`voice.${name}`))
      for (const part of [hear, think, speak]) assert.strictEqual(part?.parent, turn.spanId)
      assert.deepInclude(think?.attributes, {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "scripted-s2s"
      })
      assert.strictEqual(speak?.endMs, turn.endMs)
      assert.strictEqual(think?.endMs, speak?.startMs)
      assert.strictEqual(recording.one("voice.session").attributes["voice.pipeline.type"], "s2s")
      assert.notInclude(everything(recording), "Hello there")
      assert.strictEqual(recording.open.size, 0)
    }))

  it.effect("has the tools of a speech-to-speech model, and the agent that answers in its place", () =>
    Effect.gen(function*() {
      const talk = Effect.gen(function*() {
        const user = yield* call()
        yield* user.speaks(1_000)
        yield* user.hears(5_000)
      })
      const asking = new Recording()
      yield* asking.provide(running(
        layerS2s([{ first: "One moment.", call: "ask_agent", input: { question: "the time" }, last: "It is {}" }], {
          setup: { agent: slow },
          backend: { agentInLoop: "tool" }
        }),
        talk
      ))
      const tool = asking.one("execute_tool ask_agent")
      assert.strictEqual(tool.parent, asking.one("voice.think").spanId)
      assert.strictEqual(tookMs(tool), 300)
      const answering = new Recording()
      yield* answering.provide(running(
        layerS2s([], {
          agentInLoop: true,
          transcripts: ["hello"],
          setup: { agent: slow },
          backend: { agentInLoop: "answer" }
        }),
        talk
      ))
      const think = answering.one("voice.think")
      assert.deepInclude(think.attributes, { "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "slow" })
      assert.strictEqual(think.parent, answering.one("voice.turn").spanId)
      assert.strictEqual(answering.one("voice.speak").startMs, think.startMs + 300)
      for (const recording of [asking, answering]) {
        assert.strictEqual(recording.open.size, 0)
        for (const word of ["the time", "hello", "You said", "One moment"]) {
          assert.notInclude(everything(recording), word)
        }
      }
    }))

  it.effect("makes no span when tracing is off or there is no tracer; new sessions use a new value", () =>
    Effect.gen(function*() {
      const talk = Effect.gen(function*() {
        const user = yield* call()
        yield* user.session.sendText("hello")
        yield* pass("2 seconds")
      })
      const off = yield* traced({ agent: slow, config: { enableTracing: false } }, talk)
      assert.strictEqual(off.made, 0)
      const live = yield* traced(
        { agent: slow, config: { enableTracing: false } },
        Effect.gen(function*() {
          yield* talk
          const backend = yield* VoiceBackend
          yield* backend.updateConfig({ ...(yield* backend.config), enableTracing: true })
          yield* talk
        })
      )
      assert.strictEqual(live.named("voice.session").length, 1)
      let seen: unknown = undefined
      const looking = Agent.fromCallback(() =>
        Effect.map(Effect.exit(Effect.currentSpan), (span) => {
          seen = span
          return "Hm."
        })
      )
      yield* running(
        layer({ agent: looking }),
        Effect.gen(function*() {
          const user = yield* call()
          yield* user.session.sendText("hello")
          yield* pass("1 second")
        })
      )
      assert.isTrue(Exit.isExit(seen) && Exit.isFailure(seen), "with Effect's own tracer there is none")
    }))

  it.effect("is a trace of its own, linked to the span that created the session", () =>
    Effect.gen(function*() {
      const recording = yield* traced({}, Effect.asVoid(Effect.withSpan(call(), "request")))
      const session = recording.one("voice.session")
      const request = recording.one("request")
      assert.notStrictEqual(session.traceId, request.traceId)
      assert.deepStrictEqual(session.links, [{
        spanId: request.spanId,
        attributes: { "voice.link": "created_by" }
      }])
    }))

  it.effect("contains what was said with trace_speech", () =>
    Effect.gen(function*() {
      const recording = yield* traced(
        { agent: slow, config: { traceSpeech: true } },
        Effect.gen(function*() {
          const user = yield* call()
          yield* user.session.sendText("hello")
          yield* pass("3 seconds")
        })
      )
      const input = `[{"role":"user","parts":[{"type":"text","content":"hello"}]}]`
      const output = `[{"role":"assistant","parts":[{"type":"text","content":"You said hello."}]}]`
      for (const name of ["voice.turn", "voice.think"]) {
        assert.deepInclude(recording.one(name).attributes, {
          "gen_ai.input.messages": input,
          "gen_ai.output.messages": output
        })
      }
    }))
})

const spoken = (user: Effect.Success<ReturnType<typeof call>>, words: string) => {
  const pcm = SpokenAudio.encode(words, { sampleRate: 16_000 })
  const frames = Array.from({ length: Math.ceil(pcm.length / 320) }, (_, i) => pcm.subarray(i * 320, (i + 1) * 320))
  return Effect.forEach(
    frames,
    (frame) => Effect.andThen(Effect.sync(() => user.connection.listener?.audio(frame)), pass(20)),
    { discard: true }
  )
}
