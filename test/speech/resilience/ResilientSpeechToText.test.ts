/**
 * Several recognisers as one: no word lost, none twice, each `finalize` answered once.
 *
 * @since 0.1.0
 */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, Schema, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { InvalidConfig, PipelineError, Timeout } from "../../../src/BackendError.ts"
import * as ResilientSpeechToText from "../../../src/speech/resilience/ResilientSpeechToText.ts"
import type { SpeechToTextOptions, SpeechToTextStream, TranscriptEvent } from "../../../src/speech/SpeechToText.ts"
import { fewer } from "../../support/Full.ts"
import * as Faulty from "../Faulty.ts"

type Engine = ReturnType<typeof Faulty.stt>
const session = { sessionId: "s1" }

/** A user with the session's timeline. */
const user = (stream: SpeechToTextStream) => {
  let position = 0
  /** 20 ms frames of a word (its level), or of silence. */
  const say = (level: number, ms: number) => {
    for (let at = 0; at < ms; at += 20) {
      stream.push(new Int16Array(320).fill(level))
      position += 320
    }
  }
  const started = () => stream.activity({ _tag: "SpeechStarted", atSample: position, decidedAtSample: position })
  const stopped = () => stream.activity({ _tag: "SpeechStopped", atSample: position, decidedAtSample: position })
  const finalize = (id: number) => stream.finalize(id, position)
  return {
    position: () => position,
    say,
    started,
    stopped,
    finalize,
    /** A turn of one word, of 400 ms. */
    turn: (level: number, id: number) => {
      started()
      say(level, 400)
      stopped()
      finalize(id)
    }
  }
}

const setup = Effect.fnUntraced(function*(
  engines: readonly [Engine, ...Array<Engine>],
  options: ResilientSpeechToText.ResilientSpeechToTextOptions = {}
) {
  const recorder = Faulty.recorder()
  const [first, ...rest] = engines
  const engine = yield* ResilientSpeechToText.make([first.engine, ...rest.map(({ engine }) => engine)], {
    onIncident: recorder.onIncident,
    ...options
  })
  const events: Array<TranscriptEvent> = []
  const open = Effect.gen(function*() {
    const stream = yield* engine.open(session)
    const listening = yield* stream.events.pipe(
      Stream.runForEach((event) => Effect.sync(() => void events.push(event))),
      Effect.exit,
      Effect.forkScoped
    )
    yield* Faulty.pass(0)
    return { stream, user: user(stream), listening }
  })
  return {
    ...recorder,
    engine,
    events,
    open,
    finals: () => events.flatMap((event) => event._tag === "Final" ? event.text.split(" ") : []),
    answers: () => events.flatMap((event) => event._tag === "Finalized" ? [event.id] : [])
  }
})

