/** Sessions that speak while the real worker dies, or hangs, with another voice behind it. */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { fileURLToPath } from "node:url"
import { Worker } from "node:worker_threads"
import { fromCause } from "../../../src/BackendError.ts"
import * as Flite from "../../../src/engines/flite/index.ts"
import * as ModelFiles from "../../../src/engines/hibari/ModelFiles.ts"
import * as VoiceService from "../../../src/engines/hibari/VoiceService.ts"
import * as VoiceThread from "../../../src/engines/hibari/worker/VoiceThread.ts"
import * as OnnxRuntime from "../../../src/engines/local/OnnxRuntime.ts"
import * as ResilientTextToSpeech from "../../../src/speech/resilience/ResilientTextToSpeech.ts"
import { TextToSpeech } from "../../../src/speech/TextToSpeech.ts"
import { isFull } from "../../support/Full.ts"

const directory = fileURLToPath(new URL("../../../src/engines/hibari/model/", import.meta.url))
const script = new URL("FaultyVoiceWorker.ts", import.meta.url)
const voice = { path: `${directory}hibari.onnx`, sha256: ModelFiles.voices.heart.sha256, accent: "us" } as const

const sentences = (session: number) => [`Session ${session} speaks.`, "That is all."]

/** Makes the worker fail once each session has begun to speak; gives what became of each session. */
const failing = (fault: "throw" | "hang", sessions: number) =>
  Effect.gen(function*() {
    const workers: Array<Worker> = []
    const taken: Array<string> = []
    const exits = yield* Effect.gen(function*() {
      const thread = yield* VoiceThread.make({
        worker: { directory, voices: [voice], runtimes: OnnxRuntime.PACKAGES },
        start: (workerData) => {
          const worker = new Worker(script, { workerData })
          workers.push(worker)
          return worker
        }
      })
      const hibari = VoiceService.make({ thread, voices: [{ name: "heart", accent: "us" }], speed: 1, gain: 2 })
      const tts = yield* ResilientTextToSpeech.make([hibari, yield* TextToSpeech], {
        maxRetries: 1,
        retryDelay: "10 millis",
        // the machine may be busy
        timeout: "4 minutes",
        onIncident: ({ to, what }) => {
          if (what === "switched") taken.push(to ?? "")
        }
      })
      const all = yield* Deferred.make<void>()
      let begun = 0
      const speak = (session: number) =>
        Effect.gen(function*() {
          const stream = yield* tts.open({ sessionId: `s${session}` })
          let isFirst = true
          const chunks = yield* stream.speak(Stream.fromIterable(sentences(session))).pipe(
            Stream.tap(() =>
              Effect.suspend(() => {
                if (isFirst) begun++
                isFirst = false
                return begun < sessions ? Effect.void : Deferred.succeed(all, undefined)
              })
            ),
            Stream.runCollect
          )
          return chunks.flatMap(({ text }) => text === "" ? [] : [text])
        }).pipe(Effect.scoped, Effect.exit)
      const fibers = yield* Effect.forEach(
        Array.from({ length: sessions }, (_, session) => session),
        (session) => Effect.forkChild(speak(session))
      )
      yield* Deferred.await(all)
      workers[0]!.postMessage(fault)
      const ended = yield* Effect.forEach(fibers, Fiber.join)

      // the voice is back
      const again = yield* thread.speak({ session: "s", voice: 0, text: "Hello.", speed: 1, gain: 2 }).pipe(
        Stream.runCollect,
        Effect.retry(Schedule.spaced("50 millis"))
      )
      assert.isAbove(again.length, 0)
      assert.lengthOf(workers, 2)
      return ended
    }).pipe(Effect.scoped)
    // nothing is left of either
    for (const worker of workers) assert.strictEqual(worker.threadId, -1)
    for (const [session, exit] of exits.entries()) {
      if (Exit.isSuccess(exit)) assert.deepEqual(exit.value, sentences(session))
      else assert.strictEqual(fromCause("test", exit.cause).code, "pipeline_error")
    }
    return { spoken: exits.filter(Exit.isSuccess).length, taken }
  }).pipe(Effect.provide(Flite.layer()))

/** How many speak when it dies. */
const SESSIONS = isFull ? 20 : 6

describe("the worker of the voice", () => {
  it.live(
    `that dies while ${SESSIONS} sessions speak: each is spoken on, or fails typed, and one other worker is started`,
    () =>
      Effect.gen(function*() {
        const { spoken, taken } = yield* failing("throw", SESSIONS)
        assert.isAtLeast(spoken, SESSIONS / 2)
        assert.include(taken, "flite")
      }),
    300_000
  )

  it.live("that hangs is ended, and its texts fare alike", () =>
    Effect.gen(function*() {
      const { spoken, taken } = yield* failing("hang", 3)
      assert.isAtLeast(spoken, 1)
      assert.include(taken, "flite")
    }), 300_000)
})
