# A payload is stored and returned byte for byte as it was sent.

use Test::Nginx::Socket;
use Triggers::Blocks;

plan tests => repeat_each() * checks();

run_tests();

__DATA__

=== TEST 1: an empty object
--- request eval
["POST /events\n{\"payload\":" . "{}" . "}",
 "GET /inbox"]
--- response_body_like eval
["accepted", quotemeta("\"payload\":" . "{}" . ",")]
--- error_code eval
[200, 200]



=== TEST 2: numbers keep their text
--- request eval
["POST /events\n{\"payload\":" . "{\"a\":1.10,\"b\":-0,\"c\":1E+2,\"d\":0.1,\"e\":0.10000000000000001}" . "}",
 "GET /inbox"]
--- response_body_like eval
["accepted", quotemeta("\"payload\":" . "{\"a\":1.10,\"b\":-0,\"c\":1E+2,\"d\":0.1,\"e\":0.10000000000000001}" . ",")]
--- error_code eval
[200, 200]



=== TEST 3: large integers
--- request eval
["POST /events\n{\"payload\":" . "{\"a\":12345678901234567890123456789,\"b\":-9223372036854775809,\"c\":9007199254740993}" . "}",
 "GET /inbox"]
--- response_body_like eval
["accepted", quotemeta("\"payload\":" . "{\"a\":12345678901234567890123456789,\"b\":-9223372036854775809,\"c\":9007199254740993}" . ",")]
--- error_code eval
[200, 200]



=== TEST 4: numbers out of any range
--- request eval
["POST /events\n{\"payload\":" . "{\"a\":1e400,\"b\":1e-400}" . "}",
 "GET /inbox"]
--- response_body_like eval
["accepted", quotemeta("\"payload\":" . "{\"a\":1e400,\"b\":1e-400}" . ",")]
--- error_code eval
[200, 200]



=== TEST 5: the order of members
--- request eval
["POST /events\n{\"payload\":" . "{\"z\":1,\"a\":2,\"m\":3}" . "}",
 "GET /inbox"]
--- response_body_like eval
["accepted", quotemeta("\"payload\":" . "{\"z\":1,\"a\":2,\"m\":3}" . ",")]
--- error_code eval
[200, 200]



=== TEST 6: two members of one name
--- request eval
["POST /events\n{\"payload\":" . "{\"a\":1,\"a\":2}" . "}",
 "GET /inbox"]
--- response_body_like eval
["accepted", quotemeta("\"payload\":" . "{\"a\":1,\"a\":2}" . ",")]
--- error_code eval
[200, 200]



=== TEST 7: white space
--- request eval
["POST /events\n{\"payload\":" . "{ \"a\" :\t[ 1 ,\n 2 ] }" . "}",
 "GET /inbox"]
--- response_body_like eval
["accepted", quotemeta("\"payload\":" . "{ \"a\" :\t[ 1 ,\n 2 ] }" . ",")]
--- error_code eval
[200, 200]



=== TEST 8: escapes
--- request eval
["POST /events\n{\"payload\":" . "{\"a\":\"\\u00e9\\/\\n\\\"\\\\\",\"\\u0061b\":\"\\ud83d\\ude00\"}" . "}",
 "GET /inbox"]
--- response_body_like eval
["accepted", quotemeta("\"payload\":" . "{\"a\":\"\\u00e9\\/\\n\\\"\\\\\",\"\\u0061b\":\"\\ud83d\\ude00\"}" . ",")]
--- error_code eval
[200, 200]



=== TEST 9: UTF-8
--- request eval
["POST /events\n{\"payload\":" . "{\"a\":\"\xc3\xa9\xf0\x9f\x98\x80\xe4\xbd\xa0\"}" . "}",
 "GET /inbox"]
--- response_body_like eval
["accepted", quotemeta("\"payload\":" . "{\"a\":\"\xc3\xa9\xf0\x9f\x98\x80\xe4\xbd\xa0\"}" . ",")]
--- error_code eval
[200, 200]



=== TEST 10: NUL as an escape
--- request eval
["POST /events\n{\"payload\":" . "{\"a\":\"x\\u0000y\"}" . "}",
 "GET /inbox"]
--- response_body_like eval
["accepted", quotemeta("\"payload\":" . "{\"a\":\"x\\u0000y\"}" . ",")]
--- error_code eval
[200, 200]



=== TEST 11: nested objects
--- request eval
["POST /events\n{\"payload\":" . "{\"a\":{\"b\":{\"c\":[[],{},[{}]]}},\"d\":null,\"e\":[true,false]}" . "}",
 "GET /inbox"]
--- response_body_like eval
["accepted", quotemeta("\"payload\":" . "{\"a\":{\"b\":{\"c\":[[],{},[{}]]}},\"d\":null,\"e\":[true,false]}" . ",")]
--- error_code eval
[200, 200]



=== TEST 12: names like ours
--- request eval
["POST /events\n{\"payload\":" . "{\"payload\":{\"payload\":1},\"event_type\":\"x\",\"metadata\":{\"a\":1}}" . "}",
 "GET /inbox"]
--- response_body_like eval
["accepted", quotemeta("\"payload\":" . "{\"payload\":{\"payload\":1},\"event_type\":\"x\",\"metadata\":{\"a\":1}}" . ",")]
--- error_code eval
[200, 200]



=== TEST 13: what looks like the end of an answer
--- request eval
["POST /events\n{\"payload\":" . "{\"a\":\"}]}\",\"b\":\"],\\\"total\\\":0\"}" . "}",
 "GET /inbox"]
--- response_body_like eval
["accepted", quotemeta("\"payload\":" . "{\"a\":\"}]}\",\"b\":\"],\\\"total\\\":0\"}" . ",")]
--- error_code eval
[200, 200]



=== TEST 14: white space around the payload is not part of it
--- request eval
["POST /events\n{\"payload\" : \n {\"a\":1}  , \"source\":\"s\"}", "GET /inbox"]
--- response_body_like eval
["accepted", quotemeta('"payload":{"a":1},')]
--- error_code eval
[200, 200]



=== TEST 15: metadata is as exact
--- request eval
["POST /events\n" . '{"payload":{},"metadata":{ "z":1.10, "a":"\u00e9" }}', "GET /inbox"]
--- response_body_like eval
["accepted", quotemeta('"metadata":{ "z":1.10, "a":"\u00e9" },')]
--- error_code eval
[200, 200]



=== TEST 16: a payload of many bytes
--- request eval
["POST /events\n" . '{"payload":{"a":"' . ("\xc3\xa4" x 200000) . '"}}', "GET /inbox"]
--- response_body_like eval
["accepted", '"payload":\{"a":"' . ("(?:(?:\xc3\xa4){20000})" x 10) . '"\},']
--- error_code eval
[200, 200]
