/**
 * Several voices as one: what is spoken, by which engine, and which incidents are reported.
 *
 * @since 0.1.0
 */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, Schema, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { InvalidConfig, Timeout } from "../../../src/BackendError.ts"
import type { ResilienceOptions } from "../../../src/speech/resilience/Resilience.ts"
import * as ResilientTextToSpeech from "../../../src/speech/resilience/ResilientTextToSpeech.ts"
import type { SpeechChunk, TextToSpeechStream } from "../../../src/speech/TextToSpeech.ts"
import { fewer } from "../../support/Full.ts"
import * as Faulty from "../Faulty.ts"

const A = 100
const B = 200
const session = { sessionId: "s1" }
type Engine = ReturnType<typeof Faulty.tts>

const setup = Effect.fnUntraced(
  function*(engines: readonly [Engine, ...Array<Engine>], options: ResilienceOptions = {}) {
    const recorder = Faulty.recorder()
    const [first, ...rest] = engines
    const engine = yield* ResilientTextToSpeech.make([first.engine, ...rest.map(({ engine }) => engine)], {
      onIncident: recorder.onIncident,
      ...options
    })
    return { ...recorder, engine }
  }
)

/** `A:text` where a text begins, in the level of the engine that spoke it; `A` where it goes on. */
const said = (chunks: ReadonlyArray<SpeechChunk>) =>
  chunks.filter(({ pcm }) => pcm.length > 0).map(({ pcm, text }) =>
    `${pcm[0] === A ? "A" : pcm[0] === B ? "B" : "?"}${text === "" ? "" : `:${text}`}`
  )

/** Runs to the end in virtual time. */
const speakAll = Effect.fnUntraced(function*(voice: TextToSpeechStream, ...texts: ReadonlyArray<string>) {
  const chunks: Array<SpeechChunk> = []
  const fiber = yield* voice.speak(Stream.fromIterable(texts)).pipe(
    Stream.runForEach((chunk) => Effect.sync(() => void chunks.push(chunk))),
    Effect.exit,
    Effect.forkChild
  )
  yield* TestClock.adjust("10 minutes")
  const exit = yield* Fiber.join(fiber)
  const ends = chunks.flatMap(({ end }) => end === undefined ? [] : [end])
  return { chunks: chunks.filter(({ pcm, text }) => pcm.length > 0 || text !== ""), ends, exit, said: said(chunks) }
})

