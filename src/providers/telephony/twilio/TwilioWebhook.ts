/**
 * What Twilio tells by its webhooks: a call, what becomes of it, what answers it, how a transfer ended.
 *
 * Pure: the parameters of a verified form in, plain data out. Values are bounded; what is missing or strange is `undefined`.
 *
 * https://www.twilio.com/docs/voice/twiml#request-parameters
 *
 * @since 0.1.0
 */

const MAX_LENGTH = 256

/** A parameter, where it is there and not too long. */
const field = (form: URLSearchParams, name: string): string | undefined => {
  const value = form.get(name)
  return value === null || value === "" || value.length > MAX_LENGTH ? undefined : value
}

/**
 * The call that a request is about.
 *
 * - `from`, `to`: numbers, SIP addresses or clients as Twilio writes them. `parent`: of a leg that a transfer has made.
 *
 * @category models
 * @since 0.1.0
 */
export interface TwilioCall {
  readonly callSid: string
  readonly accountSid: string
  readonly from: string | undefined
  readonly to: string | undefined
  readonly direction: "inbound" | "outbound"
  readonly parent: string | undefined
}

/**
 * Reads the call of a request; `undefined` where it has none.
 *
 * @category decoding
 * @since 0.1.0
 */
export const callOf = (form: URLSearchParams): TwilioCall | undefined => {
  const callSid = field(form, "CallSid")
  const accountSid = field(form, "AccountSid")
  if (callSid === undefined || accountSid === undefined) return undefined
  return {
    callSid,
    accountSid,
    from: field(form, "From"),
    to: field(form, "To"),
    direction: field(form, "Direction")?.startsWith("outbound") === true ? "outbound" : "inbound",
    parent: field(form, "ParentCallSid")
  }
}

/**
 * What has become of a call, or of the call to whom it was transferred.
 *
 * @category models
 * @since 0.1.0
 */
export type CallStatus = "waiting" | "ringing" | "answered" | "ended" | "busy" | "no_answer" | "failed" | "canceled"

const statuses: ReadonlyMap<string, CallStatus> = new Map([
  ["queued", "waiting"],
  ["initiated", "waiting"],
  ["ringing", "ringing"],
  ["in-progress", "answered"],
  ["answered", "answered"],
  ["completed", "ended"],
  ["busy", "busy"],
  ["no-answer", "no_answer"],
  ["failed", "failed"],
  ["canceled", "canceled"]
])

/**
 * Reads a call's status.
 *
 * @category decoding
 * @since 0.1.0
 */
export const statusOf = (form: URLSearchParams): CallStatus | undefined => statuses.get(field(form, "CallStatus") ?? "")

/**
 * How a transfer ended: `connected` when they have talked and the call is over for the other, else why they did not. Of `<Dial>` and of
 * `<Enqueue>`.
 *
 * @category decoding
 * @since 0.1.0
 */
export const transferOf = (
  form: URLSearchParams
): "connected" | "busy" | "no_answer" | "rejected" | "failed" | undefined => {
  switch (field(form, "DialCallStatus") ?? field(form, "QueueResult")) {
    case undefined:
      return undefined
    case "completed":
    case "answered":
    case "bridged":
    case "redirected":
    case "redirected-from-bridged":
    case "leave":
    case "hangup":
      return "connected"
    case "busy":
      return "busy"
    case "no-answer":
    case "queue-full":
      return "no_answer"
    case "canceled":
      return "rejected"
    default:
      return "failed"
  }
}

/**
 * Who has answered, by Twilio's detection: `beep` when an answering machine records from now on, however its message ended.
 *
 * @category decoding
 * @since 0.1.0
 */
export const answeredBy = (form: URLSearchParams): "human" | "machine" | "beep" | "unknown" | undefined => {
  switch (field(form, "AnsweredBy")) {
    case undefined:
      return undefined
    case "human":
      return "human"
    case "machine_start":
    case "fax":
      return "machine"
    case "machine_end_beep":
    case "machine_end_silence":
    case "machine_end_other":
      return "beep"
    default:
      return "unknown"
  }
}
