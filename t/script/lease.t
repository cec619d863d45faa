# Leases: what is given, kept, given back and taken away; waiting for events
# on any worker; clients that leave; reload and quit.

use strict;
use warnings;

use IO::Select;
use JSON::PP qw( encode_json );
use Socket qw( SOL_SOCKET SO_RCVBUF );
use Test::More;
use Time::HiRes qw( time );
use Triggers::Load;
use Triggers::Nginx;

use constant SOON => 10 * $Triggers::Nginx::Scale;

my $t = Triggers::Nginx->new(workers => 2, config => <<'END')->plan(73);
%%GLOBALS%%

events {
    worker_connections  1024;
}

http {
    %%HTTP%%

    triggers_store  main   sqlite:%%DB%%  zone=16m;
    triggers_store  small  sqlite:%%DIR%%/small.db  zone=2m;
    triggers_store  few    sqlite:%%DIR%%/few.db    zone=8m  waiting=8;
    triggers_key    "test-key"   user=alice  rate=0;
    triggers_key    "bob-key"    user=bob;
    triggers_key    "admin-key"  user=root  scopes=admin;

    server {
        listen  127.0.0.1:%%PORT%%;

        location / {
            triggers main;
        }

        location /twice/ {
            triggers main;
            triggers_lease_attempts 2;
        }

        location /short/ {
            triggers main;
            triggers_commit_timeout 300ms;
        }

        location /page/ {
            triggers main;
            triggers_response_max_size 2k;
        }

        location /few/ {
            triggers few;
        }

        location /small/ {
            triggers small;
            triggers_commit_timeout 60s;
            triggers_event_max_size 128k;
            triggers_batch_max_size 128k;
        }

        location /fill/ {
            triggers small;
            triggers_synchronous_commit off;
            triggers_event_max_size 128k;
            triggers_batch_max_size 128k;
        }
    }
}
END

$t->ready();

# --- the life of a lease ---

my @id = map { post('a') } 1 .. 4;
my $lease = lease(lease_limit => 3, lease_seconds => 60);
my $until = $lease->{leased_until};

is(ids($lease), "@id[0 .. 2]", 'the oldest events are handed out');
like($lease->{lease_id}, qr/^[0-9a-f]{8}-[0-9a-f]{4}-7/, 'under an id');

my $event = event($id[0]);

is($event->{leased_until}, $until, 'they stay visible, with their time');
is($event->{status}, 'pending', 'as what they were');
is(ids(lease()), $id[3], 'another lease has the others');
is(lease()->{lease_id}, undef, 'and then there is nothing');

is(call('/v1/inbox/ack', key => 'bob-key', lease_id => $lease->{lease_id})
       ->{status}, 409, 'of another owner it is none');

my $res = call('/v1/inbox/ack', lease_id => $lease->{lease_id},
               event_ids => [@id[0, 0, 3]]);

is("@{$res->{json}{acknowledged}}", $id[0], 'one is acknowledged, once');
is($res->{json}{failed}[0]{event_id}, $id[3], 'one of another lease is not');
is($res->{json}{failed}[0]{error}{code}, 'CONFLICT', 'which is told');
is(event($id[0])->{status}, 'acknowledged', 'it is');

$res = call('/v1/inbox/extend', lease_id => $lease->{lease_id},
            lease_seconds => 600);
is($res->{status}, 200, 'extended');
cmp_ok($res->{json}{leased_until}, 'gt', $until, 'until later');
is(event($id[1])->{leased_until}, $res->{json}{leased_until}, 'all of it');

$res = call('/v1/inbox/release', lease_id => $lease->{lease_id},
            event_ids => [$id[1]], error => "no \x{e9}");
is("@{$res->{json}{released}}", $id[1], 'one is given back');
is(event($id[1])->{status}, 'retrying', 'to be tried again');

