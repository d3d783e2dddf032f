/**
 * A WebSocket to a hosted engine: connected within a deadline, pinged while it is silent, closed within a deadline.
 * Messages are passed on within the socket's own callbacks, without a queue or a fiber between. A server that sends more than
 * its bounds is read at their pace: TCP holds it back, and it costs the other sessions nothing.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { IncomingMessage } from "node:http"
import { WebSocket } from "ws"
import { type BackendError, ConnectionFailed, InvalidConfig, PipelineError } from "../BackendError.ts"
import { BurstLimit } from "../BurstLimit.ts"
import { connectDeadline, finalizeWithin } from "../Deadline.ts"
import * as MonotonicTime from "../MonotonicTime.ts"
import * as VendorSpan from "../telemetry/VendorSpan.ts"
import * as VendorError from "./VendorError.ts"

/** The longest message: 15 MiB and what JSON adds. */
const MAX_MESSAGE = 16 * 1024 * 1024
/** A server that leaves so much unread counts as dead: 20 s of audio and more. */
const MAX_BACKLOG = 4 * 1024 * 1024
/** A server that has sent nothing for so long is pinged, and counts as dead when it is silent as long again. */
const PING_EVERY = "10 seconds"
const CLOSE_WITHIN = "1 second"
/** What a server may send, in bytes: a model makes audio at up to 20 times the speed of speech, 1.3 MB/s as base64. */
const BYTES = { burst: 64 * 1024 * 1024, perSecond: 8 * 1024 * 1024 }
/** And in messages and pings. */
const MESSAGES = { burst: 32_768, perSecond: 4_000 }
/** The longest request id that an error repeats. */
const MAX_REQUEST_ID = 128

/**
 * The server to connect to. The URL may hold a key, so no error quotes it.
 *
 * @category models
 * @since 0.1.0
 */
