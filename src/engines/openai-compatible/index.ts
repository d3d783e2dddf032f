/**
 * The language model of any server that speaks `/v1/chat/completions`: OpenAI, Ollama, vLLM, llama.cpp, Groq.
 *
 * Answers are streamed; whoever stops reading one aborts its request.
 *
 * @since 0.1.0
 */
import * as AiError from "effect/ai/AiError"
import * as LanguageModel from "effect/ai/LanguageModel"
import type * as Response from "effect/ai/Response"
import * as Telemetry from "effect/ai/Telemetry"
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
import * as Json from "../../schema/Json.ts"
import { secret } from "../../schema/Secret.ts"
import * as EngineRegistry from "../../speech/EngineRegistry.ts"
import * as VendorSpan from "../../telemetry/VendorSpan.ts"
import { untraced } from "../../wire/UntracedHttp.ts"
import * as VendorKey from "../../wire/VendorKey.ts"
import { ChatDeltas } from "./ChatDeltas.ts"
import * as ChatErrors from "./ChatErrors.ts"
import * as ChatRequest from "./ChatRequest.ts"

const OPENAI = "https://api.openai.com/v1"

/** Of a refusal, so much is read. */
const MAX_REFUSAL = 65_536

/**
 * - `url`: of the server, with its `/v1`. OpenAI's.
 * - `model`: the model, as the server names it. Required.
 * - `apiKey`: a secret. Default: with OpenAI's URL the environment variable `OPENAI_API_KEY`; elsewhere none is sent.
 * - `instructions`: what the model is told of its role, before all else. Its answers are spoken: ask for short sentences.
 * - `temperature`: how freely it answers, [0, 2]. Default: the model's.
 * - `maxTokens`: the longest answer, in tokens. Default: the server's.
 * - `timeout`: how long the server may be silent: to its first word, and between two. 30 s, [1 s, 5 min].
 *
 * @category models
 * @since 0.1.0
 */
export const OpenAiCompatibleOptions = Schema.Struct({
  url: Schema.String.check(Schema.isPattern(/^https?:\/\/[^\s]+$/u), Schema.isMaxLength(2_048)).pipe(
    withDefault(OPENAI)
  ),
  model: Schema.NonEmptyString.check(Schema.isMaxLength(256)),
  apiKey: Schema.optionalKey(secret({ min: 1 })),
  instructions: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(65_536))),
  temperature: Schema.optionalKey(Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 2 }))),
  maxTokens: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000_000 }))),
  timeout: boundedDuration("1 second", "5 minutes").pipe(withDefault("30s"))
}).pipe(Schema.encodeKeys({ apiKey: "api_key", maxTokens: "max_tokens" }))

/**
 * @category models
 * @since 0.1.0
 */
export type OpenAiCompatibleOptions = typeof OpenAiCompatibleOptions.Type

const isOpenAi = (url: string): boolean => URL.canParse(url) && new URL(url).host === "api.openai.com"

const endpoint = (url: string): string => {
  const base = url.replace(/\/+$/u, "")
  return base.endsWith("/chat/completions") ? base : `${base}/chat/completions`
}

const answeredOf = (
  { headers, status }: HttpClientResponse.HttpClientResponse,
  nowMs: number
): ChatErrors.Answered => ({
  status,
  requestId: headers["x-request-id"]?.slice(0, 200),
  retryAfterMs: ChatErrors.retryAfterMs(headers, nowMs)
})

/** A lost line; what the client says of it may hold the URL, and the URL a key. */
const lost = ChatErrors.make(
  new AiError.NetworkError({ reason: "TransportError", method: "POST", url: "", description: "the line was lost" })
)

/** The body as text, as far as it is read; a line that is lost meanwhile ends it. */
const bodyOf = (response: HttpClientResponse.HttpClientResponse, most: number) => {
  let size = 0
  return response.stream.pipe(
    Stream.takeWhile((bytes) => (size += bytes.length) <= most),
    Stream.decodeText,
    Stream.mkString
  )
}

type Parts = Stream.Stream<Response.StreamPartEncoded, AiError.AiError>

