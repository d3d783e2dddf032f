/**
 * Google's language models, by the Gemini API.
 *
 * Responses are streamed; interrupting the stream aborts the request. The API is spoken here and not by `@effect/ai-google`, which
 * is for Effect 3 alone.
 *
 * @since 0.1.0
 */
import type * as LanguageModel from "effect/ai/LanguageModel"
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
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
import { type GeminiMark, GenerateDeltas, sizeOf, VENDOR } from "./GenerateDeltas.ts"
import * as GenerateRequest from "./GenerateRequest.ts"

const GEMINI = "https://generativelanguage.googleapis.com/v1beta"

/**
 * Options of the engine, with defaults and limits.
 *
 * - `url`: the base URL of the API, with its `/v1beta`. Default: the Gemini API's.
 * - `model`: the name of the model, such as `gemini-3-flash-preview`. Required.
 * - `apiKey`: a secret. Default: with Google's URL the environment variable `GEMINI_API_KEY`, else `GOOGLE_API_KEY`; elsewhere none
 *   is sent.
 * - `instructions`: the beginning of the system instruction. Responses are spoken: ask for short sentences.
 * - `temperature`: the sampling temperature, [0, 2]. Default: the model's.
 * - `maxTokens`: the longest response, in tokens, thoughts included. Default: the model's.
 * - `thinkingLevel`: how much a model of Gemini 3 and later thinks before it answers: `minimal`, `low`, `medium` or `high`.
 *   Default: the model's. A caller waits for it.
 * - `thinkingBudget`: the same for earlier models, in tokens; 0 for not at all. Default: the model's.
 * - `timeout`: how long the server may take to the first event, and between two. Default 30 s, [1 s, 5 min].
 *
 * @category models
 * @since 0.1.0
 */
export const GoogleOptions = Schema.Struct({
  url: ModelOptions.url.pipe(withDefault(GEMINI)),
  model: Schema.String.check(
    Schema.isPattern(/^(?:models\/)?[\w.-]{1,200}$/u, { expected: "the name of a model" })
  ),
  apiKey: ModelOptions.apiKey,
  instructions: ModelOptions.instructions,
  temperature: Schema.optionalKey(Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 2 }))),
  maxTokens: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000_000 }))),
  thinkingLevel: Schema.optionalKey(Schema.Literals(["minimal", "low", "medium", "high"])),
  thinkingBudget: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000_000 }))),
  timeout: boundedDuration("1 second", "5 minutes").pipe(withDefault("30s"))
}).pipe(encodeKeys({
  apiKey: "api_key",
  maxTokens: "max_tokens",
  thinkingLevel: "thinking_level",
  thinkingBudget: "thinking_budget"
}))

/**
 * The decoded options.
 *
 * @category models
 * @since 0.1.0
 */
export type GoogleOptions = typeof GoogleOptions.Type

const endpoint = ({ model, url }: GoogleOptions): string =>
  `${url.replace(/\/+$/u, "")}/models/${model.replace(/^models\//u, "")}:streamGenerateContent?alt=sse`

/**
 * Creates the model. Fails `invalid_config` when the Gemini API has no key (`details.missing`).
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  options: GoogleOptions
): Effect.fn.Return<LanguageModel.LanguageModel, InvalidConfig, HttpClient.HttpClient> {
  const apiKey = yield* ModelOptions.key(VENDOR, options, "generativelanguage.googleapis.com", [
    "GEMINI_API_KEY",
    "GOOGLE_API_KEY"
  ])
  const marks = new CallMarks<GeminiMark>(sizeOf)
  // an id of another process, in the history of a session that came from there, is none of these
  const instance = (yield* Random.nextIntBetween(0, 2 ** 48)).toString(36)
  let responses = 0
  return yield* HttpModel.make({
    ...options,
    vendor: VENDOR,
    method: "streamGenerateContent",
    provider: "gcp.gemini",
    requestIdHeader: "x-request-id",
    url: endpoint(options),
    authorize: (request) =>
      apiKey === undefined
        ? request
        : HttpClientRequest.setHeader(request, "x-goog-api-key", Redacted.value(apiKey)),
    encode: (prompt) => GenerateRequest.encode(prompt, options, marks),
    decoder: (info) => new GenerateDeltas(info, { idPrefix: `call_${instance}_${++responses}_`, marks })
  })
})

const engine = HostedModel.make({
  name: VENDOR,
  description: "Google's language models (Gemini), by the Gemini API",
  options: GoogleOptions,
  make
})

/**
 * Provides the model on the `HttpClient` in the context.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerClient: HostedModel.HostedModel<GoogleOptions>["layerClient"] = engine.layerClient

/**
 * Provides the model on `fetch`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: HostedModel.HostedModel<GoogleOptions>["layer"] = engine.layer

/**
 * Registers as `google`.
 *
 * @category definitions
 * @since 0.1.0
 */
export const definition: EngineRegistry.EngineDefinition<"llm"> = engine.definition
