/**
 * What happens in a session, told as RTVI: the types that any Pipecat client shows, and our event itself in a
 * `server-message` for a client that knows us.
 *
 * @since 0.1.0
 */
import * as SessionEvent from "../../session/SessionEvent.ts"
import type { RtviMessage } from "../../wire/Rtvi.ts"

/** Nobody else speaks on a line. */
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
        // what clients of RTVI 1 read instead
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
 * The messages of an event, in order; the last is always the `server-message` with all of it.
 *
 * @category conversions
 * @since 0.1.0
 */
export const messagesOf = (event: SessionEvent.SessionEvent): ReadonlyArray<RtviMessage> => [
  ...standard(event),
  { type: "server-message", data: SessionEvent.toJsonValue(event) }
]
