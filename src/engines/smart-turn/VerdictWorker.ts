/**
 * The worker thread in which Smart Turn listens, for all sessions of a process: one turn after the other.
 *
 * It is not Silero's, whose batches of 2 ms would wait for the 50 to 100 ms of a verdict.
 *
 * @since 0.1.0
 */
import { parentPort, workerData } from "node:worker_threads"
import * as InferenceGuard from "../local/InferenceGuard.ts"
import { readPinned } from "../local/ModelFile.ts"
import * as OnnxRuntime from "../local/OnnxRuntime.ts"
import { BANDS, FRAMES, LogMel } from "./LogMel.ts"
import { files } from "./ModelFiles.ts"
import type { FromWorker, ToWorker, WorkerOptions } from "./VerdictMessages.ts"

const { guard, model, packages }: WorkerOptions = workerData

const post = (message: FromWorker): void => parentPort?.postMessage(message)

const messageOf = (cause: unknown): string =>
  (cause instanceof Error ? cause.message : String(cause)).split("\n", 1)[0] ?? ""

const start = async (): Promise<void> => {
  const bytes = readPinned(model, files["smart-turn-v3.2-cpu.onnx"])
  const onnx = await OnnxRuntime.load(packages)
  const session = await onnx.createSession(bytes)
  const logMel = new LogMel()

  /** The model calls its output `logits`, but it is a probability. */
  const listen = async (pcm: Int16Array): Promise<number> => {
    const features = logMel.compute(pcm)
    const { logits } = await InferenceGuard.run(
      guard,
      () => session.run({ input_features: onnx.float32(features, [1, BANDS, FRAMES]) })
    )
    const probability = logits?.data instanceof Float32Array ? logits.data[0] : undefined
    if (probability === undefined) throw new Error("the model file is not Smart Turn: unexpected outputs")
    return probability
  }

  let work: Promise<void> = Promise.resolve()
  parentPort?.on("message", (message: ToWorker) => {
    // terminating a worker in native code crashes the process: it exits after the inference in progress
    work = work.then(async () => {
      if (message._tag === "End") return parentPort?.close()
      const { id, pcm } = message
      try {
        post({ _tag: "Verdict", id, probability: await listen(pcm) })
      } catch (cause) {
        post({ _tag: "NoVerdict", id, message: messageOf(cause) })
      }
    })
  })
  // the first inference is slower than the others
  await listen(new Int16Array(0))
  post({ _tag: "Ready", packageName: onnx.packageName, unusable: onnx.unusable })
}

start().catch((cause: unknown) => post({ _tag: "Failed", message: messageOf(cause) }))
