/**
 * Starts a bot: `POST …/start` of Pipecat's runner or of Pipecat Cloud, whose response is the URL to connect to.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { type BackendError, ConnectionFailed, PipelineError } from "../../BackendError.ts"
import * as VendorSpan from "../../telemetry/VendorSpan.ts"
import { untraced } from "../../wire/UntracedHttp.ts"
import * as BotErrors from "./BotErrors.ts"

const Started = Schema.Struct({
  wsUrl: Schema.String.check(Schema.isMaxLength(8_192)),
  token: Schema.optionalKey(Schema.NullOr(Schema.String))
})
const decode = Schema.decodeUnknownResult(Schema.fromJsonString(Started))

const MAX_RESPONSE_BYTES = 65_536
const op = "SpeechToSpeech.start"

/**
 * The URL of a bot, and the token for it.
 *
 * @category models
 * @since 0.1.0
 */
export interface BotAddress {
  readonly url: string
  readonly token: Redacted.Redacted<string> | undefined
}

/**
 * Corrects the URL in the response of a start request. Pipecat's runner returns `wss:` for any host but `localhost`, although
 * it has no TLS: on the host and port of a plain HTTP request, `wss:` becomes `ws:`. Fails with what is wrong with the URL.
 *
 * @category conversions
 * @since 0.1.0
 */
export const addressOf = (startUrl: string, wsUrl: string): Result.Result<string, string> => {
  if (!URL.canParse(wsUrl)) return Result.fail("not a URL")
  const url = new URL(wsUrl)
  if (url.protocol !== "ws:" && url.protocol !== "wss:") return Result.fail("not a WebSocket URL")
  const requested = new URL(startUrl)
  if (requested.protocol === "http:" && url.protocol === "wss:" && url.hostname === requested.hostname) {
    const port = url.port === "" ? "443" : url.port
    if (port === (requested.port === "" ? "80" : requested.port)) url.protocol = "ws:"
  }
  return Result.succeed(url.href)
}

/**
 * Starts a bot. Fails with the error of the response's status; `pipeline_error` when the response is malformed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const start = Effect.fnUntraced(function*(options: {
  readonly url: string
  readonly apiKey: Redacted.Redacted<string> | undefined
  readonly body: { readonly [key: string]: unknown }
}): Effect.fn.Return<BotAddress, BackendError, HttpClient.HttpClient> {
  const { apiKey, body, url } = options
  const request = HttpClientRequest.post(url).pipe(
    HttpClientRequest.bodyJsonUnsafe({ transport: "websocket", body }),
    (request) => apiKey === undefined ? request : HttpClientRequest.bearerToken(request, apiKey)
  )
  const unreachable = () =>
    new ConnectionFailed({ op, message: "cannot reach engines.pipecat.start_url", details: { vendor: "pipecat" } })
  const response = yield* VendorSpan.withSpan("pipecat", (annotate) =>
    HttpClient.execute(request).pipe(
      untraced,
      Effect.mapError(unreachable),
      Effect.tap(({ status }) => Effect.sync(() => annotate({ status })))
    ))
  if (response.status < 200 || response.status > 299) {
    return yield* BotErrors.fromStatus(op, response.status, response.headers)
  }
  const malformed = (what: string) =>
    new PipelineError({
      op,
      message: `malformed response from engines.pipecat.start_url: ${what}`,
      details: { vendor: "pipecat", status: response.status },
      retryable: false
    })
  let bytes = 0
  const text = yield* response.stream.pipe(
    Stream.mapError(unreachable),
    Stream.tap((chunk) =>
      (bytes += chunk.length) > MAX_RESPONSE_BYTES
        ? Effect.fail(malformed(`more than ${MAX_RESPONSE_BYTES} bytes`))
        : Effect.void
    ),
    Stream.decodeText,
    Stream.mkString
  )
  const started = decode(text)
  if (Result.isFailure(started)) return yield* malformed("no wsUrl; is the bot's transport a WebSocket?")
  const address = addressOf(url, started.success.wsUrl)
  if (Result.isFailure(address)) return yield* malformed(`wsUrl is ${address.failure}`)
  const { token } = started.success
  return { url: address.success, token: token === undefined || token === null ? undefined : Redacted.make(token) }
})
