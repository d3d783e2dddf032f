/** Smart Turn on real recordings; and its worker when it exits, hangs, or cannot start. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import type { Worker } from "node:worker_threads"
import * as G711 from "../../../src/audio/G711.ts"
import * as Pcm from "../../../src/audio/Pcm.ts"
import * as Resampler from "../../../src/audio/resampling/Resampler.ts"
import * as SmartTurn from "../../../src/engines/smart-turn/index.ts"
import * as SmartTurnWorker from "../../../src/engines/smart-turn/SmartTurnWorker.ts"
import { TurnDetector } from "../../../src/speech/TurnDetector.ts"
import { load, type Recording, room } from "../Recordings.ts"

const model = fileURLToPath(
  new URL("../../../src/engines/smart-turn/model/smart-turn-v3.2-cpu.onnx", import.meta.url)
)
const packages = ["onnxruntime-node", "onnxruntime-web"]

/** What the microphone gives until a pause is reported: the recording up to a moment, and 200 ms of room. */
const upTo = (pcm: Int16Array, seconds = pcm.length / 16_000) =>
  Pcm.concat([pcm.subarray(0, Math.round(seconds * 16_000)), room(0.2)])

const listen = Effect.fnUntraced(function*(pcm: Int16Array) {
  const { listen } = yield* TurnDetector
  return yield* listen?.(Int16Array.from(pcm)) ?? Effect.die("it listens")
})

/** Over an 8 kHz telephone line and back, as a telephony connection is. */
const overTelephone = Effect.fnUntraced(function*(pcm: Int16Array) {
  const factory = yield* Resampler.load
  const down = Result.getOrThrow(factory.make(16_000, 8_000))
  const up = Result.getOrThrow(factory.make(8_000, 16_000))
  const narrow = Int16Array.from(down.process(pcm))
  return Int16Array.from(up.process(G711.decodeMuLaw(G711.encodeMuLaw(narrow))))
})

describe("smart-turn", () => {
  it.layer(SmartTurn.layer(), { excludeTestServices: true })((it) => {
    const ends: ReadonlyArray<Recording> = ["cold-hearted", "prudently", "queen-of-clubs", "eight-of-spades"]

    it.effect("recognises the ends of recordings, also over a telephone line", () =>
      Effect.gen(function*() {
        for (const name of ends) {
          const pcm = upTo(load(name))
          assert.isAbove(yield* listen(pcm), 0.7, name)
          assert.isAbove(yield* listen(yield* overTelephone(pcm)), 0.5, `${name}, 8 kHz`)
        }
      }), 120_000)

    it.effect("does not take a pause inside a sentence for its end", () =>
      Effect.gen(function*() {
        // "…young man": the reader goes on with ", unless…"
        assert.isBelow(yield* listen(upTo(load("ill-disposed"))), 0.35)
      }), 120_000)

    it.effect("hears the same whatever came more than 8 s before", () =>
      Effect.gen(function*() {
        const pcm = upTo(load("prudently"))
        const eight = Pcm.concat([room(8 - pcm.length / 16_000), pcm])
        assert.closeTo(
          yield* listen(Pcm.concat([load("cold-hearted"), eight])),
          yield* listen(eight),
          1e-6
        )
      }), 120_000)

    it.effect("lets sure words overrule the audio, and words decide where nothing was heard", () =>
      Effect.gen(function*() {
        const { endOfTurn } = yield* TurnDetector
        const judge = (transcript: string, heard?: number) =>
          endOfTurn({ transcript, agentSaid: "Your number?", heard })
        assert.isAbove(yield* judge("the weather in Paris", 0.93), 0.5)
        assert.isBelow(yield* judge("the weather in Paris", 0.7), 0.5)
        for (
          const text of ["my number is four one five", "four one five five five", "I would like a um", "it was the,"]
        ) {
          assert.isBelow(yield* judge(text, 0.93), 0.5, text)
        }
        assert.isAbove(yield* judge("four one five five five five one two three four", 0.93), 0.5)
        assert.isAbove(yield* judge("the weather in Paris"), 0.5)
        assert.isAbove(yield* judge("", 0.93), 0.5)
      }))

    it.effect("listens to many sessions at once, in turn", () =>
      Effect.gen(function*() {
        const pcm = upTo(load("queen-of-clubs"))
        const verdicts = yield* Effect.all(Array.from({ length: 10 }, () => listen(pcm)), { concurrency: "unbounded" })
        assert.strictEqual(new Set(verdicts).size, 1)
      }), 120_000)
  })
})

