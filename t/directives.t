# Directives: every wrong value stops nginx, with its place and reason.

use Test::Nginx::Socket;
use Triggers::Blocks;

plan tests => repeat_each() * checks();

run_tests();

__DATA__

=== TEST 1: a store without a zone
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
zone



=== TEST 2: a store without a path
--- http_config
    triggers_store  main  zone=8m;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid database "zone=8m", it must be "sqlite:PATH"



=== TEST 3: a store without anything
--- http_config
    triggers_store  main;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid number of arguments in "triggers_store"



=== TEST 4: a store of an unknown kind
--- http_config
    triggers_store  main  oracle:/x  zone=8m;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
oracle:/x



=== TEST 5: a store with an empty path
--- http_config
    triggers_store  main  sqlite:  zone=8m;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
sqlite:



=== TEST 6: a zone that is no size
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db  zone=x;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
zone=x



=== TEST 7: a zone that is empty
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db  zone=;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
zone=



=== TEST 8: a zone that is too small
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db  zone=1k;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
zone=1k



=== TEST 9: a number of waiting requests that is none
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db  zone=8m  waiting=x;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
waiting=x



=== TEST 10: no waiting requests
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db  zone=8m  waiting=0;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
waiting=0



=== TEST 11: readers that are no number
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db  zone=8m  readers=-1;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
readers=-1



=== TEST 12: no readers
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db  zone=8m  readers=0;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
readers=0



=== TEST 13: records of a batch that are no number
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db  zone=8m  batch_records=x;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
batch_records=x



=== TEST 14: no records in a batch
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db  zone=8m  batch_records=0;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
batch_records=0



=== TEST 15: bytes of a batch that are no size
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db  zone=8m  batch_bytes=x;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
batch_bytes=x



=== TEST 16: no bytes in a batch
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db  zone=8m  batch_bytes=0;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
batch_bytes=0



=== TEST 17: memory for bodies that is no size
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db  zone=8m  body_memory=x;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
body_memory=x



=== TEST 18: an unknown parameter
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db  zone=8m  foo=1;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
foo=1



=== TEST 19: a thread pool that does not exist
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db  zone=8m  thread_pool=nothing;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
nothing



=== TEST 20: a store twice
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/two.db  zone=8m;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"triggers_store" directive is duplicate



=== TEST 21: a store that is not declared
--- http_config

--- must_die
--- suppress_stderr
--- error_log
[emerg]
main



=== TEST 22: triggers without a store
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;

--- config
        location / {
            triggers;
        }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid number of arguments in "triggers"



=== TEST 23: triggers twice
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;

--- config
        location / {
            triggers main;
            triggers main;
        }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
is duplicate



=== TEST 24: triggers with an unknown parameter
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;

--- config
        location / {
            triggers main foo=/x;
        }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
foo=/x



=== TEST 25: a prefix that is no path
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;

--- config
        location / {
            triggers main prefix=x;
        }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
prefix=x



=== TEST 26: a regular expression without a prefix
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;

--- config
        location ~ ^/hooks/ {
            triggers main;
        }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
prefix



=== TEST 27: a named location without a prefix
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;

--- config
        location @hooks {
            triggers main;
        }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
prefix



=== TEST 28: triggers at the level of the server
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;

--- config
        triggers main;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"triggers" directive is not allowed here



=== TEST 29: a store at the level of the server
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;

--- config
        triggers_store two sqlite:/x zone=8m;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"triggers_store" directive is not allowed here



=== TEST 30: a key without a user
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;
    triggers_key  "k";
--- must_die
--- suppress_stderr
--- error_log
[emerg]
triggers_key



=== TEST 31: a key with an empty user
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;
    triggers_key  "k"  user=;
--- must_die
--- suppress_stderr
--- error_log
[emerg]



=== TEST 32: an empty key
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;
    triggers_key  ""  user=alice;
--- must_die
--- suppress_stderr
--- error_log
[emerg]



