/**
 * Stores sessions in Redis, for processes on several machines.
 *
 * Each operation is one script, with the clock of the server. Every key has a TTL, so nothing stays for ever. How much a
 * crash of Redis itself may lose depends on its configuration (`appendonly`). Redis Cluster is not supported.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Redis } from "effect/persistence/Redis"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { BackendError } from "../BackendError.ts"
import * as OwnServices from "../session/OwnServices.ts"
import { type Claim, type SessionLease, SessionStore } from "../session/persistence/SessionStore.ts"
import * as GatheredWrites from "./GatheredWrites.ts"
import * as LeaseGrants from "./LeaseGrants.ts"
import * as RedisClient from "./RedisClient.ts"
import { NAME, type RedisClient as Client, type RedisConnection as Connection } from "./RedisCommands.ts"
import * as RedisConnection from "./RedisConnection.ts"
import * as RedisOwners from "./RedisOwners.ts"
import { scripts } from "./RedisScripts.ts"
import * as StoreLimits from "./StoreLimits.ts"
import * as StoreOwner from "./StoreOwner.ts"

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

/**
 * The options of a store that uses the application's client.
 *
 * @category models
 * @since 0.1.0
 */
export type RedisClientOptions = Pick<RedisStoreOptions, "prefix" | "lease">

const texts = (value: unknown): ReadonlyArray<string> => Array.isArray(value) ? value.map(String) : []

const makeOn = (
  { command, script }: Connection,
  { lease = StoreLimits.LEASE_MS, prefix = PREFIX }: RedisClientOptions
): SessionStore["Service"] => {
  const leaseMs = Duration.toMillis(Duration.fromInputUnsafe(lease))
  const owner = StoreOwner.make()
  const keys = (id: string) => [
    `${prefix}s:${id}`,
    `${prefix}i:${id}`,
    `${prefix}o:${owner}`,
    `${prefix}all`,
    `${prefix}owners`
  ]
  const run = (name: keyof typeof scripts, id: string, ...args: ReadonlyArray<string | number>) =>
    script(`SessionStore.${name}`, scripts[name], keys(id), args)
  const owners = RedisOwners.make({
    owner,
    prefix,
    command,
    run: (op, name, ...args) =>
      Effect.map(
        script(op, scripts[name], keys(""), args),
        (answer) => Array.isArray(answer) ? texts(answer) : [String(answer)]
      )
  })
  /** When the lease before this one ended, in ms by the clock of the server; `""` for a session that was created. */
  const grants = new LeaseGrants.LeaseGrants<string>()
  const release = (lease: SessionLease, until: string) =>
    Effect.suspend(() => {
      grants.end(lease)
      return Effect.asVoid(run("releaseLease", lease.id, owner, lease.fence, lease.id, until))
    })
  const writeOne = Effect.fnUntraced(
    function*(lease: SessionLease, { from, head, items }: GatheredWrites.StoredChange) {
      const { fence, id } = lease
      const window = grants.of(lease)?.windowMs ?? ""
      const result = yield* run("write", id, owner, fence, from, head, id, leaseMs, window, ...items)
      if (result === "fenced") return yield* StoreLimits.leaseLost()
      if (result === "gap") return yield* StoreLimits.nonContiguousItems()
    }
  )
  const write = GatheredWrites.make({
    // all are begun at once, so they are sent as one pipeline; the connection keeps their order
    together: (writes) =>
      Effect.forEach(
        writes,
        (each) => Effect.map(Effect.exit(writeOne(each.lease, each.change)), (exit) => each.answer(exit)),
        { concurrency: "unbounded", discard: true }
      ),
    alone: ({ change, lease }) => writeOne(lease, change)
  })

  return OwnServices.add({
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
      const { from } = change
      const fault = StoreLimits.sizeFault("SessionStore.write", change)
      if (fault !== undefined) return yield* fault
      if (!Number.isSafeInteger(from) || from < 0) return yield* StoreLimits.nonContiguousItems()
      yield* write(lease, change)
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
    renew: Effect.asVoid(run("renew", "", owner, leaseMs)),
    listOwned: owners.listOwned,
    releaseLease: (lease) => release(lease, ""),
    undoClaim: (lease) =>
      Effect.suspend(() => {
        const grant = grants.of(lease)
        return grant === undefined ? Effect.void : release(lease, grant.formerUntil)
      }),
    releaseAll: Effect.suspend(() => {
      grants.endAll()
      return owners.releaseAll
    }),
    remove: (lease) =>
      Effect.suspend(() => {
        grants.end(lease)
        return Effect.asVoid(run("remove", lease.id, owner, lease.fence, lease.id))
      }),
    sweep: owners.sweep,
    secret: (name, candidate) =>
      Effect.map(script("SessionStore.secret", scripts.secret, [`${prefix}secrets`], [name, candidate]), String),
    shareSecrets: (name, known) => {
      const slots = StoreLimits.secretSlots(name)
      const args = [slots.length, ...slots, ...known]
      return Effect.map(script("SessionStore.shareSecrets", scripts.shareSecrets, [`${prefix}secrets`], args), texts)
    },
    // as a whole: a server that was started again knows no digest
    probe: Effect.suspend(() => {
      const id = `probe:${owner}`
      const words = [...keys(id), owner, id, `${prefix}secrets`]
      return Effect.asVoid(command("SessionStore.probe", "EVAL", scripts.probe, String(keys(id).length), ...words))
    })
  })
}

/**
 * Connects to a server as a new owner, for as long as the scope. Fails `connection_failed` if it is unreachable, and
 * `invalid_config` if the URL is invalid.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  options: RedisStoreOptions
): Effect.Effect<SessionStore["Service"], BackendError, Scope.Scope> =>
  Effect.map(RedisConnection.make(options), (connection) => makeOn(connection, options))

/**
 * Uses a client of the application's as a new owner: anything that sends a command and returns its answer. Fails
 * `connection_failed` if the server does not answer, and `invalid_config` if it is one of a Redis Cluster or Sentinel, or the
 * client changes the names of keys (`keyPrefix` of ioredis).
 *
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { SessionStore } from "effect-voice"
 * import * as RedisStore from "effect-voice/store/RedisStore"
 * import { createClient } from "redis"
 *
 * const redis = createClient() // of the application, which connects and closes it
 * export const Store = Layer.effect(
 *   SessionStore,
 *   RedisStore.makeClient({ send: (...words) => Effect.tryPromise(() => redis.sendCommand(words)) })
 * )
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeClient = (
  client: Client,
  options: RedisClientOptions = {}
): Effect.Effect<SessionStore["Service"], BackendError> =>
  Effect.map(
    RedisClient.make(client, options.prefix ?? PREFIX),
    (connection) => makeOn(connection, options)
  )

/**
 * Stores sessions over a connection of its own.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: RedisStoreOptions): Layer.Layer<SessionStore, BackendError> =>
  Layer.effect(SessionStore, make(options))

/**
 * Stores sessions over the application's own client, Effect's `Redis` service such as `NodeRedis.layer`, which stays open when
 * the layer is released. For another client see `makeClient`.
 *
 * Commands are answered within 5 s, or fail `connection_failed`; so they do at once while 10,000 of them wait. Whether a
 * connection is made again, and how soon a host that has vanished is given up, is the client's business. All keys begin with
 * `prefix`; each has a TTL.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerClient = (
  options?: RedisClientOptions
): Layer.Layer<SessionStore, BackendError, Redis> =>
  Layer.effect(SessionStore, Effect.flatMap(Redis, (client) => makeClient(client, options)))
