/**
 * TwiML: the documents that tell Twilio what to do with a call. SignalWire's cXML has the same verbs.
 *
 * @since 0.1.0
 */
import { type Element, element, response } from "../Xml.ts"

/**
 * The media type of a document.
 *
 * @category constants
 * @since 0.1.0
 */
export const CONTENT_TYPE = "text/xml"

/**
 * The longest name and value of a parameter together: 500 characters, Twilio's limit.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_PARAMETER_LENGTH = 500

const text = (value: number | boolean | undefined): string | undefined =>
  value === undefined ? undefined : String(value)

/**
 * A document of verbs, which are done one after the other.
 *
 * @category constructors
 * @since 0.1.0
 */
export const document = (...verbs: ReadonlyArray<Element>): string => response(...verbs)

/**
 * Connects the call to our WebSocket, both ways, until either end closes.
 *
 * - `url`: of `wss:`, without a query: Twilio drops it. `parameters` arrive with the stream's start.
 * - `action`: asked afterwards what to do next. Default: the next verb.
 * - `statusCallback`: told when the stream starts, stops or fails.
 * - `codec`: SignalWire's alone. Default: µ-law at 8 kHz.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConnectStreamOptions {
  readonly url: string
  readonly parameters: { readonly [name: string]: string }
  readonly action?: string | undefined
  readonly statusCallback?: string | undefined
  readonly codec?: string | undefined
}

/**
 * @category verbs
 * @since 0.1.0
 */
export const connectStream = ({ action, codec, parameters, statusCallback, url }: ConnectStreamOptions): Element => {
  const given = Object.entries(parameters).map(([name, value]) => element("Parameter", { name, value }))
  return element("Connect", { action }, [element("Stream", { url, statusCallback, codec }, given)])
}

/**
 * @category verbs
 * @since 0.1.0
 */
export const hangUp: Element = element("Hangup", {})

/**
 * Refuses a call that is not answered yet: nothing is billed.
 *
 * @category verbs
 * @since 0.1.0
 */
export const reject = (reason?: "busy" | "rejected"): Element => element("Reject", { reason })

/**
 * Whom to call.
 *
 * - `url`: of a number, a SIP address: what whoever answers hears before they are connected.
 *
 * @category models
 * @since 0.1.0
 */
export type DialTarget =
  | { readonly number: string; readonly url?: string | undefined; readonly sendDigits?: string | undefined }
  | { readonly sip: string; readonly url?: string | undefined }
  | { readonly queue: string }
  | { readonly conference: string; readonly endOnExit?: boolean | undefined; readonly beep?: boolean | undefined }

/**
 * - `action`: asked afterwards what to do next, with `DialCallStatus`. Default: the next verb.
 * - `callerId`: whom they see as the caller. Default: who has called us.
 * - `timeoutSeconds`: how long it may ring. Default: 30, Twilio's.
 * - `answerOnBridge`: the caller hears it ring. Default: false.
 *
 * @category models
 * @since 0.1.0
 */
export interface DialOptions {
  readonly action?: string | undefined
  readonly callerId?: string | undefined
  readonly timeoutSeconds?: number | undefined
  readonly answerOnBridge?: boolean | undefined
}

const targetOf = (target: DialTarget): Element => {
  if ("number" in target) return element("Number", { url: target.url, sendDigits: target.sendDigits }, target.number)
  if ("sip" in target) return element("Sip", { url: target.url }, target.sip)
  if ("queue" in target) return element("Queue", {}, target.queue)
  return element(
    "Conference",
    { endConferenceOnExit: text(target.endOnExit), beep: text(target.beep) },
    target.conference
  )
}

/**
 * @category verbs
 * @since 0.1.0
 */
export const dial = (target: DialTarget, options: DialOptions = {}): Element => {
  const { action, answerOnBridge, callerId, timeoutSeconds } = options
  const attributes = { action, callerId, timeout: text(timeoutSeconds), answerOnBridge: text(answerOnBridge) }
  return element("Dial", attributes, [targetOf(target)])
}

/**
 * Plays the tones of keys; `w` waits for half a second.
 *
 * @category verbs
 * @since 0.1.0
 */
export const playDigits = (digits: string): Element => element("Play", { digits })

/**
 * Says a text with Twilio's voice.
 *
 * @category verbs
 * @since 0.1.0
 */
export const say = (words: string, options: { readonly language?: string | undefined } = {}): Element =>
  element("Say", { language: options.language }, words)

/**
 * @category verbs
 * @since 0.1.0
 */
export const pause = (seconds: number): Element => element("Pause", { length: text(seconds) })

/**
 * Goes on with the document of another URL.
 *
 * @category verbs
 * @since 0.1.0
 */
export const redirect = (url: string): Element => element("Redirect", {}, url)

/**
 * Puts the caller into a queue of the account.
 *
 * - `action`: asked afterwards what to do next, with `QueueResult`. `waitUrl`: what they hear meanwhile. Default: Twilio's music.
 *
 * @category verbs
 * @since 0.1.0
 */
export const enqueue = (
  queue: string,
  options: { readonly action?: string | undefined; readonly waitUrl?: string | undefined } = {}
): Element => element("Enqueue", { action: options.action, waitUrl: options.waitUrl }, queue)
