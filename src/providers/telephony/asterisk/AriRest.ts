/**
 * Commands to Asterisk's REST interface (ARI). One attempt each.
 *
 * A call talks to us in the dialplan (`Dial(WebSocket/…)`), not in an application of ARI: then it survives our process. Of such a
 * channel ARI can be asked for little, to hang it up; what else shall become of it is left in a global variable that the dialplan
 * reads when the stream has ended.
 *
 * https://docs.asterisk.org/Asterisk_22_Documentation/API_Documentation/Asterisk_REST_Interface
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import type * as Redacted from "effect/Redacted"
import type { BackendError } from "../../../BackendError.ts"
import * as CarrierRequest from "../CarrierRequest.ts"

const VENDOR = "asterisk"

/**
 * - `url`: of the interface, such as `http://127.0.0.1:8088/ari`, without a slash at its end.
 * - `authorization`: the header, Basic.
 * - `timeout`: how long an answer may take.
 *
 * @category models
 * @since 0.1.0
 */
export interface AriOptions {
  readonly client: HttpClient.HttpClient
  readonly url: string
  readonly authorization: Redacted.Redacted<string>
  readonly timeout: Duration.Duration
}

/**
 * A call to make.
 *
 * - `channel`: the id that the channel shall have, also that of the call.
 * - `endpoint`: whom to dial, such as `PJSIP/+15550101@trunk`.
 * - `application`: where the channel waits once it is answered.
 * - `ringSeconds`: how long it rings.
 *
 * @category models
 * @since 0.1.0
 */
export interface OriginateOptions {
  readonly channel: string
  readonly endpoint: string
  readonly application: string
  readonly callerId: string
  readonly ringSeconds: number
  readonly variables: { readonly [name: string]: string }
}

/**
 * Commands of a channel fail `session_not_found` when it is gone, but for `hangUp`.
 *
 * @category models
 * @since 0.1.0
 */
export interface AriRest {
  readonly originate: (options: OriginateOptions) => Effect.Effect<void, BackendError>
  /** Sends a channel of the application into the dialplan. */
  readonly goTo: (channel: string, context: string, extension: string) => Effect.Effect<void, BackendError>
  /** Sends the application the events of a channel. */
  readonly subscribe: (application: string, channel: string) => Effect.Effect<void, BackendError>
  readonly hangUp: (channel: string) => Effect.Effect<void, BackendError>
  /** The state of a channel, such as `Up`. */
  readonly state: (channel: string) => Effect.Effect<string, BackendError>
  /** Sets a global variable of the dialplan. */
  readonly setVariable: (name: string, value: string) => Effect.Effect<void, BackendError>
  /** Whether it answers. */
  readonly ping: Effect.Effect<void, BackendError>
}

const op = (name: string) => `TelephonyProvider.${name}`

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = ({ authorization, client, timeout, url }: AriOptions): AriRest => {
  const api: CarrierRequest.CarrierApi = {
    vendor: VENDOR,
    url,
    timeout,
    authorization: Effect.succeed(authorization),
    // 422: an event source that does not exist
    isOver: ({ status }) => status === 404 || status === 422
  }
  const send = (request: CarrierRequest.CarrierRequest) => CarrierRequest.send(client, api, request)
  const channelPath = (channel: string) => `/channels/${encodeURIComponent(channel)}`
  return {
    originate: ({ application, callerId, channel, endpoint, ringSeconds, variables }) =>
      Effect.asVoid(send({
        op: op("dial"),
        method: "POST",
        path: channelPath(channel),
        body: { json: { endpoint, app: application, callerId, timeout: ringSeconds, variables } }
      })),
    goTo: (channel, context, extension) =>
      Effect.asVoid(send({
        op: op("dial"),
        method: "POST",
        path: `${channelPath(channel)}/continue`,
        body: { json: { context, extension, priority: 1 } }
      })),
    subscribe: (application, channel) =>
      Effect.asVoid(send({
        op: op("watch"),
        method: "POST",
        path: `/applications/${encodeURIComponent(application)}/subscription?eventSource=channel:${
          encodeURIComponent(channel)
        }`
      })),
    hangUp: (channel) =>
      CarrierRequest.orOver(
        send({ op: op("hangUp"), method: "DELETE", path: `${channelPath(channel)}?reason=normal` })
      ),
    state: (channel) =>
      Effect.flatMap(
        send({ op: op("dial"), method: "GET", path: channelPath(channel) }),
        (record) => CarrierRequest.textField(VENDOR, op("dial"), record, "state")
      ),
    setVariable: (name, value) =>
      Effect.asVoid(send({
        op: op("transfer"),
        method: "POST",
        path: "/asterisk/variable",
        body: { json: { variable: name, value } }
      })),
    ping: Effect.asVoid(send({ op: op("probe"), method: "GET", path: "/asterisk/info?only=status" }))
  }
}
