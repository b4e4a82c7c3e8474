-- Posts samples with wrk; its arguments are the media type and the body, with %s wherever the value goes.

dofile("Compare/figures.lua")

-- More than one load brings to ClickHouse as single INSERTs: it takes equal ones for retries, and would store them once.
local count = 65536
local requests = {}
local at = 0

function init(arguments)
  local headers = { ["Content-Type"] = arguments[1] }
  for i = 1, count do
    local body = string.gsub(arguments[2], "%%s", string.format("%.3f", i / 1000))
    requests[i] = wrk.format("POST", nil, headers, body)
  end
end

function request()
  at = at % count + 1
  return requests[at]
end
