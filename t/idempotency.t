# Idempotency keys: their forms, whose they are, what a repeat is answered and
# what is another request.

use Test::Nginx::Socket;
use Triggers::Blocks;

our $alice = 'Authorization: Bearer alice-key';
our $event = '{"event_type":"t","payload":{"a":1}}';


# requests that post one body each, to alice's inbox, and read it at the end

sub posts { return [(map { "POST /events\n$_" } @_), 'GET /inbox?order=asc'] }


# their headers: a key of the header each, undef for none

sub keys_of {
    return [map { defined $_ ? "$::alice\nIdempotency-Key: $_" : $::alice }
            @_, undef];
}


sub with_key { return qq({"event_type":"t","payload":{},"metadata":$_[0]}) }

plan tests => repeat_each() * checks();

run_tests();

__DATA__

=== TEST 1: without a key every request is another event
--- more_headers eval: main::keys_of(undef, undef)
--- request eval: main::posts($::event, $::event)
--- response_headers eval
[("Idempotent-Replayed:") x 3]
--- response_body_filters pick
total
--- response_body eval
["total: (none)\n", "total: (none)\n", "total: 2\n"]
--- error_code eval
[200, 200, 200]



=== TEST 2: a repeat stores nothing
--- more_headers eval: main::keys_of('k', 'k', 'k')
--- request eval: main::posts(($::event) x 3)
--- response_headers eval
["Idempotent-Replayed:", "Idempotent-Replayed: true",
 "Idempotent-Replayed: true", "Idempotent-Replayed:"]
--- response_body_filters pick
status
total
--- response_body eval
[("status: \"accepted\"\ntotal: (none)\n") x 3, "status: (none)\ntotal: 1\n"]
--- error_code eval
[(200) x 4]



=== TEST 3: on v1
--- more_headers eval: main::keys_of('k', 'k')
--- request eval
["POST /v1/events\n$::event", "POST /v1/events\n$::event", "GET /inbox"]
--- response_headers_like eval
["Idempotent-Replayed:\nLocation: .*/v1/events/[0-9a-f-]{36}",
 "Idempotent-Replayed: true\nLocation: .*/v1/events/[0-9a-f-]{36}",
 "Idempotent-Replayed:\nLocation:"]
--- response_body_filters pick
status
message
total
--- response_body eval
[("status: \"pending\"\nmessage: \"Event ingested successfully\"\n"
  . "total: (none)\n") x 2, "status: (none)\nmessage: (none)\ntotal: 1\n"]
--- error_code eval
[201, 201, 200]



=== TEST 4: a repeat on the other surface is answered in its shape
--- more_headers eval: main::keys_of('k', 'k', 'l', 'l')
--- request eval
["POST /events\n$::event", "POST /v1/events\n$::event",
 "POST /v1/events\n$::event", "POST /events\n$::event", "GET /inbox"]
--- response_headers_like eval
["Idempotent-Replayed:\nLocation:",
 "Idempotent-Replayed: true\nLocation: .*/v1/events/[0-9a-f-]{36}",
 "Idempotent-Replayed:\nLocation: .*/v1/events/[0-9a-f-]{36}",
 "Idempotent-Replayed: true\nLocation:", "Idempotent-Replayed:"]
--- response_body_filters pick
status
message
total
--- response_body eval
["status: \"accepted\"\nmessage: (none)\ntotal: (none)\n",
 ("status: \"pending\"\nmessage: \"Event ingested successfully\"\n"
  . "total: (none)\n") x 2,
 "status: \"accepted\"\nmessage: (none)\ntotal: (none)\n",
 "status: (none)\nmessage: (none)\ntotal: 2\n"]
--- error_code eval
[200, 201, 201, 200, 200]



=== TEST 5: a quoted key is the bare one
--- more_headers eval: main::keys_of('a b', '"a b"', '"k"', 'k', 'K')
--- request eval: main::posts(($::event) x 5)
--- response_headers eval
["Idempotent-Replayed:", "Idempotent-Replayed: true", "Idempotent-Replayed:",
 "Idempotent-Replayed: true", ("Idempotent-Replayed:") x 2]
--- error_code eval
[(200) x 6]



=== TEST 6: escapes of a quoted key
--- more_headers eval
main::keys_of('a"b', '"a\\"b"', 'a\\b', '"a\\\\b"', 'a\\"b', 'a\\\\b')
--- request eval: main::posts(($::event) x 6)
--- response_headers eval
["Idempotent-Replayed:", "Idempotent-Replayed: true", "Idempotent-Replayed:",
 "Idempotent-Replayed: true", ("Idempotent-Replayed:") x 3]