describe("ResilientTextToSpeech", () => {
  it.effect("speaks with the first engine and opens no other", () =>
    Effect.gen(function*() {
      const a = Faulty.tts("a", A, Faulty.inTurn("ok"))
      const b = Faulty.tts("b", B, Faulty.inTurn("ok"))
      const { engine, incidents } = yield* setup([a, b])
      const result = yield* speakAll(yield* engine.open(session), "one", "two")
      assert.deepStrictEqual(result.said, ["A:one", "A", "A:two", "A"])
      assert.deepStrictEqual([a.counts.opened, b.counts.opened], [1, 0])
      assert.deepStrictEqual(incidents, [])
    }))

  it.effect("reports incidents to their session, and passes its voice and language to the engines that support them", () =>
    Effect.gen(function*() {
      const a = Faulty.tts("a", A, Faulty.inTurn("fatal", "ok"))
      const b = Faulty.tts("b", B, Faulty.inTurn("ok"))
      const { engine, lines } = yield* setup([a, b])
      const own = Faulty.recorder()
      const other = Faulty.recorder()
      yield* engine.open({ sessionId: "s2", onIncident: other.onIncident })
      const voice = yield* engine.open({ sessionId: "s1", voice: "a", language: "fr", onIncident: own.onIncident })
      assert.deepStrictEqual((yield* speakAll(voice, "one")).said, ["B:one", "B"])
      assert.isNotEmpty(own.lines())
      assert.deepStrictEqual(own.lines(), lines())
      assert.deepStrictEqual(other.lines(), [])
      assert.deepInclude(a.wanted[1], { voice: "a", language: "fr" })
      // the other has no voice of that name, and speaks any language
      assert.deepInclude(b.wanted[0], { voice: undefined, language: "fr" })
    }))

  for (const when of ["opened", "asked to speak"]) {
    it.effect(`keeps its circuit closed when a session's own voice is refused, once it is ${when}`, () =>
      Effect.gen(function*() {
        const { engine } = Faulty.tts("a", A, () => "ok")
        const refused = new InvalidConfig({ op: "test", message: "no such voice" })
        const resilient = yield* ResilientTextToSpeech.make([{
          ...engine,
          open: (wanted) =>
            wanted.voice === undefined
              ? engine.open(wanted)
              : when === "opened"
              ? Effect.fail(refused)
              : Effect.succeed({ speak: () => Stream.fail(refused) })
        }], { breaker: { failures: 2 } })
        for (let i = 0; i < 5; i++) {
          const speaking = Effect.scoped(
            Effect.flatMap(
              resilient.open({ sessionId: `s${i}`, voice: "unknown" }),
              (voice) => Stream.runDrain(voice.speak(Stream.make("one")))
            )
          )
          assert.strictEqual((yield* Effect.flip(speaking))._tag, "InvalidConfig")
        }
        assert.deepStrictEqual((yield* speakAll(yield* resilient.open(session), "one")).said, ["A:one", "A"])
      }))
  }

  it.effect("finishes a sentence that broke off, at once and without repeating anything", () =>
    Effect.gen(function*() {
      const a = Faulty.tts("a", A, Faulty.inTurn("part", "ok"))
      const { engine, lines } = yield* setup([a])
      const voice = yield* engine.open(session)
      const chunks: Array<SpeechChunk> = []
      const fiber = yield* voice.speak(Stream.make("one")).pipe(
        Stream.runForEach((chunk) => Effect.sync(() => void chunks.push(chunk))),
        Effect.forkChild
      )
      yield* TestClock.adjust("0 millis")
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(said(chunks), ["A:one", "A"])
      assert.strictEqual(chunks.reduce((samples, { pcm }) => samples + pcm.length, 0), 30)
      assert.deepStrictEqual(a.asked, ["one:part", "one:ok"])
      assert.deepStrictEqual(lines(), ["a failed", "a retrying", "a recovered"])
    }))

  it.effect("tells where the speech of each sentence ends, and whether it is whole", () =>
    Effect.gen(function*() {
      const a = Faulty.tts("a", A, Faulty.inTurn("ok", "part", "ok", "part", "fatal"))
      const b = Faulty.tts("b", B, Faulty.inTurn("ok"))
      const { engine } = yield* setup([a, b], { maxRetries: 1 })
      const result = yield* speakAll(yield* engine.open(session), "one", "two", "three", "four")
      assert.deepStrictEqual(result.said, ["A:one", "A", "A:two", "A", "A:three", "B:four", "B"])
      assert.deepStrictEqual(result.ends, ["whole", "whole", "cut", "whole"])
    }))

  it.effect("finishes the sentences of all sessions when the vendor drops all their connections at once", () =>
    Effect.gen(function*() {
      const count = 20
      let opened = 0
      const dropped = Faulty.tts("a", A, () => "part")
      const working = Faulty.tts("a", A, () => "ok")
      const { engine, incidents } = yield* setup([{
        ...working,
        engine: {
          ...working.engine,
          open: (wanted) =>
            opened++ < count ? dropped.engine.open(wanted) : Effect.delay(working.engine.open(wanted), "100 millis")
        }
      }])
      const voices = yield* Effect.forEach(Array.from({ length: count }), (_, i) => engine.open({ sessionId: `s${i}` }))
      const results = yield* Effect.forEach(voices, (voice) => speakAll(voice, "one"), { concurrency: "unbounded" })
      for (const { said } of results) assert.deepStrictEqual(said, ["A:one", "A"])
      assert.deepStrictEqual([dropped.asked.length, working.asked.length], [count, count])
      assert.notInclude(incidents.map(({ what }) => what), "opened_circuit")
    }))

  for (const fault of ["fail", "part", "silent", "hang", "part-hang"] as const) {
    for (const maxRetries of [0, 1, 3]) {
      it.effect(`asks for one sentence at most ${maxRetries + 1} times when a voice does ${fault}`, () =>
        Effect.gen(function*() {
          const a = Faulty.tts("a", A, () => fault)
          const stalling = { ...a, engine: { ...a.engine, stallTimeout: Duration.seconds(1) } }
          const { engine } = yield* setup([stalling], { maxRetries, timeout: "1 hour" })
          const { exit, said } = yield* speakAll(yield* engine.open(session), "one")
          assert.lengthOf(a.asked, maxRetries + 1)
          assert.deepStrictEqual(said, fault.startsWith("part") ? ["A:one"] : [])
          assert.isTrue(Exit.isFailure(exit))
        }))
    }
  }

  it.effect("treats a voice as dead that pauses longer than its stallTimeout", () =>
    Effect.gen(function*() {
      const a = Faulty.tts("a", A, Faulty.inTurn("part-hang", "ok"))
      const { engine, incidents } = yield* setup([
        { ...a, engine: { ...a.engine, stallTimeout: Duration.seconds(5) } }
      ])
      const fiber = yield* Effect.forkChild(speakAll(yield* engine.open(session), "one"))
      yield* TestClock.adjust("4999 millis")
      assert.lengthOf(a.asked, 1)
      yield* TestClock.adjust("1 millis")
      assert.lengthOf(a.asked, 2)
      assert.deepStrictEqual((yield* Fiber.join(fiber)).said, ["A:one", "A"])
      assert.strictEqual(incidents[0]?.error?._tag, "Timeout")
      assert.strictEqual(incidents[0]?.error?.message, "waiting for audio from a timed out after 5s")
      assert.deepStrictEqual(incidents[0]?.error?.details, { engine: "a" })
    }))

  it.effect("lets a voice take its startTimeout up to the first chunk, which may be empty", () =>
    Effect.gen(function*() {
      const times = { startTimeout: Duration.seconds(8), stallTimeout: Duration.seconds(5) }
      const failsAfter = Effect.fnUntraced(function*(speech: Stream.Stream<SpeechChunk>) {
        const { engine } = Faulty.tts("a", A, () => "ok")
        const resilient = yield* ResilientTextToSpeech.make([
          { ...engine, ...times, open: () => Effect.succeed({ speak: () => speech }) }
        ], { maxRetries: 0 })
        const fiber = yield* Effect.forkChild(
          Effect.exit(Stream.runDrain((yield* resilient.open(session)).speak(Stream.make("one"))))
        )
        yield* TestClock.adjust("7 seconds")
        const early = fiber.pollUnsafe() !== undefined
        yield* TestClock.adjust("1 second")
        assert.isDefined(fiber.pollUnsafe())
        return early ? "stallTimeout" : "startTimeout"
      })
      assert.strictEqual(yield* failsAfter(Stream.never), "startTimeout")
      const empty = Stream.succeed({ pcm: new Int16Array(0), text: "" })
      assert.strictEqual(yield* failsAfter(Stream.concat(empty, Stream.never)), "stallTimeout")
    }))

  it.effect("retries the same engine after a pause, in a new stream, once the old one is closed", () =>
    Effect.gen(function*() {
      const a = Faulty.tts("a", A, Faulty.inTurn("fail", "fail", "ok"))
      const { engine, lines } = yield* setup([a], { retryDelay: "1 second" })
      const voice = yield* engine.open(session)
      const chunks: Array<SpeechChunk> = []
      const fiber = yield* voice.speak(Stream.make("one")).pipe(
        Stream.runForEach((chunk) => Effect.sync(() => void chunks.push(chunk))),
        Effect.forkChild
      )
      yield* TestClock.adjust("799 millis")
      assert.lengthOf(a.asked, 1)
      yield* TestClock.adjust("401 millis")
      assert.lengthOf(a.asked, 2)
      // between 1.6 and 2.4 s after the first retry, which was between 0.8 and 1.2 s
      yield* TestClock.adjust("1199 millis")
      assert.lengthOf(a.asked, 2)
      yield* TestClock.adjust("1201 millis")
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(said(chunks), ["A:one", "A"])
      assert.deepStrictEqual(lines(), ["a failed", "a retrying", "a failed", "a retrying", "a recovered"])
      assert.strictEqual(a.counts.most, 1)
    }))

  it.effect("fails over when retries are used up, and stays with the fallback for the reply", () =>
    Effect.gen(function*() {
      const a = Faulty.tts("a", A, Faulty.inTurn("fail", "fail", "ok"))
      const b = Faulty.tts("b", B, Faulty.inTurn("ok"))
      const { engine, lines } = yield* setup([a, b], { maxRetries: 1 })
      const voice = yield* engine.open(session)
      const first = yield* speakAll(voice, "one", "two")
      assert.deepStrictEqual(first.said, ["B:one", "B", "B:two", "B"])
      assert.deepStrictEqual(lines(), ["a failed", "a retrying", "a failed", "a switched b"])
      // the next reply begins with the first engine again
      const second = yield* speakAll(voice, "three")
      assert.deepStrictEqual(second.said, ["A:three", "A"])
      assert.deepStrictEqual(lines().slice(4), ["b switched a", "a recovered"])
    }))

  it.effect("does not retry after an error that is not retryable", () =>
    Effect.gen(function*() {
      const a = Faulty.tts("a", A, Faulty.inTurn("fatal"))
      const b = Faulty.tts("b", B, Faulty.inTurn("ok"))
      const { engine } = yield* setup([a, b])
      const result = yield* speakAll(yield* engine.open(session), "one")
      assert.deepStrictEqual(result.said, ["B:one", "B"])
      assert.lengthOf(a.asked, 1)
    }))

  it.effect("never repeats what was delivered: the fallback goes on with the next sentence", () =>
    Effect.gen(function*() {
      const a = Faulty.tts("a", A, Faulty.inTurn("part"))
      const b = Faulty.tts("b", B, Faulty.inTurn("ok"))
      const { engine } = yield* setup([a, b])
      const result = yield* speakAll(yield* engine.open(session), "one", "two")
      assert.deepStrictEqual(result.said, ["A:one", "B:two", "B"])
      assert.isTrue(Exit.isSuccess(result.exit))
    }))

  for (const fault of ["hang", "die", "silent", "empty", "part-hang"] as const) {
    it.effect(`counts ${fault} as a failure`, () =>
      Effect.gen(function*() {
        const a = Faulty.tts("a", A, Faulty.inTurn(fault))
        const b = Faulty.tts("b", B, Faulty.inTurn("ok"))
        const { engine, incidents } = yield* setup([a, b], { maxRetries: 0, timeout: "10 seconds" })
        const result = yield* speakAll(yield* engine.open(session), "one", "two")
        assert.deepStrictEqual(
          result.said,
          fault === "part-hang" ? ["A:one", "B:two", "B"] : ["B:one", "B", "B:two", "B"]
        )
        assert.deepStrictEqual(incidents.map(({ what }) => what), ["failed", "switched"])
        assert.strictEqual(a.counts.running, 0)
      }))
  }

  it.effect("gives a hung engine only its share of the time", () =>
    Effect.gen(function*() {
      const a = Faulty.tts("a", A, Faulty.inTurn("hang"))
      const b = Faulty.tts("b", B, Faulty.inTurn("hang"))
      const { engine } = yield* setup([a, b], { timeout: "10 seconds" })
      const voice = yield* engine.open(session)
      const fiber = yield* Effect.forkChild(Effect.flip(Stream.runDrain(voice.speak(Stream.make("one")))))
      yield* TestClock.adjust("5 seconds")
      assert.lengthOf(b.asked, 1)
      yield* TestClock.adjust("5 seconds")
      assert.instanceOf(yield* Fiber.join(fiber), Timeout)
      assert.lengthOf(b.asked, 1)
    }))

  it.effect("accepts no audio for a text that can't be pronounced", () =>
    Effect.gen(function*() {
      const a = Faulty.tts("a", A, Faulty.inTurn("silent"))
      const { engine, incidents } = yield* setup([a])
      const result = yield* speakAll(yield* engine.open(session), "…")
      assert.isTrue(Exit.isSuccess(result.exit))
      assert.deepStrictEqual(incidents, [])
    }))

  it.effect("fails with the last failure when all have failed, and speaks again when one can", () =>
    Effect.gen(function*() {
      const a = Faulty.tts("a", A, Faulty.inTurn("fail", "fail", "ok"))
      const b = Faulty.tts("b", B, Faulty.inTurn("fatal"))
      const { engine } = yield* setup([a, b], { maxRetries: 1 })
      const voice = yield* engine.open(session)
      const first = yield* speakAll(voice, "one", "two")
      assert.deepStrictEqual(first.exit, Exit.fail(Faulty.fatal))
      assert.deepStrictEqual(first.said, [])
      assert.deepStrictEqual((yield* speakAll(voice, "three")).said, ["A:three", "A"])
    }))

  it.effect("passes on a failure of the text stream", () =>
    Effect.gen(function*() {
      const a = Faulty.tts("a", A, Faulty.inTurn("ok"))
      const { engine, incidents } = yield* setup([a])
      const voice = yield* engine.open(session)
      const exit = yield* Stream.concat(Stream.make("one"), Stream.fail("no more")).pipe(
        voice.speak,
        Stream.runDrain,
        Effect.exit
      )
      assert.deepStrictEqual(exit, Exit.fail("no more"))
      assert.deepStrictEqual(incidents, [])
    }))

  it.effect("converts a fallback's rate, and all of its audio arrives", () =>
    Effect.gen(function*() {
      const a = Faulty.tts("a", A, Faulty.inTurn("fatal"))
      const b = Faulty.tts("b", B, Faulty.inTurn("ok"), { sampleRate: 8_000 })
      const pieces = Array.from({ length: 4 }, (_, index) => ({
        pcm: new Int16Array(2_000).fill(1_000 * index),
        text: index === 0 ? "one" : ""
      }))
      const engine = {
        ...b.engine,
        open: () => Effect.succeed({ speak: () => Stream.fromIterable(pieces) })
      }
      const whole = yield* setup([a, { ...b, engine }])
      const { chunks } = yield* speakAll(yield* whole.engine.open(session), "one")
      assert.deepStrictEqual(chunks.map(({ text }) => text).filter((text) => text !== ""), ["one"])
      // 8,000 samples at 8 kHz are one second
      assert.strictEqual(chunks.reduce((sum, { pcm }) => sum + pcm.length, 0), 24_000)
      // each chunk is the receiver's
      assert.strictEqual(new Set(chunks.map(({ pcm }) => pcm.buffer)).size, chunks.length)
    }))

  it.effect("opens when one engine can be opened, and fails when none can", () =>
    Effect.gen(function*() {
      const a = Faulty.tts("a", A, Faulty.inTurn("ok"), { onOpen: Faulty.inTurn("refuse", "refuse", "ok") })
      const b = Faulty.tts("b", B, Faulty.inTurn("ok"), { onOpen: Faulty.inTurn("ok", "refuse-hang") })
      const { engine, lines } = yield* setup([a, b], { timeout: "10 seconds" })
      yield* engine.open(session)
      assert.deepStrictEqual(lines(), ["a failed", "a switched b"])
      const fiber = yield* Effect.forkChild(Effect.flip(engine.open(session)))
      yield* TestClock.adjust("10 seconds")
      assert.instanceOf(yield* Fiber.join(fiber), Timeout)
    }))

  it.effect("opens a circuit for all sessions, probes it with one of them, and closes it", () =>
    Effect.gen(function*() {
      const a = Faulty.tts("a", A, Faulty.inTurn("fail", "fail", "fail", "ok"))
      const b = Faulty.tts("b", B, Faulty.inTurn("ok"))
      const { engine, lines } = yield* setup([a, b], {
        maxRetries: 0,
        breaker: { failures: 2, coolDown: "1 hour", maxCoolDown: "90 minutes" }
      })
      const [one, two] = [yield* engine.open(session), yield* engine.open({ sessionId: "s2" })]
      yield* speakAll(one, "1")
      yield* speakAll(two, "2")
      assert.lengthOf(a.asked, 2)
      assert.include(lines(), "a opened_circuit")
      // 10 min each: the engine is left alone by both
      assert.deepStrictEqual((yield* speakAll(one, "3")).said, ["B:3", "B"])
      assert.deepStrictEqual((yield* speakAll(two, "4")).said, ["B:4", "B"])
      assert.lengthOf(a.asked, 2)
      // the probe fails: open again, now for 90 min and not two hours
      yield* TestClock.adjust("40 minutes")
      assert.deepStrictEqual((yield* speakAll(one, "5")).said, ["B:5", "B"])
      assert.lengthOf(a.asked, 3)
      yield* TestClock.adjust("70 minutes")
      assert.deepStrictEqual((yield* speakAll(two, "6")).said, ["B:6", "B"])
      assert.lengthOf(a.asked, 3)
      assert.deepStrictEqual((yield* speakAll(two, "7")).said, ["A:7", "A"])
      assert.strictEqual(lines().at(-1), "a recovered")
    }))

  it.effect("fails over at once when a failure opens the circuit", () =>
    Effect.gen(function*() {
      const a = Faulty.tts("a", A, Faulty.inTurn("fail"))
      const b = Faulty.tts("b", B, Faulty.inTurn("ok"))
      const { engine, lines } = yield* setup([a, b], { breaker: { failures: 1 } })
      const voice = yield* engine.open(session)
      yield* Stream.runDrain(voice.speak(Stream.make("one")))
      assert.deepStrictEqual(lines(), ["a failed", "a opened_circuit", "a switched b"])
    }))

  it.effect("releases a probe that was interrupted", () =>
    Effect.gen(function*() {
      const a = Faulty.tts("a", A, Faulty.inTurn("fail", "hang", "ok"))
      const { engine } = yield* setup([a], { maxRetries: 0, breaker: { failures: 1, coolDown: "1 second" } })
      const voice = yield* engine.open(session)
      yield* speakAll(voice, "1")
      const probe = yield* Effect.forkChild(Stream.runDrain(voice.speak(Stream.make("2"))))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(a.asked, ["1:fail", "2:hang"])
      yield* Fiber.interrupt(probe)
      assert.deepStrictEqual((yield* speakAll(voice, "3")).said, ["A:3", "A"])
    }))

  it.effect("releases everything when it is interrupted, and when the session ends", () =>
    Effect.gen(function*() {
      const a = Faulty.tts("a", A, Faulty.inTurn("fail", "hang"))
      const b = Faulty.tts("b", B, Faulty.inTurn("part-hang"))
      const { engine } = yield* setup([a, b])
      const scope = yield* Scope.make()
      const voice = yield* Scope.provide(engine.open(session), scope)
      const fiber = yield* Effect.forkChild(Stream.runDrain(voice.speak(Stream.make("one"))))
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual(a.counts.running, 1)
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual([a.counts.running, b.counts.running], [0, 0])
      yield* Scope.close(scope, Exit.void)
      for (const { counts } of [a, b]) assert.strictEqual(counts.closed, counts.opened)
    }))

  it.effect("keeps the voice of a reply that still speaks when another reply's failure drops it", () =>
    Effect.gen(function*() {
      const a = Faulty.tts("a", A, Faulty.inTurn("part-hang", "fail", "ok"))
      const { engine } = yield* setup([a])
      const voice = yield* engine.open(session)
      const speaking = yield* Effect.forkChild(Stream.runDrain(voice.speak(Stream.make("one"))))
      yield* TestClock.adjust("0 millis")
      const other = yield* Effect.forkChild(Stream.runDrain(voice.speak(Stream.make("two"))))
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(other)
      assert.deepStrictEqual([a.counts.opened, a.counts.closed], [2, 0])
      yield* Fiber.interrupt(speaking)
      yield* TestClock.adjust("0 millis")
      assert.deepStrictEqual([a.counts.opened, a.counts.closed], [2, 1])
    }))

  const fault = Schema.Literals(["ok", "ok", "fail", "fatal", "hang", "die", "silent", "empty", "part", "part-hang"])
  const faults = Schema.Array(fault).check(Schema.isMaxLength(12))
  it.effect.prop(
    "speaks each text once and in order, or fails, whatever the engines do",
    [faults, faults, Schema.Array(Schema.Literals(["ok", "refuse"])).check(Schema.isMaxLength(4))],
    ([first, second, opens]) =>
      Effect.scoped(Effect.gen(function*() {
        const a = Faulty.tts("a", A, Faulty.inTurn(...first, "ok" as const), {
          onOpen: Faulty.inTurn(...opens, "ok" as const)
        })
        const b = Faulty.tts("b", B, Faulty.inTurn(...second, "ok" as const))
        const { engine } = yield* setup([a, b], { retryDelay: "100 millis", timeout: "5 seconds" })
        const scope = yield* Scope.make()
        const voice = yield* Scope.provide(engine.open(session), scope)
        const script = ["one", "two", "three", "four", "five"]
        const { chunks, exit } = yield* speakAll(voice, ...script)
        const texts = chunks.map(({ text }) => text).filter((text) => text !== "")
        assert.deepStrictEqual(texts, script.slice(0, texts.length))
        if (Exit.isSuccess(exit)) assert.lengthOf(texts, script.length)
        // no audio of a text comes twice: at most two chunks after each text, all of one engine
        for (const [index, text] of texts.entries()) {
          const from = chunks.findIndex((chunk) => chunk.text === text)
          const to = index + 1 < texts.length
            ? chunks.findIndex((chunk) => chunk.text === texts[index + 1])
            : chunks.length
          assert.isAtMost(to - from, 2)
          assert.strictEqual(new Set(chunks.slice(from, to).map(({ pcm }) => pcm[0])).size, 1)
        }
        assert.deepStrictEqual([a.counts.running, b.counts.running], [0, 0])
        yield* Scope.close(scope, Exit.void)
        for (const { counts } of [a, b]) assert.strictEqual(counts.closed, counts.opened)
      })),
    { arbitrary: { runs: fewer(200) } }
  )
})
