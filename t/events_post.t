# POST /events: what is accepted and how it is answered.

use Test::Nginx::Socket;
use Triggers::Blocks;

plan tests => repeat_each() * checks();

run_tests();

__DATA__

=== TEST 1: an event is accepted
--- request
POST /events
{"event_type":"order.created","payload":{"a":1}}
--- response_headers_like
Content-Type: application/json.*
--- response_body_filters pick
status
--- response_body
status: "accepted"



=== TEST 2: the answer has an id of version 7
--- request
POST /events
{"payload":{}}
--- response_body_like: "event_id":\s*"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"



=== TEST 3: the answer has a time in milliseconds
--- request
POST /events
{"payload":{}}
--- response_body_like: "timestamp":\s*"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"



=== TEST 4: the event is in the inbox afterwards
--- request eval
["POST /events\n" . '{"event_type":"t","source":"s","payload":{"a":1}}',
 "GET /inbox"]
--- response_body_filters pick
total
events.0.event_type
events.0.source
events.0.status
events.0.user_id
--- response_body eval
["total: (none)\nevents.0.event_type: (none)\nevents.0.source: (none)\n"
 . "events.0.status: (none)\nevents.0.user_id: (none)\n",
 "total: 1\nevents.0.event_type: \"t\"\nevents.0.source: \"s\"\n"
 . "events.0.status: \"pending\"\nevents.0.user_id: \"alice\"\n"]
--- error_code eval
[200, 200]



=== TEST 5: an empty payload
--- request
POST /events
{"payload":{}}



=== TEST 6: white space around and inside
--- request eval
"POST /events\n\n\t{ \"payload\" :\r\n { } }  \n"



=== TEST 7: the type of the metadata where the top level has none
--- request eval
["POST /events\n" . '{"payload":{"event_type":"p"},"metadata":{"event_type":"m"}}',
 "GET /inbox"]
--- response_body_filters pick
events.0.event_type
--- response_body eval
["events.0.event_type: (none)\n", "events.0.event_type: \"m\"\n"]
--- error_code eval
[200, 200]



=== TEST 8: the type of the payload where neither has one
--- request eval
["POST /events\n" . '{"payload":{"event_type":"p"}}', "GET /inbox"]
--- response_body_filters pick
events.0.event_type
--- response_body eval
["events.0.event_type: (none)\n", "events.0.event_type: \"p\"\n"]
--- error_code eval
[200, 200]



=== TEST 9: the type of the top level before all others
--- request eval
["POST /events\n" . '{"payload":{"event_type":"p"},"event_type":"t","metadata":{"event_type":"m"}}',
 "GET /inbox"]
--- response_body_filters pick
events.0.event_type
--- response_body eval
["events.0.event_type: (none)\n", "events.0.event_type: \"t\"\n"]
--- error_code eval
[200, 200]



=== TEST 10: a type in the payload that is no string is only payload
--- request eval
["POST /events\n" . '{"payload":{"event_type":7}}', "GET /inbox"]
--- response_body_filters pick
events.0.event_type
events.0.payload
--- response_body eval
["events.0.event_type: (none)\nevents.0.payload: (none)\n",
 "events.0.event_type: null\nevents.0.payload: {\"event_type\":7}\n"]
--- error_code eval
[200, 200]



=== TEST 11: the source of the metadata where the top level has none
--- request eval
["POST /events\n" . '{"payload":{},"metadata":{"source":"m"}}', "GET /inbox"]
--- response_body_filters pick
events.0.source
--- response_body eval
["events.0.source: (none)\n", "events.0.source: \"m\"\n"]
--- error_code eval
[200, 200]



=== TEST 12: absent members are null
--- request eval
["POST /events\n" . '{"payload":{}}', "GET /inbox"]
--- response_body_filters pick
events.0.event_type
events.0.source
events.0.metadata
events.0.retry_count
events.0.last_retry_at
events.0.delivered_at
events.0.acknowledged_at
events.0.leased_until
events.0.error_message
events.0.ttl
--- response_body_like eval
["none",
 quotemeta("events.0.event_type: null\nevents.0.source: null\n")
 . "events.0.metadata: (null|\\{\\})\n"
 . quotemeta("events.0.retry_count: 0\nevents.0.last_retry_at: null\n"
 . "events.0.delivered_at: null\nevents.0.acknowledged_at: null\n"
 . "events.0.leased_until: null\nevents.0.error_message: null\n"
 . "events.0.ttl: null\n")]
