/**
 * Requests to a carrier's REST interface: one attempt, bounded in time and size, with typed errors.
 *
 * No message has a URL, a number, a key or what the carrier writes, but its code. That a call is over already is no failure of a
 * request that is about its end: the carrier's module says how it reports that.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import type * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { type BackendError, ConnectionFailed, SessionNotFound } from "../../BackendError.ts"
import { connectDeadline } from "../../Deadline.ts"
import { isRecord, type JsonRecord, parse } from "../../schema/Json.ts"
import * as VendorSpan from "../../telemetry/VendorSpan.ts"
import { untraced } from "../../wire/UntracedHttp.ts"
import * as VendorError from "../../wire/VendorError.ts"

/**
 * How much of a response is read: 64 KiB. What is beyond it is not waited for.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_RESPONSE_BYTES = 65_536

/**
 * One part of a path, such as the id of a call. Telnyx' ids have a colon, which may stand there.
 *
 * @category encoding
 * @since 0.1.0
 */
export const pathPart = (text: string): string => encodeURIComponent(text).replaceAll("%3A", ":")

/**
 * A request.
 *
 * - `op`: what is being done, as errors name it.
 * - `path`: below the interface's URL, its parts encoded.
 * - `body`: JSON, or a form. Default: none.
 *
 * @category models
 * @since 0.1.0
 */
export interface CarrierRequest {
  readonly op: string
  readonly method: "GET" | "POST" | "PUT" | "DELETE"
  readonly path: string
  readonly body?: { readonly json: unknown } | { readonly form: ReadonlyArray<readonly [string, string]> } | undefined
}

/**
 * A carrier's refusal.
 *
 * - `body`: the JSON object of its body, where it is one.
 *
 * @category models
 * @since 0.1.0
 */
export interface Refusal {
  readonly status: number
  readonly body: JsonRecord | undefined
}

/**
 * A carrier's REST interface.
 *
 * - `url`: without a slash at its end.
 * - `authorization`: the header of a request.
 * - `timeout`: how long an answer may take.
 * - `isOver`: whether a refusal says that there is no such call any more. Default: status 404.
 * - `codeOf`: the carrier's own code in a refusal. Default: the status alone says it.
 * - `codeKinds`: what its codes mean, where they say more than the status.
 * - `requestIdHeader`: where it tells the id of a request. Default: `x-request-id`.
 *
 * @category models
 * @since 0.1.0
 */
export interface CarrierApi {
  readonly vendor: string
  readonly url: string
  readonly authorization: Effect.Effect<Redacted.Redacted<string>>
  readonly timeout: Duration.Duration
  readonly isOver?: ((refusal: Refusal) => boolean) | undefined
  readonly codeOf?: ((refusal: Refusal) => string | undefined) | undefined
  readonly codeKinds?: VendorError.CodeKinds | undefined
  readonly requestIdHeader?: string | undefined
}

const withBody = (body: CarrierRequest["body"]) => (request: HttpClientRequest.HttpClientRequest) =>
  body === undefined
    ? request
    : "json" in body
    ? HttpClientRequest.bodyJsonUnsafe(request, body.json)
    : HttpClientRequest.bodyUrlParams(request, body.form)

const textOf = (response: HttpClientResponse.HttpClientResponse) => {
  let size = 0
  return response.stream.pipe(
    Stream.map((bytes) => {
      const room = MAX_RESPONSE_BYTES - size
      size += bytes.length
      return bytes.length > room ? bytes.subarray(0, Math.max(0, room)) : bytes
    }),
    Stream.takeUntil(() => size >= MAX_RESPONSE_BYTES),
    Stream.decodeText,
    Stream.mkString,
    Effect.catchIf(({ reason }) => reason._tag === "EmptyBodyError", () => Effect.succeed(""))
  )
}

/**
 * Sends a request. Succeeds with the JSON object of the response's body, an empty one where it has none. Fails
 * `session_not_found` when there is no such call any more, with the error of its status on another refusal,
 * `connection_failed` when the carrier cannot be reached, `connection_timeout` when it does not answer in time.
 *
 * @category requests
 * @since 0.1.0
 */
export const send = Effect.fnUntraced(function*(
  client: HttpClient.HttpClient,
  api: CarrierApi,
  { body, method, op, path }: CarrierRequest
): Effect.fn.Return<JsonRecord, BackendError> {
  const { authorization, codeKinds, codeOf, requestIdHeader = "x-request-id", timeout, vendor } = api
  const isOver = api.isOver ?? (({ status }: Refusal) => status === 404)
  const request = HttpClientRequest.make(method)(`${api.url}${path}`).pipe(
    HttpClientRequest.setHeaders({ accept: "application/json", authorization: Redacted.value(yield* authorization) }),
    withBody(body)
  )
  const { response, text } = yield* VendorSpan.withSpan(vendor, (annotate) =>
    client.execute(request).pipe(
      untraced,
      Effect.tap(({ status }) => Effect.sync(() => annotate({ status }))),
      Effect.flatMap((response) => Effect.map(textOf(response), (text) => ({ response, text }))),
      // the authorization is for nobody else
      Effect.provideService(FetchHttpClient.RequestInit, { redirect: "manual" }),
      // its own text may hold the URL
      Effect.mapError(() =>
        new ConnectionFailed({ op, message: `could not connect to ${vendor}`, details: { vendor } })
      ),
      connectDeadline(op, `waiting for an answer from ${vendor}`, timeout, undefined, { vendor })
    ))
  const { headers, status } = response
  const value = parse(text)
  const record = isRecord(value) ? value : undefined
  if (status >= 200 && status <= 299) return record ?? {}
  const refusal: Refusal = { status, body: record }
  if (isOver(refusal)) {
    return yield* new SessionNotFound({
      op,
      message: `${vendor} has no such call any more`,
      details: { vendor, status }
    })
  }
  const code = codeOf?.(refusal)
  return yield* VendorError.toError(vendor, op, {
    kind: VendorError.kindOfCode(codeKinds ?? {}, code) ?? VendorError.kindOfStatus(status),
    code: VendorError.codeOf(code),
    status,
    requestId: headers[requestIdHeader],
    retryAfterMs: VendorError.retryAfterMs(headers)
  })
})

/**
 * Takes it as success that the call is over already.
 *
 * @category combinators
 * @since 0.1.0
 */
export const orOver = <A, E, R>(
  effect: Effect.Effect<A, E | SessionNotFound, R>
): Effect.Effect<void, Exclude<E, SessionNotFound>, R> =>
  Effect.asVoid(
    Effect.catchIf(effect, (error): error is Extract<E | SessionNotFound, SessionNotFound> =>
      error instanceof SessionNotFound, () =>
      Effect.void)
  )

/**
 * A text field of a response; fails `pipeline_error` where the carrier's own documentation promises one and there is none.
 *
 * @category decoding
 * @since 0.1.0
 */
export const textField = (
  vendor: string,
  op: string,
  record: JsonRecord,
  name: string
): Effect.Effect<string, BackendError> => {
  const value = record[name]
  return typeof value === "string" && value !== "" && value.length <= MAX_ID_LENGTH
    ? Effect.succeed(value)
    : Effect.fail(VendorError.toError(vendor, op, { kind: "malformed" }))
}

/** Longer ids of calls than any carrier has. */
const MAX_ID_LENGTH = 512
