/**
 * Checks that several rows of the contract share: interruption, resumption, drain, limits, recovery.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Agent from "../../../agent/Agent.ts"
import * as Pcm from "../../../audio/Pcm.ts"
import { ConnectionFailed } from "../../../BackendError.ts"
import * as AudioProcessor from "../../../hooks/AudioProcessor.ts"
import { SessionStore } from "../../../session/persistence/SessionStore.ts"
import * as MemoryStore from "../../../store/MemoryStore.ts"
import { assertCompletesWithin, assertEqual, assertFailsWith, assertThat, waitUntil } from "../Assertions.ts"
import * as ConformanceClient from "../ConformanceClient.ts"
import type { Check } from "../Row.ts"
import { echo, mute, talker } from "../TestBackends.ts"

const words = (text: string): ReadonlyArray<string> => text.split(/\s+/u).filter((word) => word !== "")

/** Fails unless one text is the beginning of the other, which has at most one word more. */
export const agreeToOneWord = (one: string, other: string) => {
  const [short = [], long = []] = [words(one), words(other)].sort((a, b) => a.length - b.length)
  return assertThat(
    long.length - short.length <= 1 && short.every((word, i) => word === long[i]),
    `heard text and history differ by at most one word: "${one}" and "${other}"`
  )
}

/** A user who speaks while the agent speaks stops the agent and is answered; no frame of the reply follows (P1). */
export const interruption: Check = (backends) =>
  Effect.gen(function*() {
    const { createUser } = yield* backends.start({ agent: talker })
    const user = yield* createUser()
    yield* user.type("talk")
    yield* waitUntil("the agent is heard", () => Effect.map(user.heardMs, (ms) => ms > 500))
    yield* user.session.setAgent(echo)
    yield* user.say("wait a moment")
    yield* assertEqual((yield* user.waitForReply()).reason, "interrupted", "how the reply ended")
    const { reason, text } = yield* user.waitForReply(2)
    yield* assertEqual(reason, "completed", "how the answer to the interruption ended")
    if (backends.harness.unsupported?.exactAudio !== undefined) return
    yield* assertEqual(text, "You said wait a moment.", "the answer to the interruption")
    yield* assertEqual(user.strayFrames(), 0, "frames received after the agent was stopped")
  })

/** The history holds what was heard of an interrupted reply, and no more. */
export const historyMatchesHeard: Check = (backends) =>
  Effect.gen(function*() {
    const { createUser } = yield* backends.start({ agent: talker })
    const user = yield* createUser()
    yield* user.type("talk")
    yield* waitUntil("some words are heard", () => Effect.map(user.heard, (text) => words(text).length >= 5))
    yield* user.send(JSON.stringify({ type: "agent.interrupt" }))
    const { text } = yield* user.waitForReply()
    const item = yield* waitUntil("the reply is in the history", () =>
      Effect.map(user.session.history, (items) => items.find(({ role }) => role === "agent")))
    yield* assertEqual([item.text, item.interrupted], [text, true], "the item of the history")
    yield* agreeToOneWord(yield* user.heard, item.text)
  })

/** A user who reconnects within the resume window continues the same conversation. */
export const resumption: Check = (backends) =>
  Effect.gen(function*() {
    const { createUser } = yield* backends.start()
    const user = yield* createUser()
    yield* user.type("one")
    yield* user.waitForReply()
    yield* user.loseNetwork
    yield* Effect.sleep("200 millis")
    yield* user.reconnect
    const started = yield* user.waitForEvent("session.started", 2)
    yield* assertEqual(started.resumed, true, "resumed")
    yield* user.type("two")
    yield* assertEqual((yield* user.waitForReply(2)).text, "You said two.", "the answer")
    yield* assertEqual((yield* user.session.history).length, 4, "items of the history")
  })

/** Of many concurrent requests exactly as many succeed as there are slots. */
export const sessionLimit: Check = (backends) =>
  Effect.gen(function*() {
    const { backend, createSession } = yield* backends.start({ config: { maxConcurrentSessions: 3 } })
    const results = yield* Effect.forEach(Array.from({ length: 20 }), () => Effect.result(createSession()), {
      concurrency: "unbounded"
    })
    yield* assertEqual(results.filter(({ _tag }) => _tag === "Success").length, 3, "sessions")
    yield* assertThat(
      results.every((each) => each._tag === "Success" || each.failure.code === "session_limit_exceeded"),
      "the others fail with session_limit_exceeded"
    )
    yield* assertEqual(yield* backend.activeSessionCount, 3, "active sessions")
  })

