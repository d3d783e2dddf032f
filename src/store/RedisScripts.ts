/**
 * The scripts of the Redis session store, in Lua. Each is one operation, with the clock of the server.
 *
 * @since 0.1.0
 */

// KEYS: the session, its items, the owner's sessions, all sessions sorted by expiry. ARGV[1] is the owner.
const clock = "local t = redis.call('TIME') local now = t[1] * 1000 + math.floor(t[2] / 1000) "
/**
 * Sets the expiry of a session to the end of its lease plus its resume window; the keys have a TTL of one day more. The TTL
 * first: Redis refuses no command after it when its memory is full, so that leases are renewed all the same.
 */
const keepUntil = "local function keep(s, i, all, id, untilMs, window) " +
  "local ttl = untilMs + window - now + 86400000 redis.call('PEXPIRE', s, ttl) redis.call('PEXPIRE', i, ttl) " +
  "redis.call('HSET', s, 'until', untilMs) redis.call('ZADD', all, untilMs + window, id) end "
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
  // nothing; the owner and whether its lease runs
  locate: clock + "local h = redis.call('HMGET', KEYS[1], 'owner', 'fence', 'until') if not h[2] then return {} end " +
    "local leased = '0' if tonumber(h[3] or now) > now then leased = '1' end return {h[1] or '', leased}",
  // nothing; the head, how many items there should be, items…
  read: "local h = redis.call('HMGET', KEYS[1], 'fence', 'head', 'n') if not h[1] then return {} end " +
    "local out = {h[2] or '', h[3] or '0'} for _, v in ipairs(redis.call('LRANGE', KEYS[2], 0, -1)) do out[#out + 1] = v end " +
    "return out",
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
