/**
 * A session store whose operations are held to how an operation ends: with a value or one of the errors of the contract, and in
 * time. One that hangs or dies fails the case that calls it, whatever clock the case runs on.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { type BackendError, isBackendError } from "../../../BackendError.ts"
import type { SessionStore } from "../../../session/persistence/SessionStore.ts"
import { ConformanceError } from "../Assertions.ts"
import * as Case from "../Case.ts"

type Store = SessionStore["Service"]

/** The share of a case's deadline that an operation may take, in real time: 20 s of 4 min. */
const SHARE = 12

/** An operation fails with the errors of its type: what else goes wrong is a defect of the case. */
const broken = (operation: string, how: string) =>
  Effect.die(new ConformanceError({ message: `expected that SessionStore.${operation} ${how}` }))

const ending = <A>(
  operation: string,
  longest: Duration.Duration,
  run: () => Effect.Effect<A, BackendError>
): Effect.Effect<A, BackendError> => {
  const typed = Effect.catchCause(Effect.suspend(run), (cause) => {
    const error = cause.reasons.find(Cause.isFailReason)?.error
    return isBackendError(error)
      ? Effect.fail(error)
      : Cause.hasInterruptsOnly(cause)
      ? Effect.interrupt
      : broken(operation, `fails with one of the errors of the contract, and not: ${Cause.pretty(cause)}`)
  })
  const late = Effect.suspend(() =>
    Effect.provideService(Effect.sleep(longest), Clock.Clock, Clock.Clock.defaultValue())
  ).pipe(Effect.andThen(broken(operation, `ends, but it took longer than ${Duration.format(longest)}`)))
  // what cannot be interrupted must not hold the suite up
  return Effect.flatMap(Effect.forkDetach(typed), (fiber) =>
    Fiber.join(fiber).pipe(
      Effect.raceFirst(late),
      Effect.ensuring(Effect.forkDetach(Fiber.interrupt(fiber)))
    ))
}

/**
 * The store, each of whose operations is to end within a twelfth of the deadline of a case, in real time: 20 s of 4 min.
 *
 * @category combinators
 * @since 0.1.0
 */
export const make = (store: Store, deadline: Duration.Input = Case.DEADLINE): Store => {
  const longest = Duration.times(Duration.fromInputUnsafe(deadline), 1 / SHARE)
  const held = <A>(operation: string, run: () => Effect.Effect<A, BackendError>) => ending(operation, longest, run)
  return {
    name: store.name,
    owner: store.owner,
    leaseMs: store.leaseMs,
    create: (id, snapshot, windowMs) => held("create", () => store.create(id, snapshot, windowMs)),
    write: (lease, change) => held("write", () => store.write(lease, change)),
    claim: (id) => held("claim", () => store.claim(id)),
    undoClaim: (lease) => held("undoClaim", () => store.undoClaim(lease)),
    locate: (id) => held("locate", () => store.locate(id)),
    read: (id) => held("read", () => store.read(id)),
    renew: held("renew", () => store.renew),
    listOwned: held("listOwned", () => store.listOwned),
    releaseLease: (lease) => held("releaseLease", () => store.releaseLease(lease)),
    releaseAll: held("releaseAll", () => store.releaseAll),
    remove: (lease) => held("remove", () => store.remove(lease)),
    sweep: held("sweep", () => store.sweep),
    secret: (name, candidate) => held("secret", () => store.secret(name, candidate)),
    shareSecrets: (name, known) => held("shareSecrets", () => store.shareSecrets(name, known)),
    probe: held("probe", () => store.probe)
  }
}
