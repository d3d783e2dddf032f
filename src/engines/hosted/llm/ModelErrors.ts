/**
 * Maps failures of a language model's server to errors: status, headers and error objects, also within a stream.
 *
 * Uses the server's error codes but not its messages, which may quote the key or the prompt. They are only searched for what
 * many servers have no code for: that the prompt is too long.
 *
 * @since 0.1.0
 */
import * as AiError from "effect/ai/AiError"
import * as Duration from "effect/Duration"
import * as ContextLength from "../../../schema/ContextLength.ts"
import { isRecord, parse } from "../../../schema/Json.ts"
import * as VendorError from "../../../wire/VendorError.ts"

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
 * What an error object says: its codes, its status where it has one, and whether the prompt is too long.
 *
 * @category models
 * @since 0.1.0
 */
export interface ModelFault {
  readonly codes: ReadonlyArray<string>
  readonly status?: number | undefined
  /** Whether its text says that the prompt is too long. */
  readonly tooLong?: boolean | undefined
}

const unknownFault: ModelFault = { codes: [] }

const isBlank = (value: unknown): boolean =>
  value === undefined || value === null || value === "" || value === false ||
  (isRecord(value) && Object.keys(value).length === 0)

/**
 * Reads the error in the text of a failed response: JSON, or a sentence.
 *
 * @category decoding
 * @since 0.1.0
 */
export const faultOfText = (text: string): ModelFault => ({
  ...faultOf(parse(text)) ?? unknownFault,
  tooLong: ContextLength.isSaid(text)
})

/**
 * Reads the error in a body or in an event of a stream, in the shapes of OpenAI, Azure, vLLM, llama.cpp, Ollama, OpenRouter,
 * LiteLLM, Gemini and Anthropic; `undefined` for any other value, such as a chunk of a response.
 *
 * @category decoding
 * @since 0.1.0
 */
export const faultOf = (body: unknown): ModelFault | undefined => {
  if (Array.isArray(body)) return body.map((entry: unknown) => faultOf(entry)).find((fault) => fault !== undefined)
  if (!isRecord(body)) return undefined
  const { choices, detail, error, errors } = body
  if (!isBlank(error)) return faultIn(error)
  if (choices !== undefined) return faultOfChoice(choices)
  if (body["object"] === "error" || body["type"] === "error" || body["error_code"] !== undefined) return faultIn(body)
  if (Array.isArray(errors) && errors.length > 0) return faultIn(errors[0])
  return !isBlank(detail) && body["message"] === undefined ? faultIn(detail) : undefined
}

/** OpenRouter puts the error of the model's provider into the choice. */
const faultOfChoice = (choices: unknown): ModelFault | undefined => {
  const [first]: ReadonlyArray<unknown> = Array.isArray(choices) ? choices : [choices]
  if (!isRecord(first)) return undefined
  if (!isBlank(first["error"])) return faultIn(first["error"])
  return first["finish_reason"] === "error" ? unknownFault : undefined
}

/**
 * Reads an error object: codes and status. It may hold the vendor's own error, and numbers as text.
 *
 * @category decoding
 * @since 0.1.0
 */
export const faultIn = (error: unknown): ModelFault => ({ ...codesIn(error), tooLong: isTooLong(error) })

/** Whether an error says that the prompt is too long; a text of the model's provider may be JSON within the JSON. */
const isTooLong = (error: unknown): boolean =>
  ContextLength.isSaid(typeof error === "string" ? error : JSON.stringify(error) ?? "")

const codesIn = (error: unknown): ModelFault => {
  if (!isRecord(error)) return unknownFault
  const inner = isRecord(error["error"]) ? codesIn(error["error"]) : unknownFault
  // Google tells a key that is not valid from other invalid arguments here alone
  const reasons = (Array.isArray(error["details"]) ? error["details"].slice(0, 16) : [])
    .flatMap((detail: unknown) => isRecord(detail) && typeof detail["reason"] === "string" ? [detail["reason"]] : [])
  const values = [error["code"], error["type"], error["status"], error["error_code"], ...reasons]
  const codes = values.flatMap((value) => typeof value === "string" ? VendorError.codeOf(value) ?? [] : [])
    .filter((code) => !/^(?:none|null|error|\d{3})$/iu.test(code))
  const status = [...values, error["status_code"]].map(Number).find((value) => value >= 400 && value <= 599)
  return {
    codes: [...codes, ...inner.codes].filter((code, i, all) => all.indexOf(code) === i),
    status: status ?? inner.status
  }
}

const quota = /quota|billing|insufficient_(funds|credits?|balance)|payment_required/iu
const limit = /rate_?limit|too_many_requests|throttl|resource_exhausted/iu
const key = /^(?:invalid_api_key|api_key_(?:invalid|expired)|authentication_error|unauthenticated|unauthorized)$/iu
const rights = /^(?:permission_denied|permission_error|forbidden)$/iu
const request =
  /^(?:invalid_request_error|invalid_argument|bad_?request(?:_?error)?|model_not_found|not_found(?:_error)?|context_length_exceeded|content_filter)$/iu

/** A code of the server decides before the status. */
const kindOf = (status: number, codes: ReadonlyArray<string>): VendorError.FaultKind => {
  const has = (pattern: RegExp) => codes.some((code) => pattern.test(code))
  if (has(quota)) return "quota"
  if (has(limit)) return "rate"
  if (has(key)) return "authentication"
  const kind = VendorError.kindOfStatus(status)
  if (kind !== "unavailable") return kind
  return has(rights) ? "authorization" : has(request) ? "input" : kind
}

/** A key or a quota that is refused has another reason, whatever is said. */
const isPromptTooLong = (status: number, { codes, tooLong }: ModelFault): boolean =>
  status === 413 || codes.some(ContextLength.isCode) ||
  (tooLong === true && ![401, 402, 403, 404].includes(status) && !codes.some((code) => quota.test(code)))

/**
 * Maps a response and the error in it to an error. Within a stream the response's status is 200: then the status that the
 * error names counts, and its codes.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromResponse = (vendor: string, response: ResponseInfo, fault: ModelFault): AiError.AiErrorReason => {
  const { requestId, retryAfterMs: after } = response
  const status = response.status >= 400 ? response.status : fault.status ?? response.status
  const tooLong = isPromptTooLong(status, fault)
  const codes = tooLong ? [ContextLength.CODE] : fault.codes
  const code = codes.join(", ")
  const fields = {
    http: {
      response: { status, headers: requestId === undefined ? {} : { "x-request-id": requestId } },
      body: undefined
    },
    ...(codes[0] === undefined ? {} : { metadata: { [vendor]: { code: codes[0] } } })
  }
  const description = `status ${status}${code === "" ? "" : ` (${code})`}`
  switch (tooLong ? "input" : kindOf(status, codes)) {
    case "quota":
      return new AiError.QuotaExhaustedError(fields)
    case "rate":
      return new AiError.RateLimitError({
        ...fields,
        ...(after === undefined ? {} : { retryAfter: Duration.millis(after) })
      })
    case "authentication":
      return new AiError.AuthenticationError({ kind: "InvalidKey", description, ...fields })
    case "authorization":
      return new AiError.AuthenticationError({ kind: "InsufficientPermissions", description, ...fields })
    case "input":
      return new AiError.InvalidRequestError({ description, ...fields })
    default:
      return new AiError.InternalProviderError({ description, ...fields })
  }
}

/**
 * Makes the error of an engine with a reason.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (vendor: string, method: string, reason: AiError.AiErrorReason): AiError.AiError =>
  AiError.make({ module: vendor, method, reason })
