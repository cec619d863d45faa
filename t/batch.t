# POST /v1/events/batch: its items, valid and not, and what it is answered.

use Test::Nginx::Socket;
use Triggers::Blocks;

our $alice = 'Authorization: Bearer alice-key';
our $unlimited = store_config() . "    triggers_rate_limit  0;\n";
our $list = 'GET /inbox?order=asc&limit=1000';


# a request with these items, and that of one event

sub batch { return 'POST /v1/events/batch' . "\n" . '{"events":['
                   . CORE::join(',', @_) . ']}' }

sub item {
    my ($n, $more) = @_;
    return qq({"event_type":"t","payload":{"n":$n}) . ($more // '') . '}';
}

sub keyed {
    my ($n, $key) = @_;
    return item($n, qq(,"metadata":{"idempotency_key":"$key"}));
}

sub numbered { return batch(map { item($_) } 1 .. $_[0]) }

plan tests => repeat_each() * checks();

run_tests();

__DATA__

=== TEST 1: events are stored, in their order
--- more_headers
Authorization: Bearer alice-key
X-Request-ID: r-1
--- request eval
[main::batch(main::item(1, ',"source":"s"'), main::item(2, ',"metadata":{}'),
             main::item(3)), $::list]
--- response_body_filters pick
success_count
failure_count
results.*.index
results.*.status
results.*.error
request_id
error
events.*.payload.n
events.*.source
--- response_body eval
[<<'END', <<'END2']
success_count: 3
failure_count: 0
results.*.index: [0,1,2]
results.*.status: ["pending","pending","pending"]
results.*.error: []
request_id: "r-1"
error: (none)
events.*.payload.n: []
events.*.source: []
END
success_count: (none)
failure_count: (none)
results.*.index: []
results.*.status: []
results.*.error: []
request_id: "r-1"
error: (none)
events.*.payload.n: [1,2,3]
events.*.source: ["s",null,null]
END2
--- error_code eval
[201, 200]



=== TEST 2: an item's result
--- request eval: main::batch(main::item(1))
--- error_code: 201
--- response_headers
Content-Type: application/json
Location:
--- response_body_like eval
'^\{"success_count":1,"failure_count":0,"results":\[\{"index":0,'
. '"event_id":"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-'
. '[0-9a-f]{12}","status":"pending",'
. '"timestamp":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"\}\],'
. '"request_id":"[^"]+"\}$'



=== TEST 3: those that are refused do not stop the others
--- request eval
[main::batch('{}', main::item(1), '7', main::item(2, ',"x":1'),
             main::item(3, ',"metadata":{"priority":"top"}'), main::item(4),
             '{"event_type":"t","payload":{},"event_type":"t"}'), $::list]
--- response_body_filters pick
success_count
failure_count
results.*.index
results.*.status
results.*.error.code
results.*.error.details.field
error
events.*.payload.n
--- response_body eval
[<<'END', <<'END2']
success_count: 2
failure_count: 5
results.*.index: [0,1,2,3,4,5,6]
results.*.status: ["pending","pending"]
results.*.error.code: ["VALIDATION_ERROR","VALIDATION_ERROR","VALIDATION_ERROR","VALIDATION_ERROR","VALIDATION_ERROR"]
results.*.error.details.field: ["payload","x","metadata.priority"]
error: (none)
events.*.payload.n: []
END
success_count: (none)
failure_count: (none)
results.*.index: []
results.*.status: []
results.*.error.code: []
results.*.error.details.field: []
error: (none)
events.*.payload.n: [1,4]
END2
--- error_code eval
[201, 200]



=== TEST 4: the result of one that is refused
--- request eval: main::batch(main::item(1), '{"event_type":"t","payload":[]}')
--- error_code: 201
--- response_body_like eval
'"results":\[\{"index":0,[^{}]+\},\{"index":1,"error":\{'
. '"code":"VALIDATION_ERROR","message":"payload must be a JSON object",'
. '"details":\{"field":"payload"\}\}\}\]'



=== TEST 5: when none is valid, there is also an error
--- request eval
[main::batch('{}', 'null', '[]'), $::list]
--- response_body_filters pick
success_count
failure_count
results.*.index
results.*.error.code
error.code
error.message
total
--- response_body eval
[<<'END', <<'END2']
success_count: 0
failure_count: 3
results.*.index: [0,1,2]
results.*.error.code: ["VALIDATION_ERROR","VALIDATION_ERROR","VALIDATION_ERROR"]
error.code: "VALIDATION_ERROR"
error.message: "no item of the batch was accepted"
total: (none)
END
success_count: (none)
failure_count: (none)
results.*.index: []
results.*.error.code: []
error.code: (none)
error.message: (none)
total: 0
END2
--- error_code eval
[400, 200]



=== TEST 6: this error has all that errors have
--- more_headers
Authorization: Bearer alice-key
X-Request-ID: r-1
X-Correlation-ID: c-1
--- request eval: main::batch('{}')
--- error_code: 400
--- response_body_like eval
'"request_id":"r-1","error":\{"code":"VALIDATION_ERROR","message":"[^"]+",'
. '"details":\{\},"timestamp":"[^"]+Z","request_id":"r-1",'
. '"correlation_id":"c-1"\}\}$'



=== TEST 7: the rules are those of v1: an event type is required
--- request eval
main::batch('{"payload":{}}', '{"payload":{},"metadata":{"event_type":"t"}}',
            '{"event_type":"","payload":{}}',
            '{"event_type":"' . 'x' x 101 . '","payload":{}}',
            '{"event_type":"t","source":"","payload":{}}',
            '{"event_type":"t","payload":{},"metadata":[]}')
--- error_code_like: ^(201|400)$
--- response_body_filters pick
results.0.error.details.field
results.2.error.details.field
results.3.error.details.field
results.4.error.details.field
results.5.error.details.field
--- response_body
results.0.error.details.field: "event_type"
results.2.error.details.field: "event_type"
results.3.error.details.field: "event_type"
results.4.error.details.field: "source"
results.5.error.details.field: "metadata"



=== TEST 8: a thousand
--- http_config eval: $::unlimited
--- request eval
[main::numbered(1000), "$::list&offset=998"]
--- response_body_filters pick
success_count
failure_count
results.999.index
results.1000.index
total
events.*.payload.n
--- response_body eval
["success_count: 1000\nfailure_count: 0\nresults.999.index: 999\n"
 . "results.1000.index: (none)\ntotal: (none)\nevents.*.payload.n: []\n",
 "success_count: (none)\nfailure_count: (none)\nresults.999.index: (none)\n"
 . "results.1000.index: (none)\ntotal: 1000\nevents.*.payload.n: [999,1000]\n"]
--- error_code eval
[201, 200]



=== TEST 9: a thousand of which one is refused
--- request eval
main::batch((map { main::item($_) } 1 .. 500), '1',
            (map { main::item($_) } 502 .. 1000))
--- error_code: 201
--- response_body_filters pick
success_count
failure_count
results.499.status
results.500.error.code
results.501.status
results.999.status
--- response_body
success_count: 999
failure_count: 1
results.499.status: "pending"
results.500.error.code: "VALIDATION_ERROR"
results.501.status: "pending"
results.999.status: "pending"



=== TEST 10: more than a thousand, or none
--- request eval
[main::numbered(1001), main::batch(), $::list]
--- response_body_filters pick
error.code
error.details.field
results
total
--- response_body eval
[("error.code: \"VALIDATION_ERROR\"\nerror.details.field: \"events\"\n"
  . "results: (none)\ntotal: (none)\n") x 2,
 "error.code: (none)\nerror.details.field: (none)\nresults: (none)\n"
 . "total: 0\n"]
--- error_code eval
[400, 400, 200]



=== TEST 11: events that are no array
--- request eval
[map { "POST /v1/events/batch\n$_" } '{"events":{}}', '{"events":"x"}',
 '{"events":null}', '{"events":7}', '{}']
--- response_body_filters pick
error.code
error.details.field
--- response_body eval
[("error.code: \"VALIDATION_ERROR\"\nerror.details.field: \"events\"\n") x 5]
--- error_code eval
[(400) x 5]



=== TEST 12: another member is named
--- request eval
["POST /v1/events/batch\n{\"events\":[" . main::item(1) . "],\"atomic\":true}",
 "POST /v1/events/batch\n" . main::item(1), $::list]
--- response_body_filters pick
error.code
error.details.field
total
--- response_body eval
["error.code: \"VALIDATION_ERROR\"\nerror.details.field: \"atomic\"\n"
 . "total: (none)\n",
 "error.code: \"VALIDATION_ERROR\"\nerror.details.field: \"event_type\"\n"
 . "total: (none)\n",
 "error.code: (none)\nerror.details.field: (none)\ntotal: 0\n"]
--- error_code eval
[400, 400, 200]



=== TEST 13: bodies that are no batch
--- request eval
[(map { "POST /v1/events/batch\n$_" }
  '', 'x', '[]', '[' . main::item(1) . ']', '"events"',
  '{"events":[' . main::item(1) . ']', '{"events":[' . main::item(1) . ',]}',
  '{"events":[' . main::item(1) . ']}x', '{"events":[' . main::item(1) . '}}',
  '{"events":[' . main::item(1) . '],"events":[]}',
  '{"events":[' . main::item(1, ',"source":"' . "\xff" . '"') . ']}'),
 $::list]
--- response_body_filters pick
error.code
results
total
--- response_body eval
[("error.code: \"VALIDATION_ERROR\"\nresults: (none)\ntotal: (none)\n") x 11,
 "error.code: (none)\nresults: (none)\ntotal: 0\n"]
--- error_code eval
[(400) x 11, 200]



=== TEST 14: payloads are stored as they were sent
--- request eval
[main::batch('{ "event_type" : "t" , "payload" : { "x" : 1.10e+2, "x":[ ] } } '),
 $::list]
--- response_body_like eval
['"success_count":1', '"payload":\{ "x" : 1\.10e\+2, "x":\[ \] \}']
--- error_code eval
[201, 200]



=== TEST 15: an event that is too large
--- config
        location / {
            triggers main;
            triggers_event_max_size 1k;
        }
--- request eval
[main::batch(main::item(1), main::item(2, ',"source":"' . 'x' x 1000 . '"'),
             main::item(3)), main::batch(main::item(2, ' ' x 1000)), $::list]
--- response_body_filters pick
results.*.error.code
error.code
events.*.payload.n
--- response_body eval
["results.*.error.code: [\"PAYLOAD_TOO_LARGE\"]\nerror.code: (none)\n"
 . "events.*.payload.n: []\n",
 "results.*.error.code: [\"PAYLOAD_TOO_LARGE\"]\n"
 . "error.code: \"VALIDATION_ERROR\"\nevents.*.payload.n: []\n",
 "results.*.error.code: []\nerror.code: (none)\nevents.*.payload.n: [1,3]\n"]
--- error_code eval
[201, 400, 200]



=== TEST 16: an event of exactly the size
--- config
        location / {
            triggers main;
            triggers_event_max_size 1k;
        }
--- request eval
[map { my $item = main::item(1);
       main::batch(substr($item, 0, -1) . ' ' x ($_ - length $item) . '}') }
 1024, 1025]
--- error_code eval
[201, 400]



=== TEST 17: a batch that is too large
--- config
        location / {
            triggers main;
            triggers_batch_max_size 1k;
            client_max_body_size 1g;
        }
--- request eval
[main::batch(main::item(1, ' ' x 2000)), "POST /events\n{\"payload\":{}}"
 . ' ' x 2000, main::batch(main::item(1)), $::list]
--- response_body_filters pick
error.code
total
--- response_body eval
["error.code: \"PAYLOAD_TOO_LARGE\"\ntotal: (none)\n",
 ("error.code: (none)\ntotal: (none)\n") x 2,
 "error.code: (none)\ntotal: 2\n"]
--- error_code eval
[413, 200, 201, 200]



=== TEST 18: batches larger than an event may be pass
--- config
        location / {
            triggers main;
            triggers_event_max_size 1k;
        }
--- request eval: main::numbered(200)
--- error_code: 201
--- response_body_like: "success_count":200,



=== TEST 19: keys of the items
--- request eval
[main::batch(main::keyed(1, 'a'), main::item(2), main::keyed(3, 'b')),
 main::batch(main::keyed(3, 'b'), main::item(4), main::keyed(5, 'c'),
             main::keyed(1, 'a')), $::list]
--- response_body_filters pick
success_count
failure_count
results.*.index
results.*.idempotent_replayed
results.0.idempotent_replayed
results.1.idempotent_replayed
results.3.idempotent_replayed
events.*.payload.n
--- response_body eval
[<<'END', <<'END2', <<'END3']
success_count: 3
failure_count: 0
results.*.index: [0,1,2]
results.*.idempotent_replayed: []
results.0.idempotent_replayed: (none)
results.1.idempotent_replayed: (none)
results.3.idempotent_replayed: (none)
events.*.payload.n: []
END
success_count: 4
failure_count: 0
results.*.index: [0,1,2,3]
results.*.idempotent_replayed: [true,true]
results.0.idempotent_replayed: true
results.1.idempotent_replayed: (none)
results.3.idempotent_replayed: true
events.*.payload.n: []
END2
success_count: (none)
failure_count: (none)
results.*.index: []
results.*.idempotent_replayed: []
results.0.idempotent_replayed: (none)
results.1.idempotent_replayed: (none)
results.3.idempotent_replayed: (none)
events.*.payload.n: [1,2,3,4,5]
END3
--- error_code eval
[201, 201, 200]



=== TEST 20: a key twice in one batch
--- request eval
[main::batch(main::keyed(1, 'a'), main::keyed(1, 'a'), main::keyed(2, 'a'),
             main::keyed(1, 'a')), $::list]
--- response_body_filters pick
success_count
failure_count
results.1.idempotent_replayed
results.2.error.code
results.3.idempotent_replayed
total
--- response_body eval
["success_count: 3\nfailure_count: 1\nresults.1.idempotent_replayed: true\n"
 . "results.2.error.code: \"IDEMPOTENCY_KEY_REUSED\"\n"
 . "results.3.idempotent_replayed: true\ntotal: (none)\n",
 "success_count: (none)\nfailure_count: (none)\n"
 . "results.1.idempotent_replayed: (none)\nresults.2.error.code: (none)\n"
 . "results.3.idempotent_replayed: (none)\ntotal: 1\n"]
--- error_code eval
[201, 200]



=== TEST 21: an item that is refused does not use up its key
--- request eval
[main::batch(main::item(1, ',"x":1,"metadata":{"idempotency_key":"a"}'),
             main::keyed(2, 'a'), main::keyed(3, 'a')), $::list]
--- response_body_filters pick
results.0.error.code
results.1.status
results.1.idempotent_replayed
results.2.error.code
events.*.payload.n
--- response_body eval
["results.0.error.code: \"VALIDATION_ERROR\"\nresults.1.status: \"pending\"\n"
 . "results.1.idempotent_replayed: (none)\n"
 . "results.2.error.code: \"IDEMPOTENCY_KEY_REUSED\"\n"
 . "events.*.payload.n: []\n",
 "results.0.error.code: (none)\nresults.1.status: (none)\n"
 . "results.1.idempotent_replayed: (none)\nresults.2.error.code: (none)\n"
 . "events.*.payload.n: [2]\n"]
--- error_code eval
[201, 200]



=== TEST 22: when all keys were used for others, none is accepted
--- request eval
[main::batch(main::keyed(1, 'a'), main::keyed(2, 'b')),
 main::batch(main::keyed(3, 'a'), main::keyed(4, 'b')),
 main::batch(main::keyed(3, 'a')), main::batch(main::keyed(1, 'a'))]
--- response_body_filters pick
success_count
results.*.error.code
error.code
--- response_body eval
["success_count: 2\nresults.*.error.code: []\nerror.code: (none)\n",
 "success_count: 0\nresults.*.error.code: [\"IDEMPOTENCY_KEY_REUSED\","
 . "\"IDEMPOTENCY_KEY_REUSED\"]\nerror.code: \"VALIDATION_ERROR\"\n",
 "success_count: 0\nresults.*.error.code: [\"IDEMPOTENCY_KEY_REUSED\"]\n"
 . "error.code: \"VALIDATION_ERROR\"\n",
 "success_count: 1\nresults.*.error.code: []\nerror.code: (none)\n"]
--- error_code eval
[201, 400, 400, 201]



=== TEST 23: keys are shared with single events
--- request eval
["POST /events\n" . main::keyed(1, 'a'), main::batch(main::keyed(1, 'a'),
                                                     main::keyed(2, 'b')),
 "POST /v1/events\n" . main::keyed(2, 'b'),
 "POST /events\n" . main::keyed(3, 'b'), $::list]
--- response_headers eval
["Idempotent-Replayed:", "Idempotent-Replayed:", "Idempotent-Replayed: true",
 ("Idempotent-Replayed:") x 2]
--- response_body_filters pick
results.0.idempotent_replayed
results.1.idempotent_replayed
events.*.payload.n
--- response_body eval
["results.0.idempotent_replayed: (none)\n"
 . "results.1.idempotent_replayed: (none)\nevents.*.payload.n: []\n",
 "results.0.idempotent_replayed: true\n"
 . "results.1.idempotent_replayed: (none)\nevents.*.payload.n: []\n",
 ("results.0.idempotent_replayed: (none)\n"
  . "results.1.idempotent_replayed: (none)\nevents.*.payload.n: []\n") x 2,
 "results.0.idempotent_replayed: (none)\n"
 . "results.1.idempotent_replayed: (none)\nevents.*.payload.n: [1,2]\n"]
--- error_code eval
[200, 201, 201, 422, 200]



=== TEST 24: another owner's keys are not
--- more_headers eval
["Authorization: Bearer bob-key", ($::alice) x 2]
--- request eval
[main::batch(main::keyed(1, 'a'), main::keyed(2, 'b')),
 main::batch(main::keyed(3, 'a'), main::keyed(2, 'b')), $::list]
--- response_body_filters pick
results.*.idempotent_replayed
events.*.payload.n
--- response_body eval
[("results.*.idempotent_replayed: []\nevents.*.payload.n: []\n") x 2,
 "results.*.idempotent_replayed: []\nevents.*.payload.n: [3,2]\n"]
--- error_code eval
[201, 201, 200]



=== TEST 25: a thousand replays
--- http_config eval: $::unlimited
--- request eval
[(main::batch(map { main::keyed($_, "k$_") } 1 .. 1000)) x 2, $::list]
--- response_body_like eval
['"success_count":1000,"failure_count":0', '"success_count":1000,'
 . '"failure_count":0,"results":\[(\{[^{}]*"idempotent_replayed":true\},?){1000}',
 '"total":1000']
--- error_code eval
[201, 201, 200]



=== TEST 26: a key that is none
--- request eval: main::batch(main::keyed(1, ''), main::keyed(2, 'x' x 256))
--- error_code: 400
--- response_body_filters pick
results.*.error.details.field
--- response_body
results.*.error.details.field: ["metadata.idempotency_key","metadata.idempotency_key"]



=== TEST 27: answered before the commit where that is allowed, without keys
--- config
        location / {
            triggers main;
            triggers_synchronous_commit off;
        }
--- request eval
[main::batch(main::item(1), '{}', main::item(2)),
 main::batch(main::item(3), main::keyed(4, 'a'), main::keyed(4, 'a')), $::list]
--- response_body_filters pick
success_count
results.2.idempotent_replayed
events.*.payload.n
--- response_body eval
["success_count: 2\nresults.2.idempotent_replayed: (none)\n"
 . "events.*.payload.n: []\n",
 "success_count: 3\nresults.2.idempotent_replayed: true\n"
 . "events.*.payload.n: []\n",
 "success_count: (none)\nresults.2.idempotent_replayed: (none)\n"
 . "events.*.payload.n: [1,2,3,4]\n"]
--- error_code eval
[201, 201, 200]



=== TEST 28: it belongs to v1, and is posted
--- request eval
["POST /events/batch\n{}", "GET /v1/events/batch", "PUT /v1/events/batch",
 "DELETE /v1/events/batch", "POST /v1/events/batch/\n{}",
 "POST /v1/events/batch/x\n{}"]
--- response_headers eval
["Allow:", ("Allow: POST, OPTIONS") x 3, "Allow:", "Allow:"]
--- error_code eval
[404, 405, 405, 405, 400, 404]



=== TEST 29: it needs its scope, and a key
--- http_config eval
Triggers::Blocks::store_config()
. "    triggers_key  \"reader\"  user=alice  scopes=events:read,inbox:ack;\n"
--- more_headers eval
["Authorization: Bearer reader", "X-None: 1"]
--- request eval
[(main::batch(main::item(1))) x 2]
--- response_body_filters pick
error.code
--- response_body eval
["error.code: \"FORBIDDEN\"\n", "error.code: \"UNAUTHORIZED\"\n"]
--- error_code eval
[403, 401]



=== TEST 30: the content type is that of an event
--- more_headers eval
[map { "$::alice\nContent-Type: $_" } 'text/plain', 'application/x+json',
 'application/json; charset=utf-8']
--- request eval
[(main::batch(main::item(1))) x 3]
--- error_code eval
[415, 201, 201]



=== TEST 31: what is known of the request is kept with each event
--- more_headers
Authorization: Bearer alice-key
X-Correlation-ID: c-1
User-Agent: test/1
traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
--- request eval
[main::batch(main::item(1), main::item(2)), $::list]
--- response_body_filters pick
events.*.context.correlation_id
events.*.context.user_agent
events.*.context.api_version
events.*.context.traceparent
--- response_body_like eval
['', 'correlation_id: \["c-1","c-1"\]\n.*user_agent: \["test/1","test/1"\]\n'
 . '.*api_version: \["v1","v1"\]\n.*traceparent: \["00-0af[^"]+","00-0af']
--- error_code eval
[201, 200]



=== TEST 32: a size of batches that is none
--- http_config eval
Triggers::Blocks::store_config() . "    triggers_batch_max_size  0;\n"
--- must_die
--- error_log
triggers_batch_max_size



=== TEST 33: a size of batches that no zone could hold
--- config
        location / {
            triggers main;
            triggers_batch_max_size 100m;
        }
--- must_die
--- error_log
"triggers_batch_max_size" 104857600 could never fit into the zone
