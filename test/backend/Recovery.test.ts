import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, Layer, Schema, Scope, Stream } from "effect"
import * as Agent from "../../src/agent/Agent.ts"
import { AgentRegistry } from "../../src/agent/AgentRegistry.ts"
import { CallContext } from "../../src/agent/CallContext.ts"
import * as BackendProvider from "../../src/backend/provider/BackendProvider.ts"
import { VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import { type BackendError, ConnectionFailed } from "../../src/BackendError.ts"
import { SessionStore } from "../../src/session/persistence/SessionStore.ts"
import type { VoiceSession } from "../../src/session/VoiceSession.ts"
import * as MemoryStore from "../../src/store/MemoryStore.ts"
import * as Scripted from "../../src/testing/scripted/ScriptedEngines.ts"
import { pass, provider as testProvider, type Setup, User } from "../session/Harness.ts"
import { TestConnection } from "../session/TestConnection.ts"
import * as StoreDamage from "../store/StoreDamage.ts"

const away = new ConnectionFailed({ op: "test", message: "the store is away" })

/** A process on a shared table: a backend, what its provider may ask of it, and a way to lose it. */
const start = Effect.fnUntraced(function*(
  table: MemoryStore.Table,
  { agent, config, texts = ["one", "two", "three"], tts }: Setup = {}
) {
  const store = MemoryStore.make({ table })
  let dead = false
  const guard = <A, E>(effect: Effect.Effect<A, E>) =>
    Effect.suspend((): Effect.Effect<A, E | ConnectionFailed> => dead ? Effect.fail(away) : effect)
  const guarded = SessionStore.of({
    ...store,
    create: (...args) => guard(store.create(...args)),
    write: (...args) => guard(store.write(...args)),
    claim: (id) => guard(store.claim(id)),
    renew: guard(store.renew),
    releaseAll: guard(store.releaseAll),
    releaseLease: (lease) => guard(store.releaseLease(lease)),
    remove: (lease) => guard(store.remove(lease)),
    sweep: guard(store.sweep)
  })
  let host: BackendProvider.ProviderHost | undefined
  const { capabilities } = testProvider()
  const provider = BackendProvider.make({
    name: "test",
    description: "for tests",
    capabilities,
    config: Schema.Struct({}),
    connect: (_options, _config, given) =>
      Effect.sync(() => {
        host = given
        return {
          open: ({ resumed }) =>
            Effect.succeed({
              access: { connectionUrl: resumed ? "memory:resumed" : "memory:" },
              attachments: Stream.never
            }),
          probe: Effect.succeed({ name: "provider", status: "healthy" as const })
        }
      })
  })
  const scope = yield* Scope.make()
  const context = yield* Layer.buildWithScope(
    VoiceBackend.layerSttTts({
      agent: agent ?? Agent.fromCallback((text) => Effect.succeed(`You said ${text}. I wrote it down. Anything else?`)),
      ...(config === undefined ? {} : { config })
    }).pipe(Layer.provide([
      Layer.succeed(BackendProvider.BackendProvider, provider),
      Layer.succeed(SessionStore, guarded),
      Scripted.layerStt(texts),
      Scripted.layerTts(tts),
      Scripted.layerVad()
    ])),
    scope
  )
  const backend = yield* Effect.provide(VoiceBackend, context)
  const call = Effect.fnUntraced(function*(
    session: Effect.Effect<VoiceSession, BackendError> = backend.createSession({ userId: "u", transport: "websocket" })
  ) {
    const user = new User(yield* session, new TestConnection())
    yield* user.session.attach(user.connection)
    return user
  })
  const recover = (id: string): Effect.Effect<void, BackendError> =>
    Effect.suspend(() => host?.recover(id) ?? Effect.die("not connected"))
  return {
    backend,
    call,
    recover,
    /** The user of a session of another process comes back to this one. */
    takeUp: (id: string) => Effect.andThen(recover(id), call(backend.getSession(id))),
    /** Nothing that it does reaches the store any more. */
    die: Effect.sync(() => {
      dead = true
    }),
    revive: Effect.sync(() => {
      dead = false
    }),
    stop: Effect.gen(function*() {
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void))
      yield* pass("2 minutes")
      yield* Fiber.join(closing)
    })
  }
})

const LEASE = "6 seconds"

