# Errors: paths, methods, sizes, nginx's own answers; and where the API is
# mounted.

use Test::Nginx::Socket;
use Triggers::Blocks;

plan tests => repeat_each() * checks();

run_tests();

__DATA__

=== TEST 1: an unknown path is a JSON 404: /events/x
--- request
GET /events/x
--- error_code: 404
--- response_headers_like
Content-Type: application/json.*
--- response_body_filters pick
error.code
--- response_body
error.code: "NOT_FOUND"



=== TEST 2: an unknown path is a JSON 404: /inbox/x
--- request
GET /inbox/x
--- error_code: 404
--- response_headers_like
Content-Type: application/json.*
--- response_body_filters pick
error.code
--- response_body
error.code: "NOT_FOUND"



=== TEST 3: an unknown path is a JSON 404: /inbox/{id}
--- request
GET /inbox/0193b3a0-0000-7000-8000-000000000001
--- error_code: 404
--- response_headers_like
Content-Type: application/json.*
--- response_body_filters pick
error.code
--- response_body
error.code: "NOT_FOUND"



=== TEST 4: an unknown path is a JSON 404: /inbox/{id}/x
--- request
GET /inbox/0193b3a0-0000-7000-8000-000000000001/x
--- error_code: 404
--- response_headers_like
Content-Type: application/json.*
--- response_body_filters pick
error.code
--- response_body
error.code: "NOT_FOUND"



=== TEST 5: an unknown path is a JSON 404: /inbox/{id}/ack/x
--- request
GET /inbox/0193b3a0-0000-7000-8000-000000000001/ack/x
--- error_code: 404
--- response_headers_like
Content-Type: application/json.*
--- response_body_filters pick
error.code
--- response_body
error.code: "NOT_FOUND"



=== TEST 6: an unknown path is a JSON 404: /v1
--- request
GET /v1
--- error_code: 404
--- response_headers_like
Content-Type: application/json.*
--- response_body_filters pick
error.code
--- response_body
error.code: "NOT_FOUND"



=== TEST 7: an unknown path is a JSON 404: /v1/x
--- request
GET /v1/x
--- error_code: 404
--- response_headers_like
Content-Type: application/json.*
--- response_body_filters pick
error.code
--- response_body
error.code: "NOT_FOUND"



=== TEST 8: an unknown path is a JSON 404: /v1/inbox/x
--- request
GET /v1/inbox/x
--- error_code: 404
--- response_headers_like
Content-Type: application/json.*
--- response_body_filters pick
error.code
--- response_body
error.code: "NOT_FOUND"



=== TEST 9: an unknown path is a JSON 404: /v1/events/{id}/x
--- request
GET /v1/events/0193b3a0-0000-7000-8000-000000000001/x
--- error_code: 404
--- response_headers_like
Content-Type: application/json.*
--- response_body_filters pick
error.code
--- response_body
error.code: "NOT_FOUND"



=== TEST 10: an unknown path is a JSON 404: /api/x
--- request
GET /api/x
--- error_code: 404
--- response_headers_like
Content-Type: application/json.*
--- response_body_filters pick
error.code
--- response_body
error.code: "NOT_FOUND"



=== TEST 11: an unknown path is a JSON 404: /metrics/x
--- request
GET /metrics/x
--- error_code: 404
--- response_headers_like
Content-Type: application/json.*
--- response_body_filters pick
error.code
--- response_body
error.code: "NOT_FOUND"



=== TEST 12: an unknown path is a JSON 404: /logs/x
--- request
GET /logs/x
--- error_code: 404
--- response_headers_like
Content-Type: application/json.*
--- response_body_filters pick
error.code
--- response_body
error.code: "NOT_FOUND"



=== TEST 13: what only begins like a route is a file
--- config
        location / {
            triggers main;
            root $TEST_NGINX_SERVER_ROOT/html;
        }
--- user_files
>>> inboxes
a file
--- request
GET /inboxes
--- response_body
a file



=== TEST 14: a file that is not there is a JSON 404 too
--- config
        location / {
            triggers main;
            root $TEST_NGINX_SERVER_ROOT/html;
        }
--- request
GET /nothing.html
--- error_code: 404
--- response_headers_like
Content-Type: application/json.*
--- response_body_filters pick
error.code
--- response_body
error.code: "NOT_FOUND"
--- error_log
No such file or directory



=== TEST 15: an index file
--- config
        location / {
            triggers main;
            root $TEST_NGINX_SERVER_ROOT/html;
        }
