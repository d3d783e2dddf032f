/** P12: what people say, their names, tokens and keys are in no span, no metric and no key of a log line. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Logger, Metric, Schema } from "effect"
import { AiError, Tool, Toolkit } from "effect/ai"
import { PrometheusMetrics } from "effect/observability"
import { CallContext } from "../../src/agent/CallContext.ts"
import * as Agent from "../../src/agent/index.ts"
import { AuthHook } from "../../src/hooks/AuthHook.ts"
import * as ScriptedLanguageModel from "../../src/testing/scripted/ScriptedLanguageModel.ts"
import { call, layer, layerS2s, pass, running } from "../session/Harness.ts"
import { TestConnection } from "../session/TestConnection.ts"
import { everything, Recording } from "./RecordingTracer.ts"

/** A marker in every text, name and piece of metadata of the conversation. */
const SECRET = "sentinel"
const s = (what: string) => `${SECRET}-${what}`

const Look = Tool.make("look", {
  description: s("description"),
  parameters: Schema.Struct({ at: Schema.String }),
  success: Schema.String,
  failure: Schema.String
})
const Break = Tool.make("break", { description: "fails", success: Schema.String, failure: Schema.String })
const toolkit = Toolkit.make(Look, Break)
const handlers = toolkit.toLayer({
  look: ({ at }) =>
    Effect.gen(function*() {
      yield* Effect.logInfo(`looking at ${at} for ${(yield* CallContext).turn}`)
      // what the telemetry of a library may write
      yield* Effect.annotateCurrentSpan({ "gen_ai.input.messages": s("prompt"), "url.full": `https://x?${s("key")}` })
      yield* Effect.exit(Effect.withSpan(Effect.die(new Error(s("error"))), "own"))
      return s("result")
    }),
  break: () => Effect.fail(s("failure"))
})

const model = ScriptedLanguageModel.layer([
  [
    s("first. "),
    { call: "look", params: { at: s("place") } },
    { call: "break", id: s("id with spaces") },
    { call: s("no-tool") }
  ],
  [s("second.")],
  [{ fail: new AiError.InternalProviderError({ description: s("model") }) }]
])

describe("without trace_speech", () => {
  it.effect("exports neither what is said nor who says it", () =>
    Effect.gen(function*() {
      const recording = new Recording()
      const registry = new Map()
      const lines: Array<unknown> = []
      const logger = Logger.make<unknown, void>(({ message }) => void lines.push(message))
      const context = yield* Layer.build(Layer.merge(model, handlers))
      const agent = yield* Agent.withContext(
        Agent.fromLanguageModel({
          name: "llm",
          toolkit,
          instructions: ({ facts, metadata }) => `${s("role")} ${String(facts["caller"])} ${String(metadata["name"])}`
        })
      ).pipe(Effect.provideContext(context))
      const auth = Layer.succeed(AuthHook, {
        authenticate: () =>
          Effect.succeed({ userId: s("user"), authorized: true, tenant: s("tenant"), metadata: { also: s("claim") } }),
        authorize: () => Effect.succeed(true)
      })
      yield* recording.provide(running(
        layer({ agent, texts: [s("heard")], policy: { apology: s("apology"), greeting: s("greeting") } }).pipe(
          Layer.provide(auth)
        ),
        Effect.gen(function*() {
          const connection = Object.assign(new TestConnection(), { facts: { caller: s("caller") } })
          const user = yield* call({ connection, config: { token: s("token"), metadata: { name: s("metadata") } } })
          yield* pass("3 seconds")
          yield* user.speaks(1_000)
          yield* user.hears(4_000)
          yield* user.session.sendText(s("typed"))
          yield* pass("4 seconds")
          yield* user.session.say(s("said"))
          yield* Effect.exit(user.session.updateMetadata({ more: s("patch") }))
          yield* pass("4 seconds")
        })
      )).pipe(
        Effect.provide(Logger.layer([logger])),
        Effect.provideService(Metric.MetricRegistry, registry)
      )
      const text = everything(recording)
      assert.notInclude(text, SECRET)
      assert.notInclude(
        yield* PrometheusMetrics.format().pipe(Effect.provideService(Metric.MetricRegistry, registry)),
        SECRET
      )
      assert.include(JSON.stringify(lines), "looking at", "the tool ran")
      const names = new Set(recording.spans.map(({ name }) => name))
      for (
        const name of [
          "voice.session",
          "voice.turn",
          "voice.hear",
          "voice.think",
          "voice.speak",
          "LanguageModel.streamText",
          "execute_tool look",
          "execute_tool break",
          "execute_tool unknown",
          "own"
        ]
      ) assert.isTrue(names.has(name), name)
      const think = recording.named("voice.think")[0]
      for (const tool of recording.spans.filter(({ name }) => name.startsWith("execute_tool"))) {
        assert.strictEqual(tool.parent, think?.spanId)
        assert.strictEqual(tool.attributes["gen_ai.operation.name"], "execute_tool")
      }
      assert.strictEqual(recording.one("execute_tool break").attributes["error.type"], "tool_failed")
      assert.strictEqual(recording.one("execute_tool look").attributes["error.type"], undefined)
      assert.strictEqual(recording.one("own").parent, recording.one("execute_tool look").spanId)
      assert.strictEqual(recording.one("own").attributes["error.type"], "Error")
      assert.strictEqual(recording.open.size, 0)
    }))

  it.effect("exports no word of the tools of a speech-to-speech model", () =>
    Effect.gen(function*() {
      const recording = new Recording()
      const context = yield* Layer.build(handlers)
      yield* recording.provide(running(
        layerS2s([
          { call: "look", input: { at: s("place") }, last: "{}" },
          { call: "break", input: {}, last: "{}" },
          { call: s("no-tool"), input: { at: s("nowhere") }, last: "{}" }
        ], { transcripts: [s("heard")], backend: { toolkit } }).pipe(Layer.provide(Layer.succeedContext(context))),
        Effect.gen(function*() {
          const user = yield* call({ config: { metadata: { name: s("metadata") } } })
          for (let turn = 0; turn < 3; turn++) {
            yield* user.session.sendText(s("typed"))
            yield* pass("10 seconds")
          }
          assert.deepStrictEqual(user.connection.of("tool.finished").map(({ ok }) => ok), [true, false, false])
        })
      ))
      assert.notInclude(everything(recording), SECRET)
      const names = new Set(recording.spans.map(({ name }) => name))
      for (const name of ["execute_tool look", "execute_tool break", "execute_tool unknown", "own"]) {
        assert.isTrue(names.has(name), name)
      }
      assert.strictEqual(recording.one("execute_tool break").attributes["error.type"], "tool_failed")
      assert.strictEqual(recording.open.size, 0)
    }))
})
