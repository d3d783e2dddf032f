/**
 * The line of the log that says at the start of a backend what it has found of its application: the services that it uses where
 * they are there are named by no type.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { AuthHook } from "../hooks/AuthHook.ts"
import { DataRetentionHook } from "../hooks/DataRetentionHook.ts"
import { RateLimiter } from "../hooks/RateLimiter.ts"
import type { BackendParts } from "./BackendParts.ts"
import { type BackendConfig, periodsOf } from "./config/BackendConfig.ts"
import * as PartNames from "./PartNames.ts"

const hasLimits = ({ rateLimits: { audio, connect, create, dial } }: BackendConfig): boolean =>
  [audio, connect, create, dial].some((rules) => Object.values(rules).some((rule) => rule !== undefined))

/**
 * Makes the effect that logs it, at info, the first time that it is run. Without an archive, a `DataRetentionHook` is a warning:
 * nothing is kept.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  parts: BackendParts,
  { config, hasArchive, store }: {
    readonly config: () => BackendConfig
    /** The name of the session store; `undefined` without one. */
    readonly store: string | undefined
    readonly hasArchive: boolean
  }
): Effect.fn.Return<Effect.Effect<void>> {
  const auth = yield* Effect.serviceOption(AuthHook)
  const limiter = yield* Effect.serviceOption(RateLimiter)
  const retention = yield* Effect.serviceOption(DataRetentionHook)
  let isTold = false
  return Effect.suspend(() => {
    if (isTold) return Effect.void
    isTold = true
    const now = config()
    const line = PartNames.foundInWords({
      provider: parts.provider.name,
      engines: parts.engines,
      agent: now.agent ?? (parts.agent === undefined ? undefined : parts.agent.name ?? "unnamed"),
      agents: parts.agentNames?.().length,
      // noise suppression has a name of its own
      processors: (parts.processors?.length ?? 0) - (parts.engines["noise"] === undefined ? 0 : 1),
      store,
      hasAuth: Option.isSome(auth),
      hasRateLimiter: Option.isSome(limiter),
      limits: hasLimits(now) ? now.rateLimits.store : undefined,
      hasRetentionHook: Option.isSome(retention),
      kept: Object.keys(periodsOf(now)),
      hasArchive
    })
    const told = Effect.logInfo(`voice backend started: ${line}`)
    return Option.isSome(retention) && !hasArchive
      ? Effect.andThen(told, Effect.logWarning("nothing is kept: there is a DataRetentionHook, but no SessionArchive"))
      : told
  })
})
