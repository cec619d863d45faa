# POST /v1/inbox/retry: which dead letters are brought back, and bodies that
# are refused.

use Test::Nginx::Socket;
use Triggers::Blocks;
use Triggers::Fixture;


# every lease is given back until no attempt is left

sub bury {
    my ($t) = @_;

    for my $user (('alice', 'bob') x 5) {
        my $lease = $t->post('/v1/inbox/lease', '', key => "$user-key")
                        ->{json}{lease_id};
        $t->post('/v1/inbox/release', qq({"lease_id":"$lease"}),
                 key => "$user-key");
    }
}


our @e = fixture(
    '{"event_type":"a.x","source":"s","payload":{"n":1}}',
    '{"event_type":"a.y","source":"t","payload":{"n":2}}',
    '{"event_type":"b","source":"s","payload":{"n":3}}',
    '{"payload":{"n":4}}',
    [bob => '{"event_type":"a.x","source":"s","payload":{"n":5}}'],
    \&bury,
    '{"event_type":"a.x","source":"s","payload":{"n":6}}',
);
our @id = map { $_->{event_id} } @e;
our $failed = 'GET /v1/inbox?status=failed&order=asc';
our $alice = 'Authorization: Bearer alice-key';
our $bob = 'Authorization: Bearer bob-key';
our $admin = 'Authorization: Bearer admin-key';


