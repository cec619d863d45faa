# POST /events: what is refused, with which code and which member.

use Test::Nginx::Socket;
use Triggers::Blocks;

plan tests => repeat_each() * checks();

run_tests();

__DATA__

=== TEST 1: no body
--- request
POST /events
--- error_code: 400
--- response_body_filters pick
error.code
--- response_body
error.code: "INVALID_PAYLOAD"



=== TEST 2: a body of white space
--- more_headers
Authorization: Bearer alice-key
Content-Length: 3
--- request eval
"POST /events\n" . " \n "
--- error_code: 400
--- response_body_filters pick
error.code
--- response_body
error.code: "INVALID_PAYLOAD"



=== TEST 3: no JSON
--- request eval
"POST /events\n" . 'hello'
--- error_code: 400
--- response_body_filters pick
error.code
--- response_body
error.code: "INVALID_PAYLOAD"



=== TEST 4: JSON that ends early
--- request eval
"POST /events\n" . '{"payload":{}'
--- error_code: 400
--- response_body_filters pick
error.code
--- response_body
error.code: "INVALID_PAYLOAD"



=== TEST 5: data after the object
--- request eval
"POST /events\n" . '{"payload":{}} {}'
--- error_code: 400
--- response_body_filters pick
error.code
--- response_body
error.code: "INVALID_PAYLOAD"



=== TEST 6: a comma too many
--- request eval
"POST /events\n" . '{"payload":{},}'
--- error_code: 400
--- response_body_filters pick
error.code
--- response_body
error.code: "INVALID_PAYLOAD"



=== TEST 7: an array
--- request eval
"POST /events\n" . '[{"payload":{}}]'
--- error_code: 400
--- response_body_filters pick
error.code
--- response_body
error.code: "INVALID_PAYLOAD"



=== TEST 8: a string
--- request eval
"POST /events\n" . '"payload"'
--- error_code: 400
--- response_body_filters pick
error.code
--- response_body
error.code: "INVALID_PAYLOAD"



=== TEST 9: no payload
--- request eval
"POST /events\n" . '{"event_type":"t"}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
--- response_body
error.code: "INVALID_PAYLOAD"
error.details.field: "payload"



=== TEST 10: a payload that is an array
--- request eval
"POST /events\n" . '{"payload":[]}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
--- response_body
error.code: "INVALID_PAYLOAD"
error.details.field: "payload"



=== TEST 11: a payload that is a string
--- request eval
"POST /events\n" . '{"payload":"{}"}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
--- response_body
error.code: "INVALID_PAYLOAD"
error.details.field: "payload"



=== TEST 12: a payload that is null
--- request eval
"POST /events\n" . '{"payload":null}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
--- response_body
error.code: "INVALID_PAYLOAD"
error.details.field: "payload"



=== TEST 13: an empty type
--- request eval
"POST /events\n" . '{"payload":{},"event_type":""}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
--- response_body
error.code: "INVALID_PAYLOAD"
error.details.field: "event_type"



=== TEST 14: a type of 101 characters
--- request eval
"POST /events\n" . '{"payload":{},"event_type":"' . ("\xc3\xa4" x 101) . '"}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
--- response_body
error.code: "INVALID_PAYLOAD"
error.details.field: "event_type"



=== TEST 15: a type that is a number
--- request eval
"POST /events\n" . '{"payload":{},"event_type":1}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
--- response_body
error.code: "INVALID_PAYLOAD"
error.details.field: "event_type"



=== TEST 16: an empty source
--- request eval
"POST /events\n" . '{"payload":{},"source":""}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
--- response_body
error.code: "INVALID_PAYLOAD"
error.details.field: "source"



=== TEST 17: a source of 101 characters
--- request eval
"POST /events\n" . '{"payload":{},"source":"' . ("s" x 101) . '"}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
--- response_body
error.code: "INVALID_PAYLOAD"
error.details.field: "source"



=== TEST 18: a source that is an object
--- request eval
"POST /events\n" . '{"payload":{},"source":{}}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
--- response_body
error.code: "INVALID_PAYLOAD"
error.details.field: "source"



=== TEST 19: metadata that is a string
--- request eval
"POST /events\n" . '{"payload":{},"metadata":"m"}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
--- response_body
error.code: "INVALID_PAYLOAD"
error.details.field: "metadata"



