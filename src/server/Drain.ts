/**
 * The drain of a backend whose routes are served: calls end well while their sockets are still open.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { VoiceBackend } from "../backend/VoiceBackend.ts"
import { finalizeWithin } from "../Deadline.ts"

/** The drain has a deadline of its own; this one is for a backend that misses it. */
const drainSessions = (backend: VoiceBackend["Service"]) =>
  Effect.gen(function*() {
    const { drain } = yield* backend.config
    yield* backend.stop.pipe(
      finalizeWithin(Duration.sum(drain.deadline, Duration.seconds(10))),
      Effect.flatMap((report) => report._tag === "None" ? finalizeWithin("2 seconds")(backend.abort) : Effect.void),
      Effect.ignore
    )
  })

/** Where calls are let end by themselves, so are those of other nodes that go through this one. */
const drainPassedOn = (backend: VoiceBackend["Service"], passedOn: Effect.Effect<void>) =>
  Effect.flatMap(
    backend.config,
    ({ drain }) => drain.mode === "conversation" ? Effect.asVoid(finalizeWithin(drain.deadline)(passedOn)) : Effect.void
  )

/**
 * Drains a backend, within the deadlines of its config. `passedOn` completes when no connection is passed on to another node.
 *
 * @category running
 * @since 0.1.0
 */
export const drain = (backend: VoiceBackend["Service"], passedOn: Effect.Effect<void>): Effect.Effect<void> =>
  Effect.all([drainSessions(backend), drainPassedOn(backend, passedOn)], { concurrency: 2, discard: true })

/**
 * Drains the backend before whatever this layer is provided to is released. An application that mounts `Server.routes` puts
 * it around its server, so that calls end well while their sockets are still open.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerDrain: Layer.Layer<never, never, VoiceBackend> = Layer.effectDiscard(
  Effect.flatMap(VoiceBackend, (backend) => Effect.addFinalizer(() => drainSessions(backend)))
)
