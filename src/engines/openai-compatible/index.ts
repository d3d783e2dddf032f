/**
 * The language model of any server with `/v1/chat/completions`: OpenAI, Ollama, vLLM, llama.cpp, Groq.
 *
 * Responses are streamed; interrupting the stream aborts the request.
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
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { BackendError, InvalidConfig } from "../../BackendError.ts"
import { withDefault } from "../../schema/Defaults.ts"
import { boundedDuration } from "../../schema/Durations.ts"
import { encodeKeys } from "../../schema/EncodedKeys.ts"
import { secret } from "../../schema/Secret.ts"
import * as EngineRegistry from "../../speech/EngineRegistry.ts"
import * as VendorSpan from "../../telemetry/VendorSpan.ts"
import { untraced } from "../../wire/UntracedHttp.ts"
import * as VendorError from "../../wire/VendorError.ts"
import * as VendorKey from "../../wire/VendorKey.ts"
import { ChatDeltas } from "./ChatDeltas.ts"
import * as ChatErrors from "./ChatErrors.ts"
import * as ChatRequest from "./ChatRequest.ts"

const OPENAI = "https://api.openai.com/v1"

/** How much of an error response is read, in bytes. */
const MAX_ERROR_BODY = 65_536

/**
 * Options of the engine, with defaults and limits.
 *
 * - `url`: the base URL of the server, with its `/v1`. Default: OpenAI's.
 * - `model`: the server's name of the model. Required.
 * - `apiKey`: a secret. Default: with OpenAI's URL the environment variable `OPENAI_API_KEY`; elsewhere none is sent.
 * - `instructions`: the first system message. Responses are spoken: ask for short sentences.
 * - `temperature`: the sampling temperature, [0, 2]. Default: the model's.
 * - `maxTokens`: the longest response, in tokens. Default: the server's.
 * - `startsInThought`: whether the model's chat template opens its thought, so that only the closing tag arrives: then nothing
 *   before that tag is spoken. Default: false; it is noticed at the first such answer.
 * - `timeout`: how long the server may take to the first chunk, and between two; keep-alives do not count. Default 30 s,
 *   [1 s, 5 min].
 *
 * @category models
 * @since 0.1.0
 */
export const OpenAiCompatibleOptions = Schema.Struct({
  url: Schema.String.check(
    Schema.isPattern(/^https?:\/\/[^\s]+$/u, { expected: "an http:// or https:// URL" }),
    Schema.isMaxLength(2_048)
  ).pipe(
    withDefault(OPENAI)
  ),
  model: Schema.NonEmptyString.check(Schema.isMaxLength(256)),
  apiKey: Schema.optionalKey(secret({ min: 1, header: true })),
  instructions: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(65_536))),
  temperature: Schema.optionalKey(Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 2 }))),
  maxTokens: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000_000 }))),
  startsInThought: Schema.optionalKey(Schema.Boolean),
  timeout: boundedDuration("1 second", "5 minutes").pipe(withDefault("30s"))
}).pipe(encodeKeys({ apiKey: "api_key", maxTokens: "max_tokens", startsInThought: "starts_in_thought" }))

/**
 * The decoded options.
 *
 * @category models
 * @since 0.1.0
 */
export type OpenAiCompatibleOptions = typeof OpenAiCompatibleOptions.Type

const isOpenAi = (url: string): boolean => URL.canParse(url) && new URL(url).host === "api.openai.com"

const endpoint = (url: string): string => {
  const base = url.replace(/\/+$/u, "")
  return base.endsWith("/chat/completions") ? base : `${base}/chat/completions`
}

const infoOf = (
  { headers, status }: HttpClientResponse.HttpClientResponse,
  nowMs: number
): ChatErrors.ResponseInfo => ({
  status,
  requestId: headers["x-request-id"]?.slice(0, 200),
  retryAfterMs: VendorError.retryAfterMs(headers, nowMs)
})

