/**
 * The documents that tell Vonage what to do with a call: NCCOs, lists of actions in JSON.
 *
 * https://developer.vonage.com/en/voice/voice-api/ncco-reference
 *
 * @since 0.1.0
 */

/**
 * How Vonage's WebSocket handshake is authorised: by the same token as its webhooks, or by a header of ours.
 *
 * @category models
 * @since 0.1.0
 */
export type SocketAuthorization = { readonly type: "vonage" } | { readonly type: "custom"; readonly value: string }

/**
 * Where a call can be connected to.
 *
 * @category models
 * @since 0.1.0
 */
export type Endpoint =
  | { readonly type: "phone"; readonly number: string; readonly dtmfAnswer?: string }
  | { readonly type: "sip"; readonly uri: string }
  | {
    readonly type: "websocket"
    readonly uri: string
    readonly "content-type": string
    readonly headers: { readonly [name: string]: string }
    readonly authorization?: SocketAuthorization
  }

/**
 * An action.
 *
 * @category models
 * @since 0.1.0
 */
export type Action =
  | {
    readonly action: "connect"
    readonly endpoint: readonly [Endpoint]
    readonly from?: string
    readonly timeout?: number
    readonly eventType?: "synchronous"
    readonly eventUrl?: readonly [string]
  }
  | {
    readonly action: "conversation"
    readonly name: string
    readonly startOnEnter?: boolean
    readonly endOnExit?: boolean
  }
  | { readonly action: "talk"; readonly text: string; readonly language?: string; readonly bargeIn?: false }

/**
 * An NCCO.
 *
 * @category models
 * @since 0.1.0
 */
export type Ncco = ReadonlyArray<Action>

/**
 * A number as Vonage writes it: E.164 without its plus sign.
 *
 * @category conversions
 * @since 0.1.0
 */
export const numberOf = (number: string): string => /^\+\d+$/u.test(number) ? number.slice(1) : number

/**
 * A number in E.164 of what Vonage writes; anything else, such as a SIP address or `anonymous`, as it is.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromNumber = (number: string): string => /^[1-9]\d{6,14}$/u.test(number) ? `+${number}` : number

/**
 * Where a person is: a number, or a SIP address (`sip:…`).
 *
 * @category constructors
 * @since 0.1.0
 */
export const person = (target: string): Endpoint =>
  /^sips?:/iu.test(target) ? { type: "sip", uri: target } : { type: "phone", number: numberOf(target) }

/**
 * What the media stream needs.
 *
 * - `url`: `wss://`.
 * - `sampleRate`: 8,000, 16,000 or 24,000 Hz.
 * - `headers`: they come back in the stream's first message; each is at most 512 bytes.
 * - `eventUrl`: told, and asked what comes next, when the stream ends.
 *
 * @category models
 * @since 0.1.0
 */
export interface StreamOptions {
  readonly url: string
  readonly sampleRate: number
  readonly headers: { readonly [name: string]: string }
  readonly authorization?: SocketAuthorization | undefined
  readonly from?: string | undefined
  readonly eventUrl?: string | undefined
}

/**
 * Connects the call to our WebSocket. With an `eventUrl` Vonage asks there for the next actions when the stream could not be made
 * or has ended, else it hangs up.
 *
 * @category constructors
 * @since 0.1.0
 */
export const stream = ({ authorization, eventUrl, from, headers, sampleRate, url }: StreamOptions): Ncco => [{
  action: "connect",
  ...(eventUrl === undefined ? {} : { eventType: "synchronous", eventUrl: [eventUrl] }),
  ...(from === undefined ? {} : { from: numberOf(from) }),
  endpoint: [{
    type: "websocket",
    uri: url,
    "content-type": `audio/l16;rate=${sampleRate}`,
    headers,
    ...(authorization === undefined ? {} : { authorization })
  }]
}]

/**
 * - `timeoutSeconds`: how long it rings; 1 to 120.
 * - `eventUrl`: told what becomes of it, and asked what comes next when nobody was reached.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConnectOptions {
  readonly from?: string | undefined
  readonly timeoutSeconds?: number | undefined
  readonly eventUrl?: string | undefined
}

/**
 * Connects the call to a person.
 *
 * @category constructors
 * @since 0.1.0
 */
export const connect = (target: string, { eventUrl, from, timeoutSeconds }: ConnectOptions = {}): Ncco => [{
  action: "connect",
  ...(eventUrl === undefined ? {} : { eventType: "synchronous", eventUrl: [eventUrl] }),
  ...(from === undefined ? {} : { from: numberOf(from) }),
  ...(timeoutSeconds === undefined ? {} : { timeout: timeoutSeconds }),
  endpoint: [person(target)]
}]

/**
 * Puts the call into a conversation of this name, where others are or come to. It ends for everyone when who has `endOnExit`
 * leaves.
 *
 * @category constructors
 * @since 0.1.0
 */
export const conversation = (name: string, options: { readonly endOnExit?: boolean } = {}): Ncco => [{
  action: "conversation",
  name,
  ...(options.endOnExit === undefined ? {} : { endOnExit: options.endOnExit })
}]

/**
 * Says a text by the carrier's own voice.
 *
 * - `language`: a BCP 47 tag that Vonage has. Default: `en-US`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const talk = (text: string, language?: string): Ncco => [{
  action: "talk",
  text,
  ...(language === undefined ? {} : { language })
}]
