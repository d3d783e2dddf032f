/**
 * How a `/v1/chat/completions` server refuses: by status, by headers, by error objects, also in the middle of an answer.
 *
 * What a server says in words is not told: it may repeat the key or the prompt. Its codes are.
 *
 * @since 0.1.0
 */
import * as AiError from "effect/ai/AiError"
import * as Duration from "effect/Duration"
import { isRecord } from "../../schema/Json.ts"

/**
 * Who is at fault, in `details.vendor` and in messages.
 *
 * @category constants
 * @since 0.1.0
 */
export const VENDOR = "openai-compatible"

/**
 * What of a response tells which it was and when to come again.
 *
 * @category models
 * @since 0.1.0
 */
export interface Answered {
  readonly status: number
  readonly requestId?: string | undefined
  readonly retryAfterMs?: number | undefined
}

const longest = 86_400_000

/**
 * `Retry-After` in ms: `retry-after-ms`, or seconds, or a date; `undefined` when it says nothing of use.
 *
 * @category decoding
 * @since 0.1.0
 */
export const retryAfterMs = (
  headers: { readonly [name: string]: string | undefined },
  nowMs: number
): number | undefined => {
  const exact = headers["retry-after-ms"]?.trim() ?? ""
  const given = headers["retry-after"]?.trim() ?? ""
  const ms = /^\d+(\.\d+)?$/u.test(exact)
    ? Number(exact)
    : /^\d+(\.\d+)?$/u.test(given)
    ? Number(given) * 1_000
    : /^[a-z]{3},/iu.test(given)
    ? Math.max(0, Date.parse(given) - nowMs)
    : Number.NaN
  return Number.isFinite(ms) ? Math.min(ms, longest) : undefined
}

const named = (value: unknown): string | undefined =>
  typeof value === "string" && /^[\w.-]{1,64}$/u.test(value) ? value : undefined

/**
 * The codes of an error object, in the shapes of OpenAI, vLLM, llama.cpp and Ollama: `undefined` when it is none.
 *
 * @category decoding
 * @since 0.1.0
 */
export const codesOf = (body: unknown): ReadonlyArray<string> | undefined => {
  if (!isRecord(body)) return undefined
  const { error } = body
  if (error === undefined || error === null) return body["object"] === "error" ? codes(body) : undefined
  return isRecord(error) ? codes(error) : []
}

const codes = (error: { readonly [key: string]: unknown }): ReadonlyArray<string> =>
  [error["code"], error["type"]].flatMap((value) => named(value) ?? []).filter((code, i, all) =>
    all.indexOf(code) === i
  )

const quota = /quota|billing|insufficient_(funds|credits?|balance)/u
const limit = /rate_?limit|too_many_requests/u

/**
 * The failure that a status and the codes of an error object come to. In the middle of an answer, whose status was 200,
 * only the codes tell.
 *
 * @category conversions
 * @since 0.1.0
 */
export const reasonOf = (answered: Answered, told: ReadonlyArray<string>): AiError.AiErrorReason => {
  const { requestId, retryAfterMs: after, status } = answered
  const code = told.join(", ")
  const http = {
    response: { status, headers: requestId === undefined ? {} : { "x-request-id": requestId } },
    body: undefined
  }
  const description = `status ${status}${code === "" ? "" : ` (${code})`}`
  if (status === 402 || told.some((each) => quota.test(each))) return new AiError.QuotaExhaustedError({ http })
  if (status === 429 || told.some((each) => limit.test(each))) {
    return new AiError.RateLimitError({
      http,
      ...(after === undefined ? {} : { retryAfter: Duration.millis(after) })
    })
  }
  if (status === 401 || told.includes("invalid_api_key")) {
    return new AiError.AuthenticationError({ kind: "InvalidKey", description, http })
  }
  if (status === 403) return new AiError.AuthenticationError({ kind: "InsufficientPermissions", description, http })
  return (status >= 400 && status < 500 && status !== 408) || told.includes("invalid_request_error")
    ? new AiError.InvalidRequestError({ description, http })
    : new AiError.InternalProviderError({ description, http })
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = (reason: AiError.AiErrorReason): AiError.AiError =>
  AiError.make({ module: VENDOR, method: "chat.completions", reason })
