/** Calls that a backend makes, with a provider whose carrier is scripted. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Exit, Fiber, Layer, Scope, Stream } from "effect"
import type { Backend } from "../../../src/backend/BackendContract.ts"
import { VoiceBackend } from "../../../src/backend/VoiceBackend.ts"
import {
  AuthenticationFailed,
  AuthorizationFailed,
  type BackendError,
  ConnectionFailed,
  InvalidConfig
} from "../../../src/BackendError.ts"
import { AuthHook } from "../../../src/hooks/AuthHook.ts"
import { DoNotCall, type IntendedCall } from "../../../src/hooks/DoNotCall.ts"
import type { DialRequest } from "../../../src/session/call/DialRequest.ts"
import { SessionStore } from "../../../src/session/persistence/SessionStore.ts"
import * as MemoryStore from "../../../src/store/MemoryStore.ts"
import * as ScriptedCalls from "../../../src/testing/scripted/ScriptedCalls.ts"
import { layer, pass, running, type Setup } from "../../session/Harness.ts"
import { TestConnection } from "../../session/TestConnection.ts"

const request: DialRequest = { to: "+442071838750", userId: "ann" }

const codeOf = <A>(effect: Effect.Effect<A, BackendError>) =>
  Effect.match(effect, {
    onFailure: ({ code, details }) => details?.["reason"] === undefined ? code : `${code}: ${details["reason"]}`,
    onSuccess: () => "success"
  })

const scripted = (options?: ScriptedCalls.ScriptedCallsOptions, setup: Setup = {}) => {
  const calls = ScriptedCalls.make(options)
  return { calls, backend: layer({ ...setup, provider: calls.provider }) }
}

/** The types of a session's events, and how it ended. */
const watch = Effect.fnUntraced(function*(backend: Backend, id: string) {
  const session = yield* backend.getSession(id)
  const events: Array<string> = []
  yield* Effect.forkChild(Stream.runForEach(session.events, (event) =>
    Effect.sync(() => {
      events.push(event.type === "call.ended" ? `call.ended ${event.cause}` : event.type)
    })))
  yield* Effect.yieldNow
  return { events, ended: session.ended }
})

