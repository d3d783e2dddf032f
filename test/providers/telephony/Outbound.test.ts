/** Calls that the telephony provider makes, through a carrier of the test's own. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Exit, Fiber, Layer, Schema, Scope } from "effect"
import * as BackendConfig from "../../../src/backend/config/BackendConfig.ts"
import { BackendProvider } from "../../../src/backend/provider/BackendProvider.ts"
import { VoiceBackend } from "../../../src/backend/VoiceBackend.ts"
import { type BackendError, InvalidConfig } from "../../../src/BackendError.ts"
import type { Call, CarrierKind } from "../../../src/providers/telephony/Call.ts"
import { carrierFields, carrierKeys, ringSecondsOf } from "../../../src/providers/telephony/CarrierFields.ts"
import { machineDetectionOf } from "../../../src/providers/telephony/OutboundFields.ts"
import * as TelephonyProvider from "../../../src/providers/telephony/TelephonyProvider.ts"
import { encodeKeys } from "../../../src/schema/EncodedKeys.ts"
import type { DialDetails } from "../../../src/session/call/CallDetails.ts"
import type { DialRequest } from "../../../src/session/call/DialRequest.ts"
import { SessionStore } from "../../../src/session/persistence/SessionStore.ts"
import * as MemoryStore from "../../../src/store/MemoryStore.ts"
import * as Scripted from "../../../src/testing/scripted/ScriptedEngines.ts"
import { echo, pass } from "../../session/Harness.ts"

const TestConfig = Schema.Struct({
  kind: Schema.Literal("test"),
  ...carrierFields,
  from: Schema.optionalKey(Schema.String)
}).pipe(encodeKeys(carrierKeys))

type TestConfig = typeof TestConfig.Type

const request: DialRequest = { to: "+442071838750", userId: "ann" }

const codeOf = <A>(effect: Effect.Effect<A, BackendError>) =>
  Effect.match(effect, {
    onFailure: ({ code, details }) => details?.["reason"] === undefined ? code : `${code}: ${details["reason"]}`,
    onSuccess: () => "success"
  })

/** A process with the provider, and what its carrier was asked for. */
const start = Effect.fnUntraced(function*({ dial, options, table }: {
  readonly dial?: (call: Call) => Effect.Effect<string, BackendError>
  readonly options?: { readonly [key: string]: unknown }
  readonly table?: MemoryStore.Table
} = {}) {
  const dialled: Array<Call> = []
  const hungUp: Array<string | undefined> = []
  const kind: CarrierKind<TestConfig> = {
    kind: "test",
    config: TestConfig,
    make: ({ name }) =>
      Effect.succeed({
        name,
        routes: [],
        returns: true,
        hangUp: (call) => Effect.sync(() => void hungUp.push(call.id())),
        dial: (call) => {
          dialled.push(call)
          return dial?.(call) ?? Effect.succeed(`CA${dialled.length}`)
        }
      })
  }
  const provider = TelephonyProvider.make(TestConfig, kind.make)
  const config = yield* BackendConfig.decode({
    provider: "telephony",
    pipeline_type: "stt_tts",
    stt_provider: "scripted",
    tts_provider: "scripted",
    provider_config: { carriers: [{ name: "one", kind: "test" }], ...options }
  })
  const scope = yield* Scope.make()
  yield* Effect.addFinalizer(() => Effect.forkDetach(Scope.close(scope, Exit.void)))
  const context = yield* Layer.buildWithScope(
    VoiceBackend.layerSttTts({ agent: echo, config: { providerConfig: config.providerConfig } }).pipe(
      Layer.provide([
        Layer.succeed(BackendProvider, provider),
        Scripted.layerStt(["one"]),
        Scripted.layerTts(),
        Scripted.layerVad(),
        ...(table === undefined ? [] : [Layer.succeed(SessionStore, MemoryStore.make({ table }))])
      ])
    ),
    scope
  )
  return { backend: yield* Effect.provide(VoiceBackend, context), dialled, hungUp }
})

const allowed = { allowed_destinations: ["+44"] }

describe("what a carrier is asked for", () => {
  const call = (dial: Partial<DialDetails>) => ({
    details: {
      carrier: "one",
      direction: "outbound" as const,
      parameters: {},
      dial: { ringTimeoutMs: 20_000, request: "", ...dial }
    }
  })

  it("is what who makes the call says, and else what the options say", () => {
    assert.strictEqual(ringSecondsOf(call({}).details, Duration.seconds(45)), 20)
    assert.strictEqual(ringSecondsOf({ ...call({}).details, dial: undefined } as never, Duration.seconds(45)), 45)
    for (const configured of ["off", "detect", "beep"] as const) {
      const detection = (machine?: DialDetails["machine"]) =>
        machineDetectionOf(call(machine === undefined ? {} : { machine }), configured)
      assert.strictEqual(detection(), configured)
      assert.strictEqual(detection({ detect: "off", onMachine: "hang_up" }), "off")
      assert.strictEqual(detection({ detect: "own", onMachine: "leave_message" }), "off")
      assert.strictEqual(detection({ detect: "carrier", onMachine: "leave_message" }), "beep")
      assert.strictEqual(
        detection({ detect: "carrier", onMachine: "hang_up" }),
        configured === "beep" ? "beep" : "detect"
      )
    }
  })
})

