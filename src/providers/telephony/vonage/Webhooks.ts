/**
 * What Vonage's webhooks say: the answer webhook asks for an NCCO, the event webhook tells what becomes of a call.
 *
 * https://developer.vonage.com/en/voice/voice-api/webhook-reference
 *
 * @since 0.1.0
 */
import { isRecord, type JsonRecord, parseRecord } from "../../../schema/Json.ts"
import type { CallEvent } from "../../../session/call/CallControl.ts"
import { fromNumber } from "./Ncco.ts"

const MAX_FIELD = 256

const textOf = (record: JsonRecord, ...names: ReadonlyArray<string>): string | undefined => {
  for (const name of names) {
    const value = record[name]
    if (typeof value === "string" && value !== "" && value.length <= MAX_FIELD) return value
  }
  return undefined
}

/**
 * The call that an answer webhook is about. Numbers are in E.164.
 *
 * @category models
 * @since 0.1.0
 */
export interface AnsweredCall {
  readonly callId: string
  readonly from: string | undefined
  readonly to: string | undefined
}

const callOf = (record: JsonRecord): AnsweredCall | undefined => {
  const callId = textOf(record, "uuid")
  const from = textOf(record, "from", "from_user")
  const to = textOf(record, "to")
  return callId === undefined ? undefined : {
    callId,
    from: from === undefined ? undefined : fromNumber(from),
    to: to === undefined ? undefined : fromNumber(to)
  }
}

/**
 * Reads an answer webhook by `POST`, whose body is JSON; undefined when it names no call.
 *
 * @category decoding
 * @since 0.1.0
 */
export const answerOfBody = (body: string): AnsweredCall | undefined => {
  const record = parseRecord(body)
  return record === undefined ? undefined : callOf(record)
}

/**
 * Reads an answer webhook by `GET`, which has everything in its query.
 *
 * @category decoding
 * @since 0.1.0
 */
export const answerOfQuery = (query: URLSearchParams): AnsweredCall | undefined => callOf(Object.fromEntries(query))

/**
 * An event webhook.
 *
 * - `event`: what it is for the session; undefined where it is nothing.
 *
 * @category models
 * @since 0.1.0
 */
export interface VonageEvent {
  readonly callId: string
  readonly status: string
  readonly event: CallEvent | undefined
}

/** How a call ended that was never answered. */
const causes: { readonly [status: string]: "busy" | "no_answer" | "rejected" | "failed" } = {
  busy: "busy",
  timeout: "no_answer",
  unanswered: "no_answer",
  cancelled: "no_answer",
  rejected: "rejected",
  failed: "failed"
}

/**
 * Why nobody was reached, by the status of a call; undefined where that is not what it says.
 *
 * @category conversions
 * @since 0.1.0
 */
export const causeOf = (status: string): "busy" | "no_answer" | "rejected" | "failed" | undefined =>
  Object.hasOwn(causes, status) ? causes[status] : undefined

const eventOf = (status: string, record: JsonRecord): CallEvent | undefined => {
  switch (status) {
    case "ringing":
      return { type: "call.ringing" }
    case "answered":
      return { type: "call.answered" }
    case "human":
      return { type: "call.machine", result: "human", by: "carrier" }
    case "machine":
      return {
        type: "call.machine",
        result: textOf(record, "sub_state") === "beep_start" ? "beep" : "machine",
        by: "carrier"
      }
    // `disconnected` is of the WebSocket's leg, which may be made again
    case "completed":
      return { type: "call.ended", cause: "user_hung_up" }
    default: {
      const cause = causeOf(status)
      return cause === undefined ? undefined : { type: "call.ended", cause }
    }
  }
}

/**
 * Reads an event webhook; undefined when it names no call, as those of applications do.
 *
 * @category decoding
 * @since 0.1.0
 */
export const event = (body: string): VonageEvent | undefined => {
  const record = parseRecord(body)
  if (!isRecord(record)) return undefined
  const callId = textOf(record, "uuid", "call_uuid")
  const status = textOf(record, "status")
  return callId === undefined || status === undefined
    ? undefined
    : { callId, status, event: eventOf(status, record) }
}
