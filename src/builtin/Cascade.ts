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
import { unknownName } from "../schema/NearestName.ts"
import * as EngineRegistry from "../speech/EngineRegistry.ts"

const op = "EngineRegistry.layer"
const what = "the options of engine cascade"

/** The faults of a part, at their place in the options of `cascade`. */
const placed = (error: InvalidConfig, kind: string, name: string): InvalidConfig =>
  Faults.toError(
    op,
    what,
    Faults.fromError(error, `engines.${name}`).map(({ message, path }) => ({
      path: path.replace(`engines.${name}`, `engines.cascade.${kind}_options`),
      message
    }))
  )

type Parts = Pick<EngineRegistry.EngineTable, "stt" | "tts">

const part = <Kind extends "stt" | "tts">(
  kind: Kind,
  table: { readonly [name: string]: EngineRegistry.EngineLoader<Kind> },
  name: string,
  options: unknown
): Effect.Effect<EngineRegistry.DecodedEngine<Kind>, InvalidConfig> => {
  const path = `engines.cascade.${kind}`
  const loader = Object.hasOwn(table, name) ? table[name] : undefined
  if (loader === undefined) {
    const message = unknownName("engine", name, Object.keys(table))
    return Effect.fail(
      new InvalidConfig({
        op,
        message: `${what}: ${path}: ${message}`,
        details: { missing: name, faults: [{ path, message }] }
      })
    )
  }
  return loader.pipe(
    Effect.mapError((error) => Faults.toError(op, what, [{ path, message: error.message }])),
    Effect.flatMap((definition) => Effect.mapError(definition.decode(options), (error) => placed(error, kind, name)))
  )
}

/** Both parts, so that what is missing of one does not hide what is missing of the other. */
const checkParts = (parts: ReadonlyArray<EngineRegistry.AnyEngine>): Effect.Effect<void, BackendError> =>
  Effect.forEach(parts, (engine) => Effect.result(EngineRegistry.inspect(engine))).pipe(
    Effect.flatMap((checked): Effect.Effect<void, BackendError> => {
      const errors = checked.flatMap((one) => one._tag === "Failure" ? [one.failure] : [])
      const [error] = errors
      if (error === undefined) return Effect.void
      return Effect.fail(
        errors.length === 1
          ? error
          : Faults.toError(op, what, errors.flatMap((each) => Faults.fromError(each, "engines.cascade")))
      )
    })
  )

/**
 * `cascade` over a table of engines: the options of its parts are decoded with its own.
 *
 * @category definitions
 * @since 0.1.0
 */
export const definition = (parts: Parts): EngineRegistry.EngineDefinition<"s2s"> => {
  const name = "cascade"
  return EngineRegistry.fromDecode({
    kind: "s2s",
    name,
    description:
      "Speech-to-speech of a recogniser, the session's agent and a voice; with the embedded ones it needs no key",
    options: Cascade.CascadeOptions,
    decode: Effect.fnUntraced(function*(given) {
      const options = yield* Faults.decode(Cascade.CascadeOptions, given ?? {}, { op, what, at: ["engines", name] })
      const [stt, tts] = yield* Effect.all([
        Effect.result(part("stt", parts.stt, options.stt, options.sttOptions)),
        Effect.result(part("tts", parts.tts, options.tts, options.ttsOptions))
      ])
      if (stt._tag === "Success" && tts._tag === "Success") {
        const layer = Cascade.layer().pipe(Layer.provide([stt.success.layer, tts.success.layer]))
        const check = checkParts([stt.success, tts.success])
        return { kind: "s2s" as const, name, options, layer, check, capabilities: { s2s: Cascade.capabilities } }
      }
      const errors = [stt, tts].flatMap((one) => one._tag === "Failure" ? [one.failure] : [])
      const [error] = errors
      return yield* error !== undefined && errors.length === 1
        ? error
        : Faults.toError(op, what, errors.flatMap((each) => Faults.fromError(each, "engines.cascade")))
    })
  })
}
