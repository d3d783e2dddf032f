/**
 * The connection of the application's own client for the Redis session store.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { type BackendError, InvalidConfig, isBackendError } from "../BackendError.ts"
import { digestOf, NAME, type RedisClient, type RedisConnection } from "./RedisCommands.ts"
import * as RedisFaults from "./RedisFaults.ts"
import * as StoreFault from "./StoreFault.ts"

const op = "RedisStore.open"
const COMMAND_DEADLINE = Duration.seconds(5)
/** Commands that wait for an answer; further ones fail. */
const MAX_WAITING = 10_000
const tooMany = StoreFault.fault("overloaded", `leaves ${MAX_WAITING} commands without an answer`)
/** Tells the name of a key as the server gets it. */
const NAME_OF_KEY = "return KEYS[1]"

const refused = (fault: StoreFault.StoreFault) =>
  new InvalidConfig({
    op,
    message: `the session store ${NAME} ${fault.why}`,
    details: { part: "store", reason: fault.reason }
  })

/**
 * Uses a client, and checks that its server can keep sessions under keys with this prefix.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  client: RedisClient,
  prefix: string
): Effect.fn.Return<RedisConnection, BackendError> {
  let waiting = 0
  // without the client's own message, which may contain an address or what was written
  const toError = (op: string, error?: unknown) =>
    StoreFault.toError(op, NAME, RedisFaults.faultOf(error) ?? StoreFault.unreachable)
  /**
   * Runs in a fiber of its own to its end: a command that was given up may still stand in the client's queue, and counts until
   * it is answered.
   */
  const send = (words: ReadonlyArray<string>): Effect.Effect<unknown, unknown> =>
    Effect.suspend(() => {
      const [command = "", ...args] = words
      waiting++
      const sending = Effect.onExit(Effect.suspend(() => client.send(command, ...args)), () =>
        Effect.sync(() => {
          waiting--
        }))
      return Effect.flatMap(Effect.forkDetach(sending, { startImmediately: true }), Fiber.join).pipe(
        Effect.catchDefect((defect) => Effect.fail(defect))
      )
    })
  const call = (op: string, effect: Effect.Effect<unknown, unknown>): Effect.Effect<unknown, BackendError> =>
    Effect.suspend(() => waiting >= MAX_WAITING ? Effect.fail(StoreFault.toError(op, NAME, tooMany)) : effect).pipe(
      Effect.timeoutOrElse({ duration: COMMAND_DEADLINE, orElse: () => Effect.fail(toError(op)) }),
      Effect.mapError((error) => isBackendError(error) ? error : toError(op, error))
    )
  const connection: RedisConnection = {
    command: (op, ...words) => call(op, send(words)),
    script: (op, script, keys, args) => {
      const rest = [String(keys.length), ...keys, ...args.map(String)]
      return call(
        op,
        Effect.catchIf(
          send(["EVALSHA", digestOf(script), ...rest]),
          RedisFaults.wantsWholeScript,
          () => send(["EVAL", script, ...rest])
        )
      )
    }
  }

  // of a user who may not ask, the first script tells
  const info = yield* Effect.orElseSucceed(send(["INFO", "server"]), () => "").pipe(
    Effect.timeoutOrElse({ duration: COMMAND_DEADLINE, orElse: () => Effect.fail(toError(op)) })
  )
  const mode = RedisFaults.unsupportedMode(String(info))
  if (mode !== undefined) return yield* refused(mode)
  const key = `${prefix}check`
  if (String(yield* connection.script(op, NAME_OF_KEY, [key], [])) !== key) {
    return yield* refused(
      StoreFault.fault(
        "unsupported",
        "has a client that changes the names of keys: give the prefix to the store instead"
      )
    )
  }
  return connection
})
