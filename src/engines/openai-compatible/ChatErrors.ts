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
import * as VendorError from "../../wire/VendorError.ts"

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
  [error["code"], error["type"]].flatMap((value) => typeof value === "string" ? VendorError.codeOf(value) ?? [] : [])
    .filter((code, i, all) => all.indexOf(code) === i)

const quota = /quota|billing|insufficient_(funds|credits?|balance)/u
const limit = /rate_?limit|too_many_requests/u

/** A code of the server decides before the status. */
const kindOf = (status: number, codes: ReadonlyArray<string>): VendorError.FaultKind => {
  if (codes.some((code) => quota.test(code))) return "quota"
  if (codes.some((code) => limit.test(code))) return "rate"
  if (codes.includes("invalid_api_key")) return "authentication"
  const kind = VendorError.kindOfStatus(status)
  return kind === "unavailable" && codes.includes("invalid_request_error") ? "input" : kind
}

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
  switch (kindOf(status, codes)) {
    case "quota":
      return new AiError.QuotaExhaustedError({ http })
    case "rate":
      return new AiError.RateLimitError({
        http,
        ...(after === undefined ? {} : { retryAfter: Duration.millis(after) })
      })
    case "authentication":
      return new AiError.AuthenticationError({ kind: "InvalidKey", description, http })
    case "authorization":
      return new AiError.AuthenticationError({ kind: "InsufficientPermissions", description, http })
    case "input":
      return new AiError.InvalidRequestError({ description, http })
    default:
      return new AiError.InternalProviderError({ description, http })
  }
}

/**
 * Makes the error of this engine with a reason.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (reason: AiError.AiErrorReason): AiError.AiError =>
  AiError.make({ module: VENDOR, method: "chat.completions", reason })
