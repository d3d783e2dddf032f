/**
 * The worker thread in which Silero judges the windows of all sessions of a process, many at once.
 *
 * Each slot is a session: what the model remembers of it (its state and the end of its last window) stays here.
 *
 * @since 0.1.0
 */
import { parentPort, workerData } from "node:worker_threads"
import type { InferenceSession, Tensor } from "onnxruntime-node"
import {
  ANEW,
  type BatchMemory,
  BUSY,
  type FromWorker,
  shapes,
  STOP,
  type ToWorker,
  type WorkerOptions
} from "./BatchProtocol.ts"

interface Runtime {
  readonly InferenceSession: typeof InferenceSession
  readonly Tensor: typeof Tensor
}

/** The process ends, and nobody waits for an answer. */
const nothing = new Promise<never>(() => {})

/** Numbers that the model remembers of a slot: two layers of 128. */
const LAYER = 128

const { control, memory, model, rate, runtime }: WorkerOptions = workerData
const { context, window } = shapes[rate]
const length = context + window

const tell = (message: FromWorker): void => parentPort?.postMessage(message)

/** What is remembered of all slots; it grows with them. */
let memories = new Float32Array(0)
let ends = new Float32Array(0)
const room = (slot: number): void => {
  const slots = ends.length / context
  if (slot < slots) return
  const wanted = Math.max(64, 2 * slots, slot + 1)
  const grow = (former: Float32Array<ArrayBuffer>, size: number) => {
    const grown = new Float32Array(wanted * size)
    grown.set(former)
    return grown
  }
  memories = grow(memories, 2 * LAYER)
  ends = grow(ends, context)
}

const rest = (): void => {
  Atomics.store(control, BUSY, 0)
  Atomics.notify(control, BUSY)
}

const start = async () => {
  const { InferenceSession, Tensor }: Runtime = await import(runtime)
  const session = await InferenceSession.create(model, {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: "sequential",
    logSeverityLevel: 3
  })
  const sr = new Tensor("int64", BigInt64Array.of(BigInt(rate)), [])

  /** Judges windows of different slots at once: `count` of them from the one at `first` on. */
  const judge = async ({ samples, slots, speech }: BatchMemory, first: number, count: number): Promise<void> => {
    const input = new Float32Array(count * length)
    const state = new Float32Array(2 * count * LAYER)
    for (let i = 0; i < count; i++) {
      const at = first + i
      const slot = slots[at]! & ~ANEW
      room(slot)
      if ((slots[at]! & ANEW) !== 0) {
        memories.fill(0, slot * 2 * LAYER, (slot + 1) * 2 * LAYER)
        ends.fill(0, slot * context, (slot + 1) * context)
      }
      input.set(ends.subarray(slot * context, (slot + 1) * context), i * length)
      input.set(samples.subarray(at * window, (at + 1) * window), i * length + context)
      ends.set(samples.subarray((at + 1) * window - context, (at + 1) * window), slot * context)
      // the model wants one layer of all, then the other
      for (let layer = 0; layer < 2; layer++) {
        const from = (slot * 2 + layer) * LAYER
        state.set(memories.subarray(from, from + LAYER), (layer * count + i) * LAYER)
      }
    }
    Atomics.store(control, BUSY, 1)
    if (Atomics.load(control, STOP) === 1) {
      rest()
      return nothing
    }
    const { output, stateN } = await session.run({
      input: new Tensor("float32", input, [count, length]),
      state: new Tensor("float32", state, [2, count, LAYER]),
      sr
    }).finally(rest)
    const heard = output?.data
    const next = stateN?.data
    if (!(heard instanceof Float32Array) || !(next instanceof Float32Array)) throw new Error("the model is another one")
    speech.set(heard.subarray(0, count), first)
    for (let i = 0; i < count; i++) {
      const slot = slots[first + i]! & ~ANEW
      for (let layer = 0; layer < 2; layer++) {
        const from = (layer * count + i) * LAYER
        memories.set(next.subarray(from, from + LAYER), (slot * 2 + layer) * LAYER)
      }
    }
  }

  /** A slot's next window needs what its last one left: where a slot comes again, another round begins. */
  const judgeAll = async ({ count, index }: Extract<ToWorker, { readonly _tag: "Judge" }>): Promise<void> => {
    const batch = memory[index]
    if (batch === undefined) throw new RangeError(`no batch ${index}`)
    const seen = new Set<number>()
    let first = 0
    for (let at = 0; at < count; at++) {
      const slot = batch.slots[at]! & ~ANEW
      if (seen.has(slot)) {
        await judge(batch, first, at - first)
        first = at
        seen.clear()
      }
      seen.add(slot)
    }
    if (first < count) await judge(batch, first, count - first)
    tell({ _tag: "Judged", index })
  }

  let work: Promise<void> = Promise.resolve()
  parentPort?.on("message", (message: ToWorker) => {
    // stopped in the middle of native code it would take the whole process with it: it ends when that is done
    work = message._tag === "Judge" ? work.then(() => judgeAll(message)) : work.then(() => parentPort?.close())
    work.catch((cause: unknown) => {
      throw cause
    })
  })
  tell({ _tag: "Ready" })
}

start().catch((cause: unknown) => {
  const missing = cause instanceof Error && "code" in cause && cause.code === "ERR_MODULE_NOT_FOUND"
  tell({ _tag: "Failed", message: cause instanceof Error ? cause.message : String(cause), missing })
})
