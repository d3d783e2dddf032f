/**
 * Calls users: checks what is asked for, asks the application, and has the session made that the provider then calls for.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { type BackendError, ConnectionFailed } from "../../BackendError.ts"
import * as DialRequest from "../../session/call/DialRequest.ts"
import type { SessionConfig } from "../../session/SessionConfig.ts"
import type { VoiceSession } from "../../session/VoiceSession.ts"
import type { AccessControl } from "../admission/AccessControl.ts"
import * as SessionId from "../sessions/SessionId.ts"
import type { CallPlaces } from "./CallPlaces.ts"
import * as KeyedCalls from "./KeyedCalls.ts"
import type { OutboundCalls } from "./OutboundCalls.ts"
import * as PlannedCall from "./PlannedCall.ts"

const op = "VoiceBackend.dial"

/** How often a session is looked for that another process is just creating. */
const LOOK_EVERY = Duration.millis(250)
/** How much longer than its own time limit the creation may take. */
const EXTRA = Duration.seconds(5)

/**
 * @category models
 * @since 0.1.0
 */
export interface DiallingOptions {
  /** Whether the provider is connected. */
  readonly connected: () => boolean
  /** How the provider calls; `undefined` where it cannot. */
  readonly calls: () => OutboundCalls | undefined
  readonly access: Pick<AccessControl, "authorize" | "dial" | "mayCall">
  readonly places: () => CallPlaces
  readonly cell: () => string | undefined
  /** Those that ids are made from, the current one first. */
  readonly secrets: () => ReadonlyArray<string>
  readonly timeout: () => Duration.Duration
  /** The calls with a key are made in it. */
  readonly scope: Scope.Scope
}

const creating = new ConnectionFailed({
  op,
  message: "another process is making this call",
  details: { reason: "session_exists", retryAfterMs: 1_000 }
})

/**
 * Makes `Backend.dial`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: DiallingOptions) => {
  const { access, calls, cell, places, scope, secrets, timeout } = options
  const once = KeyedCalls.make(scope)

  /** Waits for a session that somebody else is creating. */
  const awaited = (id: string): Effect.Effect<VoiceSession, BackendError> =>
    Effect.suspend(() => places().find(id)).pipe(
      Effect.flatMap((session) => session === undefined ? Effect.fail(creating) : Effect.succeed(session)),
      Effect.retry({
        while: (error) => error === creating,
        schedule: Schedule.upTo(Schedule.spaced(LOOK_EVERY), { duration: Duration.sum(timeout(), EXTRA) })
      })
    )

  const placed = (config: SessionConfig) => (id: string): Effect.Effect<VoiceSession, BackendError> => {
    const { call, metadata, tenant, userId } = config
    return access.mayCall({ to: call?.to ?? "", from: call?.from, userId, tenant, metadata: metadata ?? {} }).pipe(
      Effect.andThen(Effect.suspend(() => places().open(id, config))),
      Effect.catchIf(
        (error) => error.details?.["reason"] === "session_exists",
        () => awaited(id)
      )
    )
  }

  return Effect.fnUntraced(function*(given: DialRequest.DialRequest): Effect.fn.Return<VoiceSession, BackendError> {
    const request = yield* DialRequest.check(op, given)
    if (!options.connected()) {
      return yield* new ConnectionFailed({ op, message: "the provider is not connected" })
    }
    const planned = yield* PlannedCall.make(calls(), request)
    const config = yield* access.dial(planned)
    const make = placed(config)
    const key = request.idempotencyKey
    if (key === undefined) return yield* make(yield* SessionId.make(cell()))
    return yield* once({
      key,
      // without a hook nobody says who asks: then every key is known to all
      scope: access.authorize === undefined ? "" : JSON.stringify([config.tenant ?? null, config.userId]),
      cell: cell(),
      secrets: secrets(),
      digest: PlannedCall.digestOf(request),
      find: (id) => places().find(id),
      make
    })
  })
}
