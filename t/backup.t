# Backups: who may make them and where, and wrong values of the directive.

use Test::Nginx::Socket;
use Triggers::Blocks;

plan tests => repeat_each() * checks();

run_tests();

__DATA__

=== TEST 1: a backup
--- config
        location / {
            triggers              main;
            triggers_backup_path  $TEST_NGINX_SERVER_ROOT/logs;
        }
--- more_headers
Authorization: Bearer admin-key
--- request
POST /v1/admin/backup
--- error_code: 200
--- response_headers
Content-Type: application/json
--- response_body_like chomp
^\{"backup":"main-\d{8}T\d{6}Z-[0-9a-f]{8}\.db","size_bytes":\d+,"pages":\d+,"duration_ms":\d+,"timestamp":"[^"]+Z","request_id":"[^"]+"\}$



=== TEST 2: off by default
--- more_headers
Authorization: Bearer admin-key
--- request
POST /v1/admin/backup
--- error_code: 404
--- response_body_filters pick
error.code error.message
--- response_body
error.code: "NOT_FOUND"
error.message: "backups are off here: there is no \"triggers_backup_path\""



=== TEST 3: off in one location, on in another below it
--- config
        triggers_backup_path  $TEST_NGINX_SERVER_ROOT/logs;

        location / {
            triggers              main;
            triggers_backup_path  off;
        }

        location /on/ {
            triggers              main;
        }
--- more_headers
Authorization: Bearer admin-key
--- request eval
["POST /v1/admin/backup", "POST /on/v1/admin/backup"]
--- error_code eval
[404, 200]



=== TEST 4: a relative path is below nginx's prefix
--- config
        location / {
            triggers              main;
            triggers_backup_path  logs  timeout=10s  wal=64m;
        }
--- more_headers
Authorization: Bearer admin-key
--- request
POST /v1/admin/backup
--- error_code: 200



=== TEST 5: no key
--- config
        location / {
            triggers              main;
            triggers_backup_path  logs;
        }
--- more_headers
X-None: 1
--- request
POST /v1/admin/backup
--- error_code: 401
--- response_body_filters pick
error.code
--- response_body
error.code: "UNAUTHORIZED"



=== TEST 6: a key that has all scopes but admin
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;
    triggers_key  "many"  user=alice
                  scopes=events:write,events:read,inbox:ack,keys:manage,webhooks:manage,metrics:read,logs:read;
--- config
        location / {
            triggers              main;
            triggers_backup_path  logs;
        }
--- more_headers
Authorization: Bearer many
--- request
POST /v1/admin/backup
--- error_code: 403
--- response_body_filters pick
error.code
--- response_body
error.code: "FORBIDDEN"



=== TEST 7: another method
--- more_headers
Authorization: Bearer admin-key
--- request
GET /v1/admin/backup
--- error_code: 405
--- response_headers
Allow: POST, OPTIONS



=== TEST 8: it is charged as any request is
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;
    triggers_key  "one"  user=root  scopes=admin  rate=1;
--- config
        location / {
            triggers              main;
            triggers_backup_path  logs;
        }
--- more_headers
Authorization: Bearer one
--- request eval
["POST /v1/admin/backup", "POST /v1/admin/backup"]
--- error_code eval
[200, 429]



=== TEST 9: a client names no file
--- config
        location / {
            triggers              main;
            triggers_backup_path  logs;
        }
--- more_headers
Authorization: Bearer admin-key
X-Request-ID: my.name
Content-Type: application/json
--- request
POST /v1/admin/backup?backup=mine.db
{"backup":"mine.db","path":"/tmp"}
--- error_code: 200
--- response_body_like chomp
^\{"backup":"main-\d{8}T\d{6}Z-[0-9a-f]{8}\.db".*"request_id":"my\.name"



=== TEST 10: characters that a store's name may have and a file's should not
--- http_config
    triggers_store  ../a*b  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;
    triggers_key  "admin-key"  user=root  scopes=admin;
--- config
        location / {
            triggers              ../a*b;
            triggers_backup_path  logs;
        }
--- more_headers
Authorization: Bearer admin-key
--- request
POST /v1/admin/backup
--- error_code: 200
--- response_body_like chomp
^\{"backup":"_\._a_b-\d{8}T



=== TEST 11: a directory that is not there
--- config
        location / {
            triggers              main;
            triggers_backup_path  nowhere;
        }
--- more_headers
Authorization: Bearer admin-key
--- request
POST /v1/admin/backup
--- error_code: 503
--- response_body_filters pick
error.code error.message
--- response_body
error.code: "SERVICE_UNAVAILABLE"
error.message: "the backup could not be written"
--- error_log
opendir() failed



=== TEST 12: two paths
--- config
        location / {
            triggers              main;
            triggers_backup_path  logs;
            triggers_backup_path  html;
        }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"triggers_backup_path" directive is duplicate



=== TEST 13: an empty path
--- config
        location / {
            triggers              main;
            triggers_backup_path  "";
        }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"triggers_backup_path" directive needs the path of a directory



=== TEST 14: no time
--- config
        location / {
            triggers              main;
            triggers_backup_path  logs  timeout=0;
        }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid value in "timeout=0"



=== TEST 15: another parameter
--- config
        location / {
            triggers              main;
            triggers_backup_path  logs  keep=3;
        }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "keep=3"



=== TEST 16: a parameter of nothing
--- config
        location / {
            triggers              main;
            triggers_backup_path  off  timeout=1s;
        }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"triggers_backup_path" directive has no parameters when it is off



=== TEST 17: no size
--- config
        location / {
            triggers              main;
            triggers_backup_path  logs  wal=-1;
        }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid size "wal=-1"
