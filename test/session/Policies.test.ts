import { assert, describe, it } from "@effect/vitest"
import { type Cause, Deferred, Duration, Effect, Layer, Queue, Schema, type Scope, Stream } from "effect"
import * as Agent from "../../src/agent/Agent.ts"
import { AgentRegistry } from "../../src/agent/AgentRegistry.ts"
import * as BackendConfig from "../../src/backend/config/BackendConfig.ts"
import { BackendRegistry, newBackend } from "../../src/backend/provider/BackendRegistry.ts"
import type { VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import { AgentError, type BackendError, PipelineError } from "../../src/BackendError.ts"
import { type ConversationPolicy, defaultPolicy } from "../../src/conversation/ConversationPolicy.ts"
import { ProcessorRegistry } from "../../src/hooks/AudioProcessor.ts"
import * as EngineRegistry from "../../src/speech/EngineRegistry.ts"
import { SpeechToText, type TranscriptEvent } from "../../src/speech/SpeechToText.ts"
import { TextToSpeech } from "../../src/speech/TextToSpeech.ts"
import { TurnDetector } from "../../src/speech/TurnDetector.ts"
import * as Scripted from "../../src/testing/scripted/ScriptedEngines.ts"
import { call, echo, layer, pass, provider, running, type Setup, User } from "./Harness.ts"
import { TestConnection } from "./TestConnection.ts"

/** How long the final transcript takes. */
const FINAL_MS = 20

/** A recogniser whose transcripts a test gives. */
class Ears {
  emit: (event: TranscriptEvent) => void = () => {}
  /** The words of the next answer. */
  next = ""
  readonly interim = (text: string) => Effect.sync(() => this.emit({ _tag: "Interim", text }))
  readonly layer = Layer.succeed(SpeechToText, {
    name: "ears",
    sampleRate: 16_000,
    capabilities: { interim: true, endOfTurn: false, languages: [] },
    open: () =>
      Effect.gen({ self: this }, function*() {
        const asked = yield* Queue.unbounded<number>()
        const events = yield* Queue.unbounded<TranscriptEvent, BackendError | Cause.Done>()
        yield* Queue.take(asked).pipe(
          Effect.tap(() => Effect.sleep(FINAL_MS)),
          Effect.map((id) => {
            if (this.next !== "") this.emit({ _tag: "Final", text: this.next })
            this.next = ""
            this.emit({ _tag: "Finalized", id })
          }),
          Effect.forever,
          Effect.forkScoped
        )
        this.emit = (event) => void Queue.offerUnsafe(events, event)
        return {
          push: () => {},
          activity: () => {},
          finalize: (id) => void Queue.offerUnsafe(asked, id),
          events: Stream.fromQueue(events)
        }
      })
  })
}

const counting = "one two three four five six seven eight nine ten."
const agentOf = (text: string) => Agent.fromCallback(() => Effect.succeed(text))
const interruption = (patch: Partial<ConversationPolicy["interruption"]>) => ({
  interruption: { ...defaultPolicy.interruption, ...patch }
})

const test = (
  name: string,
  setup: Setup,
  body: (ears: Ears) => Effect.Effect<void, unknown, VoiceBackend | Scope.Scope>,
  detector?: TurnDetector["Service"]
) =>
  it.effect(name, () => {
    const ears = new Ears()
    const backend = layer({ layerStt: ears.layer, ...setup })
    return running(
      detector === undefined ? backend : Layer.provide(backend, Layer.succeed(TurnDetector, detector)),
      body(ears)
    )
  })

/** The user speaks for so many ms, with an interim transcript before the end, and is silent for 300 ms. */
const says = (user: User, ears: Ears, text: string, ms = 400) =>
  Effect.gen(function*() {
    yield* user.speaks(ms - 100)
    yield* ears.interim(text)
    yield* user.speaks(100)
    ears.next = text
  })

/** The events that had been emitted when the next frame was sent. */
const toldBeforeNextFrame = ({ connection }: User) => {
  const told: Array<string> = []
  connection.onSend = () => {
    if (told.length === 0) told.push(...connection.types)
  }
  return told
}

describe("Interruption by words", () => {
  test(
    "does not follow from a backchannel: playout is held meanwhile, and goes on with exactly what was not heard",
    { agent: agentOf(counting) },
    (ears) =>
      Effect.gen(function*() {
        const user = yield* call()
        yield* says(user, ears, "count", 300)
        yield* user.hears(900)
        const { connection } = user
        yield* user.speaks(80)
        const sent = connection.frames.length
        yield* user.speaks(320)
        yield* ears.interim("mhm")
        ears.next = "Mhm."
        assert.strictEqual(connection.frames.length, sent, "no frame while it is held")
        const told = toldBeforeNextFrame(user)
        yield* user.hears(5_000)
        assert.deepStrictEqual(yield* user.said, ["user: count", `agent: ${counting}`])
        assert.deepStrictEqual(connection.of("user.backchannel").map((event) => event.text), ["Mhm."])
        assert.include(told, "agent.speech_resumed", "told before it is heard")
        assert.isAbove(connection.clears, 0)
        // nothing is missing at the gap, and frames that had been sent ahead were sent again
        const whole = counting.length * 50 * 24
        const samples = connection.samples
        const before = connection.frames.slice(0, sent).flatMap((frame) => Array.from(frame))
        const after = samples.slice(before.length)
        assert.isAtMost(before.length + after.length - whole, (200 + 40) * 24)
        const overlap = before.length + after.length - Math.ceil(whole / 480) * 480
        assert.deepStrictEqual(after.slice(0, overlap), before.slice(-overlap))
      })
  )

  test("is one by words, at once", { agent: agentOf(counting) }, (ears) =>
    Effect.gen(function*() {
      const user = yield* call()
      yield* says(user, ears, "count", 300)
      yield* user.hears(900)
      yield* user.speaks(80)
      const sent = user.connection.frames.length
      yield* ears.interim("stop that")
      yield* user.speaks(300)
      ears.next = "Stop that."
      assert.deepStrictEqual(user.connection.of("agent.speech_stopped").map((event) => event.reason), ["interrupted"])
      assert.strictEqual(user.connection.frames.length, sent)
      yield* user.hears(500)
      assert.deepStrictEqual((yield* user.said)[2], "user: Stop that.")
    }))

  test(
    "is decided within `interruption.patience` when no transcript comes",
    { agent: agentOf(counting), policy: interruption({ patience: Duration.millis(600) }) },
    (ears) =>
      Effect.gen(function*() {
        const user = yield* call()
        yield* says(user, ears, "count", 300)
        yield* user.hears(900)
        // bursts of laughter
        for (let i = 0; i < 8; i++) {
          yield* user.speaks(240)
          yield* user.hears(160)
        }
        const paused = user.connection.of("agent.speech_paused")[0]?.atMs ?? 0
        const resumed = user.connection.of("agent.speech_resumed")[0]?.atMs ?? Number.POSITIVE_INFINITY
        assert.isAtMost(resumed - paused, 2 * 600 + 120)
      })
  )

  test(
    "does not happen over uninterruptible speech, and the turn waits",
    { agent: agentOf("Yes."), texts: [] },
    (ears) =>
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.session.say(counting, { interruptible: false })
        yield* user.hears(500)
        yield* says(user, ears, "hello there")
        yield* user.hears(1_000)
        assert.notInclude(user.connection.types, "agent.speech_paused")
        assert.strictEqual(user.connection.clears, 0)
        assert.deepStrictEqual(yield* user.said, [])
        yield* user.hears(3_000)
        assert.deepStrictEqual(yield* user.said, [`agent: ${counting}`, "user: hello there", "agent: Yes."])
      })
  )
})

