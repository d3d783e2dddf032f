/**
 * The clock that paces all playing sessions of a process: one fiber, one tick every 20 ms, suspended while nothing plays.
 *
 * It sleeps on Effect's `Clock`, so a test clock drives playout too.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import { frameMs } from "../../audio/AudioFormat.ts"
import * as MonotonicTime from "../../MonotonicTime.ts"
import * as ThrownValue from "../../ThrownValue.ts"

/**
 * Something that plays.
 *
 * @category models
 * @since 0.1.0
 */
export interface Player {
  /** Called every 20 ms with the current time in ms, monotonic. */
  readonly tick: (nowMs: number) => void
  /** Called when `tick` has thrown; the player is not ticked any more. */
  readonly failed: (cause: unknown) => void
}

/**
 * @category services
 * @since 0.1.0
 */
export class PlayoutClock extends Context.Service<PlayoutClock, {
  /** Ticks a player until it is removed. Synchronous. */
  readonly add: (player: Player) => void
  readonly remove: (player: Player) => void
  /** The time given to `tick`, in ms: monotonic, with no meaning but its differences. */
  readonly now: () => number
}>()("effect-voice/session/PlayoutClock") {
  /** Makes a clock that runs in the scope. */
  static readonly make = Effect.gen(function*() {
    const clock = yield* Clock.Clock
    const players = new Set<Player>()
    /** A defect in one session must not silence the others. Returns what the player could not take care of. */
    const tick = (player: Player, nowMs: number): Cause.Cause<never> | undefined => {
      try {
        player.tick(nowMs)
      } catch (defect) {
        players.delete(player)
        try {
          player.failed(defect)
        } catch (another) {
          return Cause.die(another)
        }
      }
      return undefined
    }
    const playing = yield* Latch.make(false)
    const run = Effect.gen(function*() {
      while (true) {
        yield* playing.await
        let due = MonotonicTime.nowMs(clock)
        while (players.size > 0) {
          const now = MonotonicTime.nowMs(clock)
          for (const player of players) {
            const cause = tick(player, now)
            if (cause !== undefined) {
              yield* Effect.logError("playout failed and was stopped", ThrownValue.loggable(cause))
            }
          }
          due += frameMs
          // missed ticks are skipped after a stall: each tick sends all that is due
          if (due < now) due = now + frameMs
          yield* Effect.sleep(Math.max(1, due - MonotonicTime.nowMs(clock)))
        }
        playing.closeUnsafe()
      }
    })
    yield* Effect.forkScoped(run)
    return PlayoutClock.of({
      add: (player) => {
        players.add(player)
        playing.openUnsafe()
      },
      remove: (player) => void players.delete(player),
      now: () => MonotonicTime.nowMs(clock)
    })
  })

  static readonly layer = Layer.effect(PlayoutClock, PlayoutClock.make)
}
