-- Leases waiting hints to one worker.
-- KEYS: ready, leases, owners, again, bell. ARGV: limit, lease in ms, token. Answers the hints.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- Whoever held these is dead or cut off. 200 a call, so that a mass death holds nobody up.
for _, hint in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, 200)) do
  redis.call('ZREM', KEYS[2], hint)
  redis.call('HDEL', KEYS[3], hint)
  redis.call('SREM', KEYS[4], hint)
  redis.call('ZADD', KEYS[1], 'NX', now, hint)
end

local taken = {}
local popped = redis.call('ZPOPMIN', KEYS[1], ARGV[1])
for i = 1, #popped, 2 do
  redis.call('ZADD', KEYS[2], now + ARGV[2], popped[i])
  redis.call('HSET', KEYS[3], popped[i], ARGV[3])
  taken[#taken + 1] = popped[i]
end

-- One ring wakes one worker; the woken one wakes the next while anything is left.
if redis.call('EXISTS', KEYS[1]) == 1 and redis.call('EXISTS', KEYS[5]) == 0 then
  redis.call('LPUSH', KEYS[5], 1)
end
return taken
