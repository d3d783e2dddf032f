/**
 * Who may do what: the application's authentication, authorization and rate limits, asked in one place.
 *
 * A hook is application code: it may hang, fail with anything and die, and its messages may hold secrets. So it has a
 * deadline, and only the code of its failures is passed on; the log has their cause.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import {
  AuthenticationFailed,
  AuthorizationFailed,
  type BackendError,
  ConnectionFailed,
  InvalidConfig,
  isBackendError,
  RateLimitExceeded,
  Timeout
} from "../../BackendError.ts"
import { deadline } from "../../Deadline.ts"
import type { HealthSource } from "../../HealthSource.ts"
import { AuthHook, type Authorize, type AuthResult, type KnownUser, type Operation } from "../../hooks/AuthHook.ts"
import { DoNotCall, type IntendedCall } from "../../hooks/DoNotCall.ts"
import { RateLimiter } from "../../hooks/RateLimiter.ts"
import * as RateLimits from "../../hooks/RateLimits.ts"
import { decodeMetadata, decodeSpeech, type SessionConfig } from "../../session/SessionConfig.ts"
import * as ThrownValue from "../../ThrownValue.ts"
import type { BackendConfig } from "../config/BackendConfig.ts"
import { CurrentPeer, type Peer, type ProviderHost } from "../provider/ProviderContract.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface AccessControl {
  /**
   * Authenticates and authorizes a new session; the result has the user of the hook and no token. A user who is known is only
   * authorized.
   */
  readonly create: (session: SessionConfig, known?: KnownUser) => Effect.Effect<SessionConfig, BackendError>
  /**
   * Does the same for a session whose user is to be called (`SessionConfig.call`): by the operation `call.create`, and by the limits
   * on calls as well.
   */
  readonly dial: (session: SessionConfig) => Effect.Effect<SessionConfig, BackendError>
  /** Asks the application whether this call may be made. */
  readonly mayCall: (call: IntendedCall) => Effect.Effect<void, BackendError>
  /** Takes one of the calls that a carrier takes a second. */
  readonly callRate: (carrier: string, perSecond: number) => Effect.Effect<void, BackendError>
  /** Authorizes a user's connection to a session. */
  readonly connect: ProviderHost["admit"]
  /** Authorizes any other operation; `undefined` without a hook. */
  readonly authorize: Authorize | undefined
  /** Does the same, and tells all that the hook says of the user; `undefined` without a hook. */
  readonly identify: ProviderHost["identify"]
  /** The store of the rate limits, for the health report. */
  readonly health: HealthSource | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface AccessControlOptions {
  /** The current config. */
  readonly config: () => Pick<BackendConfig, "timeout" | "rateLimits">
  /** The provider's own limits, once it is connected. */
  readonly limiter: () => RateLimiter["Service"] | undefined
  /** Runs when the health of the rate-limit store has changed. */
  readonly onHealthChange?: Effect.Effect<unknown> | undefined
}

const DIAL = "VoiceBackend.dial"
const MAX_ID_CHARACTERS = 256
/** The retry delay for a limiter that gives none. */
const RETRY_MS = 1_000

const isId = (id: unknown): id is string => typeof id === "string" && id !== "" && id.length <= MAX_ID_CHARACTERS

/** The failure of a hook or limiter without its text, which may hold secrets. */
const withoutText = (op: string, who: string, error: unknown): BackendError => {
  if (isBackendError(error)) {
    switch (error.code) {
      case "authentication_failed":
        return new AuthenticationFailed({ op, message: "invalid token" })
      case "authorization_failed":
        return new AuthorizationFailed({ op, message: "permission denied" })
      case "rate_limit_exceeded": {
        const ms = error.details?.["retryAfterMs"]
        return tooMany(op, typeof ms === "number" && Number.isFinite(ms) ? Math.max(1, Math.ceil(ms)) : RETRY_MS)
      }
      case "timeout":
        return new Timeout({ op, message: `the ${who} timed out` })
    }
  }
  return new ConnectionFailed({ op, message: `the ${who} failed`, details: { reason: "hook_failed" } })
}

const tooMany = (op: string, retryAfterMs: number, by?: string) =>
  new RateLimitExceeded({
    op,
    message: by === undefined ? "too many requests" : `too many requests from this ${by}`,
    details: { retryAfterMs, ...(by === undefined ? {} : { by }) }
  })

