import * as Inspector from "node:inspector"

/**
 * Tells whether inputs reached code that none had reached before: V8's own block coverage of `src`.
 *
 * The fuzzers on npm do not work here: the native part of @jazzer.js/core 4.0 wants glibc 2.38 (Debian 12 has 2.36), and
 * jsfuzz 1.0 instruments CommonJS alone. V8 counts blocks of whatever it runs, TypeScript and ES modules included; but only
 * of what it compiles after this was made, so make it before the sources are imported.
 */
export class Coverage {
  readonly #session = new Inspector.Session()
  readonly #seen = new Set<string>()
  #peeked: Array<string> = []

  constructor() {
    this.#session.connect()
    this.#session.post("Profiler.enable")
    this.#session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true })
  }

  /** The blocks that were reached so far. */
  get size(): number {
    return this.#seen.size
  }

  /** Counts begin anew. */
  reset(): void {
    this.#take()
  }

  /** How many blocks were reached for the first time since the last look. */
  fresh(): number {
    let found = 0
    for (const key of this.#take()) {
      if (this.#seen.has(key)) continue
      this.#seen.add(key)
      found++
    }
    return found
  }

  /** Whether the counts hold a block that is not known; it stays unknown until `settle`. */
  peek(): boolean {
    const found = this.#take().filter((key) => !this.#seen.has(key))
    this.#peeked.push(...found)
    return found.length > 0
  }

  /** What was peeked at is known from now on: V8 cuts its blocks otherwise now and then, so no input may account for it. */
  settle(): void {
    for (const key of this.#peeked) this.#seen.add(key)
    this.#peeked = []
  }

  close(): void {
    this.#session.post("Profiler.stopPreciseCoverage")
    this.#session.disconnect()
  }

  #take(): ReadonlyArray<string> {
    const keys: Array<string> = []
    // Within one process the answer is there when `post` returns.
    this.#session.post("Profiler.takePreciseCoverage", (error, coverage) => {
      if (error !== null) throw error
      for (const script of coverage.result) {
        if (!script.url.includes("/src/") || script.url.includes("/node_modules/")) continue
        for (const { ranges } of script.functions) {
          for (const { count, endOffset, startOffset } of ranges) {
            if (count > 0) keys.push(`${script.scriptId}:${startOffset}-${endOffset}`)
          }
        }
      }
    })
    return keys
  }
}
