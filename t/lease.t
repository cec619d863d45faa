# POST /v1/inbox/lease: what is handed out, in which order, to whom; and what
# a consumer may do with the leases of a file that was made before.

use Test::Nginx::Socket;
use Triggers::Blocks;
use Triggers::Fixture;

our @lease;

our @e = fixture(
    '{"event_type":"leased","payload":{"n":1}}',
    '{"event_type":"leased","payload":{"n":2}}',
    [bob => '{"event_type":"leased","payload":{"n":3}}'],

    sub {
        my ($t) = @_;
        push @lease, $t->post('/v1/inbox/lease', '', key => "$_-key")
                         ->{json}{lease_id} for qw( alice bob );
    },

    '{"event_type":"order.low","payload":{"n":4},"metadata":'
        . '{"priority":"low"}}',
    '{"event_type":"order.one","payload":{"n":5}}',
    '{"event_type":"other","payload":{"n":6},"metadata":'
        . '{"priority":"high"}}',
    '{"event_type":"order.two","payload":{"n":7},"metadata":'
        . '{"ordering_key":"k"}}',
    '{"event_type":"order.two","payload":{"n":8},"metadata":'
        . '{"ordering_key":"k"}}',
    [bob => '{"event_type":"order.bob","payload":{"n":9}}'],
);
our @id = map { $_->{event_id} } @e;
our $unknown = '0193b3a0-0000-7000-8000-000000000001';
our $alice = 'Authorization: Bearer alice-key';
our $bob = 'Authorization: Bearer bob-key';
our $admin = 'Authorization: Bearer admin-key';


