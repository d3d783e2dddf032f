import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, Layer, Scope, Stream } from "effect"
import * as Agent from "../../src/agent/Agent.ts"
import { fallback } from "../../src/agent/AgentFallback.ts"
import { fromLanguageModel } from "../../src/agent/LanguageModelAgent.ts"
import { defaults } from "../../src/backend/config/BackendConfig.ts"
import { VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import { AgentError, type BackendError, ConnectionFailed, PipelineError } from "../../src/BackendError.ts"
import { defaultPolicy } from "../../src/conversation/ConversationPolicy.ts"
import { SpeechToText } from "../../src/speech/SpeechToText.ts"
import * as ScriptedLanguageModel from "../../src/testing/scripted/ScriptedLanguageModel.ts"
import { call, layer, pass, running, type Setup } from "./Harness.ts"
import { TestConnection } from "./TestConnection.ts"

const test = (name: string, setup: Setup, body: Effect.Effect<void, unknown, VoiceBackend | Scope.Scope>) =>
  it.effect(name, () => running(layer(setup), body))
const codeOf = <A>(effect: Effect.Effect<A, BackendError>) =>
  Effect.match(effect, { onFailure: (error) => error.code as string, onSuccess: () => "success" })
const agentOf = (text: string) => Agent.fromCallback(() => Effect.succeed(text))
const gone = (retryable: boolean) => new PipelineError({ op: "SpeechToText.events", message: "gone", retryable })

const tenSeconds = { limit: Duration.seconds(10), window: Duration.hours(1) }

describe("Session", () => {
  test(
    "takes exactly the time of its parts for a turn",
    {
      policy: { greeting: "Hello." },
      stt: { delay: "70 millis" },
      tts: { delay: "30 millis" },
      agent: Agent.fromCallback((text) => Effect.delay(Effect.succeed(`You said ${text}.`), "40 millis"))
    },
    Effect.gen(function*() {
      const user = yield* call()
      yield* user.hears(1_000)
      assert.deepStrictEqual(yield* user.said, ["agent: Hello."])
      assert.strictEqual(user.connection.frames.length, 300 / 20)
      yield* user.speaks(400)
      yield* user.hears(2_000)
      assert.deepStrictEqual(yield* user.said, ["agent: Hello.", "user: one", "agent: You said one."])
      const [latency] = user.connection.of("turn.latency")
      assert.deepStrictEqual(latency?.parts, [
        { name: "vad", ms: 100 },
        { name: "endpointing", ms: 200 },
        { name: "transcript", ms: 70 },
        { name: "agent", ms: 40 },
        { name: "clause", ms: 0 },
        { name: "tts", ms: 30 },
        { name: "playout", ms: 0 }
      ])
      assert.strictEqual(yield* user.session.state.get, "listening")
      const seqs = user.connection.events.map((event) => event.seq)
      assert.deepStrictEqual(seqs, seqs.map((_, i) => i + 1))
      assert.deepInclude(user.connection.events[0], {
        type: "session.started",
        input: { sampleRate: 16_000 },
        output: { sampleRate: 24_000 },
        resumed: false
      })
    })
  )

  const greeter = (options: Agent.AgentOptions) => Agent.fromCallback(() => Effect.succeed("Yes."), options)

  const modelGreets = (greeting: string) =>
    Agent.withContext(fromLanguageModel({ greeting })).pipe(
      Effect.provide(ScriptedLanguageModel.layer(() => assert.fail("a greeting asks no model")))
    )

  test(
    "begins with the agent's own greeting where the policy has none",
    { agent: greeter({ greeting: "I am Ada." }) },
    Effect.gen(function*() {
      const user = yield* call()
      yield* user.hears(1_000)
      assert.deepStrictEqual(yield* user.said, ["agent: I am Ada."])
      const others = [
        [{ agent: fallback([greeter({ greeting: "I am Bob." }), greeter({})], { timeout: "1 second" }) }, "I am Bob."],
        [{ agent: yield* Agent.withContext(greeter({ greeting: "I am Eve." })) }, "I am Eve."],
        [{ agent: yield* modelGreets("I am Fay.") }, "I am Fay."],
        [{ agent: greeter({}) }, undefined],
        [{ policy: { ...defaultPolicy, greeting: "Good day." } }, "Good day."],
        [{ policy: { ...defaultPolicy, greeting: "" } }, undefined],
        [{ policy: { ...defaultPolicy, firstSpeaker: "user" } }, undefined]
      ] as const
      for (const [config, greeted] of others) {
        const other = yield* call({ config })
        yield* other.hears(1_000)
        assert.deepStrictEqual(yield* other.said, greeted === undefined ? [] : [`agent: ${greeted}`])
      }
    })
  )

  test(
    "stops at once when it is interrupted, with a history that is right to one word",
    { agent: agentOf("one two three four five six seven eight nine ten.") },
    Effect.gen(function*() {
      const user = yield* call()
      yield* user.speaks(300)
      // 300 ms until the turn is over, then 50 ms for a character
      yield* user.hears(1_300)
      yield* user.speaks(60)
      const sent = user.connection.frames.length
      yield* user.speaks(500)
      assert.strictEqual(user.connection.frames.length, sent, "no frame after the decision")
      yield* user.hears(600)
      assert.includeMembers([...user.connection.types], ["playout.clear", "agent.speech_paused"])
      const [, agent] = yield* user.session.history
      // "one two three four five" is spoken after 1,150 ms; about 1,060 ms were heard
      assert.isTrue(agent?.interrupted)
      assert.include(["one two three four", "one two three four five"], agent?.text)
      assert.strictEqual(user.connection.of("agent.speech_stopped")[0]?.reason, "interrupted")
    })
  )

  test(
    "goes on after a noise with exactly what was not heard",
    { agent: agentOf("one two three four five."), texts: ["one"] },
    Effect.gen(function*() {
      const user = yield* call()
      yield* user.speaks(300)
      yield* user.hears(700)
      yield* user.speaks(80)
      yield* user.hears(3_000)
      assert.includeMembers([...user.connection.types], ["agent.speech_paused", "agent.speech_resumed"])
      assert.deepStrictEqual(yield* user.said, ["user: one", "agent: one two three four five."])
    })
  )

  test(
    "plays a reply of a minute to its end, although it is synthesized at once",
    { agent: agentOf(Array.from({ length: 40 }, (_, i) => `This is the sentence ${i}.`).join(" ")) },
    Effect.gen(function*() {
      const user = yield* call()
      yield* user.speaks(300)
      yield* user.hears(1_000)
      yield* pass("60 seconds")
      assert.deepStrictEqual(user.connection.of("agent.speech_stopped").map((event) => event.reason), ["completed"])
      assert.isAbove(user.connection.frames.length * 20, 40_000)
    })
  )

  describe("connections", () => {
    for (const output of [24_000, 48_000]) {
      test(
        `come back at ${output} Hz, and the reply goes on`,
        { agent: agentOf("one two three four five six seven eight nine ten.") },
        Effect.gen(function*() {
          const user = yield* call()
          yield* user.speaks(300)
          yield* user.hears(900)
          const first = user.connection
          first.listener?.closed("network")
          yield* pass("10 seconds")
          assert.strictEqual(yield* user.session.state.get, "speaking")
          yield* user.reattach({ output })
          assert.isTrue(user.connection.of("session.started")[0]?.resumed)
          yield* user.hears(4_000)
          assert.deepStrictEqual(yield* user.said, [
            "user: one",
            "agent: one two three four five six seven eight nine ten."
          ])
          assert.isTrue(user.connection.frames.every((frame) => frame.length === output / 50))
          const ms = (first.frames.length + user.connection.frames.length) * 20
          assert.isTrue(ms >= 2_450 && ms <= 2_450 + 240, `${ms}`)
          yield* user.speaks(300)
          yield* user.hears(800)
          assert.include(yield* user.said, "user: two")
        })
      )
    }

    test(
      "replace one another, and the former one is ignored",
      {},
      Effect.gen(function*() {
        const user = yield* call()
        const former = user.connection
        yield* user.reattach()
        assert.deepStrictEqual(former.closes, ["replaced"])
        former.listener?.message({ type: "session.end" })
        former.listener?.closed("late")
        former.listener?.audio(new Int16Array(320).fill(8_000))
        former.listener?.malformed("late")
        yield* pass("2 minutes")
        assert.notInclude(user.connection.types, "connection.detached")
        assert.strictEqual(yield* user.session.persistenceStatus, "active")
      })
    )

    test(
      "at an unsupported rate are refused, and the former one goes on",
      {},
      Effect.gen(function*() {
        const user = yield* call()
        const bad = new TestConnection({ input: 12 })
        assert.strictEqual(yield* codeOf(user.session.attach(bad)), "invalid_config")
        yield* user.speaks(300)
        yield* user.hears(800)
        assert.include(yield* user.said, "user: one")
      })
    )

    test(
      "deliver what had arrived before the session listened",
      { policy: { greeting: "Hello." } },
      Effect.gen(function*() {
        const connection = new TestConnection()
        connection.buffered = (listener) => listener.message({ type: "user.text", text: "early" })
        const user = yield* call({ connection })
        yield* pass("5 seconds")
        assert.deepStrictEqual(yield* user.said, ["user: early", "agent: You said early."])
      })
    )

    test(
      "may end the session with a message that had arrived before",
      {},
      Effect.gen(function*() {
        const connection = new TestConnection()
        connection.buffered = (listener) => listener.message({ type: "session.end" })
        const user = yield* call({ connection })
        assert.strictEqual(yield* user.session.ended, "user_ended")
      })
    )

    test(
      "end the user's utterance when they close; the next connection begins anew",
      {},
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.speaks(400)
        user.connection.listener?.closed("network")
        yield* pass("6 seconds")
        assert.deepStrictEqual(yield* user.said, ["user: one"])
        yield* user.reattach()
        yield* pass("2 seconds")
        assert.deepStrictEqual(yield* user.said, ["user: one", "agent: You said one."])
        yield* user.speaks(300)
        yield* user.hears(2_000)
        assert.deepStrictEqual((yield* user.said).slice(2), ["user: two", "agent: You said two."])
      })
    )

    test(
      "that read too slowly are detached, once",
      { agent: agentOf("A long answer. ".repeat(20)) },
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.session.sendText("go")
        yield* pass("1 second")
        user.connection.accepts = false
        yield* pass("2 seconds")
        assert.strictEqual(user.connection.of("connection.slow").length, 1)
        yield* pass("10 seconds")
        assert.deepStrictEqual(user.connection.closes, ["too_slow"])
        yield* user.reattach()
        yield* pass("1 second")
        assert.isAbove(user.connection.frames.length, 40)
      })
    )
  })

  describe("windows", () => {
    test(
      "close a session without a connection, and one whose user does not reconnect",
      {},
      Effect.gen(function*() {
        const backend = yield* VoiceBackend
        const never = yield* backend.createSession({ userId: "u", transport: "websocket" })
        const user = yield* call()
        yield* pass("59 seconds")
        assert.strictEqual(yield* backend.activeSessionCount, 2)
        yield* pass("1 second")
        assert.strictEqual(yield* never.ended, "never_connected")
        assert.strictEqual(yield* backend.activeSessionCount, 1)
        user.connection.listener?.closed("network")
        yield* pass("59 seconds")
        assert.strictEqual(yield* user.session.persistenceStatus, "active")
        yield* pass("1 second")
        assert.strictEqual(yield* user.session.ended, "resume_expired")
        assert.strictEqual(yield* codeOf(user.session.attach(new TestConnection())), "session_not_found")
      })
    )

    test(
      "end the longest session after its turn, or a minute later whatever it does",
      {
        policy: { goodbye: "Bye." },
        config: {
          session: {
            connectWindow: Duration.minutes(1),
            resumeWindow: Duration.minutes(1),
            longest: Duration.minutes(2),
            tokenTtl: Duration.minutes(10)
          }
        }
      },
      Effect.gen(function*() {
        const quiet = yield* call()
        const busy = yield* call()
        yield* pass("119 seconds")
        yield* busy.session.say("word ".repeat(2_000))
        yield* pass("2 seconds")
        assert.strictEqual(yield* quiet.session.ended, "longest")
        assert.deepStrictEqual(yield* quiet.said, ["agent: Bye."])
        yield* pass("58 seconds")
        assert.strictEqual(yield* busy.session.persistenceStatus, "active")
        yield* pass("2 seconds")
        assert.strictEqual(yield* busy.session.ended, "longest")
      })
    )
  })

  describe("in code", () => {
    test(
      "takes and gives audio without a connection",
      {},
      Effect.gen(function*() {
        const backend = yield* VoiceBackend
        const session = yield* backend.createSession({ userId: "u", transport: "websocket" })
        const loud = new Uint8Array(new Int16Array(320).fill(8_000).buffer)
        assert.strictEqual(yield* codeOf(session.processAudio(loud)), "invalid_config")
        yield* session.start
        yield* session.start
        const heard = yield* Effect.forkChild(Stream.runCollect(Stream.take(session.receiveAudio, 3)), {
          startImmediately: true
        })
        for (let i = 0; i < 100; i++) {
          yield* session.processAudio(i < 20 ? loud : new Uint8Array(640))
          yield* pass(20)
        }
        yield* pass("5 minutes")
        assert.deepStrictEqual((yield* session.history).map((item) => item.text), ["one", "You said one."])
        assert.deepStrictEqual((yield* Fiber.join(heard)).map((bytes) => bytes.length), [3_200, 3_200, 3_200])
        assert.strictEqual(yield* codeOf(session.processAudio(new Uint8Array(3))), "invalid_config")
        assert.strictEqual(yield* codeOf(session.processAudio(new Uint8Array(65_538))), "invalid_config")
        yield* session.attach(new TestConnection())
        assert.strictEqual(yield* codeOf(session.processAudio(loud)), "invalid_config")
      })
    )

    test(
      "says texts and audio in order, and bounds the queue",
      {},
      Effect.gen(function*() {
        const { connection, session } = yield* call()
        yield* session.say("First.")
        yield* session.sendAudio(new Uint8Array(new Int16Array(2_400).fill(77).buffer))
        yield* pass("2 seconds")
        assert.deepStrictEqual((yield* session.history).map((item) => [item.kind, item.text]), [
          ["speech", "First."],
          ["audio", ""]
        ])
        const spoken = connection.samples.indexOf(77)
        assert.isAbove(spoken, 0)
        assert.isTrue(connection.samples.slice(spoken).every((sample) => sample === 77))
        assert.strictEqual(yield* codeOf(session.sendAudio(new Uint8Array(3))), "invalid_config")
        assert.strictEqual(yield* codeOf(session.say(" ")), "invalid_config")
        assert.strictEqual(yield* codeOf(session.say("x".repeat(16_385))), "invalid_config")
        for (let i = 0; i < 17; i++) yield* session.say(`Number ${i}.`)
        assert.strictEqual(yield* codeOf(session.say("Too much.")), "session_limit_exceeded")
      })
    )

    test(
      "merges metadata patches, up to 16 KiB",
      {},
      Effect.gen(function*() {
        const { session } = yield* call({ config: { metadata: { a: 1, b: { c: 2, d: 3 } } } })
        yield* session.updateMetadata({ a: null, b: { c: null, e: "x" } })
        assert.deepStrictEqual(yield* session.metadata, { b: { d: 3, e: "x" } })
        const failure = yield* Effect.flip(session.updateMetadata({ big: "s3cret".repeat(3_000) }))
        assert.strictEqual(failure.code, "invalid_config")
        assert.notInclude(JSON.stringify(failure), "s3cret")
        assert.deepStrictEqual(yield* session.metadata, { b: { d: 3, e: "x" } })
      })
    )

    test(
      "publishes its state and its events until the end, and refuses everything after it",
      {},
      Effect.gen(function*() {
        const { session } = yield* call()
        const states = yield* Effect.forkChild(Stream.runCollect(session.state.changes), { startImmediately: true })
        const events = yield* Effect.forkChild(Stream.runCollect(session.events), { startImmediately: true })
        yield* pass(10)
        yield* session.sendText("hi")
        yield* pass("2 seconds")
        yield* session.stop
        assert.deepStrictEqual(yield* Fiber.join(states), [
          "listening",
          "processing",
          "speaking",
          "listening",
          "closed"
        ])
        assert.strictEqual((yield* Fiber.join(events)).at(-1)?.type, "session.ended")
        assert.strictEqual(yield* session.persistenceStatus, "completed")
        yield* session.stop
        for (
          const refused of [
            session.start,
            session.say("x"),
            session.sendText("x"),
            session.interrupt(),
            session.sendAudio(new Uint8Array(2)),
            session.processAudio(new Uint8Array(2)),
            session.updateMetadata({}),
            session.setAgent(agentOf("x")),
            session.attach(new TestConnection())
          ]
        ) {
          assert.strictEqual(yield* codeOf(refused), "session_not_found")
        }
      })
    )
  })

  describe("faults", () => {
    for (
      const [what, fault] of [["fails", Effect.fail("no")], ["dies", Effect.die(new Error("bug"))], [
        "interrupts itself",
        Effect.interrupt
      ]] as const
    ) {
      test(
        `of an agent that ${what} are told and excused`,
        { agent: { name: undefined, respond: () => Stream.fromEffect(fault as Effect.Effect<string>) } },
        Effect.gen(function*() {
          const user = yield* call()
          yield* user.session.sendText("hi")
          yield* pass("1 second")
          assert.strictEqual(user.connection.of("error").length, 1)
          assert.deepStrictEqual(yield* user.said, ["user: hi", "agent: Sorry."])
          assert.strictEqual(yield* user.session.state.get, "listening")
        })
      )
    }

    test(
      "of an agent that hangs end the turn at its deadline",
      { agent: Agent.fromCallback(() => Effect.never), config: { timeout: Duration.seconds(5) } },
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.session.sendText("hi")
        yield* pass("4900 millis")
        assert.strictEqual(yield* user.session.state.get, "processing")
        yield* pass("1 second")
        assert.deepStrictEqual(user.connection.of("error").map((event) => event.code), ["timeout"])
        assert.deepStrictEqual(yield* user.said, ["user: hi", "agent: Sorry."])
      })
    )

    test(
      "of a voice that fails or hangs end the reply, not the session",
      {
        config: { timeout: Duration.seconds(5) },
        tts: {
          failAt: { 0: new PipelineError({ op: "TextToSpeech.speak", message: "x", retryable: false }) },
          hangAt: [2]
        }
      },
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.session.sendText("a")
        yield* pass("1 second")
        assert.deepStrictEqual(yield* user.said, ["user: a", "agent: Sorry."])
        yield* user.session.sendText("b")
        yield* pass("7 seconds")
        assert.deepStrictEqual(user.connection.of("error").map((event) => event.code), ["pipeline_error", "timeout"])
        assert.strictEqual(yield* user.session.state.get, "listening")
      })
    )

    test(
      "of a recogniser that can be retried lose no word, and cause no error event",
      { texts: ["one", "two"], stt: { failAt: { 0: gone(true) } } },
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.speaks(300)
        yield* user.hears(3_000)
        yield* user.speaks(300)
        yield* user.hears(3_000)
        assert.deepStrictEqual(yield* user.said, [
          "user: one",
          "agent: You said one.",
          "user: two",
          "agent: You said two."
        ])
        assert.strictEqual(yield* user.session.state.get, "listening")
        assert.deepStrictEqual(user.connection.of("error"), [])
        assert.deepStrictEqual(user.connection.of("engine.incident").map((event) => event.what), [
          "failed",
          "retrying",
          "recovered"
        ])
      })
    )

    test(
      "of a recogniser that are not retryable lose no word either: it has worked before",
      { texts: ["one", "two"], stt: { failAt: { 0: gone(false) } } },
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.speaks(300)
        yield* user.hears(3_000)
        yield* user.speaks(300)
        yield* user.hears(3_000)
        assert.deepStrictEqual((yield* user.said).filter((line) => line.startsWith("user")), ["user: one", "user: two"])
        assert.strictEqual(yield* user.session.state.get, "listening")
      })
    )

    let absent = 0
    test(
      "of a recogniser that does not recover at once are the state `error` for as long",
      {
        config: { retryDelay: Duration.seconds(1) },
        layerStt: Layer.succeed(SpeechToText, {
          name: "away",
          sampleRate: 16_000,
          capabilities: { interim: false, endOfTurn: false, languages: [] },
          open: () =>
            Effect.suspend(() => {
              const stream = absent++
              // the second and the third do not open
              if (stream === 1 || stream === 2) return Effect.fail(gone(true))
              return Effect.succeed({
                push: () => {},
                activity: () => {},
                finalize: () => {},
                events: stream > 0 ? Stream.never : Stream.fromEffect(
                  Effect.andThen(Effect.sleep("2 seconds"), Effect.fail(gone(true)))
                )
              })
            })
        })
      },
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.hears(2_500)
        assert.strictEqual(yield* user.session.state.get, "error")
        assert.deepStrictEqual(user.connection.of("error").map((event) => event.code), ["pipeline_error"])
        yield* user.hears(8_000)
        assert.strictEqual(yield* user.session.state.get, "listening")
        const told = user.connection.of("engine.incident").map((event) => event.what)
        assert.deepStrictEqual(told.filter((what) => what.endsWith("available")), ["unavailable", "available"])
        assert.strictEqual(yield* user.session.persistenceStatus, "active")
      })
    )

    const positions: Array<readonly [pushed: number, at: number]> = []
    let streams = 0
    test(
      "of a recogniser leave the next one on its own timeline",
      {
        layerStt: Layer.succeed(SpeechToText, {
          name: "counting",
          sampleRate: 16_000,
          capabilities: { interim: false, endOfTurn: false, languages: [] },
          open: () =>
            Effect.sync(() => {
              const first = streams++ === 0
              let pushed = 0
              return {
                push: (pcm: Int16Array) => {
                  pushed += pcm.length
                },
                activity: ({ atSample }: { readonly atSample: number }) => positions.push([pushed, atSample]),
                finalize: (_: number, until: number) => positions.push([pushed, until]),
                events: first
                  ? Stream.fromEffect(
                    Effect.andThen(
                      Effect.sleep("2 seconds"),
                      Effect.fail(new ConnectionFailed({ op: "SpeechToText.events", message: "gone" }))
                    )
                  )
                  : Stream.never
              }
            })
        })
      },
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.hears(3_000)
        yield* user.speaks(300)
        yield* user.hears(1_000)
        assert.strictEqual(streams, 2)
        assert.isAtLeast(positions.length, 3)
        for (const [pushed, at] of positions) {
          assert.isAtMost(at, pushed)
          assert.isAbove(at, pushed - 16_000)
        }
      })
    )

    let opens = 0
    test(
      "of a recogniser that fails as soon as it is opened are retried with pauses, and not for ever",
      {
        config: { maxRetries: 3, retryDelay: Duration.seconds(1) },
        layerStt: Layer.succeed(SpeechToText, {
          name: "broken",
          sampleRate: 16_000,
          capabilities: { interim: false, endOfTurn: false, languages: [] },
          open: () =>
            Effect.sync(() => {
              opens++
              return {
                push: () => {},
                activity: () => {},
                finalize: () => {},
                events: opens % 2 === 0
                  ? Stream.die(new Error("bug"))
                  : Stream.fail(new ConnectionFailed({ op: "SpeechToText.events", message: "gone" }))
              }
            })
        })
      },
      Effect.gen(function*() {
        const user = yield* call()
        yield* pass("30 seconds")
        assert.strictEqual(yield* user.session.ended, "failed")
        assert.isAtMost(opens, 4)
      })
    )

    test(
      "of a recogniser that hangs let the turn go on with the words so far",
      { stt: { hangAt: [0] } },
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.speaks(300)
        yield* user.hears(1_000)
        assert.strictEqual(yield* user.session.state.get, "processing")
        yield* user.hears(5_000)
        assert.strictEqual(yield* user.session.state.get, "listening")
        yield* user.speaks(300)
        yield* user.hears(2_000)
        assert.include(yield* user.said, "user: one")
      })
    )

    test(
      "of a user who sends faster than real time lose the excess audio",
      {},
      Effect.gen(function*() {
        const user = yield* call({ connection: new TestConnection({ transport: "websocket" }) })
        const frame = new Int16Array(320)
        for (let i = 0; i < 5_000; i++) user.connection.listener?.audio(frame)
        const dropped = user.connection.of("audio.dropped")
        assert.strictEqual(dropped.length, 1)
        yield* pass("2 seconds")
        user.connection.listener?.audio(frame)
        user.connection.listener?.malformed("not JSON")
        assert.deepStrictEqual(user.connection.of("error").map((event) => event.code), ["invalid_config"])
        assert.strictEqual(yield* user.session.persistenceStatus, "active")
      })
    )

    test(
      "of a user who floods it with messages answer as many as the flood limit lets in",
      {},
      Effect.gen(function*() {
        const user = yield* call({ connection: new TestConnection({ transport: "websocket" }) })
        const listener = user.connection.listener
        for (let i = 0; i < 10_000; i++) {
          listener?.malformed("not JSON")
          listener?.message({ type: "ping" })
        }
        const answers = () => user.connection.of("error").length + user.connection.of("pong").length
        assert.isAtMost(answers(), 1_000)
        yield* pass("5 seconds")
        const before = answers()
        listener?.message({ type: "ping" })
        listener?.malformed("not JSON")
        assert.strictEqual(answers(), before + 2)
      })
    )

    test(
      "of a user whose audio quota is exhausted lose the excess audio, then the connection",
      { config: { rateLimits: { ...defaults.rateLimits, audio: { user: tenSeconds } } } },
      Effect.gen(function*() {
        const user = yield* call({ connection: new TestConnection({ transport: "websocket" }) })
        yield* user.hears(9_000)
        assert.deepStrictEqual(user.connection.of("audio.dropped"), [])
        yield* user.hears(3_000)
        assert.deepStrictEqual([...new Set(user.connection.of("audio.dropped").map((event) => event.reason))], [
          "rate limit"
        ])
        // another connection of the same user has the same quota
        yield* user.reattach({ transport: "websocket" })
        yield* user.hears(2_000)
        assert.isAbove(user.connection.of("audio.dropped").length, 0)
        assert.deepStrictEqual(user.connection.closes, [])
        yield* user.hears(65_000)
        assert.deepStrictEqual(user.connection.of("error").map((event) => event.code), ["rate_limit_exceeded"])
        assert.deepStrictEqual(user.connection.closes, ["rate_limited"])
        assert.strictEqual(yield* user.session.persistenceStatus, "active")
      })
    )

    test(
      "of a connection that does not close are bounded by a deadline",
      {},
      Effect.gen(function*() {
        const backend = yield* VoiceBackend
        const user = yield* call()
        user.connection.closing = Effect.never
        const closing = yield* Effect.forkChild(backend.closeSession(user.session.id))
        yield* pass("10 seconds")
        yield* Fiber.join(closing)
        assert.strictEqual(yield* backend.activeSessionCount, 0)
      })
    )
  })

  it.effect("leaves nothing behind when it has ended", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(layer({ agent: Agent.fromCallback(() => Effect.never) }), scope)
      const user = yield* Effect.provide(call(), context)
      yield* user.session.sendText("hi")
      yield* user.speaks(200)
      user.connection.listener?.message({ type: "session.end" })
      yield* user.session.ended
      yield* pass("1 second")
      const { events } = user.connection
      const count = events.length
      yield* pass("2 hours")
      assert.strictEqual(events.length, count)
      yield* Scope.close(scope, Exit.void)
    }))

  describe("pipeline", () => {
    const bytes = (ms: number, level = 0) =>
      Stream.range(1, ms / 20).pipe(
        Stream.mapEffect(() => Effect.delay(Effect.succeed(new Uint8Array(new Int16Array(320).fill(level).buffer)), 20))
      )

    test(
      "ends with its input, after the turn in flight",
      {},
      Effect.gen(function*() {
        const backend = yield* VoiceBackend
        const session = yield* backend.createSession({ userId: "u", transport: "websocket" })
        const input = Stream.concat(bytes(200), bytes(300, 8_000))
        const running = yield* Effect.forkChild(Stream.runCollect(session.pipeline(input, { outputSampleRate: 8_000 })))
        yield* pass("5 seconds")
        const out = yield* Fiber.join(running)
        const audio = out.filter((item) => item._tag === "Audio")
        assert.strictEqual(audio.length, Math.ceil(650 / 20))
        assert.isTrue(audio.every((item) => item.turn === 1 && item.pcm.length === 320))
        const first = out.findIndex((item) => item._tag === "Audio")
        const told = out.findIndex((item) => item._tag === "Event" && item.event.type === "agent.speech_started")
        assert.isBelow(told, first)
        const last = out.at(-1)
        assert.isTrue(
          last?._tag === "Event" && last.event.type === "session.ended" && last.event.reason === "input_ended"
        )
        assert.strictEqual(yield* backend.activeSessionCount, 0)
      })
    )

    test(
      "interrupts the agent and detaches when it is interrupted; the session can go on",
      { agent: agentOf("one two three four five six seven eight.") },
      Effect.gen(function*() {
        const backend = yield* VoiceBackend
        const session = yield* backend.createSession({ userId: "u", transport: "websocket" })
        const running = yield* Effect.forkChild(Stream.runDrain(session.pipeline(Stream.never)))
        yield* pass("20 millis")
        yield* session.sendText("count")
        yield* pass("1 second")
        yield* Fiber.interrupt(running)
        const history = yield* session.history
        assert.isTrue(history[1]?.interrupted)
        assert.strictEqual(yield* session.state.get, "listening")
        const next = new TestConnection()
        yield* session.attach(next)
        assert.isTrue(next.of("session.started")[0]?.resumed)
        assert.strictEqual(
          yield* codeOf(Stream.runDrain(session.pipeline(Stream.empty, { inputSampleRate: 12 }))),
          "invalid_config"
        )
      })
    )

    test(
      "fails with the error of its input",
      {},
      Effect.gen(function*() {
        const backend = yield* VoiceBackend
        const session = yield* backend.createSession({ userId: "u", transport: "websocket" })
        const failure = new AgentError({ op: "input", message: "x", retryable: false })
        const result = yield* Effect.flip(Stream.runDrain(session.pipeline(Stream.fail(failure))))
        assert.strictEqual(result, failure)
      })
    )
  })
})
