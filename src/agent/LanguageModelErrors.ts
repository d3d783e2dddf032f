/**
 * Converts the errors of language models into backend errors.
 *
 * @since 0.1.0
 */
import * as AiError from "effect/ai/AiError"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import {
  AgentError,
  AuthenticationFailed,
  AuthorizationFailed,
  type BackendError,
  ConnectionFailed,
  describe,
  INTERNAL,
  InvalidConfig,
  isBackendError,
  RateLimitExceeded
} from "../BackendError.ts"
import * as KnownKeys from "../KnownKeys.ts"
import * as ContextLength from "../schema/ContextLength.ts"
import { isRecord } from "../schema/Json.ts"
import * as ThrownValue from "../ThrownValue.ts"

const OP = "Agent.respond"

/**
 * Checks whether a value is an error of a model or a toolkit.
 *
 * @category guards
 * @since 0.1.0
 */
export const isAiError = ThrownValue.guard(AiError.isAiError)

/** The vendor's id of the request, from the headers of its response. */
const requestIdOf = (headers: { readonly [name: string]: unknown }): string | undefined => {
  const id = headers["x-request-id"] ?? headers["request-id"]
  return typeof id === "string" ? KnownKeys.without(id.slice(0, 4_096)).slice(0, 200) : undefined
}

/** The vendor's own code, which its provider leaves in the metadata of the error. */
const codeIn = (reason: AiError.AiErrorReason, module: string): string | undefined => {
  const metadata: unknown = "metadata" in reason ? reason.metadata : undefined
  const own = isRecord(metadata) ? metadata[module] ?? Object.values(metadata)[0] : undefined
  const code = isRecord(own) ? own["code"] ?? own["errorCode"] : undefined
  return typeof code === "string" && /^[\w.:-]{1,64}$/u.test(code) ? KnownKeys.without(code) : undefined
}

const detailsOf = ({ module, reason }: AiError.AiError): { readonly [key: string]: unknown } => {
  const http = "http" in reason ? reason.http : undefined
  const status = http?.response?.status
  const requestId = requestIdOf(http?.response?.headers ?? {})
  const code = codeIn(reason, module)
  return {
    vendor: module,
    ...(code === undefined ? {} : { code }),
    ...(status === undefined ? {} : { status }),
    ...(requestId === undefined ? {} : { requestId })
  }
}

/**
 * Converts an error of a model. A rejected API key, a rate limit, a quota, a lost connection and an invalid request are told
 * apart; `details` has the vendor, its code, the HTTP status and the request id where they are known.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromAiError = (error: AiError.AiError): BackendError => {
  const { reason } = error
  const details = detailsOf(error)
  const fields = { op: OP, message: `${error.module}: ${KnownKeys.without(reason.message)}`, details }
  switch (reason._tag) {
    case "AuthenticationError":
      return reason.kind === "InsufficientPermissions"
        ? new AuthorizationFailed(fields)
        : new AuthenticationFailed(fields)
    case "RateLimitError":
      return new RateLimitExceeded({
        ...fields,
        details: {
          ...details,
          ...(reason.retryAfter === undefined ? {} : { retryAfterMs: Duration.toMillis(reason.retryAfter) })
        }
      })
    case "QuotaExhaustedError":
      return new AuthorizationFailed({ ...fields, details: { ...details, reason: "quota" } })
    case "NetworkError":
      // the original message may contain the URL, and the URL a key
      return new ConnectionFailed({ ...fields, message: `${error.module} could not be reached` })
    case "InternalProviderError":
      return new ConnectionFailed(fields)
    case "InvalidRequestError":
      return new InvalidConfig(fields)
    default:
      return new AgentError({ ...fields, retryable: error.isRetryable })
  }
}

/** The texts of an error in which a server may say why. */
const textsOf = (reason: AiError.AiErrorReason): ReadonlyArray<string> => {
  const body = "http" in reason ? reason.http?.body : undefined
  const description = "description" in reason ? reason.description : undefined
  return [description, body, reason.message].flatMap((text) => typeof text === "string" ? [text] : [])
}

/**
 * Whether the model refused a prompt as too long: by the server's code, by status 413, or by what it says.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isPromptTooLong = (error: unknown): error is AiError.AiError => {
  if (!isAiError(error)) return false
  const { module, reason } = error
  switch (reason._tag) {
    case "InvalidRequestError":
    case "InvalidUserInputError":
    case "InternalProviderError":
    case "RateLimitError":
    case "UnknownError": {
      const code = codeIn(reason, module)
      const status = "http" in reason ? reason.http?.response?.status : undefined
      return status === 413 || (code !== undefined && ContextLength.isCode(code)) ||
        textsOf(reason).some(ContextLength.isSaid)
    }
    default:
      return false
  }
}

/**
 * The error of a prompt that is too long, and stays so.
 *
 * @category conversions
 * @since 0.1.0
 */
export const promptTooLong = (error: AiError.AiError): AgentError =>
  new AgentError({
    op: OP,
    message: `${error.module}: the conversation is too long for the model`,
    details: { ...detailsOf(error), reason: ContextLength.CODE },
    cause: error,
    retryable: false
  })

/** What these say of the session or the server would not be true of the call in which an agent fails with them. */
const notOfAnAgent: ReadonlySet<BackendError["code"]> = new Set([
  "session_not_found",
  "session_limit_exceeded",
  "provider_not_found",
  "context_canceled"
])

const failed = (message: string, cause?: unknown): AgentError =>
  new AgentError({
    op: OP,
    message,
    ...(cause === undefined ? {} : { cause }),
    retryable: false,
    details: { reason: INTERNAL }
  })

/**
 * Converts any failure or defect of an agent, and its interruption of itself. An error of ours stays what it is, unless its
 * code would be untrue of a call that goes on (`session_not_found`).
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromCause = (cause: Cause.Cause<unknown>): BackendError => {
  if (Cause.hasInterruptsOnly(cause)) return failed("the agent interrupted itself", cause)
  const error = Cause.squash(cause)
  if (isBackendError(error) && !notOfAnAgent.has(error.code)) return error
  return isAiError(error) ? fromAiError(error) : failed(`the agent failed: ${describe(error)}`, error)
}
