/**
 * The HTTP client that telemetry leaves by: bounded in time, in attempts and in what is under way at once.
 *
 * Effect's exporter keeps what it cannot deliver, waits as long as a receiver's `Retry-After` says, and sets no deadline. This
 * client takes that over: a batch has 10 s with all its attempts, four batches may be under way, and whatever fails then is
 * final, upon which the exporter drops what it holds and is silent for a minute.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"

/** Of one batch, with all its attempts. */
const DEADLINE = Duration.seconds(10)
/** Of one attempt. */
const ATTEMPT = Duration.seconds(4)
const ATTEMPTS = 3
/** Batches under way at once, of all signals. */
const MAX_UNDER_WAY = 4
/** What is read of an answer. */
const MAX_ANSWER_BYTES = 65_536
/** A `Retry-After` counts up to this. */
const MAX_WAIT_MS = 5_000

/** Read to its end, or closed once it is longer than an answer may be. */
const drained = (response: HttpClientResponse.HttpClientResponse) => {
  let bytes = 0
  return response.stream.pipe(
    Stream.takeWhile((chunk) => (bytes += chunk.length) <= MAX_ANSWER_BYTES),
    Stream.runDrain,
    Effect.ignore,
    Effect.as(HttpClientResponse.fromWeb(response.request, new Response(null, { status: 200 })))
  )
}

const waitMs = (error: unknown, attempt: number): number => {
  const header = HttpClientError.isHttpClientError(error) ? error.response?.headers["retry-after"] : undefined
  const seconds = header !== undefined && /^\d{1,9}$/.test(header.trim()) ? Number(header) : undefined
  return Math.min(MAX_WAIT_MS, seconds === undefined ? 500 * 2 ** attempt : seconds * 1000)
}

/** What failed, in words that hold no address and no header. */
const reasonOf = (error: unknown): string => {
  if (!HttpClientError.isHttpClientError(error)) return "no answer in time"
  return error.reason._tag === "StatusCodeError" ? `status ${error.reason.response.status}` : "no connection"
}

/**
 * Bounds a client. What fails is final: the error is none that whoever calls would try again. The first failure, and the
 * first success after it, are logged, without more than the host.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withLimits = (client: HttpClient.HttpClient): HttpClient.HttpClient => {
  let underWay = 0
  let failing = false
  return client.pipe(HttpClient.transform((effect, request) => {
    const host = URL.canParse(request.url) ? new URL(request.url).host : "the receiver"
    const final = (description: string) =>
      new HttpClientError.HttpClientError({ reason: new HttpClientError.EncodeError({ request, description }) })
    const once = effect.pipe(
      Effect.flatMap(HttpClientResponse.filterStatusOk),
      Effect.flatMap(drained),
      Effect.tapError((error) => error.response === undefined ? Effect.void : drained(error.response)),
      Effect.timeout(ATTEMPT)
    )
    const attempt = (count: number): typeof once =>
      Effect.catchIf(
        once,
        (error) => count + 1 < ATTEMPTS && HttpClient.isTransientError(error),
        (error) => Effect.andThen(Effect.sleep(Duration.millis(waitMs(error, count))), attempt(count + 1))
      )
    return Effect.suspend(() => {
      if (underWay >= MAX_UNDER_WAY) return Effect.fail(final("too much is under way"))
      underWay++
      return attempt(0).pipe(
        Effect.timeout(DEADLINE),
        Effect.tap(() => {
          if (!failing) return Effect.void
          failing = false
          return Effect.logInfo(`telemetry is delivered to ${host} again`)
        }),
        Effect.catch((error) => {
          const first = !failing
          failing = true
          const told = first
            ? Effect.logWarning(
              `telemetry can't be delivered to ${host} (${reasonOf(error)}): it is dropped, and tried again each minute`
            )
            : Effect.void
          return Effect.andThen(told, Effect.fail(final(reasonOf(error))))
        }),
        Effect.ensuring(Effect.sync(() => {
          underWay--
        }))
      )
    })
  }))
}

/**
 * Puts the bounds around the client below.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<HttpClient.HttpClient, never, HttpClient.HttpClient> = Layer.effect(
  HttpClient.HttpClient,
  Effect.map(HttpClient.HttpClient, withLimits)
)
