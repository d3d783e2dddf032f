/**
 * What both engines share: the options that say where a model is, and checking it without loading it.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { type BackendError, describe, InvalidConfig } from "../../BackendError.ts"
import { requireInstalled } from "../../ExternalPackage.ts"
import type { ModelLocation } from "../../models/ModelLocation.ts"
import { ModelStore } from "../../models/ModelStore.ts"
import { withDefault } from "../../schema/Defaults.ts"
import * as OptionalPackage from "../local/OptionalPackage.ts"
import { ModelFault } from "./model/ModelFault.ts"

/**
 * The package that runs the models.
 *
 * @category constants
 * @since 0.1.0
 */
export const PACKAGE = "sherpa-onnx-node"

/**
 * A whole number from 1 to `maximum`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const count = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 1, maximum }))

/**
 * The language of a model: BCP 47 (`de`, `pt-BR`), or `auto`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ModelLanguage = Schema.String.check(
  Schema.isPattern(/^(?:auto|[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*)$/u, {
    expected: "a language such as de or pt-BR, or auto"
  })
)

/**
 * The names of files in the model's folder, by their part in the model.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Files = Schema.Record(
  Schema.String,
  Schema.NonEmptyString.check(
    Schema.isMaxLength(255),
    Schema.isPattern(/^[^/\\]+$/u, { expected: "a name without a path" })
  )
).pipe(withDefault({}))

/**
 * The languages that a session may ask for, and the one that is spoken without asking.
 *
 * @category accessors
 * @since 0.1.0
 */
export const languagesOf = (
  language: string
): { readonly languages?: ReadonlyArray<string>; readonly language?: string } =>
  language === "auto" ? {} : { languages: [language], language }

const installed = Effect.try({
  try: () => requireInstalled(PACKAGE),
  catch: (cause) => OptionalPackage.missing({ engine: "sherpa", packageName: PACKAGE, native: true, cause })
})

const faultOf = (task: "stt" | "tts", folder: string, cause: unknown): InvalidConfig =>
  new InvalidConfig({
    op: "EngineRegistry.layer",
    message: `engines.sherpa.${task}.model: ${cause instanceof ModelFault ? cause.message : describe(cause)}`,
    details: { engine: "sherpa", reason: "model", model: folder }
  })

/**
 * Finds out whether a model could be loaded: that the package is there, and, where the model is on this machine, that it is
 * whole. Downloads nothing; the model is not loaded.
 *
 * @category checks
 * @since 0.1.0
 */
export const check = (
  task: "stt" | "tts",
  model: ModelLocation,
  find: (folder: string) => unknown
): Effect.Effect<void, BackendError> =>
  Effect.gen(function*() {
    yield* installed
    const store = yield* ModelStore
    if (typeof model !== "string" && !(yield* store.isThere(model))) return
    const folder = yield* store.folder(model)
    yield* Effect.try({ try: () => find(folder), catch: (cause) => faultOf(task, folder, cause) })
  }).pipe(Effect.provide(ModelStore.layer))
