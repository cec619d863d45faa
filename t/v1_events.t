# POST /v1/events: how it differs from POST /events.

use Test::Nginx::Socket;
use Triggers::Blocks;

plan tests => repeat_each() * checks();

run_tests();

__DATA__

=== TEST 1: an event is created
--- more_headers
Authorization: Bearer alice-key
X-Request-ID: r-1
--- request
POST /v1/events
{"event_type":"t","payload":{}}
--- error_code: 201
--- response_headers_like
Content-Type: application/json.*
Location: .*/v1/events/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}
--- response_body_filters pick
status
message
request_id
--- response_body
status: "pending"
message: "Event ingested successfully"
request_id: "r-1"



=== TEST 2: its times
--- request
POST /v1/events
{"event_type":"t","payload":{}}
--- error_code: 201
--- response_body_like eval
qr/(?=.*"created_at":\s*"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")(?=.*"timestamp":\s*"\d{4}-[^"]+Z")/s



=== TEST 3: a type is required
--- request
POST /v1/events
{"payload":{}}
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "event_type"



=== TEST 4: a payload is required
--- request
POST /v1/events
{"event_type":"t"}
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "payload"



=== TEST 5: an unknown member is refused by its name
--- request
POST /v1/events
{"event_type":"t","payload":{},"foo":1}
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "foo"



=== TEST 6: unknown members of the metadata are the client's
--- request
POST /v1/events
{"event_type":"t","payload":{},"metadata":{"foo":1}}
--- error_code: 201



=== TEST 7: a body that is no JSON
--- request
POST /v1/events
no JSON
--- error_code: 400
--- response_body_filters pick
error.code
--- response_body
error.code: "VALIDATION_ERROR"



=== TEST 8: both surfaces have one inbox
--- request eval
["POST /v1/events\n" . '{"event_type":"v1","payload":{}}',
 "POST /events\n" . '{"event_type":"root","payload":{}}',
 "GET /inbox", "GET /v1/inbox"]
--- response_body_filters pick
events.*.event_type
events.*.context.api_version
--- response_body_like eval
["", "", 'events.\*.event_type: \["root","v1"\]',
 'events.\*.event_type: \["root","v1"\]']
--- error_code eval
[201, 200, 200, 200]
