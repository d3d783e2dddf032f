import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer } from "effect"
import * as Agent from "../../../src/agent/Agent.ts"
import { SessionStore } from "../../../src/session/persistence/SessionStore.ts"
import * as MemoryStore from "../../../src/store/MemoryStore.ts"
import { sharedStore } from "../../../src/testing/conformance/rows/ConversationChecks.ts"
import { call, immediates, only, start } from "./Phone.ts"

describe.concurrent("a call that comes back", () => {
  it.live(
    "after its process has died goes on in its session, with its history, and once",
    () =>
      Effect.gen(function*() {
        const table = MemoryStore.makeTable()
        const store = sharedStore(table)
        const first = yield* start({ services: store.layer })
        const phone = yield* call(first.url, { call: "long" })
        phone.say("remember me")
        yield* phone.until("the answer", () => phone.heard === "You said remember me.")
        const session = yield* only(first.backend)
        const stored = Effect.sync(() => table.rows.get(session.id)?.snapshot.items.length)
        yield* Effect.repeat(Effect.andThen(immediates(10), stored), { until: (items) => items === 2 })
        store.cut()

        // it comes back before the lease of the dead process has lapsed, twice
        const second = yield* start({ services: sharedStore(table).layer })
        const again = yield* call(second.url, { call: "long" })
        const third = yield* call(second.url, { call: "long" })
        third.say("still here")
        again.say("still here")
        yield* Effect.raceFirst(
          again.until("the answer", () => again.heard.endsWith("You said still here.")),
          third.until("the answer", () => third.heard.endsWith("You said still here."))
        )
        const resumed = yield* only(second.backend)
        assert.strictEqual(resumed.id, session.id)
        assert.deepStrictEqual((yield* resumed.history).slice(0, 2).map(({ text }) => text), [
          "remember me",
          "You said remember me."
        ])
        assert.strictEqual(table.rows.size, 1)
        assert.deepStrictEqual(resumed.config.call?.id, "long")
      }).pipe(Effect.scoped),
    60_000
  )

  it.live(
    "after its process was stopped for a deploy goes on in its session, once the answer in flight was heard",
    () =>
      Effect.gen(function*() {
        const table = MemoryStore.makeTable()
        const config = { drain: { mode: "hand_over" as const, deadline: Duration.seconds(20) } }
        const first = yield* start({ services: sharedStore(table).layer, config })
        const phone = yield* call(first.url, { call: "long" })
        phone.say("remember me")
        yield* phone.until("the beginning of the answer", () => phone.heard !== "")
        const session = yield* only(first.backend)
        const report = yield* first.backend.stop
        assert.strictEqual(report.interrupted, 0)
        assert.strictEqual(yield* session.ended, "taken_over")
        yield* phone.until("the end of its stream", () => phone.closed !== undefined)
        assert.strictEqual(phone.heard, "You said remember me.")

        const second = yield* start({ services: sharedStore(table).layer, config })
        const again = yield* call(second.url, { call: "long" })
        again.say("still here")
        yield* again.until("the answer", () => again.heard.endsWith("You said still here."))
        const resumed = yield* only(second.backend)
        assert.strictEqual(resumed.id, session.id)
        assert.deepStrictEqual((yield* resumed.history).map(({ text }) => text), [
          "remember me",
          "You said remember me.",
          "still here",
          "You said still here."
        ])
        assert.strictEqual(table.rows.size, 1)
      }).pipe(Effect.scoped),
    60_000
  )

  it.live(
    "after a deploy that did not wait for the end of the answer hears the rest of it",
    () =>
      Effect.gen(function*() {
        const table = MemoryStore.makeTable()
        const words = Array.from({ length: 30 }, (_, i) => `word${i}`).map((word, i) => i % 6 === 5 ? `${word}.` : word)
        const agent = Agent.fromCallback(() => Effect.succeed(words.join(" ")))
        const config = { drain: { mode: "hand_over" as const, deadline: Duration.seconds(1) } }
        const first = yield* start({ services: sharedStore(table).layer, config, agent })
        const phone = yield* call(first.url, { call: "long" })
        phone.say("go on")
        yield* phone.until("the beginning of the answer", () => phone.heard.includes("word7"))
        const session = yield* only(first.backend)
        assert.strictEqual((yield* first.backend.stop).interrupted, 0)
        assert.strictEqual(yield* session.ended, "taken_over")
        assert.notInclude(phone.heard, "word29")

        const second = yield* start({ services: sharedStore(table).layer, config, agent })
        const again = yield* call(second.url, { call: "long" })
        yield* again.until("the rest of the answer", () => again.heard.includes("word29"))
        const resumed = yield* only(second.backend)
        assert.strictEqual(resumed.id, session.id)
        const [question, cut] = yield* resumed.history
        assert.strictEqual(question?.text, "go on")
        assert.isTrue(cut?.text.startsWith("word0 word1") && !cut.text.includes("word29"), cut?.text)
      }).pipe(Effect.scoped),
    60_000
  )

  it.live(
    "to another process while ours has it: it is told to try again, and nothing is lost",
    () =>
      Effect.gen(function*() {
        const table = MemoryStore.makeTable()
        // longer than a call waits
        const services = Layer.sync(SessionStore, () => MemoryStore.make({ table, leaseMs: 60_000 }))
        const first = yield* start({ services })
        const phone = yield* call(first.url, { call: "long" })
        phone.say("remember me")
        yield* phone.until("the answer", () => phone.heard === "You said remember me.")
        const second = yield* start({ services })
        const stray = yield* call(second.url, { call: "long" })
        yield* stray.until("the refusal", () => stray.closed !== undefined)
        assert.deepStrictEqual(stray.closed, { code: 1_013, reason: "connection_failed" })
        assert.strictEqual(yield* second.backend.activeSessionCount, 0)
        phone.say("still here")
        yield* phone.until("the answer", () => phone.heard.endsWith("You said still here."))
      }).pipe(Effect.scoped),
    60_000
  )
})
