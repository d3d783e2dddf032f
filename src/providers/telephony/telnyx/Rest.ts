/**
 * Telnyx' Call Control interface, `/v2/calls`. One attempt each; that a call is over already (422, code 90018) is success where
 * its end is asked for.
 *
 * https://developers.telnyx.com/api/call-control
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import * as Redacted from "effect/Redacted"
import type { BackendError } from "../../../BackendError.ts"
import { isRecord, type JsonRecord } from "../../../schema/Json.ts"
import * as CarrierRequest from "../CarrierRequest.ts"

/**
 * Where Telnyx' interface is.
 *
 * @category constants
 * @since 0.1.0
 */
export const DEFAULT_URL = "https://api.telnyx.com/v2"

const VENDOR = "telnyx"

/** "Call has already ended", with status 422. */
const CALL_ENDED = "90018"

/**
 * - `url`: of the interface, without a slash at its end.
 * - `timeout`: how long an answer may take.
 *
 * @category models
 * @since 0.1.0
 */
export interface RestOptions {
  readonly client: HttpClient.HttpClient
  readonly apiKey: Redacted.Redacted<string>
  readonly url: string
  readonly timeout: Duration.Duration
}

/**
 * A media stream both ways, as raw audio (`rtp`).
 *
 * - `codec`: G.711 at 8 kHz, or `L16` at any rate that Telnyx has. In the other direction the audio comes as the same.
 * - `authToken`: comes back in the handshake's header and in the first message.
 *
 * @category models
 * @since 0.1.0
 */
export interface StreamOptions {
  readonly url: string
  readonly codec: "PCMU" | "PCMA" | "L16"
  readonly sampleRate: 8_000 | 16_000 | 24_000
  readonly authToken?: Redacted.Redacted<string> | undefined
}

/**
 * A call to make.
 *
 * - `connectionId`: of the Call Control application.
 * - `ringSeconds`: how long it rings; 5 to 600. `maxSeconds`: 30 to 14,400.
 * - `machineDetection`: the carrier's mode. Default: not asked for.
 * - `commandId`: the same twice makes one call.
 * - `stream`: begins once the call is answered.
 *
 * @category models
 * @since 0.1.0
 */
export interface DialOptions {
  readonly to: string
  readonly from: string
  readonly connectionId: string
  readonly webhookUrl: string
  readonly commandId?: string | undefined
  readonly clientState?: string | undefined
  readonly ringSeconds?: number | undefined
  readonly maxSeconds?: number | undefined
  readonly machineDetection?: "detect" | "detect_beep" | "premium" | undefined
  readonly stream?: StreamOptions | undefined
}

/**
 * Where a call is transferred to.
 *
 * - `state`: comes with every webhook about the new leg.
 *
 * @category models
 * @since 0.1.0
 */
export interface TransferRequest {
  readonly to: string
  readonly from?: string | undefined
  readonly ringSeconds?: number | undefined
  readonly state?: string | undefined
}

/**
 * Every command but `hangUp` fails `session_not_found` when the call is over.
 *
 * @category models
 * @since 0.1.0
 */
export interface Rest {
  /** Makes a call; succeeds with its id while it rings. */
  readonly dial: (options: DialOptions) => Effect.Effect<string, BackendError>
  /** Takes an incoming call. */
  readonly answer: (callId: string, webhookUrl?: string) => Effect.Effect<void, BackendError>
  /** Ends a call; refuses it when it is not answered yet. */
  readonly hangUp: (callId: string) => Effect.Effect<void, BackendError>
  /** Refuses an incoming call. */
  readonly reject: (callId: string) => Effect.Effect<void, BackendError>
  /** Connects the call to a number or a SIP address; when nobody answers, it stays as it was. */
  readonly transfer: (callId: string, options: TransferRequest) => Effect.Effect<void, BackendError>
  /** Tells the caller's SIP side to call another address. */
  readonly refer: (callId: string, sipAddress: string) => Effect.Effect<void, BackendError>
  /** Connects two calls with each other. */
  readonly bridge: (callId: string, other: string) => Effect.Effect<void, BackendError>
  /** Puts the call into a queue. */
  readonly enqueue: (callId: string, queue: string) => Effect.Effect<void, BackendError>
  /** Plays digits: `0` to `9`, `*`, `#`, `A` to `D`, and `w` for half a second's pause. */
  readonly sendDigits: (callId: string, digits: string) => Effect.Effect<void, BackendError>
  /** Says a text by the carrier's own voice. */
  readonly speak: (callId: string, text: string, language: string) => Effect.Effect<void, BackendError>
  /** Begins a media stream; the parameters come in its `start`. */
  readonly startStream: (
    callId: string,
    stream: StreamOptions,
    parameters?: { readonly [name: string]: string }
  ) => Effect.Effect<void, BackendError>
}

