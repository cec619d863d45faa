# Batches that are decoded by a thread: as large as they may be, replayed,
# broken at their end, and of clients that leave meanwhile.

use strict;
use warnings;

use Test::More;
use Triggers::Nginx;

my $t = Triggers::Nginx->new(workers => 1, config => <<'END')->plan(16);
%%GLOBALS%%

events {
    worker_connections  512;
}

http {
    %%HTTP%%

    triggers_store  main  sqlite:%%DB%%  zone=64m  body_memory=40m;
    triggers_key    "test-key"  user=alice;

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
