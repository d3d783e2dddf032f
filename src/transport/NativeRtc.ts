/**
 * The native packages of WebRTC: loaded at the first offer, kept while any transport uses them, cleaned up after the last.
 *
 * Without that clean-up the callbacks of closed peers keep the process from ending.
 *
 * @since 0.1.0
 */
import type * as Opus from "@evan/opus"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as DataChannel from "node-datachannel"
import { InvalidConfig } from "../BackendError.ts"

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

const load = <A>(name: string, module: () => Promise<A>): Effect.Effect<A, InvalidConfig> =>
  Effect.tryPromise({
    try: module,
    catch: (cause) =>
      new InvalidConfig({
        op: "WebRtcConnection.accept",
        message: `WebRTC needs the package ${name}: npm install ${name}`,
        details: { missing: name },
        cause
      })
  })

/**
 * Claims the packages for the scope; the effect that it gives loads them, once. A missing one fails `invalid_config`
 * with `details.missing`.
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
        load("node-datachannel", () => import("node-datachannel")),
        load("@evan/opus", () => import("@evan/opus"))
      ]).pipe(
        Effect.map(([datachannel, opus]) => {
          if (cleanup === undefined) {
            // Or the library would end with each last peer, and begin again beside it with the next one.
            datachannel.preload()
            cleanup = datachannel.cleanup
          }
          return { datachannel, opus }
        })
      )
    )
  }
)