--- error_code eval
[200, 200]



=== TEST 13: the priority of the metadata
--- request eval
["POST /events\n" . '{"payload":{},"metadata":{"priority":"high"}}',
 "POST /events\n" . '{"payload":{}}', "GET /inbox"]
--- response_body_filters pick
events.*.priority
--- response_body eval
["events.*.priority: []\n", "events.*.priority: []\n",
 "events.*.priority: [\"normal\",\"high\"]\n"]
--- error_code eval
[200, 200, 200]



=== TEST 14: metadata as it was sent
--- request eval
["POST /events\n" . '{"payload":{},"metadata":{"z":1,"a":{"b":[1.50]},"priority":"low"}}',
 "GET /inbox"]
--- response_body_like eval
["accepted", quotemeta('"metadata":{"z":1,"a":{"b":[1.50]},"priority":"low"}')]
--- error_code eval
[200, 200]



=== TEST 15: other members are ignored
--- request
POST /events
{"payload":{},"foo":1,"event_id":"x"}



=== TEST 16: a type of one hundred characters
--- request eval
"POST /events\n" . '{"payload":{},"event_type":"' . ("\xc3\xa4" x 100) . '"}'



=== TEST 17: escapes in a type are decoded
--- request eval
["POST /events\n" . '{"payload":{},"event_type":"a\u0062\/\u00e9"}',
 "GET /inbox?event_type=ab/%C3%A9"]
--- response_body_filters pick
total
--- response_body eval
["total: (none)\n", "total: 1\n"]
--- error_code eval
[200, 200]



=== TEST 18: names of members may be escaped
--- request
POST /events
{"p\u0061yload":{}}



=== TEST 19: content types that are JSON
--- request eval
[("POST /events\n" . '{"payload":{}}') x 5]
--- more_headers eval
[map { "Authorization: Bearer alice-key\nContent-Type: $_" }
 "application/json", "application/json; charset=utf-8", "Application/JSON",
 "application/json ;charset=utf-8", "application/vnd.api+json"]
--- error_code eval
[200, 200, 200, 200, 200]



=== TEST 20: content types that are not
--- request eval
[("POST /events\n" . '{"payload":{}}') x 4]
--- more_headers eval
[map { "Authorization: Bearer alice-key\nContent-Type: $_" }
 "text/plain", "application/x-www-form-urlencoded", "application/jsonp",
 "multipart/form-data; boundary=x"]
--- error_code eval
[415, 415, 415, 415]
--- response_body_filters pick
error.code
--- response_body eval
[("error.code: \"UNSUPPORTED_MEDIA_TYPE\"\n") x 4]



=== TEST 21: what the server saw is in the context
--- request eval
["POST /events\n" . '{"payload":{}}', "GET /inbox"]
--- more_headers
Authorization: Bearer alice-key
User-Agent: test/1.0
X-Correlation-ID: cor-1
traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
--- response_body_filters pick
events.0.context.source_ip
events.0.context.user_agent
events.0.context.correlation_id
events.0.context.traceparent
--- response_body_like eval
["none", quotemeta("events.0.context.source_ip: \"127.0.0.1\"\n"
 . "events.0.context.user_agent: \"test/1.0\"\n"
 . "events.0.context.correlation_id: \"cor-1\"\n"
 . "events.0.context.traceparent: "
 . "\"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\"\n")]
--- error_code eval
[200, 200]



=== TEST 22: a chunked body
--- more_headers
Authorization: Bearer alice-key
Transfer-Encoding: chunked
--- request eval
"POST /events\nb\r\n{\"payload\":\r\n3\r\n{}}\r\n0\r\n\r\n"



=== TEST 23: a query is no part of the path
--- request
POST /events?a=b
{"payload":{}}



=== TEST 24: a relaxed store answers the same
--- config
        location / {
            triggers main;
            triggers_synchronous_commit off;
        }
--- request
POST /events
{"payload":{}}
--- response_body_filters pick
status
--- response_body
status: "accepted"
