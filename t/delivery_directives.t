# Directives of push delivery: every wrong value stops nginx, with its place
# and reason; no message tells a secret.

use Test::Nginx::Socket;
use Triggers::Blocks;

plan tests => repeat_each() * checks();

run_tests();

__DATA__

=== TEST 1: an endpoint that is no URL
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db  zone=8m;
    triggers_deliver  example.com/hook;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
an endpoint must be an http or https URL: "example.com/hook"



=== TEST 2: an endpoint of another scheme
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db  zone=8m;
    triggers_deliver  ftp://example.com/;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
must be an http or https URL



=== TEST 3: an endpoint without a host
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db  zone=8m;
    triggers_deliver  http:///hook;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
must be a valid URL



=== TEST 4: an endpoint with a bad port
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db  zone=8m;
    triggers_deliver  http://example.com:99999/;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
must be a valid URL



=== TEST 5: an endpoint with a password
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db  zone=8m;
    triggers_deliver  https://a:b@example.com/;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
must be a URL without a user name or password



=== TEST 6: an endpoint with a fragment
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db  zone=8m;
    triggers_deliver  https://example.com/#a;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
must be a URL without a fragment



=== TEST 7: an endpoint with a space
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db  zone=8m;
    triggers_deliver  "https://example.com/a b";
--- must_die
--- suppress_stderr
--- error_log
[emerg]
must be of printable ASCII characters



=== TEST 8: an endpoint with a name in Unicode
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db  zone=8m;
    triggers_deliver  https://exämple.com/;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
must be of printable ASCII characters



=== TEST 9: an endpoint that is too long
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db  zone=8m;
    triggers_deliver  https://example.com/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
must be of at most 2048 bytes



=== TEST 10: a secret that is too short
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db  zone=8m;
    triggers_deliver  https://example.com/  secret=whsec_c2hvcnQ=;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid secret, it must be "whsec_" and the base64 of 24 to 64 bytes
--- no_error_log
c2hvcnQ=



=== TEST 11: a secret without its prefix
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db  zone=8m;
    triggers_deliver  https://example.com/  secret=MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid secret
--- no_error_log
MfKQ9r8G



=== TEST 12: an unknown format
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db  zone=8m;
    triggers_deliver  https://example.com/  format=xml;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "format=xml"



=== TEST 13: an unknown parameter
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db  zone=8m;
    triggers_deliver  https://example.com/  retries=3;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid parameter "retries=3"



=== TEST 14: an unknown store
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db  zone=8m;
    triggers_deliver  https://example.com/  store=other;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
unknown triggers store "other" in



=== TEST 15: a star in the middle of a type
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db  zone=8m;
    triggers_deliver  https://example.com/  order.*.created;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid type of events "order.*.created"



=== TEST 16: a star without a dot
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db  zone=8m;
    triggers_deliver  https://example.com/  order*;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid type of events "order*"



=== TEST 17: nothing but a star
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db  zone=8m;
    triggers_deliver  https://example.com/  *;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid type of events "*"



=== TEST 18: the same endpoint twice
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db  zone=8m;
    triggers_deliver  https://example.com/  a;
    triggers_deliver  https://example.com/  b;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
duplicate endpoint "https://example.com/" of triggers store "main"



=== TEST 19: which of two stores
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db  zone=8m;
    triggers_store  other  sqlite:$TEST_NGINX_SERVER_ROOT/logs/other.db  zone=8m;
    triggers_deliver  https://example.com/;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"triggers_deliver" needs the "store" parameter where there is not exactly one store