describe("Recovery", () => {
  it.effect("resumes with the agent that the session was handed over to", () =>
    Effect.gen(function*() {
      const table = MemoryStore.makeTable()
      const agent = Agent.fromCallback((text, { session, turn }) =>
        Effect.as(session?.handOver("billing", turn) ?? Effect.void, `I heard ${text}.`)
      )
      const one = yield* start(table, { agent })
      const user = yield* one.call()
      yield* user.speaks(300)
      yield* user.hears(6_000)
      yield* one.die
      const two = yield* start(table, { texts: ["four"] })
      yield* pass(LEASE)
      const again = yield* two.takeUp(user.session.id)
      yield* again.speaks(300)
      yield* again.hears(6_000)
      assert.deepStrictEqual(yield* again.said, [
        "user: one",
        "agent: I heard one.",
        "user: four",
        "agent: Billing heard four."
      ])
      yield* two.stop
    }).pipe(Effect.provide(AgentRegistry.layer({
      billing: Agent.fromCallback((text) => Effect.succeed(`Billing heard ${text}.`))
    }))))

  it.effect("resumes with its call: who it is for, and what was said", () =>
    Effect.gen(function*() {
      const table = MemoryStore.makeTable()
      const seen: Array<unknown> = []
      const agent = Agent.fromCallback(() =>
        Effect.map(CallContext, ({ facts, history, language, metadata, provider, sessionId, tenant, turn, userId }) => {
          const heard = history.map(({ text }) => text)
          seen.push({ facts, heard, language, metadata, provider, sessionId, tenant, turn, userId })
          return "Yes."
        })
      )
      const first = yield* start(table, { agent })
      const user = yield* first.call(
        first.backend.createSession({
          userId: "ada",
          tenant: "acme",
          language: "de",
          metadata: { plan: "basic" },
          transport: "websocket"
        })
      )
      yield* user.session.sendText("one")
      yield* pass("3 seconds")
      yield* user.session.updateMetadata({ plan: "gold" })
      yield* pass("3 seconds")
      yield* first.die
      const second = yield* start(table, { agent })
      yield* pass(LEASE)
      const again = yield* second.takeUp(user.session.id)
      again.connection.facts = { room: "desk" }
      yield* again.session.sendText("two")
      yield* pass("3 seconds")
      const of = { sessionId: user.session.id, userId: "ada", tenant: "acme", language: "de", provider: "test" }
      assert.deepStrictEqual(seen, [
        { ...of, turn: 1, heard: [], metadata: { plan: "basic" }, facts: {} },
        { ...of, turn: 2, heard: ["one", "Yes."], metadata: { plan: "gold" }, facts: { room: "desk" } }
      ])
      yield* second.stop
    }))

  it.effect("resumes in the language that it was given, though an engine does not have it", () =>
    Effect.gen(function*() {
      const table = MemoryStore.makeTable()
      const agent = Agent.fromCallback((text, { language }) => Effect.succeed(`${text} in ${language} & 5 %.`))
      for (const languages of [["en", "de"], ["en"]]) {
        const spoken: Array<string> = []
        const tts = {
          languages,
          onSpeak: (text: string, language: string | undefined) => void spoken.push(`${language}: ${text}`)
        }
        const one = yield* start(table, { agent, tts })
        const user = yield* one.call()
        const change = yield* user.session.setLanguage("de-AT")
        assert.deepStrictEqual(change.engines.map(({ follows }) => follows), [true, languages.includes("de")])
        yield* user.speaks(300)
        yield* user.hears(6_000)
        yield* one.die
        const two = yield* start(table, { agent, tts, texts: ["four"] })
        yield* pass(LEASE)
        const again = yield* two.takeUp(user.session.id)
        assert.strictEqual(yield* again.session.language, "de-AT")
        yield* again.speaks(300)
        yield* again.hears(6_000)
        assert.deepStrictEqual(yield* again.said, [
          "user: one",
          "agent: one in de-AT und 5 Prozent.",
          "user: four",
          "agent: four in de-AT und 5 Prozent."
        ])
        const language = languages.includes("de") ? "de-AT" : undefined
        assert.deepStrictEqual(spoken, ["one", "four"].map((text) => `${language}: ${text} in de-AT und 5 Prozent.`))
        yield* two.stop
      }
    }))

  it.effect("resumes in another process, with its history, its metadata and its event numbers", () =>
    Effect.gen(function*() {
      const table = MemoryStore.makeTable()
      const one = yield* start(table)
      const user = yield* one.call()
      yield* user.session.updateMetadata({ order: 12 })
      yield* user.speaks(300)
      yield* user.hears(6_000)
      const { id } = user.session
      const before = yield* user.said
      assert.deepStrictEqual(before, ["user: one", "agent: You said one. I wrote it down. Anything else?"])
      const seq = user.connection.events.at(-1)?.seq ?? 0
      const [saved] = user.connection.of("session.saved").slice(-1)
      const told = user.connection.events.findLast((event) => event.type === "agent.speech_stopped")
      assert.isAtLeast(saved?.through ?? 0, told?.seq ?? Infinity)

      yield* one.die
      const two = yield* start(table, { texts: ["four"] })
      const held = yield* Effect.flip(two.recover(id))
      assert.strictEqual(held.code, "connection_failed")
      assert.isAbove(Number(held.details?.["retryAfterMs"]), 0)
      yield* pass(LEASE)
      const again = yield* two.takeUp(id)
      assert.deepStrictEqual(yield* again.said, before)
      assert.deepStrictEqual(yield* again.session.metadata, { order: 12 })
      assert.strictEqual((yield* two.backend.access(id)).connectionUrl, "memory:resumed")
      const [started] = again.connection.of("session.started")
      assert.isTrue(started?.resumed)
      assert.isAbove(started?.seq ?? 0, seq)
      yield* again.speaks(300)
      yield* again.hears(6_000)
      assert.deepStrictEqual((yield* again.said).slice(2), [
        "user: four",
        "agent: You said four. I wrote it down. Anything else?"
      ])
      assert.strictEqual((yield* again.session.history).at(-1)?.turn, 2)
      yield* two.stop
      assert.strictEqual(table.rows.size, 0)
    }))

  it.effect("is stored from the moment of the takeover, even when the next process dies at once", () =>
    Effect.gen(function*() {
      const table = MemoryStore.makeTable()
      const one = yield* start(table)
      const user = yield* one.call()
      yield* user.speaks(300)
      yield* user.hears(1_700)
      yield* one.die
      const seqs = [user.connection.events.at(-1)?.seq ?? 0]
      const said: Array<ReadonlyArray<string>> = []
      for (let i = 0; i < 3; i++) {
        yield* pass(LEASE)
        const next = yield* start(table)
        const again = yield* next.takeUp(user.session.id)
        yield* next.die
        seqs.push(again.connection.events[0]?.seq ?? 0)
        said.push(yield* again.said)
      }
      assert.deepStrictEqual(seqs, seqs.toSorted((a, b) => a - b))
      assert.strictEqual(new Set(seqs).size, seqs.length)
      for (const lines of said) assert.deepStrictEqual(lines, said[0])
    }))

  it.effect("knows that a user has connected, even without a word spoken", () =>
    Effect.gen(function*() {
      const table = MemoryStore.makeTable()
      const one = yield* start(table)
      const user = yield* one.call()
      yield* pass("100 millis")
      yield* one.die
      yield* pass(LEASE)
      const two = yield* start(table)
      const again = yield* two.takeUp(user.session.id)
      assert.isTrue(again.connection.of("session.started")[0]?.resumed)
    }))

  it.effect("has one owner: a process that lost its lease releases the session, and erases nothing", () =>
    Effect.gen(function*() {
      const table = MemoryStore.makeTable()
      const one = yield* start(table)
      const user = yield* one.call()
      const { id } = user.session
      yield* user.hears(100)
      yield* one.die
      yield* pass(LEASE)
      const two = yield* start(table)
      const again = yield* two.takeUp(id)
      yield* one.revive
      yield* user.speaks(300)
      yield* user.hears(2_000)
      assert.deepInclude(user.connection.events.at(-1), { type: "session.ended", reason: "taken_over" })
      assert.strictEqual(yield* one.backend.activeSessionCount, 0)
      assert.strictEqual(table.rows.size, 1)
      yield* again.speaks(300)
      yield* again.hears(4_000)
      assert.include(yield* again.said, "user: one")
      yield* one.stop
      yield* two.stop
      assert.strictEqual(table.rows.size, 0)
    }))

  it.effect("speaks the rest of an interrupted reply, from the sentence it was in", () =>
    Effect.gen(function*() {
      const table = MemoryStore.makeTable()
      const one = yield* start(table)
      const user = yield* one.call()
      yield* user.speaks(300)
      // "You said one. I wrote": the second sentence has begun
      yield* user.hears(1_700)
      yield* one.die
      yield* pass(LEASE)
      const two = yield* start(table)
      const again = yield* two.takeUp(user.session.id)
      yield* again.hears(4_000)
      const said = yield* again.said
      assert.strictEqual(said[0], "user: one")
      assert.match(said[1] ?? "", /^agent: You said one\.( I( wrote( it)?)?)? …$/u)
      assert.strictEqual(said[2], "agent: I wrote it down. Anything else?")
      assert.strictEqual(said.length, 3)
    }))

  it.effect("asks the agent again for a reply of which nothing was played", () =>
    Effect.gen(function*() {
      const table = MemoryStore.makeTable()
      const asked: Array<string> = []
      const agent = Agent.fromCallback((text) =>
        Effect.andThen(Effect.sync(() => asked.push(text)), asked.length === 0 ? Effect.never : Effect.succeed("Yes."))
      )
      const one = yield* start(table, { agent })
      const user = yield* one.call()
      yield* user.speaks(300)
      yield* user.hears(1_000)
      assert.deepStrictEqual(asked, ["one"])
      yield* one.die
      yield* pass(LEASE)
      const two = yield* start(table, { agent })
      const again = yield* two.takeUp(user.session.id)
      yield* again.hears(2_000)
      assert.deepStrictEqual(asked, ["one", "one"])
      assert.deepStrictEqual(yield* again.said, ["user: one", "agent: Yes."])
    }))

  it.effect("leaves nothing of a session that has ended or could not be created", () =>
    Effect.gen(function*() {
      const table = MemoryStore.makeTable()
      const one = yield* start(table)
      const user = yield* one.call()
      assert.strictEqual(table.rows.size, 1)
      yield* one.backend.closeSession(user.session.id)
      assert.strictEqual(table.rows.size, 0)
      yield* one.die
      const refused = yield* Effect.flip(one.call())
      assert.strictEqual(refused.code, "connection_failed")
      assert.strictEqual(yield* one.backend.activeSessionCount, 0)
      yield* one.revive
      yield* one.call()
      yield* one.stop
      assert.strictEqual(table.rows.size, 0)
    }))

  it.effect("retries an erasure that failed at the end", () =>
    Effect.gen(function*() {
      const table = MemoryStore.makeTable()
      const one = yield* start(table)
      const user = yield* one.call()
      yield* one.die
      yield* one.backend.closeSession(user.session.id)
      assert.strictEqual(table.rows.size, 1)
      yield* one.revive
      yield* pass("3 seconds")
      assert.strictEqual(table.rows.size, 0)
    }))

  it.effect("does not store a session whose agent is a closure", () =>
    Effect.gen(function*() {
      const table = MemoryStore.makeTable()
      const one = yield* start(table)
      const agent = Agent.fromCallback(() => Effect.succeed("Mine."))
      const user = yield* one.call(one.backend.createSession({ userId: "u", transport: "websocket", agent }))
      yield* user.speaks(300)
      yield* user.hears(2_000)
      assert.strictEqual(table.rows.size, 0)
      assert.strictEqual(user.connection.of("session.saved").length, 0)
    }))

  it.effect("erases a session that nobody came back to, not before its process was away for long", () =>
    Effect.gen(function*() {
      const table = MemoryStore.makeTable()
      const one = yield* start(table)
      const user = yield* one.call()
      yield* one.die
      const two = yield* start(table)
      // it may only be cut off: its resume window of one minute, and ten more
      yield* pass("11 minutes")
      assert.strictEqual(table.rows.size, 1)
      yield* pass("1 minute")
      assert.strictEqual(table.rows.size, 0)
      assert.strictEqual((yield* Effect.flip(two.recover(user.session.id))).code, "session_not_found")
    }))

  it.effect("releases a session that it has no slot for, or cannot read", () =>
    Effect.gen(function*() {
      const table = MemoryStore.makeTable()
      const one = yield* start(table)
      const user = yield* one.call()
      const { id } = user.session
      yield* user.hears(100)
      yield* one.die
      yield* pass(LEASE)
      const full = yield* start(table, { config: { maxConcurrentSessions: 1 } })
      yield* full.call()
      assert.strictEqual((yield* Effect.flip(full.recover(id))).code, "session_limit_exceeded")
      const row = table.rows.get(id)
      assert.isDefined(row)
      if (row === undefined) return
      const kept = row.snapshot
      const two = yield* start(table)
      row.snapshot = { head: "{}", items: [] }
      assert.strictEqual((yield* Effect.flip(two.recover(id))).code, "pipeline_error")
      row.snapshot = kept
      yield* two.takeUp(id)
      assert.strictEqual(yield* two.backend.activeSessionCount, 1)
    }))

  for (
    const [what, lose] of Object.entries<(table: MemoryStore.Table, id: string) => Effect.Effect<void>>({
      "is emptied": (table) => StoreDamage.ofMemory(table).loseAll,
      "loses the session": (table, id) => StoreDamage.ofMemory(table).loseSession(id),
      "loses an item": (table, id) => StoreDamage.ofMemory(table).loseItems(id, 0),
      "loses the head": (table, id) => StoreDamage.ofMemory(table).loseHead(id),
      "erases the session as abandoned": (table, id) =>
        Effect.suspend(() => {
          const row = table.rows.get(id)
          if (row !== undefined) Object.assign(row, { owner: undefined, untilMs: -1e9 })
          return Effect.map(MemoryStore.make({ table }).sweep, (erased) => assert.strictEqual(erased, 1)).pipe(
            Effect.orDie
          )
        })
    })
  ) {
    it.effect(`gives back what was stored when the store ${what}: the call goes on, and survives its process`, () =>
      Effect.gen(function*() {
        const table = MemoryStore.makeTable()
        const one = yield* start(table)
        const user = yield* one.call()
        yield* user.speaks(300)
        yield* user.hears(6_000)
        const before = yield* user.said
        yield* lose(table, user.session.id)
        // nobody says anything meanwhile
        yield* user.hears(7_000)
        assert.isFalse(user.connection.events.some(({ type }) => type === "session.ended"))
        yield* one.die
        const two = yield* start(table)
        yield* pass(LEASE)
        const again = yield* two.takeUp(user.session.id)
        assert.deepStrictEqual(yield* again.said, before)
        yield* two.stop
        assert.strictEqual(table.rows.size, 0)
      }))
  }

  it.effect("gives back what was stored when the store is set back to an older copy", () =>
    Effect.gen(function*() {
      const table = MemoryStore.makeTable()
      const one = yield* start(table)
      const user = yield* one.call()
      const setBack = yield* StoreDamage.ofMemory(table).copy
      yield* user.speaks(300)
      yield* user.hears(6_000)
      const late = yield* one.call()
      yield* setBack
      yield* user.speaks(300)
      yield* user.hears(8_000)
      const before = yield* user.said
      assert.lengthOf(before, 4)
      yield* one.die
      const two = yield* start(table)
      yield* pass(LEASE)
      assert.deepStrictEqual(yield* (yield* two.takeUp(user.session.id)).said, before)
      yield* two.takeUp(late.session.id)
    }))

  it.effect("counts the longest time of a session from its creation, whoever took it over", () =>
    Effect.gen(function*() {
      const table = MemoryStore.makeTable()
      const config = {
        session: {
          connectWindow: Duration.minutes(1),
          resumeWindow: Duration.minutes(1),
          longest: Duration.minutes(2),
          tokenTtl: Duration.minutes(10)
        }
      }
      const one = yield* start(table, { config })
      const user = yield* one.call()
      yield* pass("1 minute")
      yield* one.die
      yield* pass(LEASE)
      const two = yield* start(table, { config })
      const again = yield* two.takeUp(user.session.id)
      yield* pass("50 seconds")
      assert.strictEqual(yield* two.backend.activeSessionCount, 1)
      yield* pass("10 seconds")
      assert.deepInclude(again.connection.events.at(-1), { type: "session.ended", reason: "longest" })
      assert.strictEqual(table.rows.size, 0)
    }))

  it.effect("continues while the store is unreachable, and writes the snapshot later", () =>
    Effect.gen(function*() {
      const table = MemoryStore.makeTable()
      const one = yield* start(table)
      const user = yield* one.call()
      yield* one.die
      yield* user.speaks(300)
      yield* user.hears(4_000)
      assert.include(yield* user.said, "user: one")
      const saved = user.connection.of("session.saved").length
      yield* one.revive
      yield* user.hears(6_000)
      assert.isAbove(user.connection.of("session.saved").length, saved)
      assert.isAbove(table.rows.get(user.session.id)?.snapshot.items.length ?? 0, 1)
    }))
})
