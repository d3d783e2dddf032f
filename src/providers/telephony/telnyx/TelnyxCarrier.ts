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
import * as MediaStream from "../../../protocols/media-streams/MediaStream.ts"
import { dialect } from "../../../protocols/media-streams/Telnyx.ts"
import type { MediaProtocol, MediaStart } from "../../../protocols/MediaProtocol.ts"
import type { TransferOptions } from "../../../session/call/CallCommand.ts"
import type { Call, Carrier, CarrierHost, CarrierKind } from "../Call.ts"
import { isAllowed, ringSecondsOf } from "../CarrierFields.ts"
import * as CarrierRequest from "../CarrierRequest.ts"
import * as GrantedCall from "../GrantedCall.ts"
import * as MediaRoute from "../MediaRoute.ts"
import { machineDetectionOf, ownNumber, secondsOf, unsupported } from "../OutboundFields.ts"
import { RecentCalls } from "../RecentCalls.ts"
import { Replays } from "../Replays.ts"
import * as WebhookRoute from "../WebhookRoute.ts"
import * as Rest from "./Rest.ts"
import * as Signature from "./Signature.ts"
import { TelnyxConfig } from "./TelnyxConfig.ts"
import * as Texml from "./Texml.ts"
import * as Webhooks from "./Webhooks.ts"

const op = "TelephonyProvider.webhook"
const TOKEN_HEADER = "x-telnyx-streaming-auth-token"
/** How often the stream of a call is begun again after it was lost. */
const MAX_ATTEMPTS = 5
const DIAL_TTL_MS = 180_000

const done = HttpServerResponse.empty({ status: 200 })
const document = (xml: string) => HttpServerResponse.text(xml, { contentType: "text/xml" })

const codecs = { l16: "L16", pcmu: "PCMU", pcma: "PCMA" } as const
const encodings = { l16: "l16", pcmu: "mulaw", pcma: "alaw" } as const

/** What webhooks about a leg bring back: what it is of a session's call. */
const stateOf = (kind: "dial" | "transfer" | "warm", session: string): string => `${kind}:${session}`
const ofState = (state: string | undefined): readonly [kind: string, session: string] => {
  const at = state?.indexOf(":") ?? -1
  return state === undefined || at === -1 ? ["", ""] : [state.slice(0, at), state.slice(at + 1)]
}

