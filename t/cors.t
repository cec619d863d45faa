# Cross-origin requests: what a page of another origin may ask for and read,
# and OPTIONS without any of it.

use Test::Nginx::Socket;
use Triggers::Blocks;

plan tests => repeat_each() * checks();

run_tests();

__DATA__

=== TEST 1: OPTIONS tells the methods, without a key
--- more_headers
X-None: 1
--- request
OPTIONS /v1/events/0193b3a0-0000-7000-8000-000000000001
--- error_code: 204
--- response_headers
Allow: GET, HEAD, DELETE, OPTIONS
Access-Control-Allow-Origin:
Access-Control-Allow-Methods:
X-RateLimit-Limit:
--- response_body:



=== TEST 2: OPTIONS of an unknown path
--- request
OPTIONS /v1/nothing
--- error_code: 404
--- response_body_filters pick
error.code
--- response_body
error.code: "NOT_FOUND"



=== TEST 3: a preflight without the directive allows nothing
--- more_headers
Origin: https://app.example
Access-Control-Request-Method: POST
--- request
OPTIONS /events
--- error_code: 204
--- response_headers
Allow: POST, OPTIONS
Access-Control-Allow-Origin:
Access-Control-Allow-Methods:



=== TEST 4: a preflight of any origin
--- config
        triggers_cors  *;

        location / {
            triggers main;
        }
--- more_headers
Origin: https://app.example
Access-Control-Request-Method: POST
Access-Control-Request-Headers: authorization,content-type
--- request
OPTIONS /events
--- error_code: 204
--- response_headers
Access-Control-Allow-Origin: *
Access-Control-Allow-Methods: POST, OPTIONS
Access-Control-Max-Age: 86400
Vary:
--- raw_response_headers_like chomp
Access-Control-Allow-Headers: Authorization, [^\r]*Content-Type, [^\r]*Idempotency-Key, [^\r]*traceparent, tracestate
--- response_body:



=== TEST 5: a preflight of a listed origin, whatever its case
--- config
        location / {
            triggers main;
            triggers_cors  https://one.example  https://App.example:8443;
        }
--- more_headers
Origin: https://app.example:8443
Access-Control-Request-Method: DELETE
--- request
OPTIONS /v1/events/0193b3a0-0000-7000-8000-000000000001
--- error_code: 204
--- response_headers
Access-Control-Allow-Origin: https://app.example:8443
Access-Control-Allow-Methods: GET, HEAD, DELETE, OPTIONS
Vary: Origin



=== TEST 6: a preflight of another origin
--- config
        location / {
            triggers main;
            triggers_cors  https://one.example;
        }
--- more_headers
Origin: https://one.example.evil
Access-Control-Request-Method: POST
--- request
OPTIONS /events
--- error_code: 204
--- response_headers
Access-Control-Allow-Origin:
Access-Control-Allow-Methods:
Vary: Origin



=== TEST 7: an answer of another origin can be read
--- config
        triggers_cors  *;

        location / {
            triggers main;
        }
--- more_headers
Authorization: Bearer alice-key
Origin: https://app.example
--- request
GET /inbox
--- error_code: 200
--- response_headers_like
Access-Control-Allow-Origin: \*
Access-Control-Expose-Headers: X-Request-ID, .*Retry-After.*



=== TEST 8: and so can errors, those of the API and of nginx
--- config
        triggers_cors  *;

        location / {
            triggers main;
        }

        location /limited/ {
            triggers main;
            client_max_body_size 10;
        }
--- more_headers
Origin: https://app.example
--- request eval
["GET /inbox", "POST /limited/events\n" . '{"payload":{"long":"body"}}']
--- error_code eval
[401, 413]
--- response_headers eval
["Access-Control-Allow-Origin: *", "Access-Control-Allow-Origin: *"]
--- no_error_log
[alert]



=== TEST 9: without an origin there is nothing to tell
--- config
        triggers_cors  *;

        location / {
            triggers main;
        }
--- request
GET /inbox
--- response_headers
Access-Control-Allow-Origin:
Access-Control-Expose-Headers:



=== TEST 10: an inner level can switch it off
--- config
        triggers_cors  *;

        location / {
            triggers main;
            triggers_cors  off;
        }
--- more_headers
Authorization: Bearer alice-key
Origin: https://app.example
--- request
GET /inbox
--- response_headers
Access-Control-Allow-Origin:



=== TEST 11: an origin with a path
--- config
        triggers_cors  https://app.example/;

        location / {
            triggers main;
        }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid origin "https://app.example/"



=== TEST 12: an origin without a scheme
--- config
        triggers_cors  app.example;

        location / {
            triggers main;
        }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid origin "app.example"



=== TEST 13: the directive twice
--- config
        triggers_cors  *;
        triggers_cors  https://app.example;

        location / {
            triggers main;
        }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
is duplicate



=== TEST 14: any origin beside named ones
--- config
        triggers_cors  *  https://app.example;

        location / {
            triggers main;
        }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"*" must stand alone


=== TEST 15: a default port, which a browser leaves out
--- config
        triggers_cors  HTTPS://app.example:443;

        location / {
            triggers main;
        }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
port 443 of origin "HTTPS://app.example:443" is the default one


=== TEST 16: the other default port
--- config
        triggers_cors  http://[::1]:80;

        location / {
            triggers main;
        }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
port 80 of origin "http://[::1]:80" is the default one


=== TEST 17: a port that is too large
--- config
        triggers_cors  http://app.example:65536;

        location / {
            triggers main;
        }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid host or port in origin "http://app.example:65536"


=== TEST 18: an address without its end
--- config
        triggers_cors  http://[::1;

        location / {
            triggers main;
        }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid host or port in origin "http://[::1"



=== TEST 19: ports that are not the default ones
--- config
        triggers_cors  https://app.example:80  http://app.example:65535  http://[::1]:3000;

        location / {
            triggers main;
        }
--- more_headers
Origin: http://[::1]:3000
--- request
POST /events
{"payload":{}}
--- error_code: 401
--- response_headers_like
Access-Control-Allow-Origin: http://\[::1\]:3000
Access-Control-Expose-Headers: .*RateLimit-Policy, Preference-Applied, Allow, Accept-Encoding, WWW-Authenticate