/** Without the HTTP client's message, which may contain the URL and with it a key. */
const connectionLost = ChatErrors.make(
  new AiError.NetworkError({
    reason: "TransportError",
    method: "POST",
    url: "",
    description: "the connection failed: check engines.openai-compatible.url"
  })
)

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
 * Creates the model. Fails `invalid_config` when OpenAI's API has no key (`details.missing`).
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  options: OpenAiCompatibleOptions
): Effect.fn.Return<LanguageModel.LanguageModel, InvalidConfig, HttpClient.HttpClient> {
  const client = yield* HttpClient.HttpClient
  const apiKey: Redacted.Redacted<string> | undefined = isOpenAi(options.url)
    ? yield* VendorKey.key("openai", options.apiKey, "OPENAI_API_KEY")
    : yield* VendorKey.optionalKey(ChatErrors.VENDOR, options.apiKey, undefined)
  const settings: ChatRequest.Settings = {
    ...options,
    maxTokensKey: isOpenAi(options.url) ? "max_completion_tokens" : "max_tokens"
  }
  const timedOut = () =>
    Effect.fail(
      ChatErrors.make(
        new AiError.InternalProviderError({ description: `no data for ${Duration.format(options.timeout)}` })
      )
    )
  const withTimeout = Effect.timeoutOrElse({ duration: options.timeout, orElse: timedOut })

  const failure = (response: HttpClientResponse.HttpClientResponse, info: ChatErrors.ResponseInfo) =>
    bodyOf(response, MAX_ERROR_BODY).pipe(
      Effect.orElseSucceed(() => ""),
      withTimeout,
      Effect.flatMap((text) =>
        Effect.fail(ChatErrors.make(ChatErrors.fromResponse(info, ChatErrors.faultOfText(text))))
      )
    )

  let responses = 0
  const read = (
    response: HttpClientResponse.HttpClientResponse,
    info: ChatErrors.ResponseInfo,
    tools: ReadonlyArray<string>
  ): Parts => {
    const deltas = new ChatDeltas(info, {
      tools,
      startsInThought: options.startsInThought,
      idPrefix: `call_${++responses}_`
    })
    const emit = (parts: ReturnType<ChatDeltas["end"]>): Parts =>
      Result.isFailure(parts) ? Stream.fail(parts.failure) : Stream.fromIterable(parts.success)
    return response.stream.pipe(
      Stream.mapError(() => connectionLost),
      Stream.decodeText,
      untilClosed(deltas, options.timeout, timedOut),
      Stream.flatMap((piece) => emit(deltas.push(piece))),
      Stream.concat(Stream.suspend(() => emit(deltas.end())))
    )
  }

  const streamText = (prompt: LanguageModel.ProviderOptions): Parts =>
    Stream.unwrap(Effect.gen(function*() {
      Telemetry.addGenAIAnnotations(prompt.span, {
        operation: { name: "chat" },
        provider: { name: isOpenAi(options.url) ? "openai" : ChatErrors.VENDOR },
        request: { model: options.model, temperature: options.temperature, maxTokens: options.maxTokens }
      })
      const annotate = yield* VendorSpan.scoped(ChatErrors.VENDOR)
      const body = ChatRequest.encode(prompt, settings)
      if (Result.isFailure(body)) {
        return Stream.fail(ChatErrors.make(new AiError.InvalidUserInputError({ description: body.failure })))
      }
      const request = HttpClientRequest.post(endpoint(options.url)).pipe(
        HttpClientRequest.bodyJsonUnsafe(body.success),
        (request) => apiKey === undefined ? request : HttpClientRequest.bearerToken(request, apiKey)
      )
      const response = yield* client.execute(request).pipe(untraced, Effect.mapError(() => connectionLost), withTimeout)
      const info = infoOf(response, yield* Clock.currentTimeMillis)
      annotate(info)
      return response.status >= 200 && response.status <= 299
        ? Stream.map(read(response, info, prompt.tools.map(({ name }) => name)), (part) => {
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
  deltas: ChatDeltas,
  timeout: Duration.Duration,
  timedOut: () => Effect.Effect<never, AiError.AiError>
) =>
(text: Stream.Stream<string, AiError.AiError>): Stream.Stream<string, AiError.AiError> =>
  Stream.transformPull(text, (pull) =>
    Effect.map(Clock.monotonicTimeNanos, (startedAt) => {
      let progress = 0
      let since = startedAt
      return Effect.flatMap(Clock.monotonicTimeNanos, (now) => {
        if (deltas.closed) return Cause.done()
        if (deltas.progress !== progress) {
          progress = deltas.progress
          since = now
        }
        const left = Duration.subtract(timeout, Duration.nanos(now - since))
        return pull.pipe(
          Effect.timeoutOrElse({
            duration: deltas.ended ? AFTER_END : left,
            orElse: (): Effect.Effect<never, AiError.AiError | Cause.Done> => deltas.ended ? Cause.done() : timedOut()
          }),
          Effect.catch((error) => deltas.ended ? Cause.done() : Effect.fail(error))
        )
      })
    }))

/**
 * Provides the model on the `HttpClient` in the context.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerClient = (
  options: Partial<OpenAiCompatibleOptions> & Pick<OpenAiCompatibleOptions, "model">
): Layer.Layer<LanguageModel.LanguageModel, BackendError, HttpClient.HttpClient> =>
  Layer.effect(
    LanguageModel.LanguageModel,
    EngineRegistry.complete(ChatErrors.VENDOR, OpenAiCompatibleOptions, options, { model: options.model }).pipe(
      Effect.flatMap(make)
    )
  )

/**
 * Provides the model on `fetch`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Partial<OpenAiCompatibleOptions> & Pick<OpenAiCompatibleOptions, "model">
): Layer.Layer<LanguageModel.LanguageModel, BackendError> =>
  layerClient(options).pipe(Layer.provide(FetchHttpClient.layer))

/**
 * Registers as `openai-compatible`.
 *
 * @category definitions
 * @since 0.1.0
 */
export const definition: EngineRegistry.EngineDefinition<"llm"> = EngineRegistry.define({
  kind: "llm",
  name: ChatErrors.VENDOR,
  description: "A language model of any server with /v1/chat/completions: OpenAI, Ollama, vLLM, llama.cpp, Groq",
  options: OpenAiCompatibleOptions,
  layer: (options) =>
    Layer.effect(LanguageModel.LanguageModel, make(options)).pipe(Layer.provide(FetchHttpClient.layer))
})
