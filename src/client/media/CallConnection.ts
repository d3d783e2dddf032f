/**
 * The connection of a call to its session: opened, made again within the resume window when it is lost, and given up.
 *
 * @since 0.1.0
 */
import { Backoff } from "../Backoff.ts"
import type { ServerMessage } from "../protocol/ClientProtocol.ts"
import type { ClientMessage } from "../protocol/WireProtocol.ts"
import { firstOf, sleep } from "../Sleep.ts"
import { abortError, isFinal, throwIfAborted, VoiceClientError } from "../VoiceClientError.ts"
import type { CallEnded, ConnectionChange } from "../VoiceClientEvents.ts"
import type { CallMedia, Link, SessionTarget } from "./CallMedia.ts"
import { Outbox } from "./Outbox.ts"

/** How long `session.started` may take once the link is open. */
const START_TIMEOUT_MS = 15_000
/** A connection that is lost sooner does not end the search for one: the window of the former loss goes on. */
const STABLE_MS = 10_000

/**
 * What a connection needs of the call.
 *
 * @category models
 * @since 0.1.0
 */
export interface CallConnectionOptions {
  readonly media: CallMedia
  readonly target: SessionTarget
  readonly resumeWindowMs: number | undefined
  /** Aborted when the call is cancelled or has ended. */
  readonly signal: AbortSignal
  readonly onMessage: (message: ServerMessage) => void
  readonly onChange: (change: ConnectionChange) => void
  /** The session cannot be reached any more. */
  readonly onEnded: (ended: CallEnded) => void
}

/**
 * Whether another process continues the session.
 *
 * @category guards
 * @since 0.1.0
 */
export const isTakenOver = (message: ServerMessage): boolean =>
  message.type === "session.ended" && message.reason === "taken_over"

/** The start of a session over one link, which may fail first. */
class Start {
  readonly promise: Promise<{ readonly resumed: boolean }>
  #resolve: ((started: { readonly resumed: boolean }) => void) | undefined
  #reject: ((error: VoiceClientError) => void) | undefined

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    // It may reject before it is awaited.
    this.promise.catch(() => undefined)
  }

  succeed(started: { readonly resumed: boolean }): void {
    this.#resolve?.(started)
  }

  fail(error: VoiceClientError): void {
    this.#reject?.(error)
  }
}

/**
 * @category models
 * @since 0.1.0
 */
export class CallConnection {
  readonly #options: CallConnectionOptions
  readonly #outbox = new Outbox()
  #link: Link | undefined
  #generation = 0
  #state: "connecting" | ConnectionChange["state"] = "connecting"
  #connectedAt = 0
  #search: { readonly backoff: Backoff; readonly since: number } | undefined
  #wake: AbortController | undefined
  #closed = false

  constructor(options: CallConnectionOptions) {
    this.#options = options
  }

  get state(): "connecting" | ConnectionChange["state"] {
    return this.#state
  }

  /** Whether the session is connected now, so that `send` reaches it. */
  get isOpen(): boolean {
    return this.#link !== undefined
  }

  /** Connects, and completes when the session has started. Rejects with a `VoiceClientError`. */
  async open(): Promise<void> {
    const { media, signal } = this.#options
    const generation = ++this.#generation
    // The node of the beginning may be gone: from then on, the general URL knows better who has the session.
    const target = generation === 1 ? this.#options.target : { ...this.#options.target, otherFirst: false }
    const start = new Start()
    const isCurrent = () => generation === this.#generation && !this.#closed
    let settled = false
    const link = await media.attach(target, {
      message: (message) => {
        if (!isCurrent()) return
        if (!settled && isTakenOver(message)) {
          return start.fail(new VoiceClientError("connection_failed", "Another server continues the session."))
        }
        if (message.type === "session.started") start.succeed(message)
        this.#options.onMessage(message)
      },
      lost: ({ closed, error }) => {
        if (!isCurrent()) return
        if (!settled) {
          return start.fail(
            error ??
              new VoiceClientError("connection_failed", "The server closed the connection before the session started.")
          )
        }
        if (error !== undefined) this.#options.onEnded({ reason: error.code, error })
        else if (closed) this.#options.onEnded({ reason: "closed", error: undefined })
        else void this.#reopen()
      },
      interrupted: (isInterrupted) => {
        if (isCurrent() && settled) this.#onInterrupted(isInterrupted)
      }
    }, signal)
    const onAbort = () => start.fail(abortError(signal))
    signal.addEventListener("abort", onAbort)
    const timer = setTimeout(
      () => start.fail(new VoiceClientError("connection_timeout", "The server did not start the session in time.")),
      START_TIMEOUT_MS
    )
    try {
      const { resumed } = await start.promise
      throwIfAborted(signal)
      settled = true
      this.#onOpened(link, resumed)
    } catch (error) {
      link.close()
      throw error
    } finally {
      clearTimeout(timer)
      signal.removeEventListener("abort", onAbort)
    }
  }

  /** Sends, or keeps the message for the next connection. Throws `connection_lost` when too many wait. */
  send(message: ClientMessage): void {
    if (this.#link === undefined) this.#outbox.add(message)
    else this.#link.send(message)
  }

  /** The page is back: finds out soon whether the connection still is, and does not wait to make it again. */
  returned(): void {
    this.#link?.probe()
    this.#wake?.abort()
  }

  /** Another process continues the session: connects to that. */
  moveOn(): void {
    const link = this.#link
    // Ignores what the former link still delivers.
    this.#generation++
    void this.#reopen()
    link?.close()
  }

  close(): void {
    this.#closed = true
    this.#state = "ended"
    this.#link?.close()
  }

  #onOpened(link: Link, resumed: boolean): void {
    this.#link = link
    this.#state = "connected"
    this.#connectedAt = performance.now()
    for (const message of this.#outbox.take()) link.send(message)
    this.#options.onChange({ state: "connected", attempt: 0, resumed })
  }

  /** The link mends itself. */
  #onInterrupted(isInterrupted: boolean): void {
    this.#state = isInterrupted ? "reconnecting" : "connected"
    this.#options.onChange({
      state: this.#state,
      attempt: isInterrupted ? 1 : 0,
      resumed: !isInterrupted
    })
  }

  async #reopen(): Promise<void> {
    const { onChange, onEnded, resumeWindowMs, signal } = this.#options
    this.#link = undefined
    this.#state = "reconnecting"
    const lostAt = performance.now()
    // A server that loses each connection at once is not asked for ever.
    if (this.#search === undefined || lostAt - this.#connectedAt >= STABLE_MS) {
      this.#search = { backoff: new Backoff({ windowMs: resumeWindowMs }), since: lostAt }
    }
    const { backoff, since } = this.#search
    for (;;) {
      onChange({ state: "reconnecting", attempt: backoff.attempt + 1, resumed: false })
      const waitMs = backoff.next(performance.now() - since, Math.random())
      if (this.#closed) return
      if (waitMs === undefined) {
        const error = new VoiceClientError("connection_lost", "The connection was lost and could not be restored.")
        return onEnded({ reason: error.code, error })
      }
      // A page that comes back does not wait.
      const wake = this.#wake = new AbortController()
      await sleep(waitMs, firstOf(signal, wake.signal))
      wake.abort()
      this.#wake = undefined
      if (this.#closed) return
      try {
        return await this.open()
      } catch (cause) {
        if (this.#closed) return
        if (cause instanceof VoiceClientError && isFinal(cause)) return onEnded({ reason: cause.code, error: cause })
      }
    }
  }
}
