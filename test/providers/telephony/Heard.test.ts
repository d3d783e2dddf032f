import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Agent from "../../../src/agent/Agent.ts"
import type { VoiceSession } from "../../../src/session/VoiceSession.ts"
import { call, immediates, only, type PhoneOptions, start } from "./Phone.ts"

const GREETING = "It is one of us or it is all of us so do as we do and go on and on to the end of it all. ".repeat(4)

const words = (text: string) => text.split(/\s+/u).filter((word) => word !== "")

/** What the history has of the first reply, once it has ended. */
const replyIn = (session: VoiceSession) =>
  Effect.map(session.history, (items) => items.find(({ role }) => role === "agent")?.text ?? "")

/** Interrupts a long greeting: what the history has of it, and what was heard of it and after it. */
const interrupted = Effect.fnUntraced(function*(options: PhoneOptions) {
  const { backend, url } = yield* start({ policy: { greeting: GREETING } })
  const phone = yield* call(url, options)
  yield* phone.until("some words", () => phone.words.length >= 8)
  phone.say("no please stop that")
  yield* phone.until("the interruption", () => phone.events.includes("clear"))
  const heard = phone.heard
  yield* phone.until("the answer", () => phone.heard.endsWith("You said no please stop that."))
  const history = yield* replyIn(yield* only(backend))
  return { history, heard, after: phone.heard.slice(heard.length).trim(), leadMs: phone.leadMs }
})

describe.concurrent("what was heard of a call", () => {
  const cases: ReadonlyArray<readonly [title: string, options: PhoneOptions]> = [
    ["a far end that plays at once and says so", {}],
    ["a far end that plays 300 ms late and says so", { lagMs: 300 }],
    ["a far end that plays 1 s late and says so", { lagMs: 1_000 }],
    ["a far end that never says what it has played", { marks: "never" }],
    ["a far end that says of everything at once that it was played", { marks: "early" }],
    ["a far end that returns marks that nobody has sent", { marks: "nonsense" }]
  ]
  for (const [title, options] of cases) {
    it.live(`is what its history holds: ${title}`, () =>
      Effect.gen(function*() {
        const { after, heard, history, leadMs } = yield* interrupted(options)
        // which word is the last is a matter of milliseconds; what a busy machine reports late counts as heard later
        const [held, were] = [words(history), words(heard)]
        const what = `heard "${heard}", and the history holds "${history}"`
        assert.isAtMost(held.length - were.length, 1, what)
        assert.isAtMost(were.length - held.length, 3, what)
        assert.isTrue(GREETING.startsWith(history), what)
        assert.isTrue(GREETING.startsWith(heard))
        assert.strictEqual(after, "You said no please stop that.", "nothing of the greeting follows")
        // the protocol's 400 ms, and what a busy machine passes on late
        assert.isBelow(leadMs, 2_000)
      }).pipe(Effect.scoped), 60_000)
  }

  it.live(
    "is played to the last word of the greeting, though the caller sends nothing at all",
    () =>
      Effect.gen(function*() {
        const { backend, url } = yield* start({ policy: { greeting: "Welcome to the house." } })
        const phone = yield* call(url, { comfort: false })
        yield* phone.until("the greeting", () => phone.heard === "Welcome to the house.")
        const session = yield* only(backend)
        yield* phone.until("the mark behind it", () => phone.events.includes("mark"))
        // after the words nothing comes: the turn ends by our own clock
        phone.say("good morning")
        yield* phone.until("the answer", () => phone.heard.endsWith("You said good morning."))
        yield* Effect.repeat(Effect.andThen(immediates(10), session.history), { until: (items) => items.length === 3 })
        assert.deepStrictEqual((yield* session.history).map(({ text }) => text), [
          "Welcome to the house.",
          "good morning",
          "You said good morning."
        ])
      }).pipe(Effect.scoped),
    60_000
  )

  it.live("is the last word before we hang up", () =>
    Effect.gen(function*() {
      const { backend, url } = yield* start({
        agent: Agent.fromCallback(() => Effect.succeed("That was it. Goodbye to you."))
      })
      const phone = yield* call(url, { lagMs: 300 })
      phone.say("good morning")
      yield* phone.until("the first word", () => phone.words.length > 0)
      const session = yield* only(backend)
      yield* session.hangUp
      assert.strictEqual(yield* session.ended, "hung_up")
      yield* phone.until("the end", () => phone.closed !== undefined)
      assert.strictEqual(phone.closed?.code, 1_000)
      assert.strictEqual(phone.heard, "That was it. Goodbye to you.")
    }).pipe(Effect.scoped), 60_000)
})
