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
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type * as Redis from "redis"
import { type BackendError, InvalidConfig } from "../BackendError.ts"
import { loadPackage } from "../ExternalPackage.ts"
import { type Claim, type SessionLease, SessionStore } from "../session/persistence/SessionStore.ts"
import * as LeaseGrants from "./LeaseGrants.ts"
import * as RedisFaults from "./RedisFaults.ts"
import * as StoreFault from "./StoreFault.ts"
import * as StoreLimits from "./StoreLimits.ts"
import * as StoreOwner from "./StoreOwner.ts"

const NAME = "redis"
const CONNECT_MS = 3_000
const COMMAND_MS = 5_000
const RECONNECT_MS = 1_000
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

// KEYS: the session, its items, the owner's sessions, all sessions sorted by expiry. ARGV[1] is the owner.
const clock = "local t = redis.call('TIME') local now = t[1] * 1000 + math.floor(t[2] / 1000) "
/** Sets the expiry of a session to the end of its lease plus its resume window; the keys have a TTL of one day more. */
const keepUntil = "local function keep(s, i, all, id, untilMs, window) " +
  "redis.call('HSET', s, 'until', untilMs) redis.call('ZADD', all, untilMs + window, id) " +
  "local ttl = untilMs + window - now + 86400000 redis.call('PEXPIRE', s, ttl) redis.call('PEXPIRE', i, ttl) end "
const holds = "local h = redis.call('HMGET', KEYS[1], 'owner', 'fence', 'window', 'n') " +
  "local held = h[1] == ARGV[1] and h[2] == ARGV[2] "

