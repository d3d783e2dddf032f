/**
 * What several lines of the contract are about: a conversation that is interrupted, lost, drained, limited, recovered.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Agent from "../../agent/Agent.ts"
import * as Pcm from "../../audio/Pcm.ts"
import { ConnectionFailed } from "../../BackendError.ts"
import * as AudioProcessor from "../../hooks/AudioProcessor.ts"
import { SessionStore } from "../../session/persistence/SessionStore.ts"
import * as MemoryStore from "../../store/MemoryStore.ts"
import { refused, same, that, until, within } from "./Assertions.ts"
import * as ConformanceClient from "./ConformanceClient.ts"
import type { Act } from "./Row.ts"
import { echo, mute, talker } from "./TestBackends.ts"

const words = (text: string): ReadonlyArray<string> => text.split(/\s+/u).filter((word) => word !== "")

/** The shorter is the beginning of the longer, which has at most one word more. */
export const toOneWord = (one: string, other: string) => {
  const [short = [], long = []] = [words(one), words(other)].sort((a, b) => a.length - b.length)
  return that(
    long.length - short.length <= 1 && short.every((word, i) => word === long[i]),
    `what was heard and what is remembered agree to one word: "${one}" and "${other}"`
  )
}

/** The agent talks, the user speaks: the agent stops, and the user is answered. P1 of what the line carries in order. */
export const interrupted: Act = (stage) =>
  Effect.gen(function*() {
    const { call } = yield* stage.open({ agent: talker })
    const user = yield* call()
    yield* user.type("talk")
    yield* until("the agent is heard", () => Effect.map(user.heardMs, (ms) => ms > 500))
    yield* user.session.setAgent(echo)
    yield* user.say("wait a moment")
    yield* same((yield* user.answered()).reason, "interrupted", "how the reply ended")
    const { reason, text } = yield* user.answered(2)
    yield* same(reason, "completed", "how the answer to the interruption ended")
    if (stage.harness.unsupported?.words !== undefined) return
    yield* same(text, "You said wait a moment.", "the answer to the interruption")
    yield* same(user.stray(), 0, "frames that came after the agent was stopped")
  })

/** The history has what was heard of an interrupted reply, and no more. */
export const remembered: Act = (stage) =>
  Effect.gen(function*() {
    const { call } = yield* stage.open({ agent: talker })
    const user = yield* call()
    yield* user.type("talk")
    yield* until("some words are heard", () => Effect.map(user.heard, (text) => words(text).length >= 5))
    yield* user.send(JSON.stringify({ type: "agent.interrupt" }))
    const { text } = yield* user.answered()
    const item = yield* until("the reply is in the history", () =>
      Effect.map(user.session.history, (items) => items.find(({ role }) => role === "agent")))
    yield* same([item.text, item.interrupted], [text, true], "the item of the history")
    yield* toOneWord(yield* user.heard, item.text)
  })

/** The network goes and comes back within the window: the same conversation goes on. */
export const resumed: Act = (stage) =>
  Effect.gen(function*() {
    const { call } = yield* stage.open()
    const user = yield* call()
    yield* user.type("one")
    yield* user.answered()
    yield* user.loseNetwork
    yield* Effect.sleep("200 millis")
    yield* user.comeBack
    const started = yield* user.told("session.started", 2)
    yield* same(started.resumed, true, "resumed")
    yield* user.type("two")
    yield* same((yield* user.answered(2)).text, "You said two.", "the answer")
    yield* same((yield* user.session.history).length, 4, "items of the history")
  })

/** Many want in at once: exactly as many as there are slots get one. */
export const noMoreThanMaximum: Act = (stage) =>
  Effect.gen(function*() {
    const { backend, create } = yield* stage.open({ config: { maxConcurrentSessions: 3 } })
    const results = yield* Effect.forEach(Array.from({ length: 20 }), () => Effect.result(create()), {
      concurrency: "unbounded"
    })
    yield* same(results.filter(({ _tag }) => _tag === "Success").length, 3, "sessions")
    yield* that(
      results.every((each) => each._tag === "Success" || each.failure.code === "session_limit_exceeded"),
      "the others are told that it is full"
    )
    yield* same(yield* backend.activeSessionCount, 3, "active sessions")
  })

/** A stop in the middle of a turn: the reply is heard to its end, new work is refused, all within the deadline. */
export const drained: Act = (stage) =>
  Effect.gen(function*() {
    const { backend, call, create } = yield* stage.open({ config: { drain: { deadline: "10 seconds" } } })
    const user = yield* call()
    yield* user.type("hello")
    yield* user.told("agent.speech_started")
    const stopping = yield* Effect.forkChild(backend.stop, { startImmediately: true })
    const error = yield* refused("session_limit_exceeded", create())
    yield* same(error.details?.["reason"], "draining", "details.reason")
    const report = yield* within("30 seconds", "the drain", Fiber.join(stopping))
    yield* same([report.completed, report.interrupted], [1, 0], "completed and interrupted")
    const [reply] = user.of("agent.speech_stopped")
    yield* same([reply?.text, reply?.reason], ["You said hello.", "completed"], "the reply in flight")
  })

/** An agent that says nothing: `timeout`, an apology, and the session lives. */
export const agentTimesOut: Act = (stage) =>
  Effect.gen(function*() {
    const { call } = yield* stage.open({ agent: mute, config: { timeout: "1 second" }, policy: { apology: "Sorry." } })
    const user = yield* call()
    yield* user.type("hello")
    yield* same((yield* user.told("error")).code, "timeout", "the code")
    yield* until("the apology is spoken", () => user.of("agent.speech_stopped").find(({ text }) => text === "Sorry."))
    yield* user.session.setAgent(echo)
    yield* user.type("again")
    yield* until("the next turn is answered", () =>
      user.of("agent.speech_stopped").find(({ text }) => text === "You said again."))
  })

