package storage

import "github.com/redis/go-redis/v9"

// clockLua reads the server's clock in ms. Numbers go back to Redis through fmt(): Lua implementations differ in how
// they print large ones.
const clockLua = `
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local function fmt(n) return string.format('%.0f', n) end
`

// txLua applies one Tx. KEYS[1] is the receipt; ARGV is a flat list of operations, each a letter and its arguments, with
// keys given as indexes into KEYS. All checks run before the first write, since Redis undoes nothing.
// It returns {code, i}: 0 applied, 1 conflict, 2 seen, with i the number of the operation that said so; after
// 0 follow the indexes of the queue keys in which something is due soon.
const txLua = clockLua + `
if ARGV[1] == '1' and redis.call('EXISTS', KEYS[1]) == 1 then return {0} end
local size = {p = 7, d = 5, c = 4, a = 4, o = 3, e = 4, r = 5, f = 4, h = 5} -- with the letter
local function key(i) return KEYS[tonumber(ARGV[i])] end
local i, n, op = 2, #ARGV, 0
while i <= n do
  op = op + 1
  local c = ARGV[i]
  if c == 'p' or c == 'd' or c == 'c' then
    if ARGV[i + 3] ~= '-1' and (redis.call('HGET', key(i + 1), 'v') or '0') ~= ARGV[i + 3] then return {1, op} end
  elseif c == 'o' then
    if redis.call('EXISTS', key(i + 1)) == 1 then return {2, op} end
  elseif c == 'r' or c == 'f' or c == 'h' then
    if redis.call('HGET', KEYS[ARGV[i + 1] + 1], ARGV[i + 2]) ~= ARGV[i + 3] then return {1, op} end
  end
  i = i + size[c]
end

local out = {0}
local function prune(tab)
  local old = redis.call('ZRANGEBYSCORE', KEYS[tab + 2], '-inf', fmt(now - 1000), 'LIMIT', 0, 16)
  for _, id in ipairs(old) do
    for k = 0, 2 do redis.call('ZREM', KEYS[tab + k], id) end
  end
end
local function put(rec, id, was, tab, ttl, data)
  if tab == 0 then -- unlisted
    if was >= 0 then redis.call('HSET', rec, 'v', fmt(was + 1), 'd', data)
    else
      redis.call('HINCRBY', rec, 'v', 1)
      redis.call('HSET', rec, 'd', data)
    end
    if ttl > 0 then redis.call('PEXPIREAT', rec, fmt(now + ttl)) elseif was ~= 0 then redis.call('PERSIST', rec) end
    return
  end
  local v = redis.call('HINCRBY', rec, 'v', 1)
  redis.call('HSET', rec, 'd', data)
  redis.call('ZADD', KEYS[tab], fmt(now), id)
  if v == 1 then redis.call('ZADD', KEYS[tab + 1], 0, id) end
  if ttl > 0 then
    redis.call('PEXPIREAT', rec, fmt(now + ttl))
    redis.call('ZADD', KEYS[tab + 2], fmt(now + ttl), id)
    if v == 1 then prune(tab) end -- 16 for each that comes: more than ever came before it
  elseif redis.call('ZREM', KEYS[tab + 2], id) == 1 then
    redis.call('PERSIST', rec)
  end
end
local function due(q, id, at)
  redis.call('ZADD', KEYS[q], fmt(at), id)
  if at < now + 1000 then out[#out + 1] = q end -- idlePoll
end
local function release(q, id, at)
  local again = tonumber(redis.call('HGET', KEYS[q + 2], id) or nil)
  if again and (not at or again < at) then at = again end
  redis.call('HDEL', KEYS[q + 1], id, '\n' .. id)
  redis.call('HDEL', KEYS[q + 2], id)
  if at then due(q, id, at) else redis.call('ZREM', KEYS[q], id) end
end
local function enqueue(q, id, at)
  if redis.call('HEXISTS', KEYS[q + 1], id) == 1 then
    local again = tonumber(redis.call('HGET', KEYS[q + 2], id) or nil)
    if not again or at < again then redis.call('HSET', KEYS[q + 2], id, fmt(at)) end
    return
  end
  local was = tonumber(redis.call('ZSCORE', KEYS[q], id) or nil)
  if not was or at < was then due(q, id, at) end
end
local function time(i)
  local at = tonumber(ARGV[i])
  if at <= 0 then return now - at end -- a pause
  return at
end

i = 2
while i <= n do
  local c = ARGV[i]
  if c == 'p' then put(key(i + 1), ARGV[i + 2], tonumber(ARGV[i + 3]), tonumber(ARGV[i + 4]), tonumber(ARGV[i + 5]), ARGV[i + 6])
  elseif c == 'd' then
    redis.call('DEL', key(i + 1))
    if ARGV[i + 4] ~= '0' then
      for k = 0, 2 do redis.call('ZREM', KEYS[ARGV[i + 4] + k], ARGV[i + 2]) end
    end
  elseif c == 'a' then redis.call('XADD', key(i + 1), 'MAXLEN', '~', ARGV[i + 2], '*', 'v', ARGV[i + 3])
  elseif c == 'o' then redis.call('SET', key(i + 1), 1, 'PX', ARGV[i + 2])
  elseif c == 'e' then enqueue(tonumber(ARGV[i + 1]), ARGV[i + 2], time(i + 3))
  elseif c == 'r' then release(tonumber(ARGV[i + 1]), ARGV[i + 2], time(i + 4))
  elseif c == 'f' then release(tonumber(ARGV[i + 1]), ARGV[i + 2], nil)
  elseif c == 'h' then redis.call('ZADD', KEYS[tonumber(ARGV[i + 1])], fmt(now + ARGV[i + 4]), ARGV[i + 2])
  end
  i = i + size[c]
end
redis.call('SET', KEYS[1], 1, 'PX', 60000)
return out
`

