/**
 * The one table that turns a vendor's refusal (an HTTP status, a close code, a code of its own) into an error.
 *
 * Messages name the vendor and its code. A vendor's free text is passed on only by those that never repeat what is to be
 * said, and without the keys of this process; `details` has vendor, code, status, close code, request id and the wait that
 * the vendor asked for.
 *
 * @since 0.1.0
 */
import {
  AuthenticationFailed,
  AuthorizationFailed,
  type BackendError,
  ConnectionFailed,
  InvalidConfig,
  PipelineError,
  RateLimitExceeded
} from "../BackendError.ts"
import * as KnownKeys from "../KnownKeys.ts"
import { isRecord, parse } from "../schema/Json.ts"

/**
 * What a caller can do about a failure.
 *
 * - `authentication`, `authorization`: use another key, or give it more rights. `quota`: top up the account.
 * - `rate`: wait. `input`: change the request, which means the config.
 * - `unavailable`: try again, or another vendor. `failed`: the same, after a failure within a session.
 * - `malformed`: the vendor sent a message that its protocol does not have.
 *
 * @category models
 * @since 0.1.0
 */
export type FaultKind =
  | "authentication"
  | "authorization"
  | "quota"
  | "rate"
  | "input"
  | "unavailable"
  | "failed"
  | "malformed"

/**
 * Why a vendor refused or failed.
 *
 * - `code`: the vendor's own code. `text`: its sentence, where it may be passed on; at most 200 characters of it are.
 * - `status`: an HTTP status. `closeCode`: of a WebSocket.
 * - `retryAfterMs`: the wait that the vendor asks for.
 *
 * @category models
 * @since 0.1.0
 */
export interface VendorFault {
  readonly kind: FaultKind
  readonly code?: string | undefined
  readonly text?: string | undefined
  readonly status?: number | undefined
  readonly closeCode?: number | undefined
  readonly requestId?: string | undefined
  readonly retryAfterMs?: number | undefined
}

/**
 * What a vendor's own codes mean, where they say more than the status or the close code.
 *
 * @category models
 * @since 0.1.0
 */
export interface CodeKinds {
  readonly [code: string]: FaultKind
}

/**
 * The kind of a code in such a table.
 *
 * @category accessors
 * @since 0.1.0
 */
export const kindOfCode = (kinds: CodeKinds, code: string | undefined): FaultKind | undefined =>
  code !== undefined && Object.hasOwn(kinds, code) ? kinds[code] : undefined

/**
 * The kind of failure that an HTTP status means.
 *
 * @category conversions
 * @since 0.1.0
 */
export const kindOfStatus = (status: number): FaultKind =>
  status === 401
    ? "authentication"
    : status === 402
    ? "quota"
    : status === 403
    ? "authorization"
    : status === 429
    ? "rate"
    : status >= 400 && status < 500 && status !== 408
    ? "input"
    : "unavailable"

const MAX_TEXT = 200

/**
 * A vendor's code, if it is one and not a sentence: at most 64 letters, digits and `_.:-`.
 *
 * @category decoding
 * @since 0.1.0
 */
export const codeOf = (code: unknown): string | undefined =>
  typeof code === "number" ? String(code) : typeof code === "string" && /^[\w.:-]{1,64}$/.test(code) ? code : undefined

/** The code of an error object, in the shapes of OpenAI, Deepgram, ElevenLabs and Cartesia. */
const codeIn = (body: string): string | undefined => {
  const value = parse(body)
  if (!isRecord(value)) return undefined
  const { detail, error } = value
  const inner = isRecord(error) ? error : isRecord(detail) ? detail : value
  return codeOf(inner["code"] ?? undefined) ?? codeOf(inner["type"] ?? undefined) ??
    codeOf(inner["err_code"] ?? undefined) ?? codeOf(inner["error_code"] ?? undefined) ??
    codeOf(inner["status"] ?? undefined)
}

/** The longest wait that is believed: a day. */
const MAX_RETRY_AFTER_MS = 86_400_000

/**
 * The wait that headers ask for, in ms: `retry-after-ms`, or `retry-after` in seconds or as a date. A date counts from the
 * `date` of the response, which is of the same clock, else from `nowMs` (Unix time). At most a day; `undefined` when they ask
 * for none.
 *
 * @category decoding
 * @since 0.1.0
 */
