# Bodies about leases that are refused, one mistake in a block: nothing happens
# and the answer names the member.

use Test::Nginx::Socket;
use Triggers::Blocks;

our $id = '0193b3a0-0000-7000-8000-000000000001';


# a body with a lease and one more member

sub body { return qq({"lease_id":"$id",$_[0]}) }


plan tests => repeat_each() * checks();

run_tests();

__DATA__

=== TEST 1: a lease of no JSON
--- request
POST /v1/inbox/lease
{
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: (none)
error.message: "the body must be a JSON object"



=== TEST 2: of an array
--- request
POST /v1/inbox/lease
[]
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: (none)
error.message: "the body must be a JSON object"



=== TEST 3: of something behind it
--- request
POST /v1/inbox/lease
{} {}
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: (none)
error.message: "the body must be a JSON object"



=== TEST 4: of a member twice
--- request
POST /v1/inbox/lease
{"lease_limit":1,"lease_limit":2}
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: (none)
error.message: "a member of the body is there twice"



=== TEST 5: of invalid UTF-8
--- request eval: "POST /v1/inbox/lease\n" . "{\"event_type\":\"\xff\"}"
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: (none)
error.message: "the body must be a JSON object"



=== TEST 6: of a character NUL
--- request
POST /v1/inbox/lease
{"event_type":"\u0000"}
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: (none)
error.message: "the body must be a JSON object"



=== TEST 7: a member that is none of a lease
--- request
POST /v1/inbox/lease
{"limit":1}
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "limit"
error.message: "unknown member"



=== TEST 8: a lease to take a lease
--- request
POST /v1/inbox/lease
{"lease_id":"0193b3a0-0000-7000-8000-000000000001"}
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "lease_id"
error.message: "unknown member"



=== TEST 9: lease_limit: no event
--- request
POST /v1/inbox/lease
{"lease_limit":0}
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "lease_limit"
error.message: "lease_limit must be an integer from 1 to 100"



=== TEST 10: lease_limit: more than there may be
--- request
POST /v1/inbox/lease
{"lease_limit":101}
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "lease_limit"
error.message: "lease_limit must be an integer from 1 to 100"



=== TEST 11: lease_limit: fewer than none
--- request
POST /v1/inbox/lease
{"lease_limit":-1}
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "lease_limit"
error.message: "lease_limit must be an integer from 1 to 100"



=== TEST 12: lease_limit: half an event
--- request
POST /v1/inbox/lease
{"lease_limit":1.5}
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "lease_limit"
error.message: "lease_limit must be an integer from 1 to 100"



=== TEST 13: lease_limit: a text
--- request
POST /v1/inbox/lease
{"lease_limit":"1"}
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "lease_limit"
error.message: "lease_limit must be an integer from 1 to 100"



=== TEST 14: lease_limit: a flag
--- request
POST /v1/inbox/lease
{"lease_limit":true}
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "lease_limit"
error.message: "lease_limit must be an integer from 1 to 100"



=== TEST 15: lease_limit: a number that is too large
--- request
POST /v1/inbox/lease
{"lease_limit":9223372036854775807}
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "lease_limit"
error.message: "lease_limit must be an integer from 1 to 100"



=== TEST 16: lease_seconds: no time
--- request
POST /v1/inbox/lease
{"lease_seconds":0}
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "lease_seconds"
error.message: "lease_seconds must be an integer from 1 to 43200"



=== TEST 17: lease_seconds: half a day and a second
--- request
POST /v1/inbox/lease
{"lease_seconds":43201}
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "lease_seconds"
error.message: "lease_seconds must be an integer from 1 to 43200"



=== TEST 18: lease_seconds: a text
--- request
POST /v1/inbox/lease
{"lease_seconds":"60"}
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "lease_seconds"
error.message: "lease_seconds must be an integer from 1 to 43200"



=== TEST 19: lease_seconds: a fraction
--- request
POST /v1/inbox/lease
{"lease_seconds":1.0}
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "lease_seconds"
error.message: "lease_seconds must be an integer from 1 to 43200"



=== TEST 20: wait_seconds: more than a minute
--- request
POST /v1/inbox/lease
{"wait_seconds":61}
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "wait_seconds"
error.message: "wait_seconds must be an integer from 0 to 60"



=== TEST 21: wait_seconds: less than none
--- request
POST /v1/inbox/lease
{"wait_seconds":-1}
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "wait_seconds"
error.message: "wait_seconds must be an integer from 0 to 60"



=== TEST 22: wait_seconds: an array
--- request
POST /v1/inbox/lease
{"wait_seconds":[]}
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "wait_seconds"
error.message: "wait_seconds must be an integer from 0 to 60"



=== TEST 23: event_type: nothing
--- request
POST /v1/inbox/lease
{"event_type":""}
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "event_type"
error.message: "event_type must be a string of 1 to 100 characters"



=== TEST 24: event_type: too long
--- request eval: "POST /v1/inbox/lease\n" . '{"event_type":"' . 'x' x 101 . '"}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "event_type"
error.message: "event_type must be a string of 1 to 100 characters"



=== TEST 25: event_type: a list
--- request
POST /v1/inbox/lease
{"event_type":["a"]}
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "event_type"
error.message: "event_type must be a string"



=== TEST 26: ack without a body
--- request
POST /v1/inbox/ack

--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: (none)
error.message: "the body must be a JSON object"



=== TEST 27: ack without a lease
--- request
POST /v1/inbox/ack
{}
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "lease_id"
error.message: "lease_id is required"



=== TEST 28: ack of a lease that is null
--- request
POST /v1/inbox/ack
{"lease_id":null}
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "lease_id"
error.message: "lease_id is required"



=== TEST 29: ack of a lease that is no UUID
--- request
POST /v1/inbox/ack
{"lease_id":"x"}
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "lease_id"
error.message: "lease_id must be a UUID"



=== TEST 30: ack of a lease that is no text
--- request
POST /v1/inbox/ack
{"lease_id":1}
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "lease_id"
error.message: "lease_id must be a UUID"



=== TEST 31: ack with another member
--- request eval: "POST /v1/inbox/ack\n" . main::body('"x":1')
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "x"
error.message: "unknown member"



=== TEST 32: release without a body
--- request
POST /v1/inbox/release

--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: (none)
error.message: "the body must be a JSON object"



=== TEST 33: release without a lease
--- request
POST /v1/inbox/release
{}
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "lease_id"
error.message: "lease_id is required"



=== TEST 34: release of a lease that is null
--- request
POST /v1/inbox/release
{"lease_id":null}
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "lease_id"
error.message: "lease_id is required"



=== TEST 35: release of a lease that is no UUID
--- request
POST /v1/inbox/release
{"lease_id":"x"}
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "lease_id"
error.message: "lease_id must be a UUID"



=== TEST 36: release of a lease that is no text
--- request
POST /v1/inbox/release
{"lease_id":1}
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "lease_id"
error.message: "lease_id must be a UUID"



=== TEST 37: release with another member
--- request eval: "POST /v1/inbox/release\n" . main::body('"x":1')
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "x"
error.message: "unknown member"



=== TEST 38: extend without a body
--- request
POST /v1/inbox/extend

--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: (none)
error.message: "the body must be a JSON object"



=== TEST 39: extend without a lease
--- request
POST /v1/inbox/extend
{}
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "lease_id"
error.message: "lease_id is required"



=== TEST 40: extend of a lease that is null
--- request
POST /v1/inbox/extend
{"lease_id":null}
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "lease_id"
error.message: "lease_id is required"



=== TEST 41: extend of a lease that is no UUID
--- request
POST /v1/inbox/extend
{"lease_id":"x"}
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "lease_id"
error.message: "lease_id must be a UUID"



=== TEST 42: extend of a lease that is no text
--- request
POST /v1/inbox/extend
{"lease_id":1}
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "lease_id"
error.message: "lease_id must be a UUID"



=== TEST 43: extend with another member
--- request eval: "POST /v1/inbox/extend\n" . main::body('"x":1')
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "x"
error.message: "unknown member"



=== TEST 44: ack with a delay
--- request eval: "POST /v1/inbox/ack\n" . main::body('"delay_seconds":1')
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "delay_seconds"
error.message: "unknown member"



=== TEST 45: ack of no event
--- request eval: "POST /v1/inbox/ack\n" . main::body('"event_ids":[]')
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "event_ids"
error.message: "event_ids must be an array of 1 to 100 ids"



=== TEST 46: ack of too many events
--- request eval: "POST /v1/inbox/ack\n" . main::body('"event_ids":[' . CORE::join(',', ('"x"') x 101) . ']')
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "event_ids"
error.message: "event_ids must be an array of 1 to 100 ids"



=== TEST 47: ack of an event instead of a list
--- request eval: "POST /v1/inbox/ack\n" . main::body(qq("event_ids":"$::id"))
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "event_ids"
error.message: "event_ids must be an array of 1 to 100 ids"



=== TEST 48: ack of what is no id
--- request eval: "POST /v1/inbox/ack\n" . main::body(qq("event_ids":["$::id","x"]))
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "event_ids"
error.message: "event_ids must have UUIDs only"



=== TEST 49: ack of a number
--- request eval: "POST /v1/inbox/ack\n" . main::body('"event_ids":[1]')
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "event_ids"
error.message: "event_ids must have UUIDs only"



=== TEST 50: release of no event
--- request eval: "POST /v1/inbox/release\n" . main::body('"event_ids":[]')
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "event_ids"
error.message: "event_ids must be an array of 1 to 100 ids"



=== TEST 51: release of too many events
--- request eval: "POST /v1/inbox/release\n" . main::body('"event_ids":[' . CORE::join(',', ('"x"') x 101) . ']')
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "event_ids"
error.message: "event_ids must be an array of 1 to 100 ids"



=== TEST 52: release of an event instead of a list
--- request eval: "POST /v1/inbox/release\n" . main::body(qq("event_ids":"$::id"))
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "event_ids"
error.message: "event_ids must be an array of 1 to 100 ids"



=== TEST 53: release of what is no id
--- request eval: "POST /v1/inbox/release\n" . main::body(qq("event_ids":["$::id","x"]))
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "event_ids"
error.message: "event_ids must have UUIDs only"



=== TEST 54: release of a number
--- request eval: "POST /v1/inbox/release\n" . main::body('"event_ids":[1]')
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "event_ids"
error.message: "event_ids must have UUIDs only"



=== TEST 55: delay_seconds: before now
--- request eval: "POST /v1/inbox/release\n" . main::body('"delay_seconds":-1')
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "delay_seconds"
error.message: "delay_seconds must be an integer from 0 to 43200"



=== TEST 56: delay_seconds: half a day and a second
--- request eval: "POST /v1/inbox/release\n" . main::body('"delay_seconds":43201')
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "delay_seconds"
error.message: "delay_seconds must be an integer from 0 to 43200"



=== TEST 57: delay_seconds: a text
--- request eval: "POST /v1/inbox/release\n" . main::body('"delay_seconds":"1"')
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "delay_seconds"
error.message: "delay_seconds must be an integer from 0 to 43200"



=== TEST 58: error: nothing
--- request eval: "POST /v1/inbox/release\n" . main::body('"error":""')
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "error"
error.message: "error must be a string of 1 to 1000 characters"



=== TEST 59: error: too long
--- request eval: "POST /v1/inbox/release\n" . main::body('"error":"' . 'x' x 1001 . '"')
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "error"
error.message: "error must be a string of 1 to 1000 characters"



=== TEST 60: error: an object
--- request eval: "POST /v1/inbox/release\n" . main::body('"error":{}')
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "error"
error.message: "error must be a string"



=== TEST 61: extend without a time
--- request
POST /v1/inbox/extend
{"lease_id":"0193b3a0-0000-7000-8000-000000000001"}
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "lease_seconds"
error.message: "lease_seconds is required"



=== TEST 62: extend for no time
--- request eval: "POST /v1/inbox/extend\n" . main::body('"lease_seconds":0')
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "lease_seconds"
error.message: "lease_seconds must be an integer from 1 to 43200"



=== TEST 63: extend for too long
--- request eval: "POST /v1/inbox/extend\n" . main::body('"lease_seconds":43201')
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "lease_seconds"
error.message: "lease_seconds must be an integer from 1 to 43200"



=== TEST 64: extend some events
--- request eval: "POST /v1/inbox/extend\n" . main::body(qq("lease_seconds":1,"event_ids":["$::id"]))
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "event_ids"
error.message: "unknown member"



=== TEST 65: the longest values that may be, in characters
--- request eval
["POST /v1/inbox/lease\n{\"event_type\":\"" . "\xc3\xa9" x 100
 . "\",\"lease_limit\":100,\"lease_seconds\":43200}",
 "POST /v1/inbox/release\n"
 . main::body('"delay_seconds":43200,"error":"' . "\xc3\xa9" x 1000 . '"'),
 "POST /v1/inbox/extend\n" . main::body('"lease_seconds":43200')]
--- error_code eval
[200, 409, 409]



=== TEST 66: a body that is too large
--- request eval: "POST /v1/inbox/ack\n" . ' ' x 300_000 . '{}'
--- more_headers
Authorization: Bearer alice-key
Content-Length: 300002
--- error_code: 413
--- response_body_filters pick
error.code
--- response_body
error.code: "PAYLOAD_TOO_LARGE"



=== TEST 67: the content type is JSON
--- more_headers
Authorization: Bearer alice-key
Content-Type: text/plain
--- request
POST /v1/inbox/lease
{}
--- error_code: 415



=== TEST 68: a refused body is charged for as any request
--- http_config eval
Triggers::Blocks::store_config() . "    triggers_rate_limit  2;\n"
--- request eval
[("POST /v1/inbox/lease\nx") x 2, 'POST /v1/inbox/lease']
--- error_code eval
[400, 400, 429]
