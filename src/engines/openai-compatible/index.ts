/**
 * The language model of any server with `/v1/chat/completions`: OpenAI, Ollama, vLLM, llama.cpp, Groq.
 *
 * Responses are streamed; interrupting the stream aborts the request.
 *
 * @since 0.1.0
 */
import type * as LanguageModel from "effect/ai/LanguageModel"
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { InvalidConfig } from "../../BackendError.ts"
import { withDefault } from "../../schema/Defaults.ts"
import { boundedDuration } from "../../schema/Durations.ts"
import { encodeKeys } from "../../schema/EncodedKeys.ts"
import { secret } from "../../schema/Secret.ts"
import type * as EngineRegistry from "../../speech/EngineRegistry.ts"
import * as VendorKey from "../../wire/VendorKey.ts"
import * as HostedModel from "../hosted/llm/HostedModel.ts"
import * as HttpModel from "../hosted/llm/HttpModel.ts"
import { ChatDeltas } from "./ChatDeltas.ts"
import * as ChatErrors from "./ChatErrors.ts"
import * as ChatRequest from "./ChatRequest.ts"

const OPENAI = "https://api.openai.com/v1"

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

/**
 * Creates the model. Fails `invalid_config` when OpenAI's API has no key (`details.missing`).
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  options: OpenAiCompatibleOptions
): Effect.fn.Return<LanguageModel.LanguageModel, InvalidConfig, HttpClient.HttpClient> {
  const ofOpenAi = isOpenAi(options.url)
  const apiKey: Redacted.Redacted<string> | undefined = ofOpenAi
    ? yield* VendorKey.key("openai", options.apiKey, "OPENAI_API_KEY")
    : yield* VendorKey.optionalKey(ChatErrors.VENDOR, options.apiKey, undefined)
  const settings: ChatRequest.Settings = {
    ...options,
    maxTokensKey: ofOpenAi ? "max_completion_tokens" : "max_tokens"
  }
  let responses = 0
  return yield* HttpModel.make({
    ...options,
    vendor: ChatErrors.VENDOR,
    method: "chat.completions",
    provider: ofOpenAi ? "openai" : ChatErrors.VENDOR,
    requestIdHeader: "x-request-id",
    url: endpoint(options.url),
    redirects: true,
    authorize: (request) => apiKey === undefined ? request : HttpClientRequest.bearerToken(request, apiKey),
    encode: (prompt) => ChatRequest.encode(prompt, settings),
    decoder: (info, prompt) =>
      new ChatDeltas(info, {
        tools: prompt.tools.map(({ name }) => name),
        startsInThought: options.startsInThought,
        idPrefix: `call_${++responses}_`
      })
  })
})

const engine = HostedModel.make({
  name: ChatErrors.VENDOR,
  description: "A language model of any server with /v1/chat/completions: OpenAI, Ollama, vLLM, llama.cpp, Groq",
  options: OpenAiCompatibleOptions,
  make
})

/**
 * Provides the model on the `HttpClient` in the context.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerClient: HostedModel.HostedModel<OpenAiCompatibleOptions>["layerClient"] = engine.layerClient

/**
 * Provides the model on `fetch`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: HostedModel.HostedModel<OpenAiCompatibleOptions>["layer"] = engine.layer

/**
 * Registers as `openai-compatible`.
 *
 * @category definitions
 * @since 0.1.0
 */
export const definition: EngineRegistry.EngineDefinition<"llm"> = engine.definition
