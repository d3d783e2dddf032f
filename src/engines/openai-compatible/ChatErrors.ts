/**
 * Maps failures of a `/v1/chat/completions` server to errors: status, headers and error objects, also within a stream.
 *
 * Uses the server's error codes but not its messages, which may quote the key or the prompt.
 *
 * @since 0.1.0
 */
import * as AiError from "effect/ai/AiError"
import * as Duration from "effect/Duration"
import { isRecord } from "../../schema/Json.ts"

/**
 * The name of the engine in `details.vendor` and in messages.
 *
 * @category constants
 * @since 0.1.0
 */
export const VENDOR = "openai-compatible"

/**
 * The status, the request id and the retry delay of a response.
 *
 * @category models
 * @since 0.1.0
 */
export interface ResponseInfo {
  readonly status: number
  readonly requestId?: string | undefined
  readonly retryAfterMs?: number | undefined
}

const MAX_RETRY_AFTER_MS = 86_400_000

/**
 * Reads `retry-after-ms`, or `retry-after` as seconds or a date, in ms and at most a day; `undefined` when it is missing or
 * malformed.
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
  return Number.isFinite(ms) ? Math.min(ms, MAX_RETRY_AFTER_MS) : undefined
}

const codeOf = (value: unknown): string | undefined =>
  typeof value === "string" && /^[\w.-]{1,64}$/u.test(value) ? value : undefined

/**
 * Reads the codes of an error object, in the shapes of OpenAI, vLLM, llama.cpp and Ollama; `undefined` for any other value.
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
  [error["code"], error["type"]].flatMap((value) => codeOf(value) ?? []).filter((code, i, all) =>
    all.indexOf(code) === i
  )

const quota = /quota|billing|insufficient_(funds|credits?|balance)/u
const limit = /rate_?limit|too_many_requests/u

/**
 * Maps a status and the codes of an error object to an error. Within a stream the status is 200 and only the codes count.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromResponse = (response: ResponseInfo, codes: ReadonlyArray<string>): AiError.AiErrorReason => {
  const { requestId, retryAfterMs: after, status } = response
  const code = codes.join(", ")
  const http = {
    response: { status, headers: requestId === undefined ? {} : { "x-request-id": requestId } },
    body: undefined
  }
  const description = `status ${status}${code === "" ? "" : ` (${code})`}`
  if (status === 402 || codes.some((each) => quota.test(each))) return new AiError.QuotaExhaustedError({ http })
  if (status === 429 || codes.some((each) => limit.test(each))) {
    return new AiError.RateLimitError({
      http,
      ...(after === undefined ? {} : { retryAfter: Duration.millis(after) })
    })
  }
  if (status === 401 || codes.includes("invalid_api_key")) {
    return new AiError.AuthenticationError({ kind: "InvalidKey", description, http })
  }
  if (status === 403) return new AiError.AuthenticationError({ kind: "InsufficientPermissions", description, http })
  return (status >= 400 && status < 500 && status !== 408) || codes.includes("invalid_request_error")
    ? new AiError.InvalidRequestError({ description, http })
    : new AiError.InternalProviderError({ description, http })
}

/**
 * Makes the error of this engine with a reason.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (reason: AiError.AiErrorReason): AiError.AiError =>
  AiError.make({ module: VENDOR, method: "chat.completions", reason })
