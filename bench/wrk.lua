-- Requests of the benchmarks for wrk, and its figures on one line.
--
--     wrk … -s bench/wrk.lua URL -- KIND KEY [N]
--
-- "get" sends no body, "keys" neither but with one of KEY-1 to KEY-N as its
-- key, "post" an event of 300 bytes, "owners" the same with the keys KEY-1 to
-- KEY-1000 in turn, "keyed" with a new idempotency key each time, "mixed" with
-- one each tenth time, "batch" a hundred of them, "fill" a thousand with an
-- idempotency key each, "lease" takes a hundred events and then acknowledges
-- them.

local payload = '{"event_type":"order.created","source":"shop","payload":'
    .. '{"order":"8d3f0c52-41be-4c1b-9e0a-5a1c7e2f9b10","total":49.90,'
    .. '"currency":"EUR","customer":{"id":48211,"country":"DE"},"items":'
    .. '[{"sku":"A-1001","n":2,"price":19.95},{"sku":"B-2","n":1,'
    .. '"price":10.0}],"note":"%s"}}'

local requests = {}
local n = 0

-- parts of a request around what changes in it

local parts = {}

-- differs between threads and runs

local function seed()
    math.randomseed(os.time() * 7919
                    + tonumber(tostring({}):match("0x(%x+)"), 16) % 1000003)
    return ("%08x%08x"):format(math.random(0, 2^31 - 1),
                               math.random(0, 2^31 - 1))
end

local function key()
    n = n + 1
    return ("%s-%08x%x"):format(parts.seed, math.random(0, 2^31 - 1), n)
end

local function next_keyed()
    return parts.head .. key() .. parts.tail
end

local function next_mixed()
    parts.n = (parts.n + 1) % 10
    return parts.n == 0 and next_keyed() or parts.plain
end

local function next_fill()
    local events = {}

    for i = 1, 1000 do
        events[i] = '{"event_type":"fill","payload":{},"metadata":'
                    .. '{"idempotency_key":"' .. key() .. '"}}'
    end

    return wrk.format(nil, nil, nil,
                      '{"events":[' .. table.concat(events, ",") .. ']}')
end

-- what has been leased and not been acknowledged yet

local leases = {}

local function next_lease()
    local id = table.remove(leases)

    if not id then
        return parts.lease
    end

    return wrk.format(nil, parts.ack, nil, '{"lease_id":"' .. id .. '"}')
end

local function take_lease(status, headers, body)
    local id = body:sub(1, 80):match('^{"lease_id":"([^"]+)","leased_until"')

    if id and status == 200 then
        leases[#leases + 1] = id
    end
end

local function next_owner()
    n = n % #requests + 1
    return requests[n]
end

local function next_key()
    return requests[math.random(#requests)]
end

function init(args)
    wrk.headers["X-API-Key"] = args[2]

    if args[1] == "get" then
        return
    end

    if args[1] == "keys" then
        for i = 1, tonumber(args[3]) do
            wrk.headers["X-API-Key"] = args[2] .. "-" .. i
            requests[i] = wrk.format()
        end

        request = next_key
        return
    end

    wrk.method = "POST"
    wrk.headers["Content-Type"] = "application/json"
    wrk.body = payload:format(("x"):rep(300 - (#payload - 2)))

    if args[1] == "batch" then
        wrk.body = '{"events":[' .. (wrk.body .. ","):rep(99) .. wrk.body
                   .. ']}'
    end

    if args[1] == "keyed" or args[1] == "mixed" then
        parts.plain = wrk.format()
        wrk.headers["Idempotency-Key"] = "@@"
        parts.head, parts.tail = wrk.format():match("^(.*)@@(.*)$")
        parts.seed = seed()
        parts.n = 0
        request = args[1] == "keyed" and next_keyed or next_mixed
    end

    if args[1] == "fill" then
        parts.seed = seed()
        request = next_fill
    end

    if args[1] == "lease" then
        parts.ack = wrk.path:gsub("lease$", "ack")
        parts.lease = wrk.format(nil, nil, nil, '{"lease_limit":100}')
        request = next_lease
        response = take_lease
    end

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
