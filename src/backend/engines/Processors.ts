/**
 * The audio processors of a backend: those that a config names and those that a program gives.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { all, type AudioBranch } from "../../audio/AudioBranch.ts"
import type { InvalidConfig } from "../../BackendError.ts"
import type { AudioProcessor, OpenProcessor, ProcessorFactory } from "../../hooks/AudioProcessor.ts"
import * as Faults from "../../schema/Faults.ts"
import type { ProcessorEntry } from "../../session/input/ProcessorChain.ts"
import type { OnFailure } from "../../session/input/ProcessorHealth.ts"
import type { BackendConfig } from "../config/BackendConfig.ts"

/**
 * A processor that a program gives: the processor itself (shared by all sessions, so it must have no state), a factory, or
 * either of them with its options and its place.
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

/** Decodes the options of a factory that can; another gets them as they were written, for each session. */
const opener = (
  factory: ProcessorFactory,
  options: unknown,
  at: ReadonlyArray<string>
): Effect.Effect<OpenProcessor, InvalidConfig> =>
  factory.decode?.(options, at) ?? Effect.succeed(Effect.suspend(() => factory(options)))

/**
 * Decodes the options of a processor that a config names, at its place in `custom_processors`.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decodeNamed = (
  factory: ProcessorFactory,
  options: unknown,
  index: number
): Effect.Effect<OpenProcessor, InvalidConfig> => opener(factory, options, ["custom_processors", `${index}`, "options"])

/**
 * The processors that a config names, each with what opens it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const named = (
  config: Pick<BackendConfig, "customProcessors">,
  open: ReadonlyArray<OpenProcessor>
): ReadonlyArray<ProcessorEntry> =>
  config.customProcessors.flatMap(({ appliesTo, name, onFailure, order }, i) => {
    const opening = open[i]
    return opening === undefined
      ? []
      : [{ name, open: opening, order, appliesTo: appliesTo ?? all, onFailure: onFailure ?? "bypass" as const }]
  })

/**
 * The processors that a program gives. Wrong options fail `invalid_config`, all of them at once.
 *
 * @category constructors
 * @since 0.1.0
 */
export const given = Effect.fnUntraced(function*(
  processors: ReadonlyArray<GivenProcessor>
): Effect.fn.Return<ReadonlyArray<ProcessorEntry>, InvalidConfig> {
  const faults: Array<Faults.Fault> = []
  const entries: Array<ProcessorEntry> = []
  for (const [i, processor] of processors.entries()) {
    const { appliesTo, onFailure, options, order, use } = "use" in processor ? processor : { use: processor }
    const opening = yield* Effect.result(
      typeof use === "function" ? opener(use, options, ["processors", `${i}`, "options"]) : Effect.succeed(
        Effect.succeed(use)
      )
    )
    if (opening._tag === "Failure") faults.push(...Faults.fromError(opening.failure, `processors.${i}`))
    else {
      entries.push({
        name: typeof use === "function" ? undefined : use.name,
        open: opening.success,
        order,
        appliesTo: appliesTo ?? all,
        onFailure: onFailure ?? "bypass"
      })
    }
  }
  return faults.length === 0
    ? entries
    : yield* Faults.toError("VoiceBackend.make", "the audio processors are not valid", faults)
})
