/**
 * What happens beside the words, in sentences: tools, incidents of engines, a slow connection, the end of a call.
 *
 * Pure.
 *
 * @since 0.1.0
 */
import type { ServerMessage } from "../protocol/ClientProtocol.ts"
import type { ServerEvents } from "../protocol/WireProtocol.ts"
import type { CallIncident } from "./CallState.ts"

const spoken = (name: string): string => name.replaceAll("_", " ")

const unanswered: { readonly [Reason in ServerEvents["turn.unanswered"]["reason"]]: string } = {
  empty: "the agent said nothing",
  nothing_to_speak: "the agent wrote nothing that can be spoken",
  no_reply: "the model did not reply",
  failed: "the agent failed",
  interrupted: "stopped before it was heard"
}

const withCode = (text: string, code: string | undefined): string => code === undefined ? text : `${text} (${code})`

const ofEngine = ({ code, engine, kind, to, what }: ServerEvents["engine.incident"]): string | undefined => {
  const name = kind === "agent" ? engine : `${engine} (${kind.toUpperCase()})`
  switch (what) {
    case "failed":
      return withCode(`${name} failed`, code)
    case "switched":
      return to === undefined ? undefined : `${name} is replaced by ${to}`
    case "unavailable":
      return withCode(`${name} is unavailable`, code)
    case "available":
    case "recovered":
      return `${name} works again`
    default:
      return undefined
  }
}

/** A line for who reads the conversation, under the turn. */
const noteOf = (message: ServerMessage): string | undefined => {
  switch (message.type) {
    case "tool.started":
      return `Uses ${spoken(message.name)}`
    case "tool.finished":
      return message.ok ? undefined : `${spoken(message.name)} failed`
    case "agent.handed_over":
      return `Hands over to ${spoken(message.to)}`
    case "engine.incident":
      return ofEngine(message)
    case "processor.incident":
      return withCode(`The audio processor ${message.name} ${message.what}`, message.code)
    case "turn.unanswered":
      return `No answer: ${unanswered[message.reason] ?? spoken(message.reason)}`
    case "turn.latency_exceeded":
      return `Slower than the target of ${Math.round(message.target_ms)} ms`
    default:
      return undefined
  }
}

/** A sentence for the user. */
const noticeOf = (message: ServerMessage): Pick<CallIncident, "kind" | "text"> | undefined => {
  switch (message.type) {
    case "error":
      return { kind: "warn", text: message.message }
    case "connection.slow":
      return { kind: "warn", text: "Your connection is slow: the agent's voice is delayed." }
    case "audio.dropped":
      return {
        kind: "warn",
        text: `${(message.ms / 1_000).toFixed(1)} s of your audio were dropped (${message.reason}).`
      }
    case "engine.incident": {
      const text = ofEngine(message)
      if (text === undefined) return undefined
      if (message.what === "unavailable") return { kind: "warn", text }
      return message.what === "available" ? { kind: "good", text } : undefined
    }
    default:
      return undefined
  }
}

/**
 * What an event of the server says beside the words, and whether it belongs under a turn; `undefined` for nothing.
 *
 * @category conversions
 * @since 0.1.0
 */
export const incidentOf = (
  message: ServerMessage
): (Pick<CallIncident, "kind" | "text"> & { readonly ofTurn: boolean }) | undefined => {
  const note = noteOf(message)
  const notice = noticeOf(message)
  if (notice !== undefined) return { ...notice, ofTurn: note !== undefined }
  return note === undefined ? undefined : { kind: "note", text: note, ofTurn: true }
}

const endings = new Map([
  ["ended_by_user", "The call has ended."],
  ["user_ended", "The call has ended."],
  ["closed", "The server closed the call."],
  ["never_connected", "The call ended because it was not connected in time."],
  ["resume_expired", "The call was not connected for too long and ended."],
  ["drained", "The server is shutting down, so the call ended."],
  ["drain_deadline", "The server is shutting down, so the call ended."],
  ["longest", "The call reached the longest time that the server allows."],
  ["user_away", "The call ended because nobody spoke."],
  ["failed", "The call ended because a part of the server failed."]
])

/**
 * Why a call has ended.
 *
 * @category conversions
 * @since 0.1.0
 */
export const endingOf = (reason: string): string => endings.get(reason) ?? `The call ended: ${spoken(reason)}.`