/** A stop in the middle of a turn: the reply is played to its end and new work is refused, within the deadline. */
export const gracefulDrain: Check = (backends) =>
  Effect.gen(function*() {
    const { backend, createUser, createSession } = yield* backends.start({
      config: { drain: { deadline: "10 seconds" } }
    })
    const user = yield* createUser()
    yield* user.type("hello")
    yield* user.waitForEvent("agent.speech_started")
    const stopping = yield* Effect.forkChild(backend.stop, { startImmediately: true })
    const error = yield* assertFailsWith("session_limit_exceeded", createSession())
    yield* assertEqual(error.details?.["reason"], "draining", "details.reason")
    const report = yield* assertCompletesWithin("30 seconds", "the drain", Fiber.join(stopping))
    yield* assertEqual([report.completed, report.interrupted], [1, 0], "completed and interrupted")
    const [reply] = user.eventsOf("agent.speech_stopped")
    yield* assertEqual([reply?.text, reply?.reason], ["You said hello.", "completed"], "the reply in flight")
  })

/** An agent that never answers: error `timeout`, an apology, and the session continues. */
export const agentTimesOut: Check = (backends) =>
  Effect.gen(function*() {
    const { createUser } = yield* backends.start({
      agent: mute,
      config: { timeout: "1 second" },
      policy: { apology: "Sorry." }
    })
    const user = yield* createUser()
    yield* user.type("hello")
    yield* assertEqual((yield* user.waitForEvent("error")).code, "timeout", "the code")
    yield* waitUntil("the apology is spoken", () =>
      user.eventsOf("agent.speech_stopped").find(({ text }) => text === "Sorry."))
    yield* user.session.setAgent(echo)
    yield* user.type("again")
    yield* waitUntil("the next turn is answered", () =>
      user.eventsOf("agent.speech_stopped").find(({ text }) =>
        text === "You said again."
      ))
  })

/** An agent that fails: error `agent_error`, an apology, and the session continues. */
export const agentFails: Check = (backends) =>
  Effect.gen(function*() {
    const { createUser } = yield* backends.start({
      agent: Agent.fromCallback(() => Effect.fail("no")),
      policy: { apology: "Sorry." }
    })
    const user = yield* createUser()
    yield* user.type("hello")
    yield* assertEqual((yield* user.waitForEvent("error")).code, "agent_error", "the code")
    yield* waitUntil("the apology is spoken", () =>
      user.eventsOf("agent.speech_stopped").find(({ text }) => text === "Sorry."))
    yield* user.session.setAgent(echo)
    yield* user.type("again")
    yield* waitUntil("the next turn is answered", () =>
      user.eventsOf("agent.speech_stopped").find(({ text }) =>
        text === "You said again."
      ))
  })

/** A turn above the latency target is reported, and its reply is not cut. */
export const latencyExceeded: Check = (backends) =>
  Effect.gen(function*() {
    const { createUser } = yield* backends.start({
      agent: Agent.fromCallback((text) => Effect.delay(Effect.succeed(`You said ${text}.`), "300 millis")),
      config: { latencyTarget: "100 millis" }
    })
    const user = yield* createUser()
    yield* user.say("good morning")
    const { targetMs, totalMs } = yield* user.waitForEvent("turn.latency_exceeded")
    yield* assertThat(
      targetMs === 100 && totalMs >= 300,
      `the reported latency of ${totalMs} ms exceeds the target of ${targetMs} ms`
    )
    yield* assertEqual((yield* user.waitForReply()).reason, "completed", "how the reply ended")
  })

/** Two processors run by their `order`, not by their place in the list. */
export const processorsInOrder: Check = (backends) =>
  Effect.gen(function*() {
    const seen: Array<string> = []
    const processor = (name: string, order: number, metadataKey?: string) =>
      AudioProcessor.sync({
        name,
        order,
        process: (frame, { metadata }) => {
          if (seen.length < 2) seen.push(name)
          return metadataKey !== undefined && metadata[metadataKey] === true ? frame.fill(0) : frame
        }
      })
    const { createUser } = yield* backends.start({
      processors: [processor("late", 10, "muted"), processor("early", -1)]
    })
    const user = yield* createUser({ metadata: { muted: true } })
    yield* user.say("this is muted")
    yield* user.type("but this")
    yield* user.waitForReply()
    yield* assertEqual(seen, ["early", "late"], "the order")
    yield* assertEqual((yield* user.session.history)[0]?.text, "but this", "the first words in the history")
    yield* user.session.updateMetadata({ muted: false })
    yield* user.say("good morning")
    yield* user.waitForEvent("user.speech_started")
  })

