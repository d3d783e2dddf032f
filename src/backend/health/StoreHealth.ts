/**
 * Watches the session store of a backend: finds out when it is away or cannot write, says so in the health report, and refuses
 * what would only wait for it.
 *
 * Health comes from the store's probe, which writes. It runs when health is asked for, at once when an operation has failed or
 * takes long, and every second while the store is down: never twice at once, never longer than 3 s. While the store is down,
 * new sessions are refused at once with the cause. Everything else still reaches the store: sessions in progress write and
 * renew their leases as before, so they recover as soon as the store does.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import { type BackendError, ConnectionFailed, markedAs, normalize } from "../../BackendError.ts"
import { deadline } from "../../Deadline.ts"
import type { HealthSource } from "../../HealthSource.ts"
import * as MonotonicTime from "../../MonotonicTime.ts"
import type { SessionStore } from "../../session/persistence/SessionStore.ts"
import * as ThrownValue from "../../ThrownValue.ts"

const PROBE_DEADLINE = "3 seconds"
/** How long a good answer of the probe counts. */
const FRESH_MS = 1_000
const PROBE_WHILE_DOWN = "1 second"
/** An operation that takes longer makes the store suspect. */
const SLOW = Duration.seconds(1)
/** When a caller whose session was refused should try again. */
const RETRY_AFTER_MS = 5_000
/** How long a failed renewal counts: the lease is renewed several times in its time. */
const RENEWAL_MS = 15_000
/** How often it is logged that a session could not be stored by a store that is well. */
const WARN_EVERY_MS = 60_000

/**
 * @category models
 * @since 0.1.0
 */
export interface StoreHealth {
  /** The store as the backend uses it. */
  readonly store: SessionStore["Service"]
  readonly source: HealthSource
}

/** Whether a failure is the store's, and not that of a session. */
const isOutage = ({ code }: BackendError): boolean => code === "connection_failed" || code === "timeout"

/** While this is the cause, a session that another process has left cannot be looked up: the attempt would only wait. */
const isSilent = ({ details }: BackendError): boolean =>
  details?.["reason"] === undefined || details["reason"] === "unreachable"

/** The failure of a request that can be repeated later. */
const later = (op: string, error: BackendError): ConnectionFailed =>
  markedAs(error)(
    new ConnectionFailed({
      op,
      message: error.message,
      details: { part: "store", ...error.details, retryAfterMs: RETRY_AFTER_MS }
    })
  )

