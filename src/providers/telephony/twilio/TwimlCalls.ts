/**
 * The documents of a carrier whose calls are told by TwiML what to do: how a call comes to its session, comes back to it, and goes elsewhere.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { BackendError } from "../../../BackendError.ts"
import type { TransferOptions } from "../../../session/call/CallCommand.ts"
import type { SessionElsewhere } from "../../SessionElsewhere.ts"
import type { Call, CarrierHost, CarrierOptions } from "../Call.ts"
import { isTaken } from "../CarrierFields.ts"
import { mediaUrlOf } from "../CloudUrls.ts"
import * as TwilioWebhook from "./TwilioWebhook.ts"
import * as TwiML from "./TwiML.ts"

/**
 * - `codec`: of the stream, where the carrier lets us choose. Default: its own.
 * - `queueMusic`: what a caller hears in a queue. Default: the carrier's.
 *
 * @category models
 * @since 0.1.0
 */
export interface TwimlCallsOptions {
  readonly carrier: Pick<CarrierOptions, "name" | "language"> & {
    readonly allowedNumbers: ReadonlyArray<string>
    readonly allowedCallers: ReadonlyArray<string>
    readonly transferCallerId?: string | undefined
  }
  readonly publicUrl: string
  readonly host: Pick<CarrierHost, "answerPath" | "mediaPath" | "calls" | "tokens" | "refuses">
  readonly transferSeconds: number
  readonly codec?: string | undefined
  readonly queueMusic?: string | undefined
}

/**
 * A verified request.
 *
 * @category models
 * @since 0.1.0
 */
export interface TwimlRequest {
  readonly call: TwilioWebhook.TwilioCall
  readonly form: URLSearchParams
  readonly query: URLSearchParams
}

/**
 * Answers a request with a document; `undefined` is an empty response.
 *
 * @category models
 * @since 0.1.0
 */
export type Respond = (
  request: TwimlRequest
) => Effect.Effect<string | undefined, BackendError | SessionElsewhere>

/**
 * The answers by the last part of their path, and the documents that a call is told by the interface.
 *
 * @category models
 * @since 0.1.0
 */
export interface TwimlCalls {
  readonly responses: { readonly [path: string]: Respond }
  /** The URL of a response, for a session. */
  readonly urlOf: (path: string, session: string) => string
  readonly transfer: (
    call: Call,
    target: string | { readonly queue: string },
    options: TransferOptions
  ) => string
}

/** How often a call whose stream was lost comes back: a stream that fails at once must not go on for ever. */
const MAX_RETURNS = 8
/** How often it is asked again whether the process that has died has lost its session: each waits for up to 10 s. */
const MAX_WAITS = 12
const MAX_WAIT_SECONDS = 10
/** Parameters of the answer URL and headers of SIP that a session gets. */
const MAX_PARAMETERS = 16
const SIP_HEADER = "SipHeader_"
const own = new Set(["session", "again", "waits", "token", "from", "to", "bodySHA256"])

const NOTHING = TwiML.document()
const END = TwiML.document(TwiML.hangUp)

const numberIn = (query: URLSearchParams, name: string): number => {
  const text = query.get(name) ?? ""
  return /^\d{1,4}$/.test(text) ? Number(text) : 0
}