const protocolOf = ({ byteOrder, codec, sampleRate }: TelnyxConfig): MediaProtocol => {
  const littleEndian = byteOrder === "little_endian"
  return MediaStream.make({ ...dialect, littleEndian }, {
    output: { encoding: encodings[codec], sampleRate: codec === "l16" ? sampleRate : 8_000, littleEndian }
  })
}

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
  /** By session. */
  readonly #dialling = new RecentCalls<Call>()
  readonly #transfers = new RecentCalls<{ readonly call: Call; readonly other?: string; readonly summary?: string }>()

  constructor(options: TelnyxConfig, host: CarrierHost, base: string, rest: Rest.Rest, key: KeyObject) {
    this.#options = options
    this.#host = host
    this.#base = base
    this.#rest = rest
    this.#key = key
  }

  get carrier(): Carrier {
    const { answerPath, mediaPath } = this.#host
    return {
      name: this.#options.name,
      returns: true,
      hangUp: (call) => this.#hangUp(call),
      sendDtmf: (call, digits) => Effect.flatMap(this.#idOf(call), (id) => this.#rest.sendDigits(id, digits)),
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
    const { codec, sampleRate } = this.#options
    return {
      url: `${this.#base.replace(/^http/u, "ws")}${this.#host.mediaPath}`,
      codec: codecs[codec],
      sampleRate: codec === "l16" ? sampleRate : 8_000,
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
    if (!this.#replays.accepts(signature ?? "", MonotonicTime.nowMs(yield* Clock.Clock))) {
      return yield* new AuthenticationFailed({ op, message: "the webhook was accepted before" })
    }
  })

  #isOurs(connectionId: string | undefined): boolean {
    const expected = this.#options.connectionId
    return expected === undefined || connectionId === expected
  }

  #isTaken({ from, to }: { readonly from: string | undefined; readonly to: string | undefined }): boolean {
    const { allowedCallers, allowedNumbers } = this.#options
    return isAllowed(allowedNumbers, to) && isAllowed(allowedCallers, from)
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
    if (!this.#isOurs(call.connectionId) || !this.#isTaken(call)) {
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
    if (kind === "transfer") return this.#onTransferLeg(session, event)
    if (kind === "warm") return this.#onWarmLeg(session, event)
    if (kind === "dial") this.#onDialled(session, event)
    const call = this.#host.calls.find(this.#options.name, callId)
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
    return this.#isTaken(event) && !this.#host.refuses()
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
    const made = this.#dialling.get(session)
    // its id may come here before the response to our request does
    if (made !== undefined && made.id() === undefined) made.named(callId)
    if (event?.type === "call.ended") this.#dialling.take(session)
  }

  #onTransferLeg(session: string, { event, type }: Webhooks.TelnyxEvent): Effect.Effect<void> {
    return Effect.sync(() => {
      if (type === "call.bridged") {
        this.#transfers.take(session)?.call.emit({ type: "call.ended", cause: "transferred" })
      } else if (event?.type === "call.ended") {
        // before it was bridged: the call stays with us
        const cause = event.cause === "busy" || event.cause === "no_answer" || event.cause === "rejected"
          ? event.cause
          : "failed"
        this.#transfers.take(session)?.call.emit({ type: "call.transfer_failed", cause })
      }
    })
  }

  /** Whoever was called hears the summary, and is then bridged with the call. */
  #onWarmLeg = Effect.fnUntraced(function*(
    this: TelnyxCarrier,
    session: string,
    { callId, event, type }: Webhooks.TelnyxEvent
  ): Effect.fn.Return<void, BackendError> {
    const known = this.#transfers.get(session)
    if (type === "call.answered" && known === undefined) return yield* this.#rest.hangUp(callId)
    if (known === undefined) return
    if (type === "call.answered" && known.summary !== undefined) {
      this.#transfers.set(session, { ...known, other: callId })
      return yield* CarrierRequest.orOver(this.#rest.speak(callId, known.summary, this.#options.language ?? "en-US"))
    }
    if (type === "call.answered" || type === "call.speak.ended") {
      this.#transfers.take(session)
      return yield* Effect.flatMap(this.#idOf(known.call), (id) => this.#rest.bridge(id, callId)).pipe(
        Effect.andThen(Effect.sync(() => known.call.emit({ type: "call.ended", cause: "transferred" }))),
        Effect.catch((error) =>
          Effect.andThen(
            Effect.sync(() => known.call.emit({ type: "call.transfer_failed", cause: "failed" })),
            Effect.andThen(this.#rest.hangUp(callId), Effect.fail(error))
          )
        )
      )
    }
    if (event?.type !== "call.ended") return
    this.#transfers.take(session)
    const cause = event.cause === "busy" || event.cause === "no_answer" ? event.cause : "rejected"
    known.call.emit({ type: "call.transfer_failed", cause })
  })

  #idOf(call: Call): Effect.Effect<string, InvalidConfig> {
    const id = call.id()
    return id === undefined
      ? Effect.fail(new InvalidConfig({ op: "TelephonyProvider.call", message: "the call has not been made yet" }))
      : Effect.succeed(id)
  }

  #hangUp(call: Call): Effect.Effect<void, BackendError> {
    const other = this.#transfers.take(call.session)?.other
    this.#dialling.take(call.session)
    return Effect.forEach(
      [call.id(), other].filter((id) => id !== undefined),
      (id) => this.#rest.hangUp(id),
      { discard: true }
    )
  }

  #dial = Effect.fnUntraced(function*(this: TelnyxCarrier, call: Call): Effect.fn.Return<string, BackendError> {
    const { details: { to }, session } = call
    const from = call.details.from ?? this.#options.from
    this.#dialling.set(session, call)
    const token = yield* this.#host.tokens.issue({ carrier: this.#options.name, session }, DIAL_TTL_MS)
    return yield* this.#call(to, from, stateOf("dial", session), token, call).pipe(
      Effect.tapError(() => Effect.sync(() => this.#dialling.take(session)))
    )
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
    const id = yield* this.#idOf(call)
    const { session } = call
    if (typeof target !== "string") {
      if (warm === true) return yield* unsupported("TelephonyProvider.transfer", "a queue hears no summary")
      yield* this.#rest.enqueue(id, target.queue)
      return call.emit({ type: "call.ended", cause: "transferred" })
    }
    const from = ownNumber(call) ?? this.#options.from
    const forget = Effect.sync(() => this.#transfers.take(session))
    if (warm !== true) {
      this.#transfers.set(session, { call })
      const ringSeconds = secondsOf(this.#options.ringTimeout)
      return yield* this.#rest.transfer(id, { to: target, from, ringSeconds, state: stateOf("transfer", session) })
        .pipe(
          Effect.tapError(() => forget)
        )
    }
    this.#transfers.set(session, { call, ...(summary === undefined || summary === "" ? {} : { summary }) })
    const other = yield* this.#call(target, from, stateOf("warm", session), undefined).pipe(
      Effect.tapError(() => forget)
    )
    const known = this.#transfers.get(session)
    if (known?.call === call) this.#transfers.set(session, { ...known, other })
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
    const { client, publicUrl, timeout } = host
    const key = Signature.publicKey(options.publicKey)
    if (publicUrl === undefined || key === undefined) {
      return yield* new InvalidConfig({
        op: "TelephonyProvider.connect",
        message: `carrier ${options.name}: Telnyx calls our webhooks: set provider_config.public_url`,
        details: { missing: publicUrl === undefined ? "public_url" : "public_key" }
      })
    }
    const rest = Rest.make({ client, apiKey: options.apiKey, url: options.apiUrl, timeout })
    return new TelnyxCarrier(options, host, publicUrl, rest, key).carrier
  })
}
