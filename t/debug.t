# POST /events?debug=: failures on demand, where the directive allows them.

use Test::Nginx::Socket;
use Triggers::Blocks;

# what is added last comes first, before the default of Triggers::Blocks

add_block_preprocessor(sub {
    $_[0]->set_value(config => "        location / {\n"
                     . "            triggers main;\n"
                     . "            triggers_debug on;\n        }\n")
        if !defined $_[0]->config;
});

our $inbox = 'GET /inbox?order=asc';


sub event {
    my ($debug, $n, $uri) = @_;
    return 'POST ' . ($uri // '/events') . "?$debug\n"
           . '{"event_type":"t","payload":{"n":' . ($n // 1) . '}}';
}


plan tests => repeat_each() * checks();

run_tests();

__DATA__

=== TEST 1: without the directive the flags are nothing
--- config
        location / {
            triggers main;
        }
--- request eval
[(map { main::event("debug=$_") }
      qw( validation_error processing_error queue_delay x )),
 'POST /v1/inbox/lease']
--- response_body_filters pick
status
error
events.*.status
--- response_body eval
[("status: \"accepted\"\nerror: (none)\nevents.*.status: []\n") x 4,
 "status: (none)\nerror: (none)\n"
 . "events.*.status: [\"pending\",\"pending\",\"pending\",\"pending\"]\n"]



=== TEST 2: off
--- config
        location / {
            triggers main;
            triggers_debug off;
        }
--- request eval: main::event('debug=validation_error')



=== TEST 3: validation_error refuses, and stores nothing
--- request eval
[main::event('debug=validation_error'), $::inbox]
--- response_body_filters pick
error.code
error.details.field
events
--- response_body eval
["error.code: \"INVALID_PAYLOAD\"\nerror.details.field: \"debug\"\n"
 . "events: (none)\n",
 "error.code: (none)\nerror.details.field: (none)\nevents: []\n"]
--- error_code eval
[400, 200]



=== TEST 4: on v1 it has the code of v1
--- request eval: main::event('debug=validation_error', 1, '/v1/events')
--- error_code: 400
--- response_body_filters pick
error.code
--- response_body
error.code: "VALIDATION_ERROR"



=== TEST 5: processing_error stores, and fails
--- request eval
[main::event('debug=processing_error'), $::inbox,
 main::event('debug=processing_error', 2, '/v1/events'), $::inbox]
--- response_body_filters pick
error.code
event_id
events.*.payload.n
--- response_body eval
["error.code: \"INTERNAL_ERROR\"\nevent_id: (none)\nevents.*.payload.n: []\n",
 "error.code: (none)\nevent_id: (none)\nevents.*.payload.n: [1]\n",
 "error.code: \"INTERNAL_ERROR\"\nevent_id: (none)\nevents.*.payload.n: []\n",
 "error.code: (none)\nevent_id: (none)\nevents.*.payload.n: [1,2]\n"]
--- error_code eval
[500, 200, 500, 200]



=== TEST 6: an event that could not be is refused as always
--- request eval
["POST /events?debug=processing_error\n{}",
 "POST /events?debug=dlq_routing\nx", $::inbox]
--- response_body_filters pick
error.code
events
--- response_body eval
[("error.code: \"INVALID_PAYLOAD\"\nevents: (none)\n") x 2,
 "error.code: (none)\nevents: []\n"]
--- error_code eval
[400, 400, 200]



=== TEST 7: queue_delay answers late, as it would have answered
--- request eval
[main::event('debug=queue_delay'),
 main::event('debug=queue_delay', 2, '/v1/events')]
--- response_body_filters pick
status
--- response_body eval
["status: \"accepted\"\n", "status: \"pending\"\n"]
--- error_code eval
[200, 201]



=== TEST 8: dlq_routing is accepted, and not handed out
--- request eval
[main::event('debug=dlq_routing'), 'POST /v1/inbox/lease', $::inbox]
--- response_body_filters pick
status
lease_id
events.*.payload.n
--- response_body eval
["status: \"accepted\"\nlease_id: (none)\nevents.*.payload.n: []\n",
 "status: (none)\nlease_id: null\nevents.*.payload.n: []\n",
 "status: (none)\nlease_id: (none)\nevents.*.payload.n: [1]\n"]



=== TEST 9: a value that there is not
--- request eval
[(map { main::event("debug=$_") } 'x', '', 'dlq_routing2', 'DLQ_ROUTING'),
 $::inbox]
--- response_body_filters pick
error.code
error.details.field
events
--- response_body eval
[("error.code: \"INVALID_PARAMETER\"\nerror.details.field: \"debug\"\n"
  . "events: (none)\n") x 4,
 "error.code: (none)\nerror.details.field: (none)\nevents: []\n"]
--- error_code eval
[(400) x 4, 200]



=== TEST 10: other arguments are left to whoever sent them
--- request eval: main::event('x=1&debugging=validation_error')



=== TEST 11: a repeat is found behind the flags
--- more_headers
Authorization: Bearer alice-key
Idempotency-Key: k
--- request eval
[main::event('debug=processing_error'), main::event('debug=queue_delay'),
 $::inbox]
--- response_headers eval
["Idempotent-Replayed:", "Idempotent-Replayed: true", "Idempotent-Replayed:"]
--- response_body_filters pick
events.*.payload.n
--- response_body eval
[("events.*.payload.n: []\n") x 2, "events.*.payload.n: [1]\n"]
--- error_code eval
[500, 200, 200]



=== TEST 12: of CloudEvents, only single ones
--- more_headers eval
["Authorization: Bearer alice-key\n"
 . "Content-Type: application/cloudevents+json",
 "Authorization: Bearer alice-key\n"
 . "Content-Type: application/cloudevents-batch+json"]
--- request eval
["POST /events?debug=validation_error\n"
 . '{"specversion":"1.0","type":"t","source":"s","id":"1"}',
 "POST /events?debug=validation_error\n"
 . '[{"specversion":"1.0","type":"t","source":"s","id":"1"}]']
--- error_code eval
[400, 200]



=== TEST 13: also where commits are not waited for
--- config
        location / {
            triggers main;
            triggers_debug on;
            triggers_synchronous_commit off;
        }
--- request eval
[main::event('debug=processing_error'), $::inbox]
--- response_body_filters pick
events.*.payload.n
--- response_body eval
["events.*.payload.n: []\n", "events.*.payload.n: [1]\n"]
--- error_code eval
[500, 200]



=== TEST 14: the directive is inherited
--- http_config eval
Triggers::Blocks::store_config() . "    triggers_debug  on;\n"
--- config
        location / {
            triggers main;
        }
        location /off/ {
            triggers main;
            triggers_debug off;
        }
--- request eval
[main::event('debug=validation_error'),
 main::event('debug=validation_error', 1, '/off/events')]
--- error_code eval
[400, 200]



=== TEST 15: it needs a key all the same
--- more_headers
X-None: 1
--- request eval: main::event('debug=validation_error')
--- error_code: 401



=== TEST 16: names have a case and may be encoded, the last of several counts
--- request eval
[main::event('d%65bug=x'), main::event('debug'),
 main::event('debug=validation_error&debug=dlq_routing'),
 main::event('DEBUG=x')]
--- error_code eval
[400, 400, 200, 200]
