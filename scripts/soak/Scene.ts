/**
 * The random scenes of a soak run, the same for the same seed.
 *
 * @since 0.1.0
 */

/** The next number of a sequence, in [0, 1). */
export type Chance = () => number

/** A sequence that its seed determines (mulberry32). */
export const chance = (seed: number): Chance => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/**
 * One action of a user.
 *
 * - `speak`: says a recording and listens to the whole answer.
 * - `interrupt`: says a recording, and another one `afterMs` after the start of the answer.
 * - `type`: sends text instead of speech.
 * - `pause`: is silent.
 * - `nonsense`: sends malformed messages or audio.
 * - `oversize`: sends a frame that is too large, which ends the connection, and reconnects.
 * - `drop`: loses the connection and reconnects after a while.
 * - `slow`: does not read from the socket for a while.
 * - `flood`: sends many messages at once.
 * - `strangers`: someone else connects with a wrong token or to an unknown session.
 */
export type Act =
  | { readonly _tag: "speak"; readonly recording: number }
  | { readonly _tag: "interrupt"; readonly recording: number; readonly by: number; readonly afterMs: number }
  | { readonly _tag: "type" }
  | { readonly _tag: "pause"; readonly ms: number }
  | { readonly _tag: "nonsense"; readonly which: number }
  | { readonly _tag: "oversize"; readonly awayMs: number }
  | { readonly _tag: "drop"; readonly awayMs: number }
  | { readonly _tag: "slow"; readonly ms: number }
  | { readonly _tag: "flood"; readonly messages: number }
  | { readonly _tag: "strangers" }

/** How a call ends: `session.end`, a close, a lost connection, a client that stops reading, or the API. */
export const endings = ["message", "close", "die", "freeze", "delete"] as const
export type Ending = typeof endings[number]

export interface Scene {
  readonly acts: ReadonlyArray<Act>
  readonly ending: Ending
}

const weighted = <A>(next: Chance, of: ReadonlyArray<readonly [weight: number, make: () => A]>): A => {
  let left = next() * of.reduce((sum, [weight]) => sum + weight, 0)
  for (const [weight, make] of of) {
    left -= weight
    if (left < 0) return make()
  }
  return of[0]![1]()
}

/** Makes the scene of one user, with 3 to 10 actions. */
export const scene = (next: Chance, recordings: number): Scene => {
  const pick = (below: number) => Math.floor(next() * below)
  const between = (low: number, high: number) => low + pick(high - low)
  const act = (): Act =>
    weighted<Act>(next, [
      [40, () => ({ _tag: "speak", recording: pick(recordings) })],
      [20, () => ({
        _tag: "interrupt",
        recording: pick(recordings),
        by: pick(recordings),
        afterMs: between(200, 1_500)
      })],
      [6, () => ({ _tag: "type" })],
      [6, () => ({ _tag: "pause", ms: between(500, 4_000) })],
      [6, () => ({ _tag: "nonsense", which: pick(100) })],
      [3, () => ({ _tag: "oversize", awayMs: between(0, 1_000) })],
      [8, () => ({ _tag: "drop", awayMs: between(100, 5_000) })],
      [4, () => ({ _tag: "slow", ms: between(500, 4_000) })],
      [3, () => ({ _tag: "flood", messages: between(50, 1_000) })],
      [4, () => ({ _tag: "strangers" })]
    ])
  return {
    acts: Array.from({ length: between(3, 11) }, act),
    ending: weighted<Ending>(next, [
      [40, () => "message"],
      [30, () => "close"],
      [15, () => "die"],
      [3, () => "freeze"],
      [12, () => "delete"]
    ])
  }
}
