# GET /inbox: filters.

use Test::Nginx::Socket;
use Triggers::Blocks;
use Triggers::Fixture;

our @e = fixture(
    '{"event_type":"order.created","source":"shop",
      "payload":{"n":1,"state":"new","amount":1.50}}',
    '{"event_type":"order.paid","source":"bank",
      "payload":{"n":2,"state":"n\u0065w","big":12345678901234567890},
      "metadata":{"priority":"high","region":"eu"}}',
    '{"event_type":"user.created","source":"shop",
      "payload":{"n":3,"ok":true,"none":null},
      "metadata":{"priority":"low","region":"us"}}',
    '{"event_type":"order",
      "payload":{"n":4,"text":"a b&c","sub":{"x":1},"":1},
      "metadata":{"region":1,"":"one"}}');

plan tests => repeat_each() * checks();

run_tests();

__DATA__

=== TEST 1: a type
--- request
GET /inbox?order=asc&event_type=order.paid
--- response_body_filters pick
total
events.*.payload.n
--- response_body
total: 1
events.*.payload.n: [2]



=== TEST 2: types that begin with a prefix
--- request
GET /inbox?order=asc&event_type=order.*
--- response_body_filters pick
total
events.*.payload.n
--- response_body
total: 2
events.*.payload.n: [1,2]



=== TEST 3: a prefix is not a part of a word
--- request
GET /inbox?order=asc&event_type=orde.*
--- response_body_filters pick
total
events.*.payload.n
--- response_body
total: 0
events.*.payload.n: []



=== TEST 4: an unknown type
--- request
GET /inbox?order=asc&event_type=nothing
--- response_body_filters pick
total
events.*.payload.n
--- response_body
total: 0
events.*.payload.n: []



=== TEST 5: a type is case-sensitive
--- request
GET /inbox?order=asc&event_type=Order.paid
--- response_body_filters pick
total
events.*.payload.n
--- response_body
total: 0
events.*.payload.n: []



=== TEST 6: a source
--- request
GET /inbox?order=asc&source=shop
--- response_body_filters pick
total
events.*.payload.n
--- response_body
total: 2
events.*.payload.n: [1,3]



=== TEST 7: a source and a type
--- request
GET /inbox?order=asc&source=shop&event_type=order.created
--- response_body_filters pick
total
events.*.payload.n
--- response_body
total: 1
events.*.payload.n: [1]



=== TEST 8: a priority
--- request
GET /inbox?order=asc&priority=high
--- response_body_filters pick
total
events.*.payload.n
--- response_body
total: 1
events.*.payload.n: [2]



=== TEST 9: the priority that events have when none was sent
--- request
GET /inbox?order=asc&priority=normal
--- response_body_filters pick
total
events.*.payload.n
--- response_body
total: 2
events.*.payload.n: [1,4]



=== TEST 10: an unknown priority
--- request
GET /inbox?priority=urgent
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
--- response_body
error.code: "INVALID_PARAMETER"
error.details.field: "priority"



=== TEST 11: pending events
--- request
GET /inbox?order=asc&status=pending
--- response_body_filters pick
total
events.*.payload.n
--- response_body
total: 4
events.*.payload.n: [1,2,3,4]



=== TEST 12: received means pending
--- request
GET /inbox?order=asc&status=received
--- response_body_filters pick
total
events.*.payload.n
--- response_body
total: 4
events.*.payload.n: [1,2,3,4]



=== TEST 13: queued means pending and retrying
--- request
GET /inbox?order=asc&status=queued
--- response_body_filters pick
total
events.*.payload.n
--- response_body
total: 4
events.*.payload.n: [1,2,3,4]



=== TEST 14: a list of statuses
--- request
GET /inbox?order=asc&status=failed,pending
--- response_body_filters pick
total
events.*.payload.n
--- response_body
total: 4
events.*.payload.n: [1,2,3,4]



=== TEST 15: all statuses
--- request
GET /inbox?order=asc&status=all
--- response_body_filters pick
total
events.*.payload.n
--- response_body
total: 4
events.*.payload.n: [1,2,3,4]



=== TEST 16: a status that no event has
--- request
GET /inbox?order=asc&status=acknowledged
--- response_body_filters pick
total
events.*.payload.n
--- response_body
total: 0
events.*.payload.n: []



=== TEST 17: another
--- request
GET /inbox?order=asc&status=delivered,failed,retrying
--- response_body_filters pick
total
events.*.payload.n
--- response_body
total: 0
events.*.payload.n: []



=== TEST 18: an unknown status
--- request
GET /inbox?status=open
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
--- response_body
error.code: "INVALID_PARAMETER"
error.details.field: "status"



=== TEST 19: an unknown status in a list
--- request
GET /inbox?status=pending,open
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
--- response_body
error.code: "INVALID_PARAMETER"
error.details.field: "status"



=== TEST 20: an empty status
--- request
GET /inbox?status=
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
--- response_body
error.code: "INVALID_PARAMETER"
error.details.field: "status"



