/**
 * The clock that gives silence to the media streams of which nothing comes: one fiber, one tick every 200 ms, suspended while there is no
 * stream.
 *
 * Carriers that send nothing while nobody speaks would hold every turn open. A tick costs a stream that is heard a comparison.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type * as Scope from "effect/Scope"
import * as MonotonicTime from "../MonotonicTime.ts"
import * as ThrownValue from "../ThrownValue.ts"

/**
 * How long nothing may come before it counts as silence, in ms: longer than a packet of TCP that was lost takes to come again. Silence in the
 * middle of a word that is only late would end the turn.
 */
const SILENT_AFTER_MS = 700
/** How much of that is never given, in ms. */
const JITTER_MS = 200
const TICK_MS = 200
/** The most that is given at a time, in ms: what a process has slept through was no silence. */
const MAX_SILENCE_MS = 2 * TICK_MS
/** A timer that fires later was held up, in ms. */
const LATE_MS = 20

/**
 * A media stream as the clock has it.
 *
 * @category models
 * @since 0.1.0
 */
export interface SilentStream {
  /** Audio has come. Synchronous; called for each message. */
  readonly heard: () => void
}

interface Entry extends SilentStream {
  readonly give: (ms: number) => void
  heardAtMs: number
  /** Until when it has had audio or silence. */
  givenUntilMs: number
}

/**
 * @category services
 * @since 0.1.0
 */
export class SilenceClock extends Context.Service<SilenceClock, {
  /**
   * Watches a stream for as long as the scope lasts. `give` is called with ms of silence, at most 400 at a time: first when nothing has come
   * for 700 to 900 ms, then every 200 ms until something comes. If it
   * throws, it is called no more.
   */
  readonly watch: (give: (ms: number) => void) => Effect.Effect<SilentStream, never, Scope.Scope>
}>()("effect-voice/protocols/SilenceClock") {
  /** Makes a clock that runs in the scope. */
  static readonly make = Effect.gen(function*() {
    const clock = yield* Clock.Clock
    const now = () => MonotonicTime.nowMs(clock)
    const streams = new Set<Entry>()
    const watching = yield* Latch.make(false)
    /** Returns what a stream could not take. */
    const tick = (stream: Entry, nowMs: number): Cause.Cause<never> | undefined => {
      if (nowMs - stream.heardAtMs < SILENT_AFTER_MS) return undefined
      const fromMs = Math.max(stream.givenUntilMs, stream.heardAtMs + JITTER_MS)
      stream.givenUntilMs = nowMs
      try {
        stream.give(Math.min(nowMs - fromMs, MAX_SILENCE_MS))
      } catch (defect) {
        // it must not take the silence from the others
        streams.delete(stream)
        return Cause.die(defect)
      }
      return undefined
    }
    const run = Effect.gen(function*() {
      while (true) {
        yield* watching.await
        let due = now() + TICK_MS
        while (streams.size > 0) {
          yield* Effect.sleep(Math.max(1, due - now()))
          // a process that stood still has not read its sockets yet: what has come meanwhile is no silence
          if (now() - due > LATE_MS) yield* Effect.sleep(1)
          const nowMs = now()
          for (const stream of streams) {
            const cause = tick(stream, nowMs)
            if (cause !== undefined) {
              yield* Effect.logError("a media stream failed and is given no more silence", ThrownValue.loggable(cause))
            }
          }
          due += TICK_MS
          // missed ticks are skipped
          if (due < nowMs) due = nowMs + TICK_MS
        }
        watching.closeUnsafe()
      }
    })
    yield* Effect.forkScoped(run)
    return SilenceClock.of({
      watch: (give) =>
        Effect.acquireRelease(
          Effect.sync(() => {
            const nowMs = now()
            const entry: Entry = {
              heard: () => {
                entry.heardAtMs = now()
              },
              give,
              heardAtMs: nowMs,
              givenUntilMs: nowMs
            }
            streams.add(entry)
            watching.openUnsafe()
            return entry
          }),
          (entry) => Effect.sync(() => streams.delete(entry))
        )
    })
  })
}
