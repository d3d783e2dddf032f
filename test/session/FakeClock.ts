import type { Player } from "../../src/session/playout/PlayoutClock.ts"

/** A playout clock that a test drives in steps of 20 ms. */
export class FakeClock {
  nowMs = 1_000_000
  readonly players = new Set<Player>()
  readonly add = (player: Player): void => void this.players.add(player)
  readonly remove = (player: Player): void => void this.players.delete(player)
  readonly now = (): number => this.nowMs

  /** Lets time pass, tick by tick. */
  run(ms: number): void {
    for (let left = ms; left > 0; left -= 20) {
      this.nowMs += Math.min(20, left)
      for (const player of this.players) player.tick(this.nowMs)
    }
  }
}
