import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { peak, rmsDbfs } from "../../../src/audio/Pcm.ts"
import * as FlitePool from "../../../src/engines/flite/FlitePool.ts"
import * as FliteText from "../../../src/engines/flite/FliteText.ts"
import type { FliteRequest, FliteResponse } from "../../../src/engines/flite/FliteWorker.ts"
import * as Flite from "../../../src/engines/flite/index.ts"
import { trim } from "../../../src/engines/flite/SilenceTrim.ts"
import { TextToSpeech } from "../../../src/speech/TextToSpeech.ts"

describe("FliteText", () => {
  it.effect.prop(
    "returns pieces of printable ASCII of bounded length for any text",
    [Schema.String],
    ([text]) =>
      Effect.sync(() => {
        for (const piece of FliteText.pieces(text + text.repeat(40))) {
          assert.match(piece, /^[\x20-\x7e]+$/)
          assert.isAtMost(piece.length, FliteText.MAX_LENGTH)
          assert.match(piece, /[A-Za-z0-9%&@#$+=]/)
        }
      })
  )

  it("returns nothing for spaces, emoji, punctuation and other scripts", () => {
    for (const text of ["", "  \n\t", "😀🎉", "...", "—", "\u0000\u0007", "你好"]) {
      assert.deepEqual(FliteText.pieces(text), [])
    }
  })

  it("spells out symbols and removes accents", () => {
    assert.deepEqual(FliteText.pieces("Café – “naïve” straße…"), ["Cafe , \"naive\" strasse..."])
    assert.deepEqual(FliteText.pieces("It's 20 °C and costs €5."), ["It's 20 degrees Celsius and costs 5 euros."])
    assert.deepEqual(FliteText.pieces("**Hi** \u0007there 😀"), ["Hi there"])
  })

  it("splits long text after a sentence, keeping every word", () => {
    const text = Array.from({ length: 300 }, (_, i) => `Word ${i}.`).join(" ")
    const pieces = FliteText.pieces(text)
    assert.isAbove(pieces.length, 1)
    assert.strictEqual(pieces.join(" "), text)
    assert.isTrue(pieces.every((piece) => piece.endsWith(".")))
  })
})

describe("trim", () => {
  it("keeps 30 ms before and 120 ms after the sound", () => {
    const pcm = new Int16Array(16_000)
    pcm.fill(5_000, 4_000, 8_000)
    const trimmed = trim(pcm)
    assert.strictEqual(trimmed.length, 480 + 4_000 + 1_920)
    assert.strictEqual(trimmed.findIndex((sample) => sample !== 0), 480)
    assert.strictEqual(trim(new Int16Array(16_000)).length, 0)
    assert.strictEqual(trim(pcm.subarray(4_000, 8_000)).length, 4_000)
  })
})

type Behaviour = "answer" | "crash" | "hang" | "error"

/** Workers that follow a script: one behaviour for each request. */
const scripted = (script: Array<Behaviour>) => {
  const texts: Array<string> = []
  const pending: Array<() => void> = []
  let starts = 0
  let terminated = 0
  const start = (): FlitePool.PoolWorker => {
    starts++
    let onMessage: (response: FliteResponse) => void = () => {}
    let onExit: (code: number) => void = () => {}
    return {
      on: ((event: string, listener: (value: never) => void) => {
        // The name of the event determines the type of the listener.
        if (event === "message") onMessage = listener as typeof onMessage
        if (event === "exit") onExit = listener as typeof onExit
      }) as FlitePool.PoolWorker["on"],
      removeAllListeners: () => {},
      terminate: () => {
        terminated++
        return Promise.resolve()
      },
      postMessage: ({ id, text }: FliteRequest) => {
        texts.push(text)
        const behaviour = script.shift() ?? "answer"
        if (behaviour === "answer") pending.push(() => onMessage({ id, pcm: Int16Array.of(text.length) }))
        if (behaviour === "error") pending.push(() => onMessage({ id, error: "trap" }))
        if (behaviour === "crash") pending.push(() => onExit(1))
      }
    }
  }
  return {
    start,
    texts,
    counts: () => ({ starts, terminated }),
    /** Runs the pending requests. */
    work: Effect.gen(function*() {
      for (let i = 0; i < 50; i++) {
        pending.shift()?.()
        yield* Effect.yieldNow
      }
    })
  }
}

const pool = (workers: ReturnType<typeof scripted>, options: Partial<FlitePool.FlitePoolOptions> = {}) =>
  FlitePool.make({ workers: 1, maxQueued: 8, timeout: "10 seconds", start: workers.start, ...options })

const run = <A, E>(effect: Effect.Effect<A, E>) => Effect.forkChild(effect, { startImmediately: true })

describe("FlitePool", () => {
  it.effect("restarts a crashed worker and retries the text once", () =>
    Effect.gen(function*() {
      const workers = scripted(["crash", "answer", "crash", "crash", "answer"])
      const { synthesize } = yield* pool(workers)
      const first = yield* run(synthesize("abc", "rms", 1))
      const second = yield* run(Effect.flip(synthesize("de", "rms", 1)))
      const third = yield* run(synthesize("f", "rms", 1))
      yield* workers.work
      assert.deepEqual(yield* Fiber.join(first), Int16Array.of(3))
      assert.strictEqual((yield* Fiber.join(second)).code, "pipeline_error")
      assert.deepEqual(yield* Fiber.join(third), Int16Array.of(1))
      assert.deepEqual(workers.texts, ["abc", "abc", "de", "de", "f"])
      assert.strictEqual(workers.counts().starts, 4)
    }).pipe(Effect.scoped))

  it.effect("terminates a worker that hangs, and continues with another", () =>
    Effect.gen(function*() {
      const workers = scripted(["hang"])
      const { synthesize } = yield* pool(workers)
      const hung = yield* run(Effect.flip(synthesize("abc", "rms", 1)))
      const next = yield* run(synthesize("de", "rms", 1))
      yield* TestClock.adjust("10 seconds")
      yield* Effect.promise(() => Promise.resolve())
      yield* workers.work
      assert.strictEqual((yield* Fiber.join(hung)).code, "timeout")
      assert.deepEqual(yield* Fiber.join(next), Int16Array.of(2))
      assert.deepEqual(workers.counts(), { starts: 2, terminated: 1 })
    }).pipe(Effect.scoped))

  it.effect("drops the queued texts of interrupted callers, and late results", () =>
    Effect.gen(function*() {
      const workers = scripted([])
      const { synthesize } = yield* pool(workers)
      const running = yield* run(synthesize("running", "rms", 1))
      const waiting = yield* run(synthesize("waiting", "rms", 1))
      const other = yield* run(synthesize("other", "rms", 1))
      yield* Fiber.interrupt(running)
      yield* Fiber.interrupt(waiting)
      yield* workers.work
      assert.deepEqual(yield* Fiber.join(other), Int16Array.of(5))
      assert.deepEqual(workers.texts, ["running", "other"])
    }).pipe(Effect.scoped))

  it.effect("rejects texts when the queue is full, and terminates its workers with its scope", () =>
    Effect.gen(function*() {
      const workers = scripted(["hang"])
      yield* Effect.scoped(Effect.gen(function*() {
        const { synthesize } = yield* pool(workers, { maxQueued: 1 })
        yield* run(synthesize("a", "rms", 1))
        yield* run(synthesize("b", "rms", 1))
        const error = yield* Effect.flip(synthesize("c", "rms", 1))
        assert.strictEqual(error.code, "pipeline_error")
        assert.isTrue(error.retryable)
      }))
      assert.deepEqual(workers.counts(), { starts: 1, terminated: 1 })
    }))
})

describe("flite", () => {
  it.layer(Flite.definition.layer({}), { excludeTestServices: true })((it) => {
    const speak = (...sentences: ReadonlyArray<string>) =>
      Effect.gen(function*() {
        const voice = yield* (yield* TextToSpeech).open({ sessionId: "s" })
        return yield* voice.speak(Stream.fromIterable(sentences)).pipe(Stream.runCollect)
      }).pipe(Effect.scoped)

    it.effect("speaks each sentence in small chunks, the first with its text", () =>
      Effect.gen(function*() {
        const chunks = yield* speak("Hello there.", "-v How are you?")
        assert.deepEqual(chunks.filter((chunk) => chunk.text !== "").map((chunk) => chunk.text), [
          "Hello there.",
          "-v How are you?"
        ])
        assert.strictEqual(chunks[0]!.text, "Hello there.")
        for (const { pcm } of chunks) {
          assert.isAtLeast(pcm.length, 1)
          assert.isAtMost(pcm.length, 3_200)
        }
        assert.isAbove(peak(chunks[0]!.pcm), 1_000)
        assert.isAbove(rmsDbfs(chunks[0]!.pcm.subarray(480, 1_120)), -50, "sound begins within 40 ms")
      }))

    it.effect("produces no audio, and does not fail, when there is nothing to pronounce", () =>
      Effect.gen(function*() {
        assert.deepEqual(yield* speak("", "   ", "😀", "...", "你好"), [])
        const chunks = yield* speak("😀", "Yes.")
        assert.strictEqual(chunks[0]!.text, "Yes.")
      }))

    it.effect("attaches a long sentence's text to one chunk only", () =>
      Effect.gen(function*() {
        const text = Array.from({ length: 180 }, () => "again").join(" ") + ", " + "and ".repeat(30) + "done."
        const chunks = yield* speak(text)
        assert.isAbove(text.length, FliteText.MAX_LENGTH)
        assert.deepEqual(chunks.flatMap((chunk) => chunk.text === "" ? [] : [chunk.text]), [text])
      }))

    it.effect("pulls sentences no faster than their audio is taken", () =>
      Effect.gen(function*() {
        let taken = 0
        const sentences = Stream.fromIterable(Array.from({ length: 20 }, (_, i) => `Number ${i}.`)).pipe(
          Stream.rechunk(1),
          Stream.tap(() =>
            Effect.sync(() => {
              taken++
            })
          )
        )
        const voice = yield* (yield* TextToSpeech).open({ sessionId: "s" })
        yield* voice.speak(sentences).pipe(Stream.take(1), Stream.runDrain)
        assert.isAtMost(taken, 4)
        // The engine is free for another session at once.
        assert.isAbove((yield* speak("Still here.")).length, 1)
      }).pipe(Effect.scoped))

    it.effect("speaks with each session's own voice", () =>
      Effect.gen(function*() {
        const tts = yield* TextToSpeech
        const pcmOf = (voice: string | undefined) =>
          Effect.flatMap(tts.open({ sessionId: "s", voice, language: "en-GB" }), (stream) =>
            stream.speak(Stream.make("Good morning.")).pipe(
              Stream.runCollect,
              Effect.map((chunks) =>
                chunks.flatMap(({ pcm }) => Array.from(pcm))
              )
            ))
        const [byDefault, rms, slt] = yield* Effect.forEach([undefined, "rms", "slt"], pcmOf)
        assert.deepEqual(byDefault, rms)
        assert.notDeepEqual(slt, rms)
        assert.isAbove(slt!.length, 4_000)
      }).pipe(Effect.scoped))

    it.effect("rejects unknown voices and languages", () =>
      Effect.gen(function*() {
        const tts = yield* TextToSpeech
        assert.deepEqual(tts.capabilities, {
          voices: [...Flite.voices],
          languages: ["en"],
          language: "en",
          normalisesText: false
        })
        for (const [field, options] of [["voice", { voice: "nobody" }], ["language", { language: "fr-FR" }]] as const) {
          const error = yield* Effect.flip(tts.open({ sessionId: "s", ...options }))
          assert.strictEqual(error.code, "invalid_config")
          assert.include(error.details, { engine: "flite", field })
        }
      }).pipe(Effect.scoped))
  })

  it.effect("reports all invalid options at once", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Flite.definition.validate({ voice: "nobody", rate: 9, workers: 0 }))
      assert.lengthOf(error.details!["faults"] as ReadonlyArray<unknown>, 3)
    }))
})
