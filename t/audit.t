# GET /v1/audit: its parameters, and whose key opens it.  What it lists is in
# t/script/audit.t.

use Test::Nginx::Socket;
use Triggers::Blocks;

plan tests => repeat_each() * checks();

run_tests();

__DATA__

=== TEST 1: nothing has happened
--- more_headers
Authorization: Bearer admin-key
--- request
GET /v1/audit
--- error_code: 200
--- response_body_like: ^\{"entries":\[\],"pagination":\{"limit":50,"offset":null,"has_more":false,"next_cursor":null\},"timestamp":"[^"]+","request_id":"[^"]+"\}$



=== TEST 2: a key whose scope is another
--- request
GET /v1/audit
--- error_code: 403



=== TEST 3: no key
--- more_headers
X-API-Key: nobody
--- request
GET /v1/audit
--- error_code: 401



=== TEST 4: parameters that are not valid
--- more_headers
Authorization: Bearer admin-key
--- request eval
["GET /v1/audit?event_id=1", "GET /v1/audit?action=event",
 "GET /v1/audit?action=", "GET /v1/audit?action=event.created,",
 "GET /v1/audit?action=*", "GET /v1/audit?from=yesterday",
 "GET /v1/audit?to=", "GET /v1/audit?limit=0", "GET /v1/audit?limit=1001",
 "GET /v1/audit?cursor=ZDQy", "GET /v1/audit?cursor=bAAA"]
--- error_code eval
[400, 400, 400, 400, 400, 400, 400, 400, 400, 400, 400]
--- response_body_like eval
[qr/"field":"event_id"/, qr/"field":"action"/, qr/"field":"action"/,
 qr/"field":"action"/, qr/"field":"action"/, qr/"field":"from"/,
 qr/"field":"to"/, qr/"field":"limit"/, qr/"field":"limit"/,
 qr/"field":"cursor"/, qr/"field":"cursor"/]



=== TEST 5: parameters that are
--- more_headers
Authorization: Bearer admin-key
--- request eval
["GET /v1/audit?event_id=0193b3a0-0000-7000-8000-000000000001",
 "GET /v1/audit?action=event.created", "GET /v1/audit?action=key.*,event.*",
 "GET /v1/audit?from=2025-01-01T00:00:00%2B01:00&to=2025-01-02",
 "GET /v1/audit?from=2025-01-01T00:00:00+01:00&to=2025-01-02T00:00:00+01:00",
 "GET /v1/audit?limit=1000", "GET /v1/audit?cursor=bAAAAZptwySVAAAAAAAAAAU",
 "GET /v1/audit/"]
--- error_code eval
[200, 200, 200, 200, 200, 200, 200, 200]



=== TEST 6: another method
--- more_headers
Authorization: Bearer admin-key
--- request
DELETE /v1/audit
--- error_code: 405
--- response_headers
Allow: GET, HEAD, OPTIONS



=== TEST 7: names have a case and may be encoded, the last of several counts
--- more_headers
Authorization: Bearer admin-key
--- request eval
[map { "GET /v1/audit?$_" }
 'lim%69t=0', 'limit', 'limit=0&limit=1', 'limit=1&lim%69t=2', 'LIMIT=0']
--- error_code eval
[400, 400, 400, 200, 200]
--- response_body_like eval
[(qr/"field":"limit"/) x 3, qr/"limit":2,/, qr/"limit":50,/]
