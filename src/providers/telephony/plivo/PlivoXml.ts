/**
 * Plivo's XML documents.
 *
 * https://www.plivo.com/docs/voice/xml/overview
 *
 * @since 0.1.0
 */
import * as Xml from "../Xml.ts"

/**
 * A media stream both ways.
 *
 * - `url`: `wss://`.
 * - `contentType`: both ways; Plivo has no other.
 * - `headers`: they come back in the stream's first message. Names and values are letters and digits; 512 bytes in all.
 * - `statusUrl`: told when the stream begins, fails or ends.
 *
 * @category models
 * @since 0.1.0
 */
export interface StreamOptions {
  readonly url: string
  readonly contentType: "audio/x-mulaw;rate=8000" | "audio/x-l16;rate=8000" | "audio/x-l16;rate=16000"
  readonly headers?: { readonly [name: string]: string } | undefined
  readonly statusUrl?: string | undefined
}

/**
 * The longest text of the headers of a stream: 512 bytes.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_HEADERS = 512

const PART = /^[\w.-]+$/u

/**
 * Headers as the attribute has them, `a=1,b=2`; undefined when Plivo could not carry them.
 *
 * @category encoding
 * @since 0.1.0
 */
export const headersText = (headers: { readonly [name: string]: string }): string | undefined => {
  const entries = Object.entries(headers)
  const text = entries.map(([name, value]) => `${name}=${value}`).join(",")
  return text.length <= MAX_HEADERS && entries.every(([name, value]) => PART.test(name) && PART.test(value))
    ? text
    : undefined
}

/**
 * Connects the call to our WebSocket. When that closes, Plivo goes on with the next element, or hangs up.
 *
 * @category constructors
 * @since 0.1.0
 */
export const stream = ({ contentType, headers = {}, statusUrl, url }: StreamOptions): Xml.Element =>
  Xml.element("Stream", {
    bidirectional: "true",
    keepCallAlive: "true",
    contentType,
    extraHeaders: Object.keys(headers).length === 0 ? undefined : headersText(headers),
    statusCallbackUrl: statusUrl,
    statusCallbackMethod: statusUrl === undefined ? undefined : "POST"
  }, url)

/**
 * - `callerId`: what the person sees. `timeoutSeconds`: how long it rings.
 * - `eventUrl`: told when the person answers. `actionUrl`: asked what comes next when the person is gone, or was not reached.
 *
 * @category models
 * @since 0.1.0
 */
export interface DialOptions {
  readonly callerId?: string | undefined
  readonly timeoutSeconds?: number | undefined
  readonly eventUrl?: string | undefined
  readonly actionUrl?: string | undefined
}

/**
 * Connects the call to a number or a SIP address.
 *
 * @category constructors
 * @since 0.1.0
 */
export const dial = (
  target: string,
  { actionUrl, callerId, eventUrl, timeoutSeconds }: DialOptions = {}
): Xml.Element =>
  Xml.element("Dial", {
    action: actionUrl,
    method: actionUrl === undefined ? undefined : "POST",
    callbackUrl: eventUrl,
    callbackMethod: eventUrl === undefined ? undefined : "POST",
    callerId,
    timeout: timeoutSeconds === undefined ? undefined : String(timeoutSeconds)
  }, [/^sips?:/iu.test(target) ? Xml.element("User", {}, target) : Xml.element("Number", {}, target)])

/**
 * Puts the call into a conference of this name. With `endOnExit` it ends for everyone when this call leaves.
 *
 * @category constructors
 * @since 0.1.0
 */
export const conference = (name: string, options: { readonly endOnExit?: boolean } = {}): Xml.Element =>
  Xml.element("Conference", {
    endConferenceOnExit: options.endOnExit === undefined ? undefined : String(options.endOnExit)
  }, name)

/**
 * Says a text by the carrier's own voice.
 *
 * @category constructors
 * @since 0.1.0
 */
export const speak = (text: string, language?: string): Xml.Element => Xml.element("Speak", { language }, text)

/**
 * Ends the call; `rejected` refuses it before it is answered.
 *
 * @category constructors
 * @since 0.1.0
 */
export const hangUp = (reason?: "rejected" | "busy"): Xml.Element => Xml.element("Hangup", { reason })

/**
 * Asks another URL for the document that comes next.
 *
 * @category constructors
 * @since 0.1.0
 */
export const redirect = (url: string): Xml.Element => Xml.element("Redirect", { method: "POST" }, url)
