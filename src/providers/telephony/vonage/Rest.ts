/**
 * Vonage's REST interface for calls: `/v1/calls`. One attempt each; that a call is over already is success where its end is
 * asked for.
 *
 * https://developer.vonage.com/en/api/voice
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import type { KeyObject } from "node:crypto"
import type { BackendError } from "../../../BackendError.ts"
import * as CarrierRequest from "../CarrierRequest.ts"
import * as Ncco from "./Ncco.ts"
import * as Signature from "./Signature.ts"

/**
 * Where Vonage's interface is, unless a region's is asked for.
 *
 * @category constants
 * @since 0.1.0
 */
export const DEFAULT_URL = "https://api.nexmo.com"

const VENDOR = "vonage"

/**
 * - `url`: of the interface, without a slash at its end.
 * - `timeout`: how long an answer may take.
 *
 * @category models
 * @since 0.1.0
 */
export interface RestOptions {
  readonly client: HttpClient.HttpClient
  readonly applicationId: string
  readonly key: KeyObject
  readonly url: string
  readonly timeout: Duration.Duration
}

/**
 * A call to make.
 *
 * - `answer`: what is done once it is answered: an NCCO, or a URL that is asked for one.
 * - `eventUrl`: told what becomes of it.
 * - `ringSeconds`: 1 to 120. `maxSeconds`: 1 to 7,200.
 * - `machineDetection`: `detect` tells human or machine, `detect_beep` also waits for the beep, at most `beepSeconds` (45 to
 *   120). Default: not asked for.
 *
 * @category models
 * @since 0.1.0
 */
export interface DialOptions {
  readonly to: string
  readonly from: string
  readonly answer: { readonly ncco: Ncco.Ncco } | { readonly url: string }
  readonly eventUrl: string
  readonly ringSeconds?: number | undefined
  readonly maxSeconds?: number | undefined
  readonly machineDetection?: { readonly mode: "detect" | "detect_beep"; readonly beepSeconds?: number } | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Rest {
  /** Makes a call; succeeds with its id while it rings. */
  readonly dial: (options: DialOptions) => Effect.Effect<string, BackendError>
  /** Ends a call. */
  readonly hangUp: (callId: string) => Effect.Effect<void, BackendError>
  /** Gives a call other actions; fails `session_not_found` when it is over. */
  readonly transfer: (callId: string, ncco: Ncco.Ncco) => Effect.Effect<void, BackendError>
  /** Plays digits: `0` to `9`, `*`, `#`, and `w` for half a second's pause; fails `session_not_found` when it is over. */
  readonly sendDigits: (callId: string, digits: string) => Effect.Effect<void, BackendError>
}

const callPath = (callId: string): string => `/v1/calls/${CarrierRequest.pathPart(callId)}`

const bodyOf = ({ answer, eventUrl, from, machineDetection, maxSeconds, ringSeconds, to }: DialOptions) => ({
  to: [Ncco.person(to)],
  from: { type: "phone", number: Ncco.numberOf(from) },
  ...("url" in answer ? { answer_url: [answer.url], answer_method: "POST" } : { ncco: answer.ncco }),
  event_url: [eventUrl],
  event_method: "POST",
  ...(ringSeconds === undefined ? {} : { ringing_timer: ringSeconds }),
  ...(maxSeconds === undefined ? {} : { length_timer: maxSeconds }),
  ...(machineDetection === undefined ? {} : {
    advanced_machine_detection: {
      behavior: "continue",
      mode: machineDetection.mode,
      ...(machineDetection.beepSeconds === undefined ? {} : { beep_timeout: machineDetection.beepSeconds })
    }
  })
})

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = ({ applicationId, client, key, timeout, url }: RestOptions): Rest => {
  const api: CarrierRequest.CarrierApi = {
    vendor: VENDOR,
    url,
    timeout,
    authorization: Effect.gen(function*() {
      const nowMs = yield* Clock.currentTimeMillis
      // only makes tokens distinct; it is no secret
      const id = yield* Effect.all([Random.nextIntBetween(0, 2 ** 32), Random.nextIntBetween(0, 2 ** 32)])
      const token = yield* Signature.restToken({
        applicationId,
        key,
        id: id.map((part) => part.toString(36)).join("-"),
        nowMs
      })
      return Redacted.make(`Bearer ${token}`)
    })
  }
  const send = (request: CarrierRequest.CarrierRequest) => CarrierRequest.send(client, api, request)
  return {
    dial: Effect.fnUntraced(function*(options) {
      const op = "TelephonyProvider.dial"
      const created = yield* send({ op, method: "POST", path: "/v1/calls", body: { json: bodyOf(options) } })
      return yield* CarrierRequest.textField(VENDOR, op, created, "uuid")
    }),
    hangUp: (callId) =>
      CarrierRequest.orOver(send({
        op: "TelephonyProvider.hangUp",
        method: "PUT",
        path: callPath(callId),
        body: { json: { action: "hangup" } }
      })),
    transfer: (callId, ncco) =>
      Effect.asVoid(send({
        op: "TelephonyProvider.transfer",
        method: "PUT",
        path: callPath(callId),
        body: { json: { action: "transfer", destination: { type: "ncco", ncco } } }
      })),
    sendDigits: (callId, digits) =>
      Effect.asVoid(send({
        op: "TelephonyProvider.sendDigits",
        method: "PUT",
        path: `${callPath(callId)}/dtmf`,
        // Vonage has another letter for a pause
        body: { json: { digits: digits.replaceAll("w", "p") } }
      }))
  }
}
