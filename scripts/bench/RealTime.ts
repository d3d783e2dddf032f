/**
 * Audio at the pace at which a microphone gives it.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as MonotonicTime from "../../src/MonotonicTime.ts"

/** Frames of 20 ms, each no earlier than its time. */
export const paced = <A>(frames: Iterable<A>): Stream.Stream<A> =>
  Stream.unwrap(Effect.clockWith((clock) =>
    Effect.sync(() => {
      const start = MonotonicTime.nowMs(clock)
      let n = 0
      return Stream.fromIterable(frames, { chunkSize: 1 }).pipe(
        Stream.tap(() => Effect.sleep(Math.max(0, start + 20 * n++ - MonotonicTime.nowMs(clock))))
      )
    })
  ))
