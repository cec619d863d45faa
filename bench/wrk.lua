-- Requests of the benchmarks for wrk, and its figures on one line.
--
--     wrk … -s bench/wrk.lua URL -- get|post|owners KEY
--
-- "post" sends an event of 300 bytes, "owners" the same with the keys KEY-1
-- to KEY-1000 in turn.

local payload = '{"event_type":"order.created","source":"shop","payload":'
    .. '{"order":"8d3f0c52-41be-4c1b-9e0a-5a1c7e2f9b10","total":49.90,'
    .. '"currency":"EUR","customer":{"id":48211,"country":"DE"},"items":'
    .. '[{"sku":"A-1001","n":2,"price":19.95},{"sku":"B-2","n":1,'
    .. '"price":10.0}],"note":"%s"}}'

local requests = {}
local n = 0

local function next_owner()
    n = n % #requests + 1
    return requests[n]
end

function init(args)
    wrk.headers["X-API-Key"] = args[2]

    if args[1] == "get" then
        return
    end

    wrk.method = "POST"
    wrk.headers["Content-Type"] = "application/json"
    wrk.body = payload:format(("x"):rep(300 - (#payload - 2)))

    if args[1] == "owners" then
        for i = 1, 1000 do
            wrk.headers["X-API-Key"] = args[2] .. "-" .. i
            requests[i] = wrk.format()
        end

        -- without this function wrk sends one request over and over

        request = next_owner
    end
end

function done(summary, latency, requests)
    local e = summary.errors

    io.write(("figures: requests=%d us=%d p50=%d p99=%d refused=%d "
              .. "broken=%d\n"):format(
        summary.requests, summary.duration,
        latency:percentile(50), latency:percentile(99),
        e.status, e.connect + e.read + e.write + e.timeout))
end