--- error_code eval
[(200) x 7]



=== TEST 7: the longest keys
--- more_headers eval
main::keys_of('x' x 255, '"' . 'x' x 255 . '"', '"' . '\\"' x 255 . '"',
              ' ~')
--- request eval: main::posts(($::event) x 4)
--- response_headers eval
["Idempotent-Replayed:", "Idempotent-Replayed: true",
 ("Idempotent-Replayed:") x 3]
--- error_code eval
[(200) x 5]



=== TEST 8: keys that are none
--- more_headers eval
main::keys_of('', '""', '"', '"k', '"k"k', '"k" ;a=1', '"k\\', '"k\\"',
              '"\\k"', 'x' x 256, '"' . 'x' x 256 . '"')
--- request eval: main::posts(($::event) x 11)
--- response_body_filters pick
error.code
error.details.field
total
--- response_body eval
[("error.code: \"INVALID_PARAMETER\"\n"
  . "error.details.field: \"Idempotency-Key\"\ntotal: (none)\n") x 11,
 "error.code: (none)\nerror.details.field: (none)\ntotal: 0\n"]
--- error_code eval
[(400) x 11, 200]



=== TEST 9: bytes that no key may have
--- more_headers eval
main::keys_of("a\tb", "\x01", "a\x7f", "\xc3\xa9", "\"a\tb\"", "\"\xff\"")
--- request eval: main::posts(($::event) x 6)
--- response_body_filters pick
error.details.field
total
--- response_body eval
[("error.details.field: \"Idempotency-Key\"\ntotal: (none)\n") x 6,
 "error.details.field: (none)\ntotal: 0\n"]
--- error_code eval
[(400) x 6, 200]



=== TEST 10: on v1 a bad key has its code
--- more_headers
Authorization: Bearer alice-key
Idempotency-Key: "
--- request eval
"POST /v1/events\n$::event"
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "Idempotency-Key"



=== TEST 11: a key in the metadata
--- more_headers eval: main::keys_of((undef) x 3)
--- request eval
main::posts((main::with_key('{"idempotency_key":"k"}')) x 2,
            main::with_key('{"idempotency_key":"l"}'))
--- response_headers eval
["Idempotent-Replayed:", "Idempotent-Replayed: true",
 ("Idempotent-Replayed:") x 2]
--- response_body_filters pick
events.*.metadata.idempotency_key
--- response_body eval
[("events.*.metadata.idempotency_key: []\n") x 3,
 "events.*.metadata.idempotency_key: [\"k\",\"l\"]\n"]
--- error_code eval
[(200) x 4]



=== TEST 12: in another writing it is the same key, but another request
--- more_headers eval: main::keys_of((undef) x 2)
--- request eval
main::posts(main::with_key('{"idempotency_key":"k"}'),
            main::with_key('{"idempotency_key":"\\u006b"}'))
--- error_code eval
[200, 422, 200]



=== TEST 13: in both places
--- more_headers eval: main::keys_of('k', '"k"', undef, 'l')
--- request eval
main::posts((main::with_key('{"idempotency_key":"k"}')) x 4)
--- response_headers eval
["Idempotent-Replayed:", "Idempotent-Replayed: true",
 "Idempotent-Replayed: true", ("Idempotent-Replayed:") x 2]
--- response_body_filters pick
error.code
error.details.field
total
--- response_body eval
[("error.code: (none)\nerror.details.field: (none)\ntotal: (none)\n") x 3,
 "error.code: \"INVALID_PARAMETER\"\n"
 . "error.details.field: \"Idempotency-Key\"\ntotal: (none)\n",
 "error.code: (none)\nerror.details.field: (none)\ntotal: 1\n"]
--- error_code eval
[200, 200, 200, 400, 200]



=== TEST 14: different ones on v1
--- more_headers
Authorization: Bearer alice-key
Idempotency-Key: l
--- request eval
"POST /v1/events\n" . main::with_key('{"idempotency_key":"k"}')
--- error_code: 400
--- response_body_filters pick
error.code
--- response_body
error.code: "VALIDATION_ERROR"



=== TEST 15: keys of the metadata that are none
--- more_headers eval: main::keys_of((undef) x 6)
--- request eval
main::posts(map { main::with_key("{\"idempotency_key\":$_}") }
            '""', '1', '{}', 'true', '"\\u0000"', '"' . 'x' x 256 . '"')
--- response_body_filters pick
error.code
total
--- response_body eval
[("error.code: \"INVALID_PAYLOAD\"\ntotal: (none)\n") x 6,
 "error.code: (none)\ntotal: 0\n"]