describe("ResilientSpeechToText", () => {
  it.effect("keeps its circuit closed when a session's own language is refused", () =>
    Effect.gen(function*() {
      const { engine } = Faulty.stt("a", Faulty.inTurn("ok"))
      const resilient = yield* ResilientSpeechToText.make([{
        ...engine,
        open: (wanted) =>
          wanted.language === undefined
            ? engine.open(wanted)
            : Effect.fail(new InvalidConfig({ op: "test", message: "no such language" }))
      }], { breaker: { failures: 2 } })
      for (let i = 0; i < 5; i++) {
        const error = yield* Effect.flip(Effect.scoped(resilient.open({ sessionId: `s${i}`, language: "xx" })))
        assert.strictEqual(error._tag, "InvalidConfig")
      }
      yield* Effect.scoped(resilient.open(session))
    }))

  it.effect("delivers everything to a slow reader, in order, without waiting for time", () =>
    Effect.gen(function*() {
      const count = 1_000
      const { engine } = Faulty.stt("a", Faulty.inTurn("ok"))
      const resilient = yield* ResilientSpeechToText.make([{
        ...engine,
        open: () =>
          Effect.succeed({
            push: () => {},
            activity: () => {},
            finalize: () => {},
            events: Stream.concat(
              Stream.map(Stream.range(1, count), (i): TranscriptEvent => ({ _tag: "Final", text: `${i}` })),
              Stream.never
            )
          })
      }])
      const stream = yield* resilient.open(session)
      const texts = yield* stream.events.pipe(
        Stream.rechunk(1),
        Stream.mapEffect((event) => Effect.as(Effect.yieldNow, event._tag === "Final" ? event.text : "")),
        Stream.take(count),
        Stream.runCollect
      )
      assert.deepStrictEqual(texts, Array.from({ length: count }, (_, i) => `${i + 1}`))
    }))

  it.effect("behaves as the first engine while nothing fails", () =>
    Effect.gen(function*() {
      const a = Faulty.stt("a", Faulty.inTurn("ok"), { interim: true })
      const b = Faulty.stt("b", Faulty.inTurn("ok"))
      const { engine, events, incidents, open } = yield* setup([a, b])
      const { user } = yield* open
      assert.deepStrictEqual(engine.capabilities, {
        interim: false,
        endOfTurn: false,
        languages: [],
        language: undefined,
        keyterms: undefined
      })
      user.turn(2_000, 1)
      yield* Faulty.pass(0)
      assert.deepStrictEqual(events, [
        { _tag: "Interim", text: "w2000" },
        { _tag: "Final", text: "w2000" },
        { _tag: "Finalized", id: 1 }
      ])
      assert.deepStrictEqual([a.counts.opened, b.counts.opened], [1, 0])
      assert.deepStrictEqual(incidents, [])
    }))

  it.effect("replays the utterance in flight to a new stream, with its voice activity and finalize requests", () =>
    Effect.gen(function*() {
      const a = Faulty.stt("a", Faulty.inTurn("fail", "ok"))
      const { answers, finals, lines, open } = yield* setup([a])
      const { user } = yield* open
      user.say(0, 5_000)
      user.say(2_000, 300)
      user.started()
      user.say(3_000, 700)
      user.stopped()
      user.finalize(7)
      // what is said before the other stream listens is not lost either
      user.say(4_000, 100)
      yield* Faulty.pass(1_000)
      assert.deepStrictEqual(finals(), ["w2000", "w3000"])
      assert.deepStrictEqual(answers(), [7])
      assert.strictEqual(a.heard.join(" "), "w2000 + w3000 - ?7 w2000 + w3000 - ?7 w4000")
      user.finalize(8)
      yield* Faulty.pass(1_000)
      assert.deepStrictEqual(finals(), ["w2000", "w3000", "w4000"])
      assert.deepStrictEqual(answers(), [7, 8])
      assert.deepStrictEqual(lines(), ["a failed", "a retrying", "a recovered"])
      assert.strictEqual(a.counts.most, 1)
    }))

  for (const fault of ["mute", "end", "throw", "fatal"] as const) {
    it.effect(`counts ${fault} as a failure and fails over`, () =>
      Effect.gen(function*() {
        const a = Faulty.stt("a", Faulty.inTurn(fault))
        const b = Faulty.stt("b", Faulty.inTurn("ok"))
        const { answers, finals, lines, open } = yield* setup([a, b], { maxRetries: 0 })
        const { user } = yield* open
        user.started()
        user.say(2_000, 400)
        user.finalize(1)
        yield* Faulty.pass(3_000)
        assert.deepStrictEqual(finals(), ["w2000"])
        assert.deepStrictEqual(answers(), [1])
        assert.deepStrictEqual(lines(), ["a failed", "a switched b"])
      }))
  }

  it.effect("gives an utterance up that no stream answers, and never replays it into the next one", () =>
    Effect.gen(function*() {
      const a = Faulty.stt("a", Faulty.inTurn("mute", "mute", "ok"))
      const { answers, finals, open } = yield* setup([a])
      const { user } = yield* open
      user.turn(2_000, 1)
      yield* Faulty.pass(10_000)
      assert.deepStrictEqual([finals(), answers()], [[], [1]])
      user.say(0, 2_000)
      user.turn(3_000, 2)
      yield* Faulty.pass(3_000)
      assert.deepStrictEqual([finals(), answers()], [["w3000"], [1, 2]])
    }))

  it.effect("does not replay an utterance that the session has gone on without", () =>
    Effect.gen(function*() {
      const a = Faulty.stt("a", Faulty.inTurn("mute", "ok"))
      const { answers, finals, open } = yield* setup([a])
      const { stream, user } = yield* open
      user.turn(2_000, 1)
      stream.abandon?.(1)
      stream.abandon?.(7)
      yield* Faulty.pass(10_000)
      assert.deepStrictEqual([finals(), answers()], [[], [1]])
    }))

  it.effect("does not deliver words twice when a stream dies between them and the answer", () =>
    Effect.gen(function*() {
      const a = Faulty.stt("a", Faulty.inTurn("half", "ok"))
      const { answers, finals, open } = yield* setup([a])
      const { user } = yield* open
      user.turn(2_000, 1)
      // the user goes on before the answer
      user.say(0, 40)
      user.started()
      user.say(3_000, 400)
      yield* Faulty.pass(1_000)
      assert.deepStrictEqual(finals(), ["w2000"])
      assert.deepStrictEqual(answers(), [1])
      user.finalize(2)
      yield* Faulty.pass(1_000)
      assert.deepStrictEqual(finals(), ["w2000", "w3000"])
      assert.deepStrictEqual(answers(), [1, 2])
    }))

  it.effect("tells a new stream that the user is speaking, also when the beginning was delivered", () =>
    Effect.gen(function*() {
      const a = Faulty.stt("a", Faulty.inTurn("ok"))
      const { finals, open } = yield* setup([a])
      const { user } = yield* open
      user.started()
      user.say(2_000, 400)
      user.finalize(1)
      yield* Faulty.pass(1_000)
      user.say(3_000, 400)
      a.kill()
      yield* Faulty.pass(1_000)
      user.finalize(2)
      yield* Faulty.pass(1_000)
      assert.deepStrictEqual(finals(), ["w2000", "w3000"])
      assert.strictEqual(a.heard.join(" "), "+ w2000 ?1 w3000 + w3000 ?2")
    }))

  it.effect("ignores Finalized events that were not requested", () =>
    Effect.gen(function*() {
      const a = Faulty.stt("a", Faulty.inTurn("lie"))
      const { answers, open } = yield* setup([a])
      const { user } = yield* open
      user.say(2_000, 400)
      user.finalize(1)
      user.finalize(2)
      yield* Faulty.pass(0)
      assert.deepStrictEqual(answers(), [1, 2])
    }))

  it.effect("places words on the session's timeline, whichever stream transcribed them", () =>
    Effect.gen(function*() {
      const a = Faulty.stt("a", Faulty.inTurn("ok", "fail", "ok"), { words: true })
      const { events, open } = yield* setup([a])
      const { user } = yield* open
      user.turn(2_000, 1)
      yield* Faulty.pass(0)
      user.say(0, 20_000)
      const from = user.position()
      user.started()
      user.say(3_000, 400)
      user.stopped()
      const to = user.position()
      user.finalize(2)
      yield* Faulty.pass(1_000)
      const words = events.flatMap((event) => event._tag === "Final" ? event.words ?? [] : [])
      assert.deepStrictEqual(words, [
        { text: "w2000", startSample: 0, endSample: 6_400 },
        { text: "w3000", startSample: from, endSample: to }
      ])
    }))

  it.effect("keeps the last 15 s of a longer utterance", () =>
    Effect.gen(function*() {
      const a = Faulty.stt("a", Faulty.inTurn("ok"))
      const { finals, open } = yield* setup([a])
      const { user } = yield* open
      user.started()
      for (let second = 0; second < 20; second++) user.say(2_000 + second, 1_000)
      a.kill()
      yield* Faulty.pass(1_000)
      user.finalize(1)
      yield* Faulty.pass(1_000)
      assert.deepStrictEqual(finals(), Array.from({ length: 15 }, (_, second) => `w${2_005 + second}`))
    }))

  it.effect("converts for an engine of another rate", () =>
    Effect.gen(function*() {
      const a = Faulty.stt("a", Faulty.inTurn("fatal"))
      let samples = 0
      const b = Faulty.stt("b", Faulty.inTurn("ok"), { sampleRate: 8_000 })
      const engine = {
        ...b.engine,
        open: (options: Parameters<typeof b.engine.open>[0]) =>
          Effect.map(b.engine.open(options), (stream) => ({
            ...stream,
            push: (pcm: Int16Array) => {
              samples += pcm.length
            }
          }))
      }
      const { open } = yield* setup([a, { ...b, engine }])
      const { user } = yield* open
      user.started()
      user.say(2_000, 1_000)
      user.finalize(1)
      yield* Faulty.pass(1_000)
      user.say(2_000, 1_000)
      assert.approximately(samples, 16_000, 200)
    }))

  it.effect("hears a telephone as it comes where the engine can, and replays it to one that cannot", () =>
    Effect.gen(function*() {
      const faulty = [
        Faulty.stt("a", Faulty.inTurn("fatal"), { sampleRates: [8_000, 24_000] }),
        Faulty.stt("b", Faulty.inTurn("ok"))
      ] as const
      const heard = { a: Array<number>(), b: Array<number>() }
      const rates: Array<number | undefined> = []
      const [a, b] = faulty.map((each, index) => ({
        ...each.engine,
        open: (options: SpeechToTextOptions) =>
          Effect.map(each.engine.open(options), (stream) => {
            rates.push(options.sampleRate)
            return { ...stream, push: (pcm: Int16Array) => void (index === 0 ? heard.a : heard.b).push(...pcm) }
          })
      }))
      assert.isDefined(a)
      assert.isDefined(b)
      const engine = yield* ResilientSpeechToText.make([a, b])
      // what cannot be replayed to the sample is not offered
      assert.deepStrictEqual([engine.sampleRate, engine.sampleRates], [16_000, [8_000]])
      const stream = yield* engine.open({ ...session, sampleRate: 8_000 })
      const tone = Int16Array.from({ length: 8_000 }, (_, i) => Math.round(8_000 * Math.sin(i / 5)))
      stream.activity({ _tag: "SpeechStarted", atSample: 0, decidedAtSample: 0 })
      for (let at = 0; at < tone.length; at += 160) stream.push(tone.subarray(at, at + 160))
      assert.deepStrictEqual(heard.a, Array.from(tone))
      const answered = yield* Effect.forkChild(Stream.runCollect(Stream.take(stream.events, 1)))
      stream.finalize(1, 16_000)
      yield* Faulty.pass(1_000)
      assert.deepStrictEqual((yield* Fiber.join(answered)).map(({ _tag }) => _tag), ["Finalized"])
      assert.deepStrictEqual(rates, [8_000, 16_000])
      assert.approximately(heard.b.length, 16_000, 100)
      const middle = heard.b.slice(2_000, 14_000)
      middle.forEach((sample, i) => assert.closeTo(sample, 8_000 * Math.sin((i + 2_000) / 10), 400))
    }).pipe(Effect.scoped))

  it.effect("replaces an engine that returns no transcript for speech, but not for ever", () =>
    Effect.gen(function*() {
      const deaf = { push: () => {}, activity: () => {}, finalize: () => {}, events: Stream.never }
      const make = (name: string) => {
        const engine = Faulty.stt(name, Faulty.inTurn("ok"), { interim: true })
        return {
          ...engine,
          engine: { ...engine.engine, open: (o: typeof session) => Effect.as(engine.engine.open(o), deaf) }
        }
      }
      const { lines, listening } = yield* Effect.gen(function*() {
        const [a, b] = [make("a"), make("b")]
        const { lines, open } = yield* setup([a, b], { silentLimit: "2 seconds" })
        const { listening, user } = yield* open
        // silence and short speech are no matter
        user.say(0, 10_000)
        yield* Faulty.pass(10_000)
        user.started()
        // as long as a minute of noise that passes for speech
        for (let at = 0; at < 3_000; at++) {
          user.say(2_000, 20)
          yield* TestClock.adjust("20 millis")
        }
        return { lines, listening }
      })
      assert.deepStrictEqual(lines(), ["a failed", "a retrying", "a failed", "a switched b"])
      assert.isUndefined(listening.pollUnsafe())
    }))

  it.effect("does not take audio that comes faster than real time for silence", () =>
    Effect.gen(function*() {
      const a = Faulty.stt("a", Faulty.inTurn("ok"), { interim: true })
      const { incidents, open } = yield* setup([a], { silentLimit: "2 seconds" })
      const { user } = yield* open
      user.started()
      user.say(2_000, 60_000)
      yield* Faulty.pass(1_000)
      assert.deepStrictEqual(incidents, [])
    }))

  it.effect("fails its events when all engines have failed, after delivering the transcripts so far", () =>
    Effect.gen(function*() {
      const a = Faulty.stt("a", Faulty.inTurn("ok", "fail"))
      const b = Faulty.stt("b", Faulty.inTurn("fatal"))
      const { answers, finals, listening, lines, user } = yield* Effect.gen(function*() {
        const all = yield* setup([a, b], { maxRetries: 1 })
        return { ...all, ...(yield* all.open) }
      })
      user.say(2_000, 400)
      user.finalize(1)
      yield* Faulty.pass(0)
      user.say(3_000, 400)
      user.finalize(2)
      yield* Faulty.pass(60_000)
      assert.deepStrictEqual(yield* Fiber.join(listening), Exit.fail(Faulty.fatal))
      assert.deepStrictEqual(finals(), ["w2000"])
      assert.deepStrictEqual(answers(), [1])
      assert.deepStrictEqual(lines(), ["a failed", "a retrying", "a failed", "a switched b", "b failed"])
      assert.deepStrictEqual([a.counts.closed, b.counts.closed], [a.counts.opened, b.counts.opened])
      // nobody listens: nothing breaks
      user.say(4_000, 400)
      user.finalize(3)
    }))

  it.effect("waits for an answer as long as the engine's finalizeTimeout", () =>
    Effect.gen(function*() {
      const a = Faulty.stt("a", Faulty.inTurn("mute", "ok"))
      const { answers, engine, lines, open } = yield* setup([{
        ...a,
        engine: { ...a.engine, finalizeTimeout: Duration.seconds(10) }
      }])
      assert.strictEqual(Duration.toSeconds(engine.finalizeTimeout ?? 0), 10)
      const { user } = yield* open
      user.started()
      user.say(2_000, 400)
      user.finalize(1)
      yield* Faulty.pass(9_900)
      assert.deepStrictEqual(lines(), [])
      yield* Faulty.pass(200)
      assert.deepStrictEqual(lines(), ["a failed", "a retrying", "a recovered"])
      assert.deepStrictEqual(answers(), [1])
    }))

  it.effect("retries an only engine that has worked whatever its error, but one that cannot be opened only after a retryable error", () =>
    Effect.gen(function*() {
      const a = Faulty.stt("a", Faulty.inTurn("fatal", "ok"))
      const { finals, open } = yield* setup([a])
      const { user } = yield* open
      user.started()
      user.say(2_000, 400)
      user.finalize(1)
      yield* Faulty.pass(100)
      assert.deepStrictEqual(finals(), ["w2000"])
    }))

  it.effect("reports when no engine is available, and when one is again", () =>
    Effect.gen(function*() {
      const a = Faulty.stt("a", Faulty.inTurn("ok"), { onOpen: Faulty.inTurn("ok", "refuse", "refuse", "ok") })
      const { lines, open } = yield* setup([a])
      const { user } = yield* open
      a.kill()
      yield* Faulty.pass(500)
      const refused = ["a failed", "a retrying"]
      assert.deepStrictEqual(lines(), [...refused, ...refused, "a unavailable"])
      yield* Faulty.pass(10_000)
      user.say(2_000, 100)
      user.finalize(1)
      yield* Faulty.pass(100)
      assert.deepStrictEqual(lines().slice(5), [...refused, "a available", "a recovered"])
    }))

  it.effect("does not retry an overloaded engine at once", () =>
    Effect.gen(function*() {
      const a = Faulty.stt("a", Faulty.inTurn("ok"))
      const { open } = yield* setup([a])
      yield* open
      a.kill(
        new PipelineError({ op: "test", message: "too much", details: { reason: "overloaded" }, retryable: true })
      )
      yield* Faulty.pass(500)
      assert.strictEqual(a.counts.opened, 1)
      yield* Faulty.pass(1_000)
      assert.strictEqual(a.counts.opened, 2)
    }))

  it.effect("delivers EndOfTurn in order, and replays nothing of a turn that is over", () =>
    Effect.gen(function*() {
      const a = Faulty.stt("a", Faulty.inTurn("ok"), { endOfTurn: true, words: true })
      const { engine, events, open } = yield* setup([a])
      assert.isTrue(engine.capabilities.endOfTurn)
      const { user } = yield* open
      user.started()
      user.say(2_000, 400)
      user.say(0, 200)
      user.stopped()
      a.endTurn()
      yield* Faulty.pass(0)
      assert.deepStrictEqual(events.map((event) => event._tag), ["Final", "EndOfTurn"])
      // the next turn is not over when the stream dies: the other stream hears it whole, and ends it
      user.say(0, 6_000)
      a.heard.length = 0
      user.started()
      user.say(3_000, 400)
      a.kill()
      yield* Faulty.pass(100)
      assert.deepStrictEqual(a.heard, ["+", "w3000", "+", "w3000"])
      user.say(0, 200)
      user.stopped()
      a.endTurn()
      yield* Faulty.pass(0)
      assert.deepStrictEqual(events.slice(2).map((event) => event._tag === "Final" ? event.text : event._tag), [
        "w3000",
        "EndOfTurn"
      ])
      // long after it there is nothing to tell
      user.say(0, 6_000)
      a.heard.length = 0
      a.kill()
      yield* Faulty.pass(100)
      assert.deepStrictEqual(a.heard, [])
    }))

  it.effect("survives a vendor that keeps closing idle streams", () =>
    Effect.gen(function*() {
      const a = Faulty.stt("a", Faulty.inTurn("ok"))
      const { finals, lines, listening, user } = yield* Effect.gen(function*() {
        const all = yield* setup([a], { timeout: "10 seconds", maxRetries: 1 })
        return { ...all, ...(yield* all.open) }
      })
      for (let minute = 0; minute < 30; minute++) {
        yield* Faulty.pass(60_000)
        a.kill()
      }
      yield* Faulty.pass(60_000)
      assert.notInclude(lines(), "a opened_circuit")
      assert.isUndefined(listening.pollUnsafe())
      user.say(2_000, 400)
      user.finalize(1)
      yield* Faulty.pass(0)
      assert.deepStrictEqual(finals(), ["w2000"])
    }))

  it.effect("opens when one engine can be opened, and fails when none can", () =>
    Effect.gen(function*() {
      const a = Faulty.stt("a", Faulty.inTurn("ok"), { onOpen: Faulty.inTurn("hang") })
      const b = Faulty.stt("b", Faulty.inTurn("ok"), { onOpen: Faulty.inTurn("ok", "hang") })
      const { engine, lines } = yield* setup([a, b], { timeout: "10 seconds", maxRetries: 0 })
      const first = yield* Effect.forkChild(Effect.scoped(engine.open(session)))
      yield* Faulty.pass(5_000)
      yield* Fiber.join(first)
      assert.deepStrictEqual(lines(), ["a failed", "a switched b"])
      const second = yield* Effect.forkChild(Effect.scoped(Effect.flip(engine.open(session))))
      yield* Faulty.pass(10_000)
      assert.instanceOf(yield* Fiber.join(second), Timeout)
    }))

  it.effect("shares its circuits among sessions", () =>
    Effect.gen(function*() {
      const a = Faulty.stt("a", Faulty.inTurn("ok"), { onOpen: Faulty.inTurn("refuse", "refuse", "ok") })
      const b = Faulty.stt("b", Faulty.inTurn("ok"))
      const { engine, lines } = yield* setup([a, b], {
        maxRetries: 0,
        breaker: { failures: 2, coolDown: "1 minute" }
      })
      const open = Effect.scoped(engine.open(session))
      yield* open
      yield* open
      assert.include(lines(), "a opened_circuit")
      assert.strictEqual(b.counts.opened, 2)
      yield* open
      assert.strictEqual(b.counts.opened, 3)
      assert.strictEqual(a.counts.opened, 0)
      // the probe is one stream; nobody else gets one before it has proved itself
      yield* Faulty.pass(60_000)
      const stream = yield* engine.open(session)
      assert.strictEqual(a.counts.opened, 1)
      yield* open
      assert.strictEqual(b.counts.opened, 4)
      yield* Effect.forkScoped(Stream.runDrain(stream.events))
      stream.finalize(1, 0)
      yield* Faulty.pass(0)
      assert.strictEqual(lines().at(-1), "a recovered")
      yield* open
      assert.strictEqual(a.counts.opened, 2)
    }))

  it.effect("survives an engine that drops all its sessions at once", () =>
    Effect.gen(function*() {
      let up = true
      const a = Faulty.stt("a", Faulty.inTurn("ok"), { onOpen: () => up ? "ok" : "refuse" })
      const { answers, incidents, open } = yield* setup([a], { breaker: { failures: 3 } })
      const sessions = yield* Effect.forEach(Array.from({ length: 20 }), () => open)
      for (const { user } of sessions) {
        user.started()
        user.say(2_000, 400)
        user.finalize(1)
      }
      yield* Faulty.pass(100)
      assert.lengthOf(answers(), 20)
      up = false
      a.kill()
      yield* Faulty.pass(8_000)
      assert.isTrue(incidents.some(({ what }) => what === "opened_circuit"))
      // while the users are silent
      up = true
      yield* Faulty.pass(20_000)
      for (const { listening, user } of sessions) {
        assert.isUndefined(listening.pollUnsafe())
        user.finalize(2)
      }
      yield* Faulty.pass(100)
      assert.lengthOf(answers(), 40)
    }))

  it.effect("releases everything when the session ends, in whatever it is doing", () =>
    Effect.gen(function*() {
      const a = Faulty.stt("a", Faulty.inTurn("fail", "ok"))
      const { engine } = yield* setup([a], { maxRetries: 5 })
      for (const wait of [0, 500, 1_500]) {
        const scope = yield* Scope.make()
        const stream = yield* Scope.provide(engine.open(session), scope)
        stream.finalize(1, 0)
        yield* Faulty.pass(wait)
        yield* Scope.close(scope, Exit.void)
        yield* Faulty.pass(0)
        assert.strictEqual(a.counts.closed, a.counts.opened)
      }
    }))

  /** The `finalize` requests that an engine got, and what its script had it do. */
  const requestsOf = ({ heard }: Engine, script: ReadonlyArray<Faulty.SttFault>) =>
    heard.filter((what) => what.startsWith("?")).map((what, index) => ({
      id: Number(what.slice(1)),
      fault: script[index] ?? "ok"
    }))
  const tellsWords = new Set<Faulty.SttFault>(["ok", "half", "lie"])
  const fault = Schema.Literals(["ok", "fail", "fatal", "mute", "end", "half", "lie", "throw"])
  const faults = Schema.Array(fault).check(Schema.isMaxLength(10))
  const step = Schema.Literals(["turn", "turn", "pause", "kill", "cut"])
  it.effect.prop(
    "delivers each word and each answer once and in order, or fails, whatever the engines do",
    [faults, faults, Schema.Array(step).check(Schema.isMaxLength(8)), Schema.Boolean],
    ([first, second, steps, words]) =>
      Effect.scoped(Effect.gen(function*() {
        const a = Faulty.stt("a", Faulty.inTurn(...first, "ok" as const), { words })
        const b = Faulty.stt("b", Faulty.inTurn(...second, "ok" as const), { words })
        const all = yield* setup([a, b], { retryDelay: "100 millis", timeout: "20 seconds" })
        const scope = yield* Scope.make()
        const { listening, user } = yield* Scope.provide(all.open, scope)
        const turns: Array<ReadonlyArray<string>> = []
        for (const step of [...steps, "turn" as const]) {
          if (step === "pause") yield* Faulty.pass(25_000)
          if (step === "kill") a.kill()
          if (step === "pause" || step === "kill") continue
          user.started()
          const levels = [0, 1, 2].map((word) => 2_000 + 3 * turns.length + word)
          for (const [word, level] of levels.entries()) {
            user.say(level, 200)
            if (step === "cut" && word === 1) {
              a.kill()
              b.kill()
            }
            yield* Faulty.pass(200)
          }
          user.stopped()
          user.finalize(turns.push(levels.map((level) => `w${level}`)))
          user.say(0, 300)
          // longer than any recovery
          yield* Faulty.pass(25_000)
        }
        const ended = listening.pollUnsafe()
        const ids = turns.map((_, index) => index + 1)
        const requests = [...requestsOf(a, first), ...requestsOf(b, second)]
        // an utterance that three streams leave unanswered is given up: its words are lost, and no other's
        const isGivenUp = (id: number) => {
          const faults = requests.flatMap((request) => request.id === id ? [request.fault] : [])
          return faults.filter((fault) => fault === "mute").length >= 3 &&
            !faults.some((fault) => tellsWords.has(fault))
        }
        const spoken = turns.flatMap((words, index) => isGivenUp(index + 1) ? [] : words)
        if (ended === undefined) {
          assert.deepStrictEqual(all.finals(), spoken)
          assert.deepStrictEqual(all.answers(), ids)
        } else {
          assert.isTrue(Exit.isSuccess(ended) && Exit.isFailure(ended.value))
          assert.deepStrictEqual(all.finals(), spoken.slice(0, all.finals().length))
          assert.deepStrictEqual(all.answers(), ids.slice(0, all.answers().length))
        }
        assert.isAtMost(a.counts.most, 1)
        yield* Scope.close(scope, Exit.void)
        for (const { counts } of [a, b]) assert.strictEqual(counts.closed, counts.opened)
      })),
    { arbitrary: { runs: fewer(100) } }
  )
})