=== TEST 20: an unknown priority
--- request eval
"POST /events\n" . '{"payload":{},"metadata":{"priority":"urgent"}}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
--- response_body
error.code: "INVALID_PAYLOAD"
error.details.field: "metadata.priority"



=== TEST 21: a priority that is a number
--- request eval
"POST /events\n" . '{"payload":{},"metadata":{"priority":1}}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
--- response_body
error.code: "INVALID_PAYLOAD"
error.details.field: "metadata.priority"



=== TEST 22: a correlation id that is a number
--- request eval
"POST /events\n" . '{"payload":{},"metadata":{"correlation_id":1}}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
--- response_body
error.code: "INVALID_PAYLOAD"
error.details.field: "metadata.correlation_id"



=== TEST 23: an idempotency key that is empty
--- request eval
"POST /events\n" . '{"payload":{},"metadata":{"idempotency_key":""}}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
--- response_body
error.code: "INVALID_PAYLOAD"
error.details.field: "metadata.idempotency_key"



=== TEST 24: an idempotency key that is too long
--- request eval
"POST /events\n" . '{"payload":{},"metadata":{"idempotency_key":"' . ("k" x 256) . '"}}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
--- response_body
error.code: "INVALID_PAYLOAD"
error.details.field: "metadata.idempotency_key"



=== TEST 25: an ordering key that is an array
--- request eval
"POST /events\n" . '{"payload":{},"metadata":{"ordering_key":[]}}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
--- response_body
error.code: "INVALID_PAYLOAD"
error.details.field: "metadata.ordering_key"



=== TEST 26: a type in the metadata that is a number
--- request eval
"POST /events\n" . '{"payload":{},"metadata":{"event_type":1}}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
--- response_body
error.code: "INVALID_PAYLOAD"
error.details.field: "metadata.event_type"



=== TEST 27: a source in the metadata that is too long
--- request eval
"POST /events\n" . '{"payload":{},"metadata":{"source":"' . ("s" x 101) . '"}}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
--- response_body
error.code: "INVALID_PAYLOAD"
error.details.field: "metadata.source"



=== TEST 28: two members of one name
--- request eval
"POST /events\n" . '{"payload":{},"payload":{}}'
--- error_code: 400
--- response_body_filters pick
error.code
--- response_body
error.code: "INVALID_PAYLOAD"



=== TEST 29: two members of one name, one escaped
--- request eval
"POST /events\n" . '{"payload":{},"p\u0061yload":{}}'
--- error_code: 400
--- response_body_filters pick
error.code
--- response_body
error.code: "INVALID_PAYLOAD"



=== TEST 30: two unknown members of one name
--- request eval
"POST /events\n" . '{"payload":{},"x":1,"x":1}'
--- error_code: 400
--- response_body_filters pick
error.code
--- response_body
error.code: "INVALID_PAYLOAD"



=== TEST 31: two members of one name in the metadata
--- request eval
"POST /events\n" . '{"payload":{},"metadata":{"a":1,"a":2}}'
--- error_code: 400
--- response_body_filters pick
error.code
--- response_body
error.code: "INVALID_PAYLOAD"



=== TEST 32: two members of one name in the payload are the client's
--- request eval
"POST /events\n" . '{"payload":{"a":1,"a":2}}'



=== TEST 33: NUL in the type
--- request eval
"POST /events\n" . '{"payload":{},"event_type":"a\u0000b"}'
--- error_code: 400
--- response_body_filters pick
error.code
--- response_body
error.code: "INVALID_PAYLOAD"



=== TEST 34: NUL in a name
--- request eval
"POST /events\n" . '{"payload":{},"a\u0000b":1}'
--- error_code: 400
--- response_body_filters pick
error.code
--- response_body
error.code: "INVALID_PAYLOAD"



=== TEST 35: NUL in the metadata
--- request eval
"POST /events\n" . '{"payload":{},"metadata":{"a":["\u0000"]}}'
--- error_code: 400
--- response_body_filters pick
error.code
--- response_body
error.code: "INVALID_PAYLOAD"



=== TEST 36: NUL in the payload is the client's
--- request eval
"POST /events\n" . '{"payload":{"a":"\u0000"}}'