--- request
GET /
--- response_body_like: It works



=== TEST 16: a post to a file is a JSON 405
--- config
        location / {
            triggers main;
            root $TEST_NGINX_SERVER_ROOT/html;
        }
--- request
POST /index.html
x
--- error_code: 405
--- response_headers
Allow: GET, HEAD
--- response_body_filters pick
error.code
--- response_body
error.code: "METHOD_NOT_ALLOWED"



=== TEST 17: a wrong method: GET /events
--- request
GET /events
--- error_code: 405
--- response_headers_like
Allow: (?=.*\bPOST\b)(?=.*\bOPTIONS\b)\w+(?:, ?\w+){1}
--- response_body_filters pick
error.code
--- response_body
error.code: "METHOD_NOT_ALLOWED"



=== TEST 18: a wrong method: PUT /events
--- request
PUT /events
--- error_code: 405
--- response_headers_like
Allow: (?=.*\bPOST\b)(?=.*\bOPTIONS\b)\w+(?:, ?\w+){1}
--- response_body_filters pick
error.code
--- response_body
error.code: "METHOD_NOT_ALLOWED"



=== TEST 19: a wrong method: DELETE /inbox
--- request
DELETE /inbox
--- error_code: 405
--- response_headers_like
Allow: (?=.*\bGET\b)(?=.*\bHEAD\b)(?=.*\bOPTIONS\b)\w+(?:, ?\w+){2}
--- response_body_filters pick
error.code
--- response_body
error.code: "METHOD_NOT_ALLOWED"



=== TEST 20: a wrong method: POST /inbox
--- request
POST /inbox
--- error_code: 405
--- response_headers_like
Allow: (?=.*\bGET\b)(?=.*\bHEAD\b)(?=.*\bOPTIONS\b)\w+(?:, ?\w+){2}
--- response_body_filters pick
error.code
--- response_body
error.code: "METHOD_NOT_ALLOWED"



=== TEST 21: a wrong method: PUT /inbox
--- request
PUT /inbox
--- error_code: 405
--- response_headers_like
Allow: (?=.*\bGET\b)(?=.*\bHEAD\b)(?=.*\bOPTIONS\b)\w+(?:, ?\w+){2}
--- response_body_filters pick
error.code
--- response_body
error.code: "METHOD_NOT_ALLOWED"



=== TEST 22: a wrong method: PATCH /v1/events/{id}
--- request
PATCH /v1/events/0193b3a0-0000-7000-8000-000000000001
--- error_code: 405
--- response_headers_like
Allow: (?=.*\bGET\b)(?=.*\bHEAD\b)(?=.*\bDELETE\b)(?=.*\bOPTIONS\b)\w+(?:, ?\w+){3}
--- response_body_filters pick
error.code
--- response_body
error.code: "METHOD_NOT_ALLOWED"



=== TEST 23: a wrong method: GET /inbox/{id}/ack
--- request
GET /inbox/0193b3a0-0000-7000-8000-000000000001/ack
--- error_code: 405
--- response_headers_like
Allow: (?=.*\bPOST\b)(?=.*\bOPTIONS\b)\w+(?:, ?\w+){1}
--- response_body_filters pick
error.code
--- response_body
error.code: "METHOD_NOT_ALLOWED"



=== TEST 24: a wrong method: GET /v1/events/{id}/retry
--- request
GET /v1/events/0193b3a0-0000-7000-8000-000000000001/retry
--- error_code: 405
--- response_headers_like
Allow: (?=.*\bPOST\b)(?=.*\bOPTIONS\b)\w+(?:, ?\w+){1}
--- response_body_filters pick
error.code
--- response_body
error.code: "METHOD_NOT_ALLOWED"



=== TEST 25: a wrong method: POST /v1/events/{id}/status
--- request
POST /v1/events/0193b3a0-0000-7000-8000-000000000001/status
--- error_code: 405
--- response_headers_like
Allow: (?=.*\bGET\b)(?=.*\bHEAD\b)(?=.*\bOPTIONS\b)\w+(?:, ?\w+){2}
--- response_body_filters pick
error.code
--- response_body
error.code: "METHOD_NOT_ALLOWED"



=== TEST 26: a wrong method: POST /v1/health
--- request
POST /v1/health
--- error_code: 405
--- response_headers_like
Allow: (?=.*\bGET\b)(?=.*\bHEAD\b)(?=.*\bOPTIONS\b)\w+(?:, ?\w+){2}
--- response_body_filters pick
error.code
--- response_body
error.code: "METHOD_NOT_ALLOWED"



