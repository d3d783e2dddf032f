/**
 * Decides what of a session is recorded, and for how long: by the application's `DataRetentionHook`, or else by the config.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as ThrownValue from "../ThrownValue.ts"
import { DataRetentionHook, type DataType } from "./DataRetentionHook.ts"

/**
 * How long each kind of data is kept. A kind without a period is not recorded.
 *
 * @category models
 * @since 0.1.0
 */
export type Periods = { readonly [Type in DataType]?: Duration.Duration | undefined }

/** The deadline of a hook's two answers about one kind of data. */
const ANSWER_DEADLINE = "5 seconds"

const types: ReadonlyArray<DataType> = ["audio", "transcript", "metadata", "events"]

/**
 * Decides for a session. A hook overrides the configured periods; one that fails or times out counts as a refusal.
 *
 * @category running
 * @since 0.1.0
 */
export const decide = Effect.fnUntraced(function*(
  configured: Periods,
  metadata: { readonly [key: string]: unknown }
) {
  const hook = yield* Effect.serviceOption(DataRetentionHook)
  if (Option.isNone(hook)) return configured
  const ask = (dataType: DataType) =>
    Effect.suspend(() => hook.value.shouldRetain(dataType, metadata)).pipe(
      Effect.flatMap((yes) => yes === true ? hook.value.getRetentionPeriod(dataType) : Effect.succeed(Duration.zero)),
      Effect.timeout(ANSWER_DEADLINE),
      Effect.catchCause((cause) =>
        Effect.logWarning(
          "the DataRetentionHook failed or timed out: this is not recorded",
          ThrownValue.loggable(cause)
        ).pipe(
          Effect.annotateLogs({ hook: "DataRetentionHook", data_type: dataType }),
          Effect.as(Duration.zero)
        )
      ),
      Effect.map((period) => [dataType, period] as const)
    )
  const answers = yield* Effect.forEach(types, ask, { concurrency: "unbounded" })
  const periods: Periods = Object.fromEntries(
    answers.filter(([, period]) => Duration.isDuration(period) && Duration.toMillis(period) > 0)
  )
  return periods
})