export const retryAfterMs = (
  headers: { readonly [name: string]: string | undefined },
  nowMs?: number
): number | undefined => {
  const exact = headers["retry-after-ms"]?.trim() ?? ""
  const given = headers["retry-after"]?.trim() ?? ""
  const sentMs = Date.parse(headers["date"] ?? "")
  const fromMs = Number.isFinite(sentMs) ? sentMs : nowMs
  const ms = /^\d+(\.\d+)?$/u.test(exact)
    ? Number(exact)
    : /^\d+(\.\d+)?$/u.test(given)
    ? Number(given) * 1_000
    : fromMs !== undefined && /^[a-z]{3},/iu.test(given)
    ? Math.max(0, Date.parse(given) - fromMs)
    : Number.NaN
  return Number.isFinite(ms) ? Math.min(ms, MAX_RETRY_AFTER_MS) : undefined
}

/**
 * A failure of a vendor's as an error. `details.reason` is `"quota"` where the account is exhausted, and `"malformed"`
 * where a message made no sense.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toError = (vendor: string, op: string, fault: VendorFault): BackendError => {
  const { closeCode, kind, retryAfterMs, status } = fault
  const code = fault.code === undefined ? undefined : KnownKeys.without(fault.code)
  const requestId = fault.requestId === undefined ? undefined : KnownKeys.without(fault.requestId)
  const text = KnownKeys.without(fault.text ?? "")
  const details = {
    vendor,
    ...(status === undefined ? {} : { status }),
    ...(closeCode === undefined ? {} : { closeCode }),
    ...(code === undefined ? {} : { code }),
    ...(requestId === undefined ? {} : { requestId }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs })
  }
  const given = code ?? status ?? closeCode
  const which = given === undefined ? "" : ` (${given})`
  const why = text === "" ? "" : `: ${text.slice(0, MAX_TEXT)}`
  switch (kind) {
    // the text of a refused key may repeat the key
    case "authentication":
      return new AuthenticationFailed({ op, message: `${vendor} rejected the API key${which}`, details })
    case "authorization":
      return new AuthorizationFailed({ op, message: `${vendor} denied permission${which}${why}`, details })
    case "quota":
      return new AuthorizationFailed({
        op,
        message: `${vendor}: the account's quota or credit is exhausted${which}`,
        details: { ...details, reason: "quota" }
      })
    case "rate":
      return new RateLimitExceeded({ op, message: `${vendor}: rate limited${which}${why}`, details })
    case "input":
      return new InvalidConfig({ op, message: `${vendor} rejected the request${which}${why}`, details })
    case "unavailable":
      return new ConnectionFailed({
        op,
        message: closeCode === undefined
          ? `${vendor} is temporarily unavailable${which}${why}`
          : `${vendor} closed the connection${which}${why}`,
        details
      })
    case "failed":
      return new PipelineError({
        op,
        message: `${vendor} reported an error${which}${why}`,
        details,
        retryable: true
      })
    case "malformed":
      return new PipelineError({
        op,
        message: `${vendor} sent a malformed message`,
        details: { ...details, reason: "malformed" },
        retryable: true
      })
  }
}

/**
 * An HTTP answer that is no success.
 *
 * - `op`: what was being done.
 * - `retryAfter`: the header, in seconds. `body`: read for a code, never quoted.
 *
 * @category models
 * @since 0.1.0
 */
export interface HttpRefusal {
  readonly op: string
  readonly status: number
  readonly retryAfter?: string | undefined
  readonly body?: string | undefined
  readonly requestId?: string | undefined
}

/**
 * The error of an HTTP status. A vendor's own code in the body decides where `kinds` has it.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromStatus = (
  vendor: string,
  { body = "", op, requestId, retryAfter, status }: HttpRefusal,
  kinds: CodeKinds = {}
): BackendError => {
  const code = codeIn(body)
  return toError(vendor, op, {
    kind: kindOfCode(kinds, code) ?? kindOfStatus(status),
    code,
    status,
    requestId,
    retryAfterMs: retryAfterMs({ "retry-after": retryAfter })
  })
}

/**
 * A WebSocket that the vendor closed.
 *
 * - `op`: what was being done.
 * - `reason`: the vendor's. `quote`: whether the message may repeat it. Default: true.
 *
 * @category models
 * @since 0.1.0
 */
export interface SocketClose {
  readonly op: string
  readonly code: number
  readonly reason?: string | undefined
  readonly quote?: boolean | undefined
  readonly requestId?: string | undefined
}

/**
 * The error of a close code: what `kinds` has for the reason's first word or the close code, else a lost connection.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromClose = (
  vendor: string,
  { code: closeCode, op, quote = true, reason = "", requestId }: SocketClose,
  kinds: CodeKinds = {}
): BackendError => {
  const word = reason.split(/[:\s]/u, 1)[0]
  const kind = kindOfCode(kinds, word)
  return toError(vendor, op, {
    kind: kind ?? kindOfCode(kinds, String(closeCode)) ?? "unavailable",
    code: kind === undefined ? undefined : word,
    closeCode,
    text: quote ? reason : "",
    requestId
  })
}