=== TEST 21: a string in the metadata
--- request
GET /inbox?order=asc&metadata.region=eu
--- response_body_filters pick
total
events.*.payload.n
--- response_body
total: 1
events.*.payload.n: [2]



=== TEST 22: a number in the metadata
--- request
GET /inbox?order=asc&metadata.region=1
--- response_body_filters pick
total
events.*.payload.n
--- response_body
total: 1
events.*.payload.n: [4]



=== TEST 23: a string in the payload
--- request
GET /inbox?order=asc&payload.state=new
--- response_body_filters pick
total
events.*.payload.n
--- response_body
total: 2
events.*.payload.n: [1,2]



=== TEST 24: a number in the payload by its text
--- request
GET /inbox?order=asc&payload.amount=1.50
--- response_body_filters pick
total
events.*.payload.n
--- response_body
total: 1
events.*.payload.n: [1]



=== TEST 25: another text of the same number does not match
--- request
GET /inbox?order=asc&payload.amount=1.5
--- response_body_filters pick
total
events.*.payload.n
--- response_body
total: 0
events.*.payload.n: []



=== TEST 26: a large integer
--- request
GET /inbox?order=asc&payload.big=12345678901234567890
--- response_body_filters pick
total
events.*.payload.n
--- response_body
total: 1
events.*.payload.n: [2]



=== TEST 27: a boolean
--- request
GET /inbox?order=asc&payload.ok=true
--- response_body_filters pick
total
events.*.payload.n
--- response_body
total: 1
events.*.payload.n: [3]



=== TEST 28: null
--- request
GET /inbox?order=asc&payload.none=null
--- response_body_filters pick
total
events.*.payload.n
--- response_body
total: 1
events.*.payload.n: [3]



=== TEST 29: a value with escapes
--- request
GET /inbox?order=asc&payload.text=a%20b%26c
--- response_body_filters pick
total
events.*.payload.n
--- response_body
total: 1
events.*.payload.n: [4]



=== TEST 30: a plus is a space
--- request
GET /inbox?order=asc&payload.text=a+b%26c
--- response_body_filters pick
total
events.*.payload.n
--- response_body
total: 1
events.*.payload.n: [4]



=== TEST 31: an escaped name
--- request
GET /inbox?order=asc&payload%2Estate=new
--- response_body_filters pick
total
events.*.payload.n
--- response_body
total: 2
events.*.payload.n: [1,2]



=== TEST 32: an object matches nothing
--- request
GET /inbox?order=asc&payload.sub=%7B%22x%22%3A1%7D
--- response_body_filters pick
total
events.*.payload.n
--- response_body
total: 0
events.*.payload.n: []



=== TEST 33: a member that is not there
--- request
GET /inbox?order=asc&payload.nothing=1
--- response_body_filters pick
total
events.*.payload.n
--- response_body
total: 0
events.*.payload.n: []



=== TEST 34: several filters must all match
--- request
GET /inbox?order=asc&payload.state=new&metadata.region=eu
--- response_body_filters pick
total
events.*.payload.n
--- response_body
total: 1
events.*.payload.n: [2]



=== TEST 35: ten filters
--- request
GET /inbox?order=asc&payload.state=new&payload.state=new&payload.state=new&payload.state=new&payload.state=new&payload.state=new&payload.state=new&payload.state=new&payload.state=new&payload.state=new
--- response_body_filters pick
total
events.*.payload.n
--- response_body
total: 2
events.*.payload.n: [1,2]



=== TEST 36: eleven filters
--- request
GET /inbox?payload.a0=1&payload.a1=1&payload.a2=1&payload.a3=1&payload.a4=1&payload.a5=1&payload.a6=1&payload.a7=1&payload.a8=1&payload.a9=1&payload.a10=1
--- error_code: 400
--- response_body_filters pick
error.code
--- response_body
error.code: "INVALID_PARAMETER"



=== TEST 37: filters and a limit count all matches
--- request
GET /inbox?order=asc&source=shop&limit=1
--- response_body_filters pick
total
events.*.payload.n
--- response_body
total: 2
events.*.payload.n: [1]



=== TEST 38: from long ago
--- request
GET /inbox?order=asc&from=2000-01-01T00:00:00Z
--- response_body_filters pick
total
events.*.payload.n
--- response_body
total: 4
events.*.payload.n: [1,2,3,4]



=== TEST 39: to long ago
--- request
GET /inbox?order=asc&to=2000-01-01T00:00:00.000Z
--- response_body_filters pick
total
events.*.payload.n
--- response_body
total: 0
events.*.payload.n: []



=== TEST 40: from is inclusive
--- request eval
"GET /inbox?order=asc&limit=1&from=$::e[0]{created_at}"
--- response_body_filters pick
total
events.*.payload.n
--- response_body
total: 4
events.*.payload.n: [1]



=== TEST 41: from_timestamp is inclusive
--- request eval
"GET /inbox?order=asc&limit=1&from_timestamp=$::e[0]{created_at}"
--- response_body_filters pick
total
events.*.payload.n
--- response_body
total: 4
events.*.payload.n: [1]



