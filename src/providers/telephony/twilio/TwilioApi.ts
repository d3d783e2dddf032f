/**
 * Calls by Twilio's REST interface, which SignalWire has as well: to make one, to change what it does, to end it.
 *
 * Each is one attempt: who asks decides whether to try again, since a call that was made twice rings twice.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import * as Redacted from "effect/Redacted"
import type { BackendError } from "../../../BackendError.ts"
import * as CarrierRequest from "../CarrierRequest.ts"

/**
 * Who asks: the account with its auth token, or with an API key (`SK…`) and its secret.
 *
 * @category models
 * @since 0.1.0
 */
export type TwilioCredentials =
  | { readonly authToken: Redacted.Redacted<string> }
  | { readonly apiKey: string; readonly apiSecret: Redacted.Redacted<string> }

/**
 * - `vendor`: as errors name it. Default: `twilio`.
 * - `url`: the interface, without a slash at its end. Default: Twilio's, of `region` and `edge`.
 * - `region`, `edge`: such as `ie1` and `dublin`: both or none. The token of another region is refused.
 * - `timeout`: how long an answer may take.
 *
 * @category models
 * @since 0.1.0
 */
export interface TwilioApiOptions {
  readonly vendor?: string | undefined
  readonly accountSid: string
  readonly credentials: TwilioCredentials
  readonly url?: string | undefined
  readonly region?: string | undefined
  readonly edge?: string | undefined
  readonly timeout: Duration.Duration
}

/**
 * What an answering machine is listened for: whether it is one, or also the end of its message.
 *
 * @category models
 * @since 0.1.0
 */
export interface MachineDetection {
  readonly until: "recognised" | "message_end"
  readonly timeoutSeconds?: number | undefined
  /** Is told who has answered. */
  readonly callback: string
}

/**
 * A call to be made.
 *
 * - `url`: answers with TwiML when the call is answered. `statusCallback`: is told what becomes of the call.
 * - `timeoutSeconds`: how long it may ring, 5 to 600. `sendDigits`: pressed when it is answered.
 *
 * @category models
 * @since 0.1.0
 */
export interface NewCall {
  readonly to: string
  readonly from: string
  readonly url: string
  readonly statusCallback: string
  readonly timeoutSeconds: number
  readonly sendDigits?: string | undefined
  readonly machineDetection?: MachineDetection | undefined
}

/**
 * The calls of an account.
 *
 * - `create`: gives the id of the call. `redirect`: has the call do another document; fails `session_not_found` when the call
 *   is over. `hangUp`: succeeds when it is over already.
 *
 * @category models
 * @since 0.1.0
 */
export interface TwilioApi {
  readonly create: (call: NewCall) => Effect.Effect<string, BackendError>
  readonly redirect: (callSid: string, twiml: string) => Effect.Effect<void, BackendError>
  readonly hangUp: (callSid: string) => Effect.Effect<void, BackendError>
}

/** There is no such call; the call is not in progress. */
const over = new Set([20_404, 21_220])

/** What its codes mean, where they say more than the status. https://www.twilio.com/docs/api/errors */
const codeKinds = {
  // the account is not active, is suspended
  10001: "authorization",
  20005: "authorization",
  20429: "rate",
  // no permission to call that country, that number
  13227: "authorization",
  21215: "authorization",
  21216: "authorization",
  21219: "authorization"
} as const

const codeOf = ({ body }: CarrierRequest.Refusal): number | undefined => {
  const code = body?.["code"]
  return typeof code === "number" ? code : undefined
}

const authorizationOf = (accountSid: string, credentials: TwilioCredentials): Redacted.Redacted<string> => {
  const [name, secret] = "authToken" in credentials
    ? [accountSid, credentials.authToken]
    : [credentials.apiKey, credentials.apiSecret]
  return Redacted.make(`Basic ${Buffer.from(`${name}:${Redacted.value(secret)}`).toString("base64")}`)
}

/**
 * The URL of Twilio's interface.
 *
 * @category accessors
 * @since 0.1.0
 */
export const urlOf = ({ edge, region }: Pick<TwilioApiOptions, "edge" | "region">): string =>
  region === undefined || edge === undefined
    ? "https://api.twilio.com/2010-04-01"
    : `https://api.${edge}.${region}.twilio.com/2010-04-01`

type Form = ReadonlyArray<readonly [name: string, value: string]>

const detectionOf = ({ callback, timeoutSeconds, until }: MachineDetection): Form => [
  ["MachineDetection", until === "message_end" ? "DetectMessageEnd" : "Enable"],
  ["AsyncAmd", "true"],
  ["AsyncAmdStatusCallback", callback],
  ["AsyncAmdStatusCallbackMethod", "POST"],
  ...(timeoutSeconds === undefined ? [] : [["MachineDetectionTimeout", String(timeoutSeconds)] as const])
]

const formOf = (call: NewCall): Form => [
  ["To", call.to],
  ["From", call.from],
  ["Url", call.url],
  ["Method", "POST"],
  ["StatusCallback", call.statusCallback],
  ["StatusCallbackMethod", "POST"],
  ...["initiated", "ringing", "answered", "completed"].map((event) => ["StatusCallbackEvent", event] as const),
  ["Timeout", String(call.timeoutSeconds)],
  ...(call.sendDigits === undefined ? [] : [["SendDigits", call.sendDigits] as const]),
  ...(call.machineDetection === undefined ? [] : detectionOf(call.machineDetection))
]

/**
 * Makes it. Errors have `vendor`, `status`, `code` and `requestId` in their details.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (client: HttpClient.HttpClient, options: TwilioApiOptions): TwilioApi => {
  const { accountSid, credentials, timeout, vendor = "twilio" } = options
  const authorization = Effect.succeed(authorizationOf(accountSid, credentials))
  const api: CarrierRequest.CarrierApi = {
    vendor,
    url: options.url ?? urlOf(options),
    authorization,
    timeout,
    requestIdHeader: "twilio-request-id",
    isOver: (refusal) => over.has(codeOf(refusal) ?? 0),
    codeOf: (refusal) => codeOf(refusal)?.toString(),
    codeKinds
  }
  const calls = `/Accounts/${encodeURIComponent(accountSid)}/Calls`
  const update = (op: string, callSid: string, form: Form) =>
    CarrierRequest.send(client, api, {
      op: `${vendor}.${op}`,
      method: "POST",
      path: `${calls}/${encodeURIComponent(callSid)}.json`,
      body: { form }
    })
  return {
    create: (call) =>
      CarrierRequest.send(client, api, {
        op: `${vendor}.createCall`,
        method: "POST",
        path: `${calls}.json`,
        body: { form: formOf(call) }
      }).pipe(
        Effect.flatMap((created) => CarrierRequest.textField(vendor, `${vendor}.createCall`, created, "sid"))
      ),
    redirect: (callSid, twiml) => Effect.asVoid(update("redirectCall", callSid, [["Twiml", twiml]])),
    hangUp: (callSid) => CarrierRequest.orOver(update("hangUp", callSid, [["Status", "completed"]]))
  }
}
