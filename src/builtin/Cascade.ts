/**
 * The `cascade` speech-to-speech engine by the names of its parts.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type BackendError, InvalidConfig } from "../BackendError.ts"
import * as Cascade from "../engines/cascade/index.ts"
import * as Faults from "../schema/Faults.ts"
import * as EngineRegistry from "../speech/EngineRegistry.ts"

/** A part's faults, by where they stand in our options. */
const placed = (error: InvalidConfig, kind: string, name: string): InvalidConfig => {
  const { faults } = error.details ?? {}
  const prefix = `engines.${name}`
  return !Array.isArray(faults) ? error : Faults.toError(
    error.op,
    "the options of engine cascade",
    faults.map(({ message, path }: Faults.Fault) => ({
      path: path.replace(prefix, `engines.cascade.${kind}_options`),
      message
    }))
  )
}

type Parts = Pick<EngineRegistry.EngineTable, "stt" | "tts">

const part = <Kind extends "stt" | "tts">(
  kind: Kind,
  table: { readonly [name: string]: EngineRegistry.EngineLoader<Kind> },
  name: string,
  options: unknown
): Layer.Layer<EngineRegistry.EngineKinds[Kind], BackendError> => {
  const loader = Object.hasOwn(table, name) ? table[name] : undefined
  return loader === undefined
    ? Layer.effectContext(Effect.fail(
      new InvalidConfig({
        op: "EngineRegistry.layer",
        message: `engines.cascade.${kind}: there is no engine "${name}"; known: ${
          Object.keys(table).sort().join(", ")
        }`,
        details: {
          missing: name,
          faults: [{ path: `engines.cascade.${kind}`, message: `there is no engine "${name}"` }]
        }
      })
    ))
    : Layer.unwrap(
      Effect.flatMap(loader, (definition) =>
        definition.validate(options).pipe(
          Effect.mapError((error) => placed(error, kind, name)),
          Effect.as(definition.layer(options))
        ))
    )
}

/**
 * `cascade` over a table of engines.
 *
 * @category definitions
 * @since 0.1.0
 */
export const definition = (parts: Parts): EngineRegistry.EngineDefinition<"s2s"> =>
  EngineRegistry.define({
    kind: "s2s",
    name: "cascade",
    description:
      "Speech-to-speech of a recogniser, the session's agent and a voice; with the embedded ones it needs no key",
    options: Cascade.CascadeOptions,
    layer: ({ stt, sttOptions, tts, ttsOptions }) =>
      Cascade.layer().pipe(
        Layer.provide([part("stt", parts.stt, stt, sttOptions), part("tts", parts.tts, tts, ttsOptions)])
      )
  })
