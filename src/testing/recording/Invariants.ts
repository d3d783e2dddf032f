/**
 * Invariants of every conversation, whatever fails: checks of a recording, each returning its violations.
 *
 * Pure. The checks use only what the user and the owner of a session see, nothing internal.
 *
 * @since 0.1.0
 */
import {
  everythingEnds,
  latencyAddsUp,
  noAudioAfterClear,
  noLeaks,
  repliesEndOnce,
  statesFollowDiagram
} from "./EventInvariants.ts"
import type { Invariant, Violation } from "./Invariant.ts"
import { type Recording, timeline } from "./Recording.ts"
import { historyMatchesHeard } from "./WordInvariants.ts"

export {
  everythingEnds,
  failedTurnsAreHeard,
  latencyAddsUp,
  noAudioAfterClear,
  noLeaks,
  repliesEndOnce,
  statesFollowDiagram
} from "./EventInvariants.ts"
export type { Invariant, Violation } from "./Invariant.ts"
export { historyMatchesHeard, noAnswerDropped, noWordLost, noWordTwice } from "./WordInvariants.ts"

const every: ReadonlyArray<Invariant> = [
  noAudioAfterClear,
  historyMatchesHeard,
  everythingEnds,
  repliesEndOnce,
  statesFollowDiagram,
  latencyAddsUp,
  noLeaks
]

/**
 * Returns the violations of all invariants; an empty list for a correct conversation.
 *
 * @category checks
 * @since 0.1.0
 */
export const all: Invariant = (recording) => every.flatMap((check) => check(recording))

/**
 * Formats the violations, the seed and the timeline as the message of a test; `""` without violations.
 *
 * @category conversions
 * @since 0.1.0
 */
export const report = (recording: Recording, violations: ReadonlyArray<Violation> = all(recording)): string =>
  violations.length === 0 ? "" : [
    `${violations.length} ${
      violations.length === 1 ? "violation" : "violations"
    } in the scenario with seed "${recording.seed}":`,
    ...violations.map(({ atMs, invariant, message: what }) => `  ${(atMs / 1000).toFixed(3)} ${invariant}: ${what}`),
    "",
    timeline(recording.trace)
  ].join("\n")