const codeOf = ({ body }: CarrierRequest.Refusal): string | undefined => {
  const errors = body?.["errors"]
  const first: unknown = Array.isArray(errors) ? errors[0] : undefined
  const code = isRecord(first) ? first["code"] : undefined
  return typeof code === "string" || typeof code === "number" ? String(code) : undefined
}

const isOver = (refusal: CarrierRequest.Refusal): boolean =>
  refusal.status === 404 || refusal.status === 422 && codeOf(refusal) === CALL_ENDED

const fieldsOf = ({ authToken, codec, sampleRate, url }: StreamOptions) => ({
  stream_url: url,
  stream_track: "inbound_track",
  stream_codec: codec,
  stream_bidirectional_mode: "rtp",
  stream_bidirectional_codec: codec,
  stream_bidirectional_sampling_rate: sampleRate,
  stream_bidirectional_target_legs: "self",
  ...(authToken === undefined ? {} : { stream_auth_token: Redacted.value(authToken) })
})

/** As the interface takes what it gives back with webhooks. */
const encoded = (state: string): string => Buffer.from(state).toString("base64")

const bodyOf = (options: DialOptions) => ({
  connection_id: options.connectionId,
  to: options.to,
  from: options.from,
  webhook_url: options.webhookUrl,
  webhook_url_method: "POST",
  ...(options.commandId === undefined ? {} : { command_id: options.commandId }),
  ...(options.clientState === undefined
    ? {}
    : { client_state: encoded(options.clientState) }),
  ...(options.ringSeconds === undefined ? {} : { timeout_secs: options.ringSeconds }),
  ...(options.maxSeconds === undefined ? {} : { time_limit_secs: options.maxSeconds }),
  ...(options.machineDetection === undefined ? {} : { answering_machine_detection: options.machineDetection }),
  ...(options.stream === undefined ? {} : fieldsOf(options.stream))
})

/** A response's `data`. */
const dataOf = (response: JsonRecord): JsonRecord => isRecord(response["data"]) ? response["data"] : {}

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = ({ apiKey, client, timeout, url }: RestOptions): Rest => {
  const api: CarrierRequest.CarrierApi = {
    vendor: VENDOR,
    url,
    timeout,
    authorization: Effect.sync(() => Redacted.make(`Bearer ${Redacted.value(apiKey)}`)),
    isOver,
    codeOf
  }
  const command = (op: string, callId: string, name: string, json: { readonly [key: string]: unknown } = {}) =>
    Effect.asVoid(CarrierRequest.send(client, api, {
      op: `TelephonyProvider.${op}`,
      method: "POST",
      path: `/calls/${CarrierRequest.pathPart(callId)}/actions/${name}`,
      body: { json }
    }))
  return {
    dial: Effect.fnUntraced(function*(options) {
      const op = "TelephonyProvider.dial"
      const created = yield* CarrierRequest.send(client, api, {
        op,
        method: "POST",
        path: "/calls",
        body: { json: bodyOf(options) }
      })
      return yield* CarrierRequest.textField(VENDOR, op, dataOf(created), "call_control_id")
    }),
    answer: (callId, webhookUrl) =>
      command("answer", callId, "answer", webhookUrl === undefined ? {} : { webhook_url: webhookUrl }),
    hangUp: (callId) => CarrierRequest.orOver(command("hangUp", callId, "hangup")),
    reject: (callId) => CarrierRequest.orOver(command("reject", callId, "reject", { cause: "CALL_REJECTED" })),
    transfer: (callId, { from, ringSeconds, state, to }) =>
      command("transfer", callId, "transfer", {
        to,
        ...(from === undefined ? {} : { from }),
        ...(ringSeconds === undefined ? {} : { timeout_secs: ringSeconds }),
        ...(state === undefined ? {} : { target_leg_client_state: encoded(state) })
      }),
    refer: (callId, sipAddress) => command("transfer", callId, "refer", { sip_address: sipAddress }),
    bridge: (callId, other) => command("transfer", callId, "bridge", { call_control_id: other }),
    enqueue: (callId, queue) => command("transfer", callId, "enqueue", { queue_name: queue }),
    sendDigits: (callId, digits) => command("sendDigits", callId, "send_dtmf", { digits }),
    speak: (callId, text, language) =>
      command("speak", callId, "speak", { payload: text, language, voice: "female", service_level: "basic" }),
    startStream: (callId, stream, parameters = {}) => {
      const custom = Object.entries(parameters).map(([name, value]) => ({ name, value }))
      return command("startStream", callId, "streaming_start", {
        ...fieldsOf(stream),
        ...(custom.length === 0 ? {} : { custom_parameters: custom })
      })
    }
  }
}