sub lease { return "POST /v1/inbox/lease\n" . ($_[0] // '{}') }


# a request about one of the leases of the fixture

sub about {
    my ($op, $i, $members) = @_;
    return qq(POST /v1/inbox/$op\n{"lease_id":"$lease[$i]")
           . ($members ? ",$members}" : '}');
}


# the lines that pick makes of the numbers of events handed out

sub handed { return "events.*.payload.n: [$_[0]]\n" }


plan tests => repeat_each() * checks();

run_tests();

__DATA__

=== TEST 1: higher priority first, then the oldest; one of each ordering key
--- request eval: main::lease()
--- response_body_filters pick
events.*.payload.n
--- response_body eval: main::handed('6,5,7,4')



=== TEST 2: the answer
--- more_headers
Authorization: Bearer alice-key
X-Request-ID: r-1
--- request eval: main::lease('{"lease_limit":1}')
--- response_body_like eval
'^\{"lease_id":"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-'
. '[0-9a-f]{12}","leased_until":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)",'
. '"events":\[\{"event_id":"' . $::id[5] . '".*"leased_until":"\1".*\}\],'
. '"request_id":"r-1"\}$'



=== TEST 3: no body is the same as no member, and null as none
--- request eval
["POST /v1/inbox/lease", main::lease('{"lease_limit":null,"event_type":null,'
 . '"lease_seconds":null,"wait_seconds":null}')]
--- response_body_filters pick
events.*.payload.n
lease_id
--- response_body_like eval
["^events.*: \\[6,5,7,4\\]\nlease_id: \"", "^events.*: \\[\\]\nlease_id: null"]



=== TEST 4: no more than the limit, and then the others
--- request eval
[(main::lease('{"lease_limit":3}')) x 2, main::lease()]
--- response_body_filters pick
events.*.payload.n
--- response_body eval
[main::handed('6,5,7'), main::handed('4'), main::handed('')]



=== TEST 5: nothing to hand out
--- more_headers eval: [$::bob, $::bob]
--- request eval: [main::lease(), main::lease()]
--- response_body_filters pick
events
lease_id
leased_until
error
--- response_body_like eval
["payload", "^events: \\[\\]\nlease_id: null\nleased_until: null\n"
 . "error: \\(none\\)\n"]



=== TEST 6: to each owner his own, to an administrator all
--- more_headers eval: [$::bob, $::admin]
--- request eval
[main::lease(), main::lease('{"lease_limit":100}')]
--- response_body_filters pick
events.*.payload.n
events.0.user_id
--- response_body eval
[main::handed('9') . "events.0.user_id: \"bob\"\n",
 main::handed('6,5,7,4') . "events.0.user_id: \"alice\"\n"]



=== TEST 7: by type
--- request eval
[main::lease('{"event_type":"order.one"}'),
 main::lease('{"event_type":"order.none"}'),
 main::lease('{"event_type":"order"}'),
 main::lease('{"event_type":"other","lease_limit":100}')]
--- response_body_filters pick
events.*.payload.n
--- response_body eval
[main::handed('5'), (main::handed('')) x 2, main::handed('6')]



=== TEST 8: by the beginning of a type
--- request eval
[main::lease('{"event_type":"order.*","lease_limit":2}'),
 main::lease('{"event_type":"*"}'), main::lease('{"event_type":"order.*"}')]
--- response_body_filters pick
events.*.payload.n
--- response_body eval
[main::handed('5,7'), main::handed('6,4'), main::handed('')]



=== TEST 9: it waits, and no longer than it was told to
--- request eval
main::lease('{"event_type":"order.none","wait_seconds":1}')
--- response_body_filters pick
lease_id
--- response_body
lease_id: null



=== TEST 10: a leased event is seen, and is what it was
--- request eval
[main::lease(), "GET /v1/inbox?limit=1", "GET /v1/events/$::id[3]/status"]
--- response_body_filters pick
total
events.0.status
events.0.retry_count
status
attempts
--- response_body eval
["total: (none)\nevents.0.status: \"pending\"\nevents.0.retry_count: 0\n"
 . "status: (none)\nattempts: (none)\n",
 "total: 7\nevents.0.status: \"pending\"\nevents.0.retry_count: 0\n"
 . "status: (none)\nattempts: (none)\n",
 "total: (none)\nevents.0.status: (none)\nevents.0.retry_count: (none)\n"
 . "status: \"pending\"\nattempts: []\n"]



=== TEST 11: all of a lease is acknowledged
--- request eval
[main::about('ack', 0), "GET /v1/inbox?order=asc&limit=1",
 main::about('ack', 0)]
--- response_body_filters pick
lease_id
acknowledged
failed
events.*.payload.n
error.code
--- response_body eval
["lease_id: \"$::lease[0]\"\nacknowledged: [\"$::id[0]\",\"$::id[1]\"]\n"
 . "failed: []\nevents.*.payload.n: []\nerror.code: (none)\n",
 "lease_id: (none)\nacknowledged: (none)\nfailed: (none)\n"
 . "events.*.payload.n: [4]\nerror.code: (none)\n",
 "lease_id: (none)\nacknowledged: (none)\nfailed: (none)\n"
 . "events.*.payload.n: []\nerror.code: \"CONFLICT\"\n"]
--- error_code eval
[200, 200, 409]



=== TEST 12: named ones, others' and unknown ones, one of them twice
--- request eval
[main::about('ack', 0, "\"event_ids\":[\"$::id[1]\",\"$::id[4]\","
             . "\"$::unknown\",\"$::id[2]\",\"\U$::id[1]\"]"),
 main::about('ack', 0, "\"event_ids\":[\"$::id[1]\",\"$::id[0]\"]")]
--- response_body_filters pick
acknowledged
failed.*.event_id
failed.*.error.code
--- response_body eval
["acknowledged: [\"$::id[1]\"]\n"
 . "failed.*.event_id: [\"$::id[4]\",\"$::unknown\",\"$::id[2]\"]\n"
 . "failed.*.error.code: [\"CONFLICT\",\"NOT_FOUND\",\"NOT_FOUND\"]\n",
 "acknowledged: [\"$::id[0]\"]\nfailed.*.event_id: [\"$::id[1]\"]\n"
 . "failed.*.error.code: [\"CONFLICT\"]\n"]



=== TEST 13: none of the named ones is in the lease, which is not over
--- request eval
[main::about('ack', 0, "\"event_ids\":[\"$::id[4]\"]"),
 main::about('release', 0, "\"event_ids\":[\"$::unknown\",\"$::id[4]\"]"),
 (main::about('ack', 0, "\"event_ids\":[\"$::id[0]\"]")) x 2,
 main::about('release', 0, "\"event_ids\":[\"$::id[0]\"]")]
--- response_body_filters pick
lease_id
acknowledged
released
failed.*.error.code
failed.*.error.message
--- response_body eval
my $lease = "lease_id: \"$::lease[0]\"\n";
my $acked = '"the event is acknowledged already"';
my $not = '"the event is not in the lease"';

["${lease}acknowledged: []\nreleased: (none)\n"
 . "failed.*.error.code: [\"CONFLICT\"]\nfailed.*.error.message: [$not]\n",
 "${lease}acknowledged: (none)\nreleased: []\n"
 . "failed.*.error.code: [\"NOT_FOUND\",\"CONFLICT\"]\n"
 . "failed.*.error.message: [\"there is no such event\",$not]\n",
 "${lease}acknowledged: [\"$::id[0]\"]\nreleased: (none)\n"
 . "failed.*.error.code: []\nfailed.*.error.message: []\n",
 "${lease}acknowledged: []\nreleased: (none)\n"
 . "failed.*.error.code: [\"CONFLICT\"]\nfailed.*.error.message: [$acked]\n",
 "${lease}acknowledged: (none)\nreleased: []\n"
 . "failed.*.error.code: [\"CONFLICT\"]\nfailed.*.error.message: [$acked]\n"]



=== TEST 14: when none is left in it, it is over, whatever is named
--- request eval
[main::about('ack', 0, "\"event_ids\":[\"$::id[0]\"]"),
 main::about('release', 0, "\"event_ids\":[\"$::id[1]\"]"),
 main::about('ack', 0, "\"event_ids\":[\"$::id[0]\"]"),
 main::about('release', 0, "\"event_ids\":[\"$::id[1]\",\"$::unknown\"]"),
 main::about('ack', 0)]
--- response_body_filters pick
error.message
--- response_body eval
[("error.message: (none)\n") x 2,
 ("error.message: \"the lease is over\"\n") x 3]
--- error_code eval
[200, 200, 409, 409, 409]



=== TEST 15: released, they are handed out again
--- request eval
[main::about('release', 0), main::about('ack', 0),
 main::lease('{"event_type":"leased"}'), "GET /v1/events/$::id[0]/status"]
--- response_body_filters pick
lease_id
released
events.*.payload.n
events.*.status
events.*.retry_count
attempts.*.target
attempts.*.outcome
attempts.*.error
--- response_body_like eval
["released: \\[\"$::id[0]\",\"$::id[1]\"\\]\n", 'lease_id: \(none\)',
 'n: \[1,2\]\nevents.*: \["retrying","retrying"\]\nevents.*: \[1,1\]\n',
 '"lease"\]\nattempts.*: \["released"\]\nattempts.*: \[null\]\n']
--- error_code eval
[200, 409, 200, 200]



=== TEST 16: released with a reason and a delay
--- request eval
[main::about('release', 0, '"delay_seconds":600,"error":"later \"\u00e9\""'),
 main::lease('{"event_type":"leased"}'), "GET /v1/events/$::id[0]",
 "GET /v1/events/$::id[0]/status"]
--- response_body_filters pick
released
events
status
leased_until
error_message
attempts.*.error
--- response_body_like eval
["released: \\[\"$::id[0]\",\"$::id[1]\"\\]\n", 'events: \[\]',
 'status: "retrying"\nleased_until: null\n',
 "attempts.*: \\[\"later ..\xc3\xa9..\"\\]\n"]



=== TEST 17: extended
--- request eval
[main::about('extend', 0, '"lease_seconds":43200'), "GET /v1/events/$::id[0]"]
--- response_body_filters pick
lease_id
leased_until
--- response_body_like eval
["^lease_id: \"$::lease[0]\"\nleased_until: \"\\d{4}-[^\"]+Z\"\n",
 'leased_until: "\d{4}-']



=== TEST 18: a lease is its owner's, and an administrator's
--- more_headers eval
[$::alice, $::alice, $::alice, $::admin, $::bob]
--- request eval
[main::about('ack', 1), main::about('release', 1),
 main::about('extend', 1, '"lease_seconds":1'),
 main::about('extend', 1, '"lease_seconds":100'), main::about('ack', 1)]
--- error_code eval
[409, 409, 409, 200, 200]



=== TEST 19: a lease that never was, and what is known otherwise
--- request eval
map { "POST /v1/inbox/$_\n{\"lease_id\":\"$::unknown\","
      . ($_ eq 'extend' ? '"lease_seconds":1}'
                        : "\"event_ids\":[\"$::id[0]\"]}") }
    'ack', 'release', 'extend'
--- response_body_filters pick
error.code
--- response_body eval
[("error.code: \"CONFLICT\"\n") x 3]
--- error_code eval
[409, 409, 409]



=== TEST 20: acknowledged by its id, an event leaves its lease
--- request eval
["POST /v1/events/$::id[0]/ack", main::about('ack', 0)]
--- response_body_filters pick
status
acknowledged
--- response_body eval
["status: \"acknowledged\"\nacknowledged: (none)\n",
 "status: (none)\nacknowledged: [\"$::id[1]\"]\n"]



=== TEST 21: the next event of an ordering key comes when the one before ends
--- request eval
[main::lease('{"event_type":"order.two"}'),
 main::lease('{"event_type":"order.two"}'), "POST /v1/events/$::id[6]/ack",
 main::lease('{"event_type":"order.two"}')]
--- response_body_filters pick
events.*.payload.n
--- response_body eval
[main::handed('7'), (main::handed('')) x 2, main::handed('8')]



=== TEST 22: also where commits are not waited for
--- config
        location / {
            triggers main;
            triggers_synchronous_commit off;
        }
--- request eval
[main::lease('{"event_type":"other"}'), main::about('ack', 0)]
--- response_body_filters pick
events.*.payload.n
acknowledged.0
--- response_body eval
[main::handed('6') . "acknowledged.0: (none)\n",
 main::handed('') . "acknowledged.0: \"$::id[0]\"\n"]



=== TEST 23: on root there are no such routes, and methods are told
--- request eval
["POST /inbox/lease", "GET /v1/inbox/lease", "PUT /v1/inbox/ack"]
--- response_headers eval
["Allow:", "Allow: POST, OPTIONS", "Allow: POST, OPTIONS"]
--- error_code eval
[404, 405, 405]



=== TEST 24: they need their scope
--- http_config eval
Triggers::Blocks::store_config()
. "    triggers_key  \"reader\"  user=alice  scopes=events:read;\n"
--- more_headers eval
[("Authorization: Bearer reader") x 5, 'X-None: 1']
--- request eval
[main::lease(), main::about('ack', 0), main::about('release', 0),
 main::about('extend', 0, '"lease_seconds":1'), "POST /v1/inbox/retry",
 main::lease()]
--- error_code eval
[403, 403, 403, 403, 403, 401]
