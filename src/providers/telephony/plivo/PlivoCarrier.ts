/**
 * The kind `plivo`: calls of a Plivo account.
 *
 * Plivo asks the answer webhook for a document, which connects the call to our WebSocket, with a token in its URL. When that ends and
 * the call does not, the document asks again: the call comes back to its session.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { AuthenticationFailed, AuthorizationFailed, type BackendError, InvalidConfig } from "../../../BackendError.ts"
import { protocol } from "../../../protocols/media-streams/Plivo.ts"
import type { MediaStart } from "../../../protocols/MediaProtocol.ts"
import type { TransferOptions } from "../../../session/call/CallCommand.ts"
import { queryOf } from "../../RouteRequest.ts"
import type { Call, Carrier, CarrierHost, CarrierKind } from "../Call.ts"
import { isTaken, ringSecondsOf } from "../CarrierFields.ts"
import { CloudCalls, idOf, numbersOf, sendDigits } from "../CloudCalls.ts"
import { join } from "../CloudTransfers.ts"
import { mediaUrlOf, publicUrlOf } from "../CloudUrls.ts"
import * as MediaRoute from "../MediaRoute.ts"
import { machineDetectionOf, ownNumber, secondsOf, unsupported } from "../OutboundFields.ts"
import { Replays } from "../Replays.ts"
import * as WebhookRoute from "../WebhookRoute.ts"
import * as Xml from "../Xml.ts"
import { PlivoConfig } from "./PlivoConfig.ts"
import * as PlivoXml from "./PlivoXml.ts"
import * as Rest from "./Rest.ts"
import * as SignedForm from "./SignedForm.ts"
import * as Webhooks from "./Webhooks.ts"

const op = "TelephonyProvider.webhook"
/** Its signatures have no time: nonces are remembered for an hour. */
const REPLAY_MS = 3_600_000
/** How often a document asks again after its stream has ended. */
const MAX_ATTEMPTS = 5

const contentTypes = {
  l16_16000: "audio/x-l16;rate=16000",
  l16_8000: "audio/x-l16;rate=8000",
  mulaw_8000: "audio/x-mulaw;rate=8000"
} as const

const nothing = HttpServerResponse.empty({ status: 200 })
const document = (...elements: ReadonlyArray<Xml.Element>) =>
  HttpServerResponse.text(Xml.response(...elements), { contentType: "application/xml" })

/** What comes of the query of our URLs. */
type Purpose = "stream" | "event" | "transfer" | "transferred" | "warm" | "conference"

/** Plivo writes numbers without a plus sign. */
const numberOf = (number: string): string => /^\+\d+$/u.test(number) ? number.slice(1) : number

class PlivoCarrier {
  readonly #options: PlivoConfig
  readonly #host: CarrierHost
  readonly #base: string
  readonly #rest: Rest.Rest
  readonly #replays = new Replays(REPLAY_MS)
  readonly #calls: CloudCalls
  constructor(options: PlivoConfig, host: CarrierHost, base: string, rest: Rest.Rest) {
    this.#options = options
    this.#host = host
    this.#base = base
    this.#rest = rest
    this.#calls = new CloudCalls({ carrier: options.name, host, renames: true })
  }

  get carrier(): Carrier {
    const { answerPath, mediaPath } = this.#host
    return {
      name: this.#options.name,
      returns: true,
      hangUp: (call) => this.#hangUp(call),
      sendDtmf: sendDigits("Plivo", this.#rest.sendDigits),
      transfer: (call, target, how) => this.#transfer(call, target, how),
      dial: (call) => this.#dial(call),
      routes: [
        WebhookRoute.make("POST", answerPath, (webhook) => this.#onWebhook(webhook)),
        MediaRoute.make({
          path: mediaPath,
          protocol,
          returns: true,
          silence: this.#host.silence,
          admit: (request) =>
            queryOf(request).has("token") ? Effect.void : Effect.fail(
              new AuthenticationFailed({ op: "TelephonyProvider.media", message: "the media stream has no token" })
            ),
          callOf: (start, request) => this.#enter(start, request)
        })
      ]
    }
  }

  #url(purpose: Purpose, more: { readonly [name: string]: string | undefined } = {}): string {
    const query = new URLSearchParams({ purpose })
    for (const [name, value] of Object.entries(more)) if (value !== undefined) query.set(name, value)
    return `${this.#base}${this.#host.answerPath}?${query}`
  }

  #enter(start: MediaStart, request: HttpServerRequest.HttpServerRequest) {
    const query = queryOf(request)
    // the stream tells no numbers: the webhook has put them beside the token
    const known: MediaStart = {
      ...start,
      from: query.get("from") ?? undefined,
      to: query.get("to") ?? undefined
    }
    return this.#calls.enter(query.get("token") ?? undefined, known)
  }