const expired = (op: string) =>
  new AuthenticationFailed({
    op,
    message: "authorization expired: re-authenticate and create a new session"
  })

/** The keys that limits count by, the narrowest first: a request refused for its user does not count for the tenant. */
const keysOf = (who: { readonly userId?: string; readonly tenant?: string | undefined }, from: Peer) => [
  ...(from.address === undefined ? [] : [["address", RateLimits.addressKey(from.address)] as const]),
  ...(who.userId === undefined ? [] : [["user", `user:${who.userId}`] as const]),
  ...(who.tenant === undefined ? [] : [["tenant", `tenant:${who.tenant}`] as const])
]

/**
 * Makes the access control of a backend from its hooks; without hooks everything is allowed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  options: AccessControlOptions
): Effect.fn.Return<AccessControl, BackendError, Scope.Scope> {
  const auth = Option.getOrUndefined(yield* Effect.serviceOption(AuthHook))
  const doNotCall = Option.getOrUndefined(yield* Effect.serviceOption(DoNotCall))
  const limiter = Option.getOrUndefined(yield* Effect.serviceOption(RateLimiter))
  const { count, health } = yield* makeCount(options.config().rateLimits, options.onHealthChange ?? Effect.void)

  const ask = <A>(op: string, who: string, question: () => Effect.Effect<A, BackendError>) =>
    Effect.suspend(question).pipe(
      deadline(op, `the ${who}`, options.config().timeout),
      Effect.catchCause((cause) => {
        // one that interrupts itself has failed, too
        const reason = Cause.squash(cause)
        const error = withoutText(op, who, reason)
        const isFailure = error.code === "connection_failed" || error.code === "timeout"
        // a refusal is an answer, and its text may hold what the user sent
        const told = isFailure
          ? Effect.logError(`the ${who} failed`, ThrownValue.loggable(cause))
          : Effect.logDebug(`the ${who} refused: ${error.code}`)
        return Effect.andThen(Effect.annotateLogs(told, { hook: who, op }), Effect.fail(error))
      })
    )

  const limit = Effect.fnUntraced(function*(
    op: string,
    kinds: ReadonlyArray<"create" | "connect" | "dial">,
    keys: ReturnType<typeof keysOf>
  ) {
    for (const own of [options.limiter(), limiter]) {
      if (own === undefined) continue
      for (const [by, key] of keys) {
        if ((yield* ask(op, "rate limiter", () => own.allow(key))) !== true) return yield* tooMany(op, RETRY_MS, by)
      }
    }
    for (const kind of kinds) {
      const rules = options.config().rateLimits[kind]
      for (const [by, key] of keys) {
        const rule = rules[by]
        const retryAfterMs = rule === undefined ? undefined : yield* count(`${kind}:${key}`, rule)
        if (retryAfterMs !== undefined) return yield* tooMany(op, retryAfterMs, by)
      }
    }
  })

  const authenticate = Effect.fnUntraced(function*(
    op: string,
    hook: AuthHook["Service"],
    token: string | undefined,
    metadata: { readonly [key: string]: unknown }
  ) {
    if (token === undefined || token === "") {
      return yield* new AuthenticationFailed({ op, message: "missing token" })
    }
    const who: AuthResult = yield* ask(op, "AuthHook", () => hook.authenticate(token, metadata))
    if (who?.authorized !== true) {
      return yield* new AuthorizationFailed({ op, message: "permission denied: this user may not use the backend" })
    }
    if (!isId(who.userId) || (who.tenant !== undefined && !isId(who.tenant))) {
      yield* Effect.annotateLogs(Effect.logError("the AuthHook gave no valid user"), { hook: "AuthHook", op })
      return yield* new ConnectionFailed({ op, message: "the AuthHook failed", details: { reason: "hook_failed" } })
    }
    const now = yield* Clock.currentTimeMillis
    if (who.expiresAt !== undefined && !(now < who.expiresAt)) return yield* expired(op)
    return who
  })

  const authorize = Effect.fnUntraced(function*(
    op: string,
    hook: AuthHook["Service"],
    userId: string,
    operation: Operation
  ) {
    if ((yield* ask(op, "AuthHook", () => hook.authorize(userId, operation))) !== true) {
      return yield* new AuthorizationFailed({ op, message: `permission denied: ${operation}` })
    }
  })

  const admit = Effect.fnUntraced(function*(
    op: string,
    kinds: ReadonlyArray<"create" | "dial">,
    operation: Operation,
    { token, ...session }: SessionConfig,
    known?: KnownUser
  ) {
    const from = yield* CurrentPeer
    if (!isId(session.userId)) {
      return yield* new InvalidConfig({
        op,
        message: "user_id: expected 1 to 256 characters",
        details: { path: "user_id" }
      })
    }
    const metadata = yield* decodeMetadata(op, session.metadata ?? {})
    const speech = yield* decodeSpeech(op, session)
    // before the hook, which may be slow
    yield* limit(op, kinds, keysOf({}, from))
    let admitted: SessionConfig = {
      ...session,
      ...speech,
      metadata,
      ...(known === undefined ? {} : { userId: known.userId })
    }
    if (auth !== undefined) {
      const who = known ?? (yield* authenticate(op, auth, token, metadata))
      yield* authorize(op, auth, who.userId, operation)
      const merged = yield* decodeMetadata(op, { ...metadata, ...who.metadata })
      const { expiresAt, tenant, userId } = who
      admitted = { ...admitted, userId, metadata: merged, tenant, expiresAt }
    }
    yield* limit(op, kinds, keysOf(admitted, {}))
    return admitted
  })

  const connect: AccessControl["connect"] = Effect.fnUntraced(function*({ config }, from) {
    const op = "VoiceBackend.connect"
    yield* limit(op, ["connect"], keysOf(config, from))
    const now = yield* Clock.currentTimeMillis
    if (config.expiresAt !== undefined && !(now < config.expiresAt)) return yield* expired(op)
    if (auth !== undefined) yield* authorize(op, auth, config.userId, "session.connect")
  })

  const mayCall: AccessControl["mayCall"] = Effect.fnUntraced(function*(call) {
    if (doNotCall === undefined) return
    const answer = yield* ask(DIAL, "DoNotCall", () => doNotCall.mayCall(call)).pipe(
      Effect.catchTag("AuthorizationFailed", () => Effect.succeed(false))
    )
    if (answer === true) return
    return yield* new AuthorizationFailed({
      op: DIAL,
      message: "this call may not be made",
      details: { reason: "do_not_call" }
    })
  })

  const identify: AccessControl["identify"] = auth === undefined
    ? undefined
    : Effect.fnUntraced(function*(token, operation) {
      const op = "VoiceBackend.authorize"
      const { expiresAt, metadata, tenant, userId } = yield* authenticate(op, auth, token, {})
      yield* authorize(op, auth, userId, operation)
      return { userId, tenant, metadata, expiresAt }
    })

  return {
    create: (session, known) => admit("VoiceBackend.createSession", ["create"], "session.create", session, known),
    dial: (session) => admit(DIAL, ["create", "dial"], "call.create", session),
    mayCall,
    callRate: Effect.fnUntraced(function*(carrier, perSecond) {
      const retryAfterMs = yield* count(`dial:carrier:${carrier}`, { limit: perSecond, window: Duration.seconds(1) })
      if (retryAfterMs === undefined) return
      return yield* new RateLimitExceeded({
        op: DIAL,
        message: `the carrier takes ${perSecond} ${perSecond === 1 ? "call" : "calls"} a second`,
        details: { retryAfterMs, by: "carrier" }
      })
    }),
    connect,
    health,
    authorize: identify === undefined ?
      undefined :
      (token, operation) => Effect.map(identify(token, operation), ({ tenant, userId }) => ({ userId, tenant })),
    identify
  }
})

const makeCount = Effect.fnUntraced(function*(
  { store, url }: BackendConfig["rateLimits"],
  onChange: Effect.Effect<unknown>
) {
  if (store === "cluster") {
    const cluster = yield* RateLimits.ClusterStore
    if (cluster === undefined) {
      return yield* new InvalidConfig({
        op: "RateLimits.make",
        message: "rate_limits.store: cluster is for a backend of a cluster: VoiceCluster.layer",
        details: { missing: "cluster" }
      })
    }
    return yield* RateLimits.makeCount(cluster, () => onChange)
  }
  if (store === "memory" || url === undefined) return yield* RateLimits.makeCount()
  const open = yield* RateLimits.SharedStore
  return yield* RateLimits.makeCount(yield* open(Redacted.value(url)), () => onChange)
})
