# Which scope opens which route.

use Test::Nginx::Socket;
use Triggers::Blocks;

plan tests => repeat_each() * checks();

run_tests();

__DATA__

=== TEST 1: a key with the scope events:write
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;
    triggers_key  "write"    user=alice  scopes=events:write;
    triggers_key  "read"     user=alice  scopes=events:read;
    triggers_key  "ack"      user=alice  scopes=inbox:ack;
    triggers_key  "metrics"  user=alice  scopes=metrics:read,logs:read;
    triggers_key  "default"  user=alice;
    triggers_key  "admin"    user=root   scopes=admin;
--- more_headers
Authorization: Bearer write
--- request eval
["POST /events\n{\"payload\":{}}",
 "POST /v1/events\n{\"event_type\":\"t\",\"payload\":{}}",
 "GET /inbox",
 "GET /v1/inbox",
 "GET /v1/events/0193b3a0-0000-7000-8000-000000000001",
 "GET /v1/events/0193b3a0-0000-7000-8000-000000000001/status",
 "POST /inbox/0193b3a0-0000-7000-8000-000000000001/ack",
 "POST /inbox/0193b3a0-0000-7000-8000-000000000001/retry",
 "POST /v1/events/0193b3a0-0000-7000-8000-000000000001/ack",
 "POST /v1/events/0193b3a0-0000-7000-8000-000000000001/retry",
 "DELETE /v1/events/0193b3a0-0000-7000-8000-000000000001"]
--- error_code eval
[200, 201, 403, 403, 403, 403, 403, 403, 403, 403, 403]



=== TEST 2: a key with the scope events:read
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;
    triggers_key  "write"    user=alice  scopes=events:write;
    triggers_key  "read"     user=alice  scopes=events:read;
    triggers_key  "ack"      user=alice  scopes=inbox:ack;
    triggers_key  "metrics"  user=alice  scopes=metrics:read,logs:read;
    triggers_key  "default"  user=alice;
    triggers_key  "admin"    user=root   scopes=admin;
--- more_headers
Authorization: Bearer read
--- request eval
["POST /events\n{\"payload\":{}}",
 "POST /v1/events\n{\"event_type\":\"t\",\"payload\":{}}",
 "GET /inbox",
 "GET /v1/inbox",
 "GET /v1/events/0193b3a0-0000-7000-8000-000000000001",
 "GET /v1/events/0193b3a0-0000-7000-8000-000000000001/status",
 "POST /inbox/0193b3a0-0000-7000-8000-000000000001/ack",
 "POST /inbox/0193b3a0-0000-7000-8000-000000000001/retry",
 "POST /v1/events/0193b3a0-0000-7000-8000-000000000001/ack",
 "POST /v1/events/0193b3a0-0000-7000-8000-000000000001/retry",
 "DELETE /v1/events/0193b3a0-0000-7000-8000-000000000001"]
--- error_code eval
[403, 403, 200, 200, 404, 404, 403, 403, 403, 403, 403]



=== TEST 3: a key with the scope inbox:ack
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;
    triggers_key  "write"    user=alice  scopes=events:write;
    triggers_key  "read"     user=alice  scopes=events:read;
    triggers_key  "ack"      user=alice  scopes=inbox:ack;
    triggers_key  "metrics"  user=alice  scopes=metrics:read,logs:read;
    triggers_key  "default"  user=alice;
    triggers_key  "admin"    user=root   scopes=admin;
--- more_headers
Authorization: Bearer ack
--- request eval
["POST /events\n{\"payload\":{}}",
 "POST /v1/events\n{\"event_type\":\"t\",\"payload\":{}}",
 "GET /inbox",
 "GET /v1/inbox",
 "GET /v1/events/0193b3a0-0000-7000-8000-000000000001",
 "GET /v1/events/0193b3a0-0000-7000-8000-000000000001/status",
 "POST /inbox/0193b3a0-0000-7000-8000-000000000001/ack",
 "POST /inbox/0193b3a0-0000-7000-8000-000000000001/retry",
 "POST /v1/events/0193b3a0-0000-7000-8000-000000000001/ack",
 "POST /v1/events/0193b3a0-0000-7000-8000-000000000001/retry",
 "DELETE /v1/events/0193b3a0-0000-7000-8000-000000000001"]
--- error_code eval
[403, 403, 403, 403, 403, 403, 404, 404, 404, 404, 200]



=== TEST 4: a key with the scopes metrics:read and logs:read
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;
    triggers_key  "write"    user=alice  scopes=events:write;
    triggers_key  "read"     user=alice  scopes=events:read;
    triggers_key  "ack"      user=alice  scopes=inbox:ack;
    triggers_key  "metrics"  user=alice  scopes=metrics:read,logs:read;
    triggers_key  "default"  user=alice;
    triggers_key  "admin"    user=root   scopes=admin;
