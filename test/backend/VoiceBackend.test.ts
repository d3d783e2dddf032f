import { assert, describe, it } from "@effect/vitest"
import {
  Cause,
  Deferred,
  Duration,
  Effect,
  Exit,
  Fiber,
  Layer,
  Logger,
  Redacted,
  Result,
  Schema,
  Scope,
  Stream
} from "effect"
import * as Agent from "../../src/agent/Agent.ts"
import { AgentRegistry } from "../../src/agent/AgentRegistry.ts"
import * as BackendConfig from "../../src/backend/config/BackendConfig.ts"
import { BackendProvider } from "../../src/backend/provider/BackendProvider.ts"
import { BackendRegistry, newBackend } from "../../src/backend/provider/BackendRegistry.ts"
import { VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import { type BackendError, ConnectionFailed, InvalidConfig, PipelineError } from "../../src/BackendError.ts"
import { ProcessorRegistry } from "../../src/hooks/AudioProcessor.ts"
import * as EngineRegistry from "../../src/speech/EngineRegistry.ts"
import { TextToSpeech } from "../../src/speech/TextToSpeech.ts"
import { TurnDetector } from "../../src/speech/TurnDetector.ts"
import * as Scripted from "../../src/testing/scripted/ScriptedEngines.ts"
import * as ScriptedRecogniser from "../../src/testing/scripted/ScriptedRecogniser.ts"
import * as Problem from "../../src/transport/Problem.ts"
import { call, echo, layer, pass, provider, running, User } from "../session/Harness.ts"
import { TestConnection } from "../session/TestConnection.ts"

const codeOf = <A>(effect: Effect.Effect<A, BackendError>) =>
  Effect.match(effect, { onFailure: (error) => error.code as string, onSuccess: () => "success" })
const config = { userId: "u", transport: "websocket" } as const
const failed = new ConnectionFailed({ op: "test", message: "no" })

describe("VoiceBackend", () => {
  it.effect("never has more sessions than it may (P8)", () =>
    running(
      layer({ config: { maxConcurrentSessions: 10 } }),
      Effect.gen(function*() {
        const backend = yield* VoiceBackend
        const codes = yield* Effect.forEach(
          Array.from({ length: 200 }),
          () => codeOf(backend.createSession(config)),
          { concurrency: "unbounded" }
        )
        assert.strictEqual(codes.filter((code) => code === "success").length, 10)
        assert.strictEqual(codes.filter((code) => code === "session_limit_exceeded").length, 190)
        assert.strictEqual(yield* backend.activeSessionCount, 10)
        assert.strictEqual((yield* backend.healthCheck).status, "degraded")
        const [first] = yield* backend.listSessions
        yield* backend.closeSession(first?.id ?? "")
        assert.strictEqual(yield* codeOf(backend.createSession(config)), "success")
        assert.strictEqual(yield* codeOf(backend.createSession(config)), "session_limit_exceeded")
        assert.strictEqual(yield* codeOf(backend.closeSession(first?.id ?? "")), "session_not_found")
        assert.strictEqual(yield* codeOf(backend.getSession("nobody")), "session_not_found")
        assert.strictEqual(yield* codeOf(backend.access("nobody")), "session_not_found")
      })
    ))

  it.effect("keeps the provider's session limit, too", () =>
    running(
      layer({ provider: provider({ max: 1 }) }),
      Effect.gen(function*() {
        const backend = yield* VoiceBackend
        yield* backend.createSession(config)
        assert.strictEqual(yield* codeOf(backend.createSession(config)), "session_limit_exceeded")
      })
    ))

  it.effect("gives a slot back when a session cannot be opened, also when cleaning up hangs", () => {
    let opened = 0
    return running(
      layer({
        config: { maxConcurrentSessions: 1 },
        provider: provider({
          open: () => {
            switch (opened++) {
              case 0:
                return Effect.fail(failed)
              case 1:
                return Effect.die(new Error("bug"))
              case 2:
                return Effect.andThen(Effect.addFinalizer(() => Effect.never), Effect.fail(failed))
              default:
                return Effect.succeed({ access: { connectionUrl: "x" }, attachments: Stream.never })
            }
          }
        })
      }),
      Effect.gen(function*() {
        const backend = yield* VoiceBackend
        assert.strictEqual(yield* codeOf(backend.createSession(config)), "connection_failed")
        assert.isTrue(Exit.isFailure(yield* Effect.exit(backend.createSession(config))))
        const hanging = yield* Effect.forkChild(codeOf(backend.createSession(config)))
        yield* pass("6 seconds")
        assert.strictEqual(yield* Fiber.join(hanging), "connection_failed")
        assert.strictEqual(yield* codeOf(backend.createSession(config)), "success")
      })
    )
  })

  it.effect("checks the options of a session", () =>
    running(
      layer(),
      Effect.gen(function*() {
        const backend = yield* VoiceBackend
        for (
          const wrong of [
            { userId: "" },
            { userId: "x".repeat(257) },
            { metadata: { big: "s3cret".repeat(3_000) } },
            { agent: "nobody" },
            { pipelineType: "s2s" as const }
          ]
        ) {
          const failure = yield* Effect.flip(backend.createSession({ ...config, ...wrong }))
          assert.strictEqual(failure.code, "invalid_config")
          assert.notInclude(JSON.stringify(failure), "s3cret")
        }
        assert.strictEqual(yield* backend.activeSessionCount, 0)
      })
    ))

  it.effect("keeps the audio of sessions apart (P9)", () =>
    running(
      layer(),
      Effect.gen(function*() {
        const backend = yield* VoiceBackend
        const marks = [1_111, 2_222, 3_333]
        const users = yield* Effect.forEach(marks, () => call())
        for (const [i, user] of users.entries()) {
          yield* user.session.sendAudio(new Uint8Array(new Int16Array(24_000).fill(marks[i] ?? 0).buffer))
        }
        yield* pass("2 seconds")
        for (const [i, user] of users.entries()) {
          assert.deepStrictEqual([...new Set(user.connection.samples)], [marks[i]])
          assert.isTrue(user.connection.events.every((event) => !("turn" in event) || event.turn === 1))
        }
        assert.strictEqual(new Set((yield* backend.listSessions).map((session) => session.id)).size, 3)
      })
    ))

  describe("drain", () => {
    const speakers = Agent.fromCallback((text) =>
      Effect.succeed(text === "long" ? "word ".repeat(400) : `You said ${text}.`)
    )

    it.effect("finishes turns, says goodbye, interrupts the rest at the deadline, and counts both", () =>
      running(
        layer({ agent: speakers, policy: { goodbye: "Bye." } }),
        Effect.gen(function*() {
          const backend = yield* VoiceBackend
          const [turn, quiet, long] = [yield* call(), yield* call(), yield* call()]
          const never = yield* backend.createSession(config)
          yield* turn.session.sendText("one")
          yield* long.session.sendText("long")
          yield* pass("100 millis")
          const stopping = yield* Effect.forkChild(backend.stop, { startImmediately: true })
          assert.isFalse(yield* backend.ready)
          const refused = yield* Effect.flip(backend.createSession(config))
          assert.deepInclude(refused, { code: "session_limit_exceeded", details: { reason: "draining" } })
          yield* pass("5 seconds")
          assert.strictEqual(yield* never.ended, "drained")
          assert.deepStrictEqual(yield* turn.said, ["user: one", "agent: You said one.", "agent: Bye."])
          assert.deepStrictEqual(yield* quiet.said, ["agent: Bye."])
          assert.strictEqual(quiet.connection.frames.length, 10, "it is heard before the close")
          assert.strictEqual(yield* backend.activeSessionCount, 1)
          yield* pass("16 seconds")
          assert.strictEqual(yield* long.session.ended, "drain_deadline")
          const report = yield* Fiber.join(stopping)
          assert.deepStrictEqual(report, { completed: 3, interrupted: 1, durationMs: 20_000 })
          assert.deepStrictEqual(yield* backend.stop, report)
          assert.deepInclude(yield* Effect.flip(backend.start), {
            code: "connection_failed",
            details: { state: "stopped" }
          })
          assert.deepInclude(yield* Effect.flip(backend.createSession(config)), { code: "connection_failed" })
          assert.strictEqual(yield* backend.connectionState.get, "disconnected")
          assert.strictEqual((yield* backend.healthCheck).status, "unhealthy")
        })
      ))

    it.effect("ends early on an abort", () =>
      running(
        layer({ agent: speakers }),
        Effect.gen(function*() {
          const backend = yield* VoiceBackend
          const user = yield* call()
          yield* user.session.sendText("long")
          yield* pass("1 second")
          const stopping = yield* Effect.forkChild(backend.stop)
          yield* pass("1 second")
          yield* backend.abort
          yield* pass("1 second")
          assert.deepStrictEqual(yield* Fiber.join(stopping), { completed: 0, interrupted: 1, durationMs: 1_000 })
        })
      ))

    it.effect("does not wait in a drain for users who have never connected", () =>
      running(
        layer({ config: { drain: { mode: "conversation", deadline: Duration.minutes(1) } } }),
        Effect.gen(function*() {
          const backend = yield* VoiceBackend
          yield* backend.createSession(config)
          const stopping = yield* Effect.forkChild(backend.stop)
          yield* pass("2 seconds")
          assert.deepInclude(stopping.pollUnsafe(), { _tag: "Success" })
        })
      ))

    it.effect("in conversation mode waits for the user to hang up", () =>
      running(
        layer({ config: { drain: { mode: "conversation", deadline: Duration.minutes(1) } } }),
        Effect.gen(function*() {
          const backend = yield* VoiceBackend
          const user = yield* call()
          const stopping = yield* Effect.forkChild(backend.stop)
          yield* pass("30 seconds")
          yield* user.session.sendText("still here")
          yield* pass("5 seconds")
          user.connection.listener?.message({ type: "session.end" })
          yield* pass("1 second")
          assert.deepInclude(yield* Fiber.join(stopping), { completed: 1, interrupted: 0 })
        })
      ))

    it.effect("does not wait for a session without a user", () =>
      running(
        layer({ policy: { goodbye: "Bye." } }),
        Effect.gen(function*() {
          const backend = yield* VoiceBackend
          const user = yield* call()
          user.connection.listener?.closed("network")
          const stopping = yield* Effect.forkChild(backend.stop)
          yield* pass("1 second")
          assert.deepInclude(yield* Fiber.join(stopping), { completed: 1, interrupted: 0 })
        })
      ))

    it.effect("runs when the layer is released, before anything is closed", () =>
      Effect.gen(function*() {
        const scope = yield* Scope.make()
        const context = yield* Layer.buildWithScope(layer({ agent: speakers, policy: { goodbye: "Bye." } }), scope)
        const user = yield* Effect.provide(call(), context)
        yield* user.session.sendText("one")
        yield* pass("100 millis")
        const released = yield* Effect.forkChild(Scope.close(scope, Exit.void))
        yield* pass("5 seconds")
        yield* Fiber.join(released)
        assert.deepStrictEqual(yield* user.said, ["user: one", "agent: You said one.", "agent: Bye."])
        assert.strictEqual(yield* user.session.ended, "drained")
      }))

    it.effect("runs on an interruption, too, as of a signal", () =>
      Effect.gen(function*() {
        const called = yield* Deferred.make<User>()
        const running = yield* Effect.forkChild(
          Effect.gen(function*() {
            yield* Deferred.succeed(called, yield* call())
            return yield* Effect.never
          }).pipe(Effect.provide(layer({ agent: speakers, policy: { goodbye: "Bye." } })))
        )
        const user = yield* Deferred.await(called)
        yield* user.session.sendText("one")
        yield* pass("100 millis")
        const interrupted = yield* Effect.forkChild(Fiber.interrupt(running))
        yield* pass("5 seconds")
        yield* Fiber.join(interrupted)
        assert.deepStrictEqual(yield* user.said, ["user: one", "agent: You said one.", "agent: Bye."])
        assert.strictEqual(yield* user.session.ended, "drained")
      }))

    it.effect("keeps its deadline in the release, too", () =>
      Effect.gen(function*() {
        const scope = yield* Scope.make()
        const context = yield* Layer.buildWithScope(layer({ agent: Agent.fromCallback(() => Effect.never) }), scope)
        const user = yield* Effect.provide(call(), context)
        yield* user.session.sendText("one")
        const released = yield* Effect.forkChild(Scope.close(scope, Exit.void))
        yield* pass("21 seconds")
        yield* Fiber.join(released)
        assert.strictEqual(yield* user.session.ended, "drain_deadline")
      }))
  })

  it.effect("creates the incoming sessions of its provider", () =>
    Effect.gen(function*() {
      const connection = new TestConnection()
      const arrived = yield* Deferred.make<void>()
      yield* running(
        layer({
          policy: { greeting: "Hello." },
          provider: provider({
            incoming: Stream.concat(Stream.make(config), Stream.never),
            open: () =>
              Effect.succeed({
                access: { connectionUrl: "x", token: "t" },
                attachments: Stream.fromEffect(Effect.as(Deferred.await(arrived), connection)).pipe(
                  Stream.concat(Stream.never)
                )
              })
          })
        }),
        Effect.gen(function*() {
          const backend = yield* VoiceBackend
          yield* pass("1 second")
          const [session] = yield* backend.listSessions
          assert.deepStrictEqual(yield* backend.access(session?.id ?? ""), { connectionUrl: "x", token: "t" })
          yield* Deferred.succeed(arrived, undefined)
          yield* pass("1 second")
          assert.deepStrictEqual((yield* session?.history ?? Effect.succeed([])).map((item) => item.text), ["Hello."])
        })
      )
    }))

  it.effect("tells the caller what a provider rejects of the request, and nothing of what else fails in it", () =>
    Effect.gen(function*() {
      const told = Effect.fnUntraced(function*(details: { readonly [key: string]: unknown }) {
        let detail = ""
        const refusing = provider({
          open: () => Effect.fail(new InvalidConfig({ op: "test", message: "at most 256 bytes", details }))
        })
        yield* running(
          layer({ provider: refusing }),
          Effect.gen(function*() {
            const backend = yield* VoiceBackend
            detail = Problem.fromError(yield* Effect.flip(backend.createSession(config))).detail
          })
        )
        return detail
      })
      assert.strictEqual(yield* told({ path: "user_id" }), "at most 256 bytes")
      assert.notInclude(yield* told({ missing: "a secret" }), "256")
      assert.notInclude(yield* told({ path: "provider_config.url" }), "256")
    }))

  it.effect("fails to start when its provider fails or hangs", () =>
    Effect.gen(function*() {
      const building = (connect: Effect.Effect<void, BackendError>) =>
        codeOf(Effect.scoped(Effect.asVoid(Layer.build(layer({ provider: provider({ connect }) })))))
      const refused = yield* Effect.forkChild(building(Effect.fail(failed)))
      yield* pass("10 seconds")
      assert.strictEqual(yield* Fiber.join(refused), "connection_failed", "when its retries are over")
      const hanging = yield* Effect.forkChild(building(Effect.never))
      yield* pass("31 seconds")
      assert.strictEqual(yield* Fiber.join(hanging), "connection_timeout")
    }))

  it.effect("is as healthy as its worst part, and unhealthy when a probe hangs", () =>
    running(
      layer({ provider: provider({ probe: Effect.never }) }),
      Effect.gen(function*() {
        const backend = yield* VoiceBackend
        const checking = yield* Effect.forkChild(backend.healthCheck)
        yield* pass("5 seconds")
        const health = yield* Fiber.join(checking)
        assert.strictEqual(health.status, "unhealthy")
        assert.deepStrictEqual(health.parts.map((part) => part.name), [
          "provider",
          "stt:scripted",
          "tts:scripted",
          "vad:scripted",
          "agent",
          "event_loop",
          "admission",
          "latency"
        ])
      })
    ))

  it.effect("applies an update as a whole or not at all", () =>
    running(
      layer({ config: { maxConcurrentSessions: 2 } }),
      Effect.gen(function*() {
        const backend = yield* VoiceBackend
        const before = yield* backend.config
        yield* backend.createSession(config)
        for (
          const wrong of [
            { pipelineType: "s2s" as const, s2sProvider: "x" },
            { provider: "other" },
            { sttProvider: "other" },
            { maxConcurrentSessions: -1 },
            { latencyTarget: Duration.millis(1) },
            { customProcessors: [{ name: "x" }] },
            { noiseCancellationProvider: "x" },
            { vadProvider: "x" },
            { sttFallback: ["x"] },
            { engines: { x: { y: "s3cret" } } },
            { store: { kind: "sqlite" as const, lease: Duration.seconds(5) } },
            { session: { ...before.session, signingKey: Redacted.make("s3cret".repeat(9)) } },
            { agent: "nobody" },
            { providerConfig: { url: "s3cret" } }
          ]
        ) {
          const failure = yield* Effect.flip(backend.updateConfig({ ...before, ...wrong }))
          assert.strictEqual(failure.code, "invalid_config", JSON.stringify(wrong))
          assert.notInclude(failure.message, "s3cret")
          assert.deepStrictEqual(yield* backend.config, before)
        }
        yield* backend.updateConfig({ ...before, maxConcurrentSessions: 2, latencyTarget: Duration.seconds(2) })
        assert.deepStrictEqual((yield* backend.config).latencyTarget, Duration.seconds(2))
        yield* backend.updateConfig({ ...before, maxConcurrentSessions: 1 })
        assert.strictEqual(yield* codeOf(backend.createSession(config)), "session_limit_exceeded")
        assert.strictEqual(yield* backend.activeSessionCount, 1)
      })
    ))

  it.effect("applies an update to new sessions and not to running ones", () =>
    running(
      layer({ policy: { goodbye: "Bye." } }),
      Effect.gen(function*() {
        const backend = yield* VoiceBackend
        const before = yield* backend.config
        const former = yield* call()
        yield* backend.updateConfig({
          ...before,
          conversation: { ...before.conversation, goodbye: "So long." },
          session: { ...before.session, longest: Duration.seconds(10) },
          drain: { mode: "turn", deadline: Duration.seconds(3) }
        })
        const next = yield* call()
        yield* pass("12 seconds")
        assert.strictEqual(yield* next.session.ended, "longest")
        assert.deepStrictEqual(yield* next.said, ["agent: So long."])
        yield* former.session.sendText("one")
        yield* pass("100 millis")
        const stopping = yield* Effect.forkChild(backend.stop)
        yield* pass("5 seconds")
        // the drain is the backend's, the words are the session's
        assert.deepInclude(yield* Fiber.join(stopping), { completed: 1, interrupted: 0 })
        assert.deepStrictEqual(yield* former.said, ["user: one", "agent: You said one.", "agent: Bye."])
      })
    ))

  it.effect("makes one update at a time, in the order of the calls", () => {
    const answering = (answer: string) => Agent.fromCallback(() => Effect.succeed(answer))
    const agents = Layer.effect(
      AgentRegistry,
      Effect.map(AgentRegistry, (registry) => ({
        ...registry,
        get: (name: string) => name === "slow" ? Effect.delay(registry.get(name), "10 seconds") : registry.get(name)
      }))
    ).pipe(Layer.provide(AgentRegistry.layer({ slow: answering("I am slow."), quick: answering("I am quick.") })))
    return running(
      VoiceBackend.layerSttTts({ agent: echo }).pipe(Layer.provide([
        Layer.succeed(BackendProvider, provider()),
        Scripted.layerStt(["hello"]),
        Scripted.layerTts(),
        Scripted.layerVad(),
        agents
      ])),
      Effect.gen(function*() {
        const backend = yield* VoiceBackend
        const before = yield* backend.config
        const first = yield* Effect.forkChild(backend.updateConfig({ ...before, agent: "slow", maxRetries: 1 }), {
          startImmediately: true
        })
        const second = yield* Effect.forkChild(backend.updateConfig({ ...before, agent: "quick", maxRetries: 2 }), {
          startImmediately: true
        })
        yield* pass("20 seconds")
        yield* Fiber.join(first)
        yield* Fiber.join(second)
        const { agent, maxRetries } = yield* backend.config
        assert.deepStrictEqual([agent, maxRetries], ["quick", 2])
        const user = yield* call()
        yield* user.session.sendText("who are you?")
        yield* pass("2 seconds")
        assert.deepStrictEqual(yield* user.said, ["user: who are you?", "agent: I am quick."])
      })
    )
  })
})

describe("BackendRegistry", () => {
  const cannotStart = new PipelineError({ op: "x", message: "the model does not load", retryable: false })
  type Turns = EngineRegistry.EngineTable["turn"]
  const enginesWith = (turn: Turns) =>
    EngineRegistry.EngineRegistry.layer({
      turn,
      stt: {
        scripted: Effect.succeed(EngineRegistry.define({
          kind: "stt",
          name: "scripted",
          description: "x",
          options: Schema.Struct({ texts: Schema.Array(Schema.String) }),
          layer: ({ texts }) => Scripted.layerStt(texts)
        }))
      },
      tts: {
        scripted: Effect.succeed(EngineRegistry.define({
          kind: "tts",
          name: "scripted",
          description: "x",
          options: Schema.Struct({ texts: Schema.optionalKey(Schema.Array(Schema.String)) }),
          layer: () => Scripted.layerTts()
        })),
        broken: Effect.succeed(EngineRegistry.define({
          kind: "tts",
          name: "broken",
          description: "x",
          options: Schema.Struct({}),
          layer: () => Layer.effect(TextToSpeech, cannotStart)
        })),
        unconfigured: Effect.succeed(EngineRegistry.define({
          kind: "tts",
          name: "unconfigured",
          description: "x",
          options: Schema.Struct({}),
          layer: () => Layer.effect(TextToSpeech, new InvalidConfig({ op: "x", message: "no key" }))
        }))
      },
      vad: {
        silero: Effect.fail(new PipelineError({ op: "x", message: "not here", retryable: false })),
        scripted: Effect.succeed(EngineRegistry.define({
          kind: "vad",
          name: "scripted",
          description: "x",
          options: Schema.Struct({ texts: Schema.optionalKey(Schema.Array(Schema.String)) }),
          layer: () => Scripted.layerVad()
        }))
      }
    })
  const servicesWith = (turn: Turns) =>
    Layer.mergeAll(
      BackendRegistry.layer([provider()]),
      enginesWith(turn),
      AgentRegistry.layer({ echo }),
      ProcessorRegistry.layer()
    )
  const services = servicesWith({})
  const named: BackendConfig.BackendConfig = {
    ...BackendConfig.defaults,
    provider: "test",
    sttProvider: "scripted",
    ttsProvider: "scripted",
    vadProvider: "scripted",
    agent: "echo",
    engines: { scripted: { texts: ["by name"] } }
  }

  it.effect("knows its providers by name", () =>
    Effect.gen(function*() {
      const registry = yield* BackendRegistry
      yield* registry.register("another", provider({ name: "another" }))
      assert.strictEqual(yield* codeOf(registry.register("another", provider())), "invalid_config")
      assert.deepStrictEqual(yield* registry.listProviders, ["another", "test"])
      assert.isTrue(yield* registry.isRegistered("test"))
      assert.isFalse(yield* registry.isRegistered("constructor"))
      assert.strictEqual((yield* registry.getProvider("test")).name, "test")
      assert.deepInclude(yield* Effect.flip(registry.getProvider("nobody")), {
        code: "provider_not_found",
        details: { known: ["another", "test"] }
      })
      assert.strictEqual(
        yield* codeOf(Effect.provide(Effect.scoped(newBackend("nobody", named)), services)),
        "provider_not_found"
      )
    }).pipe(Effect.provide(services)))

  it.effect("makes a backend of engines and an agent by their names", () =>
    Effect.gen(function*() {
      const backend = yield* newBackend("test", named)
      assert.strictEqual(yield* codeOf(backend.createSession(config)), "connection_failed")
      yield* backend.start
      yield* backend.start
      const user = new User(yield* backend.createSession(config), new TestConnection())
      yield* user.session.attach(user.connection)
      yield* user.speaks(300)
      yield* user.hears(2_000)
      assert.deepStrictEqual(yield* user.said, ["user: by name", "agent: You said by name."])
      yield* backend.stop
    }).pipe(Effect.scoped, Effect.provide(services)))

  it.effect("speaks with the fallback of a voice that cannot start, and says so", () =>
    Effect.gen(function*() {
      const start = (ttsProvider: string, ttsFallback: ReadonlyArray<string>) => {
        const logged: Array<unknown> = []
        const logger = Logger.make<unknown, void>(({ cause, logLevel, message }) => {
          if (logLevel === "Warn") logged.push([message, Cause.squash(cause)])
        })
        return newBackend("test", { ...named, ttsProvider, ttsFallback }).pipe(
          Effect.map(({ engines }) => ({ tts: engines.tts, logged })),
          Effect.scoped,
          Effect.provide([services, Logger.layer([logger])])
        )
      }
      const { logged, tts } = yield* start("broken", ["scripted"])
      assert.strictEqual(tts, "scripted")
      assert.deepStrictEqual(logged, [[
        ["the voice broken cannot start; scripted speaks in its place"],
        cannotStart
      ]])
      assert.strictEqual((yield* start("scripted", ["broken"])).tts, "scripted")
      assert.strictEqual(yield* codeOf(start("broken", [])), "pipeline_error")
      assert.strictEqual(yield* codeOf(start("unconfigured", ["scripted"])), "invalid_config")
      assert.strictEqual(yield* codeOf(start("scripted", ["unconfigured"])), "invalid_config")
    }))

  it.effect("accepts only an engine with endpointing as turn authority", () =>
    Effect.gen(function*() {
      const wired = Effect.scoped(
        Effect.provide(newBackend("test", { ...named, turnDetectionProvider: "stt" }), services)
      )
      const refused = yield* Effect.flip(wired)
      assert.strictEqual(refused.code, "invalid_config")
      assert.match(refused.message, /^scripted has no endpointing/u)
      assert.strictEqual(refused.details?.["engine"], "scripted")
      const layered = (endOfTurn: number | undefined) =>
        VoiceBackend.use((backend) => Effect.succeed(backend.engines)).pipe(
          Effect.provide(
            VoiceBackend.layerSttTts({ turnDetection: "stt" }).pipe(Layer.provide([
              Layer.succeed(BackendProvider, provider()),
              ScriptedRecogniser.layer({ endOfTurn }),
              Scripted.layerTts(),
              Scripted.layerVad()
            ]))
          ),
          Effect.result
        )
      const without = yield* layered(undefined)
      assert.isTrue(Result.isFailure(without) && without.failure.code === "invalid_config")
      const engines = yield* layered(300)
      assert.deepInclude(Result.getOrThrow(engines), { turn: "stt" })
    }))

  it.effect("detects turns by sound where that can be built, else by words, else by silence", () =>
    Effect.gen(function*() {
      const absent = new InvalidConfig({ op: "x", message: "no runtime", details: { missing: ["onnxruntime-node"] } })
      const broken = new InvalidConfig({ op: "x", message: "a bad file" })
      const detector = (name: string, fault?: InvalidConfig) =>
        Effect.succeed(EngineRegistry.define({
          kind: "turn",
          name,
          description: "x",
          options: Schema.Struct({}),
          layer: () =>
            fault === undefined
              ? Layer.succeed(TurnDetector, { name, endOfTurn: () => Effect.succeed(1) })
              : Layer.effect(TurnDetector, Effect.fail(fault))
        }))
      const turnOf = (turn: Turns, name?: string) =>
        newBackend("test", name === undefined ? named : { ...named, turnDetectionProvider: name }).pipe(
          Effect.map(({ engines }) => engines["turn"]),
          Effect.scoped,
          Effect.provide(servicesWith(turn))
        )
      const text = detector("text")
      const ears = "smart-turn"
      assert.strictEqual(yield* turnOf({ [ears]: detector(ears), text }), ears)
      assert.strictEqual(yield* turnOf({ [ears]: detector(ears, absent), text }), "text")
      assert.isUndefined(yield* turnOf({ [ears]: detector(ears, absent) }))
      assert.isUndefined(yield* turnOf({}))
      // what is asked for must be there, and what is wrong is not passed over
      assert.strictEqual(
        (yield* Effect.flip(turnOf({ [ears]: detector(ears, absent), text }, ears))).code,
        "invalid_config"
      )
      assert.strictEqual((yield* Effect.flip(turnOf({ [ears]: detector(ears, broken), text }))).message, "a bad file")
      assert.strictEqual(yield* turnOf({ [ears]: detector(ears), text }, "text"), "text")
      assert.isUndefined(yield* turnOf({ [ears]: detector(ears), text }, "silence"))
    }))

  it.effect("rejects unknown names, invalid options, and configs out of bounds", () =>
    Effect.gen(function*() {
      for (
        const wrong of [
          { sttProvider: "nobody" },
          { agent: "nobody" },
          { engines: { scripted: { texts: 5 } } },
          { providerConfig: { url: "http:" } },
          { maxConcurrentSessions: 0 },
          { store: { kind: "sqlite" as const, lease: Duration.seconds(5) } }
        ]
      ) {
        assert.strictEqual(
          yield* codeOf(Effect.scoped(Effect.provide(newBackend("test", { ...named, ...wrong }), services))),
          "invalid_config",
          JSON.stringify(wrong)
        )
      }
      const { vadProvider: _, ...silero } = named
      assert.strictEqual(
        yield* codeOf(Effect.scoped(Effect.provide(newBackend("test", silero), services))),
        "pipeline_error"
      )
    }))

  it.effect("of layers uses the agent that its config names", () => {
    const named = (name: string) =>
      VoiceBackend.layerSttTts({ config: { agent: name } }).pipe(Layer.provide([
        Layer.succeed(BackendProvider, provider()),
        Scripted.layerStt(["hello"]),
        Scripted.layerTts(),
        Scripted.layerVad(),
        AgentRegistry.layer({ named: Agent.fromCallback(() => Effect.succeed("It is me.")) })
      ]))
    return running(
      named("named"),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.speaks(400)
        yield* user.hears(3_000)
        assert.deepStrictEqual(yield* user.said, ["user: hello", "agent: It is me."])
        const refused = yield* Effect.flip(Effect.scoped(Layer.build(named("other"))))
        assert.deepInclude(refused, { code: "invalid_config", details: { missing: "other", known: ["named"] } })
      })
    )
  })
})
