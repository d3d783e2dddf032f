/**
 * What LiveKit's packages throw, as our errors: a wrong key, a wrong address and a dead server are told apart.
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

/** The code of the network's error under `fetch failed`. */
const networkCode = (cause: unknown): string | undefined => {
  const inner = field(cause, "cause")
  const code = field(inner, "code") ?? field(cause, "code")
  return typeof code === "string" ? code : undefined
}

const vendor = "livekit"
const MAX_TEXT = 200

/** A wrong key, a wrong secret and a wrong clock are refused with different words, which say nothing of either. */
const refusal = (text: string): string => {
  if (/expired|not valid yet|in the future|\((?:exp|nbf|iat)\)/i.test(text)) {
    return "a token that was just signed is not valid for the LiveKit server: its clock and ours differ"
  }
  if (/api key/i.test(text)) return "the LiveKit server does not know the api_key"
  if (/cryptographic|signature|verif/i.test(text)) return "the api_secret is not the one of the api_key"
  return "the LiveKit server does not accept the api_key and api_secret"
}

const byStatus = (op: string, server: string, status: number, text: string, code: unknown): BackendError => {
  const details = { vendor, server, status }
  switch (true) {
    case status === 401:
      return new AuthenticationFailed({ op, message: refusal(text), details })
    case status === 403:
      return new AuthorizationFailed({ op, message: "the api_key may not do that on this LiveKit server", details })
    case status === 404 && code === "not_found":
      return new SessionNotFound({ op, message: "the room or participant is not there any more", details })
    case status === 429:
      return new RateLimitExceeded({ op, message: "the LiveKit server has had too many requests", details })
    case status === 408:
      return new ConnectionTimeout({ op, message: `the LiveKit server at ${server} did not answer in time`, details })
    case status >= 500:
      return new ConnectionFailed({ op, message: `the LiveKit server failed with ${status}`, details })
    // only a server of this kind answers with a code; `bad_route` is another's of its kind
    case typeof code === "string" && code !== "bad_route":
      return new InvalidConfig({
        op,
        message: `the LiveKit server refuses that: ${text}`,
        details: { ...details, reason: code }
      })
    default:
      return new InvalidConfig({
        op,
        message: `what answers at ${server} is no LiveKit server: it answered ${status}`,
        details: { ...details, path: "provider_config.url" }
      })
  }
}

/**
 * The failure of a request to the server's API. `server` is its address, which may be told.
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
      message: `the LiveKit server at ${server} did not answer in time`,
      details: { vendor, server }
    })
  }
  const code = networkCode(cause)
  // what fails on the way has a cause; what does not was an answer that makes no sense
  if (code === undefined && field(cause, "cause") === undefined) return byStatus(op, server, 200, text, undefined)
  return new ConnectionFailed({
    op,
    message: code === "ENOTFOUND" || code === "EAI_AGAIN"
      ? `there is no host of this name: ${server}`
      : `no LiveKit server can be reached at ${server}: ${code ?? text}`,
    details: { vendor, server, ...(code === undefined ? {} : { reason: code }) },
    cause
  })
}

/**
 * The failure of joining a room.
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
      message: `no media path to the LiveKit server at ${server}: its UDP and TCP ports may be closed to us`,
      details,
      cause
    })
    : new ConnectionFailed({ op, message: `the room could not be joined: ${text}`, details, cause })
}