describe("dial", () => {
  it.effect("makes a session whose call the provider makes, and talks when it is answered", () => {
    const { backend, calls } = scripted()
    return running(
      backend,
      Effect.gen(function*() {
        const { dial, getSession, ...rest } = yield* VoiceBackend
        const session = yield* dial({ ...request, from: "+15005550006", parameters: { order: "7" } })
        assert.strictEqual(calls.made.length, 1)
        const [call] = calls.made
        assert.deepInclude(call?.session.config.call, {
          carrier: "scripted",
          direction: "outbound",
          from: "+15005550006",
          to: "+442071838750",
          parameters: { order: "7" }
        })
        assert.strictEqual(call?.session.config.call?.dial?.ringTimeoutMs, 30_000)
        const { ended, events } = yield* watch({ ...rest, dial, getSession }, session.id)
        call?.tell({ type: "call.ringing" })
        yield* pass("2 seconds")
        const connection = new TestConnection()
        call?.answer(connection)
        yield* pass("1 second")
        assert.include(events, "call.ringing")
        assert.include(events, "call.answered")
        assert.strictEqual(yield* session.state.get, "listening")
        call?.tell({ type: "call.ended", cause: "user_hung_up" })
        yield* pass("1 second")
        assert.strictEqual(yield* ended, "user_ended")
        assert.isTrue(call?.isOver())
      })
    )
  })

  it.effect("ends as not reached when nobody answers, whether the provider says it or not", () => {
    const { backend, calls } = scripted()
    return running(
      backend,
      Effect.gen(function*() {
        const voice = yield* VoiceBackend
        const told = yield* voice.dial(request)
        const silent = yield* voice.dial({ ...request, ringTimeout: "45 seconds" })
        const answered = yield* voice.dial(request)
        const watched = [
          yield* watch(voice, told.id),
          yield* watch(voice, silent.id),
          yield* watch(voice, answered.id)
        ] as const
        calls.made[2]?.tell({ type: "call.answered" })
        yield* pass("30 seconds")
        calls.made[0]?.tell({ type: "call.ended", cause: "busy" })
        yield* pass("1 second")
        assert.strictEqual(yield* watched[0].ended, "not_reached")
        assert.deepStrictEqual(watched[0].events.slice(-3), ["call.ended busy", "session.state", "session.ended"])
        // the connect window of 60 s begins when it may have stopped ringing
        yield* pass("70 seconds")
        assert.strictEqual(yield* silent.persistenceStatus, "active")
        yield* pass("5 seconds")
        assert.strictEqual(yield* watched[1].ended, "not_reached")
        assert.include(watched[1].events, "call.ended no_answer")
        assert.include(watched[2].events, "call.ended failed")
        assert.isTrue(calls.made.every((call) => call.isOver()))
      })
    )
  })

  it.effect("hangs up when the session is closed or the backend drains while it rings", () => {
    const { backend, calls } = scripted({}, {
      config: { drain: { mode: "conversation", deadline: Duration.seconds(20) } }
    })
    return running(
      backend,
      Effect.gen(function*() {
        const voice = yield* VoiceBackend
        const closed = yield* voice.dial(request)
        yield* voice.dial(request)
        yield* voice.closeSession(closed.id)
        assert.deepStrictEqual(calls.made.map((call) => call.isOver()), [true, false])
        const stopping = yield* Effect.forkChild(voice.stop)
        yield* pass("1 second")
        assert.deepInclude(yield* Fiber.join(stopping), { completed: 1, interrupted: 0 })
        assert.deepStrictEqual(calls.made.map((call) => call.isOver()), [true, true])
        assert.strictEqual(yield* codeOf(voice.dial(request)), "connection_failed")
      })
    )
  })

  it.effect("is limited in its duration by what is asked for", () => {
    const { backend, calls } = scripted()
    return running(
      backend,
      Effect.gen(function*() {
        const voice = yield* VoiceBackend
        const session = yield* voice.dial({ ...request, longest: "20 seconds" })
        calls.made[0]?.answer(new TestConnection())
        yield* pass("25 seconds")
        assert.strictEqual(yield* session.ended, "longest")
      })
    )
  })

  it.effect("refuses what the provider cannot do or may not", () => {
    const { backend, calls } = scripted({
      outbound: {
        carriers: [
          {
            name: "one",
            from: "+15005550006",
            mayCallFrom: (from) => ["+15005550006", "+15005550007"].includes(from),
            callsPerSecond: 9
          },
          { name: "two", mayCallFrom: (from) => from === "+15005550008", callsPerSecond: 9, inputSampleRate: 8_000 }
        ],
        allowedDestinations: ["+44", "!+44900", "sip:example.com"]
      }
    })
    return running(
      backend,
      Effect.gen(function*() {
        const { dial } = yield* VoiceBackend
        const refused = (wrong: Partial<DialRequest>) => codeOf(dial({ ...request, ...wrong }))
        assert.strictEqual(yield* refused({ to: "+4915123456789" }), "authorization_failed: destination_not_allowed")
        assert.strictEqual(yield* refused({ to: "+449001234567" }), "authorization_failed: destination_not_allowed")
        assert.strictEqual(
          yield* refused({ to: "sip:a@example.com.evil.example" }),
          "authorization_failed: destination_not_allowed"
        )
        for (const to of ["", "112", "+0123456789", "+44 20 7183 8750", "sip:a@example.com;x=y", "tel:+442071838750"]) {
          assert.strictEqual(yield* refused({ to }), "invalid_config", to)
        }
        assert.strictEqual(yield* refused({ carrier: "three" }), "invalid_config")
        assert.strictEqual(yield* refused({ from: "+15005550009" }), "invalid_config")
        assert.strictEqual(yield* refused({ carrier: "one", from: "+15005550008" }), "invalid_config")
        assert.strictEqual(yield* refused({ ringTimeout: "1 second" }), "invalid_config")
        assert.strictEqual(yield* refused({ ringTimeout: "soon" as never }), "invalid_config")
        assert.strictEqual(yield* refused({ machine: { detect: "own", onMachine: "leave_message" } }), "invalid_config")
        assert.strictEqual(yield* refused({ agent: "nobody" }), "invalid_config")
        assert.strictEqual(calls.made.length, 0)
        yield* dial(request)
        yield* dial({ ...request, to: "sip:desk@example.com", from: "+15005550008", machine: { detect: "own" } })
        assert.deepStrictEqual(
          calls.made.map(({ session: { config: { call, inputSampleRate } } }) => [
            call?.carrier,
            call?.from,
            inputSampleRate,
            call?.dial?.machine
          ]),
          [
            ["one", "+15005550006", undefined, undefined],
            ["two", "+15005550008", 8_000, { detect: "own", onMachine: "hang_up" }]
          ]
        )
      })
    )
  })

  it.effect("is unsupported where the provider cannot call", () =>
    running(
      layer(),
      Effect.gen(function*() {
        const { dial } = yield* VoiceBackend
        assert.strictEqual(yield* codeOf(dial(request)), "invalid_config: unsupported")
      })
    ))

  it.effect("gives back the place of a call that the carrier refuses, and says what is known", () => {
    const answers = [
      Effect.fail(new InvalidConfig({ op: "test", message: "to: no such number", details: { path: "to" } })),
      Effect.fail(new ConnectionFailed({ op: "test", message: "secret", details: { vendor: "acme", status: 502 } })),
      Effect.die(new Error("secret")),
      Effect.never
    ]
    const { backend, calls } = scripted({
      outbound: { maxConcurrentCalls: 1 },
      dial: () => answers.shift() ?? Effect.void
    })
    return running(
      backend,
      Effect.gen(function*() {
        const { dial } = yield* VoiceBackend
        const first = yield* Effect.flip(dial(request))
        assert.strictEqual(first.message, "to: no such number")
        const second = yield* Effect.flip(dial(request))
        assert.deepInclude(second, { code: "connection_failed" })
        assert.deepStrictEqual(second.details, { vendor: "acme", status: 502, reason: "call_unknown" })
        assert.strictEqual(yield* codeOf(dial(request)), "connection_failed: call_unknown")
        const hanging = yield* Effect.forkChild(codeOf(dial(request)))
        yield* pass("31 seconds")
        assert.strictEqual(yield* Fiber.join(hanging), "connection_failed: call_unknown")
        assert.strictEqual(calls.made.length, 0)
        assert.strictEqual(yield* codeOf(dial(request)), "success")
      })
    )
  })
})