describe("Sound", () => {
  test("given by hand is told of before it is heard", {}, () =>
    Effect.gen(function*() {
      const user = yield* call()
      const told = toldBeforeNextFrame(user)
      yield* user.session.sendAudio(new Uint8Array(new Int16Array(2_400).fill(77).buffer))
      yield* pass("1 second")
      assert.include(told, "agent.speech_started")
    }))

  test("given by hand is not lost when a turn comes before it is heard", {}, () =>
    Effect.gen(function*() {
      const user = yield* call()
      user.connection.listener?.closed("network")
      yield* user.session.sendAudio(new Uint8Array(new Int16Array(2_400).fill(77).buffer))
      yield* user.session.sendText("hi")
      yield* pass("1 second")
      yield* user.reattach()
      yield* pass("5 seconds")
      assert.deepStrictEqual((yield* user.session.history).map((item) => [item.kind, item.text]), [
        ["text", "hi"],
        ["speech", "You said hi."],
        ["audio", ""]
      ])
      assert.isTrue(user.connection.samples.includes(77))
    }))
})

describe("A preemptive reply", () => {
  const slow = (text: string) => Effect.delay(Effect.succeed(`You said ${text}.`), "400 millis")
  for (
    const [what, speculation, agentMs, totalMs] of [
      ["is heard as much earlier as it was begun", true, 400, 100 + 400 + 40],
      ["is heard when the turn is over, when it was ready before", true, 100, 300 + FINAL_MS],
      ["is not made unless asked for", false, 400, 300 + FINAL_MS + 400 + 40]
    ] as const
  ) {
    test(
      what,
      {
        policy: { speculation },
        agent: Agent.fromCallback(() => Effect.delay(Effect.succeed("You said so."), agentMs)),
        tts: { delay: "40 millis" }
      },
      (ears) =>
        Effect.gen(function*() {
          const user = yield* call()
          yield* says(user, ears, "hello")
          ears.next = "Hello."
          const told = toldBeforeNextFrame(user)
          yield* user.hears(280)
          assert.strictEqual(user.connection.frames.length, 0)
          assert.isTrue(user.connection.types.every((type) => !type.startsWith("agent.")))
          assert.deepStrictEqual(yield* user.said, [])
          assert.strictEqual(user.connection.clears, 0)
          yield* user.hears(2_000)
          assert.deepStrictEqual(yield* user.said, [
            "user: Hello.",
            "agent: You said so."
          ])
          const [latency] = user.connection.of("turn.latency")
          assert.strictEqual(latency?.totalMs, totalMs)
          assert.strictEqual(latency?.parts.reduce((sum, part) => sum + part.ms, 0), totalMs)
          assert.isTrue(told.includes("agent.speech_started"), "told before it is heard")
          assert.isBelow(told.indexOf("user.transcript"), told.indexOf("agent.speech_started"))
        })
    )
  }

  const effects: Array<string> = []
  const asked: Array<string> = []
  const booking = Agent.fromStream((transcript, { committed }) => {
    asked.push(transcript)
    return Stream.fromEffect(
      Effect.andThen(
        committed,
        Effect.sync(() => {
          effects.push(transcript)
          return "Booked."
        })
      )
    )
  })
  test(
    "awaits `committed` before side effects, which happen once",
    { policy: { speculation: true }, agent: booking },
    (ears) =>
      Effect.gen(function*() {
        asked.length = effects.length = 0
        const user = yield* call()
        yield* says(user, ears, "book a table")
        yield* user.hears(200)
        assert.deepStrictEqual([asked, effects], [["book a table"], []])
        yield* says(user, ears, "book a table for two")
        yield* user.hears(200)
        assert.deepStrictEqual([asked, effects], [["book a table", "book a table for two"], []])
        yield* user.hears(2_000)
        assert.deepStrictEqual(effects, ["book a table for two"])
        assert.deepStrictEqual(asked, ["book a table", "book a table for two"])
        assert.deepStrictEqual(yield* user.said, ["user: book a table for two", "agent: Booked."])
        // a typed turn comes first, and then the final transcript
        yield* says(user, ears, "cancel it")
        yield* user.hears(160)
        assert.strictEqual(asked.length, 3)
        yield* user.session.sendText("typed")
        yield* user.hears(100)
        assert.deepStrictEqual(effects, ["book a table for two", "typed"])
        user.connection.listener?.message({ type: "session.end" })
        yield* pass("1 second")
        assert.deepStrictEqual(effects, ["book a table for two", "typed"])
      })
  )

  let failures = 0
  test(
    "that fails is not reported, and the turn is answered anew",
    {
      policy: { speculation: true },
      agent: Agent.fromCallback((text) =>
        failures++ === 0
          ? Effect.fail(new AgentError({ op: "Agent.respond", message: "x", retryable: false }))
          : slow(text)
      )
    },
    (ears) =>
      Effect.gen(function*() {
        failures = 0
        const user = yield* call()
        yield* says(user, ears, "hello")
        yield* user.hears(2_000)
        assert.strictEqual(failures, 2)
        assert.deepStrictEqual(user.connection.of("error"), [])
        assert.deepStrictEqual(yield* user.said, ["user: hello", "agent: You said hello."])
      })
  )
})

