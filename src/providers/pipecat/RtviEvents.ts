/**
 * Session events as RTVI messages: the types that any Pipecat client understands, and our own event in a `server-message`,
 * for clients that know it.
 *
 * @since 0.1.0
 */
import * as SessionEvent from "../../session/SessionEvent.ts"
import type { RtviMessage } from "../../wire/Rtvi.ts"

/** A connection has one user. */
const USER = "user"

const standard = (event: SessionEvent.SessionEvent): ReadonlyArray<RtviMessage> => {
  switch (event.type) {
    case "user.speech_started":
      return [{ type: "user-started-speaking" }]
    case "user.speech_stopped":
      return [{ type: "user-stopped-speaking" }]
    case "user.transcript":
      return [{
        type: "user-transcription",
        data: { text: event.text, user_id: USER, timestamp: new Date(event.atMs).toISOString(), final: event.final }
      }]
    case "agent.speech_started":
    case "agent.speech_resumed":
      return [{ type: "bot-started-speaking" }]
    case "agent.speech_paused":
      return [{ type: "bot-stopped-speaking" }]
    case "agent.transcript":
      return [
        {
          type: "bot-output",
          data: { text: event.text, aggregated_by: "sentence", will_be_spoken: true, spoken_status: "new" }
        },
        // For clients of RTVI 1.
        { type: "bot-transcription", data: { text: event.text } }
      ]
    case "agent.speech_stopped":
      return event.reason === "interrupted"
        ? [{ type: "bot-interrupted" }, { type: "bot-stopped-speaking" }]
        : [{ type: "bot-stopped-speaking" }]
    case "tool.started":
      return [{
        type: "llm-function-call-in-progress",
        data: { tool_call_id: event.id, function_name: event.name }
      }]
    case "tool.finished":
      return [{
        type: "llm-function-call-stopped",
        data: { tool_call_id: event.id, function_name: event.name, cancelled: false }
      }]
    case "error":
      return [{ type: "error", data: { error: event.message, fatal: false } }]
    default:
      return []
  }
}

/**
 * The messages of an event, in order; the last is always the `server-message` with the whole event.
 *
 * @category conversions
 * @since 0.1.0
 */
export const messagesOf = (event: SessionEvent.SessionEvent): ReadonlyArray<RtviMessage> => [
  ...standard(event),
  { type: "server-message", data: SessionEvent.toJsonValue(event) }
]
