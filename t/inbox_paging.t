# GET /inbox: limit, offset and what is refused as a cursor.  Following a cursor
# is in script/cursor.t.

use Test::Nginx::Socket;
use Triggers::Blocks;
use Triggers::Fixture;

our @e = fixture(map { qq({"payload":{"n":$_}}) } 1 .. 7);

plan tests => repeat_each() * checks();

run_tests();

__DATA__

=== TEST 1: a first page
--- request
GET /inbox?order=asc&limit=3
--- response_body_filters pick
total
events.*.payload.n
pagination.has_more
pagination.offset
offset
--- response_body
total: 7
events.*.payload.n: [1,2,3]
pagination.has_more: true
pagination.offset: 0
offset: 0



=== TEST 2: a page in the middle
--- request
GET /inbox?order=asc&limit=3&offset=3
--- response_body_filters pick
total
events.*.payload.n
pagination.has_more
pagination.offset
offset
--- response_body
total: 7
events.*.payload.n: [4,5,6]
pagination.has_more: true
pagination.offset: 3
offset: 3



=== TEST 3: a last page
--- request
GET /inbox?order=asc&limit=3&offset=6
--- response_body_filters pick
total
events.*.payload.n
pagination.has_more
pagination.offset
offset
--- response_body
total: 7
events.*.payload.n: [7]
pagination.has_more: false
pagination.offset: 6
offset: 6



=== TEST 4: a page that ends with the last event
--- request
GET /inbox?order=asc&limit=3&offset=4
--- response_body_filters pick
total
events.*.payload.n
pagination.has_more
pagination.offset
offset
--- response_body
total: 7
events.*.payload.n: [5,6,7]
pagination.has_more: false
pagination.offset: 4
offset: 4



=== TEST 5: a page behind the end
--- request
GET /inbox?order=asc&limit=3&offset=7
--- response_body_filters pick
total
events.*.payload.n
pagination.has_more
pagination.offset
offset
--- response_body
total: 7
events.*.payload.n: []
pagination.has_more: false
pagination.offset: 7
offset: 7



=== TEST 6: the largest limit
--- request
GET /inbox?order=asc&limit=1000
--- response_body_filters pick
total
events.*.payload.n
pagination.has_more
pagination.offset
offset
--- response_body
total: 7
events.*.payload.n: [1,2,3,4,5,6,7]
pagination.has_more: false
pagination.offset: 0
offset: 0



=== TEST 7: refused: limit=0
--- request
GET /inbox?limit=0
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
--- response_body
error.code: "INVALID_PARAMETER"
error.details.field: "limit"



=== TEST 8: refused: limit=1001
--- request
GET /inbox?limit=1001
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
--- response_body
error.code: "INVALID_PARAMETER"
error.details.field: "limit"



=== TEST 9: refused: limit=-1
--- request
GET /inbox?limit=-1
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
--- response_body
error.code: "INVALID_PARAMETER"
error.details.field: "limit"



=== TEST 10: refused: limit=x
--- request
GET /inbox?limit=x
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
--- response_body
error.code: "INVALID_PARAMETER"
error.details.field: "limit"



=== TEST 11: refused: limit=1.5
--- request
GET /inbox?limit=1.5
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
--- response_body
error.code: "INVALID_PARAMETER"
error.details.field: "limit"



=== TEST 12: refused: limit=
--- request
GET /inbox?limit=
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
--- response_body
error.code: "INVALID_PARAMETER"
error.details.field: "limit"



=== TEST 13: refused: limit=99999999999999999999
--- request
GET /inbox?limit=99999999999999999999
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
--- response_body
error.code: "INVALID_PARAMETER"
error.details.field: "limit"



=== TEST 14: refused: offset=-1
--- request
GET /inbox?offset=-1
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
--- response_body
error.code: "INVALID_PARAMETER"
error.details.field: "offset"



=== TEST 15: refused: offset=x
--- request
GET /inbox?offset=x
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
--- response_body
error.code: "INVALID_PARAMETER"
error.details.field: "offset"



=== TEST 16: refused: cursor=%21%21
--- request
GET /inbox?cursor=%21%21
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
--- response_body
error.code: "INVALID_PARAMETER"
error.details.field: "cursor"



=== TEST 17: refused: cursor=
--- request
GET /inbox?cursor=
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
--- response_body
error.code: "INVALID_PARAMETER"
error.details.field: "cursor"



=== TEST 18: a page that is not the last has a cursor
--- request
GET /inbox?limit=3
--- response_body_filters pick
pagination.next_cursor
--- response_body_like: ^pagination\.next_cursor: "[A-Za-z0-9._~-]+"$



=== TEST 19: its end is where the next one begins
--- request eval
["GET /inbox?limit=3", "GET /inbox?order=asc&limit=3", "GET /v1/inbox?limit=3"]
--- response_body_like eval
[('"has_more":true,"next_cursor":("[A-Za-z0-9._~-]+"),"end_cursor":\1\}') x 3]



=== TEST 20: the end of the last page
--- request eval
["GET /inbox", "GET /inbox?order=asc", "GET /v1/inbox?order=asc"]
--- response_body_like eval
[('"has_more":false,"next_cursor":null,"end_cursor":"[A-Za-z0-9._~-]+"\}') x 3]



=== TEST 21: an empty page ends nowhere, or where it was to begin: "a99" and "d1"
--- request eval
["GET /inbox?source=none", "GET /inbox?offset=99",
 "GET /v1/inbox?order=asc&cursor=YTk5", "GET /inbox?cursor=ZDE"]
--- response_body_filters pick
events
pagination.next_cursor
pagination.end_cursor
--- response_body eval
my $empty = "events: []\npagination.next_cursor: null\n";
["${empty}pagination.end_cursor: null\n",
 "${empty}pagination.end_cursor: null\n",
 "${empty}pagination.end_cursor: \"YTk5\"\n",
 "${empty}pagination.end_cursor: \"ZDE\"\n"]
