/** The supervision of the voice's worker, with scripted workers. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as VoiceThread from "../../../src/engines/hibari/worker/VoiceThread.ts"
import {
  CREDIT,
  type FromWorker,
  type ToWorker,
  type WorkerOptions
} from "../../../src/engines/hibari/worker/WorkerProtocol.ts"

class ScriptedWorker implements VoiceThread.ThreadWorker {
  readonly received: Array<ToWorker> = []
  readonly current: Int32Array
  isReferenced = true
  isTerminated = false
  readonly #message: Array<(message: FromWorker) => void> = []
  readonly #exit: Array<(code: number) => void> = []
  /** Whether it exits when it is told to. */
  exits = true

  constructor({ current }: WorkerOptions) {
    this.current = current
  }

  on(event: "message" | "error" | "exit", listener: (value: never) => void): void {
    if (event === "message") this.#message.push(listener as (message: FromWorker) => void)
    if (event === "exit") this.#exit.push(listener as (code: number) => void)
  }
  postMessage(message: ToWorker): void {
    this.received.push(message)
    if (message._tag === "End" && this.exits) this.exit(0)
  }
  ref(): void {
    this.isReferenced = true
  }
  unref(): void {
    this.isReferenced = false
  }
  terminate(): Promise<unknown> {
    this.isTerminated = true
    return Promise.resolve()
  }
  send(message: FromWorker): void {
    for (const listener of this.#message) listener(message)
  }
  exit(code: number): void {
    for (const listener of this.#exit) listener(code)
  }
  get spoken(): ReadonlyArray<number> {
    return this.received.flatMap((message) => message._tag === "Speak" ? [message.request.id] : [])
  }
  sound(id: number, samples = 4_800): void {
    this.send({ _tag: "Sound", id, sound: { pcm: new Int16Array(samples), words: [] } })
  }
}

const ready: FromWorker = { _tag: "Ready", runtime: "scripted", unusable: undefined }

const setup = (first: FromWorker = ready) =>
  Effect.gen(function*() {
    const workers: Array<ScriptedWorker> = []
    const thread = yield* VoiceThread.make({
      worker: {
        directory: "",
        voices: [{ path: "", accent: "us" }],
        runtimes: ["onnxruntime-node", "onnxruntime-web"]
      },
      start: (options) => {
        const worker = new ScriptedWorker(options)
        workers.push(worker)
        queueMicrotask(() => worker.send(workers.length === 1 ? first : ready))
        return worker
      }
    })
    return { thread, workers }
  })

const request = { session: "s", voice: 0, text: "Hello.", speed: 1, gain: 2 }
const lengths = (thread: VoiceThread.VoiceThread) =>
  thread.speak(request).pipe(Stream.map(({ pcm }) => pcm.length), Stream.runCollect)

describe("VoiceThread", () => {
  it.effect("gives a text's sound until its end, and keeps the process alive only meanwhile", () =>
    Effect.gen(function*() {
      const { thread, workers: [worker] } = yield* setup()
      assert.isFalse(worker!.isReferenced)
      const fiber = yield* Effect.forkChild(lengths(thread))
      yield* Effect.yieldNow
      const [id] = worker!.spoken
      assert.isTrue(worker!.isReferenced)
      worker!.sound(id!)
      worker!.sound(id!, 300)
      worker!.send({ _tag: "Done", id: id! })
      assert.deepEqual(yield* Fiber.join(fiber), [4_800, 300])
      assert.isFalse(worker!.isReferenced)
      assert.isFalse(worker!.received.some(({ _tag }) => _tag === "Cancel"))
      // of a text that is over
      worker!.sound(id!)
      worker!.send({ _tag: "Error", id: 99, message: "" })
    }))

  it.effect("cancels a text whose listener is gone, and tells what was taken", () =>
    Effect.gen(function*() {
      const { thread, workers: [worker] } = yield* setup()
      const fiber = yield* Effect.forkChild(thread.speak(request).pipe(Stream.take(2), Stream.runDrain))
      yield* Effect.yieldNow
      const id = worker!.spoken[0]!
      worker!.sound(id)
      worker!.sound(id)
      worker!.sound(id)
      yield* Fiber.join(fiber)
      const tags = worker!.received.map(({ _tag }) => _tag)
      assert.strictEqual(tags.at(-1), "Cancel")
      assert.isAtLeast(tags.filter((tag) => tag === "Taken").length, 1)
      assert.isFalse(worker!.isReferenced)
    }))

  it.effect("fails a text that cannot be said, and no other", () =>
    Effect.gen(function*() {
      const { thread, workers: [worker] } = yield* setup()
      const first = yield* Effect.forkChild(Effect.exit(lengths(thread)))
      const second = yield* Effect.forkChild(lengths(thread))
      yield* Effect.yieldNow
      const [a, b] = worker!.spoken
      worker!.send({ _tag: "Error", id: a!, message: "broken" })
      worker!.send({ _tag: "Done", id: b! })
      const exit = yield* Fiber.join(first)
      assert.isTrue(Exit.isFailure(exit))
      assert.deepEqual(yield* Fiber.join(second), [])
    }))

  it.effect("fails the texts of a worker that dies, typed and retryable, and says the next with another worker", () =>
    Effect.gen(function*() {
      const { thread, workers } = yield* setup()
      const fibers = yield* Effect.forEach([1, 2], () => Effect.forkChild(Effect.flip(lengths(thread))))
      yield* Effect.yieldNow
      workers[0]!.exit(1)
      for (const fiber of fibers) {
        const error = yield* Fiber.join(fiber)
        assert.strictEqual(error.code, "pipeline_error")
        assert.isTrue(error.retryable)
        assert.match(error.message, /exited with code 1/u)
      }
      yield* TestClock.adjust("1 second")
      assert.lengthOf(workers, 2)
      const again = yield* Effect.forkChild(lengths(thread))
      yield* Effect.yieldNow
      const id = workers[1]!.spoken[0]!
      // what the former worker still sends is nobody's
      workers[0]!.sound(id)
      workers[1]!.sound(id, 300)
      workers[1]!.send({ _tag: "Done", id })
      assert.deepEqual(yield* Fiber.join(again), [300])
    }))

  it.effect("takes a worker that owes sound and sends none to hang, and terminates it", () =>
    Effect.gen(function*() {
      const { thread, workers } = yield* setup()
      workers[0]!.exits = false
      yield* TestClock.adjust("1 minute")
      assert.lengthOf(workers, 1)
      const fiber = yield* Effect.forkChild(Effect.flip(lengths(thread)))
      yield* Effect.yieldNow
      const id = workers[0]!.spoken[0]!
      yield* TestClock.adjust("4 seconds")
      workers[0]!.sound(id)
      yield* TestClock.adjust("4 seconds")
      assert.lengthOf(workers, 1)
      yield* TestClock.adjust("3 seconds")
      assert.match((yield* Fiber.join(fiber)).message, /sent no sound for 5000 ms/u)
      yield* TestClock.adjust("5 seconds")
      assert.isTrue(workers[0]!.isTerminated)
      assert.lengthOf(workers, 2)
    }))

  it.effect("does not take a worker to hang that makes steps, though they are silent", () =>
    Effect.gen(function*() {
      const { thread, workers } = yield* setup()
      yield* Effect.forkScoped(Effect.exit(lengths(thread)))
      yield* Effect.yieldNow
      for (let i = 0; i < 20; i++) {
        Atomics.add(workers[0]!.current, 1, 1)
        yield* TestClock.adjust("4 seconds")
      }
      assert.lengthOf(workers, 1)
      yield* TestClock.adjust("8 seconds")
      assert.lengthOf(workers, 2)
    }))

  it.effect("does not take a worker to hang that waits for its listener", () =>
    Effect.gen(function*() {
      const { thread, workers } = yield* setup()
      yield* Effect.forkScoped(thread.speak(request).pipe(Stream.mapEffect(() => Effect.never), Stream.runDrain))
      yield* Effect.yieldNow
      const id = workers[0]!.spoken[0]!
      for (let i = 0; i <= CREDIT + 1; i++) workers[0]!.sound(id)
      yield* TestClock.adjust("1 minute")
      assert.lengthOf(workers, 1)
    }))

  it.effect("refuses texts beyond the limit", () =>
    Effect.gen(function*() {
      const { thread } = yield* setup()
      yield* Effect.forEach(Array.from({ length: 1_024 }), () => Effect.forkScoped(Effect.exit(lengths(thread))))
      yield* Effect.yieldNow
      const error = yield* Effect.flip(lengths(thread))
      assert.strictEqual(error.code, "pipeline_error")
      assert.match(error.message, /overloaded/u)
    }))

  it.effect("fails to start, and says why", () =>
    Effect.gen(function*() {
      const missing = yield* Effect.flip(setup({ _tag: "Failed", message: "no package", fault: "package" }))
      assert.strictEqual(missing.code, "pipeline_error")
      assert.match(missing.message, /needs the package onnxruntime-web/u)
      const broken = yield* Effect.flip(setup({ _tag: "Failed", message: "not the file\nat x", fault: "other" }))
      assert.strictEqual(broken.code, "pipeline_error")
      assert.match(broken.message, /did not start: not the file$/u)
    }))

  it.effect("refuses a file that is no voice as a fault of the config", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        setup({ _tag: "Failed", message: "/a.onnx: it has no input ids", fault: "model" })
      )
      assert.strictEqual(error.code, "invalid_config")
      assert.match(error.message, /engines\.hibari: \/a\.onnx: it has no input ids/u)
    }))

  it.effect("has no other attempt made at the text that the worker hung on, only at the others", () =>
    Effect.gen(function*() {
      const { thread, workers } = yield* setup()
      const fibers = yield* Effect.forEach([1, 2, 3], () => Effect.forkChild(Effect.flip(lengths(thread))))
      yield* Effect.yieldNow
      const [, second] = workers[0]!.spoken
      workers[0]!.current[0] = second!
      yield* TestClock.adjust("6 seconds")
      const errors = yield* Effect.forEach(fibers, Fiber.join)
      assert.deepEqual(errors.map(({ retryable }) => retryable), [true, false, true])
    }))

  it.effect("waits longer each time for workers that do not live, and starts none meanwhile", () =>
    Effect.gen(function*() {
      const { thread, workers } = yield* setup()
      const starts: Array<number> = []
      for (let i = 0; i < 9; i++) {
        const before = workers.length
        workers.at(-1)!.exit(1)
        const error = yield* Effect.flip(lengths(thread))
        assert.match(error.message, /has exited|exited with code 1/u)
        let waited = 0
        while (workers.length === before) {
          yield* TestClock.adjust("100 millis")
          waited += 100
        }
        starts.push(waited)
      }
      assert.deepEqual(starts, [100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000])
      // one that has lived for a minute is another matter
      yield* TestClock.adjust("61 seconds")
      workers.at(-1)!.exit(1)
      yield* TestClock.adjust("100 millis")
      assert.lengthOf(workers, 11)
    }))
})