=== TEST 42: created_after is inclusive
--- request eval
"GET /inbox?order=asc&limit=1&created_after=$::e[0]{created_at}"
--- response_body_filters pick
total
events.*.payload.n
--- response_body
total: 4
events.*.payload.n: [1]



=== TEST 43: to is inclusive
--- request eval
"GET /inbox?limit=1&to=$::e[3]{created_at}"
--- response_body_filters pick
total
events.*.payload.n
--- response_body
total: 4
events.*.payload.n: [4]



=== TEST 44: to_timestamp is inclusive
--- request eval
"GET /inbox?limit=1&to_timestamp=$::e[3]{created_at}"
--- response_body_filters pick
total
events.*.payload.n
--- response_body
total: 4
events.*.payload.n: [4]



=== TEST 45: created_before is inclusive
--- request eval
"GET /inbox?limit=1&created_before=$::e[3]{created_at}"
--- response_body_filters pick
total
events.*.payload.n
--- response_body
total: 4
events.*.payload.n: [4]



=== TEST 46: a time of another zone and precision
--- request eval
my ($y) = $::e[0]{created_at} =~ /^(\d+)/;
"GET /inbox?order=asc&from=" . ($y - 1) . "-12-31T23:00:00.5%2B01:00&to=" . ($y + 1) . "-01-01T23:59:59.123456-05:00"
--- response_body_filters pick
total
--- response_body
total: 4



=== TEST 47: a time that is none
--- request
GET /inbox?from=yesterday
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
--- response_body
error.code: "INVALID_PARAMETER"
error.details.field: "from"



=== TEST 48: a day that is none
--- request
GET /inbox?to=2025-02-30T00:00:00Z
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
--- response_body
error.code: "INVALID_PARAMETER"
error.details.field: "to"



=== TEST 49: a time without a zone's colon and minutes
--- request
GET /inbox?from=2025-01-01T00:00:00%2B1
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
--- response_body
error.code: "INVALID_PARAMETER"
error.details.field: "from"



=== TEST 50: filters on v1
--- request
GET /v1/inbox?event_type=order.*&payload.state=new&order=asc
--- response_body_filters pick
total
events.*.payload.n
--- response_body
total: 2
events.*.payload.n: [1,2]



=== TEST 51: a bad filter on v1
--- request
GET /v1/inbox?priority=urgent
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "priority"



=== TEST 52: a member whose name is empty
--- request eval
["GET /inbox?payload.=1", "GET /inbox?payload.=2", "GET /inbox?metadata.=one",
 "GET /v1/inbox?metadata.=1", "GET /inbox?payload.", "GET /inbox?payload=1"]
--- response_body_filters pick
events.*.payload.n
--- response_body eval
my @n = map { "events.*.payload.n: [$_]\n" } 4, '', '4,3,2,1';
[@n[0, 1, 0, 1, 1, 2]]



=== TEST 53: offsets whose "+" is not encoded, as it is pasted
--- request eval
my ($y) = $::e[0]{created_at} =~ /^(\d+)/;
my $next = $y + 1;
[map { "GET /inbox?$_" }
 "from=$y-01-01T00:00:00+00:00", "to=$y-01-01T00:00:00+00:00",
 "from_timestamp=$y-01-01T00:00:00.123456+0100", "created_after=$y-01-01T00:00+01",
 "to_timestamp=$next-01-01+00:00:00+14:00",
 "created_before=$next-01-01%2000:00:00%2000:00", "from=$next-01-01+00:00:00"]
--- response_body_filters pick
total
--- response_body eval
[map { "total: $_\n" } 4, 0, 4, 4, 4, 4, 0]



=== TEST 54: blanks in times that are none
--- request eval
[map { "GET /inbox?$_" } 'from=2025-01-01T00:00:00+', 'from=2025-01-01T00:00:+00',
 'from=2025-01-01T00:00:00++00:00', 'from=2025-01-01T00:00:00+00:00+',
 'from=2025-01-01T00:00:00+Z', 'from=2025-01-01+', 'from=+', 'from=2025-01+01']
--- error_code eval
[(400) x 8]



=== TEST 55: names have a case and may be encoded, the last of several counts
--- request eval
[map { "GET /inbox?$_" }
 'lim%69t=0', 'limit', 'limit=0&limit=1', 'limit=1&lim%69t=2', 'LIMIT=0',
 'event_type=order.*&event_type=order']
--- error_code eval
[400, 400, 400, 200, 200, 200]
--- response_body_filters pick
error.details.field
limit
total
--- response_body eval
[(qq(error.details.field: "limit"\nlimit: (none)\ntotal: (none)\n)) x 3,
 "error.details.field: (none)\nlimit: 2\ntotal: 4\n",
 "error.details.field: (none)\nlimit: 50\ntotal: 4\n",
 "error.details.field: (none)\nlimit: 50\ntotal: 1\n"]
