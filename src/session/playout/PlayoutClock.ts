/**
 * The clock that paces all playing sessions of a process: one fiber, one tick each 20 ms, asleep while nothing plays.
 *
 * It sleeps on Effect's `Clock`, so a test's clock drives playout too.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import { frameMs } from "../../audio/AudioFormat.ts"

/**
 * Something that plays. `tick` is called in each frame's time with the current time in ms; one that throws is removed.
 *
 * @category models
 * @since 0.1.0
 */
export interface Player {
  readonly tick: (nowMs: number) => void
}

/** One session's fault must not silence all the others. */
const tick = (player: Player, nowMs: number): { readonly cause: unknown } | undefined => {
  try {
    player.tick(nowMs)
    return undefined
  } catch (cause) {
    return { cause }
  }
}

/**
 * @category services
 * @since 0.1.0
 */
export class PlayoutClock extends Context.Service<PlayoutClock, {
  /** Ticks a player until it is removed. Synchronous. */
  readonly add: (player: Player) => void
  readonly remove: (player: Player) => void
  /** The time that players are ticked with, in ms of Unix time. */
  readonly now: () => number
}>()("effect-voice/session/FrameClock") {
  /** Makes a clock that runs in the scope. */
  static readonly make = Effect.gen(function*() {
    const clock = yield* Clock.Clock
    const players = new Set<Player>()
    const some = yield* Latch.make(false)
    const run = Effect.gen(function*() {
      while (true) {
        yield* some.await
        let due = clock.currentTimeMillisUnsafe()
        while (players.size > 0) {
          const now = clock.currentTimeMillisUnsafe()
          for (const player of players) {
            const fault = tick(player, now)
            if (fault === undefined) continue
            players.delete(player)
            yield* Effect.logError("a player failed and was stopped", fault.cause)
          }
          due += frameMs
          // after a stall there is no catching up on ticks: each one sends all that is due
          if (due < now) due = now + frameMs
          yield* Effect.sleep(Math.max(1, due - clock.currentTimeMillisUnsafe()))
        }
        some.closeUnsafe()
      }
    })
    yield* Effect.forkScoped(run)
    return PlayoutClock.of({
      add: (player) => {
        players.add(player)
        some.openUnsafe()
      },
      remove: (player) => void players.delete(player),
      now: () => clock.currentTimeMillisUnsafe()
    })
  })

  static readonly layer = Layer.effect(PlayoutClock, PlayoutClock.make)
}
