import { Duration, Effect, Layer } from "effect"
import { DataRetentionHook } from "effect-voice"

export const Retention = Layer.succeed(DataRetentionHook, {
  shouldRetain: (dataType, metadata) => Effect.succeed(dataType === "transcript" && metadata["consent"] === true),
  getRetentionPeriod: () => Effect.succeed(Duration.days(30))
})
