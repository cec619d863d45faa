# Several stores in one configuration.

use Test::Nginx::Socket;
use Triggers::Blocks;

plan tests => repeat_each() * checks();

run_tests();

__DATA__

=== TEST 1: two stores do not mix
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;
    triggers_store  two  sqlite:$TEST_NGINX_SERVER_ROOT/logs/two.db  zone=8m;
    triggers_key  "alice-key"  user=alice;
--- config
        location /one/ {
            triggers main;
        }

        location /two/ {
            triggers two;
        }
--- request eval
["POST /one/events\n" . '{"event_type":"one","payload":{}}',
 "POST /two/events\n" . '{"event_type":"two","payload":{}}',
 "GET /one/inbox", "GET /two/inbox"]
--- response_body_filters pick
total
events.*.event_type
--- response_body eval
["total: (none)\nevents.*.event_type: []\n",
 "total: (none)\nevents.*.event_type: []\n",
 "total: 1\nevents.*.event_type: [\"one\"]\n",
 "total: 1\nevents.*.event_type: [\"two\"]\n"]
--- error_code eval
[200, 200, 200, 200]



=== TEST 2: one store that is broken leaves the other alone
--- http_config
    triggers_store  broken  sqlite:$TEST_NGINX_SERVER_ROOT/nothing/two.db
                    zone=8m;
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;
    triggers_key  "alice-key"  user=alice;
--- config
        location /one/ {
            triggers main;
        }

        location /two/ {
            triggers broken;
        }
--- request eval
["GET /two/v1/health", "POST /one/events\n" . '{"payload":{}}',
 "GET /one/v1/health"]
--- error_code eval
[503, 200, 200]
--- no_error_log
[alert]



=== TEST 3: one store at two places
--- config
        location /one/ {
            triggers main;
        }

        location /two/ {
            triggers main;
        }
--- request eval
["POST /one/events\n" . '{"payload":{}}', "GET /two/inbox"]
--- response_body_filters pick
total
--- response_body eval
["total: (none)\n", "total: 1\n"]
--- error_code eval
[200, 200]



=== TEST 4: a store that is declared behind its use
--- http_config
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
        location / {
            triggers main;
        }
    }

    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;
    triggers_key  "alice-key"  user=alice;
--- request
GET /inbox



=== TEST 5: a relative path begins at the prefix of nginx
--- http_config
    triggers_store  main  sqlite:logs/relative.db  zone=8m;
    triggers_key  "alice-key"  user=alice;
--- request eval
["POST /events\n" . '{"payload":{}}', "GET /v1/health"]
--- error_code eval
[200, 200]
--- response_body_like eval
["accepted", "healthy"]



=== TEST 6: two stores on one file
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;
    triggers_store  two  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
--- no_error_log
[alert]



=== TEST 7: two stores on one file by different names of it
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;
    triggers_store  two  sqlite:$TEST_NGINX_SERVER_ROOT/conf/../logs/events.db
                    zone=8m;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
--- no_error_log
[alert]