  /** Connects a call to us, by the carrier's id of it or by its session, and asks again afterwards. */
  #stream(
    about: { readonly call?: string | undefined; readonly session?: string | undefined },
    { from, to }: { readonly from?: string | undefined; readonly to?: string | undefined },
    attempt: number
  ): Effect.Effect<HttpServerResponse.HttpServerResponse> {
    return Effect.map(this.#host.tokens.issue({ carrier: this.#options.name, ...about }), (token) => {
      const query = new URLSearchParams({ token })
      if (from !== undefined) query.set("from", from)
      if (to !== undefined) query.set("to", to)
      return document(
        PlivoXml.stream({
          url: `${mediaUrlOf(this.#base, this.#host)}?${query}`,
          contentType: contentTypes[this.#options.audio]
        }),
        PlivoXml.redirect(this.#url("stream", { session: about.session, attempt: String(attempt + 1) }))
      )
    })
  }

  #onWebhook = Effect.fnUntraced(function*(
    this: PlivoCarrier,
    webhook: WebhookRoute.Webhook
  ): Effect.fn.Return<HttpServerResponse.HttpServerResponse, BackendError> {
    const form = yield* SignedForm.read(webhook, { publicUrl: this.#base, authToken: this.#options.authToken })
    yield* WebhookRoute.once(this.#replays, form.nonce)
    const told = Webhooks.event(form.fields)
    if (told === undefined) return yield* new InvalidConfig({ op, message: "the webhook names no call" })
    const { query } = webhook
    const session = query.get("session") ?? undefined
    switch (query.get("purpose")) {
      case "stream":
        return yield* this.#onStream(told, session, Number(query.get("attempt")) || 0)
      case "event":
        this.#calls.tell(told.callId, told.event, session)
        return nothing
      case "transfer":
        return this.#onTransferring(session ?? "")
      case "transferred":
        return yield* this.#onTransferred(told, session ?? "")
      case "warm":
        return yield* this.#onWarm(told, session ?? "")
      case "conference":
        return document(PlivoXml.conference(conferenceOf(session ?? ""), { endOnExit: true }))
      default:
        return yield* this.#onIncoming(told)
    }
  })

  /** A call comes to one of our numbers; or its end is told to the same URL, as the application is configured. */
  #onIncoming(told: Webhooks.PlivoEvent): Effect.Effect<HttpServerResponse.HttpServerResponse, BackendError> {
    if (told.event?.type === "call.ended") {
      this.#calls.tell(told.callId, told.event)
      return Effect.succeed(nothing)
    }
    const { callId, from, to } = told
    if (!isTaken(this.#options, told)) {
      return Effect.fail(new AuthorizationFailed({ op, message: "calls of or to this number are not taken" }))
    }
    return this.#host.refuses()
      ? Effect.succeed(document(PlivoXml.hangUp("busy")))
      : this.#stream({ call: callId }, { from, to }, 0)
  }

  /** The document of a call that was answered, or whose stream has ended: it comes back, unless its session is over. */
  #onStream(told: Webhooks.PlivoEvent, session: string | undefined, attempt: number) {
    const { callId, event, from, to } = told
    this.#calls.tell(callId, event, session)
    const known = this.#calls.streamed(session ?? callId)
    const isOver = known !== undefined && this.#calls.find(callId) !== known
    return isOver || attempt > MAX_ATTEMPTS
      ? Effect.succeed(document(PlivoXml.hangUp()))
      : this.#stream(session === undefined ? { call: callId } : { session }, { from, to }, attempt)
  }

  #onTransferring(session: string) {
    const known = this.#calls.transfers.get(session)
    if (known === undefined) return document(PlivoXml.hangUp())
    const from = ownNumber(known.call) ?? this.#options.from
    return document(PlivoXml.dial(numberOf(known.target), {
      callerId: from === undefined ? undefined : numberOf(from),
      timeoutSeconds: secondsOf(this.#options.ringTimeout),
      eventUrl: this.#url("transferred", { session }),
      actionUrl: this.#url("transferred", { session, ended: "1" })
    }))
  }

  /** The call is with another person, or nobody was reached and it comes back to its session. */
  #onTransferred({ dialAnswered, dialStatus, from, to }: Webhooks.PlivoEvent, session: string) {
    const cause = Webhooks.causeOf(dialStatus)
    if (dialAnswered || dialStatus === "completed") {
      this.#calls.transfers.connected(session)
      return Effect.succeed(dialStatus === undefined ? nothing : document(PlivoXml.hangUp()))
    }
    if (cause === undefined) return Effect.succeed(nothing)
    this.#calls.transfers.failed(session, cause)
    return this.#stream({ session }, { from, to }, 0)
  }

  /** Whoever was called hears the summary, and waits in a conference; the call comes to them there. */
  #onWarm = Effect.fnUntraced(function*(
    this: PlivoCarrier,
    { event }: Webhooks.PlivoEvent,
    session: string
  ): Effect.fn.Return<HttpServerResponse.HttpServerResponse, BackendError> {
    const { transfers } = this.#calls
    if (event?.type === "call.ended") {
      const cause = event.cause === "busy" || event.cause === "no_answer" || event.cause === "failed"
        ? event.cause
        : "rejected"
      transfers.failed(session, cause)
      return nothing
    }
    const known = transfers.take(session)
    if (known === undefined) return document(PlivoXml.hangUp())
    const { call, summary } = known
    const said = summary === undefined ? [] : [PlivoXml.speak(summary, this.#options.language)]
    const url = this.#url("conference", { session })
    yield* join(call, Effect.flatMap(idOf(call), (id) => this.#rest.transfer(id, url)))
    return document(...said, PlivoXml.conference(conferenceOf(session), { endOnExit: true }))
  })

  #hangUp(call: Call): Effect.Effect<void, BackendError> {
    const isWaiting = this.#calls.dialled(call.session) !== undefined
    return this.#calls.hangUp(call, (id) =>
      // one that nobody has answered is a request still
      id === call.id() && !isWaiting
        ? this.#rest.hangUp(id)
        : Effect.andThen(this.#rest.hangUp(id), this.#rest.cancel(id)))
  }

  #dial = Effect.fnUntraced(function*(this: PlivoCarrier, call: Call): Effect.fn.Return<string, BackendError> {
    const { details: { to }, session } = call
    const from = call.details.from ?? this.#options.from
    const machineDetection = machineDetectionOf(call, this.#options.machineDetection)
    const eventUrl = this.#url("event", { session })
    const made = this.#call(to, from, {
      answerUrl: this.#url("stream", { session }),
      ringUrl: eventUrl,
      hangupUrl: eventUrl,
      ringSeconds: ringSecondsOf(call.details, this.#options.ringTimeout),
      machineDetection: machineDetection === "off" ? undefined : { url: eventUrl }
    })
    return yield* this.#calls.dial(call, made)
  })

  #call(
    to: string | undefined,
    from: string | undefined,
    how: Pick<Rest.DialOptions, "answerUrl" | "ringUrl" | "ringSeconds" | "hangupUrl" | "machineDetection">
  ): Effect.Effect<string, BackendError> {
    return Effect.flatMap(numbersOf(to, from), (numbers) =>
      this.#rest.dial({
        to: numberOf(numbers.to),
        from: numberOf(numbers.from),
        ringSeconds: secondsOf(this.#options.ringTimeout),
        ...how
      }))
  }

  #transfer = Effect.fnUntraced(function*(
    this: PlivoCarrier,
    call: Call,
    target: string | { readonly queue: string },
    { summary, warm }: TransferOptions
  ): Effect.fn.Return<void, BackendError> {
    if (typeof target !== "string") return yield* unsupported("TelephonyProvider.transfer", "Plivo has no queues")
    const id = yield* idOf(call)
    const { session } = call
    const transfer = { call, target, summary: summary === "" ? undefined : summary }
    const { transfers } = this.#calls
    if (warm !== true) {
      return yield* transfers.begin(transfer, this.#rest.transfer(id, this.#url("transfer", { session })))
    }
    const url = this.#url("warm", { session })
    const from = ownNumber(call) ?? this.#options.from
    yield* transfers.beginWarm(transfer, this.#call(target, from, { answerUrl: url, hangupUrl: url }))
  })
}

const conferenceOf = (session: string): string => `transfer-${session}`

/**
 * Calls of Plivo. It needs the provider's `public_url`.
 *
 * @category constants
 * @since 0.1.0
 */
export const kind: CarrierKind<PlivoConfig> = {
  kind: "plivo",
  config: PlivoConfig,
  make: Effect.fnUntraced(function*(options, host) {
    const { client, timeout } = host
    const publicUrl = yield* publicUrlOf("Plivo", options.name, host)
    const { apiUrl: url, authId, authToken } = options
    return new PlivoCarrier(options, host, publicUrl, Rest.make({ client, authId, authToken, url, timeout })).carrier
  })
}