// leaseLua notes a fence, and returns the first one before it that nobody gave back, or 0.
const leaseLua = `
local function lease(id, fence)
  local was = redis.call('HMGET', KEYS[2], id, '\n' .. id)
  redis.call('HSET', KEYS[2], id, fmt(fence), '', fmt(fence))
  if not was[1] then return 0 end
  if not was[2] then redis.call('HSET', KEYS[2], '\n' .. id, was[1]) end
  return tonumber(was[2] or was[1])
end
`

// claimLua leases up to ARGV[1] due items for ARGV[2] ms. KEYS are the queue's zset, fences and again. What was
// enqueued during an earlier lease that nobody gave back, and is due, is what this claim is about: it is forgotten.
// Fences are the server's clock, or one more than the last: so one tells when its lease began, and a server that lost its
// last writes gives none out anew. It returns each item's id, fence, and the fence of the first of the leases before this one
// that nobody gave back, or 0; that is kept beside the fence, after a line feed, which no id holds.
const claimLua = clockLua + leaseLua + `
local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', fmt(now), 'LIMIT', 0, ARGV[1])
if #ids == 0 then return ids end
local last = tonumber(redis.call('HGET', KEYS[2], '') or 0)
local out = {}
for _, id in ipairs(ids) do
  last = math.max(last + 1, now)
  out[#out + 1] = id
  out[#out + 1] = last
  out[#out + 1] = lease(id, last)
  redis.call('ZADD', KEYS[1], fmt(now + ARGV[2]), id)
  local again = tonumber(redis.call('HGET', KEYS[3], id) or nil)
  if again and again <= now then redis.call('HDEL', KEYS[3], id) end
end
return out
`

// takeLua leases the item ARGV[1] for ARGV[2] ms, whenever it is due and whoever holds it. It returns what claimLua does, but
// for the id.
const takeLua = clockLua + leaseLua + `
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return {0, 0} end
local fence = math.max(tonumber(redis.call('HGET', KEYS[2], '') or 0) + 1, now)
local lost = lease(ARGV[1], fence)
redis.call('ZADD', KEYS[1], fmt(now + ARGV[2]), ARGV[1])
redis.call('HDEL', KEYS[3], ARGV[1])
return {fence, lost}
`

// extendLua gives the lease of ARGV[1] another ARGV[3] ms, if ARGV[2] is still its fence.
const extendLua = clockLua + `
if redis.call('HGET', KEYS[2], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('ZADD', KEYS[1], fmt(now + ARGV[3]), ARGV[1])
return 1
`

// scripts are the four, with their digests.
type scripts struct{ tx, claim, take, extend *redis.Script }

func newScripts() scripts {
	return scripts{
		tx: redis.NewScript(txLua), claim: redis.NewScript(claimLua), take: redis.NewScript(takeLua), extend: redis.NewScript(extendLua),
	}
}
