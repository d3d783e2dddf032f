/**
 * The webhooks of a carrier that signs as Twilio does: each request is verified before anything of it counts, and counts once.
 *
 * @since 0.1.0
 */
import * as ByteSize from "effect/ByteSize"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import * as HttpRouter from "effect/http/HttpRouter"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import type * as Redacted from "effect/Redacted"
import type { ProviderRoute } from "../../../backend/provider/BackendProvider.ts"
import { AuthenticationFailed, AuthorizationFailed, InvalidConfig } from "../../../BackendError.ts"
import * as MonotonicTime from "../../../MonotonicTime.ts"
import * as Problem from "../../../transport/Problem.ts"
import { queryOf } from "../../RouteRequest.ts"
import * as SessionElsewhere from "../../SessionElsewhere.ts"
import { AnsweredRequests } from "../AnsweredRequests.ts"
import * as Signature from "./Signature.ts"
import * as TwilioWebhook from "./TwilioWebhook.ts"
import * as TwiML from "./TwiML.ts"
import type { Respond } from "./TwimlCalls.ts"

/**
 * The largest accepted webhook: 64 KiB, many times what a call has.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_WEBHOOK_BYTES = 65_536

/**
 * - `path`: of the answer URL; the others have their name in place of `answer`.
 * - `publicUrl`: as the carrier signs it. `tokens`: with which it signs. `header`: the names of the header, in lower case.
 * - `accounts`: whose calls are taken.
 *
 * @category models
 * @since 0.1.0
 */
export interface TwimlRoutesOptions {
  readonly path: `/${string}`
  readonly publicUrl: string
  readonly tokens: ReadonlyArray<Redacted.Redacted<string>>
  readonly headers: ReadonlyArray<string>
  readonly accounts: ReadonlyArray<string>
  readonly responses: { readonly [path: string]: Respond }
}

const op = "TelephonyProvider.webhook"

const bodyOf = (request: HttpServerRequest.HttpServerRequest) =>
  request.text.pipe(
    Effect.provideService(HttpIncomingMessage.MaxBodySize, ByteSize.bytes(MAX_WEBHOOK_BYTES)),
    Effect.mapError(() => new InvalidConfig({ op, message: "the webhook's body is too large, or was truncated" }))
  )

/**
 * The header of a signature, by the first name that the request has.
 *
 * @category accessors
 * @since 0.1.0
 */
export const signatureOf = (
  request: Pick<HttpServerRequest.HttpServerRequest, "headers">,
  names: ReadonlyArray<string>
): string | undefined => names.map((name) => request.headers[name]).find((value) => value !== undefined)

/**
 * Whether a request to this path is signed, at the public URL.
 *
 * @category operations
 * @since 0.1.0
 */
export const check = (
  request: Pick<HttpServerRequest.HttpServerRequest, "headers" | "originalUrl">,
  { headers, publicUrl, tokens }: Pick<TwimlRoutesOptions, "headers" | "publicUrl" | "tokens">,
  body: { readonly form?: string; readonly body?: string }
): Effect.Effect<void, AuthenticationFailed> => {
  const isSigned = Signature.verify(tokens, {
    url: `${publicUrl}${request.originalUrl.replace(/^https?:\/\/[^/]*/, "")}`,
    signature: signatureOf(request, headers),
    settings: request.headers["x-twilio-webhooks-signature-settings"],
    ...body
  })
  return isSigned ? Effect.void : Effect.fail(
    new AuthenticationFailed({
      op,
      message: "invalid signature: not signed with the configured token for the URL below the configured public_url"
    })
  )
}

const isForm = (request: HttpServerRequest.HttpServerRequest): boolean =>
  request.headers["content-type"]?.toLowerCase().startsWith("application/x-www-form-urlencoded") === true

const respond = (document: string) =>
  document === ""
    ? HttpServerResponse.empty({ status: 204 })
    : HttpServerResponse.text(document, { contentType: TwiML.CONTENT_TYPE })

/**
 * Makes the routes. They answer 401 to what is not signed, 403 to the calls of another account and to a request that is replayed, 400 to
 * one without a call.
 *
 * @category routes
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  options: TwimlRoutesOptions
): Effect.fn.Return<ReadonlyArray<ProviderRoute>> {
  const clock = yield* Clock.Clock
  const answered = new AnsweredRequests()

  const handle = (answer: Respond) => (request: HttpServerRequest.HttpServerRequest) =>
    Effect.gen(function*() {
      const query = queryOf(request)
      const session = query.get("session")
      if (session !== null) yield* SessionElsewhere.check(session)
      const body = yield* bodyOf(request)
      yield* check(request, options, isForm(request) ? { form: body } : { body })
      const form = new URLSearchParams(isForm(request) ? body : "")
      const call = TwilioWebhook.callOf(form)
      if (call === undefined) return yield* new InvalidConfig({ op, message: "the webhook has no call" })
      if (!options.accounts.includes(call.accountSid)) {
        return yield* new AuthorizationFailed({ op, message: "calls of this account are not taken" })
      }
      const key = signatureOf(request, options.headers) ?? ""
      const known = answered.find(key, MonotonicTime.nowMs(clock))
      if (known === "replayed") {
        return yield* new AuthorizationFailed({ op, message: "the webhook was answered before" })
      }
      if (known !== "new") return respond(known.answer)
      const document = (yield* answer({ call, form, query })) ?? ""
      answered.keep(key, document, MonotonicTime.nowMs(clock))
      return respond(document)
    }).pipe(
      SessionElsewhere.pass(request),
      Effect.catch((error) => Effect.succeed(Problem.errorResponse(error)))
    )

  return Object.entries(options.responses).map(([name, answer]) =>
    HttpRouter.route("POST", options.path.replace(/answer$/, name) as `/${string}`, handle(answer))
  )
})
