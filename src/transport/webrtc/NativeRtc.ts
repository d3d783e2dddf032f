/**
 * The native packages of WebRTC: loaded at the first offer, and cleaned up when no transport uses them any more.
 *
 * Without the clean-up, the callbacks of closed peers keep the process alive.
 *
 * @since 0.1.0
 */
import type * as Opus from "@evan/opus"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as DataChannel from "node-datachannel"
import type { InvalidConfig } from "../../BackendError.ts"
import { loadPackage } from "../../ExternalPackage.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface NativeRtc {
  readonly datachannel: typeof DataChannel
  readonly opus: typeof Opus
}

let users = 0
let cleanup: (() => void) | undefined

const load = <A>(packageName: string): Effect.Effect<A, InvalidConfig> =>
  loadPackage<A>({ op: "WebRtcConnection.accept", purpose: "WebRTC", packageName })

/**
 * Registers a user of the packages for the scope; the returned effect loads them, once. Fails `invalid_config` with
 * `details.missing` when one is not installed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const claim: Effect.Effect<Effect.Effect<NativeRtc, InvalidConfig>, never, Scope.Scope> = Effect.gen(
  function*() {
    yield* Effect.acquireRelease(
      Effect.sync(() => users++),
      () =>
        Effect.sync(() => {
          if (--users > 0 || cleanup === undefined) return
          cleanup()
          cleanup = undefined
        })
    )
    return yield* Effect.cached(
      Effect.all([
        load<typeof DataChannel>("node-datachannel"),
        load<typeof Opus>("@evan/opus")
      ]).pipe(
        Effect.map(([datachannel, opus]) => {
          if (cleanup === undefined) {
            // Otherwise the library shuts down with each last peer, and starts again with the next one.
            datachannel.preload()
            cleanup = datachannel.cleanup
          }
          return { datachannel, opus }
        })
      )
    )
  }
)
