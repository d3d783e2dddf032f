/**
 * The HTTP client of the telemetry export, with limits on time, attempts and concurrent requests.
 *
 * Effect's exporter keeps what it cannot deliver, waits as long as the receiver's `Retry-After` says, and has no deadline. This
 * client adds the limits: 10 s per batch with all its attempts, and four batches at once. A failure after that is final: the
 * exporter drops what it holds and pauses for a minute.
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

/** For one batch, with all its attempts. */
const DEADLINE = Duration.seconds(10)
/** For one attempt. */
const ATTEMPT = Duration.seconds(4)
const ATTEMPTS = 3
/** Concurrent batches of all signals. */
const MAX_CONCURRENT = 4
/** How much of a response is read. */
const MAX_RESPONSE_BYTES = 65_536
/** A longer `Retry-After` is shortened to this. */
const MAX_WAIT_MS = 5_000

/** Reads a response to its end, or closes it once it is longer than the limit. */
const drainResponse = (response: HttpClientResponse.HttpClientResponse) => {
  let bytes = 0
  return response.stream.pipe(
    Stream.takeWhile((chunk) => (bytes += chunk.length) <= MAX_RESPONSE_BYTES),
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

/** Says what failed, without a URL or a header. */
const reasonOf = (error: unknown): string => {
  if (!HttpClientError.isHttpClientError(error)) return "timed out"
  return error.reason._tag === "StatusCodeError" ? `status ${error.reason.response.status}` : "connection failed"
}

/**
 * Whether telemetry is delivered: what is wrong since the last batch failed.
 *
 * @category models
 * @since 0.1.0
 */
export interface ExportState {
  failing: string | undefined
}

/**
 * Adds the limits to a client. A failure is of a kind that the exporter does not retry. The first failure, and the first
 * success after it, are logged with the host only.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withLimits = (
  client: HttpClient.HttpClient,
  state: ExportState = { failing: undefined }
): HttpClient.HttpClient => {
  let concurrent = 0
  return client.pipe(HttpClient.transform((effect, request) => {
    const host = URL.canParse(request.url) ? new URL(request.url).host : "the receiver"
    const final = (description: string) =>
      new HttpClientError.HttpClientError({ reason: new HttpClientError.EncodeError({ request, description }) })
    const once = effect.pipe(
      Effect.flatMap(HttpClientResponse.filterStatusOk),
      Effect.flatMap(drainResponse),
      Effect.tapError((error) => error.response === undefined ? Effect.void : drainResponse(error.response)),
      Effect.timeout(ATTEMPT)
    )
    const attempt = (count: number): typeof once =>
      Effect.catchIf(
        once,
        (error) => count + 1 < ATTEMPTS && HttpClient.isTransientError(error),
        (error) => Effect.andThen(Effect.sleep(Duration.millis(waitMs(error, count))), attempt(count + 1))
      )
    return Effect.suspend(() => {
      if (concurrent >= MAX_CONCURRENT) return Effect.fail(final(`${MAX_CONCURRENT} batches are being sent already`))
      concurrent++
      return attempt(0).pipe(
        Effect.timeout(DEADLINE),
        Effect.tap(() => {
          if (state.failing === undefined) return Effect.void
          state.failing = undefined
          return Effect.logInfo(`telemetry export to ${host} works again`)
        }),
        Effect.catch((error) => {
          const first = state.failing === undefined
          state.failing = `the receiver ${host} does not take telemetry (${reasonOf(error)}); it is dropped`
          const log = first
            ? Effect.logWarning(
              `telemetry export to ${host} failed (${reasonOf(error)}); data is dropped, next attempt in a minute`
            )
            : Effect.void
          return Effect.andThen(log, Effect.fail(final(reasonOf(error))))
        }),
        Effect.ensuring(Effect.sync(() => {
          concurrent--
        }))
      )
    })
  }))
}

/**
 * Adds the limits to the provided HTTP client.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (state?: ExportState): Layer.Layer<HttpClient.HttpClient, never, HttpClient.HttpClient> =>
  Layer.effect(HttpClient.HttpClient, Effect.map(HttpClient.HttpClient, (client) => withLimits(client, state)))
