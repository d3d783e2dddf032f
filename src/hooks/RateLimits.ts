/**
 * The framework's own rate limits: their config, and the token buckets that count.
 *
 * A limit of 10 a minute lets 10 through at once and one more every 6 seconds. Buckets are kept in the process, or in a
 * store that all processes share; while that store is unreachable, each process applies the limits alone.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as IpNetwork from "effect/net/IpNetwork"
import * as NetAddress from "effect/net/NetAddress"
import * as Limiter from "effect/persistence/RateLimiter"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { type BackendError, InvalidConfig } from "../BackendError.ts"
import * as MonotonicTime from "../MonotonicTime.ts"
import { withDefault } from "../schema/Defaults.ts"
import { boundedDuration } from "../schema/Durations.ts"
import { secret } from "../schema/Secret.ts"
import { TokenBuckets } from "./TokenBuckets.ts"

const Window = boundedDuration("1 second", "24 hours")

/**
 * A token bucket: `limit` at once, and as many in every window.
 *
 * - `limit`: how many. [1, 1,000,000].
 * - `window`: in how long. [1 s, 24 h].
 *
 * @category models
 * @since 0.1.0
 */
export const Rule = Schema.Struct({
  limit: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000_000 })),
  window: Window
})

/**
 * @category models
 * @since 0.1.0
 */
export type Rule = typeof Rule.Type

/**
 * Rules by what they count.
 *
 * - `user`: for each user.
 * - `tenant`: for each tenant.
 * - `address`: for each network address (IPv6 by its /64).
 *
 * @category models
 * @since 0.1.0
 */
export const Rules = Schema.Struct({
  user: Schema.optionalKey(Rule),
  tenant: Schema.optionalKey(Rule),
  address: Schema.optionalKey(Rule)
})

/**
 * @category models
 * @since 0.1.0
 */
export type Rules = typeof Rules.Type

/**
 * Limits on new sessions, on connections, and on users' audio. Without a rule there is no limit.
 *
 * - `create`: sessions created. The address is that of the API's caller: leave it out where a server of your own creates
 *   the sessions of all users.
 * - `connect`: connections and reconnections to sessions.
 * - `audio`: the duration of a user's audio in all of their sessions of this process: `{ limit: 30m, window: 1h }`. Audio
 *   beyond it is dropped.
 * - `audio.user`: for each user.
 * - `audio.user.limit`: how much audio. [1 s, 24 h].
 * - `audio.user.window`: in how long. [1 s, 24 h].
 * - `store`: `memory` counts in each process, `redis` in all that share the `url`. `memory`.
 * - `url`: of `redis`, with its password: a secret.
 *
 * @category models
 * @since 0.1.0
 */
export const RateLimits = Schema.Struct({
  create: Rules.pipe(withDefault({})),
  connect: Rules.pipe(withDefault({})),
  audio: Schema.Struct({
    user: Schema.optionalKey(Schema.Struct({ limit: Window, window: Window }))
  }).pipe(withDefault({})),
  store: Schema.Literals(["memory", "redis"]).pipe(withDefault("memory" as const)),
  url: Schema.optionalKey(secret({ min: 1, max: 2_048 }))
})

/**
 * @category models
 * @since 0.1.0
 */
export type RateLimits = typeof RateLimits.Type

/**
 * Takes one token of a key. `undefined` when it is allowed, else the milliseconds after which to try again.
 *
 * @category models
 * @since 0.1.0
 */
export type Count = (key: string, rule: Rule) => Effect.Effect<number | undefined>

/** A shared store that takes longer counts as unreachable. */
const STORE_DEADLINE = "1 second"
/** How often an unreachable store is logged. */
const WARN_EVERY_MS = 60_000

