/** Places that a provider takes before their sessions are there. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Layer, Scope, Stream } from "effect"
import * as Agent from "../../../src/agent/Agent.ts"
import * as BackendProvider from "../../../src/backend/provider/BackendProvider.ts"
import { VoiceBackend } from "../../../src/backend/VoiceBackend.ts"
import * as ScriptedEngines from "../../../src/testing/scripted/ScriptedEngines.ts"
import * as ScriptedProvider from "../../../src/testing/scripted/ScriptedProvider.ts"
import * as ScriptedRecogniser from "../../../src/testing/scripted/ScriptedRecogniser.ts"

const session = { userId: "ann", transport: "websocket" } as const

/** A backend for two sessions, and what it offers its provider. */
const start = Effect.gen(function*() {
  let host: BackendProvider.ProviderHost | undefined
  const watched = BackendProvider.mapConnect(ScriptedProvider.provider, (connect) => (config, given) => {
    host = given
    return connect(config, given)
  })
  const context = yield* Layer.build(
    VoiceBackend.layerSttTts({
      agent: Agent.fromStream(() => Stream.make("Hello.")),
      config: { maxConcurrentSessions: 2 }
    })
      .pipe(Layer.provide([
        Layer.succeed(BackendProvider.BackendProvider, watched),
        ScriptedRecogniser.layer(),
        ScriptedEngines.layerTts(),
        ScriptedEngines.layerVad()
      ]))
  )
  const backend = yield* Effect.provide(VoiceBackend, context)
  const { places, reserve, reserveAs } = host ?? {}
  if (places === undefined || reserve === undefined || reserveAs === undefined) {
    return yield* Effect.die("the host has no places")
  }
  return { backend, places, reserve, reserveAs }
})

describe("a reserved place", () => {
  it.effect("counts until its scope ends, and is its session's once that is there", () =>
    Effect.gen(function*() {
      const { backend, places, reserve } = yield* start
      const scope = yield* Scope.make()
      const place = yield* Scope.provide(reserve, scope)
      yield* backend.createSession(session)
      assert.deepStrictEqual(places(), { taken: 2, max: 2, refuses: true, load: 0 })
      const full = yield* Effect.flip(backend.createSession(session))
      assert.strictEqual(full.code, "session_limit_exceeded")
      const created = yield* place.create(session)
      assert.strictEqual(created.session.id, place.id)
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(places().taken, 2)
      yield* backend.closeSession(place.id)
      assert.deepStrictEqual(places(), { taken: 1, max: 2, refuses: false, load: 0 })
    }).pipe(Effect.scoped))

  it.effect("is given back once without a session, and takes none afterwards", () =>
    Effect.gen(function*() {
      const { places, reserve } = yield* start
      const place = yield* Effect.scoped(reserve)
      assert.strictEqual(places().taken, 0)
      assert.strictEqual((yield* Effect.flip(place.create(session))).code, "session_limit_exceeded")
      assert.strictEqual(places().taken, 0)
    }).pipe(Effect.scoped))

  it.effect("of an id is there once, until its session has ended or it is given back", () =>
    Effect.gen(function*() {
      const { backend, places, reserveAs } = yield* start
      const scope = yield* Scope.make()
      const place = yield* Scope.provide(reserveAs("ses_1"), scope)
      assert.strictEqual(place.id, "ses_1")
      const second = yield* Effect.flip(Effect.scoped(reserveAs("ses_1")))
      assert.deepInclude(second, { code: "connection_failed", details: { reason: "session_exists" } })
      assert.strictEqual(places().taken, 1)
      yield* place.create(session)
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual((yield* Effect.flip(Effect.scoped(reserveAs("ses_1")))).code, "connection_failed")
      assert.strictEqual(places().taken, 1)
      yield* backend.closeSession("ses_1")
      yield* Effect.scoped(reserveAs("ses_1"))
      yield* Effect.scoped(reserveAs("ses_1"))
      assert.strictEqual(places().taken, 0)
    }).pipe(Effect.scoped))
})
