/**
 * The application's decision on what of a conversation is recorded, and for how long.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type { BackendError } from "../BackendError.ts"

/**
 * The kinds of data that can be recorded.
 *
 * @category models
 * @since 0.1.0
 */
export type DataType = "audio" | "transcript" | "metadata" | "events"

/**
 * Provide this service to decide, per session, what is kept beyond its end. It overrides the config's `retention`; without
 * either, nothing is recorded.
 *
 * @category services
 * @since 0.1.0
 */
export class DataRetentionHook extends Context.Service<DataRetentionHook, {
  /** Whether data of this type may be kept of a session with this metadata. */
  readonly shouldRetain: (
    dataType: DataType,
    metadata: { readonly [key: string]: unknown }
  ) => Effect.Effect<boolean, BackendError>
  /** How long it is kept after the end of the session. */
  readonly getRetentionPeriod: (dataType: DataType) => Effect.Effect<Duration.Duration, BackendError>
}>()("effect-voice/hooks/DataRetentionHook") {}
