/**
 * The framework's own rate limits: their config, and the token buckets that count.
 *
 * A limit of 10 a minute lets 10 through at once and one more every 6 seconds. Buckets are kept in the process, or in a
 * store that all processes share; while that store is unreachable, each process applies the limits alone.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as IpNetwork from "effect/net/IpNetwork"
import * as NetAddress from "effect/net/NetAddress"
import * as Limiter from "effect/persistence/RateLimiter"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { type BackendError, ConnectionFailed, InvalidConfig, isBackendError } from "../BackendError.ts"
import * as HealthSource from "../HealthSource.ts"
import * as MonotonicTime from "../MonotonicTime.ts"
import { withDefault } from "../schema/Defaults.ts"
import { boundedDuration } from "../schema/Durations.ts"
import { secret } from "../schema/Secret.ts"
import * as ThrownValue from "../ThrownValue.ts"
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
 * - `dial`: calls that are made; each is a session as well.
 * - `connect`: connections and reconnections to sessions.
 * - `audio`: the duration of a user's audio in all of their sessions of this process: `{ limit: 30m, window: 1h }`. Audio
 *   beyond it is dropped.
 * - `audio.user`: for each user.
 * - `audio.user.limit`: how much audio. [1 s, 24 h].
 * - `audio.user.window`: in how long. [1 s, 24 h].
 * - `store`: `memory` counts in each process, `redis` in all that share the `url`, `cluster` in all of the cluster. `memory`.
 * - `url`: of `redis`, with its password: a secret.
 *
 * @category models
 * @since 0.1.0
 */
