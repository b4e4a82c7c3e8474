-- Sends one sample a request, no two alike; its arguments are the file that SingleSamples.cs writes, and how many points a turn has.

dofile("Compare/figures.lua")

local before, after, points, points_of_turn
local series = 0
local turn = -1

-- So many texts, each behind its length.
local function read(file)
  local texts = {}
  for i = 1, tonumber(file:read("*l")) do
    local length = tonumber(file:read("*l"))
    texts[i] = length > 0 and file:read(length) or ""
  end
  return texts
end

function init(arguments)
  local file = assert(io.open(arguments[1], "rb"))
  before, after, points = read(file), read(file), read(file)
  points_of_turn = tonumber(arguments[2])
  file:close()
end

function request()
  series = series + 1
  if turn < 0 or series > #before then
    series = 1
    turn = turn + 1
  end
  return before[series] .. points[turn * points_of_turn + series % points_of_turn + 1] .. after[series]
end
