/**
 * A language model over HTTP, whose responses are streamed: what is the same for every vendor. A vendor is an encoder of requests
 * and a decoder of responses. Interrupting a response aborts its request.
 *
 * @since 0.1.0
 */
import * as AiError from "effect/ai/AiError"
import * as LanguageModel from "effect/ai/LanguageModel"
import type * as Response from "effect/ai/Response"
import * as Telemetry from "effect/ai/Telemetry"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { JsonRecord } from "../../../schema/Json.ts"
import * as VendorSpan from "../../../telemetry/VendorSpan.ts"
import { untraced } from "../../../wire/UntracedHttp.ts"
import * as VendorError from "../../../wire/VendorError.ts"
import * as ModelErrors from "./ModelErrors.ts"

/** How much of an error response is read, in bytes. */
const MAX_ERROR_BODY = 65_536

type Decoded = Result.Result<ReadonlyArray<Response.StreamPartEncoded>, AiError.AiError>

/**
 * Decodes one response.
 *
 * - `push`: the next piece of the body. `end`: its end; fails when the response was cut off.
 * - `progress`: changes when more of the response has come; not for keep-alives.
 * - `ended`: the server has told the end of the response; something may follow. `closed`: nothing more can follow.
 *
 * @category models
 * @since 0.1.0
 */
export interface ModelDecoder {
  readonly push: (text: string) => Decoded
  readonly end: () => Decoded
  readonly progress: number
  readonly ended: boolean
  readonly closed: boolean
}

/**
 * What a vendor is.
 *
 * - `vendor`: the name of the engine, and `method` that of its operation, in errors. `provider`: the name in spans.
 * - `requestIdHeader`: where the vendor tells the id of a request.
 * - `url`: of each request. `authorize` adds the headers, which are secrets: a redirect is followed only with `redirects`, where
 *   the client leaves them out elsewhere (`authorization`).
 * - `encode`: the body; fails with the part of a prompt that is not supported.
 * - `codecTransformer`: what the vendor makes of the schema of an object that is asked for. Default: nothing.
 *
 * @category models
 * @since 0.1.0
 */
export interface HttpModelOptions {
  readonly vendor: string
  readonly method: string
  readonly provider: string
  readonly requestIdHeader: string
  readonly model: string
  readonly temperature?: number | undefined
  readonly maxTokens?: number | undefined
  readonly timeout: Duration.Duration
  readonly url: string
  readonly redirects?: boolean | undefined
  readonly authorize: (request: HttpClientRequest.HttpClientRequest) => HttpClientRequest.HttpClientRequest
  readonly encode: (prompt: LanguageModel.ProviderOptions) => Result.Result<JsonRecord, string>
  readonly decoder: (info: ModelErrors.ResponseInfo, prompt: LanguageModel.ProviderOptions) => ModelDecoder
  readonly codecTransformer?: LanguageModel.CodecTransformer | undefined
}

/** The body as text, up to a limit in bytes. */
const bodyOf = (response: HttpClientResponse.HttpClientResponse, limit: number) => {
  let size = 0
  return response.stream.pipe(
    Stream.takeWhile((bytes) => (size += bytes.length) <= limit),
    Stream.decodeText,
    Stream.mkString
  )
}

type Parts = Stream.Stream<Response.StreamPartEncoded, AiError.AiError>