/**
 * Makes the model. Fails `invalid_config` when OpenAI's URL has no key (`details.missing`).
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
    : options.apiKey
  const settings: ChatRequest.Settings = {
    ...options,
    maxTokensKey: isOpenAi(options.url) ? "max_completion_tokens" : "max_tokens"
  }
  const silent = () =>
    Effect.fail(
      ChatErrors.make(
        new AiError.InternalProviderError({ description: `silent for ${Duration.format(options.timeout)}` })
      )
    )
  const inTime = Effect.timeoutOrElse({ duration: options.timeout, orElse: silent })

  const refusal = (response: HttpClientResponse.HttpClientResponse, answered: ChatErrors.Answered) =>
    bodyOf(response, MAX_REFUSAL).pipe(
      Effect.orElseSucceed(() => ""),
      inTime,
      Effect.flatMap((text) => {
        const body = Json.parse(text)
        return Effect.fail(ChatErrors.make(ChatErrors.reasonOf(answered, ChatErrors.codesOf(body) ?? [])))
      })
    )

  const read = (response: HttpClientResponse.HttpClientResponse, answered: ChatErrors.Answered): Parts => {
    const deltas = new ChatDeltas(answered)
    const emit = (parts: ReturnType<ChatDeltas["end"]>): Parts =>
      Result.isFailure(parts) ? Stream.fail(parts.failure) : Stream.fromIterable(parts.success)
    const whole = (response.headers["content-type"] ?? "").includes("application/json")
    const text: Stream.Stream<string, AiError.AiError> = Stream.transformPull(
      Stream.decodeText(Stream.mapError(response.stream, () => lost)),
      (pull) => Effect.succeed(inTime(pull))
    )
    const pushed = whole
      ? Stream.fromEffect(Stream.mkString(Stream.takeWhile(text, within(4_194_304)))).pipe(
        Stream.flatMap((body) => emit(deltas.whole(body)))
      )
      : Stream.flatMap(text, (piece) => emit(deltas.push(piece)))
    return Stream.concat(pushed, Stream.suspend(() => emit(deltas.end())))
  }

  const streamText = (asked: LanguageModel.ProviderOptions): Parts =>
    Stream.unwrap(Effect.gen(function*() {
      Telemetry.addGenAIAnnotations(asked.span, {
        operation: { name: "chat" },
        provider: { name: isOpenAi(options.url) ? "openai" : ChatErrors.VENDOR },
        request: { model: options.model, temperature: options.temperature, maxTokens: options.maxTokens }
      })
      const annotate = yield* VendorSpan.scoped(ChatErrors.VENDOR)
      const body = ChatRequest.encode(asked, settings)
      if (Result.isFailure(body)) {
        return Stream.fail(ChatErrors.make(new AiError.InvalidUserInputError({ description: body.failure })))
      }
      const request = HttpClientRequest.post(endpoint(options.url)).pipe(
        HttpClientRequest.bodyJsonUnsafe(body.success),
        (request) => apiKey === undefined ? request : HttpClientRequest.bearerToken(request, apiKey)
      )
      const response = yield* client.execute(request).pipe(untraced, Effect.mapError(() => lost), inTime)
      const answered = answeredOf(response, yield* Clock.currentTimeMillis)
      annotate(answered)
      return response.status >= 200 && response.status <= 299
        ? Stream.map(read(response, answered), (part) => {
          if (part.type === "finish") {
            Telemetry.addGenAIAnnotations(asked.span, {
              usage: { inputTokens: part.usage.inputTokens.total, outputTokens: part.usage.outputTokens.total },
              response: { finishReasons: [part.reason] }
            })
          }
          return part
        })
        : Stream.fromEffect(refusal(response, answered))
    }))

  return yield* LanguageModel.make({
    streamText,
    generateText: (asked) =>
      Effect.map(Stream.runCollect(streamText(asked)), (parts) => {
        const text = parts.flatMap((part) => part.type === "text-delta" ? [part.delta] : []).join("")
        return [
          ...(text === "" ? [] : [{ type: "text" as const, text }]),
          ...parts.flatMap((part) => part.type === "tool-call" || part.type === "finish" ? [part] : [])
        ]
      })
  })
})

const within = (most: number) => {
  let size = 0
  return (text: string) => (size += text.length) <= most
}

/**
 * The model as a Layer, for a program that has a client of its own.
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
 * The model as a Layer.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Partial<OpenAiCompatibleOptions> & Pick<OpenAiCompatibleOptions, "model">
): Layer.Layer<LanguageModel.LanguageModel, BackendError> =>
  layerClient(options).pipe(Layer.provide(FetchHttpClient.layer))

/**
 * The engine `openai-compatible`.
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