=== TEST 20: more endpoints than a store may have
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db  zone=8m;
    triggers_deliver  https://example.com/0;
    triggers_deliver  https://example.com/1;
    triggers_deliver  https://example.com/2;
    triggers_deliver  https://example.com/3;
    triggers_deliver  https://example.com/4;
    triggers_deliver  https://example.com/5;
    triggers_deliver  https://example.com/6;
    triggers_deliver  https://example.com/7;
    triggers_deliver  https://example.com/8;
    triggers_deliver  https://example.com/9;
    triggers_deliver  https://example.com/10;
    triggers_deliver  https://example.com/11;
    triggers_deliver  https://example.com/12;
    triggers_deliver  https://example.com/13;
    triggers_deliver  https://example.com/14;
    triggers_deliver  https://example.com/15;
    triggers_deliver  https://example.com/16;
    triggers_deliver  https://example.com/17;
    triggers_deliver  https://example.com/18;
    triggers_deliver  https://example.com/19;
    triggers_deliver  https://example.com/20;
    triggers_deliver  https://example.com/21;
    triggers_deliver  https://example.com/22;
    triggers_deliver  https://example.com/23;
    triggers_deliver  https://example.com/24;
    triggers_deliver  https://example.com/25;
    triggers_deliver  https://example.com/26;
    triggers_deliver  https://example.com/27;
    triggers_deliver  https://example.com/28;
    triggers_deliver  https://example.com/29;
    triggers_deliver  https://example.com/30;
    triggers_deliver  https://example.com/31;
    triggers_deliver  https://example.com/32;
    triggers_deliver  https://example.com/33;
    triggers_deliver  https://example.com/34;
    triggers_deliver  https://example.com/35;
    triggers_deliver  https://example.com/36;
    triggers_deliver  https://example.com/37;
    triggers_deliver  https://example.com/38;
    triggers_deliver  https://example.com/39;
    triggers_deliver  https://example.com/40;
    triggers_deliver  https://example.com/41;
    triggers_deliver  https://example.com/42;
    triggers_deliver  https://example.com/43;
    triggers_deliver  https://example.com/44;
    triggers_deliver  https://example.com/45;
    triggers_deliver  https://example.com/46;
    triggers_deliver  https://example.com/47;
    triggers_deliver  https://example.com/48;
    triggers_deliver  https://example.com/49;
    triggers_deliver  https://example.com/50;
    triggers_deliver  https://example.com/51;
    triggers_deliver  https://example.com/52;
    triggers_deliver  https://example.com/53;
    triggers_deliver  https://example.com/54;
    triggers_deliver  https://example.com/55;
    triggers_deliver  https://example.com/56;
    triggers_deliver  https://example.com/57;
    triggers_deliver  https://example.com/58;
    triggers_deliver  https://example.com/59;
    triggers_deliver  https://example.com/60;
    triggers_deliver  https://example.com/61;
    triggers_deliver  https://example.com/62;
    triggers_deliver  https://example.com/63;
    triggers_deliver  https://example.com/64;
    triggers_deliver  https://example.com/65;
    triggers_deliver  https://example.com/66;
    triggers_deliver  https://example.com/67;
    triggers_deliver  https://example.com/68;
    triggers_deliver  https://example.com/69;
    triggers_deliver  https://example.com/70;
    triggers_deliver  https://example.com/71;
    triggers_deliver  https://example.com/72;
    triggers_deliver  https://example.com/73;
    triggers_deliver  https://example.com/74;
    triggers_deliver  https://example.com/75;
    triggers_deliver  https://example.com/76;
    triggers_deliver  https://example.com/77;
    triggers_deliver  https://example.com/78;
    triggers_deliver  https://example.com/79;
    triggers_deliver  https://example.com/80;
    triggers_deliver  https://example.com/81;
    triggers_deliver  https://example.com/82;
    triggers_deliver  https://example.com/83;
    triggers_deliver  https://example.com/84;
    triggers_deliver  https://example.com/85;
    triggers_deliver  https://example.com/86;
    triggers_deliver  https://example.com/87;
    triggers_deliver  https://example.com/88;
    triggers_deliver  https://example.com/89;
    triggers_deliver  https://example.com/90;
    triggers_deliver  https://example.com/91;
    triggers_deliver  https://example.com/92;
    triggers_deliver  https://example.com/93;
    triggers_deliver  https://example.com/94;
    triggers_deliver  https://example.com/95;
    triggers_deliver  https://example.com/96;
    triggers_deliver  https://example.com/97;
    triggers_deliver  https://example.com/98;
    triggers_deliver  https://example.com/99;
    triggers_deliver  https://example.com/100;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
more than 100 endpoints of triggers store "main"



=== TEST 21: a schedule of no time
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db  zone=8m;
    triggers_delivery_schedule  5s soon;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid time "soon"



=== TEST 22: a schedule with a pause of nothing
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db  zone=8m;
    triggers_delivery_schedule  5s 0;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid time "0"



=== TEST 23: a schedule that is off and on
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db  zone=8m;
    triggers_delivery_schedule  off 5s;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid time "off"



=== TEST 24: a schedule with too many times
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db  zone=8m;
    triggers_delivery_schedule  5s 5s 5s 5s 5s 5s 5s 5s 5s 5s 5s 5s 5s 5s 5s 5s 5s 5s 5s 5s 5s 5s 5s 5s 5s 5s 5s 5s 5s 5s 5s 5s 5s;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"triggers_delivery_schedule" directive has too many times



=== TEST 25: two schedules
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db  zone=8m;
    triggers_delivery_schedule  5s;
    triggers_delivery_schedule  6s;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"triggers_delivery_schedule" directive is duplicate



=== TEST 26: a timeout of nothing
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db  zone=8m;
    triggers_delivery_timeout  0;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"triggers_delivery_timeout" directive must be greater than 0



=== TEST 27: a timeout that is no time
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db  zone=8m;
    triggers_delivery_timeout  long;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid value



=== TEST 28: no concurrency
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db  zone=8m;
    triggers_delivery_concurrency  0;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
value must be between 1 and 256



=== TEST 29: too much concurrency
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db  zone=8m;
    triggers_delivery_concurrency  257;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
value must be between 1 and 256



=== TEST 30: certificates that are not there
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db  zone=8m;
    triggers_delivery_trusted_certificate  none.pem;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
none.pem" failed (2: No such file or directory)



=== TEST 31: certificates that are none
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db  zone=8m;
    triggers_delivery_trusted_certificate  nginx.conf;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
no certificate in



=== TEST 32: a network that is none
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db  zone=8m;
    triggers_webhook_allow  10.0.0.0/8 localhost;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid network "localhost", it must be an address or a CIDR block



=== TEST 33: networks, and off
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db  zone=8m;
    triggers_webhook_allow  off 10.0.0.0/8;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid network "off"



=== TEST 34: networks twice
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db  zone=8m;
    triggers_webhook_allow  10.0.0.0/8;
    triggers_webhook_allow  off;
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"triggers_webhook_allow" directive is duplicate



=== TEST 35: all that is right
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db  zone=8m;
    triggers_store  other  sqlite:$TEST_NGINX_SERVER_ROOT/logs/other.db  zone=8m;
    triggers_key    test-key  user=alice  scopes=admin;
    triggers_deliver  http://127.0.0.1:9/  order.*  store=main;
    triggers_deliver  https://[::1]:9/a?b=c  secret=whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw  format=cloudevents  store=main;
    triggers_deliver  HTTPS://example.com  format=standard  store=other  x;
    triggers_delivery_schedule  1s 2m 3h;
    triggers_delivery_timeout  500ms;
    triggers_delivery_concurrency  256;
    triggers_webhook_allow  10.0.0.0/8 ::1;
--- config
    location / {
        triggers main;
        triggers_webhook_allow  off;
    }
--- request
GET /v1/health
--- error_code: 200
--- no_error_log
[error]
[alert]
