/**
 * The audio context of a call. A phone call, a locked screen or a lost device may suspend, interrupt or even close it: it is
 * resumed, or replaced by a new one.
 *
 * @since 0.1.0
 */
import type { Playable, PlaybackWatch } from "./PlaybackWatch.ts"

/** A context that is closed more often than this within `REPLACED_MS` is not replaced until later. */
const MAX_REPLACED = 3
const REPLACED_MS = 10_000

/**
 * Owns the context, and closes it.
 *
 * @category models
 * @since 0.1.0
 */
export class CallContext {
  readonly #make: () => AudioContext
  #context: AudioContext
  #onReplaced: ((context: AudioContext) => void) | undefined
  #stopWatching: (() => void) | undefined
  #replaced: Array<number> = []
  #closed = false

  /** `make` makes another context, should the browser close this one. */
  constructor(context: AudioContext, make: () => AudioContext) {
    this.#context = context
    this.#make = make
  }

  get current(): AudioContext {
    return this.#context
  }

  /**
   * Keeps the context running. `onReplaced` is called with another one when the browser has closed it, and has to build its
   * nodes again.
   */
  watch(watch: PlaybackWatch, required: boolean, onReplaced: (context: AudioContext) => void): void {
    this.#onReplaced = onReplaced
    const playable: Playable = {
      required,
      isBlocked: () => !this.#closed && this.#context.state !== "running",
      start: () => this.#context.state === "closed" ? this.#replace(watch) : this.#context.resume()
    }
    this.#listen(watch)
    this.#stopWatching = watch.add(playable)
  }

  close(): void {
    this.#closed = true
    this.#stopWatching?.()
    this.#context.onstatechange = null
    if (this.#context.state !== "closed") void this.#context.close()
  }

  #listen(watch: PlaybackWatch): void {
    this.#context.onstatechange = () => watch.check()
  }

  async #replace(watch: PlaybackWatch): Promise<void> {
    const now = performance.now()
    this.#replaced = this.#replaced.filter((at) => now - at < REPLACED_MS)
    if (this.#replaced.length >= MAX_REPLACED) throw new Error("the browser closes every audio context")
    this.#replaced.push(now)
    this.#context.onstatechange = null
    this.#context = this.#make()
    this.#listen(watch)
    this.#onReplaced?.(this.#context)
    await this.#context.resume()
  }
}
