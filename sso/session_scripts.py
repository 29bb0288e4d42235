"""What happens to a session in one step inside Redis (Lua).

Each is about one key, so that a cluster can run it. Times are milliseconds of our clock, not of Redis'.
"""

from typing import Final

KEEP: Final = """
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], 'used', ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
"""

# Families sort by age: the oldest makes room.
ADD_FAMILY: Final = """
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local oldest, count = nil, 0
for _, name in ipairs(redis.call('HKEYS', KEYS[1])) do
    if string.sub(name, 1, 7) == 'family:' then
        count = count + 1
        if not oldest or name < oldest then oldest = name end
    end
end
if count >= tonumber(ARGV[3]) then redis.call('HDEL', KEYS[1], oldest) end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 1
"""

REPLACE: Final = """
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1
"""

DROP_FAMILIES: Final = """
local dropped, fields = 0, redis.call('HGETALL', KEYS[1])
for i = 1, #fields, 2 do
    if string.sub(fields[i], 1, 7) == 'family:' and string.sub(fields[i + 1], 1, #ARGV[1]) == ARGV[1] then
        dropped = dropped + redis.call('HDEL', KEYS[1], fields[i])
    end
end
return dropped
"""
