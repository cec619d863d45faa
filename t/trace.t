# W3C Trace Context: what is kept with an event of the headers "traceparent"
# and "tracestate".

use Test::Nginx::Socket;
use Triggers::Blocks;

our $id = '0af7651916cd43dd8448eb211c80319c';
our $rest = "$id-b7ad6b7169203331-01";
our $parent = "00-$rest";
our $event = "POST /events\n" . '{"payload":{}}';
our $list = 'GET /inbox?order=asc';


# a request's headers: these lines besides the key

sub headers {
    return CORE::join("\n", 'Authorization: Bearer alice-key', @_) . "\n";
}

# the headers of requests with one traceparent and these lines each

sub states {
    return [ (map { headers("traceparent: $main::parent",
                            map { "tracestate: $_" } ref $_ ? @$_ : $_) } @_),
             headers() ];
}

# what the inbox tells of them

sub kept {
    my ($name, @values) = @_;
    my $values = CORE::join(',', map { defined $_ ? qq("$_") : 'null' }
                                 @values);

    return [ ('') x @values,
             quotemeta("events.*.context.$name: [$values]\n") ];
}

plan tests => repeat_each() * checks();

run_tests();

__DATA__

=== TEST 1: both are kept
--- more_headers eval
main::headers("traceparent: $::parent", 'tracestate: rojo=00f067,congo=t61')
--- request eval
[$::event, $::list]
--- response_body_filters pick
events.0.context.traceparent
events.0.context.tracestate
--- response_body_like eval
['', quotemeta(qq(events.0.context.traceparent: "$::parent"\n)
     . qq(events.0.context.tracestate: "rojo=00f067,congo=t61"\n))]
--- error_code eval
[200, 200]



=== TEST 2: neither was sent
--- request eval
[$::event, $::list]
--- response_body_filters pick
events.0.context.traceparent
events.0.context.tracestate
--- response_body_like eval
['', quotemeta("events.0.context.traceparent: null\n"
     . "events.0.context.tracestate: null\n")]
--- error_code eval
[200, 200]



=== TEST 3: traceparents that are valid
--- more_headers eval
[(map { main::headers("traceparent: $_") } "00-$::id-b7ad6b7169203331-00",
  "00-$::id-b7ad6b7169203331-ff", "\t$::parent\t", "cc-$::rest",
  "cc-$::rest-what-comes"), main::headers()]
--- request eval
[($::event) x 5, $::list]
--- response_body_filters pick
events.*.context.traceparent
--- response_body_like eval
main::kept('traceparent', "00-$::id-b7ad6b7169203331-00",
           "00-$::id-b7ad6b7169203331-ff", $::parent, "cc-$::rest",
           "cc-$::rest-what-comes")
--- error_code eval
[(200) x 6]



=== TEST 4: traceparents that are not: version, length, digits
--- more_headers eval
[(map { main::headers("traceparent: $_", 'tracestate: a=1') }
  "ff-$::rest", "CC-$::rest", "00-$::rest-more", "cc-$::rest.more",
  '00-' . substr($::rest, 0, -1), '00-' . uc $::rest), main::headers()]
--- request eval
[($::event) x 6, $::list]
--- response_body_filters pick
events.*.context.traceparent
events.*.context.tracestate
--- response_body_like eval
[('') x 6, quotemeta('events.*.context.traceparent: ['
                     . CORE::join(',', ('null') x 6) . "]\n"
                     . 'events.*.context.tracestate: ['
                     . CORE::join(',', ('null') x 6) . "]\n")]
--- error_code eval
[(200) x 7]



=== TEST 5: ids of zeroes are none
--- more_headers eval
[(map { main::headers("traceparent: $_") }
  '00-' . '0' x 32 . '-b7ad6b7169203331-01', "00-$::id-" . '0' x 16 . '-01'),
 main::headers()]
--- request eval
[($::event) x 2, $::list]
--- response_body_filters pick
events.*.context.traceparent
--- response_body_like eval
main::kept('traceparent', undef, undef)
--- error_code eval
[(200) x 3]



=== TEST 6: of two traceparents nobody knows which is right
--- more_headers eval
main::headers("traceparent: $::parent", "traceparent: $::parent",
              'tracestate: a=1')
--- request eval
[$::event, $::list]
--- response_body_filters pick
events.0.context.traceparent
events.0.context.tracestate
--- response_body_like eval
['', quotemeta("events.0.context.traceparent: null\n"
     . "events.0.context.tracestate: null\n")]
--- error_code eval
[200, 200]



