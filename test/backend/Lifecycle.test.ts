import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Layer, PubSub, Random, Result, Scope, Stream } from "effect"
import * as Agent from "../../src/agent/Agent.ts"
import * as BackendConfig from "../../src/backend/config/BackendConfig.ts"
import { makeBackend } from "../../src/backend/makeBackend.ts"
import type { BackendProvider, ProviderConnection } from "../../src/backend/provider/BackendProvider.ts"
import { type ConnectionState, VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import { type BackendError, ConnectionFailed, InvalidConfig } from "../../src/BackendError.ts"
import { AuthHook } from "../../src/hooks/AuthHook.ts"
import { RateLimiter } from "../../src/hooks/RateLimiter.ts"
import { SessionStore } from "../../src/session/persistence/SessionStore.ts"
import * as SttTtsPipeline from "../../src/session/pipeline/SttTtsPipeline.ts"
import { SpeechToText } from "../../src/speech/SpeechToText.ts"
import { TextToSpeech } from "../../src/speech/TextToSpeech.ts"
import { VoiceActivityDetector } from "../../src/speech/VoiceActivityDetector.ts"
import * as MemoryStore from "../../src/store/MemoryStore.ts"
import * as Scripted from "../../src/testing/scripted/ScriptedEngines.ts"
import { call, echo, layer, pass, provider, running } from "../session/Harness.ts"
import { fewer } from "../support/Full.ts"

const down = new ConnectionFailed({ op: "test", message: "down" })
const wrong = new InvalidConfig({ op: "test", message: "wrong" })
const session = { userId: "u", transport: "websocket" } as const

/** A backend that nobody has started. */
const backendOf = (given: BackendProvider["Service"]) =>
  Effect.gen(function*() {
    const engines = {
      stt: yield* SpeechToText,
      tts: yield* TextToSpeech,
      vad: yield* VoiceActivityDetector
    }
    return yield* makeBackend({
      config: { ...BackendConfig.defaults, provider: given.name, sttProvider: "scripted", ttsProvider: "scripted" },
      provider: yield* given.configure({}),
      pipelines: { stt_tts: SttTtsPipeline.make(engines) },
      engines: { stt: "scripted" },
      agent: echo,
      findAgent: () => Effect.fail(wrong)
    })
  }).pipe(Effect.provide(Layer.mergeAll(Scripted.layerStt([]), Scripted.layerTts(), Scripted.layerVad())))

const watching = (backend: VoiceBackend["Service"]) =>
  Effect.gen(function*() {
    const seen: Array<ConnectionState> = []
    yield* backend.connectionState.changes.pipe(
      Stream.runForEach((state) => Effect.sync(() => seen.push(state))),
      Effect.forkScoped({ startImmediately: true })
    )
    yield* pass(20)
    return seen
  })

const connecting = (outcomes: ReadonlyArray<Effect.Effect<void, BackendError>>) => {
  let attempts = 0
  const connect = Effect.suspend(() => outcomes[Math.min(attempts++, outcomes.length - 1)] ?? Effect.void)
  return { provider: provider({ connect }), attempts: () => attempts }
}

describe("starting and stopping", () => {
  it.effect("retries a retryable failure to connect, in state connecting", () =>
    Effect.gen(function*() {
      const scripted = connecting([Effect.fail(down), Effect.fail(down), Effect.void])
      const backend = yield* backendOf(scripted.provider)
      const seen = yield* watching(backend)
      const starting = yield* Effect.forkChild(Effect.all([backend.start, backend.start], { concurrency: 2 }))
      yield* pass("5 seconds")
      yield* Fiber.join(starting)
      assert.strictEqual(scripted.attempts(), 3)
      assert.deepStrictEqual(seen, ["disconnected", "connecting", "connected"])
      yield* backend.start
      assert.deepStrictEqual(yield* backend.stop, yield* backend.stop)
      yield* pass(20)
      assert.deepStrictEqual(seen, ["disconnected", "connecting", "connected", "disconnected"])
      assert.deepInclude(yield* Effect.flip(backend.start), {
        code: "connection_failed",
        details: { state: "stopped" }
      })
    }).pipe(Effect.scoped))

  it.effect("fails after the last retry, or at once on another failure, and can be started again", () =>
    Effect.gen(function*() {
      const failures = [wrong, down, down, down, down].map((error) => Effect.fail(error))
      const stubborn = connecting([...failures, Effect.void])
      const backend = yield* backendOf(stubborn.provider)
      const seen = yield* watching(backend)
      assert.strictEqual((yield* Effect.flip(backend.start)).code, "invalid_config")
      assert.strictEqual(stubborn.attempts(), 1)
      const starting = yield* Effect.forkChild(Effect.flip(backend.start))
      yield* pass("15 seconds")
      assert.strictEqual((yield* Fiber.join(starting)).code, "connection_failed")
      assert.strictEqual(stubborn.attempts(), 5)
      yield* backend.start
      yield* pass(20)
      assert.deepStrictEqual(seen, [
        "disconnected",
        "connecting",
        "error",
        "connecting",
        "error",
        "connecting",
        "connected"
      ])
    }).pipe(Effect.scoped))

  it.effect("stops although the provider hangs, interruptible or not", () =>
    Effect.gen(function*() {
      for (const hanging of [Effect.never, Effect.uninterruptible(Effect.never)]) {
        const scope = yield* Scope.make()
        const backend = yield* Scope.provide(backendOf(provider({ connect: hanging })), scope)
        const starting = yield* Effect.forkChild(Effect.flip(backend.start))
        yield* pass("31 seconds")
        assert.strictEqual((yield* Fiber.join(starting)).code, "connection_timeout")
        const again = yield* Effect.forkChild(Effect.flip(backend.start))
        yield* pass("1 second")
        const stopping = yield* Effect.forkChild(backend.stop)
        yield* pass("1 second")
        assert.deepInclude(yield* Fiber.join(again), { code: "connection_failed", details: { state: "stopped" } })
        assert.deepInclude(yield* Fiber.join(stopping), { completed: 0, interrupted: 0 })
        assert.strictEqual(yield* backend.connectionState.get, "disconnected")
        const release = yield* Effect.forkChild(Scope.close(scope, Exit.void))
        yield* pass("4 seconds")
        assert.isDefined(release.pollUnsafe())
      }
    }))

  it.effect("rejects a start while it stops", () =>
    running(
      layer({ agent: Agent.fromCallback(() => Effect.never) }),
      Effect.gen(function*() {
        const backend = yield* VoiceBackend
        const user = yield* call()
        yield* user.session.sendText("one")
        yield* pass("100 millis")
        const first = yield* Effect.forkChild(backend.stop)
        yield* pass("1 second")
        assert.deepInclude(yield* Effect.flip(backend.start), { details: { state: "draining" } })
        // who asked for it may go away
        yield* Fiber.interrupt(first)
        const second = yield* Effect.forkChild(backend.stop)
        yield* pass("20 seconds")
        assert.deepStrictEqual(yield* Fiber.join(second), { completed: 0, interrupted: 1, durationMs: 20_000 })
      })
    ))

  it.effect("follows the connection state of the provider until it stops", () =>
    Effect.gen(function*() {
      const states = yield* PubSub.unbounded<"connected" | "reconnecting" | "error">()
      const broken = yield* Deferred.make<void>()
      const backend = yield* backendOf(provider({
        states: Stream.merge(
          Stream.fromPubSub(states),
          Stream.fromEffect(Effect.andThen(Deferred.await(broken), Effect.fail(down)))
        )
      }))
      const seen = yield* watching(backend)
      yield* backend.start
      yield* pass(20)
      for (const state of ["reconnecting", "connected", "connected", "error", "connected"] as const) {
        yield* PubSub.publish(states, state)
        yield* pass(20)
      }
      yield* Deferred.succeed(broken, undefined)
      yield* pass(20)
      yield* backend.stop
      yield* PubSub.publish(states, "connected")
      yield* pass(20)
      assert.deepStrictEqual(seen, [
        "disconnected",
        "connecting",
        "connected",
        "reconnecting",
        "connected",
        "error",
        "connected",
        "error",
        "disconnected"
      ])
    }).pipe(Effect.scoped))
})

const parts = ["agent", "stt", "tts", "vad", "open", "close", "auth", "limiter", "store"] as const

/** A backend in which these parts hang for ever, and the rest work. */
const hanging = (which: ReadonlySet<(typeof parts)[number]>) => {
  const when = <A, E, R>(part: (typeof parts)[number], otherwise: Effect.Effect<A, E, R>) =>
    which.has(part) ? Effect.never : otherwise
  const link: Partial<ProviderConnection> = {
    open: () =>
      when(
        "open",
        Effect.as(
          Effect.addFinalizer(() => when("close", Effect.void)),
          { access: { connectionUrl: "memory:" }, attachments: Stream.never }
        )
      )
  }
  const hungStt = Layer.succeed(SpeechToText, {
    name: "hung",
    sampleRate: 16_000,
    capabilities: { interim: false, endOfTurn: false, languages: [] },
    open: () => Effect.never
  })
  const store = MemoryStore.make()
  const stored: SessionStore["Service"] = which.has("store")
    ? {
      ...store,
      create: () => Effect.never,
      write: () => Effect.never,
      renew: Effect.never,
      releaseAll: Effect.never,
      remove: () => Effect.never,
      sweep: Effect.never,
      probe: Effect.never
    }
    : store
  return layer({
    agent: Agent.fromCallback((text) => when("agent", Effect.succeed(`You said ${text}.`))),
    provider: provider(link),
    ...(which.has("stt") ? { layerStt: hungStt } : {}),
    ...(which.has("tts") ? { tts: { hangAt: Array.from({ length: 100 }, (_, i) => i) } } : {}),
    ...(which.has("vad")
      ? {
        layerVad: Layer.succeed(VoiceActivityDetector, { name: "hung", sampleRate: 16_000, open: () => Effect.never })
      }
      : {})
  }).pipe(Layer.provide(Layer.mergeAll(
    Layer.succeed(SessionStore, stored),
    Layer.succeed(AuthHook, {
      authenticate: () => when("auth", Effect.succeed({ userId: "u", authorized: true })),
      authorize: () => when("auth", Effect.succeed(true))
    }),
    Layer.succeed(RateLimiter, { allow: () => when("limiter", Effect.succeed(true)), wait: () => Effect.void })
  )))
}

/** What closing one session may take: its connection 2 s, its scope 5 s, its place in the store 5 s. */
const CLOSE_MS = 12_000
/** Past the deadline: sessions, link, the rest, 3 s each. */
const RELEASE_MS = 9_000

describe("with parts that hang for ever (P3)", () => {
  const sets = Effect.map(
    Effect.forEach(
      Array.from({ length: fewer(40) }),
      () => Effect.map(Effect.forEach(parts, () => Random.nextBoolean), (take) => parts.filter((_, i) => take[i]))
    ),
    (random) => [[...parts], ...parts.map((part) => [part]), ...random]
  )

  it.effect("a close and a stop stay within their deadlines", () =>
    Effect.gen(function*() {
      for (const set of yield* sets) {
        const what = set.join(", ")
        const scope = yield* Scope.make()
        const context = yield* Layer.buildWithScope(hanging(new Set(set)), scope)
        yield* Effect.gen(function*() {
          const backend = yield* VoiceBackend
          const created = yield* Effect.forkChild(
            Effect.all([1, 2].map(() => Effect.result(call({ config: { token: "t" } }))), { concurrency: 2 })
          )
          // timeouts of creation: the hooks' two, the engines' three, the store's, the provider's
          yield* pass("4 minutes")
          const users = (yield* Fiber.join(created)).flatMap((user) => Result.isSuccess(user) ? [user.success] : [])
          const [first, second] = users
          if (first !== undefined && second !== undefined) {
            yield* first.session.sendText("one")
            yield* second.session.sendText("one")
            yield* pass("100 millis")
            const closing = yield* Effect.forkChild(backend.closeSession(first.session.id))
            yield* pass(CLOSE_MS)
            assert.isDefined(closing.pollUnsafe(), `close: ${what}`)
          }
          // one that is still being made when it stops
          const late = yield* Effect.forkChild(Effect.exit(backend.createSession({ ...session, token: "t" })))
          const stopping = yield* Effect.forkChild(backend.stop)
          yield* pass(20_000 + RELEASE_MS)
          const stopped = stopping.pollUnsafe()
          assert.isTrue(stopped !== undefined && Exit.isSuccess(stopped), `stop: ${what}`)
          const release = yield* Effect.forkChild(Scope.close(scope, Exit.void))
          yield* pass(RELEASE_MS)
          assert.isDefined(release.pollUnsafe(), `release: ${what}`)
          yield* pass("1 minute")
          assert.isDefined(late.pollUnsafe(), `create: ${what}`)
          assert.strictEqual(yield* backend.activeSessionCount, 0, what)
        }).pipe(Effect.provide(context))
      }
    }))
})
