/**
 * The processors of a backend: those that a config names, those that a program gives, and the noise suppressor.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { all, type AudioBranch } from "../../audio/AudioBranch.ts"
import type { InvalidConfig } from "../../BackendError.ts"
import type { AudioProcessor, ProcessorFactory, ProcessorRegistry } from "../../hooks/AudioProcessor.ts"
import * as Faults from "../../schema/Faults.ts"
import type { ProcessorEntry } from "../../session/input/ProcessorChain.ts"
import type { OnFailure } from "../../session/input/ProcessorHealth.ts"
import type { BackendConfig } from "../config/BackendConfig.ts"

/**
 * A processor that a program gives: the processor itself (shared by all sessions, so without a state), a factory, or
 * either with where and how it is used.
 *
 * @category models
 * @since 0.1.0
 */
export type GivenProcessor = AudioProcessor | ProcessorFactory | {
  readonly use: AudioProcessor | ProcessorFactory
  readonly options?: { readonly [key: string]: unknown } | undefined
  /** Default: the processor's own. */
  readonly order?: number | undefined
  /** Default: all branches. */
  readonly appliesTo?: ReadonlyArray<AudioBranch> | undefined
  /** Default: `bypass`. */
  readonly onFailure?: OnFailure | undefined
}

const op = "VoiceBackend.make"
const what = "the audio processors are not valid"

/** Fails with what is wrong with the options of a factory that can tell. */
const checked = (faults: ReadonlyArray<Faults.Fault>): Effect.Effect<void, InvalidConfig> =>
  faults.length === 0 ? Effect.void : Effect.fail(Faults.toError(op, what, faults))

/**
 * The processors that a config names. Unknown names and wrong options fail `invalid_config`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const named = (
  config: BackendConfig,
  registry: ProcessorRegistry["Service"]
): Effect.Effect<ReadonlyArray<ProcessorEntry>, InvalidConfig> =>
  Effect.gen(function*() {
    const factories = yield* Effect.forEach(config.customProcessors, ({ name }) => registry.get(name))
    yield* checked(factories.flatMap((factory, i) =>
      factory.faults?.(config.customProcessors[i]?.options, ["custom_processors", `${i}`, "options"]) ?? []
    ))
    return config.customProcessors.flatMap(({ appliesTo, name, onFailure, options, order }, i) => {
      const factory = factories[i]
      return factory === undefined ? [] : [{
        name,
        open: Effect.suspend(() =>
          factory(options)
        ),
        order,
        appliesTo: appliesTo ?? all,
        onFailure: onFailure ?? "bypass" as const
      }]
    })
  })

/**
 * The processors that a program gives. Wrong options fail `invalid_config`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const given = (
  processors: ReadonlyArray<GivenProcessor>
): Effect.Effect<ReadonlyArray<ProcessorEntry>, InvalidConfig> => {
  const list = processors.map((processor) => "use" in processor ? processor : { use: processor })
  const faults = list.flatMap(({ options, use }, i) =>
    typeof use === "function" ? use.faults?.(options, ["processors", `${i}`, "options"]) ?? [] : []
  )
  return Effect.as(
    checked(faults),
    list.map(({ appliesTo, onFailure, options, order, use }) => ({
      name: typeof use === "function" ? undefined : use.name,
      open: typeof use === "function" ? Effect.suspend(() => use(options)) : Effect.succeed(use),
      order,
      appliesTo: appliesTo ?? all,
      onFailure: onFailure ?? "bypass" as const
    }))
  )
}
