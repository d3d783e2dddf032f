/**
 * Detects that a step of a reply has produced nothing for too long.
 *
 * One sleeping fiber watches all steps of a reply: a pull only notes its deadline, so that a piece costs no timer.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { Timeout } from "../../BackendError.ts"
import * as MonotonicTime from "../../MonotonicTime.ts"

interface Step {
  readonly op: string
  readonly what: string
  readonly duration: Duration.Duration
  readonly afterMs: number
  /** The deadline of the pull in flight, in monotonic ms; infinite while there is none. */
  deadlineMs: number
}

/**
 * @category models
 * @since 0.1.0
 */
export class StallWatch {
  readonly #steps: Array<Step> = []

  /** Watches each pull of a stream. */
  over(
    op: string,
    what: string,
    duration: Duration.Duration
  ): <A, E, R>(self: Stream.Stream<A, E, R>) => Stream.Stream<A, E, R> {
    const afterMs = Duration.toMillis(duration)
    const step: Step = { op, what, duration, afterMs, deadlineMs: Number.POSITIVE_INFINITY }
    const rest = Effect.sync(() => {
      step.deadlineMs = Number.POSITIVE_INFINITY
    })
    this.#steps.push(step)
    return (self) =>
      Stream.transformPull(self, (pull) =>
        Effect.succeed(Effect.clockWith((clock) => {
          step.deadlineMs = MonotonicTime.nowMs(clock) + afterMs
          return Effect.ensuring(pull, rest)
        })))
  }

  /** Restarts the time of all pulls in flight: work goes on, though it has produced nothing yet. */
  alive(nowMs: number): void {
    for (const step of this.#steps) {
      if (step.deadlineMs < Number.POSITIVE_INFINITY) step.deadlineMs = nowMs + step.afterMs
    }
  }

  /** Calls `onStall` with the first step that passes its deadline, and ends. */
  run(onStall: (error: Timeout) => void): Effect.Effect<void> {
    return Effect.gen({ self: this }, function*() {
      if (this.#steps.length === 0) return
      const clock = yield* Clock.Clock
      const longestMs = Math.min(...this.#steps.map(({ duration }) => Duration.toMillis(duration)))
      while (true) {
        const now = MonotonicTime.nowMs(clock)
        const late = this.#steps.find(({ deadlineMs }) => deadlineMs <= now)
        if (late !== undefined) {
          const message = `${late.what} produced nothing for ${Duration.format(late.duration)}`
          return onStall(new Timeout({ op: late.op, message }))
        }
        // a step that is not being pulled now cannot pass its deadline sooner than this
        yield* Effect.sleep(Math.min(longestMs, ...this.#steps.map(({ deadlineMs }) => deadlineMs - now)))
      }
    })
  }
}
