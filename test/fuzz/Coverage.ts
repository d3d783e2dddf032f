import * as Inspector from "node:inspector"

/**
 * Detects inputs that reach new code, by V8's block coverage of `src`.
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

  /** The number of blocks reached so far. */
  get size(): number {
    return this.#seen.size
  }

  /** Resets the counts. */
  reset(): void {
    this.#take()
  }

  /** The number of blocks reached for the first time since the last call. */
  fresh(): number {
    let found = 0
    for (const key of this.#take()) {
      if (this.#seen.has(key)) continue
      this.#seen.add(key)
      found++
    }
    return found
  }

  /** Whether a new block was reached; it stays new until `settle`. */
  peek(): boolean {
    const found = this.#take().filter((key) => !this.#seen.has(key))
    this.#peeked.push(...found)
    return found.length > 0
  }

  /** Marks the peeked blocks as known. V8 sometimes splits blocks differently, so they may not belong to any input. */
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
    // Within one process, `post` answers synchronously.
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