const collectLogs = () => {
  const lines: Array<string> = []
  const layer = Logger.layer([Logger.make(({ logLevel, message }) => {
    lines.push(`${logLevel} ${Array.isArray(message) ? String(message[0]) : String(message)}`)
  })])
  return { lines, layer }
}

describe("SmartTurnWorker", () => {
  it.live("is started again when it exits, and its turn fails at once", () => {
    const { layer, lines } = collectLogs()
    return Effect.gen(function*() {
      const workers: Array<Worker> = []
      const { listen, probe } = yield* SmartTurnWorker.make({
        model,
        packages,
        onWorker: (worker) => workers.push(worker)
      })
      yield* probe
      const asking = yield* Effect.forkChild(Effect.exit(listen(new Int16Array(16_000))))
      yield* Effect.promise(() => workers[0]!.terminate())
      assert.isTrue(Exit.isFailure(yield* Fiber.join(asking)) || workers.length > 0)
      const again = yield* listen(new Int16Array(16_000)).pipe(
        Effect.retry(Schedule.spaced("50 millis")),
        Effect.timeout("2 minutes")
      )
      assert.isAtLeast(again, 0)
      assert.lengthOf(workers, 2)
      assert.lengthOf(lines.filter((line) => line.includes("starting it again")), 1)
    }).pipe(Effect.scoped, Effect.provide(Layer.mergeAll(layer)))
  }, 180_000)

  it.live("takes no file but the pinned one, and says why", () => {
    const { layer, lines } = collectLogs()
    return Effect.gen(function*() {
      const other = fileURLToPath(import.meta.url)
      const { listen, probe } = yield* SmartTurnWorker.make({ model: other, packages })
      const error = yield* Effect.flip(probe)
      assert.match(error.message, /did not start: .* is not the expected file/u)
      assert.strictEqual((yield* Effect.flip(listen(new Int16Array(10)))).code, "pipeline_error")
      assert.lengthOf(lines.filter((line) => line.startsWith("Warn")), 1)
    }).pipe(Effect.scoped, Effect.provide(Layer.mergeAll(layer)))
  }, 120_000)

  it.live(
    "falls back to WebAssembly where the native runtime is not there, and fails where none is",
    () =>
      Effect.gen(function*() {
        const { listen } = yield* SmartTurnWorker.make({ model, packages: ["no-such-runtime", "onnxruntime-web"] })
        assert.isAbove(yield* listen(upTo(load("queen-of-clubs"))), 0.7)
        const none = yield* SmartTurnWorker.make({ model, packages: ["no-such-runtime"] })
        assert.match((yield* Effect.flip(none.probe)).message, /Cannot find package 'no-such-runtime'/u)
      }).pipe(Effect.scoped),
    180_000
  )

  it.live("exits with its scope, also while it starts", () =>
    Effect.gen(function*() {
      for (const wait of [true, false]) {
        const scope = yield* Scope.make()
        const workers: Array<Worker> = []
        const { probe } = yield* Scope.provide(
          SmartTurnWorker.make({ model, packages, onWorker: (worker) => workers.push(worker) }),
          scope
        )
        if (wait) yield* probe
        yield* Scope.close(scope, Exit.void)
        assert.lengthOf(workers, wait ? 1 : workers.length)
        if (wait) assert.strictEqual(workers[0]!.threadId, -1)
        assert.strictEqual((yield* Effect.flip(probe)).code, "pipeline_error")
      }
    }), 120_000)

  it.live("that hangs is given up by its callers, and blocks no other thread", () =>
    Effect.gen(function*() {
      const directory = mkdtempSync(join(tmpdir(), "effect-voice-hang-"))
      try {
        const script = join(directory, "hang.mjs")
        writeFileSync(
          script,
          `import { parentPort } from "node:worker_threads"
parentPort.on("message", ({ _tag }) => { if (_tag === "End") parentPort.close() })
parentPort.postMessage({ _tag: "Ready", packageName: "none", unusable: undefined })`
        )
        const { listen, probe } = yield* SmartTurnWorker.make({ model, packages, script: pathToFileURL(script) })
        yield* probe
        const one = yield* Effect.forkChild(Effect.exit(Effect.timeout(listen(new Int16Array(10)), "50 millis")))
        const two = yield* Effect.forkChild(Effect.exit(Effect.timeout(listen(new Int16Array(10)), "50 millis")))
        assert.isTrue(Exit.isFailure(yield* Fiber.join(one)))
        assert.isTrue(Exit.isFailure(yield* Fiber.join(two)))
      } finally {
        rmSync(directory, { recursive: true })
      }
    }).pipe(Effect.scoped), 60_000)
})
