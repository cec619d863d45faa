# Acknowledging, retrying and deleting one event, and reading its status.

use Test::Nginx::Socket;
use Triggers::Blocks;
use Triggers::Fixture;

our @e = fixture('{"event_type":"t","payload":{"n":1}}',
                 '{"event_type":"t","payload":{"n":2}}',
                 [bob => '{"event_type":"t","payload":{"n":3}}']);
our @id = map { $_->{event_id} } @e;
our $alice = 'Authorization: Bearer alice-key';
our $unknown = '0193b3a0-0000-7000-8000-000000000001';

plan tests => repeat_each() * checks();

run_tests();

__DATA__

=== TEST 1: an acknowledgement on root deletes
--- request eval
["POST /inbox/$::id[0]/ack", "GET /inbox?status=all",
 "GET /v1/events/$::id[0]"]
--- response_body_filters pick
event_id
status
total
events.*.payload.n
error.code
--- response_body eval
["event_id: \"$::id[0]\"\nstatus: \"deleted\"\ntotal: (none)\n"
 . "events.*.payload.n: []\nerror.code: (none)\n",
 "event_id: (none)\nstatus: (none)\ntotal: 1\nevents.*.payload.n: [2]\n"
 . "error.code: (none)\n",
 "event_id: (none)\nstatus: (none)\ntotal: (none)\n"
 . "events.*.payload.n: []\nerror.code: \"NOT_FOUND\"\n"]
--- error_code eval
[200, 200, 404]



=== TEST 2: its answer has a time and a request id
--- more_headers
Authorization: Bearer alice-key
X-Request-ID: r-1
--- request eval
"POST /inbox/$::id[0]/ack"
--- response_body_like eval
qr/(?=.*"timestamp":\s*"\d{4}-[^"]+Z")(?=.*"request_id":\s*"r-1")/s



=== TEST 3: acknowledged twice on root
--- request eval
["POST /inbox/$::id[0]/ack", "POST /inbox/$::id[0]/ack"]
--- response_body_like eval
["deleted", "NOT_FOUND"]
--- error_code eval
[200, 404]



=== TEST 4: acknowledgement with a body that nobody reads
--- request eval
"POST /inbox/$::id[0]/ack\n{}"



=== TEST 5: another owner's event is unknown
--- request eval
["POST /inbox/$::id[2]/ack", "POST /v1/events/$::id[2]/ack",
 "POST /inbox/$::id[2]/retry", "POST /v1/events/$::id[2]/retry",
 "GET /v1/events/$::id[2]", "GET /v1/events/$::id[2]/status"]
--- response_body_filters pick
error.code
error.message
--- response_body_like eval
[("^error.code: \"NOT_FOUND\"\n") x 6]
--- error_code eval
[404, 404, 404, 404, 404, 404]



=== TEST 6: nothing happens to it
--- request eval
["POST /inbox/$::id[2]/ack", "GET /inbox", "DELETE /v1/events/$::id[2]",
 "GET /inbox"]
--- more_headers eval
["Authorization: Bearer alice-key", "Authorization: Bearer bob-key",
 "Authorization: Bearer alice-key", "Authorization: Bearer bob-key"]
--- response_body_filters pick
total
deleted
--- response_body eval
["total: (none)\ndeleted: (none)\n", "total: 1\ndeleted: (none)\n",
 "total: (none)\ndeleted: false\n", "total: 1\ndeleted: (none)\n"]
--- error_code eval
[404, 200, 200, 200]



=== TEST 7: the scope admin may acknowledge every owner's
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /inbox/$::id[2]/ack"



=== TEST 8: an unknown id
--- request eval
["POST /inbox/$::unknown/ack", "POST /inbox/$::unknown/retry",
 "POST /v1/events/$::unknown/ack", "POST /v1/events/$::unknown/retry",
 "GET /v1/events/$::unknown", "GET /v1/events/$::unknown/status"]
