/** What application code and engines say when they fail is in the log, with its stack, session and turn, and nowhere else. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Layer, Logger, Metric, References, Schema, Stream } from "effect"
import { Tool, Toolkit } from "effect/ai"
import { PrometheusMetrics } from "effect/observability"
import * as Agent from "../../src/agent/index.ts"
import { BackendProvider } from "../../src/backend/provider/BackendProvider.ts"
import { type LayerOptions, VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import {
  AgentError,
  type BackendError,
  ConnectionFailed,
  PipelineError,
  toProblemJson
} from "../../src/BackendError.ts"
import * as AudioProcessor from "../../src/hooks/AudioProcessor.ts"
import { AuthHook } from "../../src/hooks/AuthHook.ts"
import { DataRetentionHook } from "../../src/hooks/DataRetentionHook.ts"
import { RateLimiter } from "../../src/hooks/RateLimiter.ts"
import * as RetentionPolicy from "../../src/hooks/RetentionPolicy.ts"
import { SpeechToText } from "../../src/speech/SpeechToText.ts"
import { TextToSpeech } from "../../src/speech/TextToSpeech.ts"
import { TurnDetector } from "../../src/speech/TurnDetector.ts"
import { VoiceActivityDetector } from "../../src/speech/VoiceActivityDetector.ts"
import * as Scripted from "../../src/testing/scripted/ScriptedEngines.ts"
import * as ScriptedLanguageModel from "../../src/testing/scripted/ScriptedLanguageModel.ts"
import type { S2sCall } from "../../src/testing/scripted/ScriptedSpeechToSpeech.ts"
import * as TextTransform from "../../src/text/TextTransform.ts"
import { everything, Recording } from "../telemetry/RecordingTracer.ts"
import { call, echo, layer, layerS2s, provider, running } from "./Harness.ts"

const SECRET = "pg://admin:hunter2@db.internal"

interface Line {
  readonly text: string
  readonly session: unknown
  readonly turn: unknown
  readonly names: { readonly [key: string]: unknown }
}

const stack = () => new Error(SECRET)
const typed = () =>
  new AgentError({
    op: SECRET,
    message: SECRET,
    details: { query: SECRET, reason: SECRET },
    cause: stack(),
    retryable: false
  })
const engineFailure = () =>
  new PipelineError({ op: "Engine.run", message: SECRET, details: { url: SECRET }, cause: stack(), retryable: false })
const thrown = (): never => {
  throw stack()
}

/** A service of the scripted engine whose method is replaced. */
const changed = <I, S extends object>(
  of: Layer.Layer<I>,
  tag: { readonly of: (service: S) => S } & Parameters<typeof Layer.effect<I, S>>[0],
  change: (service: S) => Partial<S>
) =>
  Layer.effect(tag, Effect.map(tag as Effect.Effect<S, never, I>, (service) => ({ ...service, ...change(service) })))
    .pipe(
      Layer.provide(of)
    )

interface Case {
  readonly backend: Layer.Layer<VoiceBackend, BackendError>
  /** The code that the user's client, or the caller, gets; none where the call goes on. */
  readonly code?: string
  /** The name in the log's keys. */
  readonly names: { readonly [key: string]: unknown }
  /** Before any turn, or outside of a session. */
  readonly without?: ReadonlyArray<"session" | "turn">
}

const withAgent = (agent: Agent.Agent): Case => ({
  backend: layer({ agent }),
  code: "agent_error",
  names: { agent: "concierge" }
})
const named = { name: "concierge" }

const detector = (endOfTurn: TurnDetector["Service"]["endOfTurn"]): Case => ({
  backend: layer().pipe(
    Layer.provide(Layer.succeed(TurnDetector, { name: "judge", endOfTurn }))
  ),
  names: { turn_detector: "judge" }
})
const processor = (of: AudioProcessor.AudioProcessor): Case => ({
  backend: VoiceBackend.layerSttTts({ agent: echo, processors: [of] }).pipe(Layer.provide([
    Layer.succeed(BackendProvider, provider()),
    Scripted.layerStt(["one", "two"]),
    Scripted.layerTts(),
    Scripted.layerVad()
  ])),
  names: { processor: "gate" },
  without: ["turn"]
})

