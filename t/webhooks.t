# Webhooks: which scope opens the routes, which methods and paths there are, and
# the parameters of pages.  What the routes do is in t/script/webhooks.t, since
# it needs the ids of answers.

use Test::Nginx::Socket;
use Triggers::Blocks;

plan tests => repeat_each() * checks();

run_tests();

__DATA__

=== TEST 1: the scope webhooks:manage
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;
    triggers_key  "hooks"  user=alice  scopes=webhooks:manage;
--- more_headers
Authorization: Bearer hooks
--- request eval
["POST /v1/webhooks\n{\"url\":\"https://hooks.example/\"}",
 "GET /v1/webhooks",
 "GET /v1/webhooks/0193b3a0-0000-7000-8000-000000000001",
 "PATCH /v1/webhooks/0193b3a0-0000-7000-8000-000000000001\n{}",
 "DELETE /v1/webhooks/0193b3a0-0000-7000-8000-000000000001",
 "POST /v1/webhooks/0193b3a0-0000-7000-8000-000000000001/test",
 "POST /v1/webhooks/0193b3a0-0000-7000-8000-000000000001/rotate-secret\n{}",
 "GET /v1/webhooks/0193b3a0-0000-7000-8000-000000000001/deliveries",
 "GET /inbox"]
--- error_code eval
[201, 200, 404, 404, 200, 404, 404, 404, 403]



=== TEST 2: the default scopes
--- request eval
["POST /v1/webhooks\n{\"url\":\"https://hooks.example/\"}",
 "GET /v1/webhooks",
 "GET /v1/webhooks/0193b3a0-0000-7000-8000-000000000001",
 "PATCH /v1/webhooks/0193b3a0-0000-7000-8000-000000000001\n{}",
 "DELETE /v1/webhooks/0193b3a0-0000-7000-8000-000000000001",
 "POST /v1/webhooks/0193b3a0-0000-7000-8000-000000000001/test",
 "POST /v1/webhooks/0193b3a0-0000-7000-8000-000000000001/rotate-secret\n{}",
 "GET /v1/webhooks/0193b3a0-0000-7000-8000-000000000001/deliveries"]
--- error_code eval
[403, 403, 403, 403, 403, 403, 403, 403]



=== TEST 3: methods and paths that are none
--- more_headers
Authorization: Bearer admin-key
--- request eval
["DELETE /v1/webhooks",
 "PUT /v1/webhooks/0193b3a0-0000-7000-8000-000000000001\n{}",
 "GET /v1/webhooks/0193b3a0-0000-7000-8000-000000000001/test",
 "GET /v1/webhooks/0193b3a0-0000-7000-8000-000000000001/rotate-secret",
 "DELETE /v1/webhooks/0193b3a0-0000-7000-8000-000000000001/deliveries",
 "GET /v1/webhooks/x",
 "POST /v1/webhooks/x/test",
 "GET /v1/webhooks/0193b3a0-0000-7000-8000-000000000001/x"]
--- error_code eval
[405, 405, 405, 405, 405, 400, 400, 404]



=== TEST 4: no webhooks
--- more_headers
Authorization: Bearer admin-key
--- request
GET /v1/webhooks
--- response_body_like: ^\{"webhooks":\[\],"pagination":\{"limit":50,"offset":null,"has_more":false,"next_cursor":null\}



=== TEST 5: webhooks of the configuration, for an administrator
--- http_config eval
Triggers::Blocks::store_config()
. "    triggers_deliver  http://127.0.0.1:9/a  order.*  x;\n"
. "    triggers_deliver  http://127.0.0.1:9/b  format=cloudevents\n"
. "                      secret=whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz;\n"
--- more_headers
Authorization: Bearer admin-key
--- request
GET /v1/webhooks
--- response_body_filters pick
webhooks.*.url
webhooks.*.configured
webhooks.*.event_types
webhooks.*.user_id
webhooks.*.format
webhooks.*.is_active
--- response_body
webhooks.*.url: ["http://127.0.0.1:9/b","http://127.0.0.1:9/a"]
webhooks.*.configured: [true,true]
webhooks.*.event_types: [[],["order.*","x"]]
webhooks.*.user_id: [null,null]
webhooks.*.format: ["cloudevents","standard"]
webhooks.*.is_active: [true,true]



=== TEST 6: … whose secrets are in no answer
--- http_config eval
Triggers::Blocks::store_config()
. "    triggers_deliver  http://127.0.0.1:9/b\n"
. "                      secret=whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz;\n"
--- more_headers
Authorization: Bearer admin-key
--- request
GET /v1/webhooks
--- response_body_unlike: secret|whsec



=== TEST 7: … and which nobody else sees
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;
    triggers_key  "hooks"  user=alice  scopes=webhooks:manage;
    triggers_deliver  http://127.0.0.1:9/;
--- more_headers
Authorization: Bearer hooks
--- request
GET /v1/webhooks
--- response_body_like: ^\{"webhooks":\[\],



=== TEST 8: a limit that is none
--- more_headers
Authorization: Bearer admin-key
--- request
GET /v1/webhooks?limit=0
--- error_code: 400
--- response_body_filters pick
error.details.field
--- response_body
error.details.field: "limit"



=== TEST 9: a limit that is too large
--- more_headers
Authorization: Bearer admin-key
--- request
GET /v1/webhooks?limit=1001
--- error_code: 400
--- response_body_filters pick
error.details.field
--- response_body
error.details.field: "limit"



=== TEST 10: an offset that is none
--- more_headers
Authorization: Bearer admin-key
--- request
GET /v1/webhooks?offset=-1
--- error_code: 400
--- response_body_filters pick
error.details.field
--- response_body
error.details.field: "offset"



=== TEST 11: a cursor that is none
--- more_headers
Authorization: Bearer admin-key
--- request
GET /v1/webhooks?cursor=ZDQy
--- error_code: 400
--- response_body_filters pick
error.details.field
--- response_body
error.details.field: "cursor"



=== TEST 12: a cursor of keys
--- more_headers
Authorization: Bearer admin-key
--- request
GET /v1/webhooks?cursor=awUAAAAAAAAAAAAAAAAAAAA
--- error_code: 400
--- response_body_filters pick
error.details.field
--- response_body
error.details.field: "cursor"



=== TEST 13: whatever number a cursor has
--- more_headers
Authorization: Bearer admin-key
--- request eval
["GET /v1/webhooks?cursor=dwAAAAAAAAAAAAAAAAAAAAA",
 "GET /v1/webhooks?cursor=d_________________8AAAA",
 "GET /v1/webhooks?cursor=dwAAAAAAAACAAAAAAAAAAAA"]
--- error_code eval
[200, 200, 200]



=== TEST 14: more endpoints in the configuration than there may be
--- http_config eval
Triggers::Blocks::store_config()
. CORE::join '', map { "    triggers_deliver  http://127.0.0.1:9/$_;\n" } 1 .. 101
--- must_die
--- suppress_stderr
--- error_log
[emerg]
more than 100 endpoints of triggers store "main"



=== TEST 15: names have a case and may be encoded, the last of several counts
--- more_headers
Authorization: Bearer admin-key
--- request eval
[map { "GET /v1/webhooks?$_" }
 'lim%69t=0', 'limit', 'limit=0&limit=1', 'limit=1&lim%69t=2', 'LIMIT=0']
--- error_code eval
[400, 400, 400, 200, 200]
--- response_body_like eval
[(qr/"field":"limit"/) x 3, qr/"limit":2,/, qr/"limit":50,/]
