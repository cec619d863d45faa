# GET /v1/metrics/history: what it takes, and whose key opens it.  What is in it
# is in t/script/history.t and t/fault/history.t.

use Test::Nginx::Socket;
use Triggers::Blocks;

plan tests => repeat_each() * checks();

run_tests();

__DATA__

=== TEST 1: a range of which there is nothing
--- more_headers
Authorization: Bearer admin-key
--- request
GET /v1/metrics/history?from=2025-01-01T00:00:30+01:00&to=2025-01-02
--- error_code: 200
--- response_body_like: ^\{"from":"2024-12-31T23:00:00\.000Z","to":"2025-01-02T00:00:00\.000Z","step":120,"points":\[\],"next_from":null,"request_id":"[^"]+"\}$



=== TEST 2: the last hour
--- more_headers
Authorization: Bearer admin-key
--- request
GET /v1/metrics/history
--- error_code: 200
--- response_body_like: ^\{"from":"[^"]+:00\.000Z","to":"[^"]+:00\.000Z","step":60,"points":\[



=== TEST 3: the hour before
--- more_headers
Authorization: Bearer admin-key
--- request
GET /v1/metrics/history?to=2025-01-01T13:00:00+01:00
--- error_code: 200
--- response_body_like: ^\{"from":"2025-01-01T11:00:00\.000Z","to":"2025-01-01T12:00:00\.000Z","step":60,



=== TEST 4: steps, which grow with the range, and are counted from the epoch
--- more_headers
Authorization: Bearer admin-key
--- request eval
["GET /v1/metrics/history?from=2025-01-01&to=2025-01-02",
 "GET /v1/metrics/history?from=2025-01-01T00:00:01Z&to=2025-01-02",
 "GET /v1/metrics/history?from=2025-01-01T00:00:59Z&to=2025-01-02T00:00:01Z",
 "GET /v1/metrics/history?from=2025-01-01&to=2025-01-31",
 "GET /v1/metrics/history?from=1990-01-01&to=2015-01-01",
 "GET /v1/metrics/history?from=2025-01-01T10:30:00Z&to=2025-01-01T10:31:00Z"
 . "&step=3600",
 "GET /v1/metrics/history?from=2025-01-01T10:30:00Z&to=2025-01-01T10:31:00Z"
 . "&step=86400",
 "GET /v1/metrics/history?from=2025-01-01T10:30:00Z&to=2025-01-01T10:31:00Z"
 . "&step=420",
 "GET /v1/metrics/history?from=1970-01-01&to=1970-01-01T00:00:01Z",
 "GET /v1/metrics/history?from=1969-12-31T23:59:59Z&to=1970-01-01T00:00:01Z"]
--- error_code eval
[200, 200, 200, 200, 200, 200, 200, 200, 200, 200]
--- response_body_like eval
[qr/^\{"from":"2025-01-01T00:00:00.000Z","to":"2025-01-02T00:00:00.000Z","step":60,/,
 qr/^\{"from":"2025-01-01T00:00:00.000Z","to":"2025-01-02T00:00:00.000Z","step":60,/,
 qr/^\{"from":"2025-01-01T00:00:00.000Z","to":"2025-01-02T00:02:00.000Z","step":120,/,
 qr/^\{"from":"2025-01-01T00:00:00.000Z","to":"2025-01-31T00:00:00.000Z","step":1800,/,
 qr/^\{"from":"1990-01-01T00:00:00.000Z","to":"2015-01-01T00:00:00.000Z","step":86400,/,
 qr/^\{"from":"2025-01-01T10:00:00.000Z","to":"2025-01-01T11:00:00.000Z","step":3600,/,
 qr/^\{"from":"2025-01-01T00:00:00.000Z","to":"2025-01-02T00:00:00.000Z","step":86400,/,
 qr/^\{"from":"2025-01-01T10:28:00.000Z","to":"2025-01-01T10:35:00.000Z","step":420,/,
 qr/^\{"from":"1970-01-01T00:00:00.000Z","to":"1970-01-01T00:01:00.000Z","step":60,/,
 qr/^\{"from":"1969-12-31T23:59:00.000Z","to":"1970-01-01T00:01:00.000Z","step":60,/]



=== TEST 5: parameters that are not valid
--- more_headers
Authorization: Bearer admin-key
--- request eval
["GET /v1/metrics/history?from=yesterday", "GET /v1/metrics/history?from=",
 "GET /v1/metrics/history?to=2025-13-01", "GET /v1/metrics/history?step=",
 "GET /v1/metrics/history?step=0", "GET /v1/metrics/history?step=30",
 "GET /v1/metrics/history?step=90", "GET /v1/metrics/history?step=86460",
 "GET /v1/metrics/history?step=-60", "GET /v1/metrics/history?step=1m",
 "GET /v1/metrics/history?step=99999999999999999999"]
--- error_code eval
[400, 400, 400, 400, 400, 400, 400, 400, 400, 400, 400]
--- response_body_like eval
[qr/VALIDATION_ERROR.*"field":"from"/, qr/VALIDATION_ERROR.*"field":"from"/,
 qr/VALIDATION_ERROR.*"field":"to"/, qr/VALIDATION_ERROR.*"field":"step"/,
 qr/VALIDATION_ERROR.*"field":"step"/, qr/VALIDATION_ERROR.*"field":"step"/,
 qr/VALIDATION_ERROR.*"field":"step"/, qr/VALIDATION_ERROR.*"field":"step"/,
 qr/VALIDATION_ERROR.*"field":"step"/, qr/VALIDATION_ERROR.*"field":"step"/,
 qr/VALIDATION_ERROR.*"field":"step"/]



=== TEST 6: a range that is none
--- more_headers
Authorization: Bearer admin-key
--- request eval
["GET /v1/metrics/history?from=2025-01-02&to=2025-01-01",
 "GET /v1/metrics/history?from=2025-01-01&to=2025-01-01",
 "GET /v1/metrics/history?from=2999-01-01"]
--- error_code eval
[400, 400, 400]
--- response_body_like eval
[qr/from must be before to/, qr/from must be before to/,
 qr/from must be before to/]



=== TEST 7: more points than there may be, and just as many
--- more_headers
Authorization: Bearer admin-key
--- request eval
["GET /v1/metrics/history?from=0000-01-01&to=9999-12-31",
 "GET /v1/metrics/history?from=1990-01-01&to=2025-01-01",
 "GET /v1/metrics/history?from=2025-01-01&to=2025-01-07T22:41:00Z&step=60",
 "GET /v1/metrics/history?from=2025-01-01&to=2025-01-07T22:40:00Z&step=60"]
--- error_code eval
[400, 400, 400, 200]
--- response_body_like eval
[qr/more than 10000 points.*"field":"step"/,
 qr/more than 10000 points.*"field":"step"/,
 qr/more than 10000 points.*"field":"step"/, qr/"step":60,/]



=== TEST 8: a key whose scope is another
--- request
GET /v1/metrics/history
--- error_code: 403



=== TEST 9: no key
--- more_headers
X-API-Key: nobody
--- request
GET /v1/metrics/history
--- error_code: 401



=== TEST 10: a key with the scope
--- http_config eval
Triggers::Blocks::store_config()
. "    triggers_key  \"graph-key\"  user=graph  scopes=metrics:read;\n"
--- more_headers
Authorization: Bearer graph-key
--- request
GET /v1/metrics/history
--- error_code: 200
--- response_body_like: "points":\[



=== TEST 11: where no logs are stored there is no history
--- http_config eval
Triggers::Blocks::store_config() . "    triggers_logs  off;\n"
--- more_headers
Authorization: Bearer admin-key
--- request
GET /v1/metrics/history
--- error_code: 404
--- response_body_like: no history is stored here



=== TEST 12: the header alone, and a path that ends with a slash
--- more_headers
Authorization: Bearer admin-key
--- request eval
["HEAD /v1/metrics/history", "GET /v1/metrics/history/"]
--- error_code eval
[200, 200]



=== TEST 13: another method
--- more_headers
Authorization: Bearer admin-key
--- request
POST /v1/metrics/history
{}
--- error_code: 405
--- response_headers
Allow: GET, HEAD, OPTIONS



=== TEST 14: it is of /v1 only
--- more_headers
Authorization: Bearer admin-key
--- request
GET /metrics/history
--- error_code: 404



=== TEST 15: names have a case and may be encoded, the last of several counts
--- more_headers
Authorization: Bearer admin-key
--- request eval
[map { "GET /v1/metrics/history?from=2025-01-01&to=2025-01-02&$_" }
 'st%65p=0', 'step', 'step=3600&st%65p=7200', 'STEP=0']
--- error_code eval
[400, 400, 200, 200]
--- response_body_like eval
[(qr/"field":"step"/) x 2, qr/"step":7200,/, qr/"step":60,/]
