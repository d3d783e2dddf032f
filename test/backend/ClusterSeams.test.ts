import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import type { BackendError } from "../../src/BackendError.ts"
import { AuthHook } from "../../src/hooks/AuthHook.ts"
import { SessionStore } from "../../src/session/persistence/SessionStore.ts"
import * as MemoryStore from "../../src/store/MemoryStore.ts"
import { layer, running } from "../session/Harness.ts"

const config = { userId: "u", transport: "websocket" } as const
const codeOf = <A>(effect: Effect.Effect<A, BackendError>) =>
  Effect.match(effect, { onFailure: ({ code }) => code as string, onSuccess: () => "success" })

describe("what a cluster needs of a backend", () => {
  it.effect("counts its places, and lets the cluster limit those of new sessions", () =>
    running(
      layer({ config: { maxConcurrentSessions: 5 } }),
      Effect.gen(function*() {
        const backend = yield* VoiceBackend
        const { id } = yield* backend.createSession(config)
        assert.deepStrictEqual(yield* backend.places, { taken: 1, max: 5, processMax: 5 })
        backend.limitPlaces(2)
        assert.deepStrictEqual(yield* backend.places, { taken: 1, max: 2, processMax: 5 })
        assert.strictEqual(yield* codeOf(backend.createSession(config)), "success")
        assert.strictEqual(yield* codeOf(backend.createSession(config)), "session_limit_exceeded")
        yield* backend.closeSession(id)
        assert.strictEqual(yield* codeOf(backend.createSession(config)), "success")
        backend.limitPlaces(undefined)
        assert.strictEqual(yield* codeOf(backend.createSession(config)), "success")
        assert.strictEqual(yield* backend.loadLevel, "normal")
      })
    ))

  it.effect("asks the hooks once for a session that is opened after its check", () => {
    let asked = 0
    const hook = Layer.succeed(AuthHook, {
      authenticate: (token) =>
        Effect.sync(() => {
          asked++
          return { userId: token, authorized: true, tenant: "t" }
        }),
      authorize: () => Effect.succeed(true)
    })
    return running(
      layer({ config: { maxConcurrentSessions: 1 } }).pipe(Layer.provide(hook)),
      Effect.gen(function*() {
        const backend = yield* VoiceBackend
        const checked = yield* backend.checkSession({ ...config, token: "ada" })
        assert.deepInclude(checked, { userId: "ada", tenant: "t" })
        assert.notProperty(checked, "token")
        const session = yield* backend.openSession(checked)
        assert.strictEqual(session.config.userId, "ada")
        assert.strictEqual(asked, 1)
        assert.strictEqual(yield* codeOf(backend.openSession(checked)), "session_limit_exceeded")
      })
    )
  })

  it.effect("hands out its store, pages of its sessions, and takes over what nobody has", () =>
    Effect.gen(function*() {
      const table = MemoryStore.makeTable()
      const store = MemoryStore.make({ table })
      yield* running(
        layer().pipe(Layer.provide(Layer.succeed(SessionStore, store))),
        Effect.gen(function*() {
          const backend = yield* VoiceBackend
          assert.strictEqual(backend.store?.name, store.name)
          assert.isUndefined(backend.locate)
          const made = yield* Effect.all([backend.createSession(config), backend.createSession(config)])
          const ids = made.map(({ id }) => id).sort()
          const page = yield* backend.listPage({ limit: 1 })
          assert.deepStrictEqual([page.sessions.map(({ id }) => id), page.next], [[ids[0]], ids[0]])
          const rest = yield* backend.listPage({ after: page.next, limit: 1 })
          assert.deepStrictEqual([rest.sessions.map(({ id }) => id), rest.next], [[ids[1]], undefined])
          yield* backend.recover(ids[0]!)
          assert.strictEqual(yield* codeOf(backend.recover("nobody")), "session_not_found")
        })
      )
    }))
})