/** What the answer URL's query and a SIP call's headers tell. */
const parametersOf = ({ form, query }: TwimlRequest): { readonly [name: string]: string } => {
  const given = [
    ...query,
    ...Array.from(form).flatMap(([name, value]) =>
      name.startsWith(SIP_HEADER) ? [[name.slice(SIP_HEADER.length), value] as const] : []
    )
  ]
  return Object.fromEntries(
    given
      .filter(([name, value]) =>
        !own.has(name) && name !== "" && name.length + value.length <= TwiML.MAX_PARAMETER_LENGTH
      )
      .slice(0, MAX_PARAMETERS)
  )
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = ({
  carrier,
  codec,
  host,
  publicUrl,
  queueMusic,
  transferSeconds
}: TwimlCallsOptions): TwimlCalls => {
  const { calls, refuses, tokens } = host
  const { name } = carrier
  /** What whoever answers a warm transfer hears, by session. */
  const summaries = new Map<string, string>()

  const urlOf: TwimlCalls["urlOf"] = (path, session) =>
    `${publicUrl}${host.answerPath.replace(/answer$/, path)}?session=${encodeURIComponent(session)}`

  const mediaUrl = mediaUrlOf(publicUrl, host)

  /** Connects a call to its session. `known`: the session exists. */
  const connect = (
    { call }: TwimlRequest,
    session: string,
    known: boolean,
    { again = 0, parameters = {} }: {
      readonly again?: number
      readonly parameters?: { readonly [name: string]: string }
    } = {}
  ) =>
    Effect.map(
      tokens.issue({ carrier: name, call: call.callSid, ...(known ? { session } : {}) }),
      (token) =>
        TwiML.document(TwiML.connectStream({
          url: mediaUrl,
          action: `${urlOf("ended", session)}&again=${again}`,
          codec,
          parameters: {
            ...parameters,
            ...(call.from === undefined ? {} : { from: call.from }),
            ...(call.to === undefined ? {} : { to: call.to }),
            token
          }
        }))
    )

  /** A call that we have made, or that has come back: its session is here, or was left by another process. */
  const resume = (request: TwimlRequest) =>
    Effect.map(calls.resume(request.query.get("session") ?? ""), (found) => {
      if (found.id() === undefined) found.named(request.call.callSid)
      return found
    })

  const answer: Respond = (request) =>
    Effect.gen(function*() {
      const { call, query } = request
      const session = query.get("session")
      if (session !== null) {
        yield* resume(request)
        return yield* connect(request, session, true)
      }
      const taken = call.direction === "inbound" && isTaken(carrier, call)
      if (!taken) {
        yield* Effect.logInfo("a call was rejected: calls of or to its number are not taken")
        return TwiML.document(TwiML.reject("rejected"))
      }
      if (refuses()) {
        yield* Effect.logWarning("a call was rejected: no further session can be taken")
        return TwiML.document(TwiML.reject("busy"))
      }
      const parameters = parametersOf(request)
      return yield* connect(request, calls.sessionOf(name, call.callSid), false, { parameters })
    })

  /** The stream has ended: by us, by the caller, or because a connection or a process was lost. */
  const ended: Respond = (request) =>
    Effect.gen(function*() {
      const { call, form, query } = request
      const session = query.get("session") ?? ""
      const again = numberIn(query, "again")
      const waits = numberIn(query, "waits")
      const isOver = TwilioWebhook.statusOf(form) !== "answered"
      if (isOver || again >= MAX_RETURNS) {
        calls.find(name, call.callSid)?.emit({ type: "call.ended", cause: isOver ? "user_hung_up" : "failed" })
        return END
      }
      const found = yield* Effect.result(resume(request))
      if (found._tag === "Success") return yield* connect(request, session, true, { again: again + 1 })
      const { failure } = found
      if (failure._tag === "SessionElsewhere") return yield* Effect.fail(failure)
      const retryAfterMs = failure.details?.["retryAfterMs"]
      if (typeof retryAfterMs !== "number" || waits >= MAX_WAITS) return END
      const seconds = Math.max(1, Math.min(MAX_WAIT_SECONDS, Math.ceil(retryAfterMs / 1_000)))
      return TwiML.document(
        TwiML.pause(seconds),
        TwiML.redirect(`${urlOf("ended", session)}&again=${again}&waits=${waits + 1}`)
      )
    })

  /** A transfer is over: they have talked, or the caller comes back to the agent. */
  const transferred: Respond = (request) =>
    Effect.gen(function*() {
      const { form, query } = request
      const session = query.get("session") ?? ""
      summaries.delete(session)
      const found = yield* Effect.result(resume(request))
      if (found._tag === "Failure") {
        return found.failure._tag === "SessionElsewhere"
          ? yield* Effect.fail(found.failure)
          : END
      }
      const told = TwilioWebhook.transferOf(form) ?? "failed"
      // whoever has answered and was not connected has hung up before
      const outcome = told === "connected" && form.has("DialCallStatus") ? "rejected" : told
      if (outcome === "connected") {
        found.success.emit({ type: "call.ended", cause: "transferred" })
        return END
      }
      if (TwilioWebhook.statusOf(form) !== "answered") {
        found.success.emit({ type: "call.ended", cause: "user_hung_up" })
        return END
      }
      found.success.emit({ type: "call.transfer_failed", cause: outcome })
      return yield* connect(request, session, true)
    })

  /** Whoever a call is transferred to has answered: they hear the summary, and are then connected. */
  const reached: Respond = ({ query }) =>
    Effect.sync(() => {
      const session = query.get("session") ?? ""
      const summary = summaries.get(session)
      const joined = TwiML.redirect(urlOf("joined", session))
      // other languages than those with a country have no voice
      const language = carrier.language?.includes("-") === true ? carrier.language : undefined
      return summary === undefined ? TwiML.document(joined) : TwiML.document(TwiML.say(summary, { language }), joined)
    })

  /** They are being connected, or the caller waits in the queue: the agent has done its part. */
  const joined = (document: string): Respond => (request) =>
    Effect.map(Effect.result(resume(request)), (found) => {
      summaries.delete(request.query.get("session") ?? "")
      if (found._tag === "Success" && found.success.isTransferring()) {
        found.success.emit({ type: "call.ended", cause: "transferred" })
      }
      return document
    })

  const status: Respond = (request) =>
    Effect.gen(function*() {
      const { call, form, query } = request
      const told = TwilioWebhook.statusOf(form)
      const found = query.has("session")
        ? yield* Effect.orElseSucceed(resume(request), () => undefined)
        : calls.find(name, call.callSid)
      if (found === undefined || told === undefined || told === "waiting") return undefined
      switch (told) {
        case "ringing":
          found.emit({ type: "call.ringing" })
          break
        case "answered":
          found.emit({ type: "call.answered" })
          break
        case "ended":
          found.emit({ type: "call.ended", cause: "user_hung_up" })
          break
        case "canceled":
          found.emit({ type: "call.ended", cause: "agent_hung_up" })
          break
        default:
          found.emit({ type: "call.ended", cause: told })
      }
      return undefined
    })

  const machine: Respond = (request) =>
    Effect.gen(function*() {
      const result = TwilioWebhook.answeredBy(request.form)
      if (result === undefined) return undefined
      const found = yield* Effect.orElseSucceed(resume(request), () => undefined)
      found?.emit({ type: "call.machine", result, by: "carrier" })
      return undefined
    })

  return {
    responses: {
      answer,
      ended,
      transferred,
      reached,
      status,
      machine,
      joined: joined(NOTHING),
      queued: joined(queueMusic === undefined ? NOTHING : TwiML.document(TwiML.redirect(queueMusic)))
    },
    urlOf,
    transfer: (call, target, { summary, warm }) => {
      const { session } = call
      const action = urlOf("transferred", session)
      if (typeof target !== "string") {
        const waitUrl = queueMusic === undefined ? undefined : urlOf("queued", session)
        return TwiML.document(TwiML.enqueue(target.queue, { action, waitUrl }))
      }
      summaries.delete(session)
      if (warm === true && summary !== undefined) summaries.set(session, summary)
      const url = urlOf("reached", session)
      const isSip = /^sips?:/i.test(target)
      const ofOurs = call.details.direction === "outbound" ? call.details.from : undefined
      return TwiML.document(TwiML.dial(isSip ? { sip: target, url } : { number: target, url }, {
        action,
        callerId: carrier.transferCallerId ?? ofOurs,
        timeoutSeconds: transferSeconds
      }))
    }
  }
}
