/**
 * A recogniser's stream follows another of the same engine, because the session's language has changed.
 *
 * The former one hears on until the next is open: nothing that is said meanwhile is lost, and what was said since the last
 * utterance is replayed.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as RetryPolicy from "../../RetryPolicy.ts"
import type { SpeechToText } from "../SpeechToText.ts"
import * as RecogniserStream from "./RecogniserStream.ts"
import { optionsFor, type SttSession } from "./SttSession.ts"

/** How often is looked for the end of the utterance in progress, while a change waits for it. */
const CHECK_EVERY = "50 millis"

/** How long a stream may take to close before the next is opened beside it. */
const CLOSE_TIMEOUT = "1 second"

/**
 * Closes a stream, for at most a second: whatever it does after that, it does beside the next.
 *
 * @category finalization
 * @since 0.1.0
 */
export const close = Effect.fnUntraced(function*(scope: Scope.Closeable, parent: Scope.Scope) {
  const closing = yield* Effect.forkIn(Scope.close(scope, Exit.void), parent)
  yield* Effect.timeoutOption(Fiber.await(closing), CLOSE_TIMEOUT)
})

/**
 * A stream that is open, with its scope and its language.
 *
 * @category models
 * @since 0.1.0
 */
export interface Successor {
  readonly stream: RecogniserStream.RecogniserStream
  readonly scope: Scope.Closeable
  readonly language: string | undefined
}

/**
 * Changes the language once the utterance in progress is over: opens another stream, or gives nothing where the engine has
 * changed it on the present one, and where the change is not wanted any more or has failed. An engine that cannot be opened in
 * that language keeps its own.
 *
 * @category constructors
 * @since 0.1.0
 */
export const next = Effect.fnUntraced(function*(
  session: SttSession,
  index: number,
  engine: SpeechToText["Service"],
  stream: RecogniserStream.RecogniserStream
): Effect.fn.Return<Successor | undefined, never, Scope.Scope> {
  const { language, limits, replay, report, wake } = session
  const parent = yield* Effect.scope
  const pauses = yield* RetryPolicy.start(limits.retry)
  while (true) {
    while (language.isDue(index) && !replay.isBetweenUtterances) yield* Effect.sleep(CHECK_EVERY)
    const wanted = language.wanted(index)
    if (!language.isDue(index) || wanted === undefined) return undefined
    if (stream.setLanguage !== undefined) {
      language.adopt(index)
      stream.setLanguage(wanted)
      return undefined
    }
    const scope = yield* Scope.fork(parent)
    const opened = yield* RecogniserStream.open(
      engine,
      optionsFor(session, index, wanted),
      limits,
      wake,
      limits.timeoutMs
    ).pipe(
      Scope.provide(scope),
      Effect.onInterrupt(() => Effect.forkIn(Scope.close(scope, Exit.void), parent)),
      Effect.result
    )
    if (opened._tag === "Success") {
      if (language.wanted(index) === wanted) return { stream: opened.success, scope, language: wanted }
      yield* close(scope, parent)
      continue
    }
    yield* close(scope, parent)
    const error = opened.failure
    report.failed(index, error, false)
    const pause = error.retryable ? yield* pauses(error) : undefined
    if (pause !== undefined) {
      report.retrying(index, error)
      yield* Effect.sleep(pause)
      continue
    }
    if (language.wanted(index) !== wanted) continue
    language.giveUp(index)
    yield* Effect.logWarning("the recogniser cannot change its language, and keeps its own").pipe(
      Effect.annotateLogs({ engine: engine.name, language: wanted })
    )
    return undefined
  }
})
