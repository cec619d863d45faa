# Keys of the store: the directives, and which scope opens the routes.  What
# the routes do is in t/script/keys_api.t, since it needs the ids of answers.

use Test::Nginx::Socket;
use Triggers::Blocks;

plan tests => repeat_each() * checks();

run_tests();

__DATA__

=== TEST 1: a number of keys that is none
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db  zone=8m  keys=x;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid value "keys=x", it must be from 1 to 100000000



=== TEST 2: no keys
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db  zone=8m  keys=0;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
keys=0



=== TEST 3: keys that leave no room for events
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db  zone=8m  keys=14000;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
is too small for 14000 keys and a body of "triggers_event_max_size" 1048576, it has room for



=== TEST 4: keys that leave no room, and no location to complain about it
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db  zone=8m  keys=14000;
--- config
        location / {
            return 200;
        }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
zone "triggers_main" is too small for 14000 keys, which take



=== TEST 5: a life of keys that is no time
--- config
        location / {
            triggers          main;
            triggers_key_ttl  soon;
        }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"triggers_key_ttl" directive invalid value



=== TEST 6: a life of keys twice
--- config
        location / {
            triggers          main;
            triggers_key_ttl  1d;
            triggers_key_ttl  2d;
        }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"triggers_key_ttl" directive is duplicate



=== TEST 7: keys have an end where the server says so, and none where the location says so
--- http_config eval
Triggers::Blocks::store_config() . "    triggers_key_ttl  10y;\n"
--- config
        location / {
            triggers main;
        }

        location /for/ever/ {
            triggers          main;
            triggers_key_ttl  0;
        }
--- more_headers
Authorization: Bearer admin-key
--- request eval
["POST /v1/keys\n{\"name\":\"n\"}", "POST /for/ever/v1/keys\n{\"name\":\"n\"}"]
--- error_code eval
[201, 201]
--- response_body_like eval
[qr/"expires_at":"\d{4}-/, qr/"expires_at":null/]



=== TEST 8: the scope keys:manage
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;
    triggers_key  "keys"  user=alice  scopes=keys:manage;
--- more_headers
Authorization: Bearer keys
--- request eval
["POST /v1/keys\n{\"name\":\"n\",\"scopes\":[\"keys:manage\"]}",
 "GET /v1/keys",
 "GET /v1/keys/0193b3a0-0000-7000-8000-000000000001",
 "PATCH /v1/keys/0193b3a0-0000-7000-8000-000000000001\n{}",
 "DELETE /v1/keys/0193b3a0-0000-7000-8000-000000000001",
 "POST /v1/keys/0193b3a0-0000-7000-8000-000000000001/rotate\n{}",
 "GET /inbox",
 "POST /events\n{\"payload\":{}}"]
--- error_code eval
[201, 200, 404, 404, 200, 404, 403, 403]



=== TEST 9: the default scopes
--- more_headers
Authorization: Bearer alice-key
--- request eval
["POST /v1/keys\n{\"name\":\"n\"}",
 "GET /v1/keys",
 "GET /v1/keys/0193b3a0-0000-7000-8000-000000000001",
 "PATCH /v1/keys/0193b3a0-0000-7000-8000-000000000001\n{}",
 "DELETE /v1/keys/0193b3a0-0000-7000-8000-000000000001",
 "POST /v1/keys/0193b3a0-0000-7000-8000-000000000001/rotate\n{}"]
--- error_code eval
[403, 403, 403, 403, 403, 403]



=== TEST 10: methods and paths that are none
--- more_headers
Authorization: Bearer admin-key
--- request eval
["DELETE /v1/keys",
 "GET /v1/keys/0193b3a0-0000-7000-8000-000000000001/rotate",
 "GET /v1/keys/x",
 "GET /v1/keys/0193b3a0-0000-7000-8000-000000000001/x",
 "POST /v1/keys/x/rotate\n{}"]
--- error_code eval
[405, 405, 400, 404, 400]



=== TEST 11: a key of the configuration is none of the store
--- more_headers
Authorization: Bearer admin-key
--- request
GET /v1/keys
--- response_body_like: ^\{"keys":\[\],"pagination"



=== TEST 12: names have a case and may be encoded, the last of several counts
--- more_headers
Authorization: Bearer admin-key
--- request eval
[map { "GET /v1/keys?$_" }
 'lim%69t=0', 'limit', 'limit=0&limit=1', 'limit=1&lim%69t=2', 'LIMIT=0']
--- error_code eval
[400, 400, 400, 200, 200]
--- response_body_like eval
[(qr/"field":"limit"/) x 3, qr/"limit":2,/, qr/"limit":50,/]
