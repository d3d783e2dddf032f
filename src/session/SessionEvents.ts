/**
 * The events of a session: gives each its number and its time, and publishes it. Plain synchronous code.
 *
 * @since 0.1.0
 */
import { Broadcast } from "./Broadcast.ts"
import { InterimTranscripts } from "./InterimTranscripts.ts"
import type { SessionDispatcher } from "./SessionDispatcher.ts"
import type { SessionEvent, SessionEventBody } from "./SessionEvent.ts"
import type { SessionOptions, SessionRuntime } from "./SessionOptions.ts"

/** Events that wait for a slow reader; it loses the oldest beyond this. */
const EVENT_BUFFER = 256

/**
 * The session whose events they are. `publish` takes an event after the readers of the stream: for the user's client, recorder
 * and observer. What it throws ends the session.
 *
 * @category models
 * @since 0.1.0
 */
export interface SessionOfEvents {
  readonly options: Pick<SessionOptions, "clock" | "now" | "restored">
  readonly runtime: Pick<SessionRuntime, "run" | "cancel">
  readonly dispatcher: Pick<SessionDispatcher, "fail">
  /** Whether events may be published now. */
  readonly mayAct: () => boolean
  readonly publish: (event: SessionEvent) => void
}

/**
 * The events of one session.
 *
 * @category models
 * @since 0.1.0
 */
export class SessionEvents {
  readonly #session: SessionOfEvents
  /** Those that applications read. */
  readonly readers = new Broadcast<SessionEvent>(EVENT_BUFFER)
  /** Made with the first interim transcript: most sessions are idle. */
  #interims: InterimTranscripts | undefined
  /** Those that wait until the session may act. For a second at most. */
  #held: Array<SessionEventBody> = []
  #seq: number

  constructor(session: SessionOfEvents) {
    this.#session = session
    this.#seq = session.options.restored?.seq ?? 0
  }

  /** The number of the last event. */
  get seq(): number {
    return this.#seq
  }

  emit(body: SessionEventBody): void {
    if (this.#session.mayAct()) this.#emit(body)
    else this.#held.push(body)
  }

  /** Publishes what had to wait. */
  goOn(): void {
    for (const body of this.#held.splice(0)) this.emit(body)
  }

  /** Forgets what had to wait. */
  discard(): void {
    this.#held = []
  }

  #emit(body: SessionEventBody): void {
    if (this.#interims === undefined) {
      if (body.type !== "user.transcript") return this.#publish(body)
      const { options: { clock: { now } }, runtime: { cancel, run } } = this.#session
      this.#interims = new InterimTranscripts({ now, publish: (event) => this.#publish(event), run, cancel })
    }
    this.#interims.publish(body)
  }

  #publish(body: SessionEventBody): void {
    const session = this.#session
    try {
      const event: SessionEvent = { ...body, seq: ++this.#seq, atMs: session.options.now() }
      this.readers.publish(event)
      session.publish(event)
    } catch (cause) {
      // whoever emitted it, a recorder, an observer or a connection that throws ends the session
      session.dispatcher.fail(cause)
    }
  }
}
