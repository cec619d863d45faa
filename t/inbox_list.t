# GET /inbox and /v1/inbox: what is listed, in which order and shape.

use Test::Nginx::Socket;
use Triggers::Blocks;
use Triggers::Fixture;

our @e = fixture(
    '{"event_type":"order.created","source":"shop","payload":{"n":1}}',
    '{"event_type":"order.paid","source":"bank","payload":{"n":2}}',
    [bob => '{"event_type":"order.created","payload":{"n":3}}'],
    '{"event_type":"user.created","payload":{"n":4}}');

plan tests => repeat_each() * checks();

run_tests();

__DATA__

=== TEST 1: newest first
--- request
GET /inbox
--- response_body_filters pick
total
events.*.payload.n
--- response_body
total: 3
events.*.payload.n: [4,2,1]



=== TEST 2: oldest first
--- request
GET /inbox?order=asc
--- response_body_filters pick
events.*.payload.n
--- response_body
events.*.payload.n: [1,2,4]



=== TEST 3: the order can be named
--- request
GET /inbox?order=desc
--- response_body_filters pick
events.*.payload.n
--- response_body
events.*.payload.n: [4,2,1]



=== TEST 4: an unknown order
--- request
GET /inbox?order=up
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
--- response_body
error.code: "INVALID_PARAMETER"
error.details.field: "order"



=== TEST 5: another owner sees only his own
--- more_headers
Authorization: Bearer bob-key
--- request
GET /inbox
--- response_body_filters pick
total
events.*.payload.n
events.*.user_id
--- response_body
total: 1
events.*.payload.n: [3]
events.*.user_id: ["bob"]



=== TEST 6: the scope admin sees all
--- more_headers
Authorization: Bearer admin-key
--- request
GET /inbox
--- response_body_filters pick
total
events.*.payload.n
events.*.user_id
--- response_body
total: 4
events.*.payload.n: [4,3,2,1]
events.*.user_id: ["alice","bob","alice","alice"]



=== TEST 7: the shape of the answer
--- request
GET /inbox
--- response_headers_like
Content-Type: application/json.*
--- response_body_filters pick
limit
offset
pagination.limit
pagination.offset
pagination.has_more
pagination.next_cursor
total_is_capped
--- response_body_like eval
quotemeta("limit: 50\noffset: 0\npagination.limit: 50\n"
          . "pagination.offset: 0\npagination.has_more: false\n")
. "pagination.next_cursor: (null|\".*\")\ntotal_is_capped: (\\(none\\)|false)\n"



=== TEST 8: the answer has a time and a request id
--- more_headers
Authorization: Bearer alice-key
X-Request-ID: r-1
--- request
GET /inbox
--- response_body_like eval
qr/(?=.*"timestamp":\s*"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")(?=.*"request_id":\s*"r-1")/s



=== TEST 9: an event as it is listed
--- request
GET /inbox?order=asc&limit=1
--- response_body_filters pick
events.0.event_id
events.0.user_id
events.0.event_type
events.0.source
events.0.payload
events.0.status
events.0.priority
events.0.created_at
events.0.timestamp
events.0.updated_at
events.0.retry_count
events.0.acknowledged_at
--- response_body eval
my $e = $::e[0];
qq{events.0.event_id: "$e->{event_id}"
events.0.user_id: "alice"
events.0.event_type: "order.created"
events.0.source: "shop"
events.0.payload: {"n":1}
events.0.status: "pending"
events.0.priority: "normal"
events.0.created_at: "$e->{created_at}"
events.0.timestamp: "$e->{created_at}"
events.0.updated_at: "$e->{created_at}"
events.0.retry_count: 0
events.0.acknowledged_at: null
}



=== TEST 10: every event has all members, absent values too
--- request
GET /inbox?limit=1
--- response_body_like eval
my $all = CORE::join '', map { "(?=.*\"$_\":)" }
    qw( event_id user_id event_type source payload metadata status priority
        created_at timestamp updated_at retry_count last_retry_at delivered_at
        acknowledged_at leased_until error_message ttl context );
qr/$all/s



=== TEST 11: v1 lists the same
--- request
GET /v1/inbox
--- response_body_filters pick
total
events.*.payload.n
--- response_body
total: 3
events.*.payload.n: [4,2,1]



=== TEST 12: on v1 what the server saw is in the metadata too
--- request
GET /v1/inbox?limit=1
--- response_body_filters pick
events.0.metadata.source_ip
events.0.context.source_ip
--- response_body
events.0.metadata.source_ip: "127.0.0.1"
events.0.context.source_ip: "127.0.0.1"



=== TEST 13: on v1 the pagination's offset is a cursor
--- request
GET /v1/inbox?limit=1
--- response_body_filters pick
offset
pagination.offset
pagination.has_more
--- response_body_like: ^offset: 0\npagination\.offset: "[^"]+"\npagination\.has_more: true\n$



=== TEST 14: on v1 it is null at the end
--- request
GET /v1/inbox
--- response_body_filters pick
pagination.offset
pagination.has_more
--- response_body
pagination.offset: null
pagination.has_more: false



=== TEST 15: HEAD has the headers and no body
--- request
HEAD /inbox
--- response_headers_like
Content-Type: application/json.*
--- response_body:



=== TEST 16: a trailing slash
--- request
GET /inbox/
--- response_body_filters pick
total
--- response_body
total: 3



=== TEST 17: an empty inbox
--- http_config eval
my $c = Triggers::Blocks::store_config();
$c =~ s/events\.db/empty.db/;
$c
--- request
GET /inbox
--- response_body_filters pick
total
events
pagination.has_more
--- response_body
total: 0
events: []
pagination.has_more: false