=== TEST 7: a tracestate alone is nothing
--- more_headers eval
main::headers('tracestate: a=1')
--- request eval
[$::event, $::list]
--- response_body_filters pick
events.*.context.tracestate
--- response_body_like eval
main::kept('tracestate', undef)
--- error_code eval
[200, 200]



=== TEST 8: tracestates that are valid
--- more_headers eval
main::states('a=1', 'tenant@sys=x y, 0/b_-*=2', "a=1\t,\t,b=2,", ['', 'a=1'],
             'a=1,a=2', CORE::join(',', map { "k$_=$_" } 1 .. 32),
             'k' x 256 . '=' . 'v' x 256, ' ,, ')
--- request eval
[($::event) x 8, $::list]
--- response_body_filters pick
events.*.context.tracestate
--- response_body_like eval
main::kept('tracestate', 'a=1', 'tenant@sys=x y,0/b_-*=2', 'a=1,b=2', 'a=1',
           'a=1,a=2', CORE::join(',', map { "k$_=$_" } 1 .. 32),
           'k' x 256 . '=' . 'v' x 256, undef)
--- error_code eval
[(200) x 9]



=== TEST 9: several lines are one list
--- more_headers eval
main::states(['a=1,b=2', 'c=3', 'd=4'], ['b=2', 'a=1'])
--- request eval
[($::event) x 2, $::list]
--- response_body_filters pick
events.*.context.tracestate
--- response_body_like eval
main::kept('tracestate', 'a=1,b=2,c=3,d=4', 'b=2,a=1')
--- error_code eval
[(200) x 3]



=== TEST 10: tracestates that are not: keys, values, number
--- more_headers eval
main::states('a', 'a=', '=1', 'A=1', 'a =1', '@a=1', 'a=1=2', "a=\xc3\xa4",
             'k' x 257 . '=1', 'a=' . 'v' x 257, ['a=1', 'b', 'c=3'],
             CORE::join(',', map { "k$_=$_" } 1 .. 33))
--- request eval
[($::event) x 12, $::list]
--- response_body_filters pick
events.*.context.tracestate
--- response_body_like eval
main::kept('tracestate', (undef) x 12)
--- error_code eval
[(200) x 13]



=== TEST 11: a bad tracestate leaves the traceparent
--- more_headers eval
main::states('a', ['a=1', 'B=2'])
--- request eval
[($::event) x 2, $::list]
--- response_body_filters pick
events.*.context.traceparent
--- response_body_like eval
main::kept('traceparent', $::parent, $::parent)
--- error_code eval
[(200) x 3]



=== TEST 12: a long one is cut between members, what is longest goes first
--- more_headers eval
main::states(CORE::join(',', 'a=' . 'v' x 200,
                  map { sprintf '%s=%s', $_, 'v' x 98 } 'b' .. 'l'),
             CORE::join(',', map { sprintf '%s=%s', $_, 'v' x 98 } 'b' .. 'l'))
--- request eval
[($::event) x 2, $::list]
--- response_body_filters pick
events.*.context.tracestate
--- response_body_like eval
main::kept('tracestate', (CORE::join ',', map { sprintf '%s=%s', $_, 'v' x 98 }
                                    'b' .. 'k') x 2)
--- error_code eval
[(200) x 3]



=== TEST 13: the whole of a batch has them
--- more_headers eval
main::states(['a=1', 'b=2'])
--- request eval
["POST /v1/events/batch\n" . '{"events":[{"event_type":"t","payload":{}},'
 . '{"event_type":"t","payload":{}}]}', $::list]
--- response_body_filters pick
events.*.context.tracestate
--- response_body_like eval
['', quotemeta('events.*.context.tracestate: ["a=1,b=2","a=1,b=2"]')]
--- error_code eval
[201, 200]



=== TEST 14: attributes of a CloudEvent are its own
--- more_headers eval
[main::headers("traceparent: $::parent", 'tracestate: a=1',
               'ce-specversion: 1.0', 'ce-id: 1', 'ce-source: /s',
               'ce-type: t', "ce-traceparent: cc-$::rest",
               'ce-tracestate: b=2,c=3', 'Content-Type: application/json'),
 main::headers(),
 main::headers('Accept: application/cloudevents-batch+json')]
--- request eval
["POST /events\n{}", ($::list) x 2]
--- response_body_filters pick
events.0.context.traceparent
events.0.context.tracestate
0.traceparent
0.tracestate
--- response_body_like eval
['', quotemeta(qq(events.0.context.traceparent: "$::parent"\n)
     . qq(events.0.context.tracestate: "a=1"\n)),
 quotemeta(qq(0.traceparent: "cc-$::rest"\n0.tracestate: "b=2,c=3"\n))]
--- error_code eval
[200, 200, 200]
