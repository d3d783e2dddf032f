import { Worker } from "node:worker_threads"

/** One input that takes longer counts as a hang, in ms. */
const HANG_MS = 120_000
const MAX_BYTES = 262_144

/**
 * A thread that detects an endless loop in the main thread, which only another thread can stop: it prints the input and kills
 * the process.
 */
const program = `
const { workerData } = require("node:worker_threads")
const { writeSync } = require("node:fs")
const state = new Int32Array(workerData, 0, 3)
const bytes = new Uint8Array(workerData, 12)
let last = -1
let since = Date.now()
setInterval(() => {
  const turn = Atomics.load(state, 0)
  if (turn !== last || Atomics.load(state, 2) === 0) {
    last = turn
    since = Date.now()
  } else if (Date.now() - since > ${HANG_MS}) {
    const input = Buffer.from(bytes.slice(0, Atomics.load(state, 1))).toString("base64")
    writeSync(2, "FUZZ: the process hangs at this input (base64; the name of the surface comes first):\\n" + input + "\\n")
    process.kill(process.pid, "SIGKILL")
  }
}, 500)
`

export class Watchdog {
  readonly #shared = new SharedArrayBuffer(12 + MAX_BYTES)
  readonly #state = new Int32Array(this.#shared, 0, 3)
  readonly #bytes = new Uint8Array(this.#shared, 12)
  readonly #worker = new Worker(program, { eval: true, workerData: this.#shared })
  readonly #name: Uint8Array

  constructor(name: string) {
    this.#worker.unref()
    this.#name = new TextEncoder().encode(`${name}\0`)
    this.#bytes.set(this.#name)
  }

  begin(input: Uint8Array): void {
    const room = this.#bytes.length - this.#name.length
    this.#bytes.set(input.length > room ? input.subarray(0, room) : input, this.#name.length)
    this.#state[1] = this.#name.length + Math.min(input.length, room)
    Atomics.add(this.#state, 0, 1)
    Atomics.store(this.#state, 2, 1)
  }

  /** Pauses the watch between inputs. */
  rest(): void {
    Atomics.store(this.#state, 2, 0)
  }

  close(): Promise<unknown> {
    return this.#worker.terminate()
  }
}
