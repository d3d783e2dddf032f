/**
 * Stores sessions in Redis, for processes on several machines.
 *
 * Each operation is one script, with the clock of the server. Every key has a TTL, so nothing stays for ever. How much a
 * crash of Redis itself may lose depends on its configuration (`appendonly`). Redis Cluster is not supported.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type * as Redis from "redis"
import { type BackendError, InvalidConfig } from "../BackendError.ts"
import { loadPackage } from "../ExternalPackage.ts"
import * as MonotonicTime from "../MonotonicTime.ts"
import * as ServiceUrl from "../schema/ServiceUrl.ts"
import { type Claim, type SessionLease, SessionStore } from "../session/persistence/SessionStore.ts"
import * as LeaseGrants from "./LeaseGrants.ts"
import * as RedisFaults from "./RedisFaults.ts"
import { scripts } from "./RedisScripts.ts"
import * as StoreFault from "./StoreFault.ts"
import * as StoreLimits from "./StoreLimits.ts"
import * as StoreOwner from "./StoreOwner.ts"

const NAME = "redis"
const CONNECT_MS = 3_000
const COMMAND_MS = 5_000
const RECONNECT_MS = 1_000
/** So often, at most, is a replica left for what its name leads to now. */
const LEAVE_REPLICA_MS = 5_000
/** Commands that wait for an answer; further ones fail. */
const MAX_WAITING = 10_000

/**
 * The default prefix of all keys.
 *
 * @category constants
 * @since 0.1.0
 */
export const PREFIX = "effect-voice:"

/**
 * @category models
 * @since 0.1.0
 */
export interface RedisStoreOptions {
  /** `redis://:password@host:port`, a secret. */
  readonly url: Redacted.Redacted<string>
  /** Default: `PREFIX`. */
  readonly prefix?: string | undefined
  /** How long a lease lasts that is not renewed: then another process may take the session over. Default: 5 s. */
  readonly lease?: Duration.Input | undefined
}

const texts = (value: unknown): ReadonlyArray<string> => Array.isArray(value) ? value.map(String) : []

