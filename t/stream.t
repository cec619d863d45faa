# GET /api/stream: what may be asked for, the header and the first messages.
# Streams that stay open are in t/script/stream.t.

use Test::Nginx::Socket;
use Triggers::Blocks;

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(http_config => store_config() . <<'END')
    triggers_key  "logs-key"     user=carol  scopes=logs:read;
    triggers_key  "metrics-key"  user=carol  scopes=metrics:read;
    triggers_key  "write-key"    user=carol  scopes=events:write;
    triggers_rate_limit  0;
END
        if !defined $block->http_config;
});

# entries are in the order of the requests

workers(1);

plan tests => repeat_each() * checks();

run_tests();

__DATA__

=== TEST 1: the header and the beginning
--- more_headers
Authorization: Bearer admin-key
--- request
GET /api/stream?types=event,pipeline-update&limit=1
--- error_code: 200
--- response_headers
Content-Type: text/event-stream; charset=utf-8
Cache-Control: no-cache
X-Accel-Buffering: no
! Content-Length
! Content-Encoding
--- response_body_like eval
qr/\Aretry:\ 1000\nid:\ [0-9a-f]{16}-\d+\n\n
   event:\ pipeline-update\ndata:\ \{"store":"\w+",[^\n]+\}\n\n
   retry:\ 1\d{3}\nevent:\ end\ndata:\ \{"reason":"limit"\}\n\n\z/x



=== TEST 2: the other path; without compression, whatever the configuration says
--- config
        gzip             on;
        gzip_types       *;
        gzip_min_length  0;
        location / {
            triggers main;
        }
--- more_headers
Authorization: Bearer metrics-key
Accept-Encoding: gzip
--- request
GET /v1/stream?limit=2
--- error_code: 200
--- response_headers
Content-Type: text/event-stream; charset=utf-8
! Content-Encoding
--- response_body_like eval
qr/\Aretry:\ 1000\n\n
   event:\ pipeline-update\ndata:\ \{"store":"\w+","leader":(?:null|\d+),
     "queue":\{"records":\d+,"used_bytes":\d+,"size_bytes":\d+\},
     "events":\{"acknowledged":0,"delivered":0,"failed":0,"retrying":0,
       "pending":0\},
     "endpoints":\{"closed":0,"open":0,"half_open":0\},
     "timestamp":"[^"]+"\}\n\n
   event:\ metrics\ndata:\ \{"total_events":0,[^\n]*
     "timestamp":"[^"]+"\}\n\n
   retry:\ 1\d{3}\nevent:\ end\ndata:\ \{"reason":"limit"\}\n\n\z/x



=== TEST 3: HEAD is answered with the header alone
--- more_headers
Authorization: Bearer admin-key
--- request
HEAD /api/stream
--- error_code: 200
--- response_headers
Content-Type: text/event-stream; charset=utf-8
Cache-Control: no-cache
--- response_body:



=== TEST 4: HTTP/1.0 has no chunks
--- more_headers
Authorization: Bearer metrics-key
--- raw_request eval
"GET /api/stream?types=metrics&limit=1 HTTP/1.0\r
Authorization: Bearer metrics-key\r
\r
"
--- error_code: 200
--- response_headers
! Transfer-Encoding
--- response_body_like eval
qr/\Aretry: 1000\n\nevent: metrics\ndata: .*"reason":"limit"\}\n\n\z/s



=== TEST 5: parameters that are wrong
--- more_headers
Authorization: Bearer admin-key
--- request eval
[map { "GET /api/stream?limit=1&$_" }
 'types=', 'types=logs', 'types=log,', 'types=log,,event', 'level=',
 'level=all',
 'event_type=', 'timeout=0', 'timeout=86401', 'timeout=1.5']
--- error_code eval
[(400) x 10]
--- response_body_filters pick
error.code error.details.field
--- response_body_like eval
[map { qr/"INVALID_PARAMETER"\n.*"\Q$_\E"/ }
 ('types') x 4, ('level') x 2, 'event_type', ('timeout') x 3]



=== TEST 6: numbers of messages that are wrong
--- more_headers
Authorization: Bearer admin-key
--- request eval
[map { "GET /v1/stream?limit=$_" } '', '0', '-1', '1000001', 'x', '1.0']
--- error_code eval
[(400) x 6]
--- response_body_filters pick
error.code error.details.field
--- response_body_like eval
[(qr/"VALIDATION_ERROR"\n.*"limit"/) x 6]



=== TEST 7: ids that are none
--- more_headers
Authorization: Bearer admin-key
--- request eval
[map { "GET /api/stream?last_event_id=$_" }
 '', '1', 'x-1', '0123456789abcdef', '0123456789abcdef-', '0123456789abcdef-x',
 '0123456789abcdeg-1', '0123456789abcdef-99999999999999999999',
 '0123456789abcdef-1-1', '0123456789abcdef1']