=== TEST 27: a wrong method: GET /v1/events
--- request
GET /v1/events
--- error_code: 405
--- response_headers_like
Allow: (?=.*\bPOST\b)(?=.*\bOPTIONS\b)\w+(?:, ?\w+){1}
--- response_body_filters pick
error.code
--- response_body
error.code: "METHOD_NOT_ALLOWED"



=== TEST 28: HEAD of a route without GET
--- request
HEAD /events
--- error_code: 405
--- response_headers
Allow: POST, OPTIONS
--- response_body:



=== TEST 29: HEAD of an unknown path
--- request
HEAD /inbox/x
--- error_code: 404
--- response_headers_like
Content-Type: application/json.*
--- response_body:



=== TEST 30: an event that is larger than its limit
--- config
        location / {
            triggers main;
            triggers_event_max_size 100;
        }
--- request eval
["POST /events\n" . '{"payload":{"a":"' . ("x" x 80) . '"}}',
 "POST /events\n" . '{"payload":{"a":"' . ("x" x 81) . '"}}']
--- response_body_filters pick
status
error.code
--- response_body eval
["status: \"accepted\"\nerror.code: (none)\n",
 "status: (none)\nerror.code: \"PAYLOAD_TOO_LARGE\"\n"]
--- error_code eval
[200, 413]



=== TEST 31: a chunked body that is larger than the limit
--- config
        location / {
            triggers main;
            triggers_event_max_size 100;
        }
--- more_headers
Authorization: Bearer alice-key
Transfer-Encoding: chunked
--- request eval
"POST /events\n70\r\n" . '{"payload":{"a":"' . ("x" x 92) . "\"}}\r\n0\r\n\r\n"
--- error_code: 413
--- response_body_filters pick
error.code
--- response_body
error.code: "PAYLOAD_TOO_LARGE"



=== TEST 32: nginx's own 413
--- config
        location / {
            triggers main;
            client_max_body_size 100;
        }
--- request eval
"POST /events\n" . '{"payload":{"a":"' . ("x" x 100) . '"}}'
--- error_code: 413
--- response_headers_like
Content-Type: application/json.*
X-Request-ID: .+
--- response_body_filters pick
error.code
--- response_body
error.code: "PAYLOAD_TOO_LARGE"
--- error_log
client intended to send too large body



=== TEST 33: an event of a mebibyte fits by default
--- request eval
"POST /events\n" . '{"payload":{"a":"' . ("x" x (1048576 - 20)) . '"}}'



=== TEST 34: a byte more does not
--- request eval
"POST /events\n" . '{"payload":{"a":"' . ("x" x (1048577 - 20)) . '"}}'
--- error_code: 413



=== TEST 35: a 500 of nginx itself
--- config
        location / {
            triggers main;
            return 500;
        }
--- request
GET /inbox
--- error_code: 500
--- response_headers_like
Content-Type: application/json.*
--- response_body_filters pick
error.code
--- response_body
error.code: "INTERNAL_ERROR"



=== TEST 36: a 503 of nginx itself
--- config
        location / {
            triggers main;
            return 503;
        }
--- request
GET /inbox
--- error_code: 503
--- response_headers_like
Content-Type: application/json.*
--- response_body_filters pick
error.code
--- response_body
error.code: "SERVICE_UNAVAILABLE"



=== TEST 37: a 403 of nginx itself
--- config
        location / {
            triggers main;
            return 403;
        }
--- request
GET /inbox
--- error_code: 403
--- response_headers_like
Content-Type: application/json.*
--- response_body_filters pick
error.code
--- response_body
error.code: "FORBIDDEN"



=== TEST 38: a 404 of nginx itself
--- config
        location / {
            triggers main;
            return 404;
        }
--- request
GET /inbox
--- error_code: 404
--- response_headers_like
Content-Type: application/json.*
--- response_body_filters pick
error.code
--- response_body
error.code: "NOT_FOUND"



=== TEST 39: a 429 of nginx itself
--- config
        location / {
            triggers main;
            return 429;
        }
--- request
GET /inbox
--- error_code: 429
--- response_headers_like
Content-Type: application/json.*
--- response_body_filters pick
error.code
--- response_body
error.code: "RATE_LIMIT_EXCEEDED"