--- more_headers
Authorization: Bearer metrics
--- request eval
["POST /events\n{\"payload\":{}}",
 "POST /v1/events\n{\"event_type\":\"t\",\"payload\":{}}",
 "GET /inbox",
 "GET /v1/inbox",
 "GET /v1/events/0193b3a0-0000-7000-8000-000000000001",
 "GET /v1/events/0193b3a0-0000-7000-8000-000000000001/status",
 "POST /inbox/0193b3a0-0000-7000-8000-000000000001/ack",
 "POST /inbox/0193b3a0-0000-7000-8000-000000000001/retry",
 "POST /v1/events/0193b3a0-0000-7000-8000-000000000001/ack",
 "POST /v1/events/0193b3a0-0000-7000-8000-000000000001/retry",
 "DELETE /v1/events/0193b3a0-0000-7000-8000-000000000001"]
--- error_code eval
[403, 403, 403, 403, 403, 403, 403, 403, 403, 403, 403]



=== TEST 5: a key with the scopes that a key has when none is named
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;
    triggers_key  "write"    user=alice  scopes=events:write;
    triggers_key  "read"     user=alice  scopes=events:read;
    triggers_key  "ack"      user=alice  scopes=inbox:ack;
    triggers_key  "metrics"  user=alice  scopes=metrics:read,logs:read;
    triggers_key  "default"  user=alice;
    triggers_key  "admin"    user=root   scopes=admin;
--- more_headers
Authorization: Bearer default
--- request eval
["POST /events\n{\"payload\":{}}",
 "POST /v1/events\n{\"event_type\":\"t\",\"payload\":{}}",
 "GET /inbox",
 "GET /v1/inbox",
 "GET /v1/events/0193b3a0-0000-7000-8000-000000000001",
 "GET /v1/events/0193b3a0-0000-7000-8000-000000000001/status",
 "POST /inbox/0193b3a0-0000-7000-8000-000000000001/ack",
 "POST /inbox/0193b3a0-0000-7000-8000-000000000001/retry",
 "POST /v1/events/0193b3a0-0000-7000-8000-000000000001/ack",
 "POST /v1/events/0193b3a0-0000-7000-8000-000000000001/retry",
 "DELETE /v1/events/0193b3a0-0000-7000-8000-000000000001"]
--- error_code eval
[200, 201, 200, 200, 404, 404, 404, 404, 404, 404, 200]



=== TEST 6: a key with the scope admin
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;
    triggers_key  "write"    user=alice  scopes=events:write;
    triggers_key  "read"     user=alice  scopes=events:read;
    triggers_key  "ack"      user=alice  scopes=inbox:ack;
    triggers_key  "metrics"  user=alice  scopes=metrics:read,logs:read;
    triggers_key  "default"  user=alice;
    triggers_key  "admin"    user=root   scopes=admin;
--- more_headers
Authorization: Bearer admin
--- request eval
["POST /events\n{\"payload\":{}}",
 "POST /v1/events\n{\"event_type\":\"t\",\"payload\":{}}",
 "GET /inbox",
 "GET /v1/inbox",
 "GET /v1/events/0193b3a0-0000-7000-8000-000000000001",
 "GET /v1/events/0193b3a0-0000-7000-8000-000000000001/status",
 "POST /inbox/0193b3a0-0000-7000-8000-000000000001/ack",
 "POST /inbox/0193b3a0-0000-7000-8000-000000000001/retry",
 "POST /v1/events/0193b3a0-0000-7000-8000-000000000001/ack",
 "POST /v1/events/0193b3a0-0000-7000-8000-000000000001/retry",
 "DELETE /v1/events/0193b3a0-0000-7000-8000-000000000001"]
--- error_code eval
[200, 201, 200, 200, 404, 404, 404, 404, 404, 404, 200]



=== TEST 7: a refusal
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;
    triggers_key  "write"    user=alice  scopes=events:write;
    triggers_key  "read"     user=alice  scopes=events:read;
    triggers_key  "ack"      user=alice  scopes=inbox:ack;
    triggers_key  "metrics"  user=alice  scopes=metrics:read,logs:read;
    triggers_key  "default"  user=alice;
    triggers_key  "admin"    user=root   scopes=admin;
--- more_headers
Authorization: Bearer read
--- request
POST /events
{"payload":{}}
--- error_code: 403
--- response_body_filters pick
error.code
--- response_body
error.code: "FORBIDDEN"



=== TEST 8: the scope is asked for before the id is looked at
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;
    triggers_key  "write"    user=alice  scopes=events:write;
    triggers_key  "read"     user=alice  scopes=events:read;
    triggers_key  "ack"      user=alice  scopes=inbox:ack;
    triggers_key  "metrics"  user=alice  scopes=metrics:read,logs:read;
    triggers_key  "default"  user=alice;
    triggers_key  "admin"    user=root   scopes=admin;
--- more_headers
Authorization: Bearer read
--- request
POST /inbox/x/ack
--- error_code: 403