/**
 * Makes the model.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  options: HttpModelOptions
): Effect.fn.Return<LanguageModel.LanguageModel, never, HttpClient.HttpClient> {
  const { vendor } = options
  const client = yield* HttpClient.HttpClient
  const failed = (reason: AiError.AiErrorReason) => ModelErrors.make(vendor, options.method, reason)
  // without the HTTP client's message, which may contain the URL and with it a key
  const connectionLost = failed(
    new AiError.NetworkError({
      reason: "TransportError",
      method: "POST",
      url: "",
      description: `the connection failed: check engines.${vendor}.url`
    })
  )
  const timedOut = () =>
    Effect.fail(
      failed(new AiError.InternalProviderError({ description: `no data for ${Duration.format(options.timeout)}` }))
    )
  const withTimeout = Effect.timeoutOrElse({ duration: options.timeout, orElse: timedOut })

  const infoOf = (
    { headers, status }: HttpClientResponse.HttpClientResponse,
    nowMs: number
  ): ModelErrors.ResponseInfo => ({
    status,
    requestId: headers[options.requestIdHeader]?.slice(0, 200),
    retryAfterMs: VendorError.retryAfterMs(headers, nowMs)
  })

  const failure = (response: HttpClientResponse.HttpClientResponse, info: ModelErrors.ResponseInfo) =>
    bodyOf(response, MAX_ERROR_BODY).pipe(
      Effect.orElseSucceed(() => ""),
      withTimeout,
      Effect.flatMap((text) =>
        Effect.fail(failed(ModelErrors.fromResponse(vendor, info, ModelErrors.faultOfText(text))))
      )
    )

  const read = (response: HttpClientResponse.HttpClientResponse, decoder: ModelDecoder): Parts => {
    const emit = (parts: Decoded): Parts =>
      Result.isFailure(parts) ? Stream.fail(parts.failure) : Stream.fromIterable(parts.success)
    return response.stream.pipe(
      Stream.mapError(() => connectionLost),
      Stream.decodeText,
      untilClosed(decoder, options.timeout, timedOut),
      Stream.flatMap((piece) => emit(decoder.push(piece))),
      Stream.concat(Stream.suspend(() => emit(decoder.end())))
    )
  }

  const streamText = (prompt: LanguageModel.ProviderOptions): Parts =>
    Stream.unwrap(Effect.gen(function*() {
      Telemetry.addGenAIAnnotations(prompt.span, {
        operation: { name: "chat" },
        provider: { name: options.provider },
        request: { model: options.model, temperature: options.temperature, maxTokens: options.maxTokens }
      })
      const annotate = yield* VendorSpan.scoped(vendor)
      const body = options.encode(prompt)
      if (Result.isFailure(body)) {
        return Stream.fail(failed(new AiError.InvalidUserInputError({ description: body.failure })))
      }
      const request = options.authorize(
        HttpClientRequest.post(options.url).pipe(HttpClientRequest.bodyJsonUnsafe(body.success))
      )
      const response = yield* client.execute(request).pipe(
        untraced,
        options.redirects === true
          ? identity
          : Effect.provideService(FetchHttpClient.RequestInit, { redirect: "manual" }),
        Effect.mapError(() => connectionLost),
        withTimeout
      )
      const info = infoOf(response, yield* Clock.currentTimeMillis)
      annotate(info)
      return response.status >= 200 && response.status <= 299
        ? Stream.map(read(response, options.decoder(info, prompt)), (part) => {
          if (part.type === "finish") {
            Telemetry.addGenAIAnnotations(prompt.span, {
              usage: { inputTokens: part.usage.inputTokens.total, outputTokens: part.usage.outputTokens.total },
              response: { finishReasons: [part.reason] }
            })
          }
          return part
        })
        : Stream.fromEffect(failure(response, info))
    }))

  return yield* LanguageModel.make({
    streamText,
    codecTransformer: options.codecTransformer,
    generateText: (prompt) =>
      Effect.map(Stream.runCollect(streamText(prompt)), (parts) => {
        const text = parts.flatMap((part) => part.type === "text-delta" ? [part.delta] : []).join("")
        return [
          ...(text === "" ? [] : [{ type: "text" as const, text }]),
          ...parts.flatMap((part) => part.type === "tool-call" || part.type === "finish" ? [part] : [])
        ]
      })
  })
})

/** How long to wait for what may follow the end of a response, which is its usage. */
const AFTER_END = Duration.seconds(1)

/**
 * Bounds the wait for the next chunk; keep-alives do not prolong it. When the response has ended, whatever happens to the
 * connection ends the stream.
 */
const untilClosed = (
  decoder: ModelDecoder,
  timeout: Duration.Duration,
  timedOut: () => Effect.Effect<never, AiError.AiError>
) =>
(text: Stream.Stream<string, AiError.AiError>): Stream.Stream<string, AiError.AiError> =>
  Stream.transformPull(text, (pull) =>
    Effect.map(Clock.monotonicTimeNanos, (startedAt) => {
      let progress = 0
      let since = startedAt
      return Effect.flatMap(Clock.monotonicTimeNanos, (now) => {
        if (decoder.closed) return Cause.done()
        if (decoder.progress !== progress) {
          progress = decoder.progress
          since = now
        }
        const left = Duration.subtract(timeout, Duration.nanos(now - since))
        return pull.pipe(
          Effect.timeoutOrElse({
            duration: decoder.ended ? AFTER_END : left,
            orElse: (): Effect.Effect<never, AiError.AiError | Cause.Done> => decoder.ended ? Cause.done() : timedOut()
          }),
          Effect.catch((error) => decoder.ended ? Cause.done() : Effect.fail(error))
        )
      })
    }))