describe("the limits of calls", () => {
  it.effect("let exactly as many through as may be at once, and one more when one is over", () => {
    const { backend, calls } = scripted({ outbound: { maxConcurrentCalls: 10 } })
    return running(
      backend,
      Effect.gen(function*() {
        const voice = yield* VoiceBackend
        const codes = yield* Effect.forEach(
          Array.from({ length: 50 }),
          () => codeOf(voice.dial(request)),
          { concurrency: "unbounded" }
        )
        assert.strictEqual(codes.filter((code) => code === "success").length, 10)
        assert.strictEqual(codes.filter((code) => code === "session_limit_exceeded: calls_full").length, 40)
        assert.strictEqual(calls.made.length, 10)
        assert.strictEqual(yield* voice.activeSessionCount, 10)
        // a session that is no call is not counted
        yield* voice.createSession({ userId: "u", transport: "websocket" })
        yield* voice.closeSession(calls.made[3]?.session.id ?? "")
        assert.strictEqual(yield* codeOf(voice.dial(request)), "success")
        assert.strictEqual(yield* codeOf(voice.dial(request)), "session_limit_exceeded: calls_full")
      })
    )
  })

  it.effect("count each carrier for itself, and its calls a second", () => {
    const carrier = { maxConcurrentCalls: 3, callsPerSecond: 2 }
    const { backend, calls } = scripted({
      outbound: { carriers: [{ ...carrier, name: "a" }, { ...carrier, name: "b" }] }
    })
    return running(
      backend,
      Effect.gen(function*() {
        const { dial } = yield* VoiceBackend
        const by = (carrier: string) => dial({ ...request, carrier })
        yield* by("a")
        yield* by("a")
        const tooFast = yield* Effect.flip(by("a"))
        assert.deepInclude(tooFast, { code: "rate_limit_exceeded" })
        assert.deepStrictEqual(tooFast.details, { retryAfterMs: 500, by: "carrier" })
        yield* by("b")
        yield* pass("500 millis")
        yield* by("a")
        yield* pass("2 seconds")
        assert.strictEqual(yield* codeOf(by("a")), "session_limit_exceeded: calls_full")
        assert.strictEqual(calls.made.length, 4)
      })
    )
  })

  it.effect("hold for each user by the config", () => {
    const { backend } = scripted({}, {
      config: {
        rateLimits: {
          create: {},
          dial: { user: { limit: 1, window: Duration.minutes(1) } },
          connect: {},
          audio: {},
          store: "memory"
        }
      }
    })
    return running(
      backend,
      Effect.gen(function*() {
        const { createSession, dial } = yield* VoiceBackend
        yield* dial(request)
        assert.strictEqual(yield* codeOf(dial(request)), "rate_limit_exceeded")
        assert.strictEqual(yield* codeOf(dial({ ...request, userId: "bob" })), "success")
        assert.strictEqual(yield* codeOf(createSession({ userId: "ann", transport: "websocket" })), "success")
      })
    )
  })
})

