/**
 * A WebSocket to a hosted engine: connected in time, watched while it is silent, closed in time. Messages are handed over
 * within the socket's own callbacks: nothing waits between the wire and the talk.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { IncomingMessage } from "node:http"
import { WebSocket } from "ws"
import {
  AuthenticationFailed,
  AuthorizationFailed,
  type BackendError,
  ConnectionFailed,
  ConnectionTimeout,
  InvalidConfig,
  RateLimitExceeded
} from "../BackendError.ts"
import { finalizeWithin } from "../Deadline.ts"
import * as VendorSpan from "../telemetry/VendorSpan.ts"

/** A message is at most so long: 15 MiB and what JSON adds. */
const MAX_MESSAGE = 16 * 1024 * 1024
/** A server that takes nothing is gone: 20 s of audio and more. */
const MAX_BACKLOG = 4 * 1024 * 1024
/** How often a silent server is asked whether it is there; one that has not answered by the next time is gone. */
const PING_EVERY = "10 seconds"
const CLOSE_WITHIN = "1 second"

/**
 * Whom to call. The URL may hold a key: it is never told.
 *
 * @category models
 * @since 0.1.0
 */
export interface SocketRequest {
  readonly vendor: string
  /** What an error says was being done. Default: `VendorSocket.connect`. */
  readonly op?: string | undefined
  readonly url: Redacted.Redacted<string>
  readonly headers: { readonly [name: string]: Redacted.Redacted<string> }
  /** Never told, whatever the server repeats; nor is what stands in the headers. */
  readonly secret?: Redacted.Redacted<string> | undefined
  readonly timeout: Duration.Duration
  /** What a close code means. */
  readonly closed: (code: number, reason: string) => BackendError
}

/**
 * @category models
 * @since 0.1.0
 */
export interface SocketListener {
  /** A text message, or a binary one where `binary` takes none. */
  readonly message: (text: string) => void
  /** A binary message; the bytes are only valid during the call. */
  readonly binary?: ((bytes: Uint8Array) => void) | undefined
  /** It is over; at most once, and never after the scope has been closed. */
  readonly closed: (error: BackendError) => void
}

const OP = "VendorSocket.connect"

/**
 * The error of an HTTP answer in place of a WebSocket.
 *
 * @category conversions
 * @since 0.1.0
 */
export const refusal = (
  vendor: string,
  status: number,
  headers: { readonly requestId?: string | undefined; readonly retryAfter?: string | undefined },
  op: string = OP
): BackendError => {
  const { requestId, retryAfter } = headers
  const seconds = retryAfter === undefined || retryAfter.trim() === "" ? Number.NaN : Number(retryAfter)
  const details = {
    vendor,
    status,
    ...(requestId === undefined ? {} : { requestId }),
    ...(Number.isFinite(seconds) && seconds >= 0 ? { retryAfterMs: seconds * 1_000 } : {})
  }
  const fields = { op, message: `${vendor} refused the request with status ${status}`, details }
  switch (status) {
    case 402:
      return new AuthorizationFailed({
        ...fields,
        message: `${vendor}: the account has nothing left to pay with`,
        details: { ...details, reason: "quota" }
      })
    case 401:
      return new AuthenticationFailed(fields)
    case 403:
      return new AuthorizationFailed(fields)
    case 429:
      return new RateLimitExceeded(fields)
    default:
      return status >= 400 && status < 500 && status !== 408
        ? new InvalidConfig(fields)
        : new ConnectionFailed(fields)
  }
}

const requestIdOf = ({ headers }: IncomingMessage): string | undefined => {
  const id = headers["x-request-id"] ?? headers["dg-request-id"] ?? headers["request-id"]
  return typeof id === "string" ? id : undefined
}

const bytesOf = (data: WebSocket.RawData): Buffer =>
  Array.isArray(data) ? Buffer.concat(data) : data instanceof ArrayBuffer ? Buffer.from(data) : data

/** Shorter words are no secrets, such as the scheme of an authorization. */
const MIN_SECRET = 8

