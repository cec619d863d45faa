# POST /v1/events/acknowledge/batch: what becomes of each id, and bodies that
# are refused.

use Test::Nginx::Socket;
use Triggers::Blocks;
use Triggers::Fixture;

our @e = fixture('{"event_type":"t","payload":{"n":1}}',
                 '{"event_type":"t","payload":{"n":2}}',
                 '{"event_type":"t","payload":{"n":3}}',
                 [bob => '{"event_type":"t","payload":{"n":4}}']);
our @id = map { $_->{event_id} } @e;
our $unknown = '0193b3a0-0000-7000-8000-000000000001';
our $post = 'POST /v1/events/acknowledge/batch';
our $alice = 'Authorization: Bearer alice-key';
our $bob = 'Authorization: Bearer bob-key';
our $inbox = 'GET /v1/inbox?order=asc';


sub ack { return "$::post\n" . '{"event_ids":[' . CORE::join(',', @_) . ']}' }


sub quoted { return map { qq("$_") } @_ }

plan tests => repeat_each() * checks();

run_tests();

__DATA__

=== TEST 1: events are acknowledged
--- more_headers
Authorization: Bearer alice-key
X-Request-ID: r-1
--- request eval
[main::ack(main::quoted(@::id[0, 2])), $::inbox, "GET /v1/events/$::id[2]"]
--- response_body_filters pick
success_count
failure_count
results.*.index
results.0.event_id
results.1.event_id
results.*.status
request_id
error
events.*.payload.n
status
--- response_body eval
["success_count: 2\nfailure_count: 0\nresults.*.index: [0,1]\n"
 . "results.0.event_id: \"$::id[0]\"\nresults.1.event_id: \"$::id[2]\"\n"
 . "results.*.status: [\"acknowledged\",\"acknowledged\"]\n"
 . "request_id: \"r-1\"\nerror: (none)\nevents.*.payload.n: []\n"
 . "status: (none)\n",
 "success_count: (none)\nfailure_count: (none)\nresults.*.index: []\n"
 . "results.0.event_id: (none)\nresults.1.event_id: (none)\n"
 . "results.*.status: []\nrequest_id: \"r-1\"\nerror: (none)\n"
 . "events.*.payload.n: [2]\nstatus: (none)\n",
 "success_count: (none)\nfailure_count: (none)\nresults.*.index: []\n"
 . "results.0.event_id: (none)\nresults.1.event_id: (none)\n"
 . "results.*.status: []\nrequest_id: \"r-1\"\nerror: (none)\n"
 . "events.*.payload.n: []\nstatus: \"acknowledged\"\n"]
--- error_code eval
[200, 200, 200]



=== TEST 2: the result of one
--- request eval: main::ack(main::quoted($::id[0]))
--- response_body_like eval
'^\{"success_count":1,"failure_count":0,"results":\[\{"index":0,"event_id":"'
. $::id[0] . '","status":"acknowledged","acknowledged_at":'
. '"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"\}\],"request_id":"[^"]+"\}$'



=== TEST 3: those that cannot be do not stop the others
--- request eval
[main::ack(main::quoted($::unknown, $::id[1], 'x', $::id[3], $::id[1]),
           7, 'null', main::quoted($::id[0])), $::inbox]
--- response_body_filters pick
success_count
failure_count
results.*.index
results.*.error.code
results.0.event_id
results.0.error.code
results.1.status
results.2.event_id
results.2.error.details.field
results.3.error.code
results.4.error.code
results.5.event_id
results.6.error.code
results.7.status
error
events.*.payload.n
--- response_body eval
[<<"END", <<'END2']
success_count: 2
failure_count: 6
results.*.index: [0,1,2,3,4,5,6,7]
results.*.error.code: ["NOT_FOUND","VALIDATION_ERROR","NOT_FOUND","CONFLICT","VALIDATION_ERROR","VALIDATION_ERROR"]
results.0.event_id: "$::unknown"
results.0.error.code: "NOT_FOUND"
results.1.status: "acknowledged"
results.2.event_id: "x"
results.2.error.details.field: "event_ids"
results.3.error.code: "NOT_FOUND"
results.4.error.code: "CONFLICT"
results.5.event_id: (none)
results.6.error.code: "VALIDATION_ERROR"
results.7.status: "acknowledged"
error: (none)
events.*.payload.n: []
END
success_count: (none)
failure_count: (none)
results.*.index: []
results.*.error.code: []
results.0.event_id: (none)
results.0.error.code: (none)
results.1.status: (none)
results.2.event_id: (none)
results.2.error.details.field: (none)
results.3.error.code: (none)
results.4.error.code: (none)
results.5.event_id: (none)
results.6.error.code: (none)
results.7.status: (none)
error: (none)
events.*.payload.n: [3]
END2
--- error_code eval
[200, 200]



