/**
 * The conversation as the page shows it: turn by turn, with the words of both, the latency and what happened meanwhile.
 *
 * Pure.
 *
 * @since 0.1.0
 */
import type { CallIncident, CallState, TranscriptEntry, TurnLatency } from "../../client/index.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface Turn {
  /** Unique on the page. */
  readonly key: string
  readonly entries: ReadonlyArray<TranscriptEntry>
  readonly latency: TurnLatency | undefined
  readonly notes: ReadonlyArray<CallIncident>
}

interface TurnParts {
  readonly entries: Array<TranscriptEntry>
  readonly notes: Array<CallIncident>
  latency?: TurnLatency
}

const keyOf = ({ call, turn }: { readonly call: number; readonly turn: number }): string => `${call}.${turn}`

/**
 * The turns in their order. What belongs to a turn whose words are gone is left out.
 *
 * @category conversions
 * @since 0.1.0
 */
export const turnsOf = (
  { incidents, latencies, transcript }: Pick<CallState, "incidents" | "latencies" | "transcript">
): ReadonlyArray<Turn> => {
  const turns = new Map<
    string,
    { entries: Array<TranscriptEntry>; latency?: TurnLatency; notes: Array<CallIncident> }
  >()
  let last = { call: 0, turn: 0 }
  for (const entry of transcript) {
    const { call, id, turn } = entry
    const key = turn === undefined ? `typed-${id}` : keyOf({ call, turn })
    const known = turns.get(key)
    if (known === undefined) turns.set(key, { entries: [entry], notes: [] })
    else known.entries.push(entry)
    if (turn !== undefined) last = { call, turn }
  }
  /** A turn that has no words yet comes last. */
  const find = (of: { readonly call: number; readonly turn: number }): TurnParts | undefined => {
    const known = turns.get(keyOf(of))
    const isNext = of.call > last.call || of.call === last.call && of.turn > last.turn
    if (known !== undefined || !isNext) return known
    const next: TurnParts = { entries: [], notes: [] }
    turns.set(keyOf(of), next)
    return next
  }
  for (const latency of latencies) {
    const turn = find(latency)
    if (turn !== undefined) turn.latency = latency
  }
  for (const incident of incidents) {
    const { call, turn } = incident
    if (turn !== undefined) find({ call, turn })?.notes.push(incident)
  }
  return Array.from(turns, ([key, { entries, latency, notes }]) => ({ key, entries, latency, notes }))
}
