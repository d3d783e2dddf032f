/**
 * The kind `vonage`: calls of a Vonage Voice application.
 *
 * Vonage asks the answer webhook what to do with a call; the NCCO connects it to our WebSocket with a token. When that ends and the call
 * does not, Vonage asks the event webhook what comes next: the call comes back to its session.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import {
  type AuthenticationFailed,
  AuthorizationFailed,
  type BackendError,
  InvalidConfig
} from "../../../BackendError.ts"
import { callHeaders, protocol } from "../../../protocols/vonage/VonageProtocol.ts"
import type { TransferOptions } from "../../../session/call/CallCommand.ts"
import type { Call, Carrier, CarrierHost, CarrierKind } from "../Call.ts"
import { isTaken, ringSecondsOf } from "../CarrierFields.ts"
import { CloudCalls, idOf, numbersOf, sendDigits } from "../CloudCalls.ts"
import { joinOrHangUp } from "../CloudTransfers.ts"
import { mediaUrlOf, publicUrlOf } from "../CloudUrls.ts"
import * as MediaRoute from "../MediaRoute.ts"
import { machineDetectionOf, ownNumber, secondsOf, unsupported } from "../OutboundFields.ts"
import { Replays } from "../Replays.ts"
import * as WebhookRoute from "../WebhookRoute.ts"
import * as Ncco from "./Ncco.ts"
import * as Rest from "./Rest.ts"
import * as Signature from "./Signature.ts"
import { VonageConfig } from "./VonageConfig.ts"
import * as VonageUrls from "./VonageUrls.ts"
import * as Webhooks from "./Webhooks.ts"

const op = "TelephonyProvider.webhook"
/** How often a call may come back by the same chain of streams; each that plays begins a new one. */
const MAX_ATTEMPTS = 5
/** A call rings for two minutes at most, then its stream starts. */
const DIAL_TTL_MS = 180_000

/** How the WebSocket's leg ends when the call does not: https://developer.vonage.com/en/voice/voice-api/concepts/websockets#fallback-options */
const lost: ReadonlySet<string> = new Set(["disconnected", "failed", "unanswered", "timeout", "rejected", "busy"])

const nothing = HttpServerResponse.empty({ status: 204 })
const answer = (ncco: Ncco.Ncco) => HttpServerResponse.jsonUnsafe(ncco)

class VonageCarrier {
  readonly #options: VonageConfig
  readonly #host: CarrierHost
  readonly #base: string
  readonly #rest: Rest.Rest
  readonly #eventPath: `/${string}`
  readonly #replays = new Replays(2 * Signature.TOLERANCE_SECONDS * 1_000)
  readonly #calls: CloudCalls

  constructor(options: VonageConfig, host: CarrierHost, base: string, rest: Rest.Rest) {
    this.#options = options
    this.#host = host
    this.#base = base
    this.#rest = rest
    this.#calls = new CloudCalls({ carrier: options.name, host })
    this.#eventPath = `${host.answerPath.slice(0, host.answerPath.lastIndexOf("/"))}/event` as `/${string}`
  }

  get carrier(): Carrier {
    const { answerPath, mediaPath } = this.#host
    return {
      name: this.#options.name,
      returns: true,
      hangUp: (call) => this.#calls.hangUp(call, this.#rest.hangUp),
      sendDtmf: sendDigits("Vonage", this.#rest.sendDigits),
      transfer: (call, target, how) => this.#transfer(call, target, how),
      dial: (call) => this.#dial(call),
      routes: [
        WebhookRoute.make("POST", answerPath, (webhook) => this.#onAnswer(webhook)),
        WebhookRoute.make("GET", answerPath, (webhook) => this.#onAnswer(webhook)),
        WebhookRoute.make("POST", this.#eventPath, (webhook) => this.#onEvent(webhook)),
        MediaRoute.make({
          path: mediaPath,
          protocol,
          returns: true,
          silence: this.#host.silence,
          admit: (request) => this.#admit(request),
          callOf: (start) => this.#calls.enter(start.parameters["token"], start)
        })
      ]
    }
  }

  #eventUrl(about: VonageUrls.About): string {
    const query = VonageUrls.queryOf(about)
    return `${this.#base}${this.#eventPath}${query === "" ? "" : `?${query}`}`
  }

  /** Connects a call to us; the token is good for the call of this id, or for a session's. */
  #stream(
    about: { readonly call?: string | undefined; readonly session?: string | undefined },
    headers: { readonly [name: string]: string | undefined },
    attempt: number,
    ttlMs?: number
  ): Effect.Effect<Ncco.Ncco> {
    const given = Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value] as const]
    )
    return Effect.map(
      this.#host.tokens.issue({ carrier: this.#options.name, ...about }, ttlMs),
      (token) =>
        Ncco.stream({
          url: mediaUrlOf(this.#base, this.#host),
          sampleRate: this.#options.sampleRate,
          headers: { ...Object.fromEntries(given), token },
          authorization: { type: "vonage" },
          eventUrl: this.#eventUrl({ _tag: "Stream", ...about, attempt: attempt + 1 })
        })
    )
  }