describe("the hooks of calls", () => {
  const Auth = Layer.succeed(AuthHook, {
    authenticate: (token) =>
      token.startsWith("token-of-")
        ? Effect.succeed({ userId: token.slice(9), authorized: true, tenant: "acme", metadata: { plan: "gold" } })
        : Effect.fail(new AuthenticationFailed({ op: "test", message: "no" })),
    authorize: (userId, operation) => Effect.succeed(userId !== "eve" || operation !== "call.create")
  })

  it.effect("ask who may call, and whom, before anything is taken for it", () => {
    const asked: Array<IntendedCall> = []
    const { backend, calls } = scripted()
    const List = Layer.succeed(DoNotCall, {
      mayCall: (call) =>
        Effect.sync(() => {
          asked.push(call)
          return call.to !== "+442071838751"
        })
    })
    return running(
      Layer.provide(backend, [Auth, List]),
      Effect.gen(function*() {
        const { dial } = yield* VoiceBackend
        assert.strictEqual(yield* codeOf(dial(request)), "authentication_failed")
        assert.strictEqual(yield* codeOf(dial({ ...request, token: "token-of-eve" })), "authorization_failed")
        assert.deepStrictEqual(asked, [])
        const wrong = { ...request, to: "+442071838751", token: "token-of-ann", metadata: { order: 7 } }
        assert.strictEqual(yield* codeOf(dial(wrong)), "authorization_failed: do_not_call")
        assert.deepStrictEqual(asked, [{
          to: "+442071838751",
          from: undefined,
          userId: "ann",
          tenant: "acme",
          metadata: {
            call: { carrier: "scripted", direction: "outbound", to: "+442071838751", parameters: {} },
            order: 7,
            plan: "gold"
          }
        }])
        assert.strictEqual(calls.opened.length, 0)
        const session = yield* dial({ ...request, token: "token-of-ann" })
        assert.deepInclude(session.config, { userId: "ann", tenant: "acme" })
        assert.notProperty(session.config, "token")
      })
    )
  })

  it.effect("that fail in any way make no call", () => {
    const answers: ReadonlyArray<() => Effect.Effect<boolean, BackendError>> = [
      () => {
        throw new Error("thrown")
      },
      () => Effect.die(new Error("died")),
      () => Effect.never,
      () => Effect.fail(new AuthorizationFailed({ op: "test", message: "secret" })),
      () => Effect.succeed("yes" as never),
      () => undefined as never
    ]
    const { backend, calls } = scripted()
    let next = 0
    return running(
      Layer.provide(backend, Layer.succeed(DoNotCall, { mayCall: () => answers[next++]?.() ?? undefined as never })),
      Effect.gen(function*() {
        const { dial } = yield* VoiceBackend
        const codes: Array<string> = []
        for (let i = 0; i < answers.length; i++) {
          const dialling = yield* Effect.forkChild(codeOf(dial(request)))
          yield* pass("31 seconds")
          codes.push(yield* Fiber.join(dialling))
        }
        assert.deepStrictEqual(codes, [
          "connection_failed: hook_failed",
          "connection_failed: hook_failed",
          "timeout",
          "authorization_failed: do_not_call",
          "authorization_failed: do_not_call",
          "connection_failed: hook_failed"
        ])
        assert.strictEqual(calls.opened.length, 0)
      })
    )
  })

  it.effect("keep the keys of users apart", () => {
    const { backend, calls } = scripted()
    return running(
      Layer.provide(backend, Auth),
      Effect.gen(function*() {
        const { dial } = yield* VoiceBackend
        const by = (user: string) => dial({ ...request, token: `token-of-${user}`, idempotencyKey: "1" })
        const ann = yield* by("ann")
        const bob = yield* by("bob")
        assert.notStrictEqual(ann.id, bob.id)
        assert.strictEqual((yield* by("ann")).id, ann.id)
        assert.strictEqual(calls.made.length, 2)
      })
    )
  })
})

