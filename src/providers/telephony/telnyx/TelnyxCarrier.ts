/**
 * The kind `telnyx`: calls of a Telnyx Call Control application, or of a TeXML one.
 *
 * A Call Control application tells of a call in JSON: it is answered and its media stream begun by the REST interface. A TeXML application asks
 * for a document, which has the stream. Streams bring a token: in a header of the handshake, or as a parameter.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Redacted from "effect/Redacted"
import type { KeyObject } from "node:crypto"
import { AuthenticationFailed, AuthorizationFailed, type BackendError, InvalidConfig } from "../../../BackendError.ts"
import * as MonotonicTime from "../../../MonotonicTime.ts"
import type { MediaStart } from "../../../protocols/MediaProtocol.ts"
import type { TransferOptions } from "../../../session/call/CallCommand.ts"
import type { Call, Carrier, CarrierHost, CarrierKind } from "../Call.ts"
import { isTaken, ringSecondsOf } from "../CarrierFields.ts"
import * as CarrierRequest from "../CarrierRequest.ts"
import { CloudCalls, idOf } from "../CloudCalls.ts"
import { mediaUrlOf, publicUrlOf } from "../CloudUrls.ts"
import * as GrantedCall from "../GrantedCall.ts"
import * as MediaRoute from "../MediaRoute.ts"
import { machineDetectionOf, ownNumber, secondsOf, unsupported } from "../OutboundFields.ts"
import { RecentCalls } from "../RecentCalls.ts"
import { Replays } from "../Replays.ts"
import * as WebhookRoute from "../WebhookRoute.ts"
import { ofState, stateOf } from "./ClientState.ts"
import * as Rest from "./Rest.ts"
import * as Signature from "./Signature.ts"
import { formatOf, protocolOf } from "./TelnyxAudio.ts"
import { TelnyxConfig } from "./TelnyxConfig.ts"
import * as Texml from "./Texml.ts"
import * as TransferLegs from "./TransferLegs.ts"
import * as Webhooks from "./Webhooks.ts"

const op = "TelephonyProvider.webhook"
const TOKEN_HEADER = "x-telnyx-streaming-auth-token"
/** How often the stream of a call is begun again after it was lost. */
const MAX_ATTEMPTS = 5
const DIAL_TTL_MS = 180_000

const done = HttpServerResponse.empty({ status: 200 })
const document = (xml: string) => HttpServerResponse.text(xml, { contentType: "text/xml" })

class TelnyxCarrier {
  readonly #options: TelnyxConfig
  readonly #host: CarrierHost
  readonly #base: string
  readonly #rest: Rest.Rest
  readonly #key: KeyObject
  readonly #replays = new Replays(2 * Signature.TOLERANCE_SECONDS * 1_000)
  /** Ids of events: a retry is signed anew. */
  readonly #events = new Replays(2 * Signature.TOLERANCE_SECONDS * 1_000)
  /** By the carrier's id: calls whose stream this process has had, and how often it was begun. */
  readonly #streams = new RecentCalls<{ readonly call: Call | undefined; readonly attempts: number }>()
  readonly #calls: CloudCalls

  constructor(options: TelnyxConfig, host: CarrierHost, base: string, rest: Rest.Rest, key: KeyObject) {
    this.#options = options
    this.#host = host
    this.#base = base
    this.#rest = rest
    this.#calls = new CloudCalls({ carrier: options.name, host })
    this.#key = key
  }

