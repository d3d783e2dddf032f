/**
 * Limits how often something may happen, by key: `user:<id>`, `addr:<ip>`, `tenant:<id>`.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Limiter from "effect/persistence/RateLimiter"
import type { BackendError } from "../BackendError.ts"
import * as Faults from "../schema/Faults.ts"
import * as RateLimits from "./RateLimits.ts"

/**
 * Provide this service to limit session creation and connections your own way: it is called at each, with the keys of the
 * user, the address and the tenant, as far as they are known. The limits of the config (`rate_limits`) apply as well.
 *
 * @category services
 * @since 0.1.0
 */
export class RateLimiter extends Context.Service<RateLimiter, {
  /** Takes a token of the key: whether one more is allowed now. */
  readonly allow: (key: string) => Effect.Effect<boolean, BackendError>
  /** Waits until one more is allowed. */
  readonly wait: (key: string) => Effect.Effect<void, BackendError>
}>()("effect-voice/hooks/RateLimiter") {
  /**
   * The framework's limiter as a service: token buckets in this process, or in Effect's `RateLimiterStore` if that is
   * provided. A key without a rule is always allowed.
   */
  static readonly layer = (rules: typeof RateLimits.Rules.Encoded): Layer.Layer<RateLimiter, BackendError> =>
    Layer.effect(
      RateLimiter,
      Effect.gen(function*() {
        const { address, tenant, user } = yield* Faults.decode(RateLimits.Rules, rules, {
          op: "RateLimiter.layer",
          what: "invalid rate limits"
        })
        const shared = yield* Effect.serviceOption(Limiter.RateLimiterStore)
        const { count } = yield* RateLimits.makeCount(shared._tag === "Some" ? shared.value : undefined)
        const ruleOf = (key: string) => key.startsWith("user:") ? user : key.startsWith("tenant:") ? tenant : address
        const next = (key: string) => {
          const rule = ruleOf(key)
          return rule === undefined ? Effect.undefined : count(key, rule)
        }
        const wait = (key: string): Effect.Effect<void> =>
          Effect.flatMap(next(key), (ms) =>
            ms === undefined
              ? Effect.void
              : Effect.andThen(Effect.sleep(ms), Effect.suspend(() => wait(key))))
        return { allow: (key) => Effect.map(next(key), (ms) => ms === undefined), wait }
      })
    )
}