const tone = (level: number) => Pcm.fromInt16(new Int16Array(24_000).fill(level))

/** Each user is sent a different tone and receives no other sample. */
export const sessionIsolation: Check = (backends) =>
  Effect.gen(function*() {
    const { createUser } = yield* backends.start()
    const levels = [5_000, 10_000, 20_000]
    yield* Effect.forEach(levels, (level) =>
      Effect.gen(function*() {
        const user = yield* createUser()
        yield* user.session.sendAudio(tone(level))
        yield* user.waitForReply()
        const found = new Set(user.samples().flatMap((pcm) => [...pcm]))
        found.delete(0)
        yield* assertEqual([...found], [level], "the samples that a user received")
      }), { concurrency: "unbounded", discard: true })
  })

/** Several users interrupt their agents at the same time; each gets the answer to their own words. */
export const simultaneousInterruptions: Check = (backends) =>
  Effect.gen(function*() {
    const { createUser } = yield* backends.start({ agent: talker })
    yield* Effect.forEach(["one", "two", "three"], (name) =>
      Effect.gen(function*() {
        const user = yield* createUser({ userId: name })
        yield* user.type("talk")
        yield* user.waitForEvent("agent.speech_started")
        yield* user.session.setAgent(echo)
        yield* user.say(`wait ${name}`)
        yield* assertEqual((yield* user.waitForReply()).reason, "interrupted", "how the reply ended")
        yield* assertEqual((yield* user.waitForReply(2)).text, `You said wait ${name}.`, "the answer")
      }), { concurrency: "unbounded", discard: true })
  })

/** A store that several backends share; `cut` makes it unreachable for one of them, as if its process had died. */
export const sharedStore = (table: MemoryStore.Table) => {
  const store = MemoryStore.make({ table, leaseMs: 1_000 })
  let isCut = false
  const reachable = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E | ConnectionFailed> =>
    Effect.suspend((): Effect.Effect<A, E | ConnectionFailed> =>
      isCut ? Effect.fail(new ConnectionFailed({ op: "SessionStore", message: "out of reach" })) : effect
    )
  const service: SessionStore["Service"] = {
    ...store,
    create: (...args) => reachable(store.create(...args)),
    write: (...args) => reachable(store.write(...args)),
    claim: (id) => reachable(store.claim(id)),
    renew: reachable(store.renew),
    releaseLease: (lease) => reachable(store.releaseLease(lease)),
    releaseAll: reachable(store.releaseAll),
    remove: (lease) => reachable(store.remove(lease)),
    sweep: reachable(store.sweep),
    probe: reachable(store.probe)
  }
  return {
    layer: Layer.succeed(SessionStore, service),
    cut: () => {
      isCut = true
    }
  }
}

/** After a process dies, another one on the same store continues its conversation with the whole history. */
export const recovery: Check = (backends) =>
  Effect.gen(function*() {
    const table = MemoryStore.makeTable()
    const store = sharedStore(table)
    const firstScope = yield* Scope.fork(yield* Effect.scope)
    const first = yield* Scope.provide(backends.start({ services: store.layer }), firstScope)
    const user = yield* Scope.provide(first.createUser(), firstScope)
    yield* user.type("remember me")
    yield* user.waitForReply()
    yield* waitUntil("the reply is saved", () =>
      user.eventsOf("session.saved").some(({ through }) =>
        through >= (user.eventsOf("agent.speech_stopped")[0]?.seq ?? Infinity)
      ))
    const access = yield* first.backend.access(user.session.id)
    store.cut()
    yield* user.loseNetwork

    const second = yield* backends.start({ services: sharedStore(table).layer })
    const returning = yield* waitUntil("the session is resumed", () =>
      Effect.option(
        ConformanceClient.connect({ connectClient: second.connectClient, session: user.session, access, remote: true })
      ).pipe(
        Effect.map((found) =>
          found._tag === "Some" ? found.value : undefined
        )
      ))
    yield* assertEqual((yield* returning.waitForEvent("session.started")).resumed, true, "resumed")
    const session = yield* second.backend.getSession(user.session.id)
    yield* assertEqual(
      (yield* session.history).map(({ text }) => text),
      ["remember me", "You said remember me."],
      "the history in the other process"
    )
    yield* returning.type("still here")
    yield* assertEqual(
      (yield* returning.waitForReply()).text,
      "You said still here.",
      "the answer of the other process"
    )
    yield* returning.send(JSON.stringify({ type: "session.end" }))
    yield* waitUntil("the store is empty", () => table.rows.size === 0)
    yield* Scope.close(firstScope, Exit.void)
  })
