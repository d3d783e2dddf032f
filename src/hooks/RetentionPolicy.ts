/**
 * Asks what of a session may be kept: the application's `DataRetentionHook`, or else the configured periods.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { DataRetentionHook, type DataType } from "./DataRetentionHook.ts"

/**
 * How long each kind of data is kept; a kind that is left out is not.
 *
 * @category models
 * @since 0.1.0
 */
export type Periods = { readonly [Type in DataType]?: Duration.Duration | undefined }

/** A hook has so long for its answers about one kind of data. */
const ANSWER_DEADLINE = "5 seconds"

const types: ReadonlyArray<DataType> = ["audio", "transcript", "metadata", "events"]

/**
 * Decides for a session. A hook that is there beats the configured periods; one that fails or hangs has said no.
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
      // what it says may hold what it was told: only the kind is logged
      Effect.catchCause(() =>
        Effect.as(Effect.logWarning("the retention hook did not answer: nothing is kept", { dataType }), Duration.zero)
      ),
      Effect.map((period) => [dataType, period] as const)
    )
  const answers = yield* Effect.forEach(types, ask, { concurrency: "unbounded" })
  const periods: Periods = Object.fromEntries(
    answers.filter(([, period]) => Duration.isDuration(period) && Duration.toMillis(period) > 0)
  )
  return periods
})
