# A payload is stored and returned byte for byte as it was sent.  A block has
# the payload alone: it is posted, and the inbox must have it.

use Test::Nginx::Socket;
use Triggers::Blocks;

add_block_preprocessor(sub {
    my ($block) = @_;
    my $payload = $block->payload // return;

    $payload =~ s/\n\z//;

    $block->set_value(request => [qq(POST /events\n{"payload":$payload}),
                                  'GET /inbox']);
    $block->set_value(error_code => [200, 200]);
    $block->set_value(response_body_like =>
                      ['"accepted"', quotemeta qq("payload":$payload,)]);
});

# two requests with a code, a body and two patterns of the log

plan tests => repeat_each() * blocks() * 8;

run_tests();

__DATA__

=== TEST 1: an empty object
--- payload
{}



=== TEST 2: numbers keep their text
--- payload
{"a":1.10,"b":-0,"c":1E+2,"d":0.1,"e":0.10000000000000001}



=== TEST 3: large integers
--- payload
{"a":12345678901234567890123456789,"b":-9223372036854775809,
"c":9007199254740993}



=== TEST 4: numbers out of any range
--- payload
{"a":1e400,"b":1e-400}



=== TEST 5: the order of members
--- payload
{"z":1,"a":2,"m":3}



=== TEST 6: two members of one name
--- payload
{"a":1,"a":2}



=== TEST 7: white space inside
--- payload
{ "a" :	[ 1 ,
 2 ] }



=== TEST 8: escapes
--- payload
{"a":"\u00e9\/\n\"\\","\u0061b":"\ud83d\ude00"}



=== TEST 9: UTF-8
--- payload eval
qq({"a":"\xc3\xa9\xf0\x9f\x98\x80\xe4\xbd\xa0"})



=== TEST 10: NUL as an escape
--- payload
{"a":"x\u0000y"}



=== TEST 11: nested objects
--- payload
{"a":{"b":{"c":[[],{},[{}]]}},"d":null,"e":[true,false]}



=== TEST 12: names like ours
--- payload
{"payload":{"payload":1},"event_type":"x","metadata":{"a":1}}



=== TEST 13: what looks like the end of an answer
--- payload
{"a":"}]}","b":"],\"total\":0"}



=== TEST 14: many bytes
--- payload eval
'{"a":"' . ("\xc3\xa4" x 200000) . '"}'



=== TEST 15: white space around the payload is not part of it
--- request eval
[qq(POST /events\n{"payload" : \n {"a":1}  ,\t"source":"s"}), 'GET /inbox']
--- error_code eval
[200, 200]
--- response_body_like eval
['"accepted"', quotemeta '"payload":{"a":1},']
