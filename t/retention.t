# triggers_retention and triggers_archive: what they take.  What they do is in
# t/script/retention.t and t/fault/archive.t.

use Test::Nginx::Socket;
use Triggers::Blocks;

plan tests => repeat_each() * checks();

run_tests();

__DATA__

=== TEST 1: a time that is none
--- http_config
    triggers_retention  events=soon;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid time in "events=soon"



=== TEST 2: no time
--- http_config
    triggers_retention  attempts=;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid time in "attempts="



=== TEST 3: a time of too many years
--- http_config
    triggers_retention  audit=2000y;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid time in "audit=2000y"



=== TEST 4: another parameter
--- http_config
    triggers_retention  logs=1d;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "logs=1d"



=== TEST 5: twice
--- http_config
    triggers_retention  events=1d;
    triggers_retention  audit=1d;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"triggers_retention" directive is duplicate



=== TEST 6: an archive twice
--- http_config
    triggers_archive  off;
    triggers_archive  archive;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"triggers_archive" directive is duplicate



=== TEST 7: an archive nowhere
--- http_config
    triggers_archive  "";
--- must_die
--- suppress_stderr
--- error_log
[emerg]
needs the path of a directory



=== TEST 8: for ever, without an archive: an event has no end
--- http_config
    triggers_retention  events=off  attempts=0  audit=off;
    triggers_archive    off;
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;
    triggers_key  "admin"  user=root  scopes=admin;
--- more_headers
Authorization: Bearer admin
--- request eval
["POST /events\n{\"payload\":{}}", "GET /inbox"]
--- error_code eval
[200, 200]
--- response_body_like eval
[qr/event_id/, qr/"ttl":null/]
--- no_error_log
[error]



=== TEST 9: all three, and a directory that is not looked for until it is needed
--- http_config
    triggers_retention  events=1h  attempts=90m  audit=10y;
    triggers_archive    /nowhere/archive;
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;
    triggers_key  "admin"  user=root  scopes=admin;
--- more_headers
Authorization: Bearer admin
--- request
POST /events
{"payload":{}}
--- error_code: 200
--- no_error_log
[error]



=== TEST 10: stores whose files would have one name
--- http_config
    triggers_archive  archive;
    triggers_store  "a b"  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;
    triggers_store  c  sqlite:$TEST_NGINX_SERVER_ROOT/logs/c.db  zone=8m;
    triggers_store  a_b  sqlite:$TEST_NGINX_SERVER_ROOT/logs/two.db  zone=8m;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
archive files of triggers stores "a b" and "a_b" in
would all be named "a_b-..."



=== TEST 11: names that differ behind their first 64 bytes
--- http_config eval
my $name = 'a' x 64;
"triggers_archive  archive;
triggers_store  ${name}1  sqlite:logs/events.db  zone=8m;
triggers_store  ${name}2  sqlite:logs/two.db  zone=8m;"
--- must_die
--- suppress_stderr
--- error_log
[emerg]
would all be named "aaaa



=== TEST 12: without an archive they may be called anything
--- http_config
    triggers_store  "a b"  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;
    triggers_store  a_b  sqlite:$TEST_NGINX_SERVER_ROOT/logs/two.db  zone=8m;
    triggers_key  "admin"  user=root  scopes=admin;
--- config
    location / {
        triggers  "a b";
    }
--- more_headers
Authorization: Bearer admin
--- request
POST /events
{"payload":{}}
--- error_code: 200
--- no_error_log
[error]