/**
 * Effect's in-memory store with a bounded number of buckets.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerMemory = (buckets: TokenBuckets = new TokenBuckets()): Layer.Layer<Limiter.RateLimiterStore> =>
  Layer.effect(
    Limiter.RateLimiterStore,
    Effect.map(Limiter.RateLimiterStore, (store) =>
      Limiter.RateLimiterStore.of({
        ...store,
        tokenBucket: ({ allowOverflow, key, limit, refillRate, tokens }) =>
          Effect.clockWith((clock) =>
            Effect.sync(() => {
              const now = MonotonicTime.nowMs(clock)
              const bucket = buckets.get(key, limit, Duration.toMillis(refillRate), now)
              const left = bucket.take(tokens, now, allowOverflow)
              return [left, bucket.elapsedMs(now)] as const
            })
          )
      }))
  ).pipe(Layer.provide(Limiter.layerStoreMemory))

const retryAfterMs = (error: Limiter.RateLimiterError) =>
  error.reason._tag === "RateLimitExceeded"
    ? Effect.succeed(Math.max(1, Math.ceil(Duration.toMillis(error.reason.retryAfter))))
    : Effect.fail(error)

const counting = (limiter: Limiter.RateLimiter) => (key: string, rule: Rule) =>
  limiter.consume({ algorithm: "token-bucket", onExceeded: "fail", key, limit: rule.limit, window: rule.window }).pipe(
    Effect.as<number | undefined>(undefined),
    Effect.catchTag("RateLimiterError", retryAfterMs)
  )

/**
 * Makes the counter: in the shared store, if there is one, else in this process. It never fails: an unreachable store must
 * neither stop all calls nor lift all limits, so this process then applies them alone.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeCount = Effect.fnUntraced(function*(shared?: Limiter.RateLimiterStore["Service"]) {
  const own = counting(
    yield* Limiter.make.pipe(
      Effect.provideContext(yield* Layer.build(layerMemory()))
    )
  )
  const alone: Count = (key, rule) => Effect.orDie(own(key, rule))
  if (shared === undefined) return alone
  const common = counting(yield* Effect.provideService(Limiter.make, Limiter.RateLimiterStore, shared))
  let warnedAt = Number.NEGATIVE_INFINITY
  const count: Count = (key, rule) =>
    common(key, rule).pipe(
      Effect.timeout(STORE_DEADLINE),
      Effect.catchCause(() =>
        Effect.clockWith((clock) => {
          const now = MonotonicTime.nowMs(clock)
          const warned = now - warnedAt < WARN_EVERY_MS
          if (!warned) warnedAt = now
          return Effect.andThen(
            warned
              ? Effect.void
              : Effect.logWarning("rate-limit store unreachable; using per-process limits"),
            alone(key, rule)
          )
        })
      )
    )
  return count
})

/**
 * Opens the store that all processes share, at a URL. `effect-voice/builtin` provides it.
 *
 * @category services
 * @since 0.1.0
 */
export const SharedStore = Context.Reference<
  (url: string) => Effect.Effect<Limiter.RateLimiterStore["Service"], BackendError, Scope.Scope>
>("effect-voice/hooks/RateLimits/SharedStore", {
  defaultValue: () => () =>
    Effect.fail(
      new InvalidConfig({
        op: "RateLimits.make",
        message: "rate_limits.store: no SharedStore service: provide effect-voice/builtin, or RateLimits.SharedStore",
        details: { missing: "rate_limits.store" }
      })
    )
})

/**
 * The key of a network address. IPv6 counts by its /64 network, since one machine has all of that; the IPv6 spellings of an
 * IPv4 address (`::ffff:10.0.0.1`, `::ffff:a00:1`) count as that address.
 *
 * @category keys
 * @since 0.1.0
 */
export const addressKey = (address: string): string => {
  const parsed = Result.map(
    NetAddress.ipFromString(address.replace(/%.*$/, "")),
    (address) => NetAddress.toCanonical(address)
  )
  if (Result.isFailure(parsed)) return `addr:${address.toLowerCase()}`
  return NetAddress.isIpv4Address(parsed.success)
    ? `addr:${NetAddress.formatIp(parsed.success)}`
    : `addr:${IpNetwork.format(IpNetwork.fromAddressUnsafe(parsed.success, 64))}`
}
