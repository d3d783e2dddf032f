/**
 * The worker thread that runs flite: one text in, its PCM out. Started by `FlitePool`; plain code without Effect.
 *
 * Compiles the WebAssembly module once. Each text gets a new instance (10 ms), because flite is a command-line program
 * that exits after one text.
 *
 * @since 0.1.0
 */
import { readFileSync } from "node:fs"
import { parentPort, workerData } from "node:worker_threads"
import { compile, run } from "./MemoryWasi.ts"

/**
 * A request to the worker: one text to synthesise.
 *
 * @category models
 * @since 0.1.0
 */
export interface FliteRequest {
  readonly id: number
  readonly text: string
  readonly voice: string
  /** Speed, relative to the voice's own: 2 is twice as fast. */
  readonly rate: number
}

/**
 * The worker's response: PCM at 16 kHz, or the reason of the failure.
 *
 * @category models
 * @since 0.1.0
 */
export type FliteResponse =
  | { readonly id: number; readonly pcm: Int16Array<ArrayBuffer> }
  | { readonly id: number; readonly error: string }

const headerBytes = 44
/** Three minutes of audio; a text of 1,000 characters takes about one. */
const maxBytes = 16_000 * 2 * 180

const port = parentPort
if (port !== null) {
  const { wasm }: { readonly wasm: string } = workerData
  const program = compile(readFileSync(wasm))

  const speak = ({ id, rate, text, voice }: FliteRequest): FliteResponse => {
    const stretch = ["--setf", `duration_stretch=${(1 / rate).toFixed(3)}`]
    const { code, file, log } = run(program, ["flite", "-voice", voice, ...stretch, "-t", text, "o.wav"], maxBytes)
    if (code !== 0 || file.length < headerBytes) return { id, error: `flite exited with code ${code}: ${log.trim()}` }
    const count = (file.length - headerBytes) >> 1
    const pcm = new Int16Array(count)
    const view = new DataView(file.buffer, file.byteOffset + headerBytes)
    for (let i = 0; i < count; i++) pcm[i] = view.getInt16(2 * i, true)
    return { id, pcm }
  }

  port.on("message", (request: FliteRequest) => {
    let response: FliteResponse
    try {
      response = speak(request)
    } catch (cause) {
      response = { id: request.id, error: String(cause) }
    }
    port.postMessage(response, "pcm" in response ? [response.pcm.buffer] : [])
  })
}
