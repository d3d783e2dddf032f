/**
 * Logs what goes wrong in a session, with its cause: the user gets a generic sentence.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type { BackendError, PipelineError } from "../BackendError.ts"
import * as ThrownValue from "../ThrownValue.ts"
import type { SessionOptions, SessionRuntime } from "./SessionOptions.ts"

/**
 * The session whose failures are logged.
 *
 * @category models
 * @since 0.1.0
 */
export interface LoggedSession {
  readonly options: Pick<SessionOptions, "observer">
  readonly runtime: Pick<SessionRuntime, "run">
  readonly isClosed: boolean
}

/**
 * The log of one session.
 *
 * @category models
 * @since 0.1.0
 */
export class SessionLog {
  readonly #session: LoggedSession
  /** Made with the first error: most sessions have none. */
  #loggedErrors: WeakSet<BackendError> | undefined
  #lines = 0
  #hasLoggedCut = false
  #hasLoggedClient = false
  /** Whether the turn detector has failed, and that was logged. */
  #isDetectorFailing = false

  constructor(session: LoggedSession) {
    this.#session = session
  }

  /** A reply failed, in this turn; `agent` is the name of whoever answered. */
  replyFailed(error: BackendError, agent: string | undefined, turn: number): void {
    // those of engines name theirs
    const isEngines = /^(?:TextToSpeech|SpeechToSpeech)\./u.test(error.op)
    this.#failure("reply failed", error, isEngines || agent === undefined ? {} : { agent }, turn)
  }

  engineFailed(engine: string, error: BackendError): void {
    this.#failure(`${engine} failed`, error, { engine })
  }

  /** Logs each error once, however often it is reported. */
  #failure(
    message: string,
    error: BackendError,
    annotations: { readonly [key: string]: string },
    turn: number | undefined = undefined
  ): void {
    const logged = this.#loggedErrors ??= new WeakSet()
    if (logged.has(error) || this.#session.isClosed) return
    logged.add(error)
    const { options: { observer }, runtime: { run } } = this.#session
    const line = Effect.annotateLogs(Effect.logError(message, ThrownValue.loggable(Cause.fail(error))), annotations)
    run(`log:${++this.#lines}`, turn === undefined || observer === undefined ? line : observer.withinTurn(turn)(line))
  }

  /** The session was given another language, and these engines go on in their own. */
  languageKept(language: string, engines: ReadonlyArray<string>): void {
    const line = Effect.logWarning("the language of a session was changed; not every engine of it follows")
    this.#session.runtime.run(
      `log:${++this.#lines}`,
      Effect.annotateLogs(line, { language, kept_by: engines.join(", ") })
    )
  }

  /** The model takes no instructions and no tools of the user's client. Once: a client may send them often. */
  clientNotTold(): void {
    if (this.#hasLoggedClient) return
    this.#hasLoggedClient = true
    const line = Effect.logWarning("the model of a session cannot take the instructions and tools of the user's client")
    this.#session.runtime.run("client", line)
  }

  /** A text was cut. Once: whoever sends one text that is too long may send many. */
  cut(): void {
    if (this.#hasLoggedCut) return
    this.#hasLoggedCut = true
    this.#session.runtime.run("cut", Effect.logWarning("a text was too long for the history of a session, and was cut"))
  }

  /** The turn detector failed. Once, until it works again: it is asked at each pause. */
  detectorFailed(cause: Cause.Cause<BackendError>, detector: string | undefined): Effect.Effect<void> {
    if (this.#isDetectorFailing || Cause.hasInterruptsOnly(cause)) return Effect.void
    this.#isDetectorFailing = true
    const line = Effect.logWarning("the turn detector failed: turns end by silence alone", ThrownValue.loggable(cause))
    return detector === undefined ? line : Effect.annotateLogs(line, { turn_detector: detector })
  }

  readonly detectorWorked = (): void => {
    this.#isDetectorFailing = false
  }

  /** The session failed by a defect. */
  defect({ cause }: PipelineError, isFirst: boolean): void {
    const why = ThrownValue.loggable(Cause.die(cause))
    this.#session.runtime.run(
      "defect",
      isFirst
        ? Effect.logError("session failed and was closed", why)
        : Effect.logDebug("another defect while the session closes", why)
    )
  }
}