--- error_code eval
[(400) x 10]
--- response_body_filters pick
error.details.field error.message
--- response_body_like eval
[(qr/"last_event_id"\n.*"not an id of this stream"/) x 10]



=== TEST 8: nor in the header
--- more_headers
Authorization: Bearer admin-key
Last-Event-ID: nonsense
--- request
GET /api/stream
--- error_code: 400
--- response_body_filters pick
error.details.field
--- response_body_like
"Last-Event-ID"



=== TEST 9: an empty header is none; it comes before the parameter
--- more_headers eval
["Authorization: Bearer metrics-key\r\nLast-Event-ID: ",
 "Authorization: Bearer logs-key\r\nLast-Event-ID: 0000000000000001-7"]
--- request eval
["GET /api/stream?limit=1",
 "GET /api/stream?timeout=1&last_event_id=0000000000000002-7"]
--- error_code eval
[200, 200]
--- response_body_like eval
['"reason":"limit"', 'event: gap']



=== TEST 10: types that the key has no scope for
--- more_headers eval
[map { "Authorization: Bearer $_-key" }
 qw( logs logs logs logs metrics metrics metrics alice alice write )]
--- request eval
[map { "GET /api/stream?limit=1&types=$_" }
 'event', 'metrics', 'log,event', 'pipeline-update',
 'log', 'event', 'metrics,log',
 'log', 'metrics', 'event']
--- error_code eval
[(403) x 10]
--- response_body_like eval
[(qr/"FORBIDDEN"/) x 10]



=== TEST 11: no scope for any
--- more_headers
Authorization: Bearer write-key
--- request
GET /api/stream
--- error_code: 403
--- response_body_like eval
'"FORBIDDEN"'



=== TEST 12: no key
--- more_headers
X-None: none
--- request
GET /api/stream
--- error_code: 401
--- response_headers
WWW-Authenticate: Bearer realm="triggers"



=== TEST 13: other methods
--- more_headers
Authorization: Bearer admin-key
--- request eval
["POST /api/stream\n", "DELETE /v1/stream", "OPTIONS /api/stream"]
--- error_code eval
[405, 405, 204]



=== TEST 14: an id of another zone
--- more_headers
Authorization: Bearer logs-key
--- request
GET /api/stream?timeout=1&last_event_id=0000000000000000-1
--- error_code: 200
--- response_body_like eval
qr/\Aretry:\ 1000\nid:\ ([0-9a-f]{16})-\d+\nevent:\ gap\n
   data:\ \{"missed":null,"reason":"restarted"\}\n\n
   retry:\ 1\d{3}\nevent:\ end\ndata:\ \{"reason":"timeout"\}\n\n\z/x



=== TEST 15: where there are none there is no such resource
--- config
        location / {
            triggers                 main;
            triggers_stream_clients  0;
        }
--- more_headers
Authorization: Bearer admin-key
--- request eval
["GET /api/stream?limit=0", "HEAD /v1/stream"]
--- error_code eval
[404, 404]
--- raw_response_headers_unlike eval
[('Retry-After') x 2]
--- response_body_like eval
['"NOT_FOUND".*"no streams are given here"', '^$']



=== TEST 16: a buffer that is too small
--- config
        location / {
            triggers                main;
            triggers_stream_buffer  16383;
        }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"triggers_stream_buffer" directive must be at least 16k



=== TEST 17: a heartbeat of no time
--- config
        triggers_stream_heartbeat  0;
        location / {
            triggers main;
        }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"triggers_stream_heartbeat" directive must be greater than 0



=== TEST 18: more clients than there may be
--- config
        location / {
            triggers                 main;
            triggers_stream_clients  65537;
        }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
value must be between 0 and 65536



=== TEST 19: within another answer
--- config
        location / {
            triggers main;
        }
        location = /page {
            ssi          on;
            ssi_types    *;
            default_type text/html;
            return 200 '<!--# include virtual="/api/stream" -->';
        }
--- more_headers
Authorization: Bearer admin-key
--- request
GET /page
--- error_code: 200
--- response_body_like eval
'a stream cannot be a part of another answer'



=== TEST 20: CORS
--- config
        location / {
            triggers       main;
            triggers_cors  https://dashboard.example;
        }
--- more_headers
Authorization: Bearer metrics-key
Origin: https://dashboard.example
--- request
GET /api/stream?types=metrics&limit=1
--- error_code: 200
--- response_headers
Access-Control-Allow-Origin: https://dashboard.example
Vary: Origin



=== TEST 21: names have a case and may be encoded, the last of several counts
--- more_headers
Authorization: Bearer metrics-key
--- request eval
[map { "GET /api/stream?limit=1&$_" }
 'lim%69t=0', 'timeout', 'types=metrics&typ%65s=log',
 'types=log&typ%65s=metrics&TIMEOUT=0']
--- error_code eval
[400, 400, 403, 200]
--- response_body_like eval
[qr/"field":"limit"/, qr/"field":"timeout"/, qr/"FORBIDDEN"/,
 qr/"reason":"limit"/]