const secretsOf = ({ headers, secret }: SocketRequest): ReadonlyArray<string> =>
  [...Object.values(headers), ...(secret === undefined ? [] : [secret])]
    .flatMap((value) => Redacted.value(value).split(/\s+/u))
    .filter((word) => word.length >= MIN_SECRET)

/**
 * Connects; closing the scope closes the socket, within a second.
 *
 * @category constructors
 * @since 0.1.0
 */
export const connect = (
  request: SocketRequest,
  listener: SocketListener
): Effect.Effect<(message: string | Uint8Array) => void, BackendError, Scope.Scope> =>
  Effect.gen(function*() {
    const { op = OP, vendor } = request
    const socket = yield* Effect.acquireRelease(
      Effect.try({
        try: () => {
          const headers = Object.fromEntries(
            Object.entries(request.headers).map(([name, value]) => [name, Redacted.value(value)])
          )
          const made = new WebSocket(Redacted.value(request.url), {
            headers,
            maxPayload: MAX_MESSAGE,
            perMessageDeflate: false
          })
          // an error without a listener would end the process
          made.on("error", () => {})
          return made
        },
        // what it says may hold the URL
        catch: () => new InvalidConfig({ op, message: `the URL of ${vendor} is no WebSocket URL`, details: { vendor } })
      }),
      close
    )
    yield* VendorSpan.around(vendor, (annotate) =>
      Effect.callback<void, BackendError>((resume) => {
        socket.once(
          "upgrade",
          (response) => annotate({ status: response.statusCode, requestId: requestIdOf(response) })
        )
        socket.once("open", () => resume(Effect.void))
        socket.once("unexpected-response", (_, response) => {
          const { headers } = response
          response.destroy()
          resume(Effect.fail(refusal(vendor, response.statusCode ?? 0, {
            requestId: requestIdOf(response),
            retryAfter: headers["retry-after"]
          }, op)))
        })
        const failed = new ConnectionFailed({ op, message: `${vendor} could not be reached`, details: { vendor } })
        socket.once("error", () => resume(Effect.fail(failed)))
        socket.once("close", () => resume(Effect.fail(failed)))
      }).pipe(Effect.timeoutOrElse({
        duration: request.timeout,
        orElse: () =>
          Effect.fail(
            new ConnectionTimeout({ op, message: `${vendor} did not take the connection in time`, details: { vendor } })
          )
      })))
    let over = false
    const end = (error: BackendError) => {
      if (over) return
      over = true
      listener.closed(error)
    }
    const gone = (message: string) => {
      socket.terminate()
      end(new ConnectionFailed({ op, message: `${vendor} ${message}`, details: { vendor } }))
    }
    let alive = true
    socket.on("message", (data, isBinary) => {
      alive = true
      if (over) return
      if (isBinary && listener.binary !== undefined) listener.binary(bytesOf(data))
      else listener.message(bytesOf(data).toString("utf8"))
    })
    socket.on("pong", () => {
      alive = true
    })
    const said = (reason: Buffer) =>
      secretsOf(request).reduce((told, secret) => told.replaceAll(secret, "<redacted>"), reason.toString("utf8"))
    socket.on("close", (code, reason) => end(request.closed(code, said(reason))))
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        over = true
      })
    )
    yield* Effect.sleep(PING_EVERY).pipe(
      Effect.andThen(Effect.sync(() => {
        if (!alive) return gone("does not answer")
        alive = false
        if (socket.readyState === WebSocket.OPEN) socket.ping()
      })),
      Effect.forever,
      Effect.forkScoped
    )
    return (message) => {
      if (over || socket.readyState !== WebSocket.OPEN) return
      if (socket.bufferedAmount > MAX_BACKLOG) return gone("takes nothing any more")
      socket.send(message)
    }
  })

const close = (socket: WebSocket): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    if (socket.readyState === WebSocket.CLOSED) return resume(Effect.void)
    socket.once("close", () => resume(Effect.void))
    if (socket.readyState === WebSocket.OPEN) socket.close(1_000)
    else socket.terminate()
  }).pipe(
    finalizeWithin(CLOSE_WITHIN),
    Effect.andThen(Effect.sync(() => socket.terminate()))
  )