describe("The turn detector", () => {
  const prompt = Agent.fromCallback((text) => Effect.delay(Effect.succeed(text), "40 millis"))
  const inputs: Array<string> = []
  const detector = (endOfTurn: TurnDetector["Service"]["endOfTurn"]): TurnDetector["Service"] => ({
    name: "test",
    endOfTurn: (input) => {
      inputs.push(input.transcript)
      return endOfTurn(input)
    }
  })
  const answeredAfter = (user: User) => user.connection.of("turn.latency").map((event) => event.totalMs)

  test(
    "makes an unfinished turn wait for `max_silence`",
    { agent: prompt },
    (ears) =>
      Effect.gen(function*() {
        inputs.length = 0
        const user = yield* call()
        yield* says(user, ears, "I would like and")
        yield* user.hears(4_000)
        assert.deepStrictEqual(answeredAfter(user), [2_000 + FINAL_MS + 40])
        assert.deepStrictEqual(inputs, ["I would like and"])
        yield* says(user, ears, "a coffee")
        yield* user.hears(2_000)
        assert.deepStrictEqual(answeredAfter(user), [2_000 + FINAL_MS + 40, 300 + FINAL_MS + 40])
      }),
    detector(({ transcript }) => Effect.succeed(transcript.endsWith("and") ? 0.1 : 0.9))
  )

  test(
    "lets the user continue the same turn meanwhile",
    { agent: prompt },
    (ears) =>
      Effect.gen(function*() {
        const user = yield* call()
        yield* says(user, ears, "tea and")
        yield* user.hears(1_200)
        yield* says(user, ears, "tea and milk")
        yield* user.hears(2_000)
        assert.deepStrictEqual((yield* user.said)[0], "user: tea and milk")
        assert.deepStrictEqual(answeredAfter(user), [300 + FINAL_MS + 40])
      }),
    detector(({ transcript }) => Effect.succeed(transcript.endsWith("and") ? 0.1 : 0.9))
  )

  for (
    const [what, endOfTurn, ms] of [
      ["hangs", () => Effect.never, 600],
      ["fails", () => Effect.fail(new PipelineError({ op: "x", message: "x", retryable: false })), 300],
      ["dies", () => Effect.die(new Error("bug")), 300],
      ["says nonsense", () => Effect.succeed(Number.NaN), 300]
    ] as const
  ) {
    test(`that ${what} costs ${ms - 300} ms and nothing else`, { agent: prompt }, (ears) =>
      Effect.gen(function*() {
        const user = yield* call()
        yield* says(user, ears, "hello")
        yield* user.hears(3_000)
        assert.deepStrictEqual(answeredAfter(user), [ms + FINAL_MS + 40])
        assert.deepStrictEqual(user.connection.of("error"), [])
      }), detector(endOfTurn))
  }
})

