/**
 * Reads a text while it is written, and gives it out in pieces, on a clock.
 *
 * Text is read only while a piece is waited for. One fiber reads and one timer runs at most, and only while they are needed:
 * a piece of text notes times, and costs no timer. A text that fails, or brings nothing for too long, ends with the whole
 * sentences that were written.
 *
 * @since 0.1.0
 */
import type * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Pull from "effect/Pull"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { RETRACTED } from "../../agent/AgentThoughts.ts"
import { type BackendError, fromCause, PipelineError, Timeout } from "../../BackendError.ts"
import * as MonotonicTime from "../../MonotonicTime.ts"
import type { SentenceSplitter } from "../../text/sentences/SentenceSplitter.ts"

/**
 * Makes pieces of a text as it is written.
 *
 * @category models
 * @since 0.1.0
 */
export type TextSplitter = Pick<SentenceSplitter, "cut" | "dueMs" | "flush" | "push" | "release" | "waits">

/**
 * How a text is read.
 *
 * @category models
 * @since 0.1.0
 */
export interface Reading {
  /** How long nothing may come, not even an empty text. Nothing to speak may come for four times as long. */
  readonly timeout: Duration.Duration
  /** How much speech is still to be played, in ms. */
  readonly aheadMs: () => number
  /** Called with each piece of text, also an empty one, by which an agent shows that it works. Synchronous. */
  readonly onText: (text: string, nowMs: number) => void
  /** Called once when the text fails; what it gave out is still to be spoken. Synchronous. */
  readonly onFailure: (error: BackendError) => void
}

/** How many times the time-out of a text may pass while it brings nothing to speak, though it shows that it goes on. */
const SILENT_TIMEOUTS = 4

/**
 * Texts without a word in a row: of an agent that gives them without a pause, no time-out would be noticed. `AgentThoughts`
 * passes on one in a hundred of a long thought, so these stand for some 300,000 pieces, more than a model thinks in one turn.
 */
const MAX_SILENT_PIECES = 4_000

/** The longest text of a reply, in UTF-16 code units: more than an hour of speech. */
const MAX_CHARACTERS = 65_536

const op = "Agent.respond"
/** Timers may fire this much early, in ms. */
const TOLERANCE_MS = 0.5

const tooLong = () =>
  new PipelineError({
    op,
    message: `the agent's text is longer than ${MAX_CHARACTERS} characters`,
    details: { reason: "too_much", limit: MAX_CHARACTERS },
    retryable: false
  })

interface Timer {
  fiber: Fiber.Fiber<void> | undefined
  untilMs: number
}

type Pieces = Arr.NonEmptyReadonlyArray<string>

class Reader {
  readonly #pull: Pull.Pull<Pieces, BackendError>
  readonly #scope: Scope.Scope
  readonly #clock: Clock.Clock
  readonly #start: () => TextSplitter
  #splitter: TextSplitter
  readonly #reading: Reading
  #out: Array<string> = []
  #ended = false
  /** The latest reading fiber. Between its last read and its end the scheduler may run others, so it does not say it. */
  #reader: Fiber.Fiber<void> | undefined
  #isReading = false
  #timer: Timer | undefined
  /** Whether somebody waits for a piece, and how to resume who sleeps meanwhile. */
  #isWaiting = false
  #resume: (() => void) | undefined
  #waitingMs = 0
  #readMs = 0
  #silentPieces = 0
  #characters = 0

  constructor(
    pull: Pull.Pull<Pieces, BackendError>,
    scope: Scope.Scope,
    clock: Clock.Clock,
    start: () => TextSplitter,
    reading: Reading
  ) {
    this.#pull = pull
    this.#scope = scope
    this.#clock = clock
    this.#start = start
    this.#splitter = start()
    this.#reading = reading
  }

  /** The next pieces. */
  readonly next: Pull.Pull<Pieces> = Effect.suspend((): Pull.Pull<Pieces> => {
    const [first, ...rest] = this.#out
    if (first !== undefined) {
      this.#out = []
      return Effect.succeed([first, ...rest])
    }
    return this.#ended ? Cause.done() : Effect.andThen(this.#wait, this.next)
  })

  readonly #wait: Effect.Effect<void> = Effect.suspend(() => {
    const nowMs = MonotonicTime.nowMs(this.#clock)
    this.#waitingMs = nowMs
    this.#silentPieces = 0
    this.#splitter.waits(nowMs)
    this.#isWaiting = true
    if (this.#isReading) return this.#sleep
    this.#isReading = true
    this.#readMs = nowMs
    return Effect.flatMap(Effect.forkIn(this.#read, this.#scope, { startImmediately: true }), (fiber) => {
      this.#reader = fiber
      // most often the next text is there already
      return this.#isReading ? this.#sleep : Effect.void
    })
  })

  /** Waits for the reading fiber or the timer. */
  readonly #sleep: Effect.Effect<void> = Effect.suspend(() =>
    Effect.andThen(
      this.#arm,
      Effect.callback<void>((resume) => {
        if (!this.#isWaiting) return resume(Effect.void)
        this.#resume = () => resume(Effect.void)
        return Effect.sync(() => {
          this.#isWaiting = false
          this.#resume = undefined
        })
      })
    )
  )

