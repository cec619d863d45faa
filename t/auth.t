# Authentication: keys in the configuration and in files, and what is refused.

use Test::Nginx::Socket;
use Triggers::Blocks;

plan tests => repeat_each() * checks();

run_tests();

__DATA__

=== TEST 1: no token
--- more_headers
X-None: 1
--- request
GET /inbox
--- error_code: 401
--- response_headers
WWW-Authenticate: Bearer realm="triggers"
--- response_body_filters pick
error.code
--- response_body
error.code: "UNAUTHORIZED"



=== TEST 2: an unknown token
--- more_headers
Authorization: Bearer nobody
--- request
GET /inbox
--- error_code: 401
--- response_headers
WWW-Authenticate: Bearer realm="triggers"
--- response_body_filters pick
error.code
--- response_body
error.code: "UNAUTHORIZED"



=== TEST 3: an empty token
--- more_headers
Authorization: Bearer 
--- request
GET /inbox
--- error_code: 401
--- response_headers
WWW-Authenticate: Bearer realm="triggers"
--- response_body_filters pick
error.code
--- response_body
error.code: "UNAUTHORIZED"



=== TEST 4: another scheme
--- more_headers
Authorization: Basic YWxpY2Uta2V5
--- request
GET /inbox
--- error_code: 401
--- response_headers
WWW-Authenticate: Bearer realm="triggers"
--- response_body_filters pick
error.code
--- response_body
error.code: "UNAUTHORIZED"



=== TEST 5: no scheme
--- more_headers
Authorization: alice-key
--- request
GET /inbox
--- error_code: 401
--- response_headers
WWW-Authenticate: Bearer realm="triggers"
--- response_body_filters pick
error.code
--- response_body
error.code: "UNAUTHORIZED"



=== TEST 6: a token with something behind it
--- more_headers
Authorization: Bearer alice-key x
--- request
GET /inbox
--- error_code: 401
--- response_headers
WWW-Authenticate: Bearer realm="triggers"
--- response_body_filters pick
error.code
--- response_body
error.code: "UNAUTHORIZED"



=== TEST 7: a token is case-sensitive
--- more_headers
Authorization: Bearer Alice-Key
--- request
GET /inbox
--- error_code: 401
--- response_headers
WWW-Authenticate: Bearer realm="triggers"
--- response_body_filters pick
error.code
--- response_body
error.code: "UNAUTHORIZED"



=== TEST 8: a part of a token
--- more_headers
Authorization: Bearer alice-ke
--- request
GET /inbox
--- error_code: 401
--- response_headers
WWW-Authenticate: Bearer realm="triggers"
--- response_body_filters pick
error.code
--- response_body
error.code: "UNAUTHORIZED"



=== TEST 9: an unknown X-API-Key
--- more_headers
X-API-Key: nobody
--- request
GET /inbox
--- error_code: 401
--- response_headers
WWW-Authenticate: Bearer realm="triggers"
--- response_body_filters pick
error.code
--- response_body
error.code: "UNAUTHORIZED"



=== TEST 10: an unknown token for a post
--- more_headers
Authorization: Bearer nobody
--- request
POST /events
{"payload":{}}
--- error_code: 401
--- response_headers
WWW-Authenticate: Bearer realm="triggers"
--- response_body_filters pick
error.code
--- response_body
error.code: "UNAUTHORIZED"



=== TEST 11: an unknown token for an event
--- more_headers
Authorization: Bearer nobody
--- request
GET /v1/events/0193b3a0-0000-7000-8000-000000000001
--- error_code: 401
--- response_headers
WWW-Authenticate: Bearer realm="triggers"
--- response_body_filters pick
error.code
--- response_body
error.code: "UNAUTHORIZED"



=== TEST 12: a bearer token
--- more_headers
Authorization: Bearer alice-key
--- request
GET /inbox



=== TEST 13: the scheme is not case-sensitive
--- more_headers
Authorization: bearer alice-key
--- request
GET /inbox



=== TEST 14: X-API-Key
--- more_headers
X-API-Key: alice-key
--- request
GET /inbox



=== TEST 15: a key that is given by its hash
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;
    triggers_key  sha256:a4ae87b73fa5645e6aee415a6f72be4dcbd99d057a7b40cb1b867c181d179260  user=alice;
--- more_headers
Authorization: Bearer hashed-key
--- request
GET /inbox



=== TEST 16: the hash itself is no key
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;
    triggers_key  sha256:a4ae87b73fa5645e6aee415a6f72be4dcbd99d057a7b40cb1b867c181d179260  user=alice;
--- more_headers
Authorization: Bearer a4ae87b73fa5645e6aee415a6f72be4dcbd99d057a7b40cb1b867c181d179260
--- request
GET /inbox
--- error_code: 401



=== TEST 17: keys of a file
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;
    triggers_keys_file  $TEST_NGINX_SERVER_ROOT/html/keys;
--- user_files
>>> keys
# consumers
file-key   user=alice
other-key  user=bob  scopes=events:read,inbox:ack  rate=100

sha256:a4ae87b73fa5645e6aee415a6f72be4dcbd99d057a7b40cb1b867c181d179260  user=carol
--- request eval
["GET /inbox", "GET /inbox", "GET /inbox", "GET /inbox", "GET /inbox"]
--- more_headers eval
[map { "Authorization: Bearer $_" }
 "file-key", "other-key", "hashed-key", "#", "alice-key"]
--- response_body_filters pick
total
--- response_body eval
["total: 0\n", "total: 0\n", "total: 0\n", "total: (none)\n",
 "total: (none)\n"]
--- error_code eval
[200, 200, 200, 401, 401]



=== TEST 18: no token is logged
--- http_config eval
Triggers::Blocks::store_config()
--- request eval
["GET /inbox", "GET /inbox", "POST /events\n{\"payload\":[]}"]
--- more_headers eval
["Authorization: Bearer alice-key", "X-API-Key: unknown-key",
 "X-API-Key: bob-key"]
--- error_code eval
[200, 401, 400]
--- log_level: info
--- no_error_log
[error]
[alert]
alice-key
unknown-key
bob-key
--- no_access_log
alice-key
unknown-key



=== TEST 19: no token is answered
--- more_headers
Authorization: Bearer secret-unknown
--- request
GET /inbox
--- error_code: 401
--- response_body_unlike: secret-unknown



=== TEST 20: the message does not say what was wrong
--- request eval
["GET /inbox", "GET /inbox", "GET /inbox"]
--- more_headers eval
["X-None: 1", "Authorization: Bearer nobody", "Authorization: Basic x"]
--- response_body_filters pick
error.message
--- response_body_like eval
[("^error.message: \"[^\"]+\"\n\$") x 3]
--- error_code eval
[401, 401, 401]



=== TEST 21: health is open
--- more_headers
X-None: 1
--- request
GET /v1/health
--- error_code_like: ^(200|503)$



=== TEST 22: static files are open
--- config
        location / {
            triggers main;
            root $TEST_NGINX_SERVER_ROOT/html;
        }
--- more_headers
X-None: 1
--- request
GET /index.html
--- response_body_like: It works



=== TEST 23: a token is asked for before the body is looked at
--- more_headers
X-None: 1
--- request
POST /events
no JSON
--- error_code: 401