describe("an idempotency key", () => {
  const keyed = { ...request, idempotencyKey: "order-7" }

  it.effect("makes one call of the same request, also at once, and refuses another", () => {
    const { backend, calls } = scripted()
    return running(
      backend,
      Effect.gen(function*() {
        const { closeSession, dial } = yield* VoiceBackend
        const sessions = yield* Effect.forEach(Array.from({ length: 20 }), () => dial(keyed), {
          concurrency: "unbounded"
        })
        assert.strictEqual(new Set(sessions.map(({ id }) => id)).size, 1)
        assert.strictEqual((yield* dial({ ...keyed })).id, sessions[0]?.id)
        assert.strictEqual(
          yield* codeOf(dial({ ...keyed, to: "+442071838751" })),
          "invalid_config: idempotency_key_reused"
        )
        assert.strictEqual(
          yield* codeOf(dial({ ...keyed, metadata: { more: 1 } })),
          "invalid_config: idempotency_key_reused"
        )
        assert.strictEqual(calls.made.length, 1)
        yield* closeSession(sessions[0]?.id ?? "")
        assert.strictEqual(yield* codeOf(dial(keyed)), "session_not_found: call_over")
        assert.strictEqual(calls.made.length, 1)
      })
    )
  })

  it.effect("goes on when its caller is interrupted, and is free again after a refusal", () => {
    const gate = Deferred.makeUnsafe<void>()
    let asked = 0
    const { backend, calls } = scripted({
      dial: () => {
        asked++
        if (asked === 1) return Effect.fail(new InvalidConfig({ op: "test", message: "refused" }))
        return Deferred.await(gate)
      }
    })
    return running(
      backend,
      Effect.gen(function*() {
        const { dial } = yield* VoiceBackend
        assert.strictEqual(yield* codeOf(dial(keyed)), "invalid_config")
        const first = yield* Effect.forkChild(dial(keyed))
        yield* pass("1 second")
        yield* Fiber.interrupt(first)
        const second = yield* Effect.forkChild(dial(keyed))
        yield* pass("1 second")
        yield* Deferred.succeed(gate, undefined)
        const session = yield* Fiber.join(second)
        assert.strictEqual(calls.made.length, 1)
        assert.strictEqual(calls.made[0]?.session.id, session.id)
        assert.strictEqual(asked, 2)
      })
    )
  })

  it.effect("stays used where it is not known whether the call was made", () => {
    let asked = 0
    const { backend } = scripted({
      dial: () => {
        asked++
        return Effect.fail(new ConnectionFailed({ op: "test", message: "no answer" }))
      }
    })
    return running(
      backend,
      Effect.gen(function*() {
        const { dial } = yield* VoiceBackend
        assert.strictEqual(yield* codeOf(dial(keyed)), "connection_failed: call_unknown")
        assert.strictEqual(yield* codeOf(dial(keyed)), "connection_failed: call_unknown")
        assert.strictEqual(asked, 1)
        assert.strictEqual(
          yield* codeOf(dial({ ...keyed, idempotencyKey: "order-8" })),
          "connection_failed: call_unknown"
        )
        assert.strictEqual(asked, 2)
      })
    )
  })

  it.effect("finds the call after a restart, which makes it no second time", () => {
    const table = MemoryStore.makeTable()
    const start = Effect.fnUntraced(function*() {
      const calls = ScriptedCalls.make()
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(
        layer({ provider: calls.provider }).pipe(
          Layer.provide(Layer.succeed(SessionStore, MemoryStore.make({ table })))
        ),
        scope
      )
      const backend = yield* Effect.provide(VoiceBackend, context)
      return { backend, calls, scope }
    })
    return Effect.gen(function*() {
      const one = yield* start()
      const session = yield* one.backend.dial(keyed)
      yield* pass("2 seconds")
      assert.strictEqual(one.calls.made[0]?.id, "call-1")
      // the process is gone: its lease runs out
      yield* one.backend.store?.releaseAll ?? Effect.void
      const two = yield* start()
      const again = yield* two.backend.dial(keyed)
      assert.strictEqual(again.id, session.id)
      assert.strictEqual(two.calls.made.length, 0)
      const [restored] = two.calls.opened
      assert.deepInclude(restored, { restored: true, resumed: false })
      assert.strictEqual(restored?.config.call?.id, "call-1")
      assert.strictEqual(
        yield* codeOf(two.backend.dial({ ...keyed, userId: "bob" })),
        "invalid_config: idempotency_key_reused"
      )
      yield* Effect.forkDetach(Scope.close(one.scope, Exit.void))
      yield* Effect.forkDetach(Scope.close(two.scope, Exit.void))
    }).pipe(Effect.scoped)
  })
})
