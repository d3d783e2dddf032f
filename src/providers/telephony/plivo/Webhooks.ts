/**
 * What Plivo's webhooks say: forms that ask for a document, or tell what becomes of a call.
 *
 * https://www.plivo.com/docs/voice/concepts/callbacks
 *
 * @since 0.1.0
 */
import type { CallEvent } from "../../../session/call/CallControl.ts"

const MAX_FIELD = 256

/**
 * A webhook.
 *
 * - `requestId`: of a call that we have made, as the interface has named it.
 * - `event`: what it is for the session; undefined where it is nothing.
 * - `dialStatus`: how a transfer has ended: `completed`, or why nobody was reached. `dialAnswered`: the person has answered.
 *
 * @category models
 * @since 0.1.0
 */
export interface PlivoEvent {
  readonly callId: string
  readonly requestId: string | undefined
  readonly from: string | undefined
  readonly to: string | undefined
  readonly outbound: boolean
  readonly dialStatus: string | undefined
  readonly dialAnswered: boolean
  readonly event: CallEvent | undefined
}

const causes: { readonly [status: string]: "busy" | "no_answer" | "rejected" | "failed" } = {
  busy: "busy",
  "no-answer": "no_answer",
  timeout: "no_answer",
  cancel: "no_answer",
  rejected: "rejected",
  failed: "failed"
}

/**
 * Why nobody was reached, by the carrier's status; undefined where somebody was.
 *
 * @category conversions
 * @since 0.1.0
 */
export const causeOf = (status: string | undefined): "busy" | "no_answer" | "rejected" | "failed" | undefined =>
  status !== undefined && Object.hasOwn(causes, status) ? causes[status] : undefined

/** A number in E.164: Plivo writes none of its plus signs. */
const fromNumber = (number: string): string => /^[1-9]\d{6,14}$/u.test(number) ? `+${number}` : number

const eventOf = (kind: string | undefined, form: URLSearchParams): CallEvent | undefined => {
  const status = form.get("CallStatus") ?? undefined
  switch (kind) {
    case "Ring":
      return { type: "call.ringing" }
    case "MachineDetection":
      return { type: "call.machine", result: form.get("Machine") === "true" ? "machine" : "human", by: "carrier" }
    case "Hangup":
      return { type: "call.ended", cause: causeOf(status) ?? "user_hung_up" }
    case "StartApp":
      return form.get("Direction") === "outbound" ? { type: "call.answered" } : undefined
    default:
      // of the interface's machine detection, whose event some regions leave out
      return form.has("Machine")
        ? { type: "call.machine", result: form.get("Machine") === "true" ? "machine" : "human", by: "carrier" }
        : undefined
  }
}

/**
 * Reads a form; undefined when it names no call.
 *
 * @category decoding
 * @since 0.1.0
 */
export const event = (form: URLSearchParams): PlivoEvent | undefined => {
  const textOf = (name: string): string | undefined => {
    const value = form.get(name)
    return value === null || value === "" || value.length > MAX_FIELD ? undefined : value
  }
  const callId = textOf("CallUUID")
  const from = textOf("From")
  const to = textOf("To")
  return callId === undefined ? undefined : {
    callId,
    requestId: textOf("RequestUUID"),
    from: from === undefined ? undefined : fromNumber(from),
    to: to === undefined ? undefined : fromNumber(to),
    outbound: form.get("Direction") === "outbound",
    dialStatus: textOf("DialStatus"),
    dialAnswered: textOf("DialAction") === "answer",
    event: eventOf(textOf("Event"), form)
  }
}
