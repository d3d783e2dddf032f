/**
 * What the state of a call becomes with what the server says.
 *
 * Pure.
 *
 * @since 0.1.0
 */
import type { ServerMessage } from "../protocol/ClientProtocol.ts"
import type { SessionState } from "../protocol/WireProtocol.ts"
import type { AgentState, CallState, TurnLatency } from "./CallState.ts"

const MAX_LATENCIES = 200
/** More than the server has; a page must not grow with what it is sent. */
const MAX_PARTS = 32

/**
 * The latest of a list, as many as `max`; the same list where it is not longer.
 *
 * @category accessors
 * @since 0.1.0
 */
export const keepLatest = <A>(list: ReadonlyArray<A>, max: number): ReadonlyArray<A> =>
  list.length > max ? list.slice(list.length - max) : list

/**
 * What the agent does in a session of this state.
 *
 * @category conversions
 * @since 0.1.0
 */
export const agentOf = (state: SessionState, userSpeaking: boolean): AgentState => {
  if (state === "error") return "failing"
  if (state === "speaking") return "speaking"
  if (state === "closed") return "absent"
  if (userSpeaking) return "hearing"
  return state === "processing" ? "processing" : "listening"
}

/**
 * What changes with an event, but for words and incidents.
 *
 * @category conversions
 * @since 0.1.0
 */
export const afterMessage = (
  { latencies }: Pick<CallState, "latencies">,
  message: ServerMessage,
  { agent, call }: { readonly agent: AgentState; readonly call: number }
): Pick<CallState, "agent" | "latencies"> => {
  if (message.type !== "turn.latency") return { agent, latencies }
  const { parts, total_ms: totalMs, turn } = message
  const latency: TurnLatency = { call, turn, totalMs, parts: parts.slice(0, MAX_PARTS) }
  const others = latencies.filter((each) => each.call !== call || each.turn !== turn)
  return { agent, latencies: keepLatest([...others, latency], MAX_LATENCIES) }
}