=== TEST 33: an unknown scope
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;
    triggers_key  "k"  user=alice  scopes=events:foo;
--- must_die
--- suppress_stderr
--- error_log
[emerg]



=== TEST 34: an empty scope
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;
    triggers_key  "k"  user=alice  scopes=;
--- must_die
--- suppress_stderr
--- error_log
[emerg]



=== TEST 35: a rate that is no number
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;
    triggers_key  "k"  user=alice  rate=x;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"rate" parameter: it must be a number of requests a minute, at most 1000000000, 0 for no limit



=== TEST 36: a key with an unknown parameter
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;
    triggers_key  "k"  user=alice  foo=1;
--- must_die
--- suppress_stderr
--- error_log
[emerg]



=== TEST 37: a hash that is too short
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;
    triggers_key  sha256:abcd  user=alice;
--- must_die
--- suppress_stderr
--- error_log
[emerg]



=== TEST 38: a hash that is none
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;
    triggers_key  sha256:gggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggg  user=alice;
--- must_die
--- suppress_stderr
--- error_log
[emerg]



=== TEST 39: a key twice
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;
    triggers_key  "k"  user=alice;
    triggers_key  "k"  user=bob;
--- must_die
--- suppress_stderr
--- error_log
[emerg]



=== TEST 40: a key twice, once as its hash
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;
    triggers_key  "k"  user=alice;
    triggers_key  sha256:8254c329a92850f6d539dd376f4816ee2764517da5e0235514af433164480d7a  user=bob;
--- must_die
--- suppress_stderr
--- error_log
[emerg]



=== TEST 41: a refused key is not shown
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;
    triggers_key  "my-secret"  user=alice  scopes=events:foo;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
--- no_error_log
[alert]
my-secret



=== TEST 42: a file of keys that is not there
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;
    triggers_keys_file  $TEST_NGINX_SERVER_ROOT/html/nothing;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
html/nothing
No such file or directory



=== TEST 43: a file of keys: a line without a user
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;
    triggers_keys_file  $TEST_NGINX_SERVER_ROOT/html/keys;
--- user_files
>>> keys
# keys
k
--- must_die
--- suppress_stderr
--- error_log
[emerg]
html/keys:2



=== TEST 44: a file of keys: a line with an unknown scope
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;
    triggers_keys_file  $TEST_NGINX_SERVER_ROOT/html/keys;
--- user_files
>>> keys
# keys
k user=alice scopes=x
--- must_die
--- suppress_stderr
--- error_log
[emerg]
html/keys:2



=== TEST 45: a file of keys: a line with an unknown parameter
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;
    triggers_keys_file  $TEST_NGINX_SERVER_ROOT/html/keys;
--- user_files
>>> keys
# keys
k user=alice x=1
--- must_die
--- suppress_stderr
--- error_log
[emerg]
html/keys:2



=== TEST 46: a file of keys: a key that stands twice
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;
    triggers_keys_file  $TEST_NGINX_SERVER_ROOT/html/keys;
--- user_files
>>> keys
# keys
k user=alice
k user=bob
--- must_die
--- suppress_stderr
--- error_log
[emerg]
html/keys:3



=== TEST 47: triggers_event_max_size: x
--- config
        triggers_event_max_size x;

        location / {
            triggers main;
        }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
triggers_event_max_size



=== TEST 48: triggers_event_max_size: -1
--- config
        triggers_event_max_size -1;

        location / {
            triggers main;
        }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
triggers_event_max_size



=== TEST 49: triggers_event_max_size: 0
--- config
        triggers_event_max_size 0;

        location / {
            triggers main;
        }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
triggers_event_max_size



=== TEST 50: triggers_event_max_size twice
--- config
        triggers_event_max_size 1k;
        triggers_event_max_size 1k;

        location / {
            triggers main;
        }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
is duplicate



=== TEST 51: triggers_commit_timeout: x
--- config
        triggers_commit_timeout x;

        location / {
            triggers main;
        }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
