# triggers_logs and the parameters of GET /logs: what they take, and whose key
# opens it.  What is stored, and what becomes of it, is in t/script/logs.t and
# t/fault/logs.t.

use Test::Nginx::Socket;
use Triggers::Blocks;

plan tests => repeat_each() * checks();

run_tests();

__DATA__

=== TEST 1: a level that is none
--- http_config
    triggers_logs  level=warning;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid value "level=warning", it must be debug, info, warn or error



=== TEST 2: a sample of nothing
--- http_config
    triggers_logs  sample=0;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid value "sample=0", it must be from 1 to 1000000



=== TEST 3: a rate that is no number
--- http_config
    triggers_logs  rate=fast;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid value "rate=fast", it must be from 0 to 1000000



=== TEST 4: a time that is none
--- http_config
    triggers_logs  level=warn retention=soon;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid time in "retention=soon"



=== TEST 5: a history without a time
--- http_config
    triggers_logs  history=;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid time in "history="



=== TEST 6: a size that is too small
--- http_config
    triggers_logs  size=1000k;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid size "size=1000k", it must be at least 1m



=== TEST 7: a size that is none
--- http_config
    triggers_logs  size=99999999999999g;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid size "size=99999999999999g" in



=== TEST 8: another parameter
--- http_config
    triggers_logs  format=json;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "format=json"



=== TEST 9: off is a word of its own
--- http_config
    triggers_logs  off level=info;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "off"



=== TEST 10: twice
--- http_config
    triggers_logs  off;
    triggers_logs  level=info;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"triggers_logs" directive is duplicate



=== TEST 11: a store's logs in the store
--- http_config
    triggers_store  main  sqlite:logs/events.db  zone=8m
                    logs=logs/../logs/events.db;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
events.db" is used by triggers store "main" already



=== TEST 12: a store's logs in another one's
--- http_config
    triggers_store  one  sqlite:logs/one.db  zone=8m;
    triggers_store  two  sqlite:logs/two.db  zone=8m  logs=logs/one.db.logs;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
one.db.logs" is used by triggers store "one" already



=== TEST 13: a store where another one's logs are
--- http_config
    triggers_store  one  sqlite:logs/one.db  zone=8m  logs=logs/two.db;
    triggers_store  two  sqlite:logs/two.db  zone=8m;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
two.db" is used by triggers store "one" already



=== TEST 14: a store's logs in a file beside it
--- http_config
    triggers_store  main  sqlite:logs/events.db  zone=8m
                    logs=logs/events.db-wal;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
events.db-wal" is used by triggers store "main" already



=== TEST 15: a store in a file beside another one's logs
--- http_config
    triggers_store  one  sqlite:logs/one.db  zone=8m;
    triggers_store  two  sqlite:logs/one.db.logs.lock  zone=8m;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
one.db.logs.lock" is used by triggers store "one" already



=== TEST 16: logs in what is no file
--- http_config
    triggers_store  main  sqlite:logs/events.db  zone=8m  logs=logs;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
logs" is not a file



=== TEST 17: logs in a directory
--- http_config
    triggers_store  main  sqlite:logs/events.db  zone=8m  logs=logs/;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "logs=logs/"



=== TEST 18: all there is; an empty page
--- http_config eval
Triggers::Blocks::store_config()
. "    triggers_logs  level=debug sample=2 rate=0 retention=off size=off"
. " history=1h;\n"
--- more_headers
Authorization: Bearer admin-key
--- request
GET /logs?q=no+such+text
--- error_code: 200
--- response_body_like: ^\{"logs":\[\],"pagination":\{"limit":50,"offset":null,"has_more":false,"next_cursor":null\},"timestamp":"[^"]+","request_id":"[^"]+"\}$



=== TEST 19: where none are stored there is no such resource
--- http_config eval
Triggers::Blocks::store_config() . "    triggers_logs  off;\n"
--- more_headers
Authorization: Bearer admin-key
--- request
GET /logs
--- error_code: 404
--- response_body_like: no logs are stored here



=== TEST 20: a key whose scope is another
--- request
GET /logs
--- error_code: 403



=== TEST 21: no key
--- more_headers
X-API-Key: nobody
--- request
GET /logs
--- error_code: 401



=== TEST 22: parameters that are not valid
--- more_headers
Authorization: Bearer admin-key
--- request eval
["GET /logs?level=all", "GET /logs?level=", "GET /logs?level=INFO",
 "GET /logs?since=yesterday", "GET /logs?since=",
 "GET /logs?correlation_id=", "GET /logs?correlation_id=a%20b",
 "GET /logs?correlation_id=" . "x" x 129, "GET /logs?event_id=1",
 "GET /logs?q=", "GET /logs?q=" . "x" x 257, "GET /logs?limit=0",
 "GET /logs?limit=1001", "GET /logs?limit=ten", "GET /logs?cursor=bAAA",
 "GET /logs?cursor=bAAAAZptwySVAAAAAAAAAAU"]
--- error_code eval
[400, 400, 400, 400, 400, 400, 400, 400, 400, 400, 400, 400, 400, 400, 400,
 400]
--- response_body_like eval
[qr/INVALID_PARAMETER.*"field":"level"/,
 qr/INVALID_PARAMETER.*"field":"level"/,
 qr/INVALID_PARAMETER.*"field":"level"/,
 qr/INVALID_PARAMETER.*"field":"since"/,
 qr/INVALID_PARAMETER.*"field":"since"/,
 qr/INVALID_PARAMETER.*"field":"correlation_id"/,
 qr/INVALID_PARAMETER.*"field":"correlation_id"/,
 qr/INVALID_PARAMETER.*"field":"correlation_id"/,
 qr/INVALID_PARAMETER.*"field":"event_id"/,
 qr/INVALID_PARAMETER.*"field":"q"/, qr/INVALID_PARAMETER.*"field":"q"/,
 qr/INVALID_PARAMETER.*"field":"limit"/,
 qr/INVALID_PARAMETER.*"field":"limit"/,
 qr/INVALID_PARAMETER.*"field":"limit"/,
 qr/INVALID_PARAMETER.*"field":"cursor"/,
 qr/INVALID_PARAMETER.*"field":"cursor"/]



=== TEST 23: parameters that are
--- more_headers
Authorization: Bearer admin-key
--- request eval
["GET /logs?level=debug", "GET /logs?level=error",
 "GET /logs?since=2025-01-01T00:00:00%2B01:00", "GET /logs?since=2025-01-02",
 "GET /logs?since=2025-01-01T00:00:00+01:00",
 "GET /logs?correlation_id=a.b_c:d-1",
 "GET /logs?event_id=0193b3a0-0000-7000-8000-000000000001",
 "GET /logs?q=%25_%27", "GET /logs?limit=1000",
 "GET /logs?cursor=ZwUAAAAAAAAAAAAAAAAAAAA", "GET /logs/", "HEAD /logs"]
--- error_code eval
[200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200]



=== TEST 24: another method
--- more_headers
Authorization: Bearer admin-key
--- request
DELETE /logs
--- error_code: 405
--- response_headers
Allow: GET, HEAD, OPTIONS



=== TEST 25: names have a case and may be encoded, the last of several counts
--- more_headers
Authorization: Bearer admin-key
--- request eval
[map { "GET /logs?$_" }
 'lim%69t=0', 'limit', 'limit=0&limit=1', 'limit=1&lim%69t=2', 'LIMIT=0']
--- error_code eval
[400, 400, 400, 200, 200]
--- response_body_like eval
[(qr/"field":"limit"/) x 3, qr/"limit":2,/, qr/"limit":50,/]
