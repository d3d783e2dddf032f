/**
 * The signal SIGHUP, by which operators ask a process to read its config again.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"

/**
 * An element for each SIGHUP while the stream runs; signals that come while one is being handled count as one. Without such a
 * stream the signal ends the process.
 *
 * @category streams
 * @since 0.1.0
 */
export const reloadSignals: Stream.Stream<void> = Stream.callback<void>((asked) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const listener = () => void Queue.offerUnsafe(asked, undefined)
      process.on("SIGHUP", listener)
      return listener
    }),
    (listener) => Effect.sync(() => process.off("SIGHUP", listener))
  ), { bufferSize: 1, strategy: "sliding" })