/**
 * Starts to watch a store. `onChange` runs when its health may have changed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  store: SessionStore["Service"],
  onChange: Effect.Effect<unknown>
): Effect.fn.Return<StoreHealth, never, Scope.Scope> {
  const scope = yield* Effect.scope
  const clock = yield* Clock.Clock
  const now = () => MonotonicTime.nowMs(clock)
  /** The last failure of the probe, until it succeeds. */
  let outage: BackendError | undefined
  let wellMs = Number.NEGATIVE_INFINITY
  let probing: Fiber.Fiber<unknown> | undefined
  let isRepeating = false
  let renewedMs = now()
  let renewal: { readonly error: BackendError; readonly atMs: number } | undefined
  let warnedMs = Number.NEGATIVE_INFINITY

  const probe = store.probe.pipe(
    deadline("SessionStore.probe", `the session store ${store.name}`, PROBE_DEADLINE, {
      part: "store",
      store: store.name,
      reason: "unreachable"
    }),
    normalize("SessionStore.probe"),
    Effect.result,
    Effect.flatMap((result) =>
      Effect.suspend(() => {
        const before = outage
        outage = Result.isFailure(result) ? result.failure : undefined
        if (outage === undefined) wellMs = now()
        return before?.message === outage?.message ? Effect.void : onChange
      })
    ),
    Effect.ensuring(Effect.sync(() => {
      probing = undefined
    }))
  )

  /** The running probe, or a new one. */
  const probeNow = Effect.suspend(() =>
    probing !== undefined ?
      Effect.succeed(probing) :
      Effect.tap(Effect.forkIn(probe, scope), (fiber) =>
        Effect.sync(() => {
          if (fiber.pollUnsafe() === undefined) probing = fiber
        }))
  )

  const repeatWhileDown = Effect.suspend(() => {
    if (outage === undefined || isRepeating) return Effect.void
    isRepeating = true
    return Effect.sleep(PROBE_WHILE_DOWN).pipe(
      Effect.andThen(probeNow),
      Effect.andThen((fiber) => Fiber.join(fiber)),
      Effect.repeat({ while: () => outage !== undefined }),
      Effect.ensuring(Effect.sync(() => {
        isRepeating = false
      })),
      Effect.forkIn(scope)
    )
  })

  const probed = Effect.flatMap(probeNow, (fiber) => Fiber.join(fiber)).pipe(Effect.andThen(repeatWhileDown))

  /** Probes at once after a sign that something is wrong. */
  const suspect = Effect.suspend(() => {
    if (outage !== undefined) return Effect.void
    wellMs = Number.NEGATIVE_INFINITY
    return Effect.asVoid(Effect.forkIn(probed, scope))
  })

  const watched = <A>(effect: Effect.Effect<A, BackendError>): Effect.Effect<A, BackendError> =>
    Effect.tapError(effect, (error) => isOutage(error) ? suspect : Effect.void)

  /** For operations that others wait for, or that come often: one that takes long is a sign as well. */
  const timed = <A>(effect: Effect.Effect<A, BackendError>): Effect.Effect<A, BackendError> =>
    Effect.acquireUseRelease(
      Effect.forkIn(Effect.andThen(Effect.sleep(SLOW), suspect), scope),
      () => watched(effect),
      (timer) => Effect.sync(() => timer.interruptUnsafe())
    )

  const warnOfFailure = (error: BackendError) =>
    Effect.suspend(() => {
      if (outage !== undefined || now() - warnedMs < WARN_EVERY_MS) return Effect.void
      warnedMs = now()
      return Effect.logWarning(
        "a session could not be stored, though the session store answers",
        ThrownValue.textOf(error)
      )
    })

  const create: SessionStore["Service"]["create"] = (id, snapshot, resumeWindowMs) =>
    Effect.suspend(() =>
      outage !== undefined && outage.details?.["reason"] !== "replaced"
        ? Effect.fail(later("SessionStore.create", outage))
        : timed(store.create(id, snapshot, resumeWindowMs)).pipe(
          Effect.catchIf(isOutage, (error) =>
            Effect.andThen(
              Effect.forkIn(Effect.andThen(probed, warnOfFailure(error)), scope),
              Effect.fail(later("SessionStore.create", error))
            ))
        )
    )

  const renew = timed(store.renew).pipe(
    Effect.onExit((exit) =>
      Effect.suspend(() => {
        const before = renewal
        const isDone = exit._tag === "Success"
        if (isDone) {
          renewal = undefined
          renewedMs = now()
          return before === undefined ? Effect.void : onChange
        }
        const reason = exit.cause.reasons.find((reason) => reason._tag === "Fail")
        // a single failure within the lease is made good by the next renewal
        if (reason !== undefined && (now() - renewedMs > store.leaseMs || before !== undefined)) {
          renewal = { error: reason.error, atMs: now() }
        }
        return before === undefined && renewal !== undefined ? onChange : Effect.void
      })
    )
  )

  const source: HealthSource = {
    name: "store",
    what: `the session store ${store.name}`,
    probe: Effect.suspend(() => {
      const known = outage ?? renewalFailure()
      if (known !== undefined) return Effect.fail(known)
      if (now() - wellMs < FRESH_MS) return Effect.void
      return Effect.andThen(
        probed,
        Effect.suspend(() => outage === undefined ? Effect.void : Effect.fail(outage))
      )
    })
  }

  const renewalFailure = (): BackendError | undefined =>
    renewal === undefined || now() - renewal.atMs > RENEWAL_MS ? undefined : markedAs(renewal.error)(
      new ConnectionFailed({
        op: "SessionStore.renew",
        message: `leases are not renewed: ${renewal.error.message}`,
        ...(renewal.error.details === undefined ? {} : { details: renewal.error.details })
      })
    )

  return {
    store: {
      ...store,
      create,
      renew,
      claim: (id) =>
        Effect.suspend(() =>
          outage !== undefined && isSilent(outage)
            ? Effect.fail(later("SessionStore.claim", outage))
            : timed(store.claim(id))
        ),
      undoClaim: (lease) => watched(store.undoClaim(lease)),
      write: (lease, change) => watched(store.write(lease, change)),
      listOwned: timed(store.listOwned),
      releaseLease: (lease) => watched(store.releaseLease(lease)),
      remove: (lease) => watched(store.remove(lease)),
      secret: (name, candidate) => watched(store.secret(name, candidate)),
      shareSecrets: (name, known) => watched(store.shareSecrets(name, known)),
      sweep: watched(store.sweep)
    },
    source
  }
})
