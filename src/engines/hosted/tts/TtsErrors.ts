/**
 * The errors that hosted voices fail with.
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
} from "../../../BackendError.ts"
import type { VoiceFault } from "./TtsProtocol.ts"

const op = "TextToSpeech.speak"

/**
 * A vendor's fault as an error; vendor, code, status and request id are in its `details`, and `details.reason` is
 * `"quota"` where nothing is left to pay with.
 *
 * @category conversions
 * @since 0.1.0
 */
export const errorOf = (vendor: string, fault: VoiceFault): BackendError => {
  const { code, kind, requestId, retryAfterMs, status } = fault
  const details = {
    vendor,
    ...(status === undefined ? {} : { status }),
    ...(code === undefined ? {} : { code }),
    ...(requestId === undefined ? {} : { requestId }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs })
  }
  const why = code === undefined ? "" : ` (${code})`
  switch (kind) {
    case "authentication":
      return new AuthenticationFailed({ op, message: `${vendor} does not take the key${why}`, details })
    case "authorization":
      return new AuthorizationFailed({ op, message: `${vendor} does not allow this${why}`, details })
    case "quota":
      return new AuthorizationFailed({
        op,
        message: `${vendor}: the account has nothing left to pay with${why}`,
        details: { ...details, reason: "quota" }
      })
    case "rate":
      return new RateLimitExceeded({ op, message: `${vendor}: too much at once${why}`, details })
    case "input":
      return new InvalidConfig({ op, message: `${vendor} refused what was asked for${why}`, details })
    case "garbage":
      return new PipelineError({
        op,
        message: `${vendor} sent what is no message of its protocol`,
        details: { ...details, reason: "garbage" },
        retryable: true
      })
    case "server":
      if (status !== undefined) {
        return new ConnectionFailed({ op, message: `${vendor} cannot answer${why}`, details })
      }
      return new PipelineError({ op, message: `${vendor} failed${why}`, details, retryable: true })
  }
}

/**
 * The wait that a `Retry-After` header in seconds asks for, in ms.
 *
 * @category decoding
 * @since 0.1.0
 */
export const retryAfterMs = (header: string | undefined): number | undefined =>
  header !== undefined && /^\d{1,6}(?:\.\d+)?$/.test(header.trim()) ? Number(header) * 1_000 : undefined
