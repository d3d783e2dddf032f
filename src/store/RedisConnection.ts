/**
 * A connection of the Redis session store's own, and what is wrong with the server.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type * as Redis from "redis"
import { type BackendError, InvalidConfig } from "../BackendError.ts"
import { loadPackage } from "../ExternalPackage.ts"
import * as MonotonicTime from "../MonotonicTime.ts"
import * as ServiceUrl from "../schema/ServiceUrl.ts"
import * as SecretValues from "../SecretValues.ts"
import { digestOf, NAME, type RedisConnection } from "./RedisCommands.ts"
import * as RedisFaults from "./RedisFaults.ts"
import * as StoreFault from "./StoreFault.ts"

const CONNECT_MS = 3_000
const COMMAND_MS = 5_000
const RECONNECT_MS = 1_000
/** So long nothing is answered on a connection that is left. Callers wait a little longer. */
const SILENT_MS = 4_000
/** So often, at most, is a replica left for what its name leads to now. */
const LEAVE_REPLICA_MS = 5_000
/** Commands that wait for an answer; further ones fail. */
const MAX_WAITING = 10_000

/**
 * Connects to a server, for as long as the scope. Fails `connection_failed` if it is unreachable, and `invalid_config` if the
 * URL is invalid.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  options: { readonly url: Redacted.Redacted<string> }
): Effect.fn.Return<RedisConnection, BackendError, Scope.Scope> {
  const open = "RedisStore.open"
  const url = Redacted.value(options.url)
  SecretValues.rememberUrl(url)
  const fault = ServiceUrl.faultOf("redis", url)
  if (fault !== undefined) {
    return yield* new InvalidConfig({
      op: open,
      message: `store.url: ${fault}`,
      details: { faults: [{ path: "store.url", message: fault }] }
    })
  }
  /** Why the connection was lost, or why it cannot be made again. */
  let lost: StoreFault.StoreFault | undefined
  // a server without TLS says nothing to a client with it
  const silent = url.startsWith("rediss:")
    ? StoreFault.fault("unreachable", "cannot be reached, or does not speak TLS, which its URL asks for")
    : StoreFault.unreachable
  // without the driver's own message, which may contain the URL or what was written
  const toError = (op: string, error?: unknown) =>
    StoreFault.toError(op, NAME, RedisFaults.faultOf(error) ?? lost ?? silent)

  const redis = yield* loadPackage<typeof Redis>({
    op: open,
    purpose: "the session store redis",
    packageName: "redis"
  })
  const clock = yield* Clock.Clock
  const newClient = () => {
    const client = redis.createClient({
      url,
      disableOfflineQueue: true,
      commandsQueueMaxLength: MAX_WAITING,
      socket: { connectTimeout: CONNECT_MS, reconnectStrategy: () => RECONNECT_MS }
    })
    // commands report the failure; without a listener the event would end the process
    client.on("error", (error) => {
      lost = RedisFaults.faultOf(error) ?? lost
    })
    client.on("ready", () => {
      lost = undefined
    })
    return client
  }
  let client = newClient()
  /** When the server last answered, or the client was made. */
  let heardMs = MonotonicTime.nowMs(clock)
  yield* Effect.addFinalizer(() => Effect.sync(() => client.destroy()))
  // `info` as well: a server that is not up to it is found out at once
  const info = yield* Effect.tryPromise({
    try: async () => {
      await client.connect()
      return String(await client.sendCommand(["INFO", "server"]).catch(() => ""))
    },
    catch: (error) => toError(open, error)
  }).pipe(
    Effect.timeoutOrElse({ duration: Duration.millis(CONNECT_MS), orElse: () => Effect.fail(toError(open)) })
  )
  const mode = RedisFaults.unsupportedMode(info)
  if (mode !== undefined) {
    return yield* new InvalidConfig({
      op: open,
      message: `the session store ${NAME} ${mode.why}`,
      details: { part: "store", reason: mode.reason }
    })
  }

  let leftMs = Number.NEGATIVE_INFINITY
  /**
   * Connects again: after a failover the name of the host may lead to the new primary, while the connection to the former one
   * stays, which is a replica then.
   */
  const leaveReplica = Effect.suspend(() => {
    const nowMs = MonotonicTime.nowMs(clock)
    if (nowMs - leftMs < LEAVE_REPLICA_MS) return Effect.void
    leftMs = nowMs
    // the server ends the connection, and the client makes another one
    return Effect.ignore(Effect.tryPromise(() => client.sendCommand(["QUIT"])))
  })
  /**
   * Connects again where nothing is answered any more. The host may have vanished without a word, and TCP would go on trying
   * the connection to it for 15 min.
   */
  const leaveSilence = (sinceMs: number) => {
    const nowMs = MonotonicTime.nowMs(clock)
    // one that cannot be made is tried again by the client; this is for one that is made and not answered
    if (nowMs - (client.isReady ? Math.max(heardMs, sinceMs) : heardMs) < SILENT_MS) return
    heardMs = nowMs
    client.destroy()
    client = newClient()
    // it tries until it is destroyed
    void client.connect().catch(() => undefined)
  }
  const heard = () => {
    heardMs = MonotonicTime.nowMs(clock)
  }
  const ask = async (command: () => Promise<unknown>) => {
    try {
      const answer = await command()
      heard()
      return answer
    } catch (error) {
      if (error instanceof redis.ErrorReply) heard()
      throw error
    }
  }
  const call = (op: string, command: () => Promise<unknown>): Effect.Effect<unknown, BackendError> =>
    Effect.suspend(() => {
      const sinceMs = MonotonicTime.nowMs(clock)
      return Effect.tryPromise({ try: () => ask(command), catch: (error) => toError(op, error) }).pipe(
        Effect.timeoutOrElse({ duration: Duration.millis(COMMAND_MS), orElse: () => Effect.fail(toError(op)) }),
        Effect.tapError(({ details }) => details?.["reason"] === "read_only" ? leaveReplica : Effect.void),
        // also where the caller has waited long enough
        Effect.onExit((exit) => exit._tag === "Failure" ? Effect.sync(() => leaveSilence(sinceMs)) : Effect.void)
      )
    })
  return {
    command: (op, ...words) => call(op, () => client.sendCommand(words)),
    script: (op, script, keys, args) => {
      const given = { keys: [...keys], arguments: args.map(String) }
      return call(op, () =>
        client.evalSha(digestOf(script), given).catch((error: unknown) => {
          if (RedisFaults.wantsWholeScript(error)) return client.eval(script, given)
          throw error
        }))
    }
  }
})
