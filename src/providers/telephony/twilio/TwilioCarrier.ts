/**
 * The kinds `twilio` and `signalwire`: calls come by a signed webhook, are told by TwiML what to do, and by REST what to do next.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import { type BackendError, InvalidConfig } from "../../../BackendError.ts"
import * as SignalWireStream from "../../../protocols/media-streams/SignalWire.ts"
import * as TwilioStream from "../../../protocols/media-streams/Twilio.ts"
import type { MediaProtocol, MediaStart } from "../../../protocols/MediaProtocol.ts"
import type { Call, Carrier, CarrierHost, CarrierKind } from "../Call.ts"
import { ringSecondsOf } from "../CarrierFields.ts"
import * as GrantedCall from "../GrantedCall.ts"
import * as MediaRoute from "../MediaRoute.ts"
import { secondsOf } from "../OutboundFields.ts"
import * as TwilioApi from "./TwilioApi.ts"
import { SignalWireConfig, TwilioConfig } from "./TwilioConfig.ts"
import * as TwimlCalls from "./TwimlCalls.ts"
import * as TwimlRoutes from "./TwimlRoutes.ts"

/** What a caller hears in a queue, as Twilio has it by itself. */
const TWILIO_MUSIC = "https://twimlets.com/holdmusic?Bucket=com.twilio.music.classical"

/**
 * What differs between the two.
 *
 * - `tokens`, `headers`: see `TwimlRoutes`. `signsHandshake`: whether the stream's handshake is signed as well.
 */
interface Family {
  readonly protocol: MediaProtocol
  readonly api: TwilioApi.TwilioApi
  readonly tokens: ReadonlyArray<Redacted.Redacted<string>>
  readonly headers: ReadonlyArray<string>
  readonly signsHandshake: boolean
  readonly accounts: ReadonlyArray<string>
  readonly codec?: string | undefined
  readonly queueMusic?: string | undefined
}

/** The URL at which the carrier reaches this server. */
const publicUrlOf = ({ publicUrl }: CarrierHost, name: string): Effect.Effect<string, InvalidConfig> =>
  publicUrl !== undefined ? Effect.succeed(publicUrl) : Effect.fail(
    new InvalidConfig({
      op: "TelephonyProvider.connect",
      message: `provider_config.public_url: the carrier "${name}" calls this server back, and needs its URL`,
      details: { path: "provider_config.public_url" }
    })
  )

/** The call of a stream. Who calls whom is told by our answer to the webhook. */
const callOf = (host: CarrierHost, name: string, accounts: ReadonlyArray<string>) => (start: MediaStart) => {
  const { from, to, token, ...parameters } = start.parameters
  return GrantedCall.enter(host, name, token, { ...start, from, to, parameters }, accounts)
}

/** What who makes the call says, else what the options say. A message is left after the machine's. */
const detectionOf = (
  { dial }: Call["details"],
  configured: TwilioConfig["machineDetection"]
): TwilioApi.MachineDetection["until"] | "off" => {
  const machine = dial?.machine
  if (machine === undefined ? configured === "off" : machine.detect !== "carrier") return "off"
  return machine?.onMachine === "leave_message" || configured === "beep" ? "message_end" : "recognised"
}

const dialOf =
  (options: TwilioConfig | SignalWireConfig, { api }: Family, urlOf: TwimlCalls.TwimlCalls["urlOf"]) =>
  (call: Call): Effect.Effect<string, BackendError> =>
    Effect.suspend(() => {
      const { details, session } = call
      const from = details.from ?? options.from
      const until = detectionOf(details, options.machineDetection)
      const missing = (what: string) =>
        Effect.fail(
          new InvalidConfig({
            op: "VoiceBackend.dial",
            message: `expected a number ${what} which to call`,
            details: { path: what }
          })
        )
      if (details.to === undefined) return missing("to")
      if (from === undefined) return missing("from")
      return api.create({
        to: details.to,
        from,
        url: urlOf("answer", session),
        statusCallback: urlOf("status", session),
        timeoutSeconds: ringSecondsOf(details, options.ringTimeout),
        ...(until === "off"
          ? {}
          : { machineDetection: { until, callback: urlOf("machine", session) } })
      })
    })

const make = Effect.fnUntraced(function*(
  options: TwilioConfig | SignalWireConfig,
  host: CarrierHost,
  family: Family
): Effect.fn.Return<Carrier, BackendError> {
  const { name } = options
  const { accounts, api, codec, headers, protocol, queueMusic, signsHandshake, tokens } = family
  const publicUrl = yield* publicUrlOf(host, name)
  const documents = TwimlCalls.make({
    carrier: options,
    publicUrl,
    host,
    transferSeconds: secondsOf(options.ringTimeout),
    codec,
    queueMusic
  })
  const webhooks = yield* TwimlRoutes.make({
    path: host.answerPath,
    publicUrl,
    tokens,
    headers,
    accounts,
    responses: documents.responses
  })
  const socketUrl = publicUrl.replace(/^http/, "ws")
  return {
    name,
    returns: true,
    routes: [
      ...webhooks,
      MediaRoute.make({
        path: host.mediaPath,
        protocol,
        returns: true,
        silence: host.silence,
        admit: (request) =>
          signsHandshake ? TwimlRoutes.check(request, { headers, publicUrl: socketUrl, tokens }, {}) : Effect.void,
        callOf: callOf(host, name, accounts)
      })
    ],
    // while it is transferred it belongs to whoever it is transferred to
    hangUp: (call) => call.isTransferring() ? Effect.void : api.hangUp(call.id() ?? ""),
    transfer: (call, target, how) =>
      Effect.suspend(() => api.redirect(call.id() ?? "", documents.transfer(call, target, how))),
    dial: dialOf(options, family, documents.urlOf)
  }
})

/**
 * @category constants
 * @since 0.1.0
 */
export const twilio: CarrierKind<TwilioConfig> = {
  kind: "twilio",
  config: TwilioConfig,
  make: (options, host) => {
    const { accountSid, apiKey, apiSecret, apiUrl, authToken, edge, nextAuthToken, region } = options
    return make(options, host, {
      protocol: TwilioStream.protocol,
      api: TwilioApi.make(host.client, {
        accountSid,
        credentials: apiKey === undefined || apiSecret === undefined ? { authToken } : { apiKey, apiSecret },
        region,
        edge,
        url: apiUrl?.replace(/\/+$/, ""),
        timeout: host.timeout
      }),
      tokens: nextAuthToken === undefined ? [authToken] : [authToken, nextAuthToken],
      headers: ["x-twilio-signature"],
      signsHandshake: true,
      accounts: options.allowedAccounts ?? [accountSid],
      queueMusic: TWILIO_MUSIC
    })
  }
}

/**
 * @category constants
 * @since 0.1.0
 */
export const signalwire: CarrierKind<SignalWireConfig> = {
  kind: "signalwire",
  config: SignalWireConfig,
  make: (options, host) => {
    const { apiToken, apiUrl, codec, project, signingKey, space } = options
    return make(options, host, {
      protocol: SignalWireStream.protocol,
      api: TwilioApi.make(host.client, {
        vendor: "signalwire",
        accountSid: project,
        credentials: { authToken: apiToken },
        url: apiUrl?.replace(/\/+$/, "") ?? `https://${space}/api/laml/2010-04-01`,
        timeout: host.timeout
      }),
      tokens: [signingKey],
      headers: ["x-signalwire-signature", "x-twilio-signature"],
      // its handshake has no signature: the token alone lets a stream in
      signsHandshake: false,
      accounts: [project],
      codec: codec === "PCMU" ? undefined : codec
    })
  }
}
