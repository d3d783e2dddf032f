/**
 * Converts the errors of LiveKit's packages: a wrong key, a wrong URL and an unreachable server are told apart.
 *
 * @since 0.1.0
 */
import {
  AuthenticationFailed,
  AuthorizationFailed,
  type BackendError,
  ConnectionFailed,
  ConnectionTimeout,
  describe,
  InvalidConfig,
  RateLimitExceeded,
  SessionNotFound
} from "../../BackendError.ts"

const field = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined

/** The code of the network error that caused `fetch failed`. */
const networkCode = (cause: unknown): string | undefined => {
  const inner = field(cause, "cause")
  const code = field(inner, "code") ?? field(cause, "code")
  return typeof code === "string" ? code : undefined
}

const vendor = "livekit"
const MAX_TEXT = 200

/** The server's messages tell a wrong key, a wrong secret and a wrong clock apart, and contain no secret. */
const refusal = (text: string): string => {
  if (/expired|not valid yet|in the future|\((?:exp|nbf|iat)\)/i.test(text)) {
    return "livekit rejected a new token as expired or not yet valid: the clocks of the server and of this machine differ"
  }
  if (/api key/i.test(text)) return "livekit rejected the api_key: it is unknown to the server"
  if (/cryptographic|signature|verif/i.test(text)) {
    return "livekit rejected the api_secret: it does not belong to the api_key"
  }
  return "livekit rejected the api_key or api_secret"
}

const byStatus = (op: string, server: string, status: number, text: string, code: unknown): BackendError => {
  const details = { vendor, server, status }
  switch (true) {
    case status === 401:
      return new AuthenticationFailed({ op, message: refusal(text), details })
    case status === 403:
      return new AuthorizationFailed({
        op,
        message: "livekit denied the request: the api_key lacks the permission",
        details
      })
    case status === 404 && code === "not_found":
      return new SessionNotFound({ op, message: "the room or participant does not exist any more", details })
    case status === 429:
      return new RateLimitExceeded({ op, message: "livekit: rate limited (429)", details })
    case status === 408:
      return new ConnectionTimeout({ op, message: `the request to the LiveKit server at ${server} timed out`, details })
    case status >= 500:
      return new ConnectionFailed({ op, message: `the LiveKit server failed with status ${status}`, details })
    // only LiveKit answers with such a code, but `bad_route` comes from other Twirp servers as well
    case typeof code === "string" && code !== "bad_route":
      return new InvalidConfig({
        op,
        message: `livekit rejected the request: ${text}`,
        details: { ...details, reason: code }
      })
    default:
      return new InvalidConfig({
        op,
        message: `${server} is not a LiveKit server: it answered with status ${status}`,
        details: { ...details, path: "provider_config.url" }
      })
  }
}

/**
 * Converts the failure of a request to the server's API. `server` is the URL that the message may contain.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromRequest = (op: string, server: string) => (cause: unknown): BackendError => {
  const status = field(cause, "status")
  const text = describe(cause).slice(0, MAX_TEXT)
  if (typeof status === "number") return byStatus(op, server, status, text, field(cause, "code"))
  const name = field(cause, "name")
  if (name === "TimeoutError" || name === "AbortError") {
    return new ConnectionTimeout({
      op,
      message: `the request to the LiveKit server at ${server} timed out`,
      details: { vendor, server }
    })
  }
  const code = networkCode(cause)
  // network errors have a cause; without one the server's answer was malformed
  if (code === undefined && field(cause, "cause") === undefined) return byStatus(op, server, 200, text, undefined)
  return new ConnectionFailed({
    op,
    message: code === "ENOTFOUND" || code === "EAI_AGAIN"
      ? `unknown host: ${server}`
      : `the LiveKit server at ${server} is unreachable: ${code ?? text}`,
    details: { vendor, server, ...(code === undefined ? {} : { reason: code }) },
    cause
  })
}

/**
 * Converts the failure of joining a room.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromJoin = (op: string, server: string) => (cause: unknown): BackendError => {
  const text = describe(cause).slice(0, MAX_TEXT)
  const details = { vendor, server }
  const status = /\b(401|403|404|429|5\d\d)\b/.exec(text)?.[1]
  if (status !== undefined) return byStatus(op, server, Number(status), text, "not_found")
  return /timed? ?out/i.test(text)
    ? new ConnectionTimeout({
      op,
      message: `no media path to the LiveKit server at ${server}: its UDP and TCP ports may be blocked`,
      details,
      cause
    })
    : new ConnectionFailed({ op, message: `joining the LiveKit room failed: ${text}`, details, cause })
}
