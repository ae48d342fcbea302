-- Several moving windows judged together: a place is taken in all of them or in none.
--
-- KEYS[1] is the member's list of places taken, KEYS[2] that of their network where it is known: times in seconds,
-- the newest first, as the library keeps its moving windows. Times are the server's, so that the clocks of the
-- processes do not matter.
--
-- ARGV[1] are windows, each as places/seconds, with spaces between them: the network's; that within which the member's
-- own places are kept for them however full the network is; then each of the member's. They are one argument because
-- each argument costs the caller more than it costs to take it apart here.
--
-- Returns 0 where a place was taken; else in how many milliseconds there will be one, as a negative number where it is
-- the network that has none.

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

local windows = string.gmatch(ARGV[1], '(%d+)/(%d+)')
local function next_window()
  local places, seconds = windows()
  return tonumber(places), tonumber(seconds)
end

local network_places, network_seconds = next_window()
local kept_places, kept_seconds = next_window()
local most_places, most_seconds = kept_places, kept_seconds
local member_wait, network_wait = 0, 0

local places, seconds = next_window()
while places do
  member_wait = math.max(member_wait, wait(member, places, seconds))
  most_places, most_seconds = math.max(most_places, places), math.max(most_seconds, seconds)
  places, seconds = next_window()
end
if network then
  network_wait = math.min(wait(network, network_places, network_seconds), wait(member, kept_places, kept_seconds))
end

if member_wait > 0 or network_wait > 0 then
  local milliseconds = math.ceil(math.max(member_wait, network_wait) * 1000)
  return member_wait > 0 and milliseconds or -milliseconds
end
take(member, most_places, most_seconds)
if network then
  take(network, network_places, network_seconds)
end
return 0