=== TEST 4: another owner's is as an unknown one, and stays as it is
--- more_headers eval: [$::alice, $::bob]
--- request eval
[main::ack(main::quoted($::id[3], $::unknown)), $::inbox]
--- response_body_like eval
['"results":\[\{"index":0,"event_id":"[^"]+",("error":\{"code":"NOT_FOUND",'
 . '"message":"[^"]+","details":\{\}\}\}),'
 . '\{"index":1,"event_id":"[^"]+",\1\]', '"payload":\{"n":4\}']
--- error_code eval
[200, 200]



=== TEST 5: when none can be, it is an answer all the same
--- request eval
[main::ack(main::quoted($::unknown)), main::ack('1')]
--- response_body_filters pick
success_count
failure_count
error
--- response_body eval
[("success_count: 0\nfailure_count: 1\nerror: (none)\n") x 2]
--- error_code eval
[200, 200]



=== TEST 6: the scope admin may acknowledge every owner's
--- more_headers
Authorization: Bearer admin-key
--- request eval: main::ack(main::quoted(@::id[0, 3]))
--- response_body_filters pick
success_count
--- response_body
success_count: 2



=== TEST 7: one that was acknowledged before, alone or in a batch
--- request eval
["POST /v1/events/$::id[0]/ack", main::ack(main::quoted(@::id[0, 1])),
 main::ack(main::quoted(@::id[1, 2])), "POST /v1/events/$::id[1]/ack"]
--- response_body_filters pick
results.*.error.code
results.*.status
error.code
--- response_body eval
["results.*.error.code: []\nresults.*.status: []\nerror.code: (none)\n",
 ("results.*.error.code: [\"CONFLICT\"]\n"
  . "results.*.status: [\"acknowledged\"]\nerror.code: (none)\n") x 2,
 "results.*.error.code: []\nresults.*.status: []\nerror.code: \"CONFLICT\"\n"]
--- error_code eval
[200, 200, 200, 409]



=== TEST 8: one that is gone
--- request eval
["DELETE /v1/events/$::id[0]", main::ack(main::quoted(@::id[0, 1]))]
--- response_body_filters pick
results.*.error.code
results.*.status
--- response_body eval
["results.*.error.code: []\nresults.*.status: []\n",
 "results.*.error.code: [\"NOT_FOUND\"]\n"
 . "results.*.status: [\"acknowledged\"]\n"]



=== TEST 9: ids in upper case
--- request eval: main::ack(main::quoted(uc $::id[0]))
--- response_body_filters pick
success_count
results.0.event_id
--- response_body eval
"success_count: 1\nresults.0.event_id: \"$::id[0]\"\n"



=== TEST 10: what is no id is told, clipped, as it came
--- request eval
main::ack('"' . 'x' x 300 . '"', '""', '"\\"\\u00e9"', '"' . $::id[0] . ' "')
--- response_body_like eval
'"event_id":"x{100}","error".*"event_id":"","error".*"event_id":"\\\\"'
. "\xc3\xa9" . '","error".*"event_id":"[^"]+ ","error"'



=== TEST 11: a thousand
--- http_config eval
Triggers::Blocks::store_config() . "    triggers_rate_limit  0;\n"
--- request eval
[main::ack(main::quoted($::id[0], ($::unknown) x 998, $::id[1])), $::inbox]
--- response_body_filters pick
success_count
failure_count
results.0.status
results.500.error.code
results.999.status
events.*.payload.n
--- response_body eval
["success_count: 2\nfailure_count: 998\nresults.0.status: \"acknowledged\"\n"
 . "results.500.error.code: \"NOT_FOUND\"\n"
 . "results.999.status: \"acknowledged\"\nevents.*.payload.n: []\n",
 "success_count: (none)\nfailure_count: (none)\nresults.0.status: (none)\n"
 . "results.500.error.code: (none)\nresults.999.status: (none)\n"
 . "events.*.payload.n: [3]\n"]
--- error_code eval
[200, 200]



=== TEST 12: more than a thousand, none, or no array
--- request eval
[main::ack(main::quoted(($::id[0]) x 1001)), main::ack(),
 (map { "$::post\n{\"event_ids\":$_}" } "\"$::id[0]\"", '{}', 'null', '1'),
 "$::post\n{}", $::inbox]
