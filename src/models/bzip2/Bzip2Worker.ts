/**
 * A worker thread that decodes a bzip2 file: it sends a piece for each message that it gets, then `end` or the error.
 *
 * @since 0.1.0
 */
import { closeSync, openSync, readSync } from "node:fs"
import { parentPort, workerData } from "node:worker_threads"
import * as Bzip2 from "./Bzip2.ts"

/**
 * What the worker answers to a message.
 *
 * @category models
 * @since 0.1.0
 */
export type Answer =
  | { readonly piece: Uint8Array }
  | { readonly end: true }
  | { readonly error: string }

const READ = 262_144

const { path }: { readonly path: string } = workerData
const file = openSync(path, "r")
const buffer = Buffer.alloc(READ)
const pieces = Bzip2.decode(() => {
  const count = readSync(file, buffer, 0, READ, null)
  return count === 0 ? undefined : buffer.subarray(0, count)
})

const answer = (): Answer => {
  try {
    const { done, value } = pieces.next()
    return done === true ? { end: true } : { piece: value }
  } catch (cause) {
    return { error: cause instanceof Error ? cause.message : String(cause) }
  }
}

parentPort?.on("message", () => {
  const next = answer()
  if ("piece" in next) return parentPort?.postMessage(next, [next.piece.buffer as ArrayBuffer])
  closeSync(file)
  parentPort?.postMessage(next)
  parentPort?.close()
})