/** An agent that fails: `agent_error`, an apology, and the session lives. */
export const agentFails: Act = (stage) =>
  Effect.gen(function*() {
    const { call } = yield* stage.open({
      agent: Agent.fromCallback(() => Effect.fail("no")),
      policy: { apology: "Sorry." }
    })
    const user = yield* call()
    yield* user.type("hello")
    yield* same((yield* user.told("error")).code, "agent_error", "the code")
    yield* until("the apology is spoken", () => user.of("agent.speech_stopped").find(({ text }) => text === "Sorry."))
    yield* user.session.setAgent(echo)
    yield* user.type("again")
    yield* until("the next turn is answered", () =>
      user.of("agent.speech_stopped").find(({ text }) => text === "You said again."))
  })

/** A turn above the target is told of and counted; nothing is cut. */
export const latencyExceeded: Act = (stage) =>
  Effect.gen(function*() {
    const { call } = yield* stage.open({
      agent: Agent.fromCallback((text) => Effect.delay(Effect.succeed(`You said ${text}.`), "300 millis")),
      config: { latencyTarget: "100 millis" }
    })
    const user = yield* call()
    yield* user.say("hello")
    const { targetMs, totalMs } = yield* user.told("turn.latency_exceeded")
    yield* that(targetMs === 100 && totalMs >= 300, `${totalMs} ms are above the target of ${targetMs}`)
    yield* same((yield* user.answered()).reason, "completed", "how the reply ended")
  })

/** Two processors see the user's audio in their order, whatever that of the list. */
export const processorsInOrder: Act = (stage) =>
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
    const { call } = yield* stage.open({ processors: [processor("late", 10, "muted"), processor("early", -1)] })
    const user = yield* call({ metadata: { muted: true } })
    yield* user.say("nobody hears this")
    yield* user.type("but this")
    yield* user.answered()
    yield* same(seen, ["early", "late"], "the order")
    yield* same((yield* user.session.history)[0]?.text, "but this", "the first words that came through")
    yield* user.session.updateMetadata({ muted: false })
    yield* user.say("hello")
    yield* user.told("user.speech_started")
  })

const tone = (level: number) => Pcm.fromInt16(new Int16Array(24_000).fill(level))

/** Each user is sent a tone of their own: no other sample reaches them. */
export const isolated: Act = (stage) =>
  Effect.gen(function*() {
    const { call } = yield* stage.open()
    const levels = [5_000, 10_000, 20_000]
    yield* Effect.forEach(levels, (level) =>
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.session.sendAudio(tone(level))
        yield* user.answered()
        const found = new Set(user.samples().flatMap((pcm) => [...pcm]))
        found.delete(0)
        yield* same([...found], [level], "the samples that a user got")
      }), { concurrency: "unbounded", discard: true })
  })

/** Several users talk over their agents at once: each is heard and answered alone. */
export const allInterrupt: Act = (stage) =>
  Effect.gen(function*() {
    const { call } = yield* stage.open({ agent: talker })
    yield* Effect.forEach(["one", "two", "three"], (name) =>
      Effect.gen(function*() {
        const user = yield* call({ userId: name })
        yield* user.type("talk")
        yield* user.told("agent.speech_started")
        yield* user.session.setAgent(echo)
        yield* user.say(`wait ${name}`)
        yield* same((yield* user.answered()).reason, "interrupted", "how the reply ended")
        yield* same((yield* user.answered(2)).text, `You said wait ${name}.`, "the answer")
      }), { concurrency: "unbounded", discard: true })
  })

/** A store that several backends share; `cut` parts one of them from it, as a process that dies is. */
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
    letGo: (lease) => reachable(store.letGo(lease)),
    release: reachable(store.release),
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

/** A process is gone in the middle of a conversation: another on the same store goes on with it, history and all. */
export const recovered: Act = (stage) =>
  Effect.gen(function*() {
    const table = MemoryStore.makeTable()
    const store = sharedStore(table)
    const dying = yield* Scope.fork(yield* Effect.scope)
    const first = yield* Scope.provide(stage.open({ services: store.layer }), dying)
    const user = yield* Scope.provide(first.call(), dying)
    yield* user.type("remember me")
    yield* user.answered()
    yield* until("it is safe", () =>
      user.of("session.saved").some(({ through }) =>
        through >= (user.of("agent.speech_stopped")[0]?.seq ?? Infinity)
      ))
    const access = yield* first.backend.access(user.session.id)
    store.cut()
    yield* user.loseNetwork

    const second = yield* stage.open({ services: sharedStore(table).layer })
    const back = yield* until("the session is taken up", () =>
      Effect.option(ConformanceClient.connect({ dial: second.dial, session: user.session, access, remote: true })).pipe(
        Effect.map((found) =>
          found._tag === "Some" ? found.value : undefined
        )
      ))
    yield* same((yield* back.told("session.started")).resumed, true, "resumed")
    const session = yield* second.backend.getSession(user.session.id)
    yield* same(
      (yield* session.history).map(({ text }) =>
        text
      ),
      ["remember me", "You said remember me."],
      "the history in the other process"
    )
    yield* back.type("still here")
    yield* same((yield* back.answered()).text, "You said still here.", "the answer of the other process")
    yield* back.send(JSON.stringify({ type: "session.end" }))
    yield* until("nothing of it is left", () => table.rows.size === 0)
    yield* Scope.close(dying, Exit.void)
  })