export interface SocketRequest {
  readonly vendor: string
  /** The operation that an error names. Default: `VendorSocket.connect`. */
  readonly op?: string | undefined
  readonly url: Redacted.Redacted<string>
  readonly headers: { readonly [name: string]: Redacted.Redacted<string> }
  /** Removed from what the server says, as is what stands in the headers. */
  readonly secret?: Redacted.Redacted<string> | undefined
  readonly timeout: Duration.Duration
  /** The error of a close code. Default: a lost connection, with the reason that the server gave. */
  readonly closed?: ((code: number, reason: string) => BackendError) | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface SocketListener {
  /** A text message; also a binary one where there is no `binary`. */
  readonly message: (text: string) => void
  /** A binary message; the bytes are only valid during the call. */
  readonly binary?: ((bytes: Uint8Array) => void) | undefined
  /** The connection was lost; called at most once, and never after the scope has been closed. */
  readonly closed: (error: BackendError) => void
}

const OP = "VendorSocket.connect"

const requestIdOf = ({ headers }: IncomingMessage): string | undefined => {
  const id = headers["x-request-id"] ?? headers["dg-request-id"] ?? headers["request-id"]
  return typeof id === "string" ? id.slice(0, MAX_REQUEST_ID) : undefined
}

const sizeOf = (data: WebSocket.RawData): number =>
  Array.isArray(data) ? data.reduce((bytes, part) => bytes + part.length, 0) : data.byteLength

const bytesOf = (data: WebSocket.RawData): Buffer =>
  Array.isArray(data) ? Buffer.concat(data) : data instanceof ArrayBuffer ? Buffer.from(data) : data

/** Shorter words are no secrets: the scheme of an authorization header. */
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
            autoPong: false,
            perMessageDeflate: false
          })
          // an error without a listener would end the process
          made.on("error", () => {})
          return made
        },
        // the error's own text may hold the URL or the key, so it is left out
        catch: (cause) =>
          new InvalidConfig({
            op,
            message: cause instanceof SyntaxError
              ? `invalid WebSocket URL for ${vendor}`
              : `${vendor} could not be asked for a WebSocket: the headers cannot be sent`,
            details: { vendor }
          })
      }),
      close
    )
    yield* VendorSpan.withSpan(vendor, (annotate) =>
      Effect.callback<void, BackendError>((resume) => {
        socket.once(
          "upgrade",
          (response) => annotate({ status: response.statusCode, requestId: requestIdOf(response) })
        )
        socket.once("open", () => resume(Effect.void))
        socket.once("unexpected-response", (_, response) => {
          const { headers } = response
          response.destroy()
          resume(Effect.fail(VendorError.fromStatus(vendor, {
            op,
            status: response.statusCode ?? 0,
            requestId: requestIdOf(response),
            retryAfter: headers["retry-after"]
          })))
        })
        const failed = new ConnectionFailed({ op, message: `could not connect to ${vendor}`, details: { vendor } })
        socket.once("error", () => resume(Effect.fail(failed)))
        socket.once("close", () => resume(Effect.fail(failed)))
      }).pipe(connectDeadline(op, `the connection to ${vendor}`, request.timeout, undefined, { vendor })))
    const closed = request.closed ?? ((code, reason) => VendorError.fromClose(vendor, { op, code, reason }))
    let over = false
    const end = (error: BackendError) => {
      if (over) return
      over = true
      listener.closed(error)
    }
    const terminate = (message: string) => {
      socket.terminate()
      end(new ConnectionFailed({ op, message: `${vendor} ${message}`, details: { vendor } }))
    }
    let alive = true
    const clock = yield* Clock.Clock
    const bytes = new BurstLimit(BYTES.burst, BYTES.perSecond)
    const messages = new BurstLimit(MESSAGES.burst, MESSAGES.perSecond)
    const paused = Latch.makeUnsafe(false)
    /** Stops reading while the server is over its bounds. */
    const count = (size: number): void => {
      const now = MonotonicTime.nowMs(clock)
      if (Math.max(bytes.spend(size, now), messages.spend(1, now)) <= 0) return
      if (socket.isPaused || socket.readyState !== WebSocket.OPEN) return
      socket.pause()
      paused.openUnsafe()
    }
    socket.on("ping", (data) => {
      alive = true
      count(data.length)
      if (socket.readyState === WebSocket.OPEN && socket.bufferedAmount < MAX_BACKLOG) socket.pong(data)
    })
    socket.on("message", (data, isBinary) => {
      alive = true
      count(sizeOf(data))
      if (over) return
      try {
        if (isBinary && listener.binary !== undefined) listener.binary(bytesOf(data))
        else listener.message(bytesOf(data).toString("utf8"))
      } catch (cause) {
        // in a socket's callback it would end the process
        socket.terminate()
        const message = `a message of ${vendor} could not be read`
        end(new PipelineError({ op, message, details: { vendor }, cause, retryable: true }))
      }
    })
    socket.on("pong", () => {
      alive = true
    })
    const redact = (reason: Buffer) =>
      secretsOf(request).reduce((text, secret) => text.replaceAll(secret, "<redacted>"), reason.toString("utf8"))
    socket.on("close", (code, reason) => end(closed(code, redact(reason))))
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        over = true
      })
    )
    yield* Effect.sleep(PING_EVERY).pipe(
      Effect.andThen(Effect.sync(() => {
        if (!alive) return terminate("did not answer a ping")
        alive = false
        if (socket.readyState === WebSocket.OPEN) socket.ping()
      })),
      Effect.forever,
      Effect.forkScoped
    )
    yield* Effect.gen(function*() {
      yield* paused.await
      while (true) {
        const now = MonotonicTime.nowMs(clock)
        const waitMs = Math.max(bytes.waitMs(now), messages.waitMs(now))
        if (waitMs <= 0) break
        yield* Effect.sleep(Math.ceil(waitMs))
      }
      paused.closeUnsafe()
      // what was not read meanwhile may hold the answer to a ping
      alive = true
      socket.resume()
    }).pipe(Effect.forever, Effect.forkScoped)
    return (message) => {
      if (over || socket.readyState !== WebSocket.OPEN) return
      if (socket.bufferedAmount > MAX_BACKLOG) return terminate("stopped reading: 4 MiB are unsent")
      socket.send(message)
    }
  })

const close = (socket: WebSocket): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    if (socket.readyState === WebSocket.CLOSED) return resume(Effect.void)
    socket.once("close", () => resume(Effect.void))
    // its closing frame is behind what was not read
    if (socket.isPaused) socket.resume()
    if (socket.readyState === WebSocket.OPEN) socket.close(1_000)
    else socket.terminate()
  }).pipe(
    finalizeWithin(CLOSE_WITHIN),
    Effect.andThen(Effect.sync(() => socket.terminate()))
  )
