/**
 * Makes each call once that was asked for with an idempotency key: the session's id follows from the key, so that every process of a
 * session store finds it, and no two can create it.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import { createHmac } from "node:crypto"
import { type BackendError, InvalidConfig, SessionNotFound } from "../../BackendError.ts"
import type { VoiceSession } from "../../session/VoiceSession.ts"
import * as SessionId from "../sessions/SessionId.ts"

const op = "VoiceBackend.dial"

/** So many keys are remembered of calls that are over, or of which it is not known whether they were made. */
const REMEMBERED = 10_000

/**
 * The key was used for another request.
 *
 * @category errors
 * @since 0.1.0
 */
export const KEY_REUSED = "idempotency_key_reused"

const reused = new InvalidConfig({
  op,
  message: "the idempotency key belongs to another request",
  details: { reason: KEY_REUSED }
})

const over = (id: string) =>
  new SessionNotFound({
    op,
    message: "the call of this idempotency key is over",
    details: { session: id, reason: "call_over" }
  })

/**
 * A request with a key.
 *
 * - `scope`: whose key it is; others' keys are others. `secrets`: the current one first; the id follows from one of them.
 * - `digest`: of the request.
 * - `find`: gives the session of an id, wherever it is; `undefined` where there is none.
 * - `make`: makes the call; what it fails with is a refusal, unless it is not known whether the call was made.
 *
 * @category models
 * @since 0.1.0
 */
export interface KeyedCall {
  readonly key: string
  readonly scope: string
  readonly cell: string | undefined
  readonly secrets: ReadonlyArray<string>
  readonly digest: string
  readonly find: (id: string) => Effect.Effect<VoiceSession | undefined, BackendError>
  readonly make: (id: string) => Effect.Effect<VoiceSession, BackendError>
}

type Entry =
  | { readonly _tag: "Making"; readonly digest: string; readonly made: Deferred.Deferred<VoiceSession, BackendError> }
  | { readonly _tag: "Made"; readonly digest: string; readonly id: string }
  | { readonly _tag: "Unknown"; readonly digest: string; readonly error: BackendError }

/**
 * Whether it is not known of a failed call whether it was made: a carrier, or the process that was to ask it, has not answered.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isUnknown = ({ details }: BackendError): boolean => {
  const reason = details?.["reason"]
  return reason === "call_unknown" || reason === "node_gone"
}

/**
 * The id of the session that a key stands for, made with a secret: nobody can tell the key from the id, or the id from the key.
 *
 * @category accessors
 * @since 0.1.0
 */
export const idOf = (cell: string | undefined, secret: string, scope: string, key: string): string =>
  SessionId.of(cell, createHmac("sha256", secret).update(JSON.stringify(["dial", scope, key])).digest())

/**
 * Makes the function that makes calls once. A call goes on when its caller is interrupted: a further request gets it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  scope: Scope.Scope,
  limit = REMEMBERED
): (call: KeyedCall) => Effect.Effect<VoiceSession, BackendError> => {
  const entries = new Map<string, Entry>()

  /** Puts an entry last, and forgets the oldest of those that nobody waits for. */
  const remember = (name: string, entry: Entry) => {
    entries.delete(name)
    entries.set(name, entry)
    if (entries.size <= limit) return
    for (const [oldest, { _tag }] of entries) {
      if (_tag !== "Making") return void entries.delete(oldest)
    }
  }

  const settle = (name: string, digest: string, exit: Exit.Exit<VoiceSession, BackendError>) => {
    if (Exit.isSuccess(exit)) return remember(name, { _tag: "Made", digest, id: exit.value.id })
    const failure = exit.cause.reasons.find((reason) => reason._tag === "Fail")
    if (failure !== undefined && isUnknown(failure.error)) {
      return remember(name, { _tag: "Unknown", digest, error: failure.error })
    }
    entries.delete(name)
  }

  const found = Effect.fnUntraced(function*({ digest, find }: KeyedCall, ids: ReadonlyArray<string>) {
    for (const id of ids) {
      const session = yield* find(id)
      if (session === undefined) continue
      return session.config.call?.dial?.request === digest ? session : yield* reused
    }
    return undefined
  })

  const first = Effect.fnUntraced(function*(call: KeyedCall, ids: ReadonlyArray<string>) {
    const there = yield* found(call, ids)
    if (there !== undefined) return there
    const session = yield* call.make(ids[0] ?? "")
    return session.config.call?.dial?.request === call.digest ? session : yield* reused
  })

  const once = (call: KeyedCall): Effect.Effect<VoiceSession, BackendError> =>
    Effect.suspend((): Effect.Effect<VoiceSession, BackendError> => {
      const name = JSON.stringify([call.scope, call.key])
      const known = entries.get(name)
      if (known !== undefined && known.digest !== call.digest) {
        // another process may be making the call of this one, and the one that is made here is refused
        return known._tag === "Making"
          ? Effect.andThen(Effect.exit(Deferred.await(known.made)), once(call))
          : Effect.fail(reused)
      }
      if (known?._tag === "Unknown") return Effect.fail(known.error)
      if (known?._tag === "Made") {
        const { id } = known
        return Effect.flatMap(
          call.find(id),
          (session) => session === undefined ? Effect.fail(over(id)) : Effect.succeed(session)
        )
      }
      if (known !== undefined) return Deferred.await(known.made)
      const ids = Array.from(
        new Set(call.secrets.map((secret) => idOf(call.cell, secret, call.scope, call.key)))
      )
      const made = Deferred.makeUnsafe<VoiceSession, BackendError>()
      remember(name, { _tag: "Making", digest: call.digest, made })
      return Effect.uninterruptible(Effect.map(Effect.forkIn(first(call, ids), scope), (fiber) =>
        // also where the scope is closed already and nothing of it runs
        fiber.addObserver((exit) => {
          settle(name, call.digest, exit)
          Deferred.doneUnsafe(made, exit)
        }))).pipe(Effect.andThen(Deferred.await(made)))
    })

  return once
}
