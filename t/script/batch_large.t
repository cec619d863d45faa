# Batches that are decoded by a thread: as large as they may be, replayed,
# broken at their end, over a limit, and of clients that leave meanwhile.

use strict;
use warnings;

use Test::More;
use Triggers::Nginx;

my $t = Triggers::Nginx->new(workers => 1, config => <<'END')->plan(25);
%%GLOBALS%%

events {
    worker_connections  512;
}

http {
    %%HTTP%%

    triggers_store  main  sqlite:%%DB%%  zone=72m  body_memory=40m;
    triggers_key    "test-key"  user=alice;
    triggers_key    "limited"   user=bob  rate=100;

    server {
        listen  127.0.0.1:%%PORT%%;

        location / {
            triggers main;
        }
    }
}
END

$t->ready();

# --- 16 MB ---

my $event = '{"event_type":"x","payload":{"a":"' . ('y' x 16000) . '"}}';
my $body = batch(($event) x 1000);
my $res = $t->post('/v1/events/batch', $body);

is($res->{status}, 201, 'a thousand events of 16 KB');
is($res->{json}{success_count}, 1000, 'all of them');

$res = $t->get('/inbox?limit=1');
is($res->{json}{total}, 1000, 'are there');
is(length $res->{json}{events}[0]{payload}{a}, 16000, 'whole');

is($t->post('/v1/events/batch', $body . (' ' x (16 << 20)))->{status}, 413,
   'more than that');

# --- keys ---

my $keyed = batch(map {
    qq({"event_type":"x","payload":{"n":$_,"pad":") . ('z' x 100)
    . qq("},"metadata":{"idempotency_key":"key-$_"}})
} 1 .. 1000);

$res = $t->post('/v1/events/batch', $keyed);
is($res->{json}{success_count}, 1000, 'a thousand events with keys');

my @ids = map { $_->{event_id} } @{$res->{json}{results}};
my @times = map { $_->{timestamp} } @{$res->{json}{results}};

$res = $t->post('/v1/events/batch', $keyed);
is($res->{status}, 201, 'again');
is_deeply([map { $_->{event_id} } @{$res->{json}{results}}], \@ids,
          'the same ids');
is_deeply([map { $_->{timestamp} } @{$res->{json}{results}}], \@times,
          'the same times');
is(scalar(grep { $_->{idempotent_replayed} } @{$res->{json}{results}}), 1000,
   'said to be replayed');
is($t->get('/inbox?limit=1')->{json}{total}, 2000, 'stored once');

# --- wrong ones ---

$res = $t->post('/v1/events/batch', substr $body, 0, -1);
is($res->{status}, 400, 'a batch that is cut short');
$res = $t->post('/v1/events/batch', batch($event, ($event) x 9, '{"a":1}'));
is($res->{json}{success_count} . '/' . $res->{json}{failure_count}, '10/1',
   'one that is wrong among others');

for my $end (',"x":1}', '}}') {
    $res = $t->post('/v1/events/batch', substr($body, 0, -1) . $end);
    is("$res->{status} " . ($res->{json}{error}{details}{field} // 'none'),
       $end =~ /x/ ? '400 x' : '400 none', "one with \"$end\" at its end");
}

$res = $t->post('/v1/events/batch', batch(($event) x 1001));
is("$res->{status} $res->{json}{error}{details}{field}", '400 events',
   'one event too many');

(my $bad = $event) =~ s/"x"/"x","source":""/;

$res = $t->post('/v1/events/batch', batch(($bad) x 10));
is("$res->{status} $res->{json}{failure_count} $res->{json}{error}{code} "
   . $res->{json}{results}[9]{error}{details}{field},
   '400 10 VALIDATION_ERROR source', 'one of which no event is valid');

$res = $t->post('/v1/events/batch', $keyed =~ s/zz"/zy"/gr);
is("$res->{status} $res->{json}{failure_count} "
   . $res->{json}{results}[999]{error}{code},
   '400 1000 IDEMPOTENCY_KEY_REUSED', 'one with keys of other events');

# --- a limit, which is known when the events have been counted ---

my $some = batch(($event) x 60);

$res = $t->post('/v1/events/batch', $some, key => 'limited');
is("$res->{status} $res->{headers}{'x-ratelimit-remaining'}", '201 40',
   'sixty of a hundred');

$res = $t->post('/v1/events/batch', $some, key => 'limited');
is($res->{status}, 429, 'sixty more are too many');
is($res->{json}{error}{details}{retry_after},
   $res->{headers}{'retry-after'}, 'for so long');
is($t->get('/inbox?limit=1', key => 'limited')->{json}{total}, 60,
   'they are not stored');

# --- clients that leave while theirs is decoded ---

for my $round (1 .. 10) {
    my $sock = $t->http_start(Triggers::Nginx::text('POST',
                                  '/v1/events/batch', body => $body));
    close $sock;
}

# what they have sent was refused for want of memory, or decoded and left, or
# stored; the memory comes back in any case

ok(wait_for(sub {
    my $res = $t->post('/v1/events/batch', $body);
    return $res->{status} eq '201';
}), 'memory for bodies comes back');

ok(wait_for(sub {
    return $t->get('/inbox?limit=1')->{json}{total} % 1000 == 10;
}), 'batches are there whole or not at all');

is($t->get('/v1/health')->{json}{status}, 'healthy', 'healthy');


sub batch {
    return '{"events":[' . join(',', @_) . ']}';
}
