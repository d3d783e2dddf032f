/**
 * A telephone call of this process, and what carriers can do with it.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { ProviderRoute } from "../../backend/provider/BackendProvider.ts"
import type { BackendError } from "../../BackendError.ts"
import type { SilenceClock } from "../../protocols/SilenceClock.ts"
import type { TransferOptions } from "../../session/call/CallCommand.ts"
import type { CallEvent } from "../../session/call/CallControl.ts"
import type { CallDetails } from "../../session/call/CallDetails.ts"
import type { SessionElsewhere } from "../SessionElsewhere.ts"
import type { Link } from "../SessionLinks.ts"
import type { StreamTokens } from "./StreamTokens.ts"

/**
 * A call that has a session in this process.
 *
 * @category models
 * @since 0.1.0
 */
export interface Call {
  /** The id of its session. */
  readonly session: string
  readonly details: CallDetails
  /** The carrier's id of it; `undefined` while an outbound call has not been taken by the carrier. */
  readonly id: () => string | undefined
  /** The carrier's id of an outbound call is known now; or the call goes on under another one. */
  readonly named: (id: string) => void
  readonly link: Link
  /** Tells the session what happens to the call. Nothing follows `call.ended`. */
  readonly emit: (event: CallEvent) => void
  /**
   * Whether the call is being transferred: the end of its media stream is not the end of the call then. Ends with `call.ended` or
   * `call.transfer_failed`.
   */
  readonly isTransferring: () => boolean
}

/**
 * A call that a carrier brings to us.
 *
 * @category models
 * @since 0.1.0
 */
export interface IncomingCall {
  /** The carrier's id of it. */
  readonly id: string
  readonly from?: string | undefined
  readonly to?: string | undefined
  readonly parameters?: { readonly [name: string]: string } | undefined
  /** Of the caller's audio, in Hz, as the stream tells it: a recogniser that takes this rate is given the audio as it is. Default: unknown. */
  readonly inputSampleRate?: number | undefined
}

/**
 * The calls of this process.
 *
 * @category models
 * @since 0.1.0
 */
export interface Calls {
  /**
   * The call of a carrier whose media stream has come, with its session: the one that it has here, the one that another process has left, or a new one.
   * Fails like `createSession`.
   */
  readonly enter: (carrier: string, call: IncomingCall) => Effect.Effect<Call, BackendError, Scope.Scope>
  /**
   * The call of a session that exists, here or left by another process, and that comes back or was made by us. Fails `session_not_found`
   * when it has ended, and `SessionElsewhere` when another node has it.
   */
  readonly resume: (session: string) => Effect.Effect<Call, BackendError | SessionElsewhere>
  /** The id of the session that a carrier's inbound call has, if it has one. */
  readonly sessionOf: (carrier: string, id: string) => string
  /** A call of this process by the carrier's id of it. */
  readonly find: (carrier: string, id: string) => Call | undefined
}

/**
 * What the provider offers to a carrier.
 *
 * - `publicUrl`: the base URL at which the carrier reaches this server, without a slash at its end; `undefined` where none is configured.
 * - `answerPath`, `mediaPath`: the carrier's paths below it: `/telephony/{carrier}/answer`, `/telephony/{carrier}/media`.
 * - `silence`: the clock of all media streams, for those that send nothing while nobody speaks.
 * - `refuses`: no call can be taken now: the backend is not running, draining, full or overloaded.
 *
 * @category models
 * @since 0.1.0
 */
export interface CarrierHost {
  readonly publicUrl: string | undefined
  readonly answerPath: `/${string}`
  readonly mediaPath: `/${string}`
  readonly calls: Calls
  readonly tokens: StreamTokens
  readonly silence: SilenceClock["Service"]
  readonly refuses: () => boolean
  readonly client: HttpClient.HttpClient
  /** How long a request to the carrier may take. */
  readonly timeout: Duration.Duration
}

/**
 * A configured carrier.
 *
 * - `routes`: its webhooks and media streams; they respond to failures themselves.
 * - `returns`: whether a call whose media stream was lost can come back to us. If not, its session ends with the stream.
 * - `hangUp`: ends the call at the carrier; succeeds when it is over already. It runs when the session has ended and its stream is closed.
 * - `dial`: makes the call of a session, as `details.dial` says; succeeds with the carrier's id of it when the carrier has taken the
 *   order. Not interrupted; to be bounded in time. A failure that is no refusal (`connection_failed`, `timeout`, …) counts as a call that may
 *   have been made.
 * - `inputSampleRate`: of the audio of the calls that it makes, in Hz, where it is known before it comes. Default: unknown.
 * - `check`: whether the carrier answers, for the health of the provider. Default: it is not asked.
 *
 * @category models
 * @since 0.1.0
 */
export interface Carrier {
  readonly name: string
  readonly routes: ReadonlyArray<ProviderRoute>
  readonly returns: boolean
  readonly hangUp: (call: Call) => Effect.Effect<void, BackendError>
  readonly sendDtmf?: ((call: Call, digits: string) => Effect.Effect<void, BackendError>) | undefined
  readonly transfer?:
    | ((
      call: Call,
      target: string | { readonly queue: string },
      options: TransferOptions
    ) => Effect.Effect<void, BackendError>)
    | undefined
  readonly dial?: ((call: Call) => Effect.Effect<string, BackendError>) | undefined
  readonly inputSampleRate?: number | undefined
  readonly check?: Effect.Effect<void, BackendError> | undefined
}

/**
 * A kind of carrier, as `provider_config.carriers[].kind` names it.
 *
 * @category models
 * @since 0.1.0
 */
export interface CarrierKind<Options extends CarrierOptions = CarrierOptions> {
  readonly kind: Options["kind"]
  readonly config: Schema.Codec<Options, unknown>
  readonly make: (options: Options, host: CarrierHost) => Effect.Effect<Carrier, BackendError, Scope.Scope>
}

/**
 * What every carrier's options have; see `CarrierFields`.
 *
 * @category models
 * @since 0.1.0
 */
export interface CarrierOptions {
  readonly name: string
  readonly kind: string
  readonly agent?: string | undefined
  readonly language?: string | undefined
  readonly dtmfInBand?: boolean | undefined
  readonly numbers: {
    readonly [number: string]: { readonly agent?: string | undefined; readonly language?: string | undefined }
  }
  readonly allowedNumbers: ReadonlyArray<string>
  /** The number that calls are made from where a request names none; of kinds that have one. */
  readonly from?: string | undefined
  readonly maxConcurrentCalls?: number | undefined
  readonly callsPerSecond: number
}
