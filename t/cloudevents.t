# CloudEvents that are posted, in the three modes of the HTTP binding.

use Test::Nginx::Socket;
use Triggers::Blocks;

our $ce = '"specversion":"1.0","id":"1","source":"/s","type":"t"';
our $auth = 'Authorization: Bearer alice-key';
our $structured = "$auth\nContent-Type: application/cloudevents+json";
our $batched = "$auth\nContent-Type: application/cloudevents-batch+json";
our $binary = "$auth\nce-specversion: 1.0\nce-id: 1\nCE-Source: /s\n"
              . 'Ce-Type: t';
our $json = "$binary\nContent-Type: application/json";
our $reading = "$auth\nAccept: application/cloudevents-batch+json";

# one event as it is read back, where it came without a time

sub written {
    my ($more) = @_;
    return '^' . quotemeta(qq([{$ce,"time":")) . '[-:.\dT]+Z"'
           . quotemeta("$more}]") . '$';
}

plan tests => repeat_each() * checks();

run_tests();

__DATA__

=== TEST 1: structured, on root
--- request eval
["POST /events\n{$::ce}", "GET /inbox"]
--- more_headers eval
[$::structured, $::auth]
--- response_body_filters pick
status
events.0.event_type
events.0.source
events.0.payload
events.0.metadata
--- response_body eval
[<<'END', <<'END2']
status: "accepted"
events.0.event_type: (none)
events.0.source: (none)
events.0.payload: (none)
events.0.metadata: (none)
END
status: (none)
events.0.event_type: "t"
events.0.source: "/s"
events.0.payload: {}
events.0.metadata: {"ce_data":"none","id":"1","specversion":"1.0"}
END2
--- error_code eval
[200, 200]



=== TEST 2: structured, on v1
--- more_headers eval: $::structured
--- request eval
"POST /v1/events\n{$::ce,\"data\":{\"a\":1}}"
--- error_code: 201
--- response_headers_like
Location: /v1/events/[0-9a-f-]{36}
--- response_body_filters pick
status
message
--- response_body
status: "pending"
message: "Event ingested successfully"



=== TEST 3: a parameter of the media type
--- request eval
["POST /events\n{$::ce,\"data\":{\"a\": 1.50}}", "GET /inbox"]
--- more_headers eval
["$::structured; charset=UTF-8", $::reading]
--- response_body_like eval
['"accepted"', main::written(',"datacontenttype":"application/json",'
                             . '"data":{"a": 1.50}')]
--- error_code eval
[200, 200]



=== TEST 4: attributes and data are the same again
--- request eval
["POST /v1/events\n{$::ce,\"time\":\"2025-11-10T12:34:56.123456+01:00\","
 . '"datacontenttype":"text/xml","subject":"\u00e9","a1":-1,"b":true,'
 . '"priority":"high","none":null,"data":"<a/>"}',
 "GET /inbox"]
--- more_headers eval
[$::structured, $::reading]
--- response_body_like eval
['"pending"',
 quotemeta("[{$::ce,\"time\":\"2025-11-10T12:34:56.123456+01:00\","
           . '"subject":"\u00e9","a1":-1,"b":true,"priority":"high",'
           . '"datacontenttype":"text/xml","data":"<a/>"}]')]
--- error_code eval
[201, 200]



=== TEST 5: data in base64
--- request eval
["POST /events\n{$::ce,\"data_base64\":\"AP8=\"}", "GET /inbox"]
--- more_headers eval
[$::structured, $::reading]
--- response_body_like eval
['"accepted"', main::written(',"data_base64":"AP8="')]
--- error_code eval
[200, 200]



=== TEST 6: a priority that is one of ours is effective
--- request eval
["POST /events\n{$::ce,\"priority\":\"high\"}",
 "GET /inbox?priority=high&metadata.id=1"]
--- more_headers eval
[$::structured, $::auth]
--- response_body_filters pick
total
--- response_body eval
["total: (none)\n", "total: 1\n"]
--- error_code eval
[200, 200]



=== TEST 7: and another one just an attribute
--- request eval
["POST /v1/events\n{$::ce,\"priority\":7}", "GET /inbox?priority=normal"]
--- more_headers eval
[$::structured, $::auth]
--- response_body_filters pick
events.0.metadata.priority
--- response_body eval
["events.0.metadata.priority: (none)\n", "events.0.metadata.priority: 7\n"]
--- error_code eval
[201, 200]



=== TEST 8: structured, refused on root
--- more_headers eval: $::structured
--- request eval
["POST /events\n", "POST /events\n[]", "POST /events\n{}",
 "POST /events\n{$::ce,\"type\":\"t\"}", "POST /events\n{$::ce,\"A\":1}",
 "POST /events\n{$::ce,\"time\":\"now\"}",
 "POST /events\n{$::ce,\"data_base64\":\"?\"}",
 "POST /events\n{\"payload\":{}}"]
--- response_body_filters pick
error.code
error.details
--- response_body eval
[map { "error.code: \"INVALID_PAYLOAD\"\nerror.details: $_\n" }
 '{}', '{}', '{"field":"specversion"}', '{}', '{"field":"A"}',
 '{"field":"time"}', '{"field":"data_base64"}', '{"field":"payload"}']
--- error_code eval
[(400) x 8]



=== TEST 9: structured, refused on v1
--- more_headers eval: $::structured
--- request eval
"POST /v1/events\n{$::ce,\"n\":1.5}"
--- error_code: 400
--- response_body_filters pick
error.code
error.message
error.details.field
--- response_body
error.code: "VALIDATION_ERROR"
error.message: "n must be a string, a boolean or an integer of 32 bits"
error.details.field: "n"



=== TEST 10: a type of more than 100 characters
--- more_headers eval: $::structured
--- request eval
"POST /events\n" . '{"specversion":"1.0","id":"1","source":"/s","type":"'
. ('a' x 101) . '"}'
--- error_code: 400
--- response_body_filters pick
error.details.field
--- response_body
error.details.field: "type"



=== TEST 11: binary
--- request eval
["POST /events\n{\"a\": 1}", "GET /inbox"]
--- more_headers eval
["$::json\nce-subject: Euro%20%E2%82%AC\nce-n: 5", $::reading]
--- response_body_like eval
['"accepted"', main::written(",\"subject\":\"Euro \xe2\x82\xac\",\"n\":\"5\","
                             . '"datacontenttype":"application/json",'
                             . '"data":{"a": 1}')]
--- error_code eval
[200, 200]



=== TEST 12: binary without data
--- request eval
["POST /v1/events", "GET /inbox"]
--- more_headers eval
["$::binary\nContent-Length: 0", $::reading]
--- response_body_like eval
['"pending"', main::written('')]
--- error_code eval
[201, 200]



=== TEST 13: binary with data that is no object
--- request eval
["POST /v1/events\n[1, 2]", "GET /inbox", "GET /inbox"]
--- more_headers eval
["$::binary\nContent-Type: application/vnd.a+json", $::reading, $::auth]
--- response_body_like eval
['"pending"', main::written(',"datacontenttype":"application/vnd.a+json",'
                            . '"data":[1, 2]'),
 '"payload":\{"data":\[1, 2\]\}']
--- error_code eval
[201, 200, 200]



=== TEST 14: binary, refused on root
--- more_headers eval
["$::auth\nce-specversion: 1.0", "$::json\nce-id: 2", "$::json\nce-subject: %",
 "$::json\nce-a-b: c", "$::json\nce-time: now", $::json]
--- request eval
[("POST /events\n{}") x 5, "POST /events\n{"]
--- response_body_filters pick
error.code
error.details.field
--- response_body eval
[map { "error.code: \"INVALID_PAYLOAD\"\nerror.details.field: \"$_\"\n" }
 qw( id id subject a-b time data )]
--- error_code eval
[(400) x 6]



=== TEST 15: binary, refused on v1
--- more_headers eval
"$::auth\nce-specversion: 0.3\nce-id: 1\nce-source: /s\nce-type: t"
--- request
POST /v1/events
{}
--- error_code: 400
--- response_body_filters pick
error.code
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.message: "specversion must be \"1.0\""



=== TEST 16: binary with data that is no JSON
--- more_headers eval
"$::binary\nContent-Type: text/plain"
--- request
POST /events
hello
--- error_code: 415
--- response_body_filters pick
error.code
--- response_body
error.code: "UNSUPPORTED_MEDIA_TYPE"



=== TEST 17: a batch, on root
--- request eval
["POST /events\n[{$::ce}, {} , "
 . '{"specversion":"1.0","id":"2","source":"/s","type":"t"}]',
 "GET /inbox?order=asc"]
--- more_headers eval
[$::batched, $::auth]
--- response_body_filters pick
success_count
failure_count
results.*.index
events.*.metadata.id
--- response_body eval
[<<'END', <<'END2']
success_count: 2
failure_count: 1
results.*.index: [0,1,2]
events.*.metadata.id: []
END
success_count: (none)
failure_count: (none)
results.*.index: []
events.*.metadata.id: ["1","2"]
END2
--- error_code eval
[200, 200]



=== TEST 18: a batch, on v1, with one that is refused
--- more_headers eval: $::batched
--- request eval
"POST /v1/events\n[{$::ce},{$::ce,\"Bad\":1},5]"
--- error_code: 201
--- response_body_filters pick
success_count
failure_count
results.0.index
results.1.index
results.1.error.code
results.1.error.details.field
results.2.error.message
--- response_body
success_count: 1
failure_count: 2
results.0.index: 0
results.1.index: 1
results.1.error.code: "VALIDATION_ERROR"
results.1.error.details.field: "Bad"
results.2.error.message: "a CloudEvent must be a JSON object"



=== TEST 19: a batch with none that is valid
--- more_headers eval: $::batched
--- request
POST /events
[{},7]
--- error_code: 400
--- response_body_filters pick
error.code
success_count
failure_count
results.0.error.details.field
--- response_body
error.code: "INVALID_PAYLOAD"
success_count: 0
failure_count: 2
results.0.error.details.field: "specversion"



=== TEST 20: batches that are none
--- more_headers eval: $::batched
--- request eval
["POST /events\n", "POST /events\n[]", "POST /events\n{$::ce}",
 "POST /events\n[{$::ce}", "POST /v1/events\n[{$::ce},]"]
--- response_body_filters pick
error.code
--- response_body eval
[(qq(error.code: "INVALID_PAYLOAD"\n)) x 4,
 qq(error.code: "VALIDATION_ERROR"\n)]
--- error_code eval
[(400) x 5]



=== TEST 21: id and source are the idempotency key
--- more_headers eval
[($::structured) x 2, $::json, $::structured, $::auth]
--- request eval
["POST /events\n{$::ce}", "POST /v1/events\n{$::ce}",
 "POST /events\n{\"a\":1}",
 "POST /events\n" . '{"specversion":"1.0","id":"1","source":"/s2","type":"t"}',
 "GET /inbox"]
--- response_headers eval
["Idempotent-Replayed:", "Idempotent-Replayed: true",
 ("Idempotent-Replayed:") x 3]
--- response_body_filters pick
error.code
total
--- response_body eval
["error.code: (none)\ntotal: (none)\n", "error.code: (none)\ntotal: (none)\n",
 qq(error.code: "IDEMPOTENCY_KEY_REUSED"\ntotal: (none)\n),
 "error.code: (none)\ntotal: (none)\n", "error.code: (none)\ntotal: 2\n"]
--- error_code eval
[200, 201, 422, 200, 200]



=== TEST 22: in a batch too
--- more_headers eval
[$::structured, $::batched, $::auth]
--- request eval
["POST /events\n{$::ce}",
 "POST /events\n[{$::ce,\"data\":[]},"
 . '{"specversion":"1.0","id":"2","source":"/s","type":"t"}]',
 "GET /inbox"]
--- response_body_filters pick
success_count
results.0.error.code
total
--- response_body eval
[<<'END', <<'END2', <<'END3']
success_count: (none)
results.0.error.code: (none)
total: (none)
END
success_count: 1
results.0.error.code: "IDEMPOTENCY_KEY_REUSED"
total: (none)
END2
success_count: (none)
results.0.error.code: (none)
total: 2
END3
--- error_code eval
[200, 200, 200]
