/**
 * Rows of `VoiceSession`.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as Agent from "../../../agent/Agent.ts"
import * as Pcm from "../../../audio/Pcm.ts"
import * as SpokenAudio from "../../scenario/SpokenAudio.ts"
import * as ScriptedEngines from "../../scripted/ScriptedEngines.ts"
import { assertCompletesWithin, assertEqual, assertFailsWith, assertThat, waitUntil } from "../Assertions.ts"
import { type Row, test } from "../Row.ts"
import { talker } from "../TestBackends.ts"
import * as TestTone from "../TestTone.ts"

const spoken = (text: string) => Pcm.fromInt16(SpokenAudio.encode(text, { msPerCharacter: 40 }))

/**
 * The rows of `VoiceSession`.
 *
 * @category tables
 * @since 0.1.0
 */
export const rows: ReadonlyArray<Row> = [
  test(
    "VoiceSession.Start",
    "starts listening, as the first connection does; idempotent",
    (backends) =>
      Effect.gen(function*() {
        const { createUser, createSession } = yield* backends.start()
        const started = yield* createSession()
        yield* started.start
        yield* started.start
        yield* waitUntil("it listens", () => Effect.map(started.state.get, (state) => state === "listening"))
        const user = yield* createUser()
        yield* waitUntil("it listens", () => Effect.map(user.session.state.get, (state) => state === "listening"))
      }),
    ["multiUser"]
  ),
  test(
    "VoiceSession.Stop",
    "finishes the reply in flight, says goodbye, and ends",
    (backends) =>
      Effect.gen(function*() {
        const { createUser } = yield* backends.start({ policy: { goodbye: "Goodbye." } })
        const user = yield* createUser()
        yield* user.type("hello")
        yield* user.waitForEvent("agent.speech_started")
        yield* assertCompletesWithin("1 minute", "the stop", user.session.stop)
        const replies = user.eventsOf("agent.speech_stopped")
        yield* assertEqual(replies.map(({ text }) => text), ["You said hello.", "Goodbye."], "what the agent said")
        yield* assertThat(replies.every(({ reason }) => reason === "completed"), "every reply was played to its end")
        yield* assertFailsWith("session_not_found", user.session.say("more"))
      })
  ),
  test(
    "VoiceSession.ProcessAudio",
    "accepts the user's PCM from the application, only while no connection feeds the session",
    (backends) =>
      Effect.gen(function*() {
        const { connectUser, createSession } = yield* backends.start()
        const session = yield* createSession()
        yield* session.start
        yield* assertFailsWith("invalid_config", session.processAudio(new Uint8Array(3)))
        yield* assertFailsWith("invalid_config", session.processAudio(new Uint8Array(65_538)))
        const audio = spoken("by hand")
        for (let at = 0; at < audio.length; at += 32_000) yield* session.processAudio(audio.slice(at, at + 32_000))
        yield* session.processAudio(new Uint8Array(32_000))
        const said = yield* waitUntil(
          "the words are in the history",
          () => Effect.map(session.history, (items) => items.find(({ role }) => role === "user")?.text)
        )
        yield* assertEqual(
          said,
          backends.harness.unsupported?.exactAudio === undefined ? "by hand" : "utterance 1",
          "what was recognised"
        )
        const user = yield* connectUser(session)
        yield* user.waitForEvent("session.started")
        yield* assertFailsWith("invalid_config", session.processAudio(new Uint8Array(640)))
      })
  ),
  test(
    "VoiceSession.SendAudio",
    "plays PCM to the user: queued like speech, interruptible, in the history as audio",
    (backends) =>
      Effect.gen(function*() {
        const { createUser } = yield* backends.start()
        const user = yield* createUser()
        yield* user.session.sendAudio(Pcm.fromInt16(TestTone.ms(600, 24_000)))
        yield* user.waitForEvent("agent.speech_started")
        const { reason } = yield* user.waitForReply()
        yield* assertEqual(reason, "completed", "how it ended")
        yield* waitUntil("it was played", () => Effect.map(user.heardMs, (ms) => ms > 300))
        const [item] = yield* user.session.history
        yield* assertEqual([item?.role, item?.kind], ["agent", "audio"], "the item of the history")
        yield* assertFailsWith("invalid_config", user.session.sendAudio(new Uint8Array(3)))
        yield* user.session.sendAudio(new Uint8Array(48_000 * 10))
        yield* user.waitForEvent("agent.speech_started", 2)
        yield* user.session.interrupt()
        yield* assertEqual((yield* user.waitForReply(2)).reason, "interrupted", "how a long one ended")
      })
  ),
  test(
    "VoiceSession.ReceiveAudio",
    "streams the user's audio from now on, to any number of subscribers",
    (backends) =>
      Effect.gen(function*() {
        const { createUser } = yield* backends.start()
        const user = yield* createUser()
        const read = user.session.receiveAudio.pipe(
          Stream.map((bytes) => Math.max(...Pcm.copyInt16(bytes).map(Math.abs))),
          Stream.filter((peak) => peak > ScriptedEngines.SPEECH_LEVEL),
          Stream.take(1),
          Stream.runDrain
        )
        const subscribers = yield* Effect.forkChild(Effect.all([read, read], { concurrency: 2 }), {
          startImmediately: true
        })
        yield* user.say("hello there")
        yield* assertCompletesWithin("1 minute", "receiving the user's audio", Fiber.join(subscribers))
      })
  ),
  test(
    "VoiceSession.SetAgentCallback",
    "a callback answers, starting with the next turn",
    (backends) =>
      Effect.gen(function*() {
        const { createUser } = yield* backends.start()
        const user = yield* createUser()
        yield* user.session.setAgent(Agent.fromCallback((transcript) => Effect.succeed(`Not ${transcript}.`)))
        yield* user.type("one")
        yield* assertEqual((yield* user.waitForReply()).text, "Not one.", "the answer")
      })
  ),
  test(
    "VoiceSession.SetAgentInstance",
    "a streaming agent answers, starting with the next turn",
    (backends) =>
      Effect.gen(function*() {
        const { createUser } = yield* backends.start()
        const user = yield* createUser()
        yield* user.session.setAgent(Agent.fromStream((transcript) => Stream.make("It ", "was ", `${transcript}.`)))
        yield* user.type("two")
        yield* assertEqual((yield* user.waitForReply()).text, "It was two.", "the answer")
      })
  ),
  test(
    "VoiceSession.GetState",
    "is idle, listening, processing, speaking, then listening; a value and a stream of its changes",
    (backends) =>
      Effect.gen(function*() {
        const { connectUser, createSession } = yield* backends.start({
          agent: Agent.fromCallback(() => Effect.delay(Effect.succeed("Here it is."), "100 millis"))
        })
        const session = yield* createSession()
        const seen: Array<string> = []
        yield* session.state.changes.pipe(
          Stream.runForEach((state) => Effect.sync(() => seen.push(state))),
          Effect.forkScoped
        )
        yield* waitUntil("the current value is seen", () => seen.length > 0)
        const user = yield* connectUser(session)
        yield* user.say("where is it")
        yield* user.waitForReply()
        yield* waitUntil("it listens again", () => seen.at(-1) === "listening")
        yield* assertEqual(seen, ["idle", "listening", "processing", "speaking", "listening"], "the states")
      })
  ),
  test(
    "VoiceSession.GetPersistenceStatus",
    "is active until the session ends, then completed",
    (backends) =>
      Effect.gen(function*() {
        const { backend, createSession } = yield* backends.start()
        const session = yield* createSession()
        yield* assertEqual(yield* session.persistenceStatus, "active", "the status")
        yield* backend.closeSession(session.id)
        yield* assertEqual(yield* session.persistenceStatus, "completed", "the status after the close")
      })
  ),
  test(
    "VoiceSession.UpdateMetadata",
    "merges a patch (RFC 7396); more than 16 KiB changes nothing",
    (backends) =>
      Effect.gen(function*() {
        const { createSession } = yield* backends.start()
        const session = yield* createSession({ metadata: { a: 1, b: { c: 2, d: 3 } } })
        yield* session.updateMetadata({ a: null, b: { c: 4 }, e: "new" })
        yield* assertEqual(yield* session.metadata, { b: { c: 4, d: 3 }, e: "new" }, "the metadata")
        yield* assertFailsWith("invalid_config", session.updateMetadata({ big: "x".repeat(17_000) }))
        yield* assertEqual(yield* session.metadata, { b: { c: 4, d: 3 }, e: "new" }, "the metadata after a refusal")
      })
  ),
  test(
    "VoiceSession.GetID",
    "returns the id that finds the session in the backend",
    (backends) =>
      Effect.gen(function*() {
        const { backend, createSession } = yield* backends.start()
        const session = yield* createSession()
        yield* assertThat((yield* backend.getSession(session.id)) === session, "it is the same session")
      })
  ),
  test(
    "VoiceSession.events",
    "streams all events, numbered without a gap, to the owner and to the user",
    (backends) =>
      Effect.gen(function*() {
        const { connectUser, createSession } = yield* backends.start()
        const session = yield* createSession()
        const seen: Array<number> = []
        yield* session.events.pipe(
          Stream.runForEach(({ seq }) => Effect.sync(() => seen.push(seq))),
          Effect.forkScoped({ startImmediately: true })
        )
        const user = yield* connectUser(session)
        yield* user.type("hello")
        yield* user.waitForReply()
        const received = user.events.map(({ seq }) => seq)
        yield* assertEqual(
          received,
          received.map((_, i) => (received[0] ?? 0) + i),
          "the sequence numbers that the user received"
        )
        yield* waitUntil("the owner received the same events", () => received.every((seq) => seen.includes(seq)))
      })
  ),
  test(
    "VoiceSession.say",
    "speaks a text as soon as nobody speaks; at most 16 utterances wait",
    (backends) =>
      Effect.gen(function*() {
        const { createUser } = yield* backends.start()
        const user = yield* createUser()
        yield* user.session.say("One moment.")
        yield* assertEqual((yield* user.waitForReply()).text, "One moment.", "what the agent said")
        yield* Effect.forEach(Array.from({ length: 17 }), () => user.session.say("And on."), { discard: true })
        yield* assertFailsWith("session_limit_exceeded", user.session.say("Too much."))
      })
  ),
  test("VoiceSession.interrupt", "stops the agent at once", (backends) =>
    Effect.gen(function*() {
      const { createUser } = yield* backends.start({ agent: talker })
      const user = yield* createUser()
      yield* user.type("talk")
      yield* user.waitForEvent("agent.speech_started")
      yield* user.session.interrupt()
      yield* assertEqual((yield* user.waitForReply()).reason, "interrupted", "how the reply ended")
    })),
  test("VoiceSession.history", "holds the words of user and agent, in order", (backends) =>
    Effect.gen(function*() {
      const { createUser } = yield* backends.start()
      const user = yield* createUser()
      yield* user.type("one")
      yield* user.waitForReply()
      yield* user.type("two")
      yield* user.waitForReply(2)
      const items = yield* user.session.history
      yield* assertEqual(
        items.map(({ role, text, turn }) => `${turn} ${role}: ${text}`),
        ["1 user: one", "1 agent: You said one.", "2 user: two", "2 agent: You said two."],
        "the history"
      )
    })),
  test(
    "VoiceSession.pipeline",
    "runs the whole session as a Stream: PCM in, audio and events out; the end of the input drains it",
    (backends) =>
      Effect.gen(function*() {
        const { createSession } = yield* backends.start()
        const session = yield* createSession()
        const outputs = yield* assertCompletesWithin(
          "1 minute",
          "the pipeline",
          Stream.runCollect(session.pipeline(Stream.make(spoken("down the pipe"), new Uint8Array(3_200))))
        )
        const replies = outputs.flatMap((output) =>
          output._tag === "Event" && output.event.type === "agent.speech_stopped" ? [output.event.text] : []
        )
        const expected = backends.harness.unsupported?.exactAudio === undefined ? "down the pipe" : "utterance 1"
        yield* assertEqual(replies, [`You said ${expected}.`], "what the agent said")
        const audio = outputs.flatMap((output) => output._tag === "Audio" ? [Pcm.copyInt16(output.pcm)] : [])
        yield* assertThat(audio.some((pcm) => pcm.some((sample) => sample !== 0)), "the output contains sound")
        if (backends.harness.unsupported?.exactAudio === undefined) {
          const heard = SpokenAudio.decode(Int16Array.from(audio.flatMap((pcm) => [...pcm])))
          yield* assertEqual(heard, `You said ${expected}.`, "the text in the output audio")
        }
        yield* assertEqual(yield* session.ended, "input_ended", "why it ended")
      })
  ),
  test("VoiceSession.ended", "completes when the session ends, with the reason", (backends) =>
    Effect.gen(function*() {
      const { createUser } = yield* backends.start()
      const user = yield* createUser()
      yield* user.waitForEvent("session.started")
      yield* user.send(JSON.stringify({ type: "session.end" }))
      yield* assertEqual(
        yield* assertCompletesWithin("1 minute", "the end", user.session.ended),
        "user_ended",
        "why it ended"
      )
    }))
]