describe("calls by the telephony provider", () => {
  it.effect("go nowhere unless the config says where", () =>
    Effect.gen(function*() {
      const { backend, dialled } = yield* start()
      assert.strictEqual(yield* codeOf(backend.dial(request)), "authorization_failed: destination_not_allowed")
      const { backend: open } = yield* start({ options: allowed })
      assert.strictEqual(yield* codeOf(open.dial(request)), "success")
      assert.strictEqual(
        yield* codeOf(open.dial({ ...request, to: "+12025550123" })),
        "authorization_failed: destination_not_allowed"
      )
      assert.strictEqual(dialled.length, 0)
    }).pipe(Effect.scoped))

  it.effect("are made from the carrier's number, or another that is allowed, and as many as are allowed", () =>
    Effect.gen(function*() {
      const { backend, dialled } = yield* start({
        options: {
          ...allowed,
          carriers: [{
            name: "one",
            kind: "test",
            from: "+15005550006",
            allowed_numbers: ["+1500*"],
            max_concurrent_calls: 2,
            calls_per_second: 100
          }]
        }
      })
      yield* backend.dial(request)
      yield* backend.dial({ ...request, from: "+15005550007", ringTimeout: "20 seconds" })
      assert.strictEqual(yield* codeOf(backend.dial({ ...request, from: "+442071838751" })), "invalid_config")
      assert.strictEqual(yield* codeOf(backend.dial(request)), "session_limit_exceeded: calls_full")
      assert.deepStrictEqual(
        dialled.map(({ details: { dial, from } }) => [from, dial?.ringTimeoutMs]),
        [["+15005550006", 30_000], ["+15005550007", 20_000]]
      )
    }).pipe(Effect.scoped))

  it.effect("are hung up when the session is closed while it rings", () =>
    Effect.gen(function*() {
      const { backend, dialled, hungUp } = yield* start({ options: allowed })
      const session = yield* backend.dial(request)
      dialled[0]?.emit({ type: "call.ringing" })
      yield* pass("1 second")
      yield* backend.closeSession(session.id)
      assert.deepStrictEqual(hungUp, ["CA1"])
      // one that is over is not hung up
      const other = yield* backend.dial(request)
      dialled[1]?.emit({ type: "call.ended", cause: "busy" })
      yield* pass("1 second")
      assert.strictEqual(yield* other.ended, "not_reached")
      assert.deepStrictEqual(hungUp, ["CA1"])
    }).pipe(Effect.scoped))

  it.effect("are hung up also where the carrier answers only when nobody waits any more", () =>
    Effect.gen(function*() {
      const answer = yield* Deferred.make<string>()
      const { backend, dialled, hungUp } = yield* start({ options: allowed, dial: () => Deferred.await(answer) })
      const dialling = yield* Effect.forkChild(backend.dial(request))
      yield* pass("1 second")
      assert.strictEqual(dialled.length, 1)
      yield* Fiber.interrupt(dialling)
      yield* pass("1 second")
      assert.deepStrictEqual(hungUp, [])
      yield* Deferred.succeed(answer, "CA7")
      yield* pass("1 second")
      assert.deepStrictEqual(hungUp, ["CA7"])
      assert.strictEqual(yield* backend.activeSessionCount, 0)
    }).pipe(Effect.scoped))

  it.effect("that the carrier refuses leave no session", () =>
    Effect.gen(function*() {
      const { backend, hungUp } = yield* start({
        options: allowed,
        dial: () => Effect.fail(new InvalidConfig({ op: "test", message: "no such number", details: { path: "to" } }))
      })
      const error = yield* Effect.flip(backend.dial(request))
      assert.strictEqual(error.message, "no such number")
      assert.strictEqual(yield* backend.activeSessionCount, 0)
      assert.deepStrictEqual(hungUp, [])
    }).pipe(Effect.scoped))

  it.effect("are not made again after a restart while they ring, and are hung up by the id that was stored", () =>
    Effect.gen(function*() {
      const table = MemoryStore.makeTable()
      const one = yield* start({ options: allowed, table })
      const session = yield* one.backend.dial({ ...request, idempotencyKey: "order-7" })
      yield* pass("3 seconds")
      yield* one.backend.store?.releaseAll ?? Effect.void
      const two = yield* start({ options: allowed, table })
      const again = yield* two.backend.dial({ ...request, idempotencyKey: "order-7" })
      assert.strictEqual(again.id, session.id)
      assert.deepStrictEqual([one.dialled.length, two.dialled.length], [1, 0])
      yield* two.backend.closeSession(session.id)
      assert.deepStrictEqual(two.hungUp, ["CA1"])
    }).pipe(Effect.scoped))
})
