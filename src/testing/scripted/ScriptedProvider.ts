/**
 * A provider without a network: the test attaches users with `VoiceSession.attach`.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as BackendProvider from "../../backend/provider/BackendProvider.ts"

/**
 * A provider with all capabilities and no users of its own.
 *
 * @category providers
 * @since 0.1.0
 */
export const provider: BackendProvider.BackendProvider["Service"] = BackendProvider.make({
  name: "scripted",
  description: "no network: the test attaches users",
  capabilities: {
    s2s: true,
    multiUser: true,
    sessionPersistence: false,
    customAuth: false,
    customRateLimiting: false,
    maxConcurrentSessions: 0,
    minLatency: Duration.zero,
    codecs: []
  },
  config: Schema.Struct({}),
  connect: () =>
    Effect.succeed({
      open: () => Effect.succeed({ access: { connectionUrl: "memory:" }, attachments: Stream.never }),
      probe: Effect.succeed({ name: "provider", status: "healthy" as const })
    })
})

/**
 * Provides it as `BackendProvider`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<BackendProvider.BackendProvider> = Layer.succeed(
  BackendProvider.BackendProvider,
  provider
)
