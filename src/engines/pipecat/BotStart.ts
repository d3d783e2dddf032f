/**
 * Asking Pipecat for a bot: `POST …/start` of its runner and of Pipecat Cloud, which answer where to connect to.
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

const MAX_ANSWER_BYTES = 65_536
const op = "SpeechToSpeech.start"

/**
 * Where a bot waits for its client.
 *
 * @category models
 * @since 0.1.0
 */
export interface BotAddress {
  readonly url: string
  readonly token: Redacted.Redacted<string> | undefined
}

/**
 * The address to connect to, of the one that a start has answered. Pipecat's own runner says `wss:` for any host but
 * `localhost`, though it speaks plainly: an address on the very host and port that was asked in plain HTTP is plain too.
 *
 * @category conversions
 * @since 0.1.0
 */
export const addressOf = (startUrl: string, wsUrl: string): Result.Result<string, string> => {
  if (!URL.canParse(wsUrl)) return Result.fail("no URL")
  const url = new URL(wsUrl)
  if (url.protocol !== "ws:" && url.protocol !== "wss:") return Result.fail("no URL of a WebSocket")
  const asked = new URL(startUrl)
  if (asked.protocol === "http:" && url.protocol === "wss:" && url.hostname === asked.hostname) {
    const port = url.port === "" ? "443" : url.port
    if (port === (asked.port === "" ? "80" : asked.port)) url.protocol = "ws:"
  }
  return Result.succeed(url.href)
}

/**
 * Starts a bot. Fails as its server refuses; `pipeline_error` when it answers something that makes no sense.
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
    new ConnectionFailed({ op, message: "the bot's server cannot be reached", details: { vendor: "pipecat" } })
  const response = yield* VendorSpan.withSpan("pipecat", (annotate) =>
    HttpClient.execute(request).pipe(
      untraced,
      Effect.mapError(unreachable),
      Effect.tap(({ status }) => Effect.sync(() => annotate({ status })))
    ))
  if (response.status < 200 || response.status > 299) {
    return yield* BotErrors.ofStatus(op, response.status, response.headers)
  }
  const nonsense = (what: string) =>
    new PipelineError({
      op,
      message: `the bot's server started nothing that we can connect to: ${what}`,
      details: { vendor: "pipecat", status: response.status },
      retryable: false
    })
  let bytes = 0
  const text = yield* response.stream.pipe(
    Stream.mapError(unreachable),
    Stream.tap((chunk) =>
      (bytes += chunk.length) > MAX_ANSWER_BYTES
        ? Effect.fail(nonsense(`its answer has more than ${MAX_ANSWER_BYTES} bytes`))
        : Effect.void
    ),
    Stream.decodeText,
    Stream.mkString
  )
  const started = decode(text)
  if (Result.isFailure(started)) return yield* nonsense("its answer has no wsUrl")
  const address = addressOf(url, started.success.wsUrl)
  if (Result.isFailure(address)) return yield* nonsense(`its wsUrl is ${address.failure}`)
  const { token } = started.success
  return { url: address.success, token: token === undefined || token === null ? undefined : Redacted.make(token) }
})
