/**
 * A tracer whose spans last as long as what they are about, also when the wall clock is stepped meanwhile.
 *
 * Effect takes the time of spans from the wall clock. Set back by an hour, a request of 200 ms would end an hour before it
 * began.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Tracer from "effect/Tracer"

/** The two clocks are read one after the other; less than this is no step. */
const MIN_STEP_NANOS = 1_000_000n

/**
 * Wraps a tracer: all times of its spans go on from the wall clock as it is now, like `MonotonicTime.timestamps`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (inner: Tracer.Tracer, clock: Clock.Clock): Tracer.Tracer => {
  const offset = (): bigint => clock.currentTimeNanosUnsafe() - clock.monotonicTimeNanosUnsafe()
  const began = offset()
  const withoutSteps = (nanos: bigint): bigint => {
    const stepped = offset() - began
    return stepped > -MIN_STEP_NANOS && stepped < MIN_STEP_NANOS ? nanos : nanos - stepped
  }
  return Tracer.make({
    span: (options) => {
      const span = inner.span({ ...options, startTime: withoutSteps(options.startTime) })
      const end = span.end.bind(span)
      const event = span.event.bind(span)
      span.end = (at, exit) => end(withoutSteps(at), exit)
      span.event = (name, at, attributes) => event(name, withoutSteps(at), attributes)
      return span
    },
    ...(inner.context === undefined ? {} : { context: inner.context })
  })
}
