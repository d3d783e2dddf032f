/**
 * Speech engines by the names that a config uses.
 *
 * A definition says what an engine is, how its options look and how to build its Layer; nothing is loaded before a
 * config names it. `effect-voice/builtin` has the registry with all of ours; an application adds its own.
 *
 * @since 0.1.0
 */
import type * as LanguageModel from "effect/ai/LanguageModel"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Schema from "effect/Schema"
import type { BackendError, InvalidConfig } from "../BackendError.ts"
import * as Registry from "../Registry.ts"
import { over } from "../schema/Defined.ts"
import * as EncodedShape from "../schema/EncodedShape.ts"
import * as Faults from "../schema/Faults.ts"
import { isRecord } from "../schema/Json.ts"
import { like } from "../schema/WrittenText.ts"
import type { EchoCanceller } from "./EchoCanceller.ts"
import type { NoiseSuppressor } from "./NoiseSuppressor.ts"
import { SpeechToSpeech } from "./SpeechToSpeech.ts"
import { SpeechToText } from "./SpeechToText.ts"
import type { TextToSpeech } from "./TextToSpeech.ts"
import type { TurnDetector } from "./TurnDetector.ts"
import type { VoiceActivityDetector } from "./VoiceActivityDetector.ts"

/**
 * The service that each kind of engine provides.
 *
 * @category models
 * @since 0.1.0
 */
export interface EngineKinds {
  readonly stt: SpeechToText
  readonly tts: TextToSpeech
  readonly s2s: SpeechToSpeech
  readonly vad: VoiceActivityDetector
  readonly turn: TurnDetector
  readonly noise: NoiseSuppressor
  readonly echo: EchoCanceller
  readonly llm: LanguageModel.LanguageModel
}

/**
 * @category models
 * @since 0.1.0
 */
export type EngineKind = keyof EngineKinds

/**
 * What a config may ask of an engine that not every one can do.
 *
 * @category models
 * @since 0.1.0
 */
export interface Capabilities {
  readonly stt?: Pick<SpeechToText["Service"]["capabilities"], "endOfTurn"> | undefined
  readonly s2s?:
    | Pick<SpeechToSpeech["Service"]["capabilities"], "answers" | "agentInLoop" | "say" | "tools" | "turnAuthority">
    | undefined
}

/**
 * An engine whose options have been decoded; building it decodes nothing again.
 *
 * @category models
 * @since 0.1.0
 */
export interface DecodedEngine<Kind extends EngineKind = EngineKind> {
  readonly kind: Kind
  readonly name: string
  /** The decoded options, with their defaults. */
  readonly options: unknown
  /** A missing package, key or model fails with `details.missing`. */
  readonly layer: Layer.Layer<EngineKinds[Kind], BackendError>
  /**
   * Finds out whether the engine could be built: that its package and its key are there. Loads no model and reaches for no
   * network. Default: the engine is built, and released again.
   */
  readonly check?: Effect.Effect<void, BackendError> | undefined
  /** What it can do, for an engine with a `check`. Default: unknown until it is built. */
  readonly capabilities?: Capabilities | undefined
}

/**
 * A decoded engine of any kind.
 *
 * @category models
 * @since 0.1.0
 */
export type AnyEngine = { readonly [Kind in EngineKind]: DecodedEngine<Kind> }[EngineKind]

/**
 * How an engine is described, configured and built.
 *
 * @category models
 * @since 0.1.0
 */
export interface EngineDefinition<Kind extends EngineKind = EngineKind> {
  /** What it does: `stt`, `tts`, `s2s`, `vad`, `turn`, `noise`, `echo` or `llm`. */
  readonly kind: Kind
  /** The name by which a config names it, and its options under `engines`. */
  readonly name: string
  /** One sentence for the person who configures it. */
  readonly description: string
  /** The schema of its options under `engines.<name>`; JSON Schema is derived from it. */
  readonly options: Schema.Constraint
  /** Decodes the options; fails with all faults at once, in `details.faults`, with their paths. */
  readonly decode: (options: unknown) => Effect.Effect<DecodedEngine<Kind>, InvalidConfig>
  /** Does the same, for the faults alone. */
  readonly validate: (options: unknown) => Effect.Effect<void, InvalidConfig>
  /** Decodes the options and builds the engine. */
  readonly layer: (options: unknown) => Layer.Layer<EngineKinds[Kind], BackendError>
}

const context = (name: string) => ({
  op: "EngineRegistry.layer",
  what: `the options of engine ${name}`,
  at: ["engines", name]
})

/**
 * Completes options given in code: defaults for those left out, and the checks of a config's options.
 * `required`, encoded, are those without a default. What is `undefined` is left out.
 *
 * @category decoding
 * @since 0.1.0
 */
export const complete = <Options extends object>(
  name: string,
  schema: Schema.Codec<Options, unknown>,
  given: { readonly [Key in keyof Options]?: Options[Key] | undefined } = {},
  required: { readonly [key: string]: unknown } = {}
): Effect.Effect<Options, InvalidConfig> =>
  Faults.decode(schema, required, context(name)).pipe(
    Effect.flatMap((defaults) => Faults.check(schema, over(defaults, given), context(name)))
  )

/**
 * All kinds of engines.
 *
 * @category constants
 * @since 0.1.0
 */
export const kinds: ReadonlyArray<EngineKind> = ["stt", "tts", "s2s", "vad", "turn", "noise", "echo", "llm"]

