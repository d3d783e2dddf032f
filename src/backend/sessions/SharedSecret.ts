/**
 * A secret that the processes on a session store share, such as the key of session tokens: offered to the store again and
 * again, so that it survives a loss of the store's data as long as one process lives.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { type BackendError, InvalidConfig } from "../../BackendError.ts"
import * as KnownKeys from "../../KnownKeys.ts"
import { MAX_SECRETS, type SessionStore } from "../../session/persistence/SessionStore.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface SharedSecret {
  /** The one to sign with: that of the store. */
  readonly current: () => string
  /** Others that processes on the store have signed with: what they signed is still valid. */
  readonly former: () => ReadonlyArray<string>
}

/**
 * A secret, and how it is offered to the store.
 *
 * @category models
 * @since 0.1.0
 */
export interface OfferedSecret extends SharedSecret {
  /** Offers what is known, and takes over what others know. Fails when it is not stored. */
  readonly offer: Effect.Effect<void, BackendError>
}

/**
 * A secret of this process alone.
 *
 * @category constructors
 * @since 0.1.0
 */
export const own = (secret: string): SharedSecret => {
  KnownKeys.remember(secret)
  return { current: () => secret, former: () => [] }
}

/**
 * Asks the store for the secret of this name; `candidate` is stored when there is none.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  store: SessionStore["Service"],
  name: string,
  candidate: string
): Effect.fn.Return<OfferedSecret, BackendError> {
  /** The current one first. */
  let known: ReadonlyArray<string> = [yield* store.secret(name, candidate)]
  known.forEach(KnownKeys.remember)
  return {
    current: () => known[0] ?? candidate,
    former: () => known.slice(1),
    offer: Effect.flatMap(Effect.suspend(() => store.shareSecrets(name, known)), (stored) => {
      const isStored = stored.includes(known[0] ?? candidate)
      known = Array.from(new Set([...stored, ...known])).slice(0, 2 * MAX_SECRETS)
      known.forEach(KnownKeys.remember)
      return isStored ? Effect.void : Effect.fail(
        new InvalidConfig({ op: "SessionStore.shareSecrets", message: `the session store has ${stored.length} others` })
      )
    })
  }
})
