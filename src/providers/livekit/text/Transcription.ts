/**
 * Converts events into what LiveKit's clients expect: `lk.transcription` text streams and `lk.agent.state`. Pure.
 *
 * As in LiveKit's agents: each transcript of the user is sent whole, with one segment id per turn, on the user's behalf. The
 * agent's text is a stream that grows while it is played; at the end the played text is sent once more, as final.
 * https://docs.livekit.io/agents/build/text/
 *
 * @since 0.1.0
 */
import type { SessionEvent } from "../../../session/SessionEvent.ts"

/**
 * @category constants
 * @since 0.1.0
 */
export const TOPIC = "lk.transcription"

/**
 * The participant attribute with the agent's state, which LiveKit's components read.
 *
 * @category constants
 * @since 0.1.0
 */
export const STATE_ATTRIBUTE = "lk.agent.state"

/**
 * @category models
 * @since 0.1.0
 */
export type AgentState = "initializing" | "idle" | "listening" | "thinking" | "speaking"

/**
 * One thing to send. `Whole` is a stream of its own; `Append` adds to the segment's stream, and opens it if needed; `Close` ends it.
 *
 * @category models
 * @since 0.1.0
 */
export type TranscriptionStep =
  | {
    readonly _tag: "Whole"
    readonly speaker: "user" | "agent"
    readonly segment: string
    readonly text: string
    readonly final: boolean
  }
  | { readonly _tag: "Append"; readonly segment: string; readonly text: string }
  | { readonly _tag: "Close"; readonly segment: string }
  | { readonly _tag: "State"; readonly state: AgentState }

/**
 * The attributes of a transcription stream.
 *
 * @category conversions
 * @since 0.1.0
 */
export const attributes = (
  segment: string,
  final: boolean,
  trackId: string | undefined
): Record<string, string> => ({
  "lk.segment_id": segment,
  "lk.transcription_final": String(final),
  ...(trackId === undefined ? {} : { "lk.transcribed_track_id": trackId })
})

const stateOf = (event: Extract<SessionEvent, { readonly type: "session.state" }>): AgentState => {
  switch (event.state) {
    case "processing":
      return "thinking"
    case "speaking":
      return "speaking"
    case "error":
    case "closed":
      return "idle"
    default:
      return "listening"
  }
}

const agentSegment = (session: string, turn: number): string => `${session}-agent-${turn}`

/**
 * Converts an event. Segment ids contain the session and the turn, so they are unique in a room.
 *
 * @category conversions
 * @since 0.1.0
 */
export const steps = (session: string, event: SessionEvent): ReadonlyArray<TranscriptionStep> => {
  switch (event.type) {
    case "user.transcript":
      return [{
        _tag: "Whole",
        speaker: "user",
        segment: `${session}-user-${event.turn}`,
        text: event.text,
        final: event.final
      }]
    case "agent.transcript":
      return [{ _tag: "Append", segment: agentSegment(session, event.turn), text: event.text }]
    case "agent.speech_stopped": {
      const segment = agentSegment(session, event.turn)
      const close: TranscriptionStep = { _tag: "Close", segment }
      return event.text === ""
        ? [close]
        : [close, { _tag: "Whole", speaker: "agent", segment, text: event.text, final: true }]
    }
    case "session.state":
      return [{ _tag: "State", state: stateOf(event) }]
    default:
      return []
  }
}
