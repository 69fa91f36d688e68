-- Leases waiting hints to one worker.
-- KEYS: ready, leases, owners, again, bell. ARGV: limit, lease in ms, token, among how many to choose. Answers
-- the hints.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- Whoever held these is dead or cut off. 200 a call, so that a mass death holds nobody up.
for _, hint in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, 200)) do
  redis.call('ZREM', KEYS[2], hint)
  redis.call('HDEL', KEYS[3], hint)
  redis.call('SREM', KEYS[4], hint)
  redis.call('ZADD', KEYS[1], 'NX', now, hint)
end

-- Workspaces take turns, beginning with those that have the fewest places.
local places = {}
local function add_place(hint)
  local workspace = string.match(hint, '[^:]*$')
  local before = places[workspace] or 0
  places[workspace] = before + 1
  return before
end
for _, hint in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
  add_place(hint)
end
local order = {}
for i, hint in ipairs(redis.call('ZRANGE', KEYS[1], 0, tonumber(ARGV[4]) - 1)) do
  order[i] = { hint = hint, places = add_place(hint), came = i }
end
table.sort(order, function(one, other)
  if one.places ~= other.places then
    return one.places < other.places
  end
  return one.came < other.came
end)

local taken = {}
for i = 1, math.min(#order, tonumber(ARGV[1])) do
  local hint = order[i].hint
  redis.call('ZREM', KEYS[1], hint)
  redis.call('ZADD', KEYS[2], now + ARGV[2], hint)
  redis.call('HSET', KEYS[3], hint, ARGV[3])
  taken[i] = hint
end

-- One ring wakes one worker; the woken one wakes the next while anything is left.
if redis.call('EXISTS', KEYS[1]) == 1 and redis.call('EXISTS', KEYS[5]) == 0 then
  redis.call('LPUSH', KEYS[5], 1)
end
return taken
