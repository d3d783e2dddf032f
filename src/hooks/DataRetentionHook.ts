/**
 * Decides what of a conversation may be kept, and for how long. Without it nothing is.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type { BackendError } from "../BackendError.ts"

/**
 * The kinds of data that can be kept.
 *
 * @category models
 * @since 0.1.0
 */
export type DataType = "audio" | "transcript" | "metadata" | "events"

/**
 * Provide this service to keep data beyond the life of a session.
 *
 * @category services
 * @since 0.1.0
 */
export class DataRetentionHook extends Context.Service<DataRetentionHook, {
  readonly shouldRetain: (
    dataType: DataType,
    metadata: { readonly [key: string]: unknown }
  ) => Effect.Effect<boolean, BackendError>
  readonly getRetentionPeriod: (dataType: DataType) => Effect.Effect<Duration.Duration, BackendError>
}>()("effect-voice/hooks/DataRetentionHook") {}
