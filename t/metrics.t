# GET /metrics and triggers_status: formats, who may see them, what they say.

use Test::Nginx::Socket;
use Triggers::Blocks;

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(http_config => store_config() . <<'END')
    triggers_key  "metrics-key"  user=carol  scopes=metrics:read;
END
        if !defined $block->http_config;
});

# a request is counted when it has been answered: one worker does that before it
# looks at the next one

workers(1);

plan tests => repeat_each() * checks();

run_tests();

__DATA__

=== TEST 1: the members of the JSON
--- more_headers
Authorization: Bearer metrics-key
X-Request-ID: r-1
--- request
GET /metrics
--- error_code: 200
--- response_headers
Content-Type: application/json
Vary: Accept
--- response_body_like eval
my $n = qr/\d+\.\d{3}/;
my $one = qr/\{"p50":$n,"p95":$n,"p99":$n,"count":\d+\}/;
my $times = qr/\{"ingest":$one,"commit":$one,"inbox":$one,"ack":$one,
               "delivery":$one\}/x;
qr/\A\{"total_events":0,"pending":0,"retrying":0,"delivered":0,
   "acknowledged":0,"failed":0,"queue_depth":0,"dlq_count":0,
   "error_rate":0\.000,"events_per_second":0\.000,"latency_ms":$times,
   "latency_since_start_ms":$times,
   "timestamp":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",
   "request_id":"r-1"\}\z/x



=== TEST 2: events are counted by the time that they are answered
--- more_headers
Authorization: Bearer admin-key
--- request eval
["POST /events\n{\"payload\":{}}",
 "POST /v1/events/batch\n"
 . '{"events":[{"event_type":"a","payload":{}},{"event_type":"b","payload":{}},{"payload":1}]}',
 "GET /metrics"]
--- response_body_filters pick
total_events pending failed dlq_count queue_depth latency_ms.ingest.count latency_ms.commit.count latency_ms.delivery
--- response_body_like eval
["", "", quotemeta(<<'END')]
total_events: 3
pending: 3
failed: 0
dlq_count: 0
queue_depth: 0
latency_ms.ingest.count: 2
latency_ms.commit.count: 2
latency_ms.delivery: {"count":0,"p50":0,"p95":0,"p99":0}
END
--- error_code eval
[200, 201, 200]



=== TEST 3: acknowledged and deleted events
--- more_headers
Authorization: Bearer admin-key
Content-Type: application/json
Idempotency-Key: one
--- user_files
--- request eval
["POST /events\n{\"payload\":{}}",
 "POST /events\n{\"payload\":{}}",
 "POST /events\n{\"payload\":{\"other\":1}}",
 "POST /v1/events/acknowledge/batch\n{\"event_ids\":[\"0193b3a0-0000-7000-8000-000000000001\"]}",
 "POST /inbox/0193b3a0-0000-7000-8000-000000000001/ack",
 "GET /metrics"]
--- response_body_filters pick
total_events latency_ms.ingest.count latency_ms.ack.count error_rate
--- response_body_like eval
["", "", "", "", "", quotemeta(<<'END')]
total_events: 1
latency_ms.ingest.count: 2
latency_ms.ack.count: 1
error_rate: 0
END
--- error_code eval
[200, 200, 422, 200, 404, 200]



=== TEST 4: without the scope
--- request
GET /metrics
--- error_code: 403



=== TEST 5: without a key
--- more_headers
--- request
GET /metrics
--- error_code: 401



=== TEST 6: another method
--- more_headers
Authorization: Bearer metrics-key
--- request
POST /metrics
--- error_code: 405
--- response_headers
Allow: GET, HEAD, OPTIONS



=== TEST 7: HEAD
--- more_headers
Authorization: Bearer metrics-key
--- request
HEAD /metrics
--- error_code: 200
--- response_headers
Content-Type: application/json
--- response_body:



=== TEST 8: Prometheus' text format
--- more_headers
Authorization: Bearer metrics-key
Accept: text/plain
--- request eval
["GET /v1/health", "POST /events\n{\"payload\":{}}", "GET /v1/none",
 "GET /metrics"]