describe("The policy", () => {
  test(
    "can be replaced while the session runs, by a valid one only",
    { agent: agentOf(counting) },
    (ears) =>
      Effect.gen(function*() {
        const user = yield* call()
        const next = { ...defaultPolicy, ...interruption({ enabled: false }) }
        const wrong = { ...defaultPolicy, longestTurn: Duration.millis(1) }
        assert.strictEqual((yield* Effect.flip(user.session.updatePolicy(wrong))).code, "invalid_config")
        yield* says(user, ears, "count", 300)
        yield* user.hears(900)
        yield* user.session.updatePolicy(next)
        yield* says(user, ears, "stop it")
        yield* user.hears(500)
        assert.notInclude(user.connection.types, "agent.speech_paused")
        yield* user.session.updatePolicy({ ...defaultPolicy, ...interruption({ backchannels: ["stop it"] }) })
        yield* user.hears(3_000)
        assert.deepStrictEqual((yield* user.said).slice(0, 3), ["user: count", `agent: ${counting}`, "user: stop it"])
        yield* says(user, ears, "stop it")
        yield* user.hears(400)
        assert.deepStrictEqual(user.connection.of("user.backchannel").map((event) => event.text), ["stop it"])
        yield* user.session.stop.pipe(Effect.forkChild)
        yield* pass("10 seconds")
        assert.strictEqual((yield* Effect.flip(user.session.updatePolicy(next))).code, "session_not_found")
      })
  )

  test(
    "emits `user.away`, and says goodbye",
    { policy: { goodbye: "Bye.", away: { after: Duration.seconds(15), closeAfter: Duration.seconds(30) } } },
    () =>
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.hears(14_000)
        assert.notInclude(user.connection.types, "user.away")
        yield* user.hears(2_000)
        assert.strictEqual(user.connection.of("user.away").length, 1)
        yield* pass("32 seconds")
        assert.strictEqual(yield* user.session.ended, "user_away")
        assert.deepStrictEqual(yield* user.said, ["agent: Bye."])
      })
  )

  test(
    "does not let music hold the agent back, and takes words in it however late they come",
    { policy: { longestNoise: Duration.seconds(5) } },
    (ears) =>
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.speaks(4_000)
        yield* user.session.say("Are you there?")
        yield* user.speaks(500)
        assert.deepStrictEqual(yield* user.said, [])
        yield* user.speaks(70_000)
        assert.deepStrictEqual(yield* user.said, ["agent: Are you there?"])
        yield* ears.interim("yes")
        yield* user.speaks(2_000)
        assert.strictEqual(yield* user.session.state.get, "listening", "the turn is not over yet")
        ears.next = "Yes, I am"
        yield* user.hears(3_000)
        assert.deepStrictEqual((yield* user.said).slice(1), ["user: Yes, I am", "agent: You said Yes, I am."])
      })
  )
})

