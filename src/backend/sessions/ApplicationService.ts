/**
 * A store or an archive of an application's own, whatever its code does in place of an answer: fail with anything, throw, die, give
 * no effect. Each is a failure with a code. Its words may hold an address with its password: they are for the log, those of a
 * `BackendError` for the health report as well, and for no client.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import {
  asInternal,
  type BackendError,
  ConnectionFailed,
  forOperators,
  isBackendError,
  isForLog
} from "../../BackendError.ts"
import * as OwnServices from "../../session/OwnServices.ts"
import * as ThrownValue from "../../ThrownValue.ts"

/** The reasons that the backend asks a store or an archive for, to go on in another way. */
const reasons: ReadonlySet<unknown> = new Set(["too_large", "gap", "fenced", "lost"])

/** Whether an error is an answer about a session, and no failure of the service. */
const isAnswer = ({ code, details }: BackendError): boolean =>
  code === "session_not_found" || reasons.has(details?.["reason"])

const errorOf = (op: string, what: string, cause: Cause.Cause<unknown>): BackendError => {
  const error = Cause.squash(cause)
  return isBackendError(error)
    ? forOperators(error)
    : asInternal(new ConnectionFailed({ op, message: `${what} failed`, cause: error }))
}

/**
 * Guards every operation of a service, unless it is one of this library. A failure is logged with its cause, and again when the
 * operation has worked since. `name`: as in `SessionStore.create`; `what`: the subject of a sentence.
 *
 * @category constructors
 * @since 0.1.0
 */
export const guard = <S extends object>(service: S, name: string, what: string): S => {
  if (OwnServices.has(service)) return service
  const failing = new Set<string>()
  const guarded = (operation: string, ask: () => unknown): Effect.Effect<unknown, BackendError> => {
    const op = `${name}.${operation}`
    return Effect.suspend(() => {
      const answer = ask()
      return Effect.isEffect(answer)
        ? answer as Effect.Effect<unknown, unknown>
        : Effect.die(new TypeError("it gave no Effect"))
    }).pipe(
      Effect.tap(() => Effect.sync(() => failing.delete(operation))),
      Effect.catchCause((cause) => {
        const error = errorOf(op, what, cause)
        // what a probe says is in the log of the health report
        if (isAnswer(error) || (operation === "probe" && !isForLog(error))) return Effect.fail(error)
        const isFirst = !failing.has(operation)
        failing.add(operation)
        const log = isFirst ? Effect.logError : Effect.logDebug
        return Effect.andThen(
          Effect.annotateLogs(log(`${what} failed`, ThrownValue.loggable(cause)), { op }),
          Effect.fail(error)
        )
      })
    )
  }
  const member = (operation: string, value: unknown): unknown =>
    Effect.isEffect(value)
      ? guarded(operation, () => value)
      : typeof value === "function"
      ? (...args: ReadonlyArray<unknown>) => guarded(operation, () => Reflect.apply(value, service, args))
      : value
  const names = new Set<string>()
  for (let at: object | null = service; at !== null && at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    for (const key of Object.getOwnPropertyNames(at)) if (key !== "constructor") names.add(key)
  }
  // of a class as well, whose methods are no fields
  return Object.fromEntries(
    Array.from(names, (key) => [key, member(key, Reflect.get(service, key))])
  ) as S // the same members
}