--- response_body_filters pick
error.code
error.details.field
events.*.payload.n
--- response_body eval
[("error.code: \"VALIDATION_ERROR\"\nerror.details.field: \"event_ids\"\n"
  . "events.*.payload.n: []\n") x 7,
 "error.code: (none)\nerror.details.field: (none)\n"
 . "events.*.payload.n: [1,2,3]\n"]
--- error_code eval
[(400) x 7, 200]



=== TEST 13: bodies that are none
--- request eval
[(map { "$::post\n$_" } '', 'x', '[]', "[\"$::id[0]\"]", "\"$::id[0]\"",
  "{\"event_ids\":[\"$::id[0]\"]", "{\"event_ids\":[\"$::id[0]\",]}",
  "{\"event_ids\":[\"$::id[0]\"]} x",
  "{\"event_ids\":[\"$::id[0]\"],\"event_ids\":[\"$::id[1]\"]}",
  "{\"event_ids\":[\"$::id[0]\"],\"x\":1}",
  "{\"event_ids\":[\"$::id[0]\",\"\xff\"]}"), $::inbox]
--- response_body_filters pick
error.code
results
events.*.payload.n
--- response_body eval
[("error.code: \"VALIDATION_ERROR\"\nresults: (none)\n"
  . "events.*.payload.n: []\n") x 11,
 "error.code: (none)\nresults: (none)\nevents.*.payload.n: [1,2,3]\n"]
--- error_code eval
[(400) x 11, 200]



=== TEST 14: another member
--- request eval
"$::post\n{\"event_ids\":[\"$::id[0]\"],\"lease_id\":1}"
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "lease_id"



=== TEST 15: a body that is too large
--- request eval: "$::post\n" . ' ' x 300_000 . '{}'
--- more_headers
Authorization: Bearer alice-key
Content-Length: 300002
--- error_code: 413
--- response_body_filters pick
error.code
--- response_body
error.code: "PAYLOAD_TOO_LARGE"



=== TEST 16: it needs its scope, a key, and the method
--- http_config eval
Triggers::Blocks::store_config()
. "    triggers_key  \"writer\"  user=alice  scopes=events:write,events:read;\n"
--- more_headers eval
["Authorization: Bearer writer", "X-None: 1", ($::alice) x 4]
--- request eval
[(main::ack(main::quoted($::id[0]))) x 2, "GET /v1/events/acknowledge/batch",
 "POST /events/acknowledge/batch\n{}", "POST /v1/events/acknowledge\n{}",
 $::inbox]
--- response_headers eval
["Allow:", "Allow:", "Allow: POST, OPTIONS", "Allow:",
 "Allow: GET, HEAD, DELETE, OPTIONS",
 "Allow:"]
--- error_code eval
[403, 401, 405, 404, 405, 200]



=== TEST 17: the content type is JSON
--- more_headers
Authorization: Bearer alice-key
Content-Type: text/plain
--- request eval: main::ack(main::quoted($::id[0]))
--- error_code: 415



=== TEST 18: also where commits are not waited for
--- config
        location / {
            triggers main;
            triggers_synchronous_commit off;
        }
--- request eval
[main::ack(main::quoted(@::id[0, 1])), main::ack(main::quoted(@::id[0, 2])),
 $::inbox]
--- response_body_filters pick
success_count
results.*.error.code
events
--- response_body eval
["success_count: 2\nresults.*.error.code: []\nevents: (none)\n",
 "success_count: 1\nresults.*.error.code: [\"CONFLICT\"]\nevents: (none)\n",
 "success_count: (none)\nresults.*.error.code: []\nevents: []\n"]
--- error_code eval
[200, 200, 200]



=== TEST 19: a repeat does not bring back what was acknowledged
--- more_headers eval
["$::alice\nIdempotency-Key: \"k\"", $::alice, "$::alice\nIdempotency-Key: k",
 $::alice]
--- request eval
["POST /events\n{\"payload\":{\"n\":9}}",
 main::ack(main::quoted(@::id[0 .. 2])),
 "POST /events\n{\"payload\":{\"n\":9}}", $::inbox]
--- response_headers eval
["Idempotent-Replayed:", "Idempotent-Replayed:", "Idempotent-Replayed: true",
 "Idempotent-Replayed:"]
--- response_body_filters pick
events.*.payload.n
--- response_body eval
[("events.*.payload.n: []\n") x 3, "events.*.payload.n: [9]\n"]
