# Rate limits: what they count, the headers of answers, and what is refused.

use Test::Nginx::Socket;
use Triggers::Blocks;

our $limited = store_config() . <<'END';
    triggers_key  "one"     user=alice  rate=1;
    triggers_key  "ten"     user=alice  rate=10;
    triggers_key  "other"   user=alice  rate=10;
    triggers_key  "free"    user=alice  rate=0;
    triggers_key  "most"    user=alice  rate=1000000000;
    triggers_key  "reader"  user=alice  rate=10  scopes=events:read;
END

our $one = 'Authorization: Bearer one';
our $ten = 'Authorization: Bearer ten';
our $event = '{"event_type":"t","payload":{}}';
our $unknown = '0193b3a0-0000-7000-8000-000000000001';


# a body of n events, some of which are none

sub batch {
    my ($n, $bad) = @_;
    return '{"events":[' . CORE::join(',', ($event) x $n, ('{}') x ($bad // 0))
           . ']}';
}


# the header that tells what is left

sub left {
    return [map { "X-RateLimit-Remaining: $_" } @_];
}

plan tests => repeat_each() * checks();

run_tests();

__DATA__

=== TEST 1: the default limit
--- request
GET /inbox
--- response_headers
X-RateLimit-Limit: 1000
X-RateLimit-Remaining: 999
RateLimit-Policy: "default";q=1000;w=60
RateLimit: "default";r=999;t=1
Retry-After:



=== TEST 2: the reset is a time, in seconds
--- request
GET /inbox
--- response_headers_like
X-RateLimit-Reset: 1[0-9]{9}|[2-9][0-9]{9}



=== TEST 3: each request takes one, and a token comes back in six seconds
--- http_config eval: $::limited
--- more_headers eval: [($::ten) x 3]
--- request eval
["GET /inbox", "POST /events\n$::event", "GET /v1/inbox"]
--- response_headers_like eval
[map { 'RateLimit: "default";r=' . $_ . "\n"
       . 'RateLimit-Policy: "default";q=10;w=60' . "\n"
       . "X-RateLimit-Limit: 10" } '9;t=6', '8;t=([7-9]|1[0-2])', '7;t=1[3-8]']



=== TEST 4: the one too many is refused
--- http_config eval: $::limited
--- more_headers eval: [$::one, $::one]
--- request eval
["GET /inbox", "GET /inbox"]
--- response_headers_like eval
["X-RateLimit-Limit: 1\nX-RateLimit-Remaining: 0\n"
 . "RateLimit: \"default\";r=0;t=60\nRetry-After:",
 "X-RateLimit-Limit: 1\nX-RateLimit-Remaining: 0\n"
 . "RateLimit: \"default\";r=0;t=(5[0-9]|60)\nRetry-After: (5[0-9]|60)"]
--- response_body_like eval
['"total":0', '"code":"RATE_LIMIT_EXCEEDED".*"retry_after":(5[0-9]|60)[},]']
--- error_code eval
[200, 429]



=== TEST 5: on v1 and for each method, before a body is read
--- http_config eval: $::limited
--- config
        location / {
            triggers main;
            lingering_timeout 100ms;
        }
--- more_headers eval
[$::one, $::one, $::one, "$::one\nContent-Length: 300000", $::one]
--- request eval
["GET /v1/inbox", "DELETE /v1/events/$::unknown",
 "POST /v1/events/$::unknown/ack", "POST /events", "GET /v1/events/x"]
--- response_body_filters pick
error.code
error.details.field
--- response_body eval
["error.code: (none)\nerror.details.field: (none)\n",
 ("error.code: \"RATE_LIMIT_EXCEEDED\"\nerror.details.field: (none)\n") x 4]
--- error_code eval
[200, 429, 429, 429, 429]



=== TEST 6: HEAD counts and tells
--- http_config eval: $::limited
--- more_headers eval: [$::one, $::one]
--- request eval
["HEAD /inbox", "HEAD /inbox"]
--- response_headers eval: main::left(0, 0)
--- error_code eval
[200, 429]



=== TEST 7: who is refused by the limit learns nothing else
--- http_config eval
"    triggers_store  main  sqlite:\$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;
    triggers_key  \"one\"  user=alice  rate=1  scopes=events:write;\n"
--- more_headers eval: [$::one, $::one]
--- request eval
["GET /inbox", "GET /inbox"]
--- response_body_filters pick
error.code
--- response_body eval
["error.code: \"FORBIDDEN\"\n", "error.code: \"RATE_LIMIT_EXCEEDED\"\n"]
--- error_code eval
[403, 429]



=== TEST 8: answers that are errors count and tell
--- http_config eval: $::limited
--- more_headers eval: [($::ten) x 6]
--- request eval
["GET /v1/events/$::unknown", "GET /v1/events/x", "GET /inbox?limit=0",
 "POST /events\n{}", "POST /events", "POST /v1/events/$::unknown/ack"]
--- response_headers eval: main::left(9, 8, 7, 6, 5, 4)
--- error_code eval
[404, 400, 400, 400, 400, 404]



=== TEST 9: a missing scope counts and tells
--- http_config eval: $::limited
--- more_headers eval
[("Authorization: Bearer reader") x 3]
--- request eval
["POST /events\n$::event", "DELETE /v1/events/$::unknown", "GET /inbox"]
--- response_headers eval: main::left(9, 8, 7)
--- error_code eval
[403, 403, 200]



=== TEST 10: bodies that are refused unread count and tell
--- http_config eval: $::limited
--- config
        location / {
            triggers main;
            triggers_event_max_size 1k;
            client_max_body_size 10k;
        }
--- more_headers eval
["$::ten\nContent-Type: text/plain", "$::ten\nContent-Encoding: gzip", $::ten,
 "$::ten\nTransfer-Encoding: chunked", "$::ten\nTransfer-Encoding: chunked",
 $::ten]
--- request eval
["POST /events\n$::event", "POST /events\n$::event",
 "POST /events\n" . 'x' x 2000,
 "POST /events\n" . "7d0\r\n" . 'x' x 2000 . "\r\n0\r\n\r\n",
 "POST /events\n" . "zz\r\n\r\n", "GET /inbox"]
--- response_headers eval: main::left(9, 8, 7, 6, 5, 4)
--- error_code eval
[415, 415, 413, 413, 400, 200]
--- no_error_log
[alert]



=== TEST 11: a conflict and a reused key
--- http_config eval: $::limited
--- more_headers eval
[map { "$::ten\nIdempotency-Key: k" } 1 .. 3]
--- request eval
["POST /events\n$::event", "POST /events\n{\"payload\":{\"a\":1}}",
 "POST /events\n$::event"]
--- response_headers eval: main::left(9, 8, 7)
--- error_code eval
[200, 422, 200]



=== TEST 12: nothing is told to those who are not known
--- http_config eval: $::limited
--- more_headers eval
["X-None: 1", "Authorization: Bearer nobody", $::ten, $::ten, $::ten, $::ten,
 $::ten, $::ten]
--- request eval
["GET /inbox", "GET /inbox", "GET /v1/health", "GET /openapi.yaml",
 "GET /v1/nothing", "PUT /inbox", "GET /static", "GET /inbox"]
--- raw_response_headers_unlike eval
[('(?i)RateLimit') x 7, 'X-RateLimit-Remaining: [0-8]\b']
--- error_code eval
[401, 401, 200, 200, 404, 405, 404, 200]
--- no_error_log
[alert]



=== TEST 13: without a limit there are no headers
--- http_config eval: $::limited
--- more_headers eval
[("Authorization: Bearer free") x 3]
--- request eval
["GET /inbox", "POST /events\n{}", "POST /v1/events/batch\n" . main::batch(20)]
--- raw_response_headers_unlike eval
[('(?i)RateLimit|Retry-After') x 3]
--- error_code eval
[200, 400, 201]



=== TEST 14: the largest limit
--- http_config eval: $::limited
--- more_headers
Authorization: Bearer most
--- request
GET /inbox
--- response_headers
X-RateLimit-Limit: 1000000000
X-RateLimit-Remaining: 999999999
RateLimit: "default";r=999999999;t=1



=== TEST 15: each key has its own
--- http_config eval: $::limited
--- more_headers eval
[$::ten, $::ten, "Authorization: Bearer other", "X-API-Key: ten"]
--- request eval
[("GET /inbox") x 4]
--- response_headers eval: main::left(9, 8, 9, 7)



=== TEST 16: a batch takes as many as it has events
--- http_config eval: $::limited
--- more_headers eval: [($::ten) x 4]
--- request eval
["POST /v1/events/batch\n" . main::batch(4),
 "POST /v1/events/batch\n" . main::batch(2, 1),
 "POST /v1/events/batch\n" . main::batch(0, 2), "GET /inbox"]
--- response_headers eval: main::left(6, 3, 1, 0)
--- error_code eval
[201, 201, 400, 200]



=== TEST 17: one that is none takes one
--- http_config eval: $::limited
--- more_headers eval: [($::ten) x 6]
--- request eval
["POST /v1/events/batch\n", "POST /v1/events/batch\n{}",
 "POST /v1/events/batch\n{\"events\":[$::event",
 "POST /v1/events/batch\n{\"events\":[]}",
 "POST /v1/events/batch\n" . main::batch(1001),
 "POST /v1/events/acknowledge/batch\n{}"]
--- response_headers eval: main::left(9, 8, 7, 6, 5, 4)
--- error_code eval
[(400) x 6]



=== TEST 18: one that is too large for what is left takes nothing
--- http_config eval: $::limited
--- more_headers eval: [($::ten) x 3]
--- request eval
["POST /v1/events/batch\n" . main::batch(4),
 "POST /v1/events/batch\n" . main::batch(7), "GET /inbox"]
--- response_headers_like eval
["X-RateLimit-Remaining: 6\nRetry-After:",
 "X-RateLimit-Remaining: 6\nRetry-After: [1-6]",
 "X-RateLimit-Remaining: 5\nRetry-After:"]
--- response_body_like eval
['"success_count":4', '"retry_after":[1-6][},]', '"total":4']
--- error_code eval
[201, 429, 200]



=== TEST 19: one that is larger than the limit passes when nothing is used
--- http_config eval: $::limited
--- more_headers eval: [($::ten) x 3]
--- request eval
["POST /v1/events/batch\n" . main::batch(25), "GET /inbox",
 "POST /v1/events/batch\n" . main::batch(25)]
--- response_headers_like eval
["X-RateLimit-Remaining: 0\nRateLimit: \"default\";r=0;t=150\nRetry-After:",
 "X-RateLimit-Remaining: 0\nRateLimit: \"default\";r=0;t=1(4[0-9]|50)\n"
 . "Retry-After: (8[6-9]|9[0-6])",
 "X-RateLimit-Remaining: 0\nRetry-After: (8[6-9]|9[0-6])"]
--- error_code eval
[201, 429, 429]



=== TEST 20: but not when something is
--- http_config eval: $::limited
--- more_headers eval: [($::ten) x 3]
--- request eval
["GET /inbox", "POST /v1/events/batch\n" . main::batch(25), "GET /inbox"]
--- response_headers_like eval
["X-RateLimit-Remaining: 9", "X-RateLimit-Remaining: 9\nRetry-After: [1-6]",
 "X-RateLimit-Remaining: 8"]
--- error_code eval
[200, 429, 200]



=== TEST 21: a batch of CloudEvents, and one of ids
--- http_config eval: $::limited
--- more_headers eval
["$::ten\nContent-Type: application/cloudevents-batch+json", $::ten]
--- request eval
["POST /events\n[" . CORE::join(',', map {
    "{\"specversion\":\"1.0\",\"id\":\"$_\",\"source\":\"/s\",\"type\":\"t\"}"
 } 1 .. 3) . ']',
 "POST /v1/events/acknowledge/batch\n{\"event_ids\":[\"$::unknown\",1,2,3]}"]
--- response_headers eval: main::left(7, 3)



=== TEST 22: a limit by directive, for keys without one of their own
--- http_config eval
$::limited . "    triggers_rate_limit  7;\n"
--- config
        location / {
            triggers main;
        }

        location /less/ {
            triggers main;
            triggers_rate_limit 5;
        }

        location /none/ {
            triggers main;
            triggers_rate_limit 0;
        }
--- more_headers eval
[("Authorization: Bearer bob-key") x 3, $::ten, "Authorization: Bearer free"]
--- request eval
["GET /inbox", "GET /less/inbox", "GET /none/inbox", "GET /less/inbox",
 "GET /inbox"]
--- response_headers eval
["X-RateLimit-Limit: 7", "X-RateLimit-Limit: 5", "X-RateLimit-Limit:",
 "X-RateLimit-Limit: 10", "X-RateLimit-Limit:"]



=== TEST 23: a limit that is no number
--- http_config eval
$::limited . "    triggers_rate_limit  many;\n"
--- must_die
--- error_log
invalid number



=== TEST 24: a limit below zero
--- http_config eval
$::limited . "    triggers_rate_limit  -1;\n"
--- must_die
--- error_log
invalid number



=== TEST 25: a limit that is too high
--- http_config eval
$::limited . "    triggers_rate_limit  1000000001;\n"
--- must_die
--- error_log
value must be



=== TEST 26: a key's limit that is too high
--- http_config eval
$::limited . "    triggers_key  \"k\"  user=u  rate=1000000001;\n"
--- must_die
--- error_log
invalid "rate" parameter



=== TEST 27: a key's limit that is no number
--- http_config eval
$::limited . "    triggers_key  \"k\"  user=u  rate=1r/s;\n"
--- must_die
--- error_log
invalid "rate" parameter
