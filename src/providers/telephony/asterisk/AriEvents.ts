/**
 * What Asterisk's REST interface (ARI) tells of channels, on its WebSocket of events.
 *
 * https://docs.asterisk.org/Asterisk_22_Documentation/API_Documentation/Asterisk_REST_Interface/Asterisk_REST_Data_Models
 *
 * @since 0.1.0
 */
import { isRecord, parseRecord } from "../../../schema/Json.ts"

/**
 * Why a call did not come about, or ended.
 *
 * @category models
 * @since 0.1.0
 */
export type HangUpCause = "normal" | "busy" | "no_answer" | "rejected" | "failed"

/**
 * - `Ringing`: the far end rings.
 * - `Entered`: it is answered, and waits for us in the application.
 * - `Connected`: the dialplan has connected it with another channel that is no media stream.
 * - `Destroyed`: the channel is gone.
 * - `Other`: nothing to us.
 *
 * @category models
 * @since 0.1.0
 */
export type AriEvent =
  | { readonly _tag: "Ringing"; readonly channel: string }
  | { readonly _tag: "Entered"; readonly channel: string }
  | { readonly _tag: "Connected"; readonly channel: string }
  | { readonly _tag: "Destroyed"; readonly channel: string; readonly cause: HangUpCause }
  | { readonly _tag: "Other" }

/** ITU-T Q.850, which Asterisk uses for every technology. */
const causes: { readonly [code: number]: HangUpCause } = {
  16: "normal",
  17: "busy",
  18: "no_answer",
  19: "no_answer",
  20: "no_answer",
  21: "rejected"
}

/**
 * @category conversions
 * @since 0.1.0
 */
export const causeOf = (code: unknown): HangUpCause => typeof code === "number" ? causes[code] ?? "failed" : "failed"

const OTHER: AriEvent = { _tag: "Other" }

const textOf = (record: unknown, name: string): string => {
  const value = isRecord(record) ? record[name] : undefined
  return typeof value === "string" ? value : ""
}

/**
 * Reads an event. What is not one is `Other`, too.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (text: string): AriEvent => {
  const event = parseRecord(text)
  if (event === undefined) return OTHER
  const channel = textOf(event["channel"], "id")
  switch (event["type"]) {
    case "ChannelStateChange":
      return textOf(event["channel"], "state") === "Ringing" ? { _tag: "Ringing", channel } : OTHER
    case "Dial": {
      if (event["dialstatus"] === "RINGING") return { _tag: "Ringing", channel: textOf(event["peer"], "id") }
      return event["dialstatus"] === "ANSWER" && !/^(?:WebSocket|AudioSocket)\//u.test(textOf(event["peer"], "name"))
        ? { _tag: "Connected", channel: textOf(event["caller"], "id") }
        : OTHER
    }
    case "StasisStart":
      return { _tag: "Entered", channel }
    case "ChannelDestroyed":
      return { _tag: "Destroyed", channel, cause: causeOf(event["cause"]) }
    default:
      return OTHER
  }
}
