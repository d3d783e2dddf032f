/**
 * The scripts of the Redis session store, in Lua. Each is one operation, with the clock of the server.
 *
 * @since 0.1.0
 */

/**
 * What is stored as the end of a session's lease while an owner has it, whose own lease counts: 2 days from now. A release
 * before the leases of owners takes it for a lease that is renewed, and leaves the session alone. Renewed while the owner
 * lives, in time.
 *
 * @category constants
 * @since 0.1.0
 */
export const HELD_MS = 172_800_000
/** A session whose lease ends within this is one of a release before the leases of owners, or was let go: 10 min. */
const LONGEST_LEASE_MS = 600_000

// KEYS: the session, its items, the owner's sessions, all sessions sorted by expiry, the leases of the owners. ARGV[1] is the
// owner. A lease is "since:until": since when it has been renewed without a gap, and when it ends.
const clock = "local t = redis.call('TIME') local now = t[1] * 1000 + math.floor(t[2] / 1000) "
/**
 * Sets the expiry of a session to the end of its lease plus its resume window; the keys have a TTL of one day more. The TTL
 * first: Redis refuses no command after it when its memory is full, so that leases are renewed all the same.
 */
const keepUntil = "local function keep(s, i, all, id, untilMs, window) " +
  "local ttl = untilMs + window - now + 86400000 redis.call('PEXPIRE', s, ttl) redis.call('PEXPIRE', i, ttl) " +
  "redis.call('HSET', s, 'until', untilMs) redis.call('ZADD', all, untilMs + window, id) end "
/** Notes that an owner has a session, whose window it is. */
const take = `local function take(owner, id, window) redis.call('SADD', KEYS[3], id) ` +
  `redis.call('PEXPIRE', KEYS[3], ${2 * HELD_MS}) keep(KEYS[1], KEYS[2], KEYS[4], id, now + ${HELD_MS}, window) end `
const leases = "local function leaseOf(owner) local v = redis.call('HGET', KEYS[5], owner) " +
  "if v then local s, u = string.match(v, '^(%d+):(%d+)$') return tonumber(s), tonumber(u) end end "
/** The TTL first, as above. */
const renewing = leases +
  `local function renew(owner, ms) redis.call('PEXPIRE', KEYS[5], ${4 * HELD_MS}) local s, u = leaseOf(owner) ` +
  "if not u or u < now then s = now end redis.call('HSET', KEYS[5], owner, string.format('%.0f:%.0f', s, now + ms)) end "
/**
 * When the lease of a session ends. An owner whose lease is lost has as long as if it had just renewed it.
 */
const ending = "local function endOf(owner, untilMs, ms) local _, u = leaseOf(owner) if u then return u end " +
  `if untilMs <= now + ${LONGEST_LEASE_MS} then return untilMs end renew(owner, ms) return now + ms end `
const holds = "local h = redis.call('HMGET', KEYS[1], 'owner', 'fence', 'window', 'n') " +
  "local held = h[1] == ARGV[1] and h[2] == ARGV[2] "

/**
 * The scripts, by the operation of the store. Above each: its arguments.
 *
 * @category constants
 * @since 0.1.0
 */
