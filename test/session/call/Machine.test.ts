/** Who has answered a call that was made: a person, or a machine that gets a message or nothing. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Queue, Result, Stream } from "effect"
import { readFileSync } from "node:fs"
import * as Wav from "../../../src/audio/Wav.ts"
import type { CallEvent, MachinePlan } from "../../../src/session/call/CallControl.ts"
import { call, layer, pass, provider, running, type Setup, type User } from "../Harness.ts"

const recording = (name: string): Int16Array =>
  Result.getOrThrow(Wav.parse(readFileSync(new URL(`../../fixtures/${name}.wav`, import.meta.url)))).samples

const message = "please call us back"

/** A call that was made, with what the carrier tells of it. */
const dialled = (
  machine: MachinePlan,
  body: (user: User, tell: (event: CallEvent) => Effect.Effect<void>) => Effect.Effect<void, unknown>,
  setup: Setup = {}
) =>
  Effect.gen(function*() {
    const events = yield* Queue.unbounded<CallEvent>()
    const backend = layer({
      texts: [],
      ...setup,
      provider: provider({
        open: () =>
          Effect.succeed({
            access: { connectionUrl: "memory:" },
            attachments: Stream.never,
            call: { facts: () => ({}), events: Stream.fromQueue(events), machine }
          })
      })
    })
    const tell = (event: CallEvent) => Effect.andThen(Queue.offer(events, event), pass("20 millis"))
    yield* running(backend, Effect.flatMap(call(), (user) => body(user, tell)))
  })

/** The far end sends a recording in real time. */
const plays = (user: User, samples: Int16Array) =>
  Effect.forEach(
    Array.from({ length: Math.floor(samples.length / 320) }, (_, i) => samples.subarray(i * 320, (i + 1) * 320)),
    (frame) => Effect.andThen(Effect.sync(() => user.connection.listener?.audio(frame)), pass("20 millis")),
    { discard: true }
  )

const beep = Int16Array.from(
  { length: 6_400 },
  (_, i) => Math.round(6_000 * Math.sin(2 * Math.PI * 1_000 * i / 16_000))
)
const found = (user: User) => user.connection.of("call.machine").map(({ by, result }) => `${result} by ${by}`)
const answered: CallEvent = { type: "call.answered" }

