/**
 * Watches how the echo cancellers of sessions work, for the health of the backend: there is nothing to probe.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { type BackendError, isBackendError, PipelineError } from "../../BackendError.ts"
import * as MonotonicTime from "../../MonotonicTime.ts"
import type { EchoCanceller } from "../EchoCanceller.ts"
import type { EngineHealth } from "../EngineHealth.ts"

/** What failed longer ago says nothing about now. */
const TOLD_MS = 60_000

/**
 * A canceller whose failures within the last minute are those of the backend's health.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  canceller: EchoCanceller["Service"]
): Effect.fn.Return<EchoCanceller["Service"] & EngineHealth> {
  const clock = yield* Clock.Clock
  const { name } = canceller
  let last: { readonly error: BackendError; readonly atMs: number } | undefined
  const failed = (cause: unknown): void => {
    const error = isBackendError(cause) ? cause : new PipelineError({
      op: "EchoCanceller.process",
      message: `the echo canceller ${name} threw an exception`,
      cause,
      retryable: false
    })
    last = { error, atMs: MonotonicTime.nowMs(clock) }
  }
  const watched = (work: (pcm: Int16Array) => void) => (pcm: Int16Array): void => {
    try {
      work(pcm)
    } catch (cause) {
      failed(cause)
      throw cause
    }
  }
  return {
    name,
    failing: () => last !== undefined && MonotonicTime.nowMs(clock) - last.atMs <= TOLD_MS ? last.error : undefined,
    open: Effect.suspend(() => canceller.open).pipe(
      Effect.tapError((error) => Effect.sync(() => failed(error))),
      Effect.map(({ heard, played }) => ({ heard: watched(heard), played: watched(played) }))
    )
  }
})