describe("Engines with a fallback", () => {
  const broken = new PipelineError({ op: "test", message: "broken", retryable: false })
  const options = Schema.Struct({ texts: Schema.optionalKey(Schema.Array(Schema.String)) })
  const named = <Shape extends { readonly name: string }>(name: string, shape: Shape): Shape => ({ ...shape, name })
  const sttOf = (name: string, failing: boolean) =>
    Layer.effect(SpeechToText, Effect.map(SpeechToText, (shape) => named(name, shape))).pipe(
      Layer.provide(Scripted.layerStt(["hello", "again"], failing ? { failAt: { 0: broken } } : {}))
    )
  const ttsOf = (name: string, failing: boolean) =>
    Layer.effect(TextToSpeech, Effect.map(TextToSpeech, (shape) => named(name, shape))).pipe(
      Layer.provide(Scripted.layerTts(failing ? { failAt: { 0: broken } } : {}))
    )
  const define = { description: "x", options } as const
  const engines = EngineRegistry.EngineRegistry.layer({
    stt: {
      ears1: Effect.succeed(EngineRegistry.define({
        ...define,
        kind: "stt",
        name: "ears1",
        layer: () => sttOf("ears1", true)
      })),
      ears2: Effect.succeed(EngineRegistry.define({
        ...define,
        kind: "stt",
        name: "ears2",
        layer: () => sttOf("ears2", false)
      }))
    },
    tts: {
      voice1: Effect.succeed(EngineRegistry.define({
        ...define,
        kind: "tts",
        name: "voice1",
        layer: () => ttsOf("voice1", true)
      })),
      voice2: Effect.succeed(EngineRegistry.define({
        ...define,
        kind: "tts",
        name: "voice2",
        layer: () => ttsOf("voice2", false)
      }))
    },
    vad: {
      scripted: Effect.succeed(EngineRegistry.define({
        ...define,
        kind: "vad",
        name: "scripted",
        layer: () => Scripted.layerVad()
      }))
    }
  })

  it.effect("go on with the next one, and report it to the session that used it", () =>
    Effect.gen(function*() {
      const backend = yield* newBackend("test", {
        ...BackendConfig.defaults,
        provider: "test",
        sttProvider: "ears1",
        sttFallback: ["ears2"],
        ttsProvider: "voice1",
        ttsFallback: ["voice2"],
        vadProvider: "scripted",
        agent: "echo"
      })
      yield* backend.start
      const open = Effect.gen(function*() {
        const user = new User(
          yield* backend.createSession({ userId: "u", transport: "websocket" }),
          new TestConnection()
        )
        yield* user.session.attach(user.connection)
        return user
      })
      const other = yield* open
      const user = yield* open
      yield* user.speaks(400)
      yield* user.hears(4_000)
      assert.deepStrictEqual(yield* user.said, ["user: hello", "agent: You said hello."], "the turn is not lost")
      const incidents = user.connection.of("engine.incident")
      const told = incidents.map(({ engine, kind, to, what }) => [kind, engine, what, to ?? ""].join(" ").trim())
      assert.includeMembers(told, [
        "stt ears1 failed",
        "stt ears1 switched ears2",
        "tts voice1 failed",
        "tts voice1 switched voice2"
      ])
      assert.strictEqual(incidents.find((event) => event.what === "failed")?.code, "pipeline_error")
      assert.deepStrictEqual(user.connection.of("error"), [])
      assert.notInclude(user.connection.of("session.state").map((event) => event.state), "error")
      assert.deepStrictEqual(other.connection.of("engine.incident"), [])
      assert.deepInclude(backend.engines, { stt: "ears1, ears2", tts: "voice1, voice2" })
      const stopped = yield* Deferred.make<void>()
      yield* Effect.forkChild(Effect.ensuring(backend.stop, Deferred.succeed(stopped, undefined)))
      yield* pass("5 minutes")
      yield* Deferred.await(stopped)
    }).pipe(
      Effect.scoped,
      Effect.provide(
        Layer.mergeAll(
          BackendRegistry.layer([provider()]),
          engines,
          AgentRegistry.layer({ echo }),
          ProcessorRegistry.layer()
        )
      )
    ))
})
