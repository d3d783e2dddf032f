/**
 * The contract's session, row by row.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as Agent from "../../agent/Agent.ts"
import * as Pcm from "../../audio/Pcm.ts"
import * as SpokenAudio from "../scenario/SpokenAudio.ts"
import * as ScriptedEngines from "../scripted/ScriptedEngines.ts"
import { refused, same, that, until, within } from "./Assertions.ts"
import { type Row, test } from "./Row.ts"
import { talker } from "./TestBackends.ts"
import * as TestTone from "./TestTone.ts"

const spoken = (text: string) => Pcm.fromInt16(SpokenAudio.encode(text, { msPerCharacter: 40 }))

/**
 * @category tables
 * @since 0.1.0
 */
export const entries: ReadonlyArray<Row> = [
  test(
    "VoiceSession.Start",
    "begins to listen; the first attachment does it too; idempotent",
    (stage) =>
      Effect.gen(function*() {
        const { call, create } = yield* stage.open()
        const byHand = yield* create()
        yield* byHand.start
        yield* byHand.start
        yield* until("it listens", () => Effect.map(byHand.state.get, (state) => state === "listening"))
        const user = yield* call()
        yield* until("it listens", () => Effect.map(user.session.state.get, (state) => state === "listening"))
      }),
    ["multiUser"]
  ),
  test("VoiceSession.Stop", "finishes the reply in flight, says goodbye, and ends", (stage) =>
    Effect.gen(function*() {
      const { call } = yield* stage.open({ policy: { goodbye: "Goodbye." } })
      const user = yield* call()
      yield* user.type("hello")
      yield* user.told("agent.speech_started")
      yield* within("1 minute", "the stop", user.session.stop)
      const replies = user.of("agent.speech_stopped")
      yield* same(replies.map(({ text }) => text), ["You said hello.", "Goodbye."], "what was said")
      yield* that(replies.every(({ reason }) => reason === "completed"), "all of it was heard to its end")
      yield* refused("session_not_found", user.session.say("more"))
    })),
  test(
    "VoiceSession.ProcessAudio",
    "takes the user's PCM by hand, and only while no connection feeds the session",
    (stage) =>
      Effect.gen(function*() {
        const { connect, create } = yield* stage.open()
        const session = yield* create()
        yield* session.start
        yield* refused("invalid_config", session.processAudio(new Uint8Array(3)))
        yield* refused("invalid_config", session.processAudio(new Uint8Array(65_538)))
        const audio = spoken("by hand")
        for (let at = 0; at < audio.length; at += 32_000) yield* session.processAudio(audio.slice(at, at + 32_000))
        yield* session.processAudio(new Uint8Array(32_000))
        const said = yield* until(
          "the words are in the history",
          () => Effect.map(session.history, (items) => items.find(({ role }) => role === "user")?.text)
        )
        yield* same(said, stage.harness.unsupported?.words === undefined ? "by hand" : "utterance 1", "what was heard")
        const user = yield* connect(session)
        yield* user.told("session.started")
        yield* refused("invalid_config", session.processAudio(new Uint8Array(640)))
      })
  ),
  test(
    "VoiceSession.SendAudio",
    "plays PCM to the user: queued like speech, interruptible, in the history as audio",
    (stage) =>
      Effect.gen(function*() {
        const { call } = yield* stage.open()
        const user = yield* call()
        yield* user.session.sendAudio(Pcm.fromInt16(TestTone.ms(600, 24_000)))
        yield* user.told("agent.speech_started")
        const { reason } = yield* user.answered()
        yield* same(reason, "completed", "how it ended")
        yield* until("it was heard", () => Effect.map(user.heardMs, (ms) => ms > 300))
        const [item] = yield* user.session.history
        yield* same([item?.role, item?.kind], ["agent", "audio"], "the item of the history")
        yield* refused("invalid_config", user.session.sendAudio(new Uint8Array(3)))
        yield* user.session.sendAudio(new Uint8Array(48_000 * 10))
        yield* user.told("agent.speech_started", 2)
        yield* user.session.interrupt
        yield* same((yield* user.answered(2)).reason, "interrupted", "how a long one ended")
      })
  ),
  test(
    "VoiceSession.ReceiveAudio",
    "gives the user's audio from now on, to any number of readers",
    (stage) =>
      Effect.gen(function*() {
        const { call } = yield* stage.open()
        const user = yield* call()
        const read = user.session.receiveAudio.pipe(
          Stream.map((bytes) => Math.max(...Pcm.copyInt16(bytes).map(Math.abs))),
          Stream.filter((peak) => peak > ScriptedEngines.SPEECH_LEVEL),
          Stream.take(1),
          Stream.runDrain
        )
        const readers = yield* Effect.forkChild(Effect.all([read, read], { concurrency: 2 }), {
          startImmediately: true
        })
        yield* user.say("hello there")
        yield* within("1 minute", "hearing the user", Fiber.join(readers))
      })
  ),
  test("VoiceSession.SetAgentCallback", "a callback answers from the next turn on", (stage) =>
    Effect.gen(function*() {
      const { call } = yield* stage.open()
      const user = yield* call()
      yield* user.session.setAgent(Agent.fromCallback((transcript) => Effect.succeed(`Not ${transcript}.`)))
      yield* user.type("one")
      yield* same((yield* user.answered()).text, "Not one.", "the answer")
    })),
  test(
    "VoiceSession.SetAgentInstance",
    "an agent that streams its words answers from the next turn on",
    (stage) =>
      Effect.gen(function*() {
        const { call } = yield* stage.open()
        const user = yield* call()
        yield* user.session.setAgent(Agent.fromStream((transcript) => Stream.make("It ", "was ", `${transcript}.`)))
        yield* user.type("two")
        yield* same((yield* user.answered()).text, "It was two.", "the answer")
      })
  ),
  test(
    "VoiceSession.GetState",
    "idle, listening, processing, speaking and listening again: a value and its changes",
    (stage) =>
      Effect.gen(function*() {
        const { connect, create } = yield* stage.open({
          agent: Agent.fromCallback(() => Effect.delay(Effect.succeed("Here it is."), "100 millis"))
        })
        const session = yield* create()
        const seen: Array<string> = []
        yield* session.state.changes.pipe(
          Stream.runForEach((state) => Effect.sync(() => seen.push(state))),
          Effect.forkScoped
        )
        yield* until("the value now is seen", () => seen.length > 0)
        const user = yield* connect(session)
        yield* user.say("where is it")
        yield* user.answered()
        yield* until("it listens again", () => seen.at(-1) === "listening")
        yield* same(seen, ["idle", "listening", "processing", "speaking", "listening"], "the states")
      })
  ),
  test(
    "VoiceSession.GetPersistenceStatus",
    "active while it lives, completed when it has ended",
    (stage) =>
      Effect.gen(function*() {
        const { backend, create } = yield* stage.open()
        const session = yield* create()
        yield* same(yield* session.persistenceStatus, "active", "the status")
        yield* backend.closeSession(session.id)
        yield* same(yield* session.persistenceStatus, "completed", "the status after the close")
      })
  ),
  test(
    "VoiceSession.UpdateMetadata",
    "merges a patch (RFC 7396); more than 16 KiB changes nothing",
    (stage) =>
      Effect.gen(function*() {
        const { create } = yield* stage.open()
        const session = yield* create({ metadata: { a: 1, b: { c: 2, d: 3 } } })
        yield* session.updateMetadata({ a: null, b: { c: 4 }, e: "new" })
        yield* same(yield* session.metadata, { b: { c: 4, d: 3 }, e: "new" }, "the metadata")
        yield* refused("invalid_config", session.updateMetadata({ big: "x".repeat(17_000) }))
        yield* same(yield* session.metadata, { b: { c: 4, d: 3 }, e: "new" }, "the metadata after a refusal")
      })
  ),
  test("VoiceSession.GetID", "the session's id finds it in the backend", (stage) =>
    Effect.gen(function*() {
      const { backend, create } = yield* stage.open()
      const session = yield* create()
      yield* that((yield* backend.getSession(session.id)) === session, "it is the same session")
    })),
  test(
    "VoiceSession.events",
    "tells what happens, numbered without a gap, to the owner as to the user",
    (stage) =>
      Effect.gen(function*() {
        const { connect, create } = yield* stage.open()
        const session = yield* create()
        const seen: Array<number> = []
        yield* session.events.pipe(
          Stream.runForEach(({ seq }) => Effect.sync(() => seen.push(seq))),
          Effect.forkScoped({ startImmediately: true })
        )
        const user = yield* connect(session)
        yield* user.type("hello")
        yield* user.answered()
        const told = user.events.map(({ seq }) => seq)
        yield* same(told, told.map((_, i) => (told[0] ?? 0) + i), "the numbers that the user was told")
        yield* until("the owner was told as much", () => told.every((seq) => seen.includes(seq)))
      })
  ),
  test("VoiceSession.say", "speaks a text when there is silence; at most 16 wait", (stage) =>
    Effect.gen(function*() {
      const { call } = yield* stage.open()
      const user = yield* call()
      yield* user.session.say("One moment.")
      yield* same((yield* user.answered()).text, "One moment.", "what was said")
      yield* Effect.forEach(Array.from({ length: 17 }), () => user.session.say("And on."), { discard: true })
      yield* refused("session_limit_exceeded", user.session.say("Too much."))
    })),
  test("VoiceSession.interrupt", "stops the agent now", (stage) =>
    Effect.gen(function*() {
      const { call } = yield* stage.open({ agent: talker })
      const user = yield* call()
      yield* user.type("talk")
      yield* user.told("agent.speech_started")
      yield* user.session.interrupt
      yield* same((yield* user.answered()).reason, "interrupted", "how the reply ended")
    })),
  test("VoiceSession.history", "holds what was said by both, in order", (stage) =>
    Effect.gen(function*() {
      const { call } = yield* stage.open()
      const user = yield* call()
      yield* user.type("one")
      yield* user.answered()
      yield* user.type("two")
      yield* user.answered(2)
      const items = yield* user.session.history
      yield* same(
        items.map(({ role, text, turn }) => `${turn} ${role}: ${text}`),
        ["1 user: one", "1 agent: You said one.", "2 user: two", "2 agent: You said two."],
        "the history"
      )
    })),
  test(
    "VoiceSession.pipeline",
    "is the whole session as a Stream: PCM in, speech and events out; ending the input drains",
    (stage) =>
      Effect.gen(function*() {
        const { create } = yield* stage.open()
        const session = yield* create()
        const outputs = yield* within(
          "1 minute",
          "the pipeline",
          Stream.runCollect(session.pipeline(Stream.make(spoken("down the pipe"), new Uint8Array(3_200))))
        )
        const replies = outputs.flatMap((output) =>
          output._tag === "Event" && output.event.type === "agent.speech_stopped" ? [output.event.text] : []
        )
        const expected = stage.harness.unsupported?.words === undefined ? "down the pipe" : "utterance 1"
        yield* same(replies, [`You said ${expected}.`], "what was said")
        const audio = outputs.flatMap((output) => output._tag === "Audio" ? [Pcm.copyInt16(output.pcm)] : [])
        yield* that(audio.some((pcm) => pcm.some((sample) => sample !== 0)), "it came out as sound")
        if (stage.harness.unsupported?.words === undefined) {
          const heard = SpokenAudio.decode(Int16Array.from(audio.flatMap((pcm) => [...pcm])))
          yield* same(heard, `You said ${expected}.`, "what came out")
        }
        yield* same(yield* session.ended, "input_ended", "why it ended")
      })
  ),
  test("VoiceSession.ended", "completes with the session and tells why", (stage) =>
    Effect.gen(function*() {
      const { call } = yield* stage.open()
      const user = yield* call()
      yield* user.told("session.started")
      yield* user.send(JSON.stringify({ type: "session.end" }))
      yield* same(yield* within("1 minute", "the end", user.session.ended), "user_ended", "why it ended")
    }))
]
