# GET /v1/health, and what a broken store means for requests.

use Test::Nginx::Socket;
use Triggers::Blocks;

plan tests => repeat_each() * checks();

run_tests();

__DATA__

=== TEST 1: a healthy store
--- request eval
["POST /events\n" . '{"payload":{}}', "GET /v1/health"]
--- response_body_filters pick
checks
--- response_body_like eval
["none", quotemeta('checks: {"delivery":"disabled","drainer":"ok","queue":"ok","store":"ok"}')]
--- error_code eval
[200, 200]



=== TEST 2: its answer
--- more_headers
Authorization: Bearer alice-key
X-Request-ID: r-1
--- request eval
["POST /events\n" . '{"payload":{}}', "GET /v1/health"]
--- error_code eval
[200, 200]
--- response_headers_like eval
[("Content-Type: application/json.*") x 2]
--- response_body_like eval
["accepted",
 qr/(?=.*"status":\s*"healthy")
    (?=.*"timestamp":\s*"\d{4}-[^"]+Z")
    (?=.*"version":\s*"\d+\.\d+[^"]*")
    (?=.*"request_id":\s*"r-1")/sx]



=== TEST 3: HEAD
--- request eval
["POST /events\n" . '{"payload":{}}', "HEAD /v1/health"]
--- error_code eval
[200, 200]
--- response_body_like eval
["accepted", '^$']



=== TEST 4: a trailing slash
--- request eval
["POST /events\n" . '{"payload":{}}', "GET /v1/health/"]
--- error_code eval
[200, 200]



=== TEST 5: a store that cannot be opened
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/nothing/events.db
                    zone=8m;
    triggers_key  "alice-key"  user=alice;
--- request
GET /v1/health
--- error_code: 503
--- response_body_filters pick
status
checks.delivery
--- response_body
status: "unhealthy"
checks.delivery: "disabled"
--- error_log
[crit]
nothing/events.db
--- no_error_log
[alert]



=== TEST 6: says why
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/nothing/events.db
                    zone=8m;
    triggers_key  "alice-key"  user=alice;
--- wait: 0.2
--- request eval
["GET /v1/health", "GET /v1/health"]
--- response_body_unlike eval
["\"store\":\\s*\"ok\"", "\"store\":\\s*\"ok\""]
--- error_code eval
[503, 503]
--- no_error_log
[alert]



=== TEST 7: events are refused while the store cannot be opened
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/nothing/events.db
                    zone=8m;
    triggers_key  "alice-key"  user=alice;
--- config
        location / {
            triggers main;
            triggers_commit_timeout 200ms;
        }
--- request
POST /events
{"payload":{}}
--- error_code: 503
--- response_headers_like
Retry-After: \d+
--- response_body_filters pick
error.code
--- response_body
error.code: "SERVICE_UNAVAILABLE"
--- error_log
[crit]
--- no_error_log
[alert]



=== TEST 8: the inbox is refused too
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/nothing/events.db
                    zone=8m;
    triggers_key  "alice-key"  user=alice;
--- request
GET /inbox
--- error_code: 503
--- response_headers_like
Retry-After: \d+
--- response_body_filters pick
error.code
--- response_body
error.code: "SERVICE_UNAVAILABLE"
--- error_log
[crit]
--- no_error_log
[alert]



=== TEST 9: a file that is no database
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/html/index.html
                    zone=8m;
    triggers_key  "alice-key"  user=alice;
--- request
GET /v1/health
--- error_code: 503
--- response_body_filters pick
status
--- response_body
status: "unhealthy"
--- error_log
[crit]
--- no_error_log
[alert]