--- response_body_filters pick
error.code
--- response_body eval
[("error.code: \"NOT_FOUND\"\n") x 6]
--- error_code eval
[404, 404, 404, 404, 404, 404]



=== TEST 9: a malformed id on root
--- request eval
["POST /inbox/x/ack", "POST /inbox/0193b3a0-0000-7000-8000-0000000000010/retry",
 "POST /inbox/0193b3a0_0000_7000_8000_000000000001/ack"]
--- response_body_filters pick
error.code
--- response_body eval
[("error.code: \"INVALID_PARAMETER\"\n") x 3]
--- error_code eval
[400, 400, 400]



=== TEST 10: a malformed id on v1
--- request eval
["GET /v1/events/x", "GET /v1/events/x/status", "POST /v1/events/x/ack",
 "POST /v1/events/x/retry", "DELETE /v1/events/x"]
--- response_body_filters pick
error.code
--- response_body eval
[("error.code: \"VALIDATION_ERROR\"\n") x 5]
--- error_code eval
[400, 400, 400, 400, 400]



=== TEST 11: an id in upper case is the same
--- request eval
"GET /v1/events/" . uc $::id[0]
--- response_body_filters pick
event_id
--- response_body eval
"event_id: \"$::id[0]\"\n"



=== TEST 12: a UUID of another version is well-formed
--- request
GET /v1/events/5f0c5f0c-5f0c-4f0c-9f0c-5f0c5f0c5f0c
--- error_code: 404



=== TEST 13: an acknowledgement on v1
--- request eval
["POST /v1/events/$::id[0]/ack", "GET /v1/events/$::id[0]"]
--- response_body_filters pick
event_id
status
--- response_body eval
[("event_id: \"$::id[0]\"\nstatus: \"acknowledged\"\n") x 2]
--- error_code eval
[200, 200]



=== TEST 14: its answer
--- more_headers
Authorization: Bearer alice-key
X-Request-ID: r-1
--- request eval
"POST /v1/events/$::id[0]/ack"
--- response_body_like eval
qr/(?=.*"acknowledged_at":\s*"\d{4}-[^"]+Z")(?=.*"message":\s*"[^"]+")(?=.*"request_id":\s*"r-1")/s



=== TEST 15: acknowledged twice on v1
--- request eval
["POST /v1/events/$::id[0]/ack", "POST /v1/events/$::id[0]/ack"]
--- response_body_filters pick
error.code
--- response_body eval
["error.code: (none)\n", "error.code: \"CONFLICT\"\n"]
--- error_code eval
[200, 409]



=== TEST 16: an acknowledged event leaves the inbox of v1 and stays in that of root
--- request eval
["POST /v1/events/$::id[0]/ack", "GET /v1/inbox", "GET /inbox",
 "GET /v1/inbox?status=acknowledged", "GET /v1/inbox?status=all",
 "GET /inbox?status=pending"]
--- response_body_filters pick
total
events.*.payload.n
--- response_body eval
["total: (none)\nevents.*.payload.n: []\n",
 "total: 1\nevents.*.payload.n: [2]\n",
 "total: 2\nevents.*.payload.n: [2,1]\n",
 "total: 1\nevents.*.payload.n: [1]\n",
 "total: 2\nevents.*.payload.n: [2,1]\n",
 "total: 1\nevents.*.payload.n: [2]\n"]
--- error_code eval
[200, 200, 200, 200, 200, 200]



=== TEST 17: an acknowledged event can be deleted by the root's acknowledgement
--- request eval
["POST /v1/events/$::id[0]/ack", "POST /inbox/$::id[0]/ack"]
--- response_body_filters pick
status
--- response_body eval
["status: \"acknowledged\"\n", "status: \"deleted\"\n"]
--- error_code eval
[200, 200]



=== TEST 18: the status of an event
--- request eval
["GET /v1/events/$::id[0]/status", "POST /v1/events/$::id[0]/ack",
 "GET /v1/events/$::id[0]/status"]