--- error_code eval
[(400) x 6, 200]



=== TEST 16: the member is named
--- request eval
"POST /v1/events\n" . main::with_key('{"idempotency_key":""}')
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "metadata.idempotency_key"



=== TEST 17: 255 characters, not bytes, and null is none
--- more_headers eval: main::keys_of((undef) x 4)
--- request eval
main::posts((main::with_key('{"idempotency_key":"' . "\xc3\xa9" x 255 . '"}'))
            x 2, (main::with_key('{"idempotency_key":null}')) x 2)
--- response_headers eval
["Idempotent-Replayed:", "Idempotent-Replayed: true",
 ("Idempotent-Replayed:") x 3]
--- response_body_filters pick
total
--- response_body eval
[("total: (none)\n") x 4, "total: 3\n"]
--- error_code eval
[(200) x 5]



=== TEST 18: each owner has keys of his own
--- more_headers eval
[map { "Authorization: Bearer $_-key\nIdempotency-Key: k" }
 "alice", "bob", "admin", "alice", "bob", "bob", "admin"]
--- request eval
[("POST /events\n$::event") x 5, "GET /inbox", "GET /inbox"]
--- response_headers eval
[("Idempotent-Replayed:") x 3, ("Idempotent-Replayed: true") x 2,
 ("Idempotent-Replayed:") x 2]
--- response_body_filters pick
total
--- response_body eval
[("total: (none)\n") x 5, "total: 1\n", "total: 3\n"]
--- error_code eval
[(200) x 7]



=== TEST 19: the owner's, whichever token he uses
--- http_config eval
Triggers::Blocks::store_config()
. "    triggers_key  \"second-key\"  user=alice;\n"
--- more_headers eval
["$::alice\nIdempotency-Key: k",
 "Authorization: Bearer second-key\nIdempotency-Key: k"]
--- request eval
["POST /events\n$::event", "POST /events\n$::event"]
--- response_headers eval
["Idempotent-Replayed:", "Idempotent-Replayed: true"]



=== TEST 20: names of owner and key do not run into each other
--- http_config eval
Triggers::Blocks::store_config()
. "    triggers_key  \"a\"   user=a;\n"
. "    triggers_key  \"ab\"  user=ab;\n"
--- more_headers eval
["Authorization: Bearer ab\nIdempotency-Key: c",
 "Authorization: Bearer a\nIdempotency-Key: bc"]
--- request eval
["POST /events\n$::event", "POST /events\n$::event"]
--- response_headers eval
["Idempotent-Replayed:", "Idempotent-Replayed:"]



=== TEST 21: another request with the same key
--- more_headers eval: main::keys_of(('k') x 9)
--- request eval
main::posts('{"event_type":"t","source":"s","payload":{"a":1},"metadata":{}}',
            '{"event_type":"t","source":"s","payload":{"a":2},"metadata":{}}',
            '{"event_type":"u","source":"s","payload":{"a":1},"metadata":{}}',
            '{"event_type":"t","source":"r","payload":{"a":1},"metadata":{}}',
            '{"event_type":"t","payload":{"a":1},"metadata":{}}',
            '{"event_type":"t","source":"s","payload":{"a":1}}',
            '{"event_type":"t","source":"s","payload":{"a":1},'
            . '"metadata":{"x":1}}',
            '{"event_type":"t","source":"s","payload":{"a": 1},"metadata":{}}',
            '{"event_type":"t","source":"s","payload":{"a":1},"metadata":{}}')
--- response_headers eval
[("Idempotent-Replayed:") x 8, "Idempotent-Replayed: true",
 "Idempotent-Replayed:"]
--- response_body_filters pick
error.code
total
--- response_body eval
["error.code: (none)\ntotal: (none)\n",
 ("error.code: \"IDEMPOTENCY_KEY_REUSED\"\ntotal: (none)\n") x 7,
 "error.code: (none)\ntotal: (none)\n", "error.code: (none)\ntotal: 1\n"]
--- error_code eval
[200, (422) x 7, 200, 200]



=== TEST 22: it has the same code on v1, and a reason in the status line
--- more_headers eval: [("$::alice\nIdempotency-Key: k") x 2]
--- request eval
["POST /v1/events\n$::event",
 "POST /v1/events\n{\"event_type\":\"t\",\"payload\":{}}"]
--- raw_response_headers_like eval
["^HTTP/1.1 201 Created\r\n", "^HTTP/1.1 422 Unprocessable Content\r\n"]
--- response_body_like eval
['"status":"pending"', '"code":"IDEMPOTENCY_KEY_REUSED"']
--- error_code eval
[201, 422]



