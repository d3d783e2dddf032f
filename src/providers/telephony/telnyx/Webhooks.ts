/**
 * What Telnyx' webhooks say: JSON of the Call Control interface, and forms of TeXML.
 *
 * https://developers.telnyx.com/docs/voice/programmable-voice/voice-api-webhooks
 *
 * @since 0.1.0
 */
import { isRecord, type JsonRecord, parseRecord } from "../../../schema/Json.ts"
import type { CallEvent } from "../../../session/call/CallControl.ts"

const MAX_FIELD = 512

const textOf = (record: JsonRecord, name: string): string | undefined => {
  const value = record[name]
  return typeof value === "string" && value !== "" && value.length <= MAX_FIELD ? value : undefined
}

/**
 * A webhook of the Call Control interface.
 *
 * - `id`: of the event; a retry has the same.
 * - `type`: such as `call.initiated`.
 * - `clientState`: what we have given with the call, decoded.
 * - `event`: what it is for the session; undefined where it is nothing.
 *
 * @category models
 * @since 0.1.0
 */
export interface TelnyxEvent {
  readonly id: string
  readonly type: string
  readonly callId: string
  readonly connectionId: string | undefined
  readonly from: string | undefined
  readonly to: string | undefined
  readonly incoming: boolean
  readonly clientState: string | undefined
  readonly event: CallEvent | undefined
}

/** https://developers.telnyx.com/docs/voice/programmable-voice/hangup-causes: of calls that were never answered. */
const causes: { readonly [cause: string]: "busy" | "no_answer" | "rejected" | "failed" } = {
  user_busy: "busy",
  timeout: "no_answer",
  no_answer: "no_answer",
  originator_cancel: "no_answer",
  call_rejected: "rejected"
}

/**
 * Why a call was not answered, by the carrier's cause.
 *
 * @category conversions
 * @since 0.1.0
 */
export const causeOf = (hangupCause: string | undefined): "busy" | "no_answer" | "rejected" | "failed" =>
  hangupCause !== undefined && Object.hasOwn(causes, hangupCause) ? causes[hangupCause] ?? "failed" : "failed"

const machineOf = (result: string | undefined): CallEvent | undefined => {
  switch (result) {
    case "human":
    case "human_residence":
    case "human_business":
      return { type: "call.machine", result: "human", by: "carrier" }
    case "machine":
    case "fax_detected":
      return { type: "call.machine", result: "machine", by: "carrier" }
    case "not_sure":
    case "silence":
      return { type: "call.machine", result: "unknown", by: "carrier" }
    default:
      return undefined
  }
}

const eventOf = (type: string, payload: JsonRecord): CallEvent | undefined => {
  switch (type) {
    case "call.answered":
      return { type: "call.answered" }
    case "call.machine.detection.ended":
    case "call.machine.premium.detection.ended":
      return machineOf(textOf(payload, "result"))
    case "call.machine.greeting.ended":
    case "call.machine.premium.greeting.ended":
      return textOf(payload, "result") === "beep_detected"
        ? { type: "call.machine", result: "beep", by: "carrier" }
        : undefined
    case "call.hangup": {
      const cause = textOf(payload, "hangup_cause")
      return { type: "call.ended", cause: cause === "normal_clearing" ? "user_hung_up" : causeOf(cause) }
    }
    default:
      return undefined
  }
}

const stateOf = (payload: JsonRecord): string | undefined => {
  const text = textOf(payload, "client_state")
  return text === undefined ? undefined : Buffer.from(text, "base64").toString("utf8")
}

/**
 * Reads a webhook of the Call Control interface; undefined when it is about no call.
 *
 * @category decoding
 * @since 0.1.0
 */
export const event = (body: string): TelnyxEvent | undefined => {
  const data = parseRecord(body)?.["data"]
  const payload = isRecord(data) ? data["payload"] : undefined
  if (!isRecord(data) || !isRecord(payload)) return undefined
  const id = textOf(data, "id")
  const type = textOf(data, "event_type")
  const callId = textOf(payload, "call_control_id")
  return id === undefined || type === undefined || callId === undefined ? undefined : {
    id,
    type,
    callId,
    connectionId: textOf(payload, "connection_id"),
    from: textOf(payload, "from"),
    to: textOf(payload, "to"),
    incoming: textOf(payload, "direction") === "incoming",
    clientState: stateOf(payload),
    event: eventOf(type, payload)
  }
}

/**
 * The call that a TeXML application is asked about.
 *
 * @category models
 * @since 0.1.0
 */
export interface TexmlCall {
  readonly callId: string
  readonly connectionId: string | undefined
  readonly from: string | undefined
  readonly to: string | undefined
}

/**
 * Reads the form of a TeXML webhook; undefined when it names no call.
 *
 * @category decoding
 * @since 0.1.0
 */
export const texml = (body: string): TexmlCall | undefined => {
  const form = Object.fromEntries(new URLSearchParams(body))
  const callId = textOf(form, "CallSid")
  return callId === undefined ? undefined : {
    callId,
    connectionId: textOf(form, "ConnectionId"),
    from: textOf(form, "From"),
    to: textOf(form, "To")
  }
}
