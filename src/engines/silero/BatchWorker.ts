/**
 * The worker thread in which Silero classifies the windows of all sessions of a process, in batches.
 *
 * Each slot belongs to a session: its model state and the end of its last window are kept here.
 *
 * @since 0.1.0
 */
import { readFile } from "node:fs/promises"
import { parentPort, workerData } from "node:worker_threads"
import * as InferenceGuard from "../local/InferenceGuard.ts"
import * as OnnxRuntime from "../local/OnnxRuntime.ts"
import { type BatchMemory, type FromWorker, RESET, shapes, type ToWorker, type WorkerOptions } from "./BatchProtocol.ts"

/** The model's state of a slot has two layers of 128 numbers. */
const LAYER = 128

const { guard, memory, model, packages, rate }: WorkerOptions = workerData
const { context, window } = shapes[rate]
const length = context + window

const post = (message: FromWorker): void => parentPort?.postMessage(message)

/** The model states, and the ends of the last windows, of all slots. */
let states = new Float32Array(0)
let ends = new Float32Array(0)
const ensureCapacity = (slot: number): void => {
  const slots = ends.length / context
  if (slot < slots) return
  const wanted = Math.max(64, 2 * slots, slot + 1)
  const grow = (former: Float32Array<ArrayBuffer>, size: number) => {
    const grown = new Float32Array(wanted * size)
    grown.set(former)
    return grown
  }
  states = grow(states, 2 * LAYER)
  ends = grow(ends, context)
}

const start = async () => {
  const onnx = await OnnxRuntime.load(packages)
  const session = await onnx.createSession(await readFile(model))
  const sr = onnx.int64(BigInt64Array.of(BigInt(rate)), [])

  /** Classifies `count` windows from `first` on, which must be of different slots. */
  const infer = async ({ samples, slots, speech }: BatchMemory, first: number, count: number): Promise<void> => {
    const input = new Float32Array(count * length)
    const state = new Float32Array(2 * count * LAYER)
    for (let i = 0; i < count; i++) {
      const at = first + i
      const slot = slots[at]! & ~RESET
      ensureCapacity(slot)
      if ((slots[at]! & RESET) !== 0) {
        states.fill(0, slot * 2 * LAYER, (slot + 1) * 2 * LAYER)
        ends.fill(0, slot * context, (slot + 1) * context)
      }
      input.set(ends.subarray(slot * context, (slot + 1) * context), i * length)
      input.set(samples.subarray(at * window, (at + 1) * window), i * length + context)
      ends.set(samples.subarray((at + 1) * window - context, (at + 1) * window), slot * context)
      // the model expects the first layer of all windows, then the second
      for (let layer = 0; layer < 2; layer++) {
        const from = (slot * 2 + layer) * LAYER
        state.set(states.subarray(from, from + LAYER), (layer * count + i) * LAYER)
      }
    }
    const { output, stateN } = await InferenceGuard.run(guard, () =>
      session.run({
        input: onnx.float32(input, [count, length]),
        state: onnx.float32(state, [2, count, LAYER]),
        sr
      }))
    const probabilities = output?.data
    const next = stateN?.data
    if (!(probabilities instanceof Float32Array) || !(next instanceof Float32Array)) {
      throw new Error("the model file is not Silero VAD: unexpected outputs")
    }
    speech.set(probabilities.subarray(0, count), first)
    for (let i = 0; i < count; i++) {
      const slot = slots[first + i]! & ~RESET
      for (let layer = 0; layer < 2; layer++) {
        const from = (layer * count + i) * LAYER
        states.set(next.subarray(from, from + LAYER), (slot * 2 + layer) * LAYER)
      }
    }
  }

  /** A slot's window needs the state after its previous one: when a slot repeats, a second inference begins. */
  const classify = async ({ count, index }: Extract<ToWorker, { readonly _tag: "Classify" }>): Promise<void> => {
    const batch = memory[index]
    if (batch === undefined) throw new RangeError(`no batch ${index}`)
    const seen = new Set<number>()
    let first = 0
    for (let at = 0; at < count; at++) {
      const slot = batch.slots[at]! & ~RESET
      if (seen.has(slot)) {
        await infer(batch, first, at - first)
        first = at
        seen.clear()
      }
      seen.add(slot)
    }
    if (first < count) await infer(batch, first, count - first)
    post({ _tag: "Classified", index })
  }

  let work: Promise<void> = Promise.resolve()
  parentPort?.on("message", (message: ToWorker) => {
    // terminating a worker in native code crashes the process: it exits after the inference in progress
    work = message._tag === "Classify" ? work.then(() => classify(message)) : work.then(() => parentPort?.close())
    work.catch((cause: unknown) => {
      throw cause
    })
  })
  post({ _tag: "Ready" })
}

start().catch((cause: unknown) => {
  const missing = cause instanceof Error && "code" in cause && cause.code === "ERR_MODULE_NOT_FOUND"
  post({ _tag: "Failed", message: cause instanceof Error ? cause.message : String(cause), missing })
})