const backendOf = (engines: {
  readonly stt?: Layer.Layer<SpeechToText>
  readonly tts?: Layer.Layer<TextToSpeech>
  readonly vad?: Layer.Layer<VoiceActivityDetector>
  readonly options?: LayerOptions | undefined
}) =>
  VoiceBackend.layerSttTts({ agent: echo, ...engines.options }).pipe(Layer.provide([
    Layer.succeed(BackendProvider, provider()),
    engines.stt ?? Scripted.layerStt(["one", "two"]),
    engines.tts ?? Scripted.layerTts(),
    engines.vad ?? Scripted.layerVad()
  ]))

const cases: { readonly [name: string]: Case } = {
  "an agent that fails": withAgent(Agent.fromCallback(() => Effect.fail(stack()), named)),
  "an agent that fails with an error of ours": withAgent(Agent.fromCallback(() => Effect.fail(typed()), named)),
  "an agent that dies": withAgent(Agent.fromCallback(() => Effect.die(stack()), named)),
  "an agent that throws": withAgent(Agent.fromStream(thrown, named)),
  "an agent made by hand": withAgent({ name: "concierge", respond: () => Stream.fail(typed()) }),
  "an agent that fails after words": withAgent(
    Agent.fromStream(() => Stream.concat(Stream.succeed("Well, one moment please. "), Stream.fail(stack())), named)
  ),
  "work in the background": {
    ...withAgent(
      Agent.fromCallback(
        (_, { session }) => Effect.as(session?.background(Effect.die(stack())) ?? Effect.void, "It is on its way."),
        named
      )
    ),
    code: undefined as never
  },
  "a text transform": {
    backend: backendOf({ options: { textTransforms: [TextTransform.fromFunction(thrown)] } }),
    code: "pipeline_error",
    names: {}
  },
  "a voice that fails": {
    backend: layer({
      tts: { failAt: { 0: engineFailure(), 1: engineFailure(), 2: engineFailure(), 3: engineFailure() } }
    }),
    code: "pipeline_error",
    names: { engine: "scripted" },
    without: ["turn"]
  },
  "a voice that dies": {
    backend: backendOf({
      tts: changed(Scripted.layerTts(), TextToSpeech, () => ({
        open: () => Effect.succeed({ speak: () => Stream.die(stack()) })
      }))
    }),
    code: "pipeline_error",
    names: { engine: "scripted" },
    without: ["turn"]
  },
  "a recogniser that fails": {
    backend: layer({ stt: { failAt: { 0: engineFailure(), 1: engineFailure() } } }),
    names: { engine: "scripted" },
    without: ["turn"]
  },
  "a recogniser that throws at a frame": {
    backend: backendOf({
      stt: changed(Scripted.layerStt([]), SpeechToText, (stt) => ({
        open: (options) => Effect.map(stt.open(options), (stream) => ({ ...stream, push: thrown }))
      }))
    }),
    names: {},
    without: ["turn"]
  },
  "a voice activity detector that throws at a frame": {
    backend: backendOf({
      vad: changed(Scripted.layerVad(), VoiceActivityDetector, () => ({ open: () => Effect.succeed({ push: thrown }) }))
    }),
    code: "pipeline_error",
    names: {},
    without: ["turn"]
  },
  "a voice activity detector that does not open": {
    backend: backendOf({
      vad: changed(Scripted.layerVad(), VoiceActivityDetector, () => ({ open: () => Effect.fail(engineFailure()) }))
    }),
    code: "pipeline_error",
    names: {},
    without: ["turn"]
  },
  "a turn detector that fails": detector(() => Effect.fail(engineFailure())),
  "a turn detector that throws": detector(thrown),
  "an audio processor that throws": processor(AudioProcessor.sync({ name: "gate", process: thrown })),
  "an audio processor that fails": processor(
    AudioProcessor.effect({ name: "gate", process: () => Effect.fail(engineFailure()) })
  ),
  "an audio processor that does not open and stops": {
    backend: backendOf({
      options: { processors: [{ use: () => Effect.fail(engineFailure()), onFailure: "stop" }] }
    }),
    code: "pipeline_error",
    names: {},
    without: ["turn"]
  },
  "a provider that does not open": {
    backend: layer({
      provider: provider({
        open: () => Effect.fail(new ConnectionFailed({ op: SECRET, message: SECRET, cause: stack() }))
      })
    }),
    code: "connection_failed",
    names: {},
    without: ["turn"]
  },
  "a provider whose link fails": {
    backend: layer({
      provider: provider({
        open: () =>
          Effect.succeed({
            access: { connectionUrl: "memory:" },
            attachments: Stream.concat(
              Stream.fromEffectDrain(Effect.sleep("2 seconds")),
              Stream.fail(new ConnectionFailed({ op: "x", message: SECRET, cause: stack() }))
            )
          })
      })
    }),
    code: "connection_failed",
    names: { provider: "test" },
    without: ["turn"]
  },
  "an AuthHook that dies": {
    backend: layer().pipe(
      Layer.provide(
        Layer.succeed(AuthHook, { authenticate: () => Effect.die(stack()), authorize: () => Effect.succeed(true) })
      )
    ),
    code: "connection_failed",
    names: { hook: "AuthHook" },
    without: ["session", "turn"]
  },
  "a RateLimiter that fails": {
    backend: layer().pipe(
      Layer.provide(Layer.succeed(RateLimiter, { allow: () => Effect.fail(engineFailure()), wait: () => Effect.void }))
    ),
    code: "connection_failed",
    names: { hook: "rate limiter" },
    without: ["session", "turn"]
  }
}

