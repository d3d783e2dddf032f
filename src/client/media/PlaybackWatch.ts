/**
 * Keeps a call's audio playing: starts again what the browser has stopped, and waits for the user's next gesture where the
 * browser asks for one.
 *
 * @since 0.1.0
 */
import { watchGestures } from "./PageEvents.ts"

/** How long starting may take before it counts as blocked: a browser that waits for a gesture does not answer at all. */
const START_MS = 300

/**
 * Something that plays: an audio context or a media element.
 *
 * @category models
 * @since 0.1.0
 */
export interface Playable {
  /** Whether the user hears or is heard only while it runs; otherwise nobody is told that it does not. */
  readonly required: boolean
  readonly isBlocked: () => boolean
  /** Starts it. Within a gesture, the browser allows it only when this is called synchronously. */
  readonly start: () => Promise<unknown>
}

/**
 * Watches what plays. At most one attempt to start it is made per 300 ms, beside the user's gestures.
 *
 * @category models
 * @since 0.1.0
 */
export class PlaybackWatch {
  readonly #onChange: (blocked: boolean) => void
  readonly #playables = new Set<Playable>()
  #blocked = false
  #again = false
  #closed = false
  #timer: ReturnType<typeof setTimeout> | undefined
  #stopGestures: (() => void) | undefined

  /** `onChange` is called when playback is blocked, and when it has started again. */
  constructor(onChange: (blocked: boolean) => void) {
    this.#onChange = onChange
  }

  /** Whether something that is required waits for a gesture. */
  get blocked(): boolean {
    return this.#blocked
  }

  /** Starts it if it is not playing, and watches it until the returned function is called. */
  add(playable: Playable): () => void {
    this.#playables.add(playable)
    this.startNow()
    return () => {
      this.#playables.delete(playable)
      this.#settle(false)
    }
  }

  /** To be called when the state of anything may have changed: starts what does not play. */
  check(): void {
    if (this.#closed) return
    if (this.#timer === undefined) this.#start()
    else {
      this.#again = true
      this.#settle(false)
    }
  }

  /** Starts what does not play, at once. To be called within a gesture. */
  startNow(): void {
    if (!this.#closed) this.#start()
  }

  close(): void {
    this.#closed = true
    this.#playables.clear()
    clearTimeout(this.#timer)
    this.#stopGestures?.()
  }

  #start(): void {
    const blocked = Array.from(this.#playables).filter((playable) => playable.isBlocked())
    this.#again = false
    for (const playable of blocked) {
      playable.start().then(
        () => this.#settle(false),
        (error: unknown) => this.#settle(error instanceof DOMException && error.name === "NotAllowedError")
      )
    }
    if (blocked.length === 0) return this.#settle(false)
    this.#stopGestures ??= watchGestures(() => this.startNow())
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      if (this.#again) this.#start()
      else this.#settle(true)
    }, START_MS)
  }

  /** `final`: what does not play now waits for a gesture. */
  #settle(final: boolean): void {
    if (this.#closed) return
    const blocked = Array.from(this.#playables).filter((playable) => playable.isBlocked())
    if (blocked.length === 0) {
      clearTimeout(this.#timer)
      this.#timer = undefined
      this.#stopGestures?.()
      this.#stopGestures = undefined
    }
    const needed = blocked.some(({ required }) => required)
    if (needed === this.#blocked || (needed && !final)) return
    this.#blocked = needed
    this.#onChange(needed)
  }
}
