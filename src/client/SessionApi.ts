/**
 * The few HTTP calls the client makes: create a session, ask whether one still exists, exchange SDP.
 *
 * @since 0.1.0
 */
import type { SessionTarget } from "./media/CallMedia.ts"
import { parseObject } from "./protocol/ClientProtocol.ts"
import { basesOf, MAX_MOVES, mayFollow } from "./SessionMoves.ts"
import { firstOf, orAborted, sleep } from "./Sleep.ts"
import { abortError, isFinal, sessionNotFound, throwIfAborted, VoiceClientError } from "./VoiceClientError.ts"

/** How long the server may take to answer one request. */
const REQUEST_TIMEOUT_MS = 15_000
/** Bounds of the wait between two requests while the session limit is reached, and the wait when the server gives none. */
const MIN_WAIT_MS = 250
const MAX_WAIT_MS = 5_000
const DEFAULT_WAIT_MS = 1_000

/**
 * @category models
 * @since 0.1.0
 */
export interface CreateSessionRequest {
  readonly baseUrl: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Readonly<Record<string, unknown>>
  readonly signal: AbortSignal
  /** Gets a session that the server created although the caller has given up. */
  readonly onLate?: ((session: CreatedSession) => void) | undefined
  /** How long a server whose session limit is reached is asked again, in milliseconds; default 0. */
  readonly retryWindowMs?: number | undefined
}

/**
 * `iceServers` are the server's suggestion for WebRTC, if any. `protocol` names the platform whose client connects to
 * `connectionUrl`, such as `livekit`; undefined for the server's own WebSocket and WebRTC.
 *
 * @category models
 * @since 0.1.0
 */
export interface CreatedSession {
  readonly id: string
  readonly token: string
  readonly iceServers: Array<RTCIceServer> | undefined
  readonly protocol: string | undefined
  readonly connectionUrl: string | undefined
}

const textOf = (value: unknown): string | undefined => typeof value === "string" ? value : undefined

/**
 * Creates a session. When the session limit is reached, the server is asked again after the wait that it names, within
 * `retryWindowMs`. Rejects with the code of the server's problem JSON, or `connection_failed`, `connection_timeout`,
 * `aborted`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const createSession = async (request: CreateSessionRequest): Promise<CreatedSession> => {
  const deadline = performance.now() + (request.retryWindowMs ?? 0)
  for (;;) {
    try {
      return await orAborted(requestSession(request), request.signal, (late) => request.onLate?.(late))
    } catch (error) {
      const waitMs = error instanceof VoiceClientError && error.code === "session_limit_exceeded"
        ? Math.min(MAX_WAIT_MS, Math.max(MIN_WAIT_MS, Number(error.details?.["retryAfterMs"]) || DEFAULT_WAIT_MS))
        : Infinity
      if (performance.now() + waitMs > deadline) throw error
      await sleep(waitMs, request.signal)
      throwIfAborted(request.signal)
    }
  }
}

const requestSession = async (request: CreateSessionRequest): Promise<CreatedSession> => {
  const response = await send(`${request.baseUrl}/v1/sessions`, {
    method: "POST",
    headers: { "content-type": "application/json", ...request.headers },
    body: JSON.stringify(request.body)
  }, new AbortController().signal)
  if (!response.ok) throw await problem(response)
  const body = parseObject(await readText(response))
  const id = body?.["id"]
  const token = body?.["token"]
  if (typeof id !== "string" || id === "") {
    throw new VoiceClientError("connection_failed", "The server's answer to POST /v1/sessions has no session id.")
  }
  const ice = body?.["ice_servers"]
  return {
    id,
    token: typeof token === "string" ? token : "",
    // The browser validates these when the peer connection is made.
    iceServers: Array.isArray(ice) ? ice : undefined,
    protocol: textOf(body?.["protocol"]),
    connectionUrl: textOf(body?.["connection_url"])
  }
}

/**
 * Sends an SDP offer and returns the answer: at the addresses of the session in order, and from each to where the server there
 * says that the session is.
 *
 * @category accessors
 * @since 0.1.0
 */
export const exchangeOffer = async (target: SessionTarget, offer: string, signal: AbortSignal): Promise<string> => {
  let refusal: unknown
  for (const base of basesOf(target)) {
    const isLastWord = base === target.baseUrl
    try {
      return await postOffer(base, target, offer, signal)
    } catch (error) {
      if (signal.aborted || (isLastWord && error instanceof VoiceClientError && isFinal(error))) throw error
      if (isLastWord) refusal = error
    }
  }
  throw refusal
}

const postOffer = async (
  base: string,
  { id, token }: SessionTarget,
  offer: string,
  signal: AbortSignal
): Promise<string> => {
  let url = `${sessionUrl({ baseUrl: base, id })}/offer`
  for (let moves = 0;; moves++) {
    const response = await send(url, {
      method: "POST",
      headers: { "content-type": "application/sdp", accept: `application/sdp, ${PROBLEM}`, ...bearer(token) },
      redirect: "error",
      body: offer
    }, signal)
    if (response.ok) return await readText(response)
    const error = await problem(response)
    const next = error.code === "wrong_cell" ? error.details?.["url"] : undefined
    if (typeof next !== "string" || moves === MAX_MOVES || !mayFollow(url, next)) throw error
    url = next
  }
}