export const scripts = {
  // owner, id, lease, window, head, items…
  create: clock + keepUntil + take + renewing +
    "if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end " +
    "redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'fence', 1, 'window', ARGV[4], 'head', ARGV[5], 'n', #ARGV - 5) " +
    "for k = 6, #ARGV do redis.call('RPUSH', KEYS[2], ARGV[k]) end " +
    "renew(ARGV[1], ARGV[3]) take(ARGV[1], ARGV[2], ARGV[4]) return 1",
  // owner, fence, from, head, id, lease, window, items…; without a window the lease has ended. A session that is gone or has an
  // older lease is stored again from 0; any key of it may be gone alone
  write: clock + keepUntil + take + renewing + holds +
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
    "renew(ARGV[1], ARGV[6]) take(ARGV[1], ARGV[5], tonumber(ARGV[7])) return 'written'",
  // owner, id, lease, the owner whose process is known to have exited
  claim: clock + keepUntil + take + renewing + ending +
    "local h = redis.call('HMGET', KEYS[1], 'owner', 'fence', 'until', 'window', 'head', 'n') " +
    "if not h[2] then return {} end local ends, window = tonumber(h[3] or now), tonumber(h[4] or 0) " +
    "local owned = h[1] and h[1] ~= '' if owned then ends = endOf(h[1], ends, ARGV[3]) end " +
    "if owned and ends > now and h[1] ~= ARGV[4] then return {'held', h[1], tostring(ends - now)} end " +
    "renew(ARGV[1], ARGV[3]) take(ARGV[1], ARGV[2], window) " +
    "local fence = tonumber(h[2]) + 1 redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'fence', fence) " +
    "local out = {'claimed', tostring(fence), h[5] or '', h[6] or '0', tostring(window), string.format('%.0f', ends)} " +
    "for _, v in ipairs(redis.call('LRANGE', KEYS[2], 0, -1)) do out[#out + 1] = v end return out",
  // nothing; the owner and whether its lease runs
  locate: clock + leases + "local h = redis.call('HMGET', KEYS[1], 'owner', 'fence', 'until') " +
    "if not h[2] then return {} end local ends, leased = tonumber(h[3] or now), '0' " +
    "if h[1] and h[1] ~= '' then local _, u = leaseOf(h[1]) if u then ends = u end end " +
    "if ends > now then leased = '1' end return {h[1] or '', leased}",
  // nothing; the head, how many items there should be, items…
  read: "local h = redis.call('HMGET', KEYS[1], 'fence', 'head', 'n') if not h[1] then return {} end " +
    "local out = {h[2] or '', h[3] or '0'} for _, v in ipairs(redis.call('LRANGE', KEYS[2], 0, -1)) do out[#out + 1] = v end " +
    "return out",
  // owner, lease; a lease of 0 has ended
  renew: clock + renewing + "renew(ARGV[1], ARGV[2]) return 1",
  // owner, prefix, ids…; of each session that is whole: id, fence, items. What the owner does not have is taken from its list
  listOwned: clock + keepUntil +
    `redis.call('PEXPIRE', KEYS[3], ${2 * HELD_MS}) local out = {} ` +
    "for k = 3, #ARGV do local id, s, i = ARGV[k], ARGV[2] .. 's:' .. ARGV[k], ARGV[2] .. 'i:' .. ARGV[k] " +
    "local h = redis.call('HMGET', s, 'owner', 'fence', 'window', 'n', 'head', 'until') " +
    "if h[1] ~= ARGV[1] then redis.call('SREM', KEYS[3], id) else " +
    `if tonumber(h[6] or 0) < now + ${
      HELD_MS / 2
    } then keep(s, i, KEYS[4], id, now + ${HELD_MS}, tonumber(h[3] or 0)) end ` +
    "local n = redis.call('LLEN', i) if h[2] and h[3] and tonumber(h[4] or '') == n and h[5] then " +
    "out[#out + 1] = id out[#out + 1] = h[2] out[#out + 1] = h[4] end end end return out",
  // owner, prefix, ids…
  releaseAll: clock + keepUntil +
    "for k = 3, #ARGV do local id, s = ARGV[k], ARGV[2] .. 's:' .. ARGV[k] " +
    "local h = redis.call('HMGET', s, 'owner', 'window') if h[1] == ARGV[1] then " +
    "keep(s, ARGV[2] .. 'i:' .. id, KEYS[4], id, now, tonumber(h[2] or 0)) redis.call('HSET', s, 'owner', '') end " +
    "redis.call('SREM', KEYS[3], id) end return 1",
  // owner, fence, id, when the lease ends; nothing: now
  releaseLease: clock + keepUntil + holds +
    "if held then local ends = now if ARGV[4] ~= '' then ends = tonumber(ARGV[4]) end " +
    "keep(KEYS[1], KEYS[2], KEYS[4], ARGV[3], ends, tonumber(h[3] or 0)) " +
    "redis.call('HSET', KEYS[1], 'owner', '') redis.call('SREM', KEYS[3], ARGV[3]) end return 1",
  // owner, fence, id; a copy with an older lease is from before a restore
  remove: holds +
    "local free = h[2] == ARGV[2] and (not h[1] or h[1] == '') " +
    "if held or free or tonumber(h[2] or ARGV[2]) < tonumber(ARGV[2]) then redis.call('DEL', KEYS[1], KEYS[2]) " +
    "redis.call('ZREM', KEYS[4], ARGV[3]) redis.call('SREM', KEYS[3], ARGV[3]) end return 1",
  // nothing; the time, and of each owner: its name, its lease
  owners: clock + "local out = {string.format('%.0f', now)} " +
    "for _, v in ipairs(redis.call('HGETALL', KEYS[5])) do out[#out + 1] = v end return out",
  // prefix, how many to pass over, how many; of the sessions whose end is over, the oldest first: id, owner, fence, end, window
  expired: clock + "local out = {} " +
    "for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[4], '-inf', now, 'LIMIT', ARGV[2], ARGV[3])) do " +
    "local h = redis.call('HMGET', ARGV[1] .. 's:' .. id, 'owner', 'fence', 'until', 'window') " +
    "for k, v in ipairs({id, h[1] or '', h[2] or '', h[3] or '0', h[4] or '0'}) do out[#out + 1] = v end end return out",
  // prefix, another owner, ids…; of the sessions that it has: id, owner, fence, end, window. Others are taken from its list
  ofOwner: "local out = {} for k = 3, #ARGV do local id = ARGV[k] " +
    "local h = redis.call('HMGET', ARGV[1] .. 's:' .. id, 'owner', 'fence', 'until', 'window') " +
    "if h[1] ~= ARGV[2] then redis.call('SREM', ARGV[1] .. 'o:' .. ARGV[2], id) else " +
    "for _, v in ipairs({id, h[1], h[2] or '', h[3] or '0', h[4] or '0'}) do out[#out + 1] = v end end end return out",
  // prefix, then of each: id, owner, fence; how many were as they are given, and erased
  erase:
    "local gone = 0 for k = 2, #ARGV, 3 do local id, owner, s = ARGV[k], ARGV[k + 1], ARGV[1] .. 's:' .. ARGV[k] " +
    "local h = redis.call('HMGET', s, 'owner', 'fence') " +
    "if (h[1] or '') == owner and (h[2] or '') == ARGV[k + 2] then gone = gone + redis.call('DEL', s) " +
    "redis.call('DEL', ARGV[1] .. 'i:' .. id) redis.call('ZREM', KEYS[4], id) " +
    "redis.call('SREM', ARGV[1] .. 'o:' .. owner, id) end end return gone",
  // prefix, another owner, the time; forgets it if it has no sessions and no lease since then
  forget: leases + "local _, u = leaseOf(ARGV[2]) if u and u <= tonumber(ARGV[3]) and " +
    "redis.call('EXISTS', ARGV[1] .. 'o:' .. ARGV[2]) == 0 then return redis.call('HDEL', KEYS[5], ARGV[2]) end return 0",
  // owner, id, the key of the secrets; uses each command and key that a session needs, and leaves nothing. What a command that
  // fails leaves behind has a TTL
  probe: clock + keepUntil + renewing +
    "redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'head', '{}') redis.call('PEXPIRE', KEYS[1], 60000) " +
    "redis.call('RPUSH', KEYS[2], '{}') redis.call('PEXPIRE', KEYS[2], 60000) " +
    "redis.call('SADD', KEYS[3], ARGV[2]) redis.call('PEXPIRE', KEYS[3], 86400000) redis.call('SMEMBERS', KEYS[3]) " +
    "keep(KEYS[1], KEYS[2], KEYS[4], ARGV[2], now, 0) redis.call('EXISTS', KEYS[1]) " +
    "redis.call('HMGET', KEYS[1], 'owner') redis.call('PTTL', KEYS[1]) redis.call('LLEN', KEYS[2]) " +
    "redis.call('LRANGE', KEYS[2], 0, -1) redis.call('LTRIM', KEYS[2], 0, 0) " +
    "renew(ARGV[2], 0) redis.call('HDEL', KEYS[5], ARGV[2]) " +
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