my $attempts = $t->get("/v1/events/$id[1]/status")->{json}{attempts};
is(join(' ', map { $_ // 'null' }
             @{$attempts->[0]}{qw( target outcome status_code error )}),
   "lease released null no \x{e9}", 'its status tells of the attempt');

$res = call('/v1/inbox/ack', lease_id => $lease->{lease_id});
is("@{$res->{json}{acknowledged}}", $id[2], 'the rest is acknowledged');
is(call($_, lease_id => $lease->{lease_id}, lease_seconds => 9)->{status}, 409,
   "$_: the lease is over") for '/v1/inbox/extend';
is(call($_, lease_id => $lease->{lease_id})->{status}, 409,
   "$_: the lease is over") for '/v1/inbox/ack', '/v1/inbox/release';

# --- attempts, delays, dead letters ---

$lease = lease();
is($lease->{events}[0]{retry_count}, 1, 'handed out again is a retry');
$res = call('/v1/inbox/release', lease_id => $lease->{lease_id},
            delay_seconds => 1);
is(lease()->{lease_id}, undef, 'what is released with a delay is not there');
is(ids(lease(wait_seconds => 10)), $id[1], 'and comes when that is over');

my $dead = post('dead.one');
my $first = lease('/twice');
is(ids($first), $dead, 'handed out where two attempts are allowed');
call('/v1/inbox/release', lease_id => $first->{lease_id});
$lease = lease('/twice');
call('/v1/inbox/release', lease_id => $lease->{lease_id}, error => 'too bad');
is(join(' ', @{event($dead)}{qw( status error_message retry_count )}),
   'failed too bad 1', 'the second one was the last');

is(retried(event_type => 'other.*'), 0, 'retried are those that match');
is(retried(event_type => 'dead.*'), 1, 'and that are dead');
is(ids(lease()), $dead, 'it is handed out again');

# --- a lease that runs out ---

my $short = post('short');
$lease = lease(lease_seconds => 1);
is(ids($lease), $short, 'leased for a second');
is(ids(lease(wait_seconds => 10)), $short, 'then it is handed out again');
is(call('/v1/inbox/ack', lease_id => $lease->{lease_id})->{status}, 409,
   'who had it cannot acknowledge it any more');
is($t->get("/v1/events/$short/status")->{json}{attempts}[0]{outcome},
   'expired', 'which was an attempt');
like($t->get('/metrics', key => 'admin-key', Accept => 'text/plain')->{body},
     qr/^triggers_events_lease_expired_total 1$/m, 'and was counted');

# --- waiting ---

my $start = time();
is(lease(wait_seconds => 1)->{lease_id}, undef, 'a wait that is over');
cmp_ok(time() - $start, '>=', 0.99, 'not before its time');

my @waiting = map { start(wait_seconds => 60, lease_limit => 1) } 1 .. 20;
my $typed = start(wait_seconds => 60, event_type => 'typed.*');
my $bob = start(wait_seconds => 60, -key => 'bob-key');
ok(held(@waiting, $typed, $bob), 'consumers wait');

@id = map { post('w') } 1 .. 20;
is(join(' ', sort map { ids($_) } answers(@waiting)), join(' ', sort @id),
   'each gets one event, on any worker');

post('x');
my @took = map {
    my $sock = start(wait_seconds => 60, lease_limit => 1, event_type => 'y');
    IO::Select->new($sock)->can_read(0.02);
    $start = time();
    post('y');
    answers($sock);
    time() - $start;
} 1 .. 10;

cmp_ok((sort { $a <=> $b } @took)[1], '<', 0.1 * $Triggers::Nginx::Scale,
       'at once');

ok(held($typed, $bob), 'those who wait for others still do');
my $wanted = post('typed.1');
is(ids(answers($typed)), $wanted, 'until theirs comes');
my $his = $t->post('/events', '{"payload":{}}', key => 'bob-key');
is(ids(answers($bob)), $his->{json}{event_id}, 'to every owner');

# --- more of them than may ask at once ---

my @crowd = map { start(wait_seconds => 60, lease_limit => 1, -at => '/few') }
            1 .. 80;
ok(held(@crowd), 'a crowd waits');

for (1 .. 3) {
    wait_for(sub {
        $t->post('/few/events', '{"payload":{}}')->{status} == 200;
    });
}

my $lucky = wait_for(sub {
    my @ready = IO::Select->new(@crowd)->can_read(0);
    @ready >= 3 && \@ready;
});
is(join(' ', map { ids($_) =~ tr/-// } answers(@$lucky)), '4 4 4',
   'each event is given to one');
ok(held(grep { my $sock = $_; !grep { $_ == $sock } @$lucky } @crowd),
   'the others still wait');
close $_ for @crowd;

# --- clients that leave while they wait, or while their lease is committed ---

drain();

@waiting = map { start(wait_seconds => 60) } 1 .. 5;
ok(held(@waiting), 'they wait');
close $_ for @waiting;

my $left = post('left');
is(ids(lease(wait_seconds => 10)), $left, 'nobody took it who has gone');
drain();

@id = map { post('locked') } 1 .. 3;
$t->lock_database();
@waiting = map { start(lease_limit => 1) } 1 .. 3;
ok(held(@waiting), 'the commit takes its time');
close $_ for @waiting;
held();
$t->unlock_database();

# given back one by one, perhaps while they are asked for

my @back;

for (@id) {
    push @back, split / /, ids(lease(wait_seconds => 10));
    last if @back == @id;
}

is("@{[ sort @back ]}", "@{[ sort @id ]}", 'their events are there at once');
is(event($id[0])->{retry_count}, 0, 'as if they had never been leased');
drain();

# --- the commit takes longer than the lease ---

$left = post('late');
$t->lock_database();
my $slow = start(lease_seconds => 2);
held($slow) for 1 .. 12;
$t->unlock_database();
$lease = answers($slow);
is(ids($lease), $left, 'given after more than its time');
is(call('/v1/inbox/ack', lease_id => $lease->{lease_id})->{status}, 200,
   'for the whole of it');
is(event($left)->{retry_count}, 0, 'it did not run out on the way');

# --- the commit is not heard of in time ---

$left = post('late');
$t->lock_database();
is(call('/short/v1/inbox/lease')->{status}, 503, 'too late');
$t->unlock_database();
is(ids(lease(wait_seconds => 10)), $left, 'its event is there at once');
drain();

# --- the ring is full when the client leaves ---

$t->post('/small/events', '{"payload":{}}');
wait_for(sub { $t->sql('SELECT count(*) FROM events', "$t->{dir}/small.db") });
$t->lock_database("$t->{dir}/small.db");
my $gone = start(-at => '/small');
ok(held($gone), 'a lease waits in the ring');
is(fill($_), 503, "the ring has no room for $_ bytes") for 100_000, 2000, 0;
close $gone;
held();
$t->unlock_database();
ok(wait_for(sub { $t->sql('SELECT count(*) > 10 FROM events',
                          "$t->{dir}/small.db") }), 'what it held is stored');
ok(wait_for(sub { !$t->sql('SELECT count(*) FROM leases',
                           "$t->{dir}/small.db") }),
   'the lease is undone when there is room again');

# --- an answer that is too large, and one that is not read ---

@id = map { post('big', 'x' x 900) } 1 .. 5;
$lease = lease('/page', lease_limit => 5);
is(ids($lease), "@id[0, 1]", 'no more than an answer may have');
is(ids(lease()), "@id[2 .. 4]", 'the others are free');
drain();

@id = map { post('big', 'x' x 900_000) } 1 .. 8;
$gone = $t->connect();
setsockopt $gone, SOL_SOCKET, SO_RCVBUF, 4096;
print $gone Triggers::Nginx::text('POST', '/v1/inbox/lease', body => '');
ok(wait_for(sub { IO::Select->new($gone)->can_read(0) }),
   'its client reads nothing of a long answer');
is(lease()->{lease_id}, undef, 'all is leased');
close $gone;
is(ids(lease(wait_seconds => 10, lease_limit => 1)), $id[0],
   'it leaves: its events are there at once');
drain();

# --- reload and quit ---

@waiting = map { start(wait_seconds => 60) } 1 .. 10;
ok(held(@waiting), 'consumers wait');
$t->signal('HUP');
is(join(',', map { $_->{lease_id} // 'none' } answers(@waiting)),
   join(',', ('none') x 10), 'a reload answers them');

$left = post('reloaded');
is(ids(lease()), $left, 'nothing is lost');

@waiting = map { start(wait_seconds => 60) } 1 .. 10;
ok(held(@waiting), 'consumers wait');
$t->signal('QUIT');
is(join(',', map { $_->{lease_id} // 'none' } answers(@waiting)),
   join(',', ('none') x 10), 'the end answers them');
ok($t->quit(), 'quits');
is(inconsistencies($t), '', 'the tables agree');


sub post {
    my ($type, $text) = @_;
    my $res = $t->post('/events', encode_json({ event_type => $type,
                                                payload => { x => $text } }));
    return $res->{json}{event_id};
}


# posts events of a size until one is refused

sub fill {
    my ($size) = @_;
    my $body = encode_json({ payload => { x => 'x' x $size } });
    my $sock = $t->connect();
    my $status = 200;

    $status = $t->post('/fill/events', $body, sock => $sock)->{status}
        while $status eq '200';

    return $status;
}


sub call {
    my ($uri, %body) = @_;
    my $key = delete $body{key} // 'test-key';
    return $t->post($uri, encode_json(\%body), key => $key);
}


sub lease {
    my $at = @_ % 2 ? shift : '';
    return call("$at/v1/inbox/lease", @_)->{json};
}


sub start {
    my (%body) = @_;
    my $key = delete $body{-key} // 'test-key';
    my $at = delete $body{-at} // '';

    return $t->http_start(Triggers::Nginx::text('POST', "$at/v1/inbox/lease",
                                                body => encode_json(\%body),
                                                key => $key));
}


sub answers {
    my @answers = map { Triggers::Nginx::http_end($_, SOON)->{json} } @_;
    return wantarray ? @answers : $answers[0];
}


sub ids { return join ' ', map { $_->{event_id} } @{$_[0]{events} // []} }


sub event { return $t->get("/v1/events/$_[0]")->{json} }


sub retried { return call('/v1/inbox/retry', @_)->{json}{retried} }


# none of them is answered yet

sub held { return !IO::Select->new(@_)->can_read(0.2) }


# acknowledges all that there is; payloads may be long

sub drain {
    my @left = map { lc =~ s/^(.{8})(....)(....)(....)/$1-$2-$3-$4-/r }
               $t->sql('SELECT hex(e.id) FROM inbox i JOIN events e USING (seq)'
                       . ' WHERE lane > 2');

    call('/v1/events/acknowledge/batch', event_ids => \@left) if @left;
}