/**
 * The options of one engine out of those under its vendor's name: options of one kind of engine stand under the kind
 * (`openai: { api_key, stt: { model } }`), those beside it hold for all engines that have such an option.
 *
 * @category accessors
 * @since 0.1.0
 */
export const optionsOf = (
  { kind, options: schema }: Pick<EngineDefinition, "kind" | "options">,
  options: unknown
): unknown => {
  if (!isRecord(options)) return options
  const common = Object.entries(options).filter(([key]) =>
    !kinds.some((each) => each === key) && EncodedShape.at(schema, [key]) !== undefined
  )
  const own = options[kind]
  return like(options, { ...Object.fromEntries(common), ...(isRecord(own) ? own : {}) })
}

/**
 * Makes a definition from a typed schema of options and a typed constructor.
 *
 * @category constructors
 * @since 0.1.0
 */
export const define = <Kind extends EngineKind, Options>(engine: {
  /** What it does: `stt`, `tts`, `s2s`, `vad`, `turn`, `noise`, `echo` or `llm`. */
  readonly kind: Kind
  /** The name by which a config names it, and its options under `engines`. */
  readonly name: string
  /** One sentence for the person who configures it. */
  readonly description: string
  /** Reads the options of a config; without options `Schema.Struct({})`. */
  readonly options: Schema.Codec<Options, unknown>
  /** Makes the engine, once for a backend. */
  readonly layer: (options: Options) => Layer.Layer<EngineKinds[Kind], BackendError>
  /** `check` of the decoded engine, for one that is expensive to build. */
  readonly check?: ((options: Options) => Effect.Effect<void, BackendError>) | undefined
  /** `capabilities` of the decoded engine, for one with a `check`. */
  readonly capabilities?: Capabilities | undefined
}): EngineDefinition<Kind> => {
  const { kind, name } = engine
  return fromDecode({
    ...engine,
    decode: (given) =>
      Effect.map(Faults.decode(engine.options, given ?? {}, context(name)), (options) => ({
        kind,
        name,
        options,
        layer: engine.layer(options),
        check: engine.check?.(options),
        capabilities: engine.capabilities
      }))
  })
}

/**
 * Makes a definition that decodes its options in its own way; the rest of it is derived.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromDecode = <Kind extends EngineKind>(
  { decode, description, kind, name, options }: Pick<
    EngineDefinition<Kind>,
    "kind" | "name" | "description" | "options" | "decode"
  >
): EngineDefinition<Kind> => ({
  kind,
  name,
  description,
  options,
  decode,
  validate: (given) => Effect.asVoid(decode(given)),
  layer: (given) => Layer.unwrap(Effect.map(decode(given), (engine) => engine.layer))
})

/** Builds an engine and releases it again. */
const capabilitiesOf = (engine: AnyEngine): Effect.Effect<Capabilities, BackendError> => {
  switch (engine.kind) {
    case "stt":
      return Effect.map(Layer.build(engine.layer), (built) => ({ stt: Context.get(built, SpeechToText).capabilities }))
        .pipe(Effect.scoped)
    case "s2s":
      return Effect.map(
        Layer.build(engine.layer),
        (built) => ({ s2s: Context.get(built, SpeechToSpeech).capabilities })
      )
        .pipe(Effect.scoped)
    default: {
      const layer: Layer.Layer<never, BackendError> = engine.layer
      return Effect.as(Effect.scoped(Layer.build(layer)), {})
    }
  }
}

/**
 * Finds out whether an engine could be built, by its own `check`, else by building it; and what it can do, as far as that is
 * known.
 *
 * @category validation
 * @since 0.1.0
 */
export const inspect = (engine: AnyEngine): Effect.Effect<Capabilities, BackendError> =>
  engine.check === undefined ? capabilitiesOf(engine) : Effect.as(engine.check, engine.capabilities ?? {})

/**
 * A definition that is loaded when a config first names it.
 *
 * @category models
 * @since 0.1.0
 */
export type EngineLoader<Kind extends EngineKind> = Effect.Effect<EngineDefinition<Kind>, BackendError>

/**
 * Loaders by kind and name.
 *
 * @category models
 * @since 0.1.0
 */
export type EngineTable = { readonly [Kind in EngineKind]: { readonly [name: string]: EngineLoader<Kind> } }

/**
 * The engines that a backend's config may name: one registry for each kind.
 *
 * @category services
 * @since 0.1.0
 */
export class EngineRegistry
  extends Context.Service<EngineRegistry, { readonly [Kind in EngineKind]: Registry.Registry<EngineLoader<Kind>> }>()(
    "effect-voice/speech/EngineRegistry"
  )
{
  /** A registry that starts with these engines. */
  static readonly layer = (engines: Partial<EngineTable> = {}) =>
    Layer.sync(EngineRegistry, () => ({
      stt: Registry.make("EngineRegistry", "speech-to-text engine", engines.stt),
      tts: Registry.make("EngineRegistry", "text-to-speech engine", engines.tts),
      s2s: Registry.make("EngineRegistry", "speech-to-speech engine", engines.s2s),
      vad: Registry.make("EngineRegistry", "voice activity detector", engines.vad),
      turn: Registry.make("EngineRegistry", "turn detector", engines.turn),
      noise: Registry.make("EngineRegistry", "noise suppressor", engines.noise),
      echo: Registry.make("EngineRegistry", "echo canceller", engines.echo),
      llm: Registry.make("EngineRegistry", "language model", engines.llm)
    }))
}