triggers_commit_timeout



=== TEST 52: triggers_commit_timeout: 0
--- config
        triggers_commit_timeout 0;

        location / {
            triggers main;
        }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
triggers_commit_timeout



=== TEST 53: triggers_commit_timeout twice
--- config
        triggers_commit_timeout 1s;
        triggers_commit_timeout 1s;

        location / {
            triggers main;
        }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
is duplicate



=== TEST 54: triggers_query_timeout: x
--- config
        triggers_query_timeout x;

        location / {
            triggers main;
        }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
triggers_query_timeout



=== TEST 55: triggers_query_timeout: 0
--- config
        triggers_query_timeout 0;

        location / {
            triggers main;
        }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
triggers_query_timeout



=== TEST 56: triggers_query_timeout twice
--- config
        triggers_query_timeout 1s;
        triggers_query_timeout 1s;

        location / {
            triggers main;
        }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
is duplicate



=== TEST 57: triggers_synchronous_commit: maybe
--- config
        triggers_synchronous_commit maybe;

        location / {
            triggers main;
        }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
triggers_synchronous_commit



=== TEST 58: triggers_synchronous_commit twice
--- config
        triggers_synchronous_commit on;
        triggers_synchronous_commit on;

        location / {
            triggers main;
        }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
is duplicate



=== TEST 59: triggers_response_max_size: x
--- config
        triggers_response_max_size x;

        location / {
            triggers main;
        }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
triggers_response_max_size



=== TEST 60: triggers_response_max_size: 0
--- config
        triggers_response_max_size 0;

        location / {
            triggers main;
        }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
triggers_response_max_size



=== TEST 61: triggers_response_max_size twice
--- config
        triggers_response_max_size 1m;
        triggers_response_max_size 1m;

        location / {
            triggers main;
        }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
is duplicate



=== TEST 62: an event that could never fit into the zone
--- config
        location / {
            triggers main;
            triggers_event_max_size 64m;
        }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
triggers_event_max_size



=== TEST 63: all directives with good values
--- main_config
thread_pool  store  threads=4;
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=16m  waiting=500  readers=2  batch_records=500
                    batch_bytes=1m  body_memory=8m  idempotency_ttl=1h
                    thread_pool=store;
    triggers_key  "alice-key"  user=alice  scopes=events:write,events:read
                  rate=0;

    triggers_event_max_size      64k;
    triggers_commit_timeout      5s;
    triggers_query_timeout       500ms;
    triggers_synchronous_commit  on;
    triggers_response_max_size   1m;
    triggers_batch_max_size      2m;
    triggers_rate_limit          100000;
--- config
        triggers_event_max_size      32k;
        triggers_batch_max_size      1m;
        triggers_rate_limit          0;

        location / {
            triggers main prefix=/;
            triggers_commit_timeout      5s;
            triggers_query_timeout       500ms;
            triggers_synchronous_commit  on;
            triggers_response_max_size   1m;
        }
--- request eval
["POST /events\n" . '{"payload":{}}', "GET /inbox"]
--- error_code eval
[200, 200]



=== TEST 64: a limit of an outer level holds inside
--- http_config eval
Triggers::Blocks::store_config() . "    triggers_event_max_size 100;\n"
--- request eval
"POST /events\n" . '{"payload":{"a":"' . ("x" x 100) . '"}}'
--- error_code: 413



=== TEST 65: an answer that would be larger than its limit
--- config
        location / {
            triggers main;
            triggers_response_max_size 4k;
        }
--- request eval
[("POST /events\n" . '{"payload":{"a":"' . ("x" x 1500) . '"}}') x 3,
 "GET /inbox", "GET /inbox?limit=1"]
--- response_body_filters pick
total
pagination.has_more
--- response_body_like eval
["none", "none", "none", "total: 3\npagination.has_more: true\n",
 "total: 3\npagination.has_more: true\n"]