const scripts = {
  // owner, id, lease, window, head, items…
  create: clock + keepUntil +
    "if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end " +
    "redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'fence', 1, 'window', ARGV[4], 'head', ARGV[5], 'n', #ARGV - 5) " +
    "for k = 6, #ARGV do redis.call('RPUSH', KEYS[2], ARGV[k]) end redis.call('SADD', KEYS[3], ARGV[2]) " +
    "keep(KEYS[1], KEYS[2], KEYS[4], ARGV[2], now + ARGV[3], ARGV[4]) return 1",
  // owner, fence, from, head, id, lease, window, items…; without a window the lease has ended. A session that is gone or has an
  // older lease is stored again from 0; any key of it may be gone alone
  write: clock + keepUntil + holds +
    "local from, fence = tonumber(ARGV[3]), tonumber(h[2] or '') " +
    "local mine, free = tonumber(ARGV[2]), not h[1] or h[1] == '' " +
    "if not held and (ARGV[7] == '' or (fence and (fence > mine or (fence == mine and not free)))) then return 'fenced' end " +
    "local n = redis.call('LLEN', KEYS[2]) " +
    "if from > 0 and (not held or from > n or not h[3] or tonumber(h[4] or '') ~= n) then return 'gap' end " +
    "if from == 0 then redis.call('DEL', KEYS[2]) else redis.call('LTRIM', KEYS[2], 0, from - 1) end " +
    "for k = 8, #ARGV do redis.call('RPUSH', KEYS[2], ARGV[k]) end " +
    "redis.call('HSET', KEYS[1], 'head', ARGV[4], 'n', from + #ARGV - 7) " +
    "if from > 0 or ARGV[7] == '' then redis.call('PEXPIRE', KEYS[2], redis.call('PTTL', KEYS[1])) return 'written' end " +
    "redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'fence', ARGV[2], 'window', ARGV[7]) " +
    "redis.call('SADD', KEYS[3], ARGV[5]) " +
    "keep(KEYS[1], KEYS[2], KEYS[4], ARGV[5], now + ARGV[6], tonumber(ARGV[7])) return 'written'",
  // owner, id, lease, the owner whose process is known to have exited
  claim: clock + keepUntil +
    "local h = redis.call('HMGET', KEYS[1], 'owner', 'fence', 'until', 'window', 'head', 'n') " +
    "if not h[2] then return {} end " +
    "local ends, window = h[3] or tostring(now), tonumber(h[4] or 0) local left = tonumber(ends) - now " +
    "if h[1] and h[1] ~= '' and left > 0 and h[1] ~= ARGV[4] then return {'held', h[1], tostring(left)} end " +
    "local fence = tonumber(h[2]) + 1 redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'fence', fence) " +
    "redis.call('SADD', KEYS[3], ARGV[2]) keep(KEYS[1], KEYS[2], KEYS[4], ARGV[2], now + ARGV[3], window) " +
    "local items = redis.call('LRANGE', KEYS[2], 0, -1) " +
    "local out = {'claimed', tostring(fence), h[5] or '', h[6] or '0', tostring(window), ends} " +
    "for _, v in ipairs(items) do out[#out + 1] = v end return out",
  // owner, lease, prefix; a lease of 0 releases the sessions
  renew: clock + keepUntil +
    "for _, id in ipairs(redis.call('SMEMBERS', KEYS[3])) do local s = ARGV[3] .. 's:' .. id " +
    "local h = redis.call('HMGET', s, 'owner', 'window') " +
    "if h[1] == ARGV[1] then keep(s, ARGV[3] .. 'i:' .. id, KEYS[4], id, now + ARGV[2], tonumber(h[2] or 0)) " +
    "if ARGV[2] == '0' then redis.call('HSET', s, 'owner', '') end else redis.call('SREM', KEYS[3], id) end end " +
    "if ARGV[2] == '0' then redis.call('DEL', KEYS[3]) else redis.call('PEXPIRE', KEYS[3], 86400000) end return 1",
  // owner, prefix; of each session that is whole: id, fence, items
  listOwned: "local out = {} for _, id in ipairs(redis.call('SMEMBERS', KEYS[3])) do " +
    "local h = redis.call('HMGET', ARGV[2] .. 's:' .. id, 'owner', 'fence', 'window', 'n', 'head') " +
    "local n = redis.call('LLEN', ARGV[2] .. 'i:' .. id) " +
    "if h[1] == ARGV[1] and h[2] and h[3] and tonumber(h[4] or '') == n and h[5] then " +
    "out[#out + 1] = id out[#out + 1] = h[2] out[#out + 1] = h[4] end end return out",
  // owner, fence, id, when the lease ends; nothing: now
  releaseLease: clock + keepUntil + holds +
    "if held then redis.call('HSET', KEYS[1], 'owner', '') redis.call('SREM', KEYS[3], ARGV[3]) " +
    "local ends = now if ARGV[4] ~= '' then ends = tonumber(ARGV[4]) end " +
    "keep(KEYS[1], KEYS[2], KEYS[4], ARGV[3], ends, tonumber(h[3] or 0)) end return 1",
  // owner, fence, id; a copy with an older lease is from before a restore
  remove: holds +
    "local free = h[2] == ARGV[2] and (not h[1] or h[1] == '') " +
    "if held or free or tonumber(h[2] or ARGV[2]) < tonumber(ARGV[2]) then redis.call('DEL', KEYS[1], KEYS[2]) " +
    "redis.call('ZREM', KEYS[4], ARGV[3]) redis.call('SREM', KEYS[3], ARGV[3]) end return 1",
  // prefix
  sweep: clock +
    "local gone = redis.call('ZRANGEBYSCORE', KEYS[4], '-inf', now, 'LIMIT', 0, 1000) for _, id in ipairs(gone) do " +
    "redis.call('DEL', ARGV[1] .. 's:' .. id, ARGV[1] .. 'i:' .. id) redis.call('ZREM', KEYS[4], id) end return #gone",
  // owner, id, the key of the secrets; uses each command and key that a session needs, and leaves nothing. What a command that
  // fails leaves behind has a TTL
  probe: clock + keepUntil +
    "redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'head', '{}') redis.call('PEXPIRE', KEYS[1], 60000) " +
    "redis.call('RPUSH', KEYS[2], '{}') redis.call('PEXPIRE', KEYS[2], 60000) " +
    "redis.call('SADD', KEYS[3], ARGV[2]) redis.call('PEXPIRE', KEYS[3], 86400000) redis.call('SMEMBERS', KEYS[3]) " +
    "keep(KEYS[1], KEYS[2], KEYS[4], ARGV[2], now, 0) redis.call('EXISTS', KEYS[1]) " +
    "redis.call('HMGET', KEYS[1], 'owner') redis.call('PTTL', KEYS[1]) redis.call('LLEN', KEYS[2]) " +
    "redis.call('LRANGE', KEYS[2], 0, -1) redis.call('LTRIM', KEYS[2], 0, 0) " +
    "redis.call('ZRANGEBYSCORE', KEYS[4], '-inf', '-inf', 'LIMIT', 0, 1) redis.call('HMGET', ARGV[3], '') " +
    "redis.call('DEL', KEYS[1], KEYS[2]) redis.call('ZREM', KEYS[4], ARGV[2]) redis.call('SREM', KEYS[3], ARGV[2]) return 1",
  // name, candidate
  secret: "redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2]) return redis.call('HGET', KEYS[1], ARGV[1])",
  // how many names, the names in their order, secrets…
  shareSecrets: "local last, out = tonumber(ARGV[1]) + 1, {} " +
    "local have = redis.call('HMGET', KEYS[1], unpack(ARGV, 2, last)) " +
    "for k = last + 1, #ARGV do local known, free = false, nil " +
    "for i = 1, last - 1 do if have[i] == ARGV[k] then known = true elseif not have[i] and not free then free = i end end " +
    "if not known and free then redis.call('HSET', KEYS[1], ARGV[free + 1], ARGV[k]) have[free] = ARGV[k] end end " +
    "for i = 1, last - 1 do if have[i] then out[#out + 1] = have[i] end end return out"
}

const isRedis = (url: string): boolean => URL.canParse(url) && /^rediss?:$/.test(new URL(url).protocol)
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
  if (!isRedis(url)) {
    return yield* new InvalidConfig({
      op: open,
      message: "store.url: expected redis://host:port or rediss://host:port",
      details: { faults: [{ path: "store.url", message: "expected redis://host:port or rediss://host:port" }] }
    })
  }
  const prefix = options.prefix ?? PREFIX
  const leaseMs = Duration.toMillis(Duration.fromInputUnsafe(options.lease ?? StoreLimits.LEASE_MS))
  const owner = StoreOwner.make()
  /** Why the connection was lost, or why it cannot be made again. */
  let lost: StoreFault.StoreFault | undefined
  // without the driver's own message, which may contain the URL or what was written
  const toError = (op: string, error?: unknown) =>
    StoreFault.toError(op, NAME, RedisFaults.faultOf(error) ?? lost ?? StoreFault.unreachable)

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
        lost = RedisFaults.faultOf(error)
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

  const call = (op: string, command: () => Promise<unknown>): Effect.Effect<unknown, BackendError> =>
    Effect.tryPromise({ try: command, catch: (error) => toError(op, error) }).pipe(
      Effect.timeoutOrElse({ duration: Duration.millis(COMMAND_MS), orElse: () => Effect.fail(toError(op)) })
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
