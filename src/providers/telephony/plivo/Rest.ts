/**
 * Plivo's REST interface for calls. One attempt each; that a call is over already (404) is success where its end is asked for.
 *
 * https://www.plivo.com/docs/voice/api/call
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
 * Where Plivo's interface is.
 *
 * @category constants
 * @since 0.1.0
 */
export const DEFAULT_URL = "https://api.plivo.com/v1"

const VENDOR = "plivo"

/**
 * - `url`: of the interface, without a slash at its end.
 * - `timeout`: how long an answer may take.
 *
 * @category models
 * @since 0.1.0
 */
export interface RestOptions {
  readonly client: HttpClient.HttpClient
  readonly authId: string
  readonly authToken: Redacted.Redacted<string>
  readonly url: string
  readonly timeout: Duration.Duration
}

/**
 * A call to make.
 *
 * - `answerUrl`: asked for a document once the call is answered. `ringUrl`, `hangupUrl`: told that it rings, and that it is over.
 * - `ringSeconds`: how long it rings. `maxSeconds`: how long it lasts.
 * - `machineDetection`: `url` is told what answered, while the call goes on; `ms`: how long it listens, 2,000 to 10,000.
 *
 * @category models
 * @since 0.1.0
 */
export interface DialOptions {
  readonly to: string
  readonly from: string
  readonly answerUrl: string
  readonly ringUrl?: string | undefined
  readonly hangupUrl?: string | undefined
  readonly ringSeconds?: number | undefined
  readonly maxSeconds?: number | undefined
  readonly machineDetection?: { readonly url: string; readonly ms?: number } | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Rest {
  /** Makes a call; succeeds with the id of the request, which is the id of the call while it lasts. */
  readonly dial: (options: DialOptions) => Effect.Effect<string, BackendError>
  /** Ends a call. */
  readonly hangUp: (callId: string) => Effect.Effect<void, BackendError>
  /** Takes back a call that was made and is not answered yet. */
  readonly cancel: (requestId: string) => Effect.Effect<void, BackendError>
  /** Gives the call the document of another URL; fails `session_not_found` when it is over. */
  readonly transfer: (callId: string, url: string) => Effect.Effect<void, BackendError>
  /** Plays digits: `0` to `9`, `*`, `#`, and `w` for half a second's pause; fails `session_not_found` when it is over. */
  readonly sendDigits: (callId: string, digits: string) => Effect.Effect<void, BackendError>
}

const bodyOf = ({
  answerUrl,
  from,
  hangupUrl,
  machineDetection,
  maxSeconds,
  ringSeconds,
  ringUrl,
  to
}: DialOptions) => ({
  from,
  to,
  answer_url: answerUrl,
  answer_method: "POST",
  ...(ringUrl === undefined ? {} : { ring_url: ringUrl, ring_method: "POST" }),
  ...(hangupUrl === undefined ? {} : { hangup_url: hangupUrl, hangup_method: "POST" }),
  ...(ringSeconds === undefined ? {} : { ring_timeout: ringSeconds }),
  ...(maxSeconds === undefined ? {} : { time_limit: maxSeconds }),
  ...(machineDetection === undefined ? {} : {
    machine_detection: "true",
    machine_detection_url: machineDetection.url,
    machine_detection_method: "POST",
    ...(machineDetection.ms === undefined ? {} : { machine_detection_time: machineDetection.ms })
  })
})

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = ({ authId, authToken, client, timeout, url }: RestOptions): Rest => {
  const account = `/Account/${encodeURIComponent(authId)}`
  const api: CarrierRequest.CarrierApi = {
    vendor: VENDOR,
    url,
    timeout,
    authorization: Effect.sync(() =>
      Redacted.make(`Basic ${Buffer.from(`${authId}:${Redacted.value(authToken)}`).toString("base64")}`)
    )
  }
  const send = (
    op: string,
    method: CarrierRequest.CarrierRequest["method"],
    path: string,
    json?: { readonly [key: string]: unknown }
  ) =>
    CarrierRequest.send(client, api, {
      op: `TelephonyProvider.${op}`,
      method,
      path: `${account}${path}`,
      body: json === undefined ? undefined : { json }
    })
  const callPath = (callId: string): string => `/Call/${CarrierRequest.pathPart(callId)}/`
  return {
    dial: Effect.fnUntraced(function*(options) {
      const created = yield* send("dial", "POST", "/Call/", bodyOf(options))
      return yield* CarrierRequest.textField(VENDOR, "TelephonyProvider.dial", created, "request_uuid")
    }),
    hangUp: (callId) => CarrierRequest.orOver(send("hangUp", "DELETE", callPath(callId))),
    cancel: (requestId) =>
      CarrierRequest.orOver(send("hangUp", "DELETE", `/Request/${CarrierRequest.pathPart(requestId)}/`)),
    transfer: (callId, aleg) =>
      Effect.asVoid(send("transfer", "POST", callPath(callId), { legs: "aleg", aleg_url: aleg, aleg_method: "POST" })),
    sendDigits: (callId, digits) =>
      Effect.asVoid(send("sendDigits", "POST", `${callPath(callId)}DTMF/`, { digits, leg: "aleg" }))
  }
}