/**
 * Connects to a server as a new owner, for as long as the scope. Fails `connection_failed` if it is unreachable, and
 * `invalid_config` if the URL is invalid.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  options: RedisStoreOptions
): Effect.fn.Return<SessionStore["Service"], BackendError, Scope.Scope> {
  const open = "RedisStore.open"
  const url = Redacted.value(options.url)
  const fault = ServiceUrl.faultOf("redis", url)
  if (fault !== undefined) {
    return yield* new InvalidConfig({
      op: open,
      message: `store.url: ${fault}`,
      details: { faults: [{ path: "store.url", message: fault }] }
    })
  }
  const prefix = options.prefix ?? PREFIX
  const leaseMs = Duration.toMillis(Duration.fromInputUnsafe(options.lease ?? StoreLimits.LEASE_MS))
  const owner = StoreOwner.make()
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
  const client = yield* Effect.acquireRelease(
    Effect.sync(() => {
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
    }),
    (client) => Effect.sync(() => client.destroy())
  )
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

  const clock = yield* Clock.Clock
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
  const call = (op: string, command: () => Promise<unknown>): Effect.Effect<unknown, BackendError> =>
    Effect.tryPromise({ try: command, catch: (error) => toError(op, error) }).pipe(
      Effect.timeoutOrElse({ duration: Duration.millis(COMMAND_MS), orElse: () => Effect.fail(toError(op)) }),
      Effect.tapError(({ details }) => details?.["reason"] === "read_only" ? leaveReplica : Effect.void)
    )
  const keys = (id: string) => [`${prefix}s:${id}`, `${prefix}i:${id}`, `${prefix}o:${owner}`, `${prefix}all`]
  const run = (name: keyof typeof scripts, id: string, ...args: ReadonlyArray<string | number>) =>
    call(
      `SessionStore.${name}`,
      () => client.eval(scripts[name], { keys: keys(id), arguments: args.map(String) })
    )
  /** When the lease before this one ended, in ms by the clock of the server; `""` for a session that was created. */
  const grants = new LeaseGrants.LeaseGrants<string>()
  const release = (lease: SessionLease, until: string) =>
    Effect.suspend(() => {
      grants.end(lease)
      return Effect.asVoid(run("releaseLease", lease.id, owner, lease.fence, lease.id, until))
    })

  return {
    name: NAME,
    owner,
    leaseMs,
    create: Effect.fnUntraced(function*(id, kept, windowMs) {
      const fault = StoreLimits.sizeFault("SessionStore.create", kept)
      if (fault !== undefined) return yield* fault
      const created = yield* run("create", id, owner, id, leaseMs, Math.trunc(windowMs), kept.head, ...kept.items)
      return Number(created) === 1
        ? grants.add({ id, fence: 1 }, { windowMs: Math.trunc(windowMs), formerUntil: "" })
        : yield* StoreLimits.sessionExists()
    }),
    write: Effect.fnUntraced(function*(lease, change) {
      const { from, head, items } = change
      const fault = StoreLimits.sizeFault("SessionStore.write", change)
      if (fault !== undefined) return yield* fault
      if (!Number.isSafeInteger(from) || from < 0) return yield* StoreLimits.nonContiguousItems()
      const { fence, id } = lease
      const window = grants.of(lease)?.windowMs ?? ""
      const result = yield* run("write", id, owner, fence, from, head, id, leaseMs, window, ...items)
      if (result === "fenced") return yield* StoreLimits.leaseLost()
      if (result === "gap") return yield* StoreLimits.nonContiguousItems()
    }),
    claim: Effect.fnUntraced(function*(id): Effect.fn.Return<Claim, BackendError> {
      let exited = ""
      while (true) {
        const [what, first = "", second = "", ...more] = texts(yield* run("claim", id, owner, id, leaseMs, exited))
        switch (what) {
          case "claimed": {
            const [count, window, formerUntil = "", ...items] = more
            return {
              _tag: "Claimed",
              lease: grants.add({ id, fence: Number(first) }, { windowMs: Number(window), formerUntil }),
              ...StoreLimits.snapshotOf(second, Number(count), items.map((json, n) => ({ n, json })))
            }
          }
          case "held":
            // claim once more if the process of the owner has exited
            if (first === exited || !StoreOwner.hasExited(first)) return { _tag: "Held", forMs: Number(second) }
            exited = first
            break
          default:
            return { _tag: "Unknown" }
        }
      }
    }),
    locate: (id) =>
      Effect.map(run("locate", id), (answer) => {
        const [owner, leased] = texts(answer)
        return owner === undefined ? undefined : StoreOwner.locationOf(owner, leased === "1")
      }),
    read: (id) =>
      Effect.map(run("read", id), (answer) => {
        const [head, count, ...items] = texts(answer)
        if (head === undefined) return undefined
        return StoreLimits.snapshotOf(head, Number(count), items.map((json, n) => ({ n, json }))).snapshot
      }),
    renew: Effect.asVoid(run("renew", "", owner, leaseMs, prefix)),
    listOwned: Effect.map(run("listOwned", "", owner, prefix), (answer) => {
      const fields = texts(answer)
      return Array.from({ length: Math.floor(fields.length / 3) }, (_, i) => ({
        id: fields[3 * i] ?? "",
        fence: Number(fields[3 * i + 1]),
        items: Number(fields[3 * i + 2])
      }))
    }),
    releaseLease: (lease) => release(lease, ""),
    undoClaim: (lease) =>
      Effect.suspend(() => {
        const grant = grants.of(lease)
        return grant === undefined ? Effect.void : release(lease, grant.formerUntil)
      }),
    releaseAll: Effect.suspend(() => {
      grants.endAll()
      return Effect.asVoid(run("renew", "", owner, 0, prefix))
    }),
    remove: (lease) =>
      Effect.suspend(() => {
        grants.end(lease)
        return Effect.asVoid(run("remove", lease.id, owner, lease.fence, lease.id))
      }),
    sweep: Effect.map(run("sweep", "", prefix), Number),
    secret: (name, candidate) =>
      Effect.map(
        call("SessionStore.secret", () =>
          client.eval(scripts.secret, { keys: [`${prefix}secrets`], arguments: [name, candidate] })),
        String
      ),
    shareSecrets: (name, known) => {
      const slots = StoreLimits.secretSlots(name)
      return Effect.map(
        call("SessionStore.shareSecrets", () =>
          client.eval(scripts.shareSecrets, {
            keys: [`${prefix}secrets`],
            arguments: [String(slots.length), ...slots, ...known]
          })),
        texts
      )
    },
    probe: Effect.asVoid(run("probe", `probe:${owner}`, owner, `probe:${owner}`, `${prefix}secrets`))
  }
})

/**
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: RedisStoreOptions): Layer.Layer<SessionStore, BackendError> =>
  Layer.effect(SessionStore, make(options))
