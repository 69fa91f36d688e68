-- Ends leases. One that was lost meanwhile is nobody's business here, and is passed over.
-- KEYS: ready, leases, owners, again, bell. ARGV: (hint, token, 'done' or 'returned') ...
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local settled, added = 0, 0
for i = 1, #ARGV, 3 do
  local hint = ARGV[i]
  if redis.call('HGET', KEYS[3], hint) == ARGV[i + 1] then
    settled = settled + 1
    redis.call('ZREM', KEYS[2], hint)
    redis.call('HDEL', KEYS[3], hint)
    local again = redis.call('SREM', KEYS[4], hint)
    if again == 1 or ARGV[i + 2] == 'returned' then
      added = added + redis.call('ZADD', KEYS[1], 'NX', now, hint)
    end
  end
end
if added > 0 and redis.call('EXISTS', KEYS[5]) == 0 then
  redis.call('LPUSH', KEYS[5], 1)
end
return settled