=== TEST 23: values of one member do not run into the next
--- more_headers eval: main::keys_of(('k') x 2)
--- request eval
main::posts('{"event_type":"ts","payload":{}}',
            '{"event_type":"t","source":"s","payload":{}}')
--- error_code eval
[200, 422, 200]



=== TEST 24: what is not stored makes no difference
--- more_headers eval
["$::alice\nIdempotency-Key: k\nX-Request-ID: r1\nUser-Agent: a",
 "$::alice\nIdempotency-Key: k\nX-Request-ID: r2\nUser-Agent: b",
 "$::alice\nIdempotency-Key: k\nContent-Type: application/x+json",
 "$::alice\nIdempotency-Key: k"]
--- request eval
["POST /events\n$::event",
 "POST /events/\n{ \"payload\" : {\"a\":1} , \"event_type\":\"t\" }",
 "POST /events\n{\"x\":[1],\"event_type\":\"\\u0074\",\"payload\":{\"a\":1}}",
 "POST /events?x=1\n$::event"]
--- response_headers eval
["X-Request-ID: r1\nIdempotent-Replayed:",
 "X-Request-ID: r2\nIdempotent-Replayed: true",
 ("Idempotent-Replayed: true") x 2]



=== TEST 25: a key is not used up by a request that is refused
--- http_config eval
Triggers::Blocks::store_config()
. "    triggers_key  \"one\"     user=alice  rate=1;\n"
. "    triggers_key  \"reader\"  user=alice  scopes=events:read;\n"
--- config
        location / {
            triggers main;
            triggers_event_max_size 1k;
        }
--- more_headers eval
[map { "$_\nIdempotency-Key: k" } $::alice, $::alice, $::alice,
 "$::alice\nContent-Type: text/plain", "Authorization: Bearer reader",
 "Authorization: Bearer one", "Authorization: Bearer one",
 "Authorization: Bearer nobody", $::alice, $::alice]
--- request eval
["POST /events\n{}", "POST /events\n{\"payload\":{}", "POST /events\n"
 . '{"payload":{"x":"' . 'x' x 2000 . '"}}', "POST /events\n$::event",
 "POST /events\n$::event", "GET /inbox", "POST /events\n$::event",
 "POST /events\n$::event", "POST /events\n$::event",
 "POST /events\n$::event"]
--- response_headers eval
[("Idempotent-Replayed:") x 9, "Idempotent-Replayed: true"]
--- error_code eval
[400, 400, 413, 415, 403, 200, 429, 401, 200, 200]



=== TEST 26: other requests have no key
--- more_headers eval: main::keys_of('"', '"', 'k', 'k')
--- request eval
["GET /inbox", "DELETE /v1/events/0193b3a0-0000-7000-8000-000000000001",
 ("POST /v1/events/batch\n{\"events\":[$::event,$::event]}") x 2, "GET /inbox"]
--- response_body_filters pick
total
success_count
--- response_body eval
["total: 0\nsuccess_count: (none)\n", "total: (none)\nsuccess_count: (none)\n",
 ("total: (none)\nsuccess_count: 2\n") x 2, "total: 4\nsuccess_count: (none)\n"]
--- error_code eval
[200, 200, 201, 201, 200]



=== TEST 27: the header goes before what a CloudEvent is known by
--- more_headers eval
[map { "$::alice\nContent-Type: application/cloudevents+json"
       . "\nIdempotency-Key: $_" } 'k', 'k', 'l']
--- request eval
[map { "POST /events\n{\"specversion\":\"1.0\",\"id\":\"$_\","
       . '"source":"/s","type":"t"}' } 1, 2, 1]
--- response_headers eval
[("Idempotent-Replayed:") x 3]
--- error_code eval
[200, 422, 200]



=== TEST 28: a key on the relaxed path
--- config
        location / {
            triggers main;
            triggers_synchronous_commit off;
        }
--- more_headers eval: main::keys_of('k', 'k', 'k')
--- request eval: main::posts($::event, $::event, '{"payload":{}}')
--- response_headers eval
["Idempotent-Replayed:", "Idempotent-Replayed: true",
 ("Idempotent-Replayed:") x 2]
--- error_code eval
[200, 200, 422, 200]



=== TEST 29: a time to keep them that is none
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m  idempotency_ttl=x;
--- must_die
--- error_log
idempotency_ttl=x



=== TEST 30: no time to keep them
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m  idempotency_ttl=0;
--- must_die
--- error_log
idempotency_ttl=0



=== TEST 31: an empty time
--- http_config
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m  idempotency_ttl=;
--- must_die
--- error_log
idempotency_ttl=