export const RateLimits = Schema.Struct({
  create: Rules.pipe(withDefault({})),
  dial: Rules.pipe(withDefault({})),
  connect: Rules.pipe(withDefault({})),
  audio: Schema.Struct({
    user: Schema.optionalKey(Schema.Struct({ limit: Window, window: Window }))
  }).pipe(withDefault({})),
  store: Schema.Literals(["memory", "redis", "cluster"]).pipe(withDefault("memory" as const)),
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

/**
 * Rate limits as they are counted.
 *
 * @category models
 * @since 0.1.0
 */
export interface Counting {
  readonly count: Count
  /** The shared store, for the health report; `undefined` without one. */
  readonly health: HealthSource.HealthSource | undefined
}

/**
 * A store that processes share, and what they do while it cannot be reached.
 *
 * @category models
 * @since 0.1.0
 */
export interface SharedCounting {
  readonly store: Limiter.RateLimiterStore["Service"]
  /** How long an answer is waited for; a store that takes longer counts as unreachable. */
  readonly patience: Duration.Duration
  /**
   * How many processes share it, as far as is known. Each then allows its part of a limit alone: rounded down, but at least 1.
   * Default: each allows the whole limit, since nobody knows how many there are.
   */
  readonly processes?: (() => number) | undefined
}

const NOT_READY = "not_ready"
/** How often a store that has not begun to count is asked by who waits for it. */
const READY_EVERY = Duration.millis(100)
/** A store on a server of its own that takes longer counts as unreachable. */
const STORE_DEADLINE = Duration.seconds(1)
/** How long an unreachable store is not asked again. */
const PAUSE_MS = 5_000
/** How long a good answer of the store counts for the health report. */
const FRESH = Duration.seconds(5)
/** The key that the health check counts; its limit is never reached. */
const PROBE_KEY = "probe"
const probeRule: Rule = { limit: 1_000_000, window: Duration.seconds(1) }

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
 * The error of a shared store that says in plain words what is wrong with it: the health report shows it. With the reason
 * `not_ready` it has only not begun yet: who counts waits for it, as for a slow answer.
 *
 * @category errors
 * @since 0.1.0
 */
export const storeError = (why: string, reason?: typeof NOT_READY): Limiter.RateLimiterError =>
  new Limiter.RateLimiterError({
    reason: new Limiter.RateLimitStoreError({
      message: why,
      cause: new ConnectionFailed({
        op: "RateLimits.count",
        message: `the rate-limit store ${why}`,
        details: { part: "rate_limits", ...(reason === undefined ? {} : { reason }) }
      })
    })
  })

/** The store that a failure comes from says what is wrong with it. */
const toldBy = (cause: Cause.Cause<unknown>): BackendError | undefined => {
  const error = Cause.squash(cause)
  const reason = error instanceof Limiter.RateLimiterError ? error.reason : undefined
  return reason?._tag === "RateLimitStoreError" && isBackendError(reason.cause) ? reason.cause : undefined
}

/** Why a shared store does not count. The text of any other error is left out: it may contain an address or a key. */
const storeFailure = (cause: Cause.Cause<unknown>, patience: Duration.Duration): ConnectionFailed => {
  const why = toldBy(cause)?.message ??
    `the rate-limit store ${
      Cause.isTimeoutError(Cause.squash(cause)) ? `has not answered within ${Duration.format(patience)}` : "fails"
    }`
  return new ConnectionFailed({
    op: "RateLimits.count",
    message: `${why}; this process applies the limits alone`,
    details: { part: "rate_limits" }
  })
}

/** Logs when the shared store fails, and when it works again. */
const logChange = (failure: BackendError | undefined): Effect.Effect<void> =>
  failure === undefined
    ? Effect.logInfo("the rate-limit store works again")
    : Effect.logWarning(ThrownValue.textOf(failure))

const isNotReady = (cause: Cause.Cause<unknown>) => toldBy(cause)?.details?.["reason"] === NOT_READY

/** The part of a limit that one of several processes allows alone: all of them together no more than the limit, where it is not smaller. */
const partOf = (rule: Rule, processes: number): Rule => ({
  ...rule,
  limit: Math.max(1, Math.floor(rule.limit / Math.max(1, processes)))
})

/**
 * Makes the counter: in the shared store, if there is one, else in this process. It never fails: an unreachable store must
 * neither stop all calls nor lift all limits, so this process then applies them alone. Of a store alone, an answer is waited for
 * for 1 s.
 *
 * A store that has failed is not waited for again: it is asked once in 5 s, in the background, until it answers. `onChange`
 * runs when it fails, and when it works again; by default it is logged.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeCount = Effect.fnUntraced(function*(
  given?: SharedCounting | Limiter.RateLimiterStore["Service"],
  onChange: (failure: BackendError | undefined) => Effect.Effect<unknown> = logChange
): Effect.fn.Return<Counting, never, Scope.Scope> {
  const own = counting(
    yield* Limiter.make.pipe(
      Effect.provideContext(yield* Layer.build(layerMemory()))
    )
  )
  const whole: Count = (key, rule) => Effect.orDie(own(key, rule))
  if (given === undefined) return { count: whole, health: undefined }
  const { patience, processes, store }: SharedCounting = "store" in given
    ? given
    : { store: given, patience: STORE_DEADLINE }
  const alone: Count = processes === undefined
    ? whole
    : (key, rule) => Effect.suspend(() => whole(key, partOf(rule, processes())))
  const scope = yield* Effect.scope
  const clock = yield* Clock.Clock
  const common = counting(yield* Effect.provideService(Limiter.make, Limiter.RateLimiterStore, store))
  let failure: ConnectionFailed | undefined
  let askAgainMs = Number.NEGATIVE_INFINITY

  /** Counts in the shared store, and notes whether it works. */
  const noted = <A, E>(asked: Effect.Effect<A, E>) =>
    asked.pipe(
      Effect.timeout(patience),
      Effect.onExit((exit) =>
        Effect.suspend(() => {
          if (Exit.isFailure(exit) && (Cause.hasInterruptsOnly(exit.cause) || isNotReady(exit.cause))) {
            return Effect.void
          }
          const before = failure
          failure = Exit.isSuccess(exit) ? undefined : storeFailure(exit.cause, patience)
          askAgainMs = MonotonicTime.nowMs(clock) + PAUSE_MS
          return (before === undefined) === (failure === undefined) ? Effect.void : onChange(failure)
        })
      )
    )
  const ask = (key: string, rule: Rule) =>
    noted(
      Effect.retry(Effect.suspend(() => common(key, rule)), {
        schedule: Schedule.spaced(READY_EVERY),
        while: (error) => isNotReady(Cause.fail(error))
      })
    )
  const look = noted(Effect.suspend(() => common(PROBE_KEY, probeRule)))
  const askOnceMore = Effect.suspend(() => {
    const now = MonotonicTime.nowMs(clock)
    if (now < askAgainMs) return Effect.void
    askAgainMs = now + PAUSE_MS
    return Effect.forkIn(Effect.ignoreCause(look), scope)
  })
  const count: Count = (key, rule) =>
    Effect.suspend(() =>
      failure === undefined
        ? Effect.catchCause(
          ask(key, rule),
          (cause) => Cause.hasInterruptsOnly(cause) ? Effect.interrupt : alone(key, rule)
        )
        : Effect.andThen(askOnceMore, alone(key, rule))
    )
  const probe = yield* HealthSource.shared(
    Effect.catchCause(Effect.asVoid(look), (cause) => Effect.fail(storeFailure(cause, patience))),
    FRESH
  )
  return {
    count,
    health: {
      name: "rate_limits",
      what: "the rate-limit store",
      failed: "degraded",
      probe: Effect.suspend(() => failure === undefined ? probe : Effect.andThen(askOnceMore, Effect.fail(failure)))
    }
  }
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
 * The store that the processes of a cluster count in together. The layer of a cluster provides it.
 *
 * @category services
 * @since 0.1.0
 */
export const ClusterStore = Context.Reference<SharedCounting | undefined>(
  "effect-voice/hooks/RateLimits/ClusterStore",
  { defaultValue: () => undefined }
)

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