--- response_body_filters pick
event_id
status
retry_count
last_retry_at
delivered_at
attempts
--- response_body eval
["event_id: \"$::id[0]\"\nstatus: \"pending\"\nretry_count: 0\n"
 . "last_retry_at: null\ndelivered_at: null\nattempts: []\n",
 "event_id: \"$::id[0]\"\nstatus: \"acknowledged\"\nretry_count: (none)\n"
 . "last_retry_at: (none)\ndelivered_at: (none)\nattempts: (none)\n",
 "event_id: \"$::id[0]\"\nstatus: \"acknowledged\"\nretry_count: 0\n"
 . "last_retry_at: null\ndelivered_at: null\nattempts: []\n"]
--- error_code eval
[200, 200, 200]



=== TEST 19: a retry of an event that has not failed
--- request eval
["POST /inbox/$::id[0]/retry", "POST /v1/events/$::id[0]/retry",
 "POST /v1/events/$::id[0]/ack", "POST /inbox/$::id[0]/retry"]
--- response_body_filters pick
error.code
--- response_body eval
["error.code: \"CONFLICT\"\n", "error.code: \"CONFLICT\"\n",
 "error.code: (none)\n", "error.code: \"CONFLICT\"\n"]
--- error_code eval
[409, 409, 200, 409]



=== TEST 20: a deletion
--- request eval
["DELETE /v1/events/$::id[0]", "GET /v1/events/$::id[0]", "GET /inbox"]
--- response_body_filters pick
event_id
status
deleted
total
--- response_body eval
["event_id: \"$::id[0]\"\nstatus: \"deleted\"\ndeleted: true\n"
 . "total: (none)\n",
 "event_id: (none)\nstatus: (none)\ndeleted: (none)\ntotal: (none)\n",
 "event_id: (none)\nstatus: (none)\ndeleted: (none)\ntotal: 1\n"]
--- error_code eval
[200, 404, 200]



=== TEST 21: a deletion of what is not there
--- request eval
["DELETE /v1/events/$::id[0]", "DELETE /v1/events/$::id[0]",
 "DELETE /v1/events/0193b3a0-0000-7000-8000-000000000001"]
--- response_body_filters pick
deleted
status
--- response_body eval
["deleted: true\nstatus: \"deleted\"\n",
 "deleted: false\nstatus: \"deleted\"\n",
 "deleted: false\nstatus: \"deleted\"\n"]
--- error_code eval
[200, 200, 200]



=== TEST 22: a deletion that wants no answer, in the ways this may be said
--- more_headers eval
[(map { "$::alice\nPrefer: $_" } 'return=minimal', 'return="minimal"',
 'return = minimal', "respond-async\nPrefer: return=minimal",
 'return=representation, return=minimal'), $::alice]
--- request eval
[("DELETE /v1/events/$::id[0]") x 5, "GET /inbox"]
--- response_headers eval
[("Preference-Applied: return=minimal") x 4, ("Preference-Applied:") x 2]
--- response_body_like eval
[("^\$") x 4, "deleted", "total"]
--- error_code eval
[204, 204, 204, 204, 200, 200]



=== TEST 23: a deletion of an acknowledged event
--- request eval
["POST /v1/events/$::id[0]/ack", "DELETE /v1/events/$::id[0]",
 "GET /inbox?status=all"]
--- response_body_filters pick
deleted
total
--- response_body eval
["deleted: (none)\ntotal: (none)\n", "deleted: true\ntotal: (none)\n",
 "deleted: (none)\ntotal: 1\n"]
--- error_code eval
[200, 200, 200]



=== TEST 24: with a trailing slash
--- request eval
["GET /v1/events/$::id[0]/", "GET /v1/events/$::id[0]/status/",
 "POST /inbox/$::id[0]/ack/", "DELETE /v1/events/$::id[1]/"]
--- response_body_filters pick
error.code
--- response_body eval
[("error.code: (none)\n") x 4]
--- error_code eval
[200, 200, 200, 200]