--- response_headers_like eval
["", "", "", "Content-Type: text/plain; version=0\\.0\\.4; charset=utf-8"]
--- response_body_like eval
["", "", "", qr/\A(?=.*^\#\ HELP\ triggers_events_accepted_total\ Events\ .*\n
                  \#\ TYPE\ triggers_events_accepted_total\ counter\n
                  triggers_events_accepted_total\ 0$)
            (?=.*^triggers_requests_total\{method="POST",route="\/events",
                  status="4xx"\}\ 1$)
            (?=.*^triggers_requests_total\{method="other",route="other",
                  status="4xx"\}\ 1$)
            (?=.*^triggers_responses_total\{code="403"\}\ 1$)
            (?=.*^triggers_events\{state="pending"\}\ 0$)
            (?=.*^triggers_store_state\{state="ready"\}\ 1$)
            (?=.*^triggers_ingest_seconds_bucket\{le="0\.00012"\}\ 0$)
            (?=.*^triggers_ingest_seconds_bucket\{le="1\.0"\}\ 0$)
            (?=.*^triggers_ingest_seconds_bucket\{le="\+Inf"\}\ 0$)
            (?!.*\#\ UNIT)(?!.*\#\ EOF)/smx]
--- error_code eval
[200, 403, 404, 200]



=== TEST 9: OpenMetrics
--- more_headers
Authorization: Bearer metrics-key
Accept: application/openmetrics-text; version=1.0.0
--- request
GET /metrics
--- error_code: 200
--- response_headers_like
Content-Type: application/openmetrics-text; version=1\.0\.0; charset=utf-8
--- response_body_like eval
qr/\A(?=.*^\#\ TYPE\ triggers_events_accepted\ counter\n
           triggers_events_accepted_total\ 0$)
     (?=.*^\#\ TYPE\ triggers_sent_bytes\ counter\n
           \#\ UNIT\ triggers_sent_bytes\ bytes\n
           triggers_sent_bytes_total\ \d+$)
     (?=.*^\#\ UNIT\ triggers_sync_seconds\ seconds$)
     .*\#\ EOF\n\z/smx



=== TEST 10: what Prometheus asks for
--- more_headers
Authorization: Bearer metrics-key
Accept: application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1
--- request
GET /metrics
--- error_code: 200
--- response_headers_like
Content-Type: application/openmetrics-text; .*



=== TEST 11: what a browser asks for
--- more_headers
Authorization: Bearer metrics-key
Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8
--- request
GET /metrics
--- error_code: 200
--- response_headers
Content-Type: application/json



=== TEST 12: what a browser's library asks for
--- more_headers
Authorization: Bearer metrics-key
Accept: application/json, text/plain, */*
--- request
GET /metrics
--- error_code: 200
--- response_headers
Content-Type: application/json



=== TEST 13: text rather than JSON
--- more_headers
Authorization: Bearer metrics-key
Accept: application/json;q=0.5, text/plain
--- request
GET /metrics
--- error_code: 200
--- response_headers_like
Content-Type: text/plain; .*



=== TEST 14: a format that there is none of
--- more_headers
Authorization: Bearer metrics-key
Accept: image/png;;;q=nonsense, text/plain;q=0
--- request
GET /metrics
--- error_code: 200
--- response_headers
Content-Type: application/json



=== TEST 15: a store that is not there has metrics
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/nothing/events.db
                    zone=8m;
    triggers_key  "metrics-key"  user=carol  scopes=metrics:read;
--- more_headers
Authorization: Bearer metrics-key
Accept: text/plain
--- request eval
["GET /v1/health", "GET /metrics"]
--- response_body_like eval
["", qr/^triggers_store_up 0\n.*^triggers_store_state\{state="open_failed"\} 1\n/sm]
--- error_code eval
[503, 200]
--- no_error_log
[alert]



=== TEST 16: triggers_status needs no key and labels every store
--- http_config
    triggers_store  main   sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;
    triggers_store  "o\"r" sqlite:$TEST_NGINX_SERVER_ROOT/logs/other.db
                    zone=1m;
--- config
        location = /status {
            triggers_status;
            allow  127.0.0.1;
            deny   all;
        }
--- more_headers
--- request
GET /status
--- error_code: 200
--- response_headers_like
Content-Type: text/plain; version=0\.0\.4; charset=utf-8
--- response_body_like eval
qr/\A(?=.*^\#\ TYPE\ triggers_zone_size_bytes\ gauge\n
           triggers_zone_size_bytes\{store="main"\}\ 8388608\n
           triggers_zone_size_bytes\{store="o\\"r"\}\ 1048576\n)
     (?=.*^triggers_events\{store="main",state="failed"\}\ \d+$)
     (?!.*triggers_zone_size_bytes.*triggers_zone_size_bytes\{.*
        ^\#\ TYPE\ triggers_zone_size_bytes)/smx



=== TEST 17: triggers_status of one store, as OpenMetrics
--- http_config
    triggers_store  main   sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;
    triggers_store  other  sqlite:$TEST_NGINX_SERVER_ROOT/logs/other.db
                    zone=1m;
--- config
        location = /status {
            triggers_status  store=other;
        }
--- more_headers
Accept: application/openmetrics-text
--- request
GET /status
--- error_code: 200
--- response_headers_like
Content-Type: application/openmetrics-text; .*
--- response_body_like eval
qr/\A(?!.*store="main")(?=.*^triggers_keys\{store="other"\}\ 0$)
   .*\#\ EOF\n\z/smx



=== TEST 18: triggers_status and its location's rules
--- config
        location = /status {
            triggers_status;
            deny  all;
        }
--- request
GET /status
--- error_code: 403
--- error_log
access forbidden by rule
--- no_error_log
[alert]



=== TEST 19: triggers_status by HEAD, POST, and with a wildcard
--- config
        location = /status {
            triggers_status;
        }
--- more_headers
Accept: */*
--- request eval
["HEAD /status", "POST /status\nx", "GET /status"]
--- response_headers_like eval
["Content-Type: text/plain; .*",
 "Content-Type: text/html\nAllow: GET, HEAD",
 "Content-Type: text/plain; .*"]
--- error_code eval
[200, 405, 200]



=== TEST 20: triggers_status of an unknown store
--- config
        location = /status {
            triggers_status  store=none;
        }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
unknown triggers store "none"



=== TEST 21: triggers_status with another parameter
--- config
        location = /status {
            triggers_status  main;
        }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "main", it must be "store=name"



=== TEST 22: triggers_status twice
--- config
        location = /status {
            triggers_status;
            triggers_status  store=main;
        }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"triggers_status" directive is duplicate



=== TEST 23: triggers_status beside triggers
--- config
        location / {
            triggers main;
            triggers_status;
        }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"triggers_status" directive is incompatible with "triggers"



=== TEST 24: triggers beside triggers_status
--- config
        location / {
            triggers_status;
            triggers main;
        }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"triggers" directive is incompatible with "triggers_status"



=== TEST 25: errors of nginx are counted for the route, files not at all
--- config
        location / {
            triggers main;
            client_max_body_size 100;

            limit_except GET POST PUT OPTIONS {
                deny all;
            }
        }

        location /closed/ {
            triggers main;
            return 503;
        }

        location = /status {
            triggers_status;
        }
--- request eval
["POST /events\n" . '{"payload":{"a":"' . ("x" x 100) . '"}}',
 "DELETE /v1/events/0193b3a0-0000-7000-8000-000000000001",
 "POST /closed/v1/events/batch\n{}",
 "PUT /events\n{}", "OPTIONS /events", "GET /v1/none",
 "GET /nothing.html", "GET /index.html", "GET /status"]
--- error_code eval
[413, 403, 503, 405, 204, 404, 404, 200, 200]
--- response_body_like eval
my $lines = CORE::join '', map {
    my ($method, $route, $status, $n) = split;
    '(?=.*^' . quotemeta("triggers_requests_total{store=\"main\","
                         . "method=\"$method\",route=\"$route\","
                         . "status=\"$status\"} $n\n") . ')'
} 'POST /events 4xx 1', 'POST /v1/events/batch 5xx 1',
  'DELETE /v1/events/{id} 4xx 1', 'other other 2xx 1', 'other other 4xx 2';
[("") x 8, qr/\A$lines
              (?=.*^triggers_responses_total\{store="main",code="404"\}\ 1$)
              (?=.*^triggers_ingest_seconds_count\{store="main"\}\ 0$)/smx]
--- no_error_log
[alert]