const logged = (lines: Array<Line>) =>
  Logger.layer([
    Logger.make<unknown, void>(({ cause, fiber, logLevel, message }) => {
      if (logLevel === "Debug" || logLevel === "Trace") return
      const { session, turn, ...names } = fiber.getRef(References.CurrentLogAnnotations)
      lines.push({ text: `${String(message)} ${Cause.pretty(cause)}`, session, turn, names })
    })
  ])

describe("the text of a failure", () => {
  for (const [name, { backend, code, names, without = [] }] of Object.entries(cases)) {
    it.effect(`is in the log alone: ${name}`, () =>
      Effect.gen(function*() {
        const recording = new Recording()
        const registry = new Map()
        const lines: Array<Line> = []
        const outside: Array<unknown> = []
        const codes: Array<string> = []
        yield* recording.provide(running(
          backend,
          Effect.gen(function*() {
            const made = yield* Effect.exit(call({ config: { token: "token" } }))
            if (Exit.isFailure(made)) {
              const error = Cause.squash(made.cause) as BackendError
              codes.push(error.code)
              outside.push(toProblemJson(error))
              return
            }
            const user = made.value
            for (let turn = 0; turn < 2; turn++) {
              yield* user.speaks(1_000)
              yield* user.hears(6_000)
            }
            outside.push(user.connection.events, user.connection.closes)
            codes.push(...user.connection.of("error").map((event) => event.code))
          })
        )).pipe(Effect.provide(logged(lines)), Effect.provideService(Metric.MetricRegistry, registry))
        outside.push(
          everything(recording),
          yield* PrometheusMetrics.format().pipe(Effect.provideService(Metric.MetricRegistry, registry))
        )
        for (const part of ["hunter2", "db.internal", "pg://"]) assert.notInclude(JSON.stringify(outside), part)
        if (code !== undefined) assert.include(codes, code)
        const told = lines.filter(({ text }) => text.includes(SECRET))
        assert.isAtLeast(told.length, 1, JSON.stringify(lines))
        const [line] = told
        assert.match(line!.text, /FailureTexts\.test\.ts/u, "with its stack")
        assert.strictEqual(typeof line!.session, without.includes("session") ? "undefined" : "string")
        assert.strictEqual(typeof line!.turn, without.includes("turn") ? "undefined" : "number", JSON.stringify(line))
        assert.deepInclude(line!.names, names)
      }))
  }

  it.effect("is told to the model only by a tool that chooses words for it", () => {
    const lines: Array<Line> = []
    const requests: Array<ScriptedLanguageModel.Request> = []
    const of = (name: string, failure: Schema.Codec<unknown, unknown> = Schema.Unknown) =>
      Tool.make(name, { success: Schema.String, failure })
    const toolkit = Toolkit.make(
      of("unchosen"),
      of("defect"),
      of("chosen", Agent.ToolError),
      of("text", Schema.String),
      of("declared", Schema.TaggedStruct("Full", { message: Schema.String }))
    )
    const handlers = toolkit.toLayer({
      unchosen: () => Effect.fail(stack()),
      defect: () => Effect.die(stack()),
      chosen: () => Effect.fail(new Agent.ToolError({ message: "There is no table at eight." })),
      text: () => Effect.fail("The kitchen is closed."),
      declared: () => Effect.fail({ _tag: "Full", message: "We are full." })
    })
    const names = ["unchosen", "defect", "chosen", "text", "declared"]
    const model = ScriptedLanguageModel.layer(
      (_, i) => i === 0 ? names.map((name) => ({ call: name })) : ["Sorry."],
      requests
    )
    return Effect.gen(function*() {
      const context = yield* Layer.build(Layer.merge(model, handlers))
      const agent = yield* Agent.withContext(Agent.fromLanguageModel({ name: "concierge", toolkit })).pipe(
        Effect.provideContext(context)
      )
      yield* running(
        layer({ agent }),
        Effect.gen(function*() {
          const user = yield* call()
          yield* user.speaks(1_000)
          yield* user.hears(5_000)
          assert.notInclude(JSON.stringify(user.connection.events), "hunter2")
        })
      ).pipe(Effect.provide(logged(lines)))
      const prompt = JSON.stringify(requests.map((request) => request.prompt.content))
      assert.notInclude(prompt, "hunter2")
      for (const words of ["no table at eight", "kitchen is closed", "We are full"]) assert.include(prompt, words)
      assert.include(prompt, "tool unchosen failed")
      assert.include(prompt, "tool_failed")
      const told = lines.filter(({ names }) => names["tool"] !== undefined)
      assert.deepStrictEqual(told.map((line) => line.names["tool"]).toSorted(), names.toSorted())
      for (const line of told) {
        assert.strictEqual(line.turn, 1)
        assert.strictEqual(typeof line.session, "string")
      }
      assert.strictEqual(
        told.filter(({ text }) => text.includes(SECRET) && text.includes("FailureTexts.test.ts")).length,
        2
      )
    }).pipe(Effect.scoped)
  })

  it.effect("is told to a speech-to-speech model only by a tool that chooses words for it", () => {
    const lines: Array<Line> = []
    const calls: Array<S2sCall> = []
    const ways = {
      failure: () => Effect.fail(stack()),
      ours: () => Effect.fail(typed()),
      throws: thrown,
      chosen: () => Effect.fail(new Agent.ToolError({ message: "There is no table at eight." })),
      dies: () => Effect.die(stack())
    }
    const names = Object.keys(ways)
    const toolkit = Toolkit.make(...names.map((name) => Tool.make(name, { failure: Schema.Unknown })))
    return running(
      layerS2s(names.map((name) => ({ call: name, input: {}, last: "{}" })), { calls, backend: { toolkit } }).pipe(
        Layer.provide(toolkit.toLayer(ways))
      ),
      Effect.gen(function*() {
        const user = yield* call()
        for (let turn = 0; turn < names.length; turn++) {
          yield* user.speaks(400)
          yield* user.hears(20_000)
        }
        const outputs = calls.flatMap((done) => done._tag === "toolResult" ? [done.output] : [])
        assert.strictEqual(outputs.length, names.length)
        assert.notInclude(JSON.stringify([outputs, user.connection.events]), "hunter2")
        assert.include(outputs[3], "There is no table at eight.")
        assert.strictEqual(outputs[0], `{"error":"tool failure failed","code":"tool_failed"}`)
        const told = lines.filter(({ text }) => text.includes(SECRET))
        assert.strictEqual(told.length, 4)
        for (const line of told) assert.strictEqual(typeof line.turn, "number")
      })
    ).pipe(Effect.provide(logged(lines)))
  })

  it.effect("is in the log alone: a DataRetentionHook", () => {
    const lines: Array<Line> = []
    return Effect.gen(function*() {
      const hooks: ReadonlyArray<DataRetentionHook["Service"]> = [
        { shouldRetain: () => Effect.die(stack()), getRetentionPeriod: () => Effect.never },
        { shouldRetain: () => Effect.succeed(true), getRetentionPeriod: () => Effect.fail(engineFailure()) }
      ]
      for (const hook of hooks) {
        lines.length = 0
        const periods = yield* RetentionPolicy.decide({}, {}).pipe(Effect.provideService(DataRetentionHook, hook))
        assert.deepStrictEqual(periods, {})
        assert.strictEqual(lines.length, 4)
        for (const line of lines) {
          assert.include(line.text, SECRET)
          assert.strictEqual(line.names["hook"], "DataRetentionHook")
        }
      }
    }).pipe(Effect.provide(logged(lines)))
  })
})