=== TEST 37: a raw control character
--- request eval
"POST /events\n" . '{"payload":{"a":"' . "\x01" . '"}}'
--- error_code: 400
--- response_body_filters pick
error.code
--- response_body
error.code: "INVALID_PAYLOAD"



=== TEST 38: a raw NUL
--- request eval
"POST /events\n" . '{"payload":{}' . "\0" . '}'
--- error_code: 400
--- response_body_filters pick
error.code
--- response_body
error.code: "INVALID_PAYLOAD"



=== TEST 39: invalid UTF-8
--- request eval
"POST /events\n" . '{"payload":{"a":"' . "\xff" . '"}}'
--- error_code: 400
--- response_body_filters pick
error.code
--- response_body
error.code: "INVALID_PAYLOAD"



=== TEST 40: overlong UTF-8
--- request eval
"POST /events\n" . '{"payload":{"a":"' . "\xc0\xaf" . '"}}'
--- error_code: 400
--- response_body_filters pick
error.code
--- response_body
error.code: "INVALID_PAYLOAD"



=== TEST 41: a surrogate in UTF-8
--- request eval
"POST /events\n" . '{"payload":{"a":"' . "\xed\xa0\x80" . '"}}'
--- error_code: 400
--- response_body_filters pick
error.code
--- response_body
error.code: "INVALID_PAYLOAD"



=== TEST 42: a lone high surrogate
--- request eval
"POST /events\n" . '{"payload":{"a":"\ud800"}}'
--- error_code: 400
--- response_body_filters pick
error.code
--- response_body
error.code: "INVALID_PAYLOAD"



=== TEST 43: a lone low surrogate
--- request eval
"POST /events\n" . '{"payload":{"a":"\udc00"}}'
--- error_code: 400
--- response_body_filters pick
error.code
--- response_body
error.code: "INVALID_PAYLOAD"



=== TEST 44: a pair of surrogates
--- request eval
"POST /events\n" . '{"payload":{"a":"\ud83d\ude00"}}'



=== TEST 45: a byte order mark
--- request eval
"POST /events\n" . "\xef\xbb\xbf" . '{"payload":{}}'
--- error_code: 400
--- response_body_filters pick
error.code
--- response_body
error.code: "INVALID_PAYLOAD"



=== TEST 46: a number with a leading zero
--- request eval
"POST /events\n" . '{"payload":{"a":01}}'
--- error_code: 400
--- response_body_filters pick
error.code
--- response_body
error.code: "INVALID_PAYLOAD"



=== TEST 47: a literal in upper case
--- request eval
"POST /events\n" . '{"payload":{"a":True}}'
--- error_code: 400
--- response_body_filters pick
error.code
--- response_body
error.code: "INVALID_PAYLOAD"



=== TEST 48: nesting of 128
--- request eval
"POST /events\n" . '{"payload":{"a":' . ("[" x 126) . ("]" x 126) . '}}'



=== TEST 49: nesting of 129
--- request eval
"POST /events\n" . '{"payload":{"a":' . ("[" x 127) . ("]" x 127) . '}}'
--- error_code: 400
--- response_body_filters pick
error.code
--- response_body
error.code: "INVALID_PAYLOAD"



=== TEST 50: the message of a refusal is a sentence
--- request
POST /events
{"payload":[]}
--- error_code: 400
--- response_body_like: "message":\s*"payload must be a JSON object"



=== TEST 51: v1 has a code of its own
--- request
POST /v1/events
{"event_type":"t","payload":[]}
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "payload"



=== TEST 52: nothing of a refused event is stored
--- request eval
["POST /events\n" . '{"payload":[]}', "GET /inbox"]
--- response_body_filters pick
total
--- response_body eval
["total: (none)\n", "total: 0\n"]
--- error_code eval
[400, 200]



=== TEST 53: members of the metadata that are null are absent
--- request eval
["POST /v1/events\n" . '{"event_type":"a","source":null,"payload":{},'
 . '"metadata":{"priority":null,"idempotency_key":null,"ordering_key":null,'
 . '"correlation_id":null,"event_type":null,"source":null}}',
 "GET /v1/inbox"]
--- response_body_filters pick
events.0.priority
events.0.source
--- response_body eval
["events.0.priority: (none)\nevents.0.source: (none)\n",
 "events.0.priority: \"normal\"\nevents.0.source: null\n"]
--- error_code eval
[201, 200]
