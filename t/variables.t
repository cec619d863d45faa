# The variables, as a log_format sees them: the access log is written into the
# error log, where the blocks look.

use Test::Nginx::Socket;
use Triggers::Blocks;

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(http_config => store_config() . <<'END');
    log_format  triggers  'event=$triggers_event_id user=$triggers_user '
                          'key=$triggers_key_id request=$triggers_request_id '
                          'error=$triggers_error commit=$triggers_commit_time '
                          'depth=$triggers_queue_depth. '
                          'route=$triggers_route store=$triggers_store '
                          'latency=$triggers_latency; '
                          'trace=$triggers_trace_id;';
    access_log  logs/error.log  triggers;
END
});

plan tests => repeat_each() * checks();

run_tests();

__DATA__

=== TEST 1: an event
--- more_headers
Authorization: Bearer alice-key
X-Request-ID: req-1
--- request
POST /events
{"payload":{}}
--- error_code: 200
--- error_log eval
[qr/event=[0-9a-f]{8}-[0-9a-f-]{27} user=alice key=[0-9a-f]{12} request=req-1 /,
 qr/ error=- commit=\d+\.\d{3} depth=\d+\. /,
 qr/ route=\/events store=main latency=0\.\d{6};/]



=== TEST 2: a refused event
--- more_headers
Authorization: Bearer alice-key
X-Request-ID: req-1
--- request
POST /events
{"payload":1}
--- error_code: 400
--- error_log
event=- user=alice
request=req-1 error=INVALID_PAYLOAD commit=-



=== TEST 3: nobody
--- more_headers
X-Request-ID: req-1
--- request
POST /events
{"payload":{}}
--- error_code: 401
--- error_log
event=- user=- key=- request=req-1 error=UNAUTHORIZED commit=-



=== TEST 4: an error of nginx itself
--- config
        location / {
            triggers main;
            client_max_body_size 10;
        }
--- more_headers
X-Request-ID: req-1
--- request
POST /events
{"payload":{}}
--- error_code: 413
--- error_log
request=req-1 error=PAYLOAD_TOO_LARGE



=== TEST 5: after an internal redirect
--- config
        location / {
            triggers main;
            client_max_body_size 10;
            error_page 413 /too-large;
        }

        location = /too-large {
            internal;
            return 413 "sorry";
        }
--- more_headers
X-Request-ID: req-1
--- request
POST /events
{"payload":{}}
--- error_code: 413
--- response_body: sorry
--- error_log
event=- user=-



=== TEST 6: another handler answers after a file was not found
--- config
        location / {
            triggers main;
            error_page 404 = /fallback;
        }

        location = /fallback {
            internal;
            return 200 "$triggers_queue_depth.";
        }
--- request
GET /no-such-file
--- error_code: 200
--- response_body: .
--- error_log
event=-



=== TEST 7: another location
--- config
        location / {
            return 200 "[$triggers_user$triggers_request_id]";
        }
--- request
GET /
--- response_body: []
--- error_log
event=- user=- key=- request=- error=- commit=- depth=-. route=- store=- latency=-; trace=-;



=== TEST 8: an internal redirect of an API request
--- config
        location / {
            triggers main;
            error_page 413 = /bad;
            client_max_body_size 10;
        }

        location = /bad {
            internal;
            return 200 "$triggers_user";
        }
--- raw_request eval
"POST /events HTTP/1.1\r
Host: localhost\r
Connection: close\r
Authorization: Bearer alice-key\r
X-Request-ID: req-1\r
traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r
Transfer-Encoding: chunked\r
\r
20\r
01234567890123456789012345678901\r
0\r
\r
"
--- error_code: 200
--- response_body: alice
--- error_log
event=- user=alice
request=req-1
trace=0af7651916cd43dd8448eb211c80319c;



=== TEST 9: a route with an id
--- request
GET /v1/events/0193b3a0-0000-7000-8000-000000000001
--- error_code: 404
--- error_log eval
qr/ route=\/v1\/events\/\{id\} store=main latency=\d/



=== TEST 10: a path without a route
--- request
GET /v1/none
--- error_code: 404
--- error_log
error=NOT_FOUND
route=- store=main



=== TEST 11: a request of a trace
--- more_headers
Authorization: Bearer alice-key
traceparent: cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more
--- request
GET /inbox
--- error_log
trace=0af7651916cd43dd8448eb211c80319c;



=== TEST 12: a request of a trace that is refused
--- more_headers
traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
--- request
GET /inbox
--- error_code: 401
--- error_log
error=UNAUTHORIZED
trace=0af7651916cd43dd8448eb211c80319c;



=== TEST 13: no trace, for the header is not valid
--- more_headers
Authorization: Bearer alice-key
traceparent: ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
--- request
GET /inbox
--- error_log
trace=-;



=== TEST 14: a commit takes no longer than its request
--- request eval
[("POST /events\n{\"event_type\":\"t\",\"payload\":{}}") x 20]
--- error_code eval
[(200) x 20]
--- no_error_log eval
[qr/ commit=(\S+) .* latency=([^;]+);(?(?{ $1 <= $2 })(*FAIL))/, '[error]']