/** Says that a server may name another in place of a redirect, which browsers do not follow with a token. */
const PROBLEM = "application/problem+json"

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

/**
 * Why the server refused a WebSocket handshake. A browser does not reveal its HTTP status, so this requests the same route
 * without an upgrade. Returns the error when another attempt is of no use, `undefined` otherwise.
 *
 * @category accessors
 * @since 0.1.0
 */
export const handshakeRefusal = async (
  target: SessionTarget,
  signal: AbortSignal
): Promise<VoiceClientError | undefined> => {
  try {
    const headers = { accept: PROBLEM, ...bearer(target.token) }
    const response = await send(`${sessionUrl(target)}/audio`, { headers, redirect: "error" }, signal)
    if (response.status === 404 || response.status === 410) return sessionNotFound()
    return response.status === 401 || response.status === 403 ? await problem(response) : undefined
  } catch (error) {
    return error instanceof VoiceClientError && error.details?.["reason"] === "origin_not_allowed" ? error : undefined
  }
}

/**
 * The session's URL on its server.
 *
 * @category conversions
 * @since 0.1.0
 */
export const sessionUrl = (target: Pick<SessionTarget, "baseUrl" | "id">): string =>
  `${target.baseUrl}/v1/sessions/${encodeURIComponent(target.id)}`

const send = async (url: string, init: RequestInit, signal: AbortSignal): Promise<Response> => {
  try {
    return await fetch(url, { ...init, signal: firstOf(signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)) })
  } catch (cause) {
    if (signal.aborted) throw abortError(signal, cause)
    if (cause instanceof DOMException && cause.name === "TimeoutError") {
      throw new VoiceClientError("connection_timeout", "The server did not answer in time.", { cause })
    }
    throw await unreachable(url, signal, cause)
  }
}

/**
 * Why a request failed, as far as a page can know: browsers say the same of a server that is away and of one that does not
 * allow the page's origin. One that answers a request whose answer the page may not read is there.
 *
 * @category accessors
 * @since 0.1.0
 */
export const unreachable = async (url: string, signal: AbortSignal, cause: unknown): Promise<VoiceClientError> => {
  const { host, origin, protocol } = new URL(url)
  const away = new VoiceClientError("connection_failed", "The server cannot be reached.", { cause })
  const page = globalThis.location
  if (page === undefined || origin === page.origin) return away
  if (page.protocol === "https:" && protocol === "http:") {
    const text = `The server at ${host} cannot be reached: browsers do not let a page from https use plain http.`
    return new VoiceClientError("connection_failed", text, { cause, details: { reason: "mixed_content" } })
  }
  try {
    const timeout = firstOf(signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS))
    // The one route whose answers a server lets pages of any origin have, though not read.
    await fetch(`${url.slice(0, url.lastIndexOf("/v1/sessions"))}/health/live`, {
      mode: "no-cors",
      cache: "no-store",
      credentials: "omit",
      signal: timeout
    })
  } catch {
    return away
  }
  const text = `The server at ${host} does not allow pages from ${page.origin}: add that to server.allowed_origins in` +
    " its config."
  return new VoiceClientError("connection_failed", text, {
    cause,
    details: { reason: "origin_not_allowed", origin: page.origin, setting: "server.allowed_origins" }
  })
}

/** The longest answer that is read. */
const MAX_BODY_LENGTH = 1_048_576

const readText = async (response: Response): Promise<string> => {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  let text = ""
  for (;;) {
    const { done, value = "" } = await reader?.read() ?? { done: true }
    text += value
    if (text.length > MAX_BODY_LENGTH) {
      await reader?.cancel().catch(() => undefined)
      throw new VoiceClientError("connection_failed", "The server's answer is too long.")
    }
    if (done) return text
  }
}

const problem = async (response: Response): Promise<VoiceClientError> => {
  const body = parseObject(await readText(response).catch(() => ""))
  const text = (key: string): string | undefined => {
    const value = body?.[key]
    return typeof value === "string" && value !== "" ? value : undefined
  }
  if (response.status === 410 || (response.status === 404 && text("code") === undefined)) return sessionNotFound()
  const fallback = response.status === 401 || response.status === 403
    ? "authentication_failed"
    : response.status >= 500
    ? "connection_failed"
    : "request_failed"
  const message = text("message") ?? text("detail") ?? text("title") ??
    `The server answered with status ${response.status}.`
  const details = body?.["details"]
  return new VoiceClientError(text("code") ?? fallback, message, {
    details: typeof details === "object" && details !== null && !Array.isArray(details) ? { ...details } : undefined
  })
}