  get carrier(): Carrier {
    const { answerPath, mediaPath } = this.#host
    return {
      name: this.#options.name,
      returns: true,
      hangUp: (call) => this.#calls.hangUp(call, this.#rest.hangUp),
      sendDtmf: (call, digits) => Effect.flatMap(idOf(call), (id) => this.#rest.sendDigits(id, digits)),
      transfer: (call, target, how) => this.#transfer(call, target, how),
      dial: (call) => this.#dial(call),
      routes: [
        WebhookRoute.make("POST", answerPath, (webhook) => this.#onWebhook(webhook)),
        MediaRoute.make({
          path: mediaPath,
          protocol: protocolOf(this.#options),
          returns: true,
          silence: this.#host.silence,
          // a TeXML application's stream has its token in its first messages only
          admit: () => Effect.void,
          callOf: (start, request) => this.#enter(start, request)
        })
      ]
    }
  }

  get #webhookUrl(): string {
    return `${this.#base}${this.#host.answerPath}`
  }

  #enter(start: MediaStart, { headers }: HttpServerRequest.HttpServerRequest) {
    const token = headers[TOKEN_HEADER] ?? start.parameters["token"]
    return Effect.tap(GrantedCall.enter(this.#host, this.#options.name, token, start), (call) =>
      Effect.sync(() => {
        const attempts = this.#streams.get(start.callId)?.attempts ?? 0
        this.#streams.set(start.callId, { call, attempts })
      }))
  }

  #streamOf(token: string | undefined): Rest.StreamOptions {
    return {
      ...formatOf(this.#options),
      url: mediaUrlOf(this.#base, this.#host),
      authToken: token === undefined ? undefined : Redacted.make(token)
    }
  }

  #verify = Effect.fnUntraced(function*(
    this: TelnyxCarrier,
    { body, request }: WebhookRoute.Webhook
  ): Effect.fn.Return<void, AuthenticationFailed> {
    const nowMs = yield* Clock.currentTimeMillis
    const signature = request.headers["telnyx-signature-ed25519"]
    const timestamp = request.headers["telnyx-timestamp"]
    if (!Signature.verify({ signature, timestamp, body, nowMs }, this.#key)) {
      return yield* new AuthenticationFailed({ op, message: "the webhook's signature is missing, invalid or too old" })
    }
    yield* WebhookRoute.once(this.#replays, signature ?? "")
  })

  #isOurs(connectionId: string | undefined): boolean {
    const expected = this.#options.connectionId
    return expected === undefined || connectionId === expected
  }

  #onWebhook = Effect.fnUntraced(function*(
    this: TelnyxCarrier,
    webhook: WebhookRoute.Webhook
  ): Effect.fn.Return<HttpServerResponse.HttpServerResponse, BackendError> {
    yield* this.#verify(webhook)
    const text = WebhookRoute.textOf(webhook)
    if (webhook.request.headers["content-type"]?.startsWith("application/x-www-form-urlencoded") === true) {
      return yield* this.#onTexml(text)
    }
    const event = Webhooks.event(text)
    // of something else than a call, or a retry
    if (event === undefined || !this.#events.accepts(event.id, MonotonicTime.nowMs(yield* Clock.Clock))) return done
    if (!this.#isOurs(event.connectionId)) {
      return yield* new AuthorizationFailed({ op, message: "calls of this application are not taken" })
    }
    yield* this.#onEvent(event)
    return done
  })

  #onTexml = Effect.fnUntraced(function*(
    this: TelnyxCarrier,
    text: string
  ): Effect.fn.Return<HttpServerResponse.HttpServerResponse, BackendError> {
    const call = Webhooks.texml(text)
    if (call === undefined) return yield* new InvalidConfig({ op, message: "the webhook names no call" })
    if (!this.#isOurs(call.connectionId) || !isTaken(this.#options, call)) {
      return yield* new AuthorizationFailed({ op, message: "calls of this application or number are not taken" })
    }
    if (this.#host.refuses()) return document(Texml.hangUp())
    const token = yield* this.#host.tokens.issue({ carrier: this.#options.name, call: call.callId })
    return document(Texml.stream(this.#streamOf(undefined), { token }))
  })

  /** What a leg of ours has to say; a command that comes too late is no failure of the webhook. */
  #onEvent(event: Webhooks.TelnyxEvent): Effect.Effect<void, BackendError> {
    const { callId, clientState, incoming, type } = event
    const [kind, session] = ofState(clientState)
    if (kind === "transfer") return Effect.sync(() => TransferLegs.onPlain(this.#calls.transfers, session, event))
    if (kind === "warm") {
      const { language = "en-US" } = this.#options
      return TransferLegs.onWarm({ transfers: this.#calls.transfers, rest: this.#rest, language }, session, event)
    }
    if (kind === "dial") this.#onDialled(session, event)
    const call = this.#calls.find(callId)
    switch (type) {
      case "call.initiated":
        return incoming ? this.#onIncoming(event) : Effect.void
      case "call.answered":
        if (incoming) return CarrierRequest.orOver(this.#begin(callId))
        break
      case "streaming.stopped":
      case "streaming.failed":
        return CarrierRequest.orOver(this.#onLost(callId, call))
    }
    if (call !== undefined && event.event !== undefined) call.emit(event.event)
    return Effect.void
  }

  #onIncoming(event: Webhooks.TelnyxEvent): Effect.Effect<void, BackendError> {
    const { callId } = event
    return isTaken(this.#options, event) && !this.#host.refuses()
      ? CarrierRequest.orOver(this.#rest.answer(callId))
      : this.#rest.reject(callId)
  }

  /** Begins the media stream of an incoming call. */
  #begin(callId: string): Effect.Effect<void, BackendError> {
    return Effect.flatMap(
      this.#host.tokens.issue({ carrier: this.#options.name, call: callId }),
      (token) => this.#rest.startStream(callId, this.#streamOf(token))
    )
  }

  /** A stream has ended, and perhaps the call has not: it comes back, unless its session is over. */
  #onLost(callId: string, call: Call | undefined): Effect.Effect<void, BackendError> {
    const known = this.#streams.get(callId)
    const attempts = (known?.attempts ?? 0) + 1
    // another process may have had it: then nothing is known here
    if (known?.call !== undefined && known.call !== call) return Effect.void
    if (call?.isTransferring() === true || attempts > MAX_ATTEMPTS) return Effect.void
    this.#streams.set(callId, { call: known?.call, attempts })
    if (call?.details.direction !== "outbound") return this.#begin(callId)
    return Effect.flatMap(
      this.#host.tokens.issue({ carrier: this.#options.name, session: call.session }),
      (token) => this.#rest.startStream(callId, this.#streamOf(token))
    )
  }

  #onDialled(session: string, { callId, event }: Webhooks.TelnyxEvent): void {
    this.#calls.named(session, callId)
    if (event?.type === "call.ended") this.#calls.dialled(session)
  }

  #dial = Effect.fnUntraced(function*(this: TelnyxCarrier, call: Call): Effect.fn.Return<string, BackendError> {
    const { details: { to }, session } = call
    const from = call.details.from ?? this.#options.from
    const token = yield* this.#host.tokens.issue({ carrier: this.#options.name, session }, DIAL_TTL_MS)
    return yield* this.#calls.dial(call, this.#call(to, from, stateOf("dial", session), token, call))
  })

  #call = Effect.fnUntraced(function*(
    this: TelnyxCarrier,
    to: string | undefined,
    from: string | undefined,
    clientState: string,
    token: string | undefined,
    dialled?: Call
  ): Effect.fn.Return<string, BackendError> {
    const { connectionId, ringTimeout } = this.#options
    const machineDetection = dialled === undefined
      ? "off"
      : machineDetectionOf(dialled, this.#options.machineDetection)
    const missing = to === undefined
      ? "to"
      : from === undefined
      ? "from"
      : connectionId === undefined
      ? "connection_id"
      : ""
    if (to === undefined || from === undefined || connectionId === undefined) {
      return yield* new InvalidConfig({
        op: "TelephonyProvider.dial",
        message: "a call needs the number to call, ours to call with, and the connection_id of the application",
        details: { missing }
      })
    }
    return yield* this.#rest.dial({
      to,
      from,
      connectionId,
      webhookUrl: this.#webhookUrl,
      clientState,
      // a session has one call, but may be transferred more than once
      commandId: token === undefined ? undefined : clientState,
      ringSeconds: dialled === undefined ? secondsOf(ringTimeout) : ringSecondsOf(dialled.details, ringTimeout),
      machineDetection: machineDetection === "off"
        ? undefined
        : machineDetection === "beep"
        ? "detect_beep"
        : "detect",
      stream: token === undefined ? undefined : this.#streamOf(token)
    })
  })

