-- Extends the leases that are still held by the given tokens.
-- KEYS: leases, owners. ARGV: lease in ms, (hint, token) ... Answers how many still are.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local held = 0
for i = 2, #ARGV, 2 do
  if redis.call('HGET', KEYS[2], ARGV[i]) == ARGV[i + 1] then
    redis.call('ZADD', KEYS[1], 'XX', now + ARGV[1], ARGV[i])
    held = held + 1
  end
end
return held