--- error_code eval
[200, 200, 200, 200, 200]



=== TEST 66: a user that is not UTF-8
--- http_config eval
"    triggers_store  main  sqlite:\$TEST_NGINX_SERVER_ROOT/logs/events.db"
. "  zone=8m;\n    triggers_key  alice-key  user=\xffalice;\n"
--- must_die
--- suppress_stderr
--- error_log
[emerg]
has an invalid "user" parameter
--- no_error_log
[alert]
alice-key



=== TEST 67: a user that ends in the middle of a character
--- http_config eval
"    triggers_store  main  sqlite:\$TEST_NGINX_SERVER_ROOT/logs/events.db"
. "  zone=8m;\n    triggers_key  alice-key  user=ali\xc3;\n"
--- must_die
--- suppress_stderr
--- error_log
[emerg]
has an invalid "user" parameter
--- no_error_log
[alert]
alice-key



=== TEST 68: a user of other alphabets
--- http_config eval
"    triggers_store  main  sqlite:\$TEST_NGINX_SERVER_ROOT/logs/events.db"
. "  zone=8m;\n    triggers_key  alice-key  user=\xc3\xa4lice;\n"
--- request
GET /inbox
--- error_code: 200



=== TEST 69: a file of keys: a key in the wrong place is not shown
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;
    triggers_keys_file  $TEST_NGINX_SERVER_ROOT/html/keys;
--- user_files
>>> keys
# keys
user=alice sk-live-secret
--- must_die
--- suppress_stderr
--- error_log
[emerg]
html/keys:2
--- no_error_log
[alert]
sk-live



=== TEST 70: a file of keys: a key behind its user is not shown
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;
    triggers_keys_file  $TEST_NGINX_SERVER_ROOT/html/keys;
--- user_files
>>> keys
label user=alice sk-live-secret
--- must_die
--- suppress_stderr
--- error_log
[emerg]
html/keys:1
--- no_error_log
[alert]
sk-live



=== TEST 71: a key in the wrong place is not shown
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;
    triggers_key  user=alice  sk-live-secret;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
triggers_key
--- no_error_log
[alert]
sk-live



=== TEST 72: a retry schedule with a pause of nothing
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;
    triggers_retry_schedule  2s 0 8s;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid time "0"
--- no_error_log
[alert]



=== TEST 73: a retry schedule that is no time
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;
    triggers_retry_schedule  soon;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid time "soon"
--- no_error_log
[alert]



=== TEST 74: a retry schedule of too many pauses
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;
    triggers_retry_schedule  1s 1s 1s 1s 1s 1s 1s 1s 1s 1s 1s 1s 1s 1s 1s 1s 1s;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"triggers_retry_schedule" takes no more than 16 times
--- no_error_log
[alert]



=== TEST 75: a retry schedule twice
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;
    triggers_retry_schedule  1s;
    triggers_retry_schedule  1s;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"triggers_retry_schedule" directive is duplicate
--- no_error_log
[alert]



=== TEST 76: triggers_lease_attempts 0
--- config
        location / {
            triggers main;
            triggers_lease_attempts 0;
        }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
value must be between 1 and 1000



=== TEST 77: triggers_lease_attempts 1001
--- config
        location / {
            triggers main;
            triggers_lease_attempts 1001;
        }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
value must be between 1 and 1000



=== TEST 78: triggers_lease_attempts x
--- config
        location / {
            triggers main;
            triggers_lease_attempts x;
        }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid number



=== TEST 79: triggers_debug maybe
--- config
        location / {
            triggers main;
            triggers_debug maybe;
        }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid value "maybe" in "triggers_debug" directive



=== TEST 80: triggers with a post_action
--- config
        post_action /after;
        location / {
            triggers main;
        }
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"post_action" cannot be used with "triggers", in location "/"



=== TEST 81: a store with an empty name
--- http_config
    triggers_store  ""  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db  zone=8m;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"triggers_store" directive needs a name
