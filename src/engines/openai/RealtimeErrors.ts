/**
 * The errors of OpenAI's Realtime API: of a response, of a request, of the connection.
 *
 * @since 0.1.0
 */
import {
  AuthenticationFailed,
  type BackendError,
  ConnectionFailed,
  InvalidConfig,
  PipelineError,
  RateLimitExceeded
} from "../../BackendError.ts"
import type { ServerEvent } from "./RealtimeEvents.ts"

type Of<Type extends ServerEvent["type"]> = Extract<ServerEvent, { readonly type: Type }>

const isLimit = (code: unknown): boolean => code === "rate_limit_exceeded" || code === "insufficient_quota"

/**
 * Maps a response that failed.
 *
 * @category conversions
 * @since 0.1.0
 */
export const failed = ({ id, status_details: details }: Of<"response.done">["response"]): BackendError => {
  const code = details?.error?.code ?? details?.error?.type ?? details?.reason ?? "unknown"
  const about = { vendor: "openai", code, requestId: id }
  return isLimit(code)
    ? new RateLimitExceeded({ op: "SpeechToSpeech.reply", message: `openai: ${code}`, details: about })
    : new PipelineError({
      op: "SpeechToSpeech.reply",
      message: `openai failed to respond: ${code}`,
      details: about,
      retryable: code === "server_error"
    })
}

/**
 * Maps the error of a request, without the vendor's message: it may quote the user or a part of a key.
 *
 * @category conversions
 * @since 0.1.0
 */
export const refused = (error: Of<"error">["error"]): BackendError => {
  const { code, event_id: requestId, param, type } = error ?? {}
  const details = {
    vendor: "openai",
    code: code ?? type ?? "unknown",
    ...(param == null ? {} : { param }),
    ...(requestId == null ? {} : { requestId })
  }
  const message = `openai rejected the request: ${details.code}${param == null ? "" : ` (${param})`}`
  const op = "SpeechToSpeech.open"
  if (isLimit(code)) return new RateLimitExceeded({ op, message, details })
  if (type === "server_error") return new ConnectionFailed({ op, message, details })
  return new InvalidConfig({ op, message, details })
}

/**
 * Maps a close of the socket.
 *
 * @category conversions
 * @since 0.1.0
 */
export const closed = (code: number, reason: string): BackendError => {
  const details = { vendor: "openai", code, reason }
  const fields = { op: "SpeechToSpeech.connect", message: `openai closed the connection (${code})`, details }
  // the API closes with 3000 and the code of the error as the reason
  if (/invalid_api_key|authentication/u.test(reason)) return new AuthenticationFailed(fields)
  if (/rate_limit|quota/u.test(reason)) return new RateLimitExceeded(fields)
  if (/model_not_found|invalid_model|invalid_request(?!.*session_expired)/u.test(reason)) {
    return new InvalidConfig(fields)
  }
  return new ConnectionFailed(fields)
}
