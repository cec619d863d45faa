# Request and correlation ids.

use Test::Nginx::Socket;
use Triggers::Blocks;

plan tests => repeat_each() * checks();

run_tests();

__DATA__

=== TEST 1: none is sent
--- more_headers
Authorization: Bearer alice-key
--- request
GET /inbox
--- response_headers_like
X-Request-ID: [0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}
X-Correlation-ID: [0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}
--- response_body_like: "request_id":\s*"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"



=== TEST 2: a request id is kept
--- more_headers
Authorization: Bearer alice-key
X-Request-ID: req-1
--- request
GET /inbox
--- response_headers_like
X-Request-ID: req-1
X-Correlation-ID: req-1
--- response_body_like: "request_id":\s*"req-1"



=== TEST 3: a correlation id is the request id too
--- more_headers
Authorization: Bearer alice-key
X-Correlation-ID: cor-1
--- request
GET /inbox
--- response_headers_like
X-Request-ID: cor-1
X-Correlation-ID: cor-1
--- response_body_like: "request_id":\s*"cor-1"



=== TEST 4: both
--- more_headers
Authorization: Bearer alice-key
X-Request-ID: req-1
X-Correlation-ID: cor-1
--- request
GET /inbox
--- response_headers_like
X-Request-ID: req-1
X-Correlation-ID: cor-1
--- response_body_like: "request_id":\s*"req-1"



=== TEST 5: all characters that are allowed
--- more_headers
Authorization: Bearer alice-key
X-Request-ID: AZaz09._:-
--- request
GET /inbox
--- response_headers_like
X-Request-ID: AZaz09._:-
X-Correlation-ID: AZaz09._:-
--- response_body_like: "request_id":\s*"AZaz09._:-"



=== TEST 6: none is sent: both are the same
--- request
GET /inbox
--- raw_response_headers_like: (?i)X-Request-ID: (\S+)\r\n(?:.*\r\n)?X-Correlation-ID: \1\r\n|X-Correlation-ID: (\S+)\r\n(?:.*\r\n)?X-Request-ID: \2\r\n



=== TEST 7: 128 characters are kept
--- more_headers eval
"Authorization: Bearer alice-key\nX-Request-ID: " . ("r" x 128)
--- request
GET /inbox
--- response_headers eval
"X-Request-ID: " . ("r" x 128)



=== TEST 8: 129 are not
--- more_headers eval
"Authorization: Bearer alice-key\nX-Request-ID: " . ("r" x 129)
--- request
GET /inbox
--- response_headers_like
X-Request-ID: [0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}



=== TEST 9: a space is not allowed
--- more_headers eval
"Authorization: Bearer alice-key\nX-Request-ID: a b"
--- request
GET /inbox
--- response_headers_like
X-Request-ID: [0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}
X-Correlation-ID: [0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}



=== TEST 10: a quote is not allowed
--- more_headers eval
"Authorization: Bearer alice-key\nX-Request-ID: a\"b"
--- request
GET /inbox
--- response_headers_like
X-Request-ID: [0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}
X-Correlation-ID: [0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}



=== TEST 11: a slash is not allowed
--- more_headers eval
"Authorization: Bearer alice-key\nX-Request-ID: a/b"
--- request
GET /inbox
--- response_headers_like
X-Request-ID: [0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}
X-Correlation-ID: [0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}



=== TEST 12: a byte above ASCII is not allowed
--- more_headers eval
"Authorization: Bearer alice-key\nX-Request-ID: a\xc3\xa4"
--- request
GET /inbox
--- response_headers_like
X-Request-ID: [0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}
X-Correlation-ID: [0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}



=== TEST 13: an event is answered with it
--- more_headers
Authorization: Bearer alice-key
X-Request-ID: req-1
--- request
POST /events
{"payload":{}}
--- response_headers
X-Request-ID: req-1
--- response_body_like: "request_id":\s*"req-1"



=== TEST 14: an error is answered with it
--- more_headers
X-Request-ID: req-1
--- request
GET /v1/nothing
--- error_code: 404
--- response_headers
X-Request-ID: req-1
X-Correlation-ID: req-1
--- response_body_like: "request_id":\s*"req-1"



=== TEST 15: an answer without a body has the headers
--- more_headers
Authorization: Bearer alice-key
X-Request-ID: req-1
Prefer: return=minimal
--- request
DELETE /v1/events/0193b3a0-0000-7000-8000-000000000001
--- error_code: 204
--- response_headers
X-Request-ID: req-1
X-Correlation-ID: req-1



=== TEST 16: the correlation id is stored with the event
--- request eval
["POST /events\n" . '{"payload":{}}', "GET /inbox"]
--- more_headers
Authorization: Bearer alice-key
X-Request-ID: req-1
X-Correlation-ID: cor-1
--- response_body_filters pick
events.0.context.correlation_id
--- response_body eval
["events.0.context.correlation_id: (none)\n",
 "events.0.context.correlation_id: \"cor-1\"\n"]
--- error_code eval
[200, 200]
