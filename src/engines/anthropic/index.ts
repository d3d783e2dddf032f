/**
 * Anthropic's language models, by the Messages API.
 *
 * Responses are streamed; interrupting the stream aborts the request. The API is spoken here and not by `@effect/ai-anthropic`,
 * whose releases are for Effect 3 and whose beta is for a beta of Effect 4.
 *
 * @since 0.1.0
 */
import * as AnthropicStructuredOutput from "effect/ai/AnthropicStructuredOutput"
import type * as LanguageModel from "effect/ai/LanguageModel"
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { InvalidConfig } from "../../BackendError.ts"
import { withDefault } from "../../schema/Defaults.ts"
import { boundedDuration } from "../../schema/Durations.ts"
import { encodeKeys } from "../../schema/EncodedKeys.ts"
import type * as EngineRegistry from "../../speech/EngineRegistry.ts"
import { CallMarks } from "../hosted/llm/CallMarks.ts"
import * as HostedModel from "../hosted/llm/HostedModel.ts"
import * as HttpModel from "../hosted/llm/HttpModel.ts"
import * as ModelOptions from "../hosted/llm/ModelOptions.ts"
import { MessageDeltas, VENDOR } from "./MessageDeltas.ts"
import * as MessagesRequest from "./MessagesRequest.ts"

const ANTHROPIC = "https://api.anthropic.com"
/** The revision of the API. */
const VERSION = "2023-06-01"

/**
 * Options of the engine, with defaults and limits.
 *
 * - `url`: the base URL of the API, without its `/v1`. Default: Anthropic's.
 * - `model`: the name of the model. Required.
 * - `apiKey`: a secret. Default: with Anthropic's URL the environment variable `ANTHROPIC_API_KEY`; elsewhere none is sent.
 * - `instructions`: the beginning of the system prompt. Responses are spoken: ask for short sentences.
 * - `temperature`: the sampling temperature, [0, 1]. Default: the model's. Newer models take none.
 * - `maxTokens`: the longest response, in tokens, thoughts included. Default 4,096.
 * - `effort`: how much a model thinks and writes: `low`, `medium`, `high`, `xhigh` or `max`. Default: the model's. A caller waits
 *   for it. Models before Claude 4.5 take none.
 * - `thinking`: when a model thinks: `adaptive`, `between_tools` (not before the first word) or `disabled`. Default: the model's,
 *   which for newer ones is `adaptive`. Not every model takes each.
 * - `cachePrompt`: whether the API keeps the beginning of the prompt for five minutes, so that the next turn is answered sooner and
 *   costs less. Default: false; writing to the cache costs a quarter more.
 * - `timeout`: how long the server may take to the first event, and between two; pings do not count. Default 30 s, [1 s, 5 min].
 *
 * @category models
 * @since 0.1.0
 */
export const AnthropicOptions = Schema.Struct({
  url: ModelOptions.url.pipe(withDefault(ANTHROPIC)),
  model: ModelOptions.model,
  apiKey: ModelOptions.apiKey,
  instructions: ModelOptions.instructions,
  temperature: Schema.optionalKey(Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }))),
  maxTokens: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000_000 })).pipe(withDefault(4_096)),
  effort: Schema.optionalKey(Schema.Literals(["low", "medium", "high", "xhigh", "max"])),
  thinking: Schema.optionalKey(Schema.Literals(["adaptive", "between_tools", "disabled"])),
  cachePrompt: Schema.Boolean.pipe(withDefault(false)),
  timeout: boundedDuration("1 second", "5 minutes").pipe(withDefault("30s"))
}).pipe(encodeKeys({ apiKey: "api_key", maxTokens: "max_tokens", cachePrompt: "cache_prompt" }))

/**
 * The decoded options.
 *
 * @category models
 * @since 0.1.0
 */
export type AnthropicOptions = typeof AnthropicOptions.Type

const endpoint = (url: string): string => {
  const base = url.replace(/\/+$/u, "").replace(/\/v1(?:\/messages)?$/u, "")
  return `${base}/v1/messages`
}

/**
 * Creates the model. Fails `invalid_config` when Anthropic's API has no key (`details.missing`).
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  options: AnthropicOptions
): Effect.fn.Return<LanguageModel.LanguageModel, InvalidConfig, HttpClient.HttpClient> {
  const apiKey = yield* ModelOptions.key(VENDOR, options, "api.anthropic.com", ["ANTHROPIC_API_KEY"])
  const marks = new CallMarks<MessagesRequest.MessageMark>(({ content }) => JSON.stringify(content).length)
  const prefixes = new WeakMap<LanguageModel.ProviderOptions, string>()
  return yield* HttpModel.make({
    ...options,
    vendor: VENDOR,
    method: "messages",
    provider: VENDOR,
    requestIdHeader: "request-id",
    url: endpoint(options.url),
    authorize: (request) =>
      HttpClientRequest.setHeaders(request, {
        "anthropic-version": VERSION,
        ...(apiKey === undefined ? {} : { "x-api-key": Redacted.value(apiKey) })
      }),
    codecTransformer: AnthropicStructuredOutput.toCodecAnthropic,
    encode: (prompt) =>
      Result.map(MessagesRequest.encode(prompt, options, marks), (body) => {
        prefixes.set(prompt, MessagesRequest.prefixOf(body))
        return body
      }),
    decoder: (info, prompt) =>
      new MessageDeltas(info, (content) => {
        const prefix = prefixes.get(prompt)
        const call = content.find(({ type }) => type === "tool_use")?.["id"]
        if (prefix !== undefined && typeof call === "string") marks.set(call, { content, prefix })
      })
  })
})

const engine = HostedModel.make({
  name: VENDOR,
  description: "Anthropic's language models (Claude), by the Messages API",
  options: AnthropicOptions,
  make
})

/**
 * Provides the model on the `HttpClient` in the context.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerClient: HostedModel.HostedModel<AnthropicOptions>["layerClient"] = engine.layerClient

/**
 * Provides the model on `fetch`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: HostedModel.HostedModel<AnthropicOptions>["layer"] = engine.layer

/**
 * Registers as `anthropic`.
 *
 * @category definitions
 * @since 0.1.0
 */
export const definition: EngineRegistry.EngineDefinition<"llm"> = engine.definition
