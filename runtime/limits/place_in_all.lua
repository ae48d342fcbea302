-- Several moving windows judged together: a place is taken in all of them or in none.
--
-- KEYS[1] is the member's list of places taken, KEYS[2] that of their network where it is known: times in seconds,
-- the newest first, as the library keeps its moving windows. Times are the server's, so that the clocks of the
-- processes do not matter.
--
-- ARGV: places and seconds of the network's window; of the window within which the member's own places are kept
-- for them however full the network is; then of each window of the member.
--
-- Returns why not (0 admitted, 1 the member, 2 the network), and in how many milliseconds there will be a place.

local member, network = KEYS[1], KEYS[2]
local clock = redis.call('time')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000

local function wait(key, places, seconds)
  if places == 0 then
    return math.huge
  end
  local taken = redis.call('lindex', key, places - 1)
  return taken and math.max(tonumber(taken) + seconds - now, 0) or 0
end

local function take(key, places, seconds)
  redis.call('lpush', key, string.format('%.6f', now))
  redis.call('ltrim', key, 0, places - 1)
  redis.call('expire', key, seconds)
end

local network_places, network_seconds = tonumber(ARGV[1]), tonumber(ARGV[2])
local kept_places, kept_seconds = tonumber(ARGV[3]), tonumber(ARGV[4])
local most_places, most_seconds = kept_places, kept_seconds
local member_wait, network_wait = 0, 0

for i = 5, #ARGV, 2 do
  local places, seconds = tonumber(ARGV[i]), tonumber(ARGV[i + 1])
  member_wait = math.max(member_wait, wait(member, places, seconds))
  most_places, most_seconds = math.max(most_places, places), math.max(most_seconds, seconds)
end
if network then
  network_wait = math.min(wait(network, network_places, network_seconds), wait(member, kept_places, kept_seconds))
end

if member_wait > 0 or network_wait > 0 then
  local milliseconds = math.ceil(math.max(member_wait, network_wait) * 1000)
  return { member_wait > 0 and 1 or 2, milliseconds }
end
take(member, most_places, most_seconds)
if network then
  take(network, network_places, network_seconds)
end
return { 0, 0 }