=== TEST 40: an address that is denied
--- config
        location / {
            triggers main;
            deny all;
        }
--- request
GET /inbox
--- error_code: 403
--- response_body_filters pick
error.code
--- response_body
error.code: "FORBIDDEN"
--- error_log
access forbidden by rule



=== TEST 41: a method that limit_except leaves open
--- config
        location / {
            triggers main;
            limit_except GET {
                deny all;
            }
        }
--- request
GET /inbox



=== TEST 42: a method that limit_except closes
--- config
        location / {
            triggers main;
            limit_except GET {
                deny all;
            }
        }
--- request
POST /events
{"payload":{}}
--- error_code: 403
--- response_body_filters pick
error.code
--- response_body
error.code: "FORBIDDEN"
--- error_log
access forbidden by rule



=== TEST 43: a method for which limit_except opens the API
--- config
        location / {
            triggers main;
            limit_except GET {
                allow all;
            }
        }
--- request
POST /events
{"payload":{}}



=== TEST 44: a page of the user's stays his
--- config
        location / {
            triggers main;
            client_max_body_size 10;
            error_page 413 /big.html;
        }

        location = /big.html {
            internal;
            root $TEST_NGINX_SERVER_ROOT/html;
        }
--- user_files
>>> big.html
too big
--- request
POST /events
{"payload":{}}
--- error_code: 413
--- response_body
too big
--- error_log
client intended to send too large body



=== TEST 45: other locations keep nginx's pages
--- config
        location /api/ {
            triggers main;
        }
--- request
GET /other
--- error_code: 404
--- response_body_like: <html>
--- error_log
No such file or directory



=== TEST 46: a prefix
--- config
        location /hooks/ {
            triggers main;
        }
--- request eval
["POST /hooks/events\n" . '{"payload":{}}', "GET /hooks/inbox",
 "GET /hooks/v1/health", "GET /hooks/v1/x", "GET /hooks/v1/inbox"]
--- response_body_filters pick
total
error.code
--- response_body eval
["total: (none)\nerror.code: (none)\n", "total: 1\nerror.code: (none)\n",
 "total: (none)\nerror.code: (none)\n",
 "total: (none)\nerror.code: \"NOT_FOUND\"\n",
 "total: 1\nerror.code: (none)\n"]
--- error_code eval
[200, 200, 200, 404, 200]



=== TEST 47: a prefix without a slash
--- config
        location /hooks {
            triggers main;
        }
--- request
GET /hooks/inbox



=== TEST 48: a prefix ends at a slash
--- config
        location /hooks {
            triggers main;
            root $TEST_NGINX_SERVER_ROOT/html;
        }
--- user_files
>>> hooksinbox
a file
--- request
GET /hooksinbox
--- response_body
a file



=== TEST 49: the location of an event has the prefix
--- config
        location /hooks/ {
            triggers main;
        }
--- request
POST /hooks/v1/events
{"event_type":"t","payload":{}}
--- error_code: 201
--- response_headers_like
Location: .*/hooks/v1/events/[0-9a-f-]{36}



=== TEST 50: a location by regular expression names its prefix
--- config
        location ~ ^/(a|hooks)/ {
            triggers main prefix=/hooks;
        }
--- request
GET /hooks/inbox



=== TEST 51: a nested location
--- config
        location /hooks/ {
            triggers main;

            location /hooks/v1/ {
                triggers main prefix=/hooks;
                triggers_event_max_size 100;
            }
        }
--- request eval
["GET /hooks/v1/inbox", "GET /hooks/inbox"]
--- error_code eval
[200, 200]



=== TEST 52: an escaped path
--- request
GET /%69nbox



=== TEST 53: two slashes are one
--- request
GET //v1//inbox



=== TEST 54: every error has a time, a request id and a correlation id
--- more_headers
X-Request-ID: r-1
X-Correlation-ID: c-1
--- request
GET /inbox
--- error_code: 401
--- response_headers
X-Request-ID: r-1
X-Correlation-ID: c-1
--- response_body_like eval
qr/^\{"error":\s*\{
   (?=.*"message":\s*"[^"]+")
   (?=.*"timestamp":\s*"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
   (?=.*"request_id":\s*"r-1")
   (?=.*"correlation_id":\s*"c-1")/sx



=== TEST 55: the connection is kept after an error
--- pipelined_requests eval
["GET /inbox/x", "POST /events\n" . '{"payload":[]}', "GET /inbox"]
--- error_code eval
[404, 400, 200]
