/**
 * Where a turn's time went: contiguous parts whose sum is what the user waited.
 *
 * @since 0.1.0
 */
import type { LatencyPart } from "./ConversationEvent.ts"

/**
 * The moments of a turn, in ms of Unix time, in the order in which they happen. `start` is the end of the user's speech
 * (in the audio, not when it was noticed), or the arrival of typed text. What did not happen is left out.
 *
 * @category models
 * @since 0.1.0
 */
export interface TurnTimestamps {
  readonly start: number
  /** The detector was sure that speech had ended. */
  readonly vad?: number | undefined
  /** The turn was taken to be over. */
  readonly endpointing?: number | undefined
  /** The final transcript was there. */
  readonly transcript?: number | undefined
  /** The agent's first words. */
  readonly agent?: number | undefined
  /** Its first clause, given to the voice. */
  readonly clause?: number | undefined
  /** The first speech of it. */
  readonly tts?: number | undefined
  /** The first frame handed to the user's connection. */
  readonly playout?: number | undefined
}

const order = ["vad", "endpointing", "transcript", "agent", "clause", "tts", "playout"] as const

/**
 * The parts of a turn. A moment that came before its predecessor (a transcript that was ready before the turn was over)
 * counts 0, so that the parts always add up to `last moment − start`.
 *
 * @category conversions
 * @since 0.1.0
 */
export const parts = (
  marks: TurnTimestamps
): { readonly totalMs: number; readonly parts: ReadonlyArray<LatencyPart> } => {
  const result: Array<LatencyPart> = []
  let at = marks.start
  for (const name of order) {
    const mark = marks[name]
    if (mark === undefined) continue
    const until = Math.max(at, mark)
    result.push({ name, ms: until - at })
    at = until
  }
  return { totalMs: at - marks.start, parts: result }
}