  #verify = Effect.fnUntraced(function*(
    this: VonageCarrier,
    { body, request }: WebhookRoute.Webhook
  ): Effect.fn.Return<void, AuthenticationFailed> {
    const nowMs = yield* Clock.currentTimeMillis
    const id = yield* Signature.verify({ authorization: request.headers["authorization"], body, nowMs }, this.#options)
    yield* WebhookRoute.once(this.#replays, id)
  })

  /** The handshake has the account's signature, too; it has no body, and its token may be that of a webhook. */
  #admit(request: HttpServerRequest.HttpServerRequest): Effect.Effect<void, BackendError> {
    return Effect.flatMap(
      Clock.currentTimeMillis,
      (nowMs) =>
        Effect.asVoid(Signature.verify({ authorization: request.headers["authorization"], nowMs }, this.#options))
    )
  }

  #onAnswer = Effect.fnUntraced(function*(
    this: VonageCarrier,
    webhook: WebhookRoute.Webhook
  ): Effect.fn.Return<HttpServerResponse.HttpServerResponse, BackendError> {
    yield* this.#verify(webhook)
    const asked = webhook.method === "GET"
      ? Webhooks.answerOfQuery(webhook.query)
      : Webhooks.answerOfBody(WebhookRoute.textOf(webhook))
    if (asked === undefined) return yield* new InvalidConfig({ op, message: "the webhook names no call" })
    const { callId, from, to } = asked
    if (!isTaken(this.#options, asked)) {
      return yield* new AuthorizationFailed({ op, message: "calls of or to this number are not taken" })
    }
    // without an action the call ends
    if (this.#host.refuses()) return answer([])
    const headers = {
      [callHeaders.callId]: callId,
      [callHeaders.from]: from,
      [callHeaders.to]: to,
      [callHeaders.direction]: "inbound"
    }
    return answer(yield* this.#stream({ call: callId }, headers, 0))
  })

  #onEvent = Effect.fnUntraced(function*(
    this: VonageCarrier,
    webhook: WebhookRoute.Webhook
  ): Effect.fn.Return<HttpServerResponse.HttpServerResponse, BackendError> {
    yield* this.#verify(webhook)
    const told = Webhooks.event(WebhookRoute.textOf(webhook))
    // of the application, or of something else than a call
    if (told === undefined) return nothing
    const about = VonageUrls.aboutOf(webhook.query)
    switch (about._tag) {
      case "Stream":
        return lost.has(told.status) ? yield* this.#onLost(about) : nothing
      case "Transfer":
        return yield* this.#onTransfer(about.session, told)
      case "Warm":
        return yield* this.#onWarm(about.session, told)
      case "Dial":
      case "Application":
        this.#calls.tell(told.callId, told.event, about._tag === "Dial" ? about.session : undefined)
        return nothing
    }
  })

  /** A stream has ended, and the call has not: it comes back, unless its session is over. */
  #onLost({ attempt, call: id, session }: VonageUrls.About & { readonly _tag: "Stream" }) {
    const known = this.#calls.streamed(id ?? session ?? "")
    const isOver = known !== undefined && this.#calls.find(known.id() ?? "") !== known
    if (known?.isTransferring() === true) return Effect.succeed(nothing)
    if (isOver || attempt > MAX_ATTEMPTS || id === undefined && session === undefined) return Effect.succeed(answer([]))
    const { from, to } = known?.details ?? {}
    const headers = { [callHeaders.callId]: id, [callHeaders.from]: from, [callHeaders.to]: to }
    return Effect.map(this.#stream({ call: id, session }, headers, attempt), answer)
  }

  #dial = Effect.fnUntraced(function*(this: VonageCarrier, call: Call): Effect.fn.Return<string, BackendError> {
    const { session } = call
    const machineDetection = machineDetectionOf(call, this.#options.machineDetection)
    const { from, to } = yield* numbersOf(call.details.to, call.details.from ?? this.#options.from)
    const headers = { [callHeaders.from]: from, [callHeaders.to]: to, [callHeaders.direction]: "outbound" }
    const ncco = yield* this.#stream({ session }, headers, 0, DIAL_TTL_MS)
    const made = this.#rest.dial({
      to,
      from,
      answer: { ncco },
      eventUrl: this.#eventUrl({ _tag: "Dial", session }),
      ringSeconds: ringSecondsOf(call.details, this.#options.ringTimeout),
      machineDetection: machineDetection === "off"
        ? undefined
        : { mode: machineDetection === "beep" ? "detect_beep" : "detect" }
    })
    return yield* this.#calls.dial(call, made)
  })

  #transfer = Effect.fnUntraced(function*(
    this: VonageCarrier,
    call: Call,
    target: string | { readonly queue: string },
    { summary, warm }: TransferOptions
  ): Effect.fn.Return<void, BackendError> {
    const transferOp = "TelephonyProvider.transfer"
    if (typeof target !== "string") return yield* unsupported(transferOp, "Vonage has no queues")
    const id = yield* idOf(call)
    const { session } = call
    const { transfers } = this.#calls
    const from = ownNumber(call) ?? this.#options.from
    const ringSeconds = secondsOf(this.#options.ringTimeout)
    if (warm !== true) {
      const eventUrl = this.#eventUrl({ _tag: "Transfer", session })
      const ncco = Ncco.connect(target, { from, timeoutSeconds: ringSeconds, eventUrl })
      return yield* transfers.begin({ call, target }, this.#rest.transfer(id, ncco))
    }
    if (from === undefined) {
      return yield* new InvalidConfig({
        op: transferOp,
        message: "a call needs a number of ours",
        details: { missing: "from" }
      })
    }
    const said = summary === undefined || summary === "" ? [] : Ncco.talk(summary, this.#options.language)
    const dialled = this.#rest.dial({
      to: target,
      from,
      answer: { ncco: [...said, ...Ncco.conversation(conversationOf(session), { endOnExit: true })] },
      eventUrl: this.#eventUrl({ _tag: "Warm", session }),
      ringSeconds
    })
    yield* transfers.beginWarm({ call, target }, dialled)
  })

  /** The call is with another person, or nobody was reached and it comes back to its session. */
  #onTransfer(session: string, { status }: Webhooks.VonageEvent) {
    const cause = Webhooks.causeOf(status)
    if (status === "answered") {
      this.#calls.transfers.connected(session)
      return Effect.succeed(nothing)
    }
    if (cause === undefined) return Effect.succeed(nothing)
    const { from, to } = this.#calls.transfers.failed(session, cause)?.details ?? {}
    return Effect.map(
      this.#stream({ session }, { [callHeaders.from]: from, [callHeaders.to]: to }, 0),
      answer
    )
  }

  /** Whoever was called hears the summary, and waits in a conversation; the call comes to them there. */
  #onWarm = Effect.fnUntraced(function*(
    this: VonageCarrier,
    session: string,
    { callId, status }: Webhooks.VonageEvent
  ): Effect.fn.Return<HttpServerResponse.HttpServerResponse, BackendError> {
    const cause = Webhooks.causeOf(status)
    if (status !== "answered" && status !== "completed" && cause === undefined) return nothing
    const call = this.#calls.transfers.take(session)?.call
    if (call === undefined) {
      // nobody is there to be connected any more
      if (status === "answered") yield* this.#rest.hangUp(callId)
      return nothing
    }
    if (status !== "answered") {
      call.emit({ type: "call.transfer_failed", cause: cause ?? "rejected" })
      return nothing
    }
    const moved = Ncco.conversation(conversationOf(session), { endOnExit: true })
    const connect = Effect.flatMap(idOf(call), (id) => this.#rest.transfer(id, moved))
    yield* joinOrHangUp(call, connect, this.#rest.hangUp(callId))
    return nothing
  })
}

const conversationOf = (session: string): string => `transfer-${session}`

/**
 * Calls of Vonage. It needs the provider's `public_url`.
 *
 * @category constants
 * @since 0.1.0
 */
export const kind: CarrierKind<VonageConfig> = {
  kind: "vonage",
  config: VonageConfig,
  make: Effect.fnUntraced(function*(options, host) {
    const { client, timeout } = host
    const publicUrl = yield* publicUrlOf("Vonage", options.name, host)
    const key = yield* Signature.privateKey(options.privateKey)
    const rest = Rest.make({ client, applicationId: options.applicationId, key, url: options.apiUrl, timeout })
    return new VonageCarrier(options, host, publicUrl, rest).carrier
  })
}
