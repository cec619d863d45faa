# GET /v1/events/{id}: a single event.

use Test::Nginx::Socket;
use Triggers::Blocks;
use Triggers::Fixture;

our @e = fixture('{"event_type":"t","source":"s","payload":{"n":1}}',
                 '{"payload":{},"metadata":{"source_ip":"mine","foo":1}}');
our @id = map { $_->{event_id} } @e;

plan tests => repeat_each() * checks();

run_tests();

__DATA__

=== TEST 1: an event by its id
--- request eval
"GET /v1/events/$::id[0]"
--- response_body_filters pick
event_id
event_type
source
payload
status
user_id
priority
retry_count
acknowledged_at
error.code
--- response_body eval
qq{event_id: "$::id[0]"
event_type: "t"
source: "s"
payload: {"n":1}
status: "pending"
user_id: "alice"
priority: "normal"
retry_count: 0
acknowledged_at: null
error.code: (none)
}



=== TEST 2: it has a request id
--- more_headers
Authorization: Bearer alice-key
X-Request-ID: r-1
--- request eval
"GET /v1/events/$::id[0]"
--- response_body_filters pick
request_id
--- response_body
request_id: "r-1"



=== TEST 3: what the client did not send is added to the metadata
--- more_headers
Authorization: Bearer alice-key
--- request eval
["GET /v1/events/$::id[0]", "GET /v1/events/$::id[1]"]
--- response_body_filters pick
metadata.source_ip
metadata.foo
context.source_ip
--- response_body eval
["metadata.source_ip: \"127.0.0.1\"\nmetadata.foo: (none)\n"
 . "context.source_ip: \"127.0.0.1\"\n",
 "metadata.source_ip: \"mine\"\nmetadata.foo: 1\n"
 . "context.source_ip: \"127.0.0.1\"\n"]
--- error_code eval
[200, 200]



=== TEST 4: the scope admin sees every owner's
--- more_headers
Authorization: Bearer admin-key
--- request eval
"GET /v1/events/$::id[0]"
--- response_body_filters pick
user_id
--- response_body
user_id: "alice"



=== TEST 5: HEAD
--- request eval
"HEAD /v1/events/$::id[0]"
--- response_body:



=== TEST 6: HEAD of an event that is not there
--- request
HEAD /v1/events/0193b3a0-0000-7000-8000-000000000001
--- error_code: 404
--- response_body:
