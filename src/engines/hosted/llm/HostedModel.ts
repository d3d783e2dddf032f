/**
 * The layers and the definition of a language model's engine, out of its options and the constructor of its model.
 *
 * @since 0.1.0
 */
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import type * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import type * as Schema from "effect/Schema"
import type { BackendError, InvalidConfig } from "../../../BackendError.ts"
import * as EngineRegistry from "../../../speech/EngineRegistry.ts"

/**
 * What code gives of an engine's options: what has a default may be left out.
 *
 * @category models
 * @since 0.1.0
 */
export type Given<Options extends { readonly model: string }> = Partial<Options> & Pick<Options, "model">

/**
 * An engine of this kind.
 *
 * - `layerClient`: its model on the `HttpClient` in the context. `layer`: the same on `fetch`.
 * - `definition`: registers it by its name.
 *
 * @category models
 * @since 0.1.0
 */
export interface HostedModel<Options extends { readonly model: string }> {
  readonly layerClient: (
    options: Given<Options>
  ) => Layer.Layer<LanguageModel.LanguageModel, BackendError, HttpClient.HttpClient>
  readonly layer: (options: Given<Options>) => Layer.Layer<LanguageModel.LanguageModel, BackendError>
  readonly definition: EngineRegistry.EngineDefinition<"llm">
}

/**
 * Makes it. The options are completed and checked, in code and in a config alike.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <Options extends { readonly model: string }>(engine: {
  readonly name: string
  readonly description: string
  readonly options: Schema.Codec<Options, unknown>
  readonly make: (
    options: Options
  ) => Effect.Effect<LanguageModel.LanguageModel, InvalidConfig, HttpClient.HttpClient>
}): HostedModel<Options> => {
  const layerClient: HostedModel<Options>["layerClient"] = (options) =>
    Layer.effect(
      LanguageModel.LanguageModel,
      EngineRegistry.complete(engine.name, engine.options, options, { model: options.model }).pipe(
        Effect.flatMap(engine.make)
      )
    )
  return {
    layerClient,
    layer: (options) => Layer.provide(layerClient(options), FetchHttpClient.layer),
    definition: EngineRegistry.define({
      kind: "llm",
      name: engine.name,
      description: engine.description,
      options: engine.options,
      layer: (options) =>
        Layer.effect(LanguageModel.LanguageModel, engine.make(options)).pipe(Layer.provide(FetchHttpClient.layer))
    })
  }
}