describe("A call that was made", () => {
  it.effect("waits for the person who answers, and then begins", () =>
    dialled({ detect: "own", onMachine: "hang_up" }, (user, tell) =>
      Effect.gen(function*() {
        yield* user.hears(2_000)
        // it rings, and nothing is said to it
        assert.strictEqual(user.connection.frames.length, 0)
        yield* tell(answered)
        yield* user.hears(400)
        yield* user.speaks(500)
        assert.deepStrictEqual(found(user), [])
        yield* user.hears(1_500)
        assert.deepStrictEqual(found(user), ["human by audio"])
        yield* user.hears(3_000)
        assert.deepStrictEqual((yield* user.said).slice(-1), ["agent: Hello, this is the shop."])
        // from then on it is a conversation like any other
        yield* user.speaks(600)
        yield* user.hears(4_000)
        assert.deepStrictEqual((yield* user.said).slice(-2), ["user: two", "agent: You said two."])
      }), { policy: { greeting: "Hello, this is the shop." }, texts: ["hello", "two"] }))

  it.effect("answers the first words of a person where it has nothing to say first", () =>
    dialled({ detect: "own", onMachine: "leave_message", message }, (user, tell) =>
      Effect.gen(function*() {
        yield* tell(answered)
        yield* user.speaks(500)
        yield* user.hears(4_000)
        assert.deepStrictEqual(found(user), ["human by audio"])
        assert.deepStrictEqual(yield* user.said, ["user: hello", "agent: You said hello."])
      }), { policy: { firstSpeaker: "user" }, texts: ["hello"] }))

  it.effect("begins by itself where nobody says a word, and where no audio comes", () =>
    Effect.gen(function*() {
      const policy = { greeting: "Hello." }
      yield* dialled({ detect: "own", onMachine: "hang_up" }, (user, tell) =>
        Effect.gen(function*() {
          yield* tell(answered)
          yield* user.hears(5_000)
          assert.deepStrictEqual(found(user), ["unknown by audio"])
          assert.deepStrictEqual(yield* user.said, ["agent: Hello."])
        }), { policy })
      yield* dialled({ detect: "carrier", onMachine: "hang_up" }, (user, tell) =>
        Effect.gen(function*() {
          yield* tell(answered)
          yield* user.hears(5_500)
          assert.deepStrictEqual(found(user), [])
          yield* user.hears(3_000)
          assert.deepStrictEqual(found(user), ["unknown by carrier"])
          assert.deepStrictEqual(yield* user.said, ["agent: Hello."])
        }), { policy })
    }))

  it.effect("hangs up on a machine", () =>
    dialled({ detect: "own", onMachine: "hang_up" }, (user, tell) =>
      Effect.gen(function*() {
        yield* tell(answered)
        yield* plays(user, recording("prudently"))
        assert.deepStrictEqual(found(user), ["machine by audio"])
        assert.strictEqual(yield* user.session.ended, "hung_up")
        assert.deepStrictEqual(user.connection.of("call.ended").map(({ cause }) => cause), ["machine"])
        assert.strictEqual(user.connection.frames.length, 0)
      }), { policy: { greeting: "Hello." } }))

  it.effect("leaves its message after the beep, and then hangs up", () =>
    dialled({ detect: "own", onMachine: "leave_message", message }, (user, tell) =>
      Effect.gen(function*() {
        yield* tell(answered)
        yield* plays(user, recording("prudently"))
        yield* user.hears(600)
        assert.deepStrictEqual(found(user), ["machine by audio"])
        // the words of the machine are nobody's turn
        assert.deepStrictEqual(yield* user.said, [])
        assert.strictEqual(user.connection.frames.length, 0)
        yield* plays(user, beep)
        yield* user.hears(300)
        assert.deepStrictEqual(found(user), ["machine by audio", "beep by audio"])
        // what the machine may say now does not stop the message
        yield* user.speaks(800)
        yield* user.hears(8_000)
        assert.strictEqual(yield* user.session.ended, "hung_up")
        const said = user.connection.of("agent.speech_stopped")
        assert.deepStrictEqual(said.map(({ reason, text }) => [reason, text]), [["completed", message]])
      }), { policy: { greeting: "Hello." }, texts: ["we are not at home", "bla"] }))

  it.effect("finds a machine by its words after it has begun to talk to it", () =>
    dialled({ detect: "own", onMachine: "leave_message", message }, (user, tell) =>
      Effect.gen(function*() {
        yield* tell(answered)
        yield* user.speaks(500)
        yield* user.hears(1_600)
        assert.deepStrictEqual(found(user), ["human by audio"])
        yield* user.speaks(1_000)
        yield* user.hears(1_000)
        assert.deepStrictEqual(found(user), ["human by audio", "machine by words"])
        yield* user.hears(14_000)
        assert.strictEqual(yield* user.session.ended, "hung_up")
        assert.strictEqual(user.connection.of("agent.speech_stopped").at(-1)?.text, message)
      }), { policy: { firstSpeaker: "user" }, texts: ["hi", "leave a message after the beep"] }))

  it.effect("goes by the carrier, and tells each thing once", () =>
    dialled({ detect: "carrier", onMachine: "leave_message", message }, (user, tell) =>
      Effect.gen(function*() {
        yield* tell(answered)
        yield* plays(user, recording("ill-disposed"))
        assert.deepStrictEqual(found(user), [])
        yield* tell({ type: "call.machine", result: "machine", by: "carrier" })
        yield* tell({ type: "call.machine", result: "machine", by: "carrier" })
        yield* tell({ type: "call.machine", result: "beep", by: "carrier" })
        yield* user.hears(8_000)
        assert.deepStrictEqual(found(user), ["machine by carrier", "beep by carrier"])
        assert.strictEqual(yield* user.session.ended, "hung_up")
      })))

  it.effect("talks to the machine where it is to go on", () =>
    dialled({ detect: "carrier", onMachine: "go_on" }, (user, tell) =>
      Effect.gen(function*() {
        yield* tell(answered)
        yield* tell({ type: "call.machine", result: "machine", by: "carrier" })
        yield* user.hears(3_000)
        assert.deepStrictEqual(found(user), ["machine by carrier"])
        assert.deepStrictEqual(yield* user.said, ["agent: Hello."])
      }), { policy: { greeting: "Hello." } }))

  it.effect("finds out nothing where that is off, and passes on what the carrier tells", () =>
    dialled({ detect: "off", onMachine: "hang_up" }, (user, tell) =>
      Effect.gen(function*() {
        yield* user.hears(1_000)
        assert.isAbove(user.connection.frames.length, 0)
        yield* tell(answered)
        yield* tell({ type: "call.machine", result: "machine", by: "carrier" })
        yield* user.hears(3_000)
        assert.deepStrictEqual(found(user), ["machine by carrier"])
        assert.deepStrictEqual(yield* user.said, ["agent: Hello."])
      }), { policy: { greeting: "Hello." } }))

  it.effect("ends when the session is drained before it is known who has answered", () =>
    dialled({ detect: "own", onMachine: "hang_up" }, (user) =>
      Effect.gen(function*() {
        const stopped = yield* Effect.forkChild(user.session.stop)
        yield* pass("20 seconds")
        assert.isDefined(stopped.pollUnsafe())
      }), { policy: { greeting: "Hello." } }))
})