sub retry { return "POST /v1/inbox/retry\n" . ($_[0] // '{}') }


# what pick shows of an answer, and of the list of those that are still dead

sub retried { return "retried: $_[0]\nevents.*.payload.n: []\n" }
sub left { return "retried: (none)\nevents.*.payload.n: [$_[0]]\n" }


plan tests => repeat_each() * checks();

run_tests();

__DATA__

=== TEST 1: all of them
--- request eval
[$::failed, main::retry(), $::failed, "GET /v1/inbox?status=retrying&order=asc"]
--- response_body_filters pick
retried
events.*.payload.n
--- response_body eval
[main::left('1,2,3,4'), main::retried(4), main::left(''),
 main::left('1,2,3,4')]



=== TEST 2: the answer
--- more_headers
Authorization: Bearer alice-key
X-Request-ID: r-1
--- request
POST /v1/inbox/retry
--- response_body_like: ^\{"retried":4,"request_id":"r-1"\}$



=== TEST 3: they are handed out again, with a fresh budget
--- request eval
[main::retry(), "POST /v1/inbox/lease\n{\"event_type\":\"b\"}",
 "GET /v1/events/$::id[2]"]
--- response_body_filters pick
retried
events.*.payload.n
events.*.retry_count
status
error_message
--- response_body eval
[main::retried(4) . "events.*.retry_count: []\nstatus: (none)\n"
 . "error_message: (none)\n",
 main::left(3) . "events.*.retry_count: [5]\nstatus: (none)\n"
 . "error_message: (none)\n",
 "retried: (none)\nevents.*.payload.n: []\nevents.*.retry_count: []\n"
 . "status: \"retrying\"\nerror_message: null\n"]



=== TEST 4: what is not dead is left alone
--- request eval
[main::retry(), "GET /v1/events/$::id[5]"]
--- response_body_filters pick
status
retry_count
--- response_body eval
["status: (none)\nretry_count: (none)\n",
 "status: \"pending\"\nretry_count: 0\n"]



=== TEST 5: twice
--- request eval: [(main::retry()) x 2]
--- response_body_filters pick
retried
--- response_body eval: ["retried: 4\n", "retried: 0\n"]



=== TEST 6: by type
--- request eval: [main::retry('{"event_type":"a.x"}'), $::failed]
--- response_body_filters pick
retried
events.*.payload.n
--- response_body eval: [main::retried(1), main::left('2,3,4')]



=== TEST 7: by the beginning of a type
--- request eval: [main::retry('{"event_type":"a.*"}'), $::failed]
--- response_body_filters pick
retried
events.*.payload.n
--- response_body eval: [main::retried(2), main::left('3,4')]



=== TEST 8: by source
--- request eval: [main::retry('{"source":"s"}'), $::failed]
--- response_body_filters pick
retried
events.*.payload.n
--- response_body eval: [main::retried(2), main::left('2,4')]



=== TEST 9: by time
--- request eval
[main::retry("{\"from\":\"$::e[1]{created_at}\",\"to\":"
             . "\"$::e[2]{created_at}\"}"), $::failed]
--- response_body_filters pick
retried
events.*.payload.n
--- response_body_like eval
['retried: [2-4]', 'n: \[(1|4|1,4)?\]']



=== TEST 10: of another time
--- request eval
[main::retry('{"from":"2999-01-01"}'), main::retry('{"to":"2001-01-01"}'),
 main::retry('{"to":"1969-01-01"}')]
--- response_body_filters pick
retried
--- response_body eval: [("retried: 0\n") x 3]



=== TEST 11: by several at once, and null is as good as none
--- request eval
[main::retry('{"event_type":"b","source":"t"}'),
 main::retry('{"event_type":"a.*","source":"t","from":"2001-01-01",'
             . '"to":"2999-01-01"}'),
 main::retry('{"event_type":null,"source":null,"from":null,"to":null}')]
--- response_body_filters pick
retried
--- response_body eval: ["retried: 0\n", "retried: 1\n", "retried: 3\n"]



=== TEST 12: each owner his own, an administrator all
--- more_headers eval: [$::bob, $::bob, $::admin, $::alice]
--- request eval: [main::retry(), $::failed, main::retry(), $::failed]
--- response_body_filters pick
retried
events.*.payload.n
--- response_body eval
[main::retried(1), main::left(''), main::retried(4), main::left('')]



=== TEST 13: no body is as good as an empty object, another one is not
--- request eval: [main::retry('x'), main::retry('[]'), main::retry('null')]
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body eval
[("error.code: \"VALIDATION_ERROR\"\nerror.details.field: (none)\n"
  . "error.message: \"the body must be a JSON object\"\n") x 3]
--- error_code eval
[400, 400, 400]



=== TEST 14: members that there are not
--- request eval
[main::retry('{"status":"failed"}'), main::retry('{"lease_id":"x"}'),
 $::failed]
--- response_body_filters pick
error.details.field
error.message
events.*.payload.n
--- response_body eval
[(map { "error.details.field: \"$_\"\nerror.message: \"unknown member\"\n"
        . "events.*.payload.n: []\n" } 'status', 'lease_id'),
 "error.details.field: (none)\nerror.message: (none)\n"
 . "events.*.payload.n: [1,2,3,4]\n"]
--- error_code eval
[400, 400, 200]



=== TEST 15: from is no time
--- request eval
[main::retry('{"from":"x"}'), main::retry('{"from":1}')]
--- response_body_filters pick
error.details.field
error.message
--- response_body eval
[("error.details.field: \"from\"\n"
  . "error.message: \"from must be an ISO 8601 time\"\n") x 2]
--- error_code eval
[400, 400]



=== TEST 16: to is no time
--- request eval: main::retry('{"to":"2001-02-30"}')
--- error_code: 400
--- response_body_filters pick
error.details.field
error.message
--- response_body
error.details.field: "to"
error.message: "to must be an ISO 8601 time"



=== TEST 17: a source that cannot be
--- request eval
[main::retry('{"source":""}'), main::retry('{"source":{}}'),
 main::retry('{"source":"' . 'x' x 101 . '"}')]
--- response_body_filters pick
error.details.field
error.message
--- response_body eval
["error.details.field: \"source\"\nerror.message: \"source must be a string "
 . "of 1 to 100 characters\"\n",
 "error.details.field: \"source\"\nerror.message: \"source must be a "
 . "string\"\n",
 "error.details.field: \"source\"\nerror.message: \"source must be a string "
 . "of 1 to 100 characters\"\n"]
--- error_code eval
[400, 400, 400]
