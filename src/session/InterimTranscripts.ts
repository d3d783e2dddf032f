/**
 * The interim transcripts that a session tells: as they come, up to a rate; of those that come faster, the newest.
 *
 * Recognisers send up to 10 a second, which is never too fast. Plain synchronous code, but for one timer while one waits.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { BurstLimit } from "../BurstLimit.ts"
import type { SessionEventBody } from "./SessionEvent.ts"

const BURST = 64
const PER_SECOND = 20

const RELEASE = "interim transcript"

/**
 * What it needs of its session: the clock in ms, and how to publish an event and to run an effect by name.
 *
 * @category models
 * @since 0.1.0
 */
export interface InterimTranscriptsOptions {
  readonly now: () => number
  readonly publish: (event: SessionEventBody) => void
  readonly run: (name: string, effect: Effect.Effect<unknown>) => void
  readonly cancel: (name: string) => void
}

/**
 * The interim transcripts of one session.
 *
 * @category models
 * @since 0.1.0
 */
export class InterimTranscripts {
  readonly #options: InterimTranscriptsOptions
  readonly #limit = new BurstLimit(BURST, PER_SECOND)
  #waiting: SessionEventBody | undefined

  constructor(options: InterimTranscriptsOptions) {
    this.#options = options
  }

  /**
   * Publishes an event, or keeps an interim transcript that comes too fast until the next event or until its time; a newer one
   * takes its place. Any other event comes after the one that waits.
   */
  publish(event: SessionEventBody): void {
    const { cancel, now, publish, run } = this.#options
    if (event.type !== "user.transcript" || event.final) {
      if (this.#waiting !== undefined) {
        cancel(RELEASE)
        this.#release()
      }
      return publish(event)
    }
    const isWaiting = this.#waiting !== undefined
    if (!isWaiting && this.#limit.takes(1, now())) return publish(event)
    this.#waiting = event
    if (!isWaiting) run(RELEASE, Effect.andThen(Effect.sleep(this.#limit.waitMs(now())), this.#releaseLater))
  }

  readonly #releaseLater = Effect.sync(() => this.#release())

  #release(): void {
    const event = this.#waiting
    this.#waiting = undefined
    if (event !== undefined) this.#options.publish(event)
  }
}
