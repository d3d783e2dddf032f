/**
 * The latency of a turn: contiguous parts whose sum is what the user waited.
 *
 * @since 0.1.0
 */
import type { LatencyPart } from "./ConversationEvent.ts"

/**
 * The timestamps of a turn, in ms of Unix time, in the order in which they occur. `start` is the end of the user's speech
 * in the audio (not when it was detected), or the arrival of typed text. What did not happen is undefined.
 *
 * @category models
 * @since 0.1.0
 */
export interface TurnTimestamps {
  readonly start: number
  /** The voice activity detector reported the end of speech. */
  readonly vad?: number | undefined
  /** Endpointing took the turn for over. */
  readonly endpointing?: number | undefined
  /** The final transcript had arrived. */
  readonly transcript?: number | undefined
  /** The agent's first text. */
  readonly agent?: number | undefined
  /** Its first clause was given to the voice. */
  readonly clause?: number | undefined
  /** The first synthesized audio. */
  readonly tts?: number | undefined
  /** The first frame was handed to the user's connection. */
  readonly playout?: number | undefined
}

const order = ["vad", "endpointing", "transcript", "agent", "clause", "tts", "playout"] as const

/**
 * Computes the parts. A timestamp before its predecessor (a transcript that was ready before the turn was over) gives a part
 * of 0 ms, so the parts always add up to the last timestamp minus `start`.
 *
 * @category conversions
 * @since 0.1.0
 */
export const parts = (
  timestamps: TurnTimestamps
): { readonly totalMs: number; readonly parts: ReadonlyArray<LatencyPart> } => {
  const result: Array<LatencyPart> = []
  let at = timestamps.start
  for (const name of order) {
    const timestamp = timestamps[name]
    if (timestamp === undefined) continue
    const until = Math.max(at, timestamp)
    result.push({ name, ms: until - at })
    at = until
  }
  return { totalMs: at - timestamps.start, parts: result }
}
