# Events that are read as CloudEvents, by what the header Accept says.

use Test::Nginx::Socket;
use Triggers::Blocks;
use Triggers::Fixture;

our @e = fixture('{"event_type":"a.b","source":"my shop","payload":{"n": 1},'
                 . '"metadata":{"subject":"s","priority":"high","n":5,'
                 . '"correlation_id":"c","time":"2025-11-10T12:00:00Z"}}',
                 '{"payload":{}}',
                 '{"event_type":"c","payload":{"x":[1.50]}}');
our @id = map { $_->{event_id} } @e;
our @time = map { $_->{created_at} } @e;

our $first = qq({"specversion":"1.0","id":"$id[0]","source":"my%20shop",)
             . qq("type":"a.b","time":"2025-11-10T12:00:00Z","subject":"s",)
             . qq("priority":"high","n":5,)
             . qq("datacontenttype":"application/json","data":{"n": 1}});
our $second = qq({"specversion":"1.0","id":"$id[1]","source":"/",)
              . qq("type":"event","time":"$time[1]",)
              . qq("datacontenttype":"application/json","data":{}});
our $third = qq({"specversion":"1.0","id":"$id[2]","source":"/","type":"c",)
             . qq("time":"$time[2]","datacontenttype":"application/json",)
             . qq("data":{"x":[1.50]}});

our $single = "Authorization: Bearer alice-key\n"
              . "Accept: application/cloudevents+json";
our $batch = "Authorization: Bearer alice-key\n"
             . "Accept: application/cloudevents-batch+json";

plan tests => repeat_each() * checks();

run_tests();

__DATA__

=== TEST 1: one event
--- more_headers eval: $::single
--- request eval
["GET /v1/events/$::id[0]", "GET /v1/events/$::id[1]"]
--- response_headers eval
["Content-Type: application/cloudevents+json\nLink:",
 "Content-Type: application/cloudevents+json\nLink:"]
--- response_body eval
[$::first, $::second]
--- error_code eval
[200, 200]



=== TEST 2: a list
--- more_headers eval: $::batch
--- request eval
["GET /inbox?order=asc", "GET /v1/inbox"]
--- response_headers eval
["Content-Type: application/cloudevents-batch+json\nLink:",
 "Content-Type: application/cloudevents-batch+json\nLink:"]
--- response_body eval
["[$::first,$::second,$::third]", "[$::third,$::second,$::first]"]
--- error_code eval
[200, 200]



=== TEST 3: the other type than the one that fits
--- more_headers eval: $::single
--- request
GET /inbox?limit=1&order=asc&event_type=a.b
--- response_headers
Content-Type: application/cloudevents-batch+json
--- response_body eval
"[$::first]"



=== TEST 4: and the other way round
--- more_headers eval: $::batch
--- request eval
"GET /v1/events/$::id[2]"
--- response_headers
Content-Type: application/cloudevents+json
--- response_body eval
$::third



=== TEST 5: an empty list
--- more_headers eval: $::batch
--- request
GET /v1/inbox?status=failed
--- response_headers
Content-Type: application/cloudevents-batch+json
Link:
--- response_body: []



=== TEST 6: a query that is refused
--- more_headers eval: $::batch
--- request
GET /v1/inbox?limit=0
--- error_code: 400
--- response_headers
Content-Type: application/json



=== TEST 7: the next page, in place of a cursor or an offset
--- more_headers eval: $::batch
--- request eval
["GET /inbox?order=asc&limit=1&%6fffset=1&&status=all",
 "GET /v1/inbox/?order=asc&limit=2",
 "GET /inbox?cursor=YTE&limit=1&order=asc"]
--- response_headers_like eval
['Link: </inbox\?order=asc&limit=1&status=all&cursor=[\w-]+>; rel="next"',
 'Link: </v1/inbox/\?order=asc&limit=2&cursor=[\w-]+>; rel="next"',
 'Link: </inbox\?limit=1&order=asc&cursor=[\w-]+>; rel="next"']
--- response_body eval
["[$::second]", "[$::first,$::second]", "[$::second]"]
--- error_code eval
[200, 200, 200]



=== TEST 8: what no URI has is encoded in the link
--- more_headers eval: $::batch
--- request
GET /inbox?limit=1&a="<b>"
--- response_headers_like
Link: </inbox\?limit=1&a=%22%3Cb%3E%22&cursor=[\w-]+>; rel="next"
--- response_body eval
"[$::third]"



=== TEST 9: HEAD
--- more_headers eval: $::batch
--- request
HEAD /inbox?limit=1
--- response_headers_like
Content-Type: application/cloudevents-batch\+json
Link: </inbox\?limit=1&cursor=[\w-]+>; rel="next"
--- response_body:



=== TEST 10: other types are answered as ever
--- more_headers
Authorization: Bearer alice-key
Accept: application/json, application/cloudevents+json;q=0.9, */*
--- request eval
["GET /v1/events/$::id[0]", "GET /inbox"]
--- response_headers eval
["Content-Type: application/json", "Content-Type: application/json"]
--- response_body_like eval
['^\{"event_id":', '^\{"events":\[']
--- error_code eval
[200, 200]



=== TEST 11: a wildcard is no name
--- more_headers
Authorization: Bearer alice-key
Accept: application/*, */*;q=0.1
--- request
GET /inbox
--- response_headers
Content-Type: application/json
--- response_body_like: ^\{"events":\[



=== TEST 12: not wanted
--- more_headers
Authorization: Bearer alice-key
Accept: application/cloudevents-batch+json;q=0
--- request
GET /inbox
--- response_headers
Content-Type: application/json
--- response_body_like: ^\{"events":\[



=== TEST 13: a header on two lines
--- more_headers
Authorization: Bearer alice-key
Accept: application/json;q=0.5
Accept: application/cloudevents-batch+json
--- request
GET /inbox?event_type=c
--- response_headers
Content-Type: application/cloudevents-batch+json
--- response_body eval
"[$::third]"



=== TEST 14: the status of an event is none
--- more_headers eval: $::single
--- request eval
"GET /v1/events/$::id[0]/status"
--- response_headers
Content-Type: application/json
--- response_body_like: ^\{"event_id":



=== TEST 15: errors are JSON
--- more_headers eval: $::single
--- request
GET /v1/events/0193b3a0-0000-7000-8000-000000000001
--- error_code: 404
--- response_headers
Content-Type: application/json
--- response_body_filters pick
error.code
--- response_body
error.code: "NOT_FOUND"



=== TEST 16: another owner's event
--- more_headers
Authorization: Bearer bob-key
Accept: application/cloudevents+json
--- request eval
["GET /v1/events/$::id[0]", "GET /inbox"]
--- response_body_like eval
['NOT_FOUND', '^\[\]$']
--- error_code eval
[404, 200]