  /** There is something to take, or nothing more will come. */
  #settle(): void {
    const resume = this.#resume
    this.#isWaiting = false
    this.#resume = undefined
    resume?.()
  }

  readonly #readMore: Pull.Pull<void, BackendError> = Effect.suspend(() =>
    Effect.flatMap(this.#pull, (texts): Pull.Pull<void, BackendError> => {
      this.#take(texts)
      if (!this.#isWaiting || this.#ended) {
        this.#isReading = false
        return Effect.void
      }
      return this.#resume !== undefined && this.#isTimerLate
        ? Effect.andThen(this.#arm, this.#readMore)
        : this.#readMore
    })
  )

  /** Reads until there is something to take. */
  readonly #read: Effect.Effect<void> = Effect.suspend(() => this.#readMore).pipe(
    Pull.catchDone(() => Effect.sync(() => this.#end(this.#splitter.flush()))),
    Effect.catchCause((cause) => Effect.sync(() => this.#fail(fromCause(op, cause))))
  )

  #take(texts: Pieces): void {
    if (this.#ended) return
    const nowMs = MonotonicTime.nowMs(this.#clock)
    this.#readMs = nowMs
    for (const text of texts) {
      if (text === RETRACTED) {
        this.#out = []
        this.#splitter = this.#start()
        continue
      }
      this.#reading.onText(text, nowMs)
      const left = MAX_CHARACTERS - this.#characters
      this.#characters += text.length
      if (text !== "") this.#out.push(...this.#splitter.push(text.slice(0, left), nowMs))
      if (text.length > left) return this.#fail(tooLong())
    }
    if (this.#out.length > 0) return this.#settle()
    this.#silentPieces += texts.length
    if (this.#silentPieces > MAX_SILENT_PIECES) {
      this.#fail(new Timeout({ op, message: `the agent gave ${this.#silentPieces} pieces of text without a word` }))
    }
  }

  #end(pieces: ReadonlyArray<string>): void {
    if (this.#ended) return
    this.#ended = true
    this.#isReading = false
    this.#out.push(...pieces)
    this.#settle()
  }

  #fail(error: BackendError): void {
    if (this.#ended) return
    this.#reading.onFailure(error)
    this.#end(this.#cut())
  }

  /** A transform of the application may throw. */
  #cut(): ReadonlyArray<string> {
    try {
      return this.#splitter.cut()
    } catch {
      return []
    }
  }

  get #dueMs(): number {
    const timeoutMs = Duration.toMillis(this.#reading.timeout)
    return Math.min(
      this.#splitter.dueMs,
      this.#readMs + timeoutMs,
      this.#waitingMs + SILENT_TIMEOUTS * timeoutMs
    )
  }

  get #isTimerLate(): boolean {
    return this.#timer === undefined || this.#timer.untilMs > this.#dueMs
  }

  /** Starts the timer, unless it fires in time. */
  readonly #arm: Effect.Effect<void> = Effect.suspend(() => {
    if (!this.#isTimerLate) return Effect.void
    this.#timer?.fiber?.interruptUnsafe()
    const timer: Timer = { fiber: undefined, untilMs: this.#dueMs }
    this.#timer = timer
    return Effect.map(Effect.forkIn(this.#run(timer), this.#scope), (fiber) => {
      timer.fiber = fiber
    })
  })

  readonly #run = (timer: Timer): Effect.Effect<void> =>
    Effect.gen({ self: this }, function*() {
      while (this.#timer === timer && this.#isWaiting && !this.#ended) {
        const nowMs = MonotonicTime.nowMs(this.#clock)
        const dueMs = this.#dueMs
        if (dueMs > nowMs + TOLERANCE_MS) {
          timer.untilMs = dueMs
          yield* Effect.sleep(dueMs - nowMs)
        } else this.#fire(Math.max(nowMs, dueMs))
      }
      if (this.#timer === timer) this.#timer = undefined
    }).pipe(Effect.catchCause((cause) => Effect.sync(() => this.#fail(fromCause(op, cause)))))

  #fire(nowMs: number): void {
    const { timeout } = this.#reading
    const timeoutMs = Duration.toMillis(timeout)
    if (nowMs >= this.#readMs + timeoutMs) {
      this.#stall(`the agent produced nothing for ${Duration.format(timeout)}`)
    } else if (nowMs >= this.#waitingMs + SILENT_TIMEOUTS * timeoutMs) {
      const silent = Duration.millis(SILENT_TIMEOUTS * timeoutMs)
      this.#stall(`the agent produced nothing to speak for ${Duration.format(silent)}`)
    } else {
      this.#out.push(...this.#splitter.release(nowMs, this.#reading.aheadMs()))
      if (this.#out.length > 0) this.#settle()
    }
  }

  #stall(message: string): void {
    this.#fail(new Timeout({ op, message }))
    this.#reader?.interruptUnsafe()
  }
}

/**
 * Makes the stream of a text's pieces. It never fails: `reading.onFailure` is told, and the whole sentences that were written
 * come to their end.
 *
 * @category constructors
 * @since 0.1.0
 */
export const read = (
  text: Stream.Stream<string, BackendError>,
  start: () => TextSplitter,
  reading: Reading
): Stream.Stream<string> =>
  Stream.transformPull(
    text,
    (pull, scope) => Clock.clockWith((clock) => Effect.succeed(new Reader(pull, scope, clock, start, reading).next))
  )