  #transfer = Effect.fnUntraced(function*(
    this: TelnyxCarrier,
    call: Call,
    target: string | { readonly queue: string },
    { summary, warm }: TransferOptions
  ): Effect.fn.Return<void, BackendError> {
    const id = yield* idOf(call)
    const { session } = call
    if (typeof target !== "string") {
      if (warm === true) return yield* unsupported("TelephonyProvider.transfer", "a queue hears no summary")
      yield* this.#rest.enqueue(id, target.queue)
      return call.emit({ type: "call.ended", cause: "transferred" })
    }
    const from = ownNumber(call) ?? this.#options.from
    const { transfers } = this.#calls
    if (warm !== true) {
      const ringSeconds = secondsOf(this.#options.ringTimeout)
      const state = stateOf("transfer", session)
      return yield* transfers.begin(
        { call, target },
        this.#rest.transfer(id, { to: target, from, ringSeconds, state })
      )
    }
    yield* transfers.beginWarm(
      { call, target, summary: summary === "" ? undefined : summary },
      this.#call(target, from, stateOf("warm", session), undefined)
    )
  })
}

/**
 * Calls of Telnyx. It needs the provider's `public_url`.
 *
 * @category constants
 * @since 0.1.0
 */
export const kind: CarrierKind<TelnyxConfig> = {
  kind: "telnyx",
  config: TelnyxConfig,
  make: Effect.fnUntraced(function*(options, host) {
    const { client, timeout } = host
    const publicUrl = yield* publicUrlOf("Telnyx", options.name, host)
    const key = Signature.publicKey(options.publicKey)
    if (key === undefined) {
      return yield* new InvalidConfig({
        op: "TelephonyProvider.connect",
        message: `carrier ${options.name}: expected the account's public key`,
        details: { missing: "public_key" }
      })
    }
    const rest = Rest.make({ client, apiKey: options.apiKey, url: options.apiUrl, timeout })
    return new TelnyxCarrier(options, host, publicUrl, rest, key).carrier
  })
}
