# Long polls: GET /inbox?wait=... is held while there is nothing to return,
# takes neither a thread nor a connection to the store, is woken on every
# worker, and ends with the process.

use strict;
use warnings;

use IO::Select;
use Test::More;
use Time::HiRes qw( time );
use Triggers::Nginx;

# those that have to be answered would otherwise be held for that long

use constant WAIT => 60;
use constant SOON => 40;

my $t = Triggers::Nginx->new(workers => 2, config => <<'END')->plan(42);
%%GLOBALS%%

events {
    worker_connections  1024;
}

http {
    %%HTTP%%

    triggers_store  main  sqlite:%%DB%%  zone=16m  readers=2;
    triggers_key    "test-key"   user=alice;
    triggers_key    "bob-key"    user=bob;
    triggers_key    "carol-key"  user=carol;
    triggers_key    "dave-key"   user=dave;
    triggers_key    "admin-key"  user=root  scopes=admin;

    server {
        listen  127.0.0.1:%%PORT%%;

        location / {
            triggers main;
        }
    }
}
END

$t->ready();

# --- time ---

my $start = time();
my $res = $t->get('/inbox?wait=1');
my $took = time() - $start;

is($res->{status}, 200, 'a poll whose time is over is answered');
is(scalar @{$res->{json}{events}}, 0, 'with an empty page');
cmp_ok($took, '>=', 0.99, 'not before its time');

# --- every worker, all owners ---

my @polls = map { poll('/inbox') } 1 .. 40;
my @admin = map { poll('/inbox', 'admin-key') } 1 .. 4;
my @bob = map { poll('/inbox', 'bob-key') } 1 .. 4;
my $typed = poll('/v1/inbox?event_type=wanted');

ok(held(@polls, @admin, @bob, $typed), 'polls are held');

is($t->get('/inbox')->{status}, 200, 'beside them readers are free');

my $id = post('first');

is(answers(@polls), join(',', ($id) x @polls), 'an event answers all polls');
is(answers(@admin), join(',', ($id) x @admin), 'and those of administrators');
ok(held(@bob, $typed), 'but not those of another owner or another type');

post('other') for 1 .. 30;
ok(held($typed), 'however many others come');

$id = post('wanted');
is(answers($typed), $id, 'the type that was waited for');

my $bob = $t->post('/events', '{"payload":{}}', key => 'bob-key');
is(answers(@bob), join(',', ($bob->{json}{event_id}) x @bob),
   'the other owner is answered by an event of his own');

# --- what is there is answered at once ---

$start = time();
is(scalar @{$t->get('/inbox?wait=' . WAIT)->{json}{events}}, 32,
   'nothing is held when there is something');
cmp_ok(time() - $start, '<', SOON, 'at all');

# --- following by cursor ---

$res = $t->get('/inbox?order=asc&limit=32');
my $last = $res->{json}{events}[-1]{event_id};
my $cursor = $t->get('/inbox?order=asc&limit=31')->{json}{pagination}
                 {next_cursor};
$res = $t->get("/inbox?order=asc&cursor=$cursor&wait=5");
is($res->{json}{events}[0]{event_id}, $last, 'behind a cursor');

# --- following to the end and on, from an empty inbox, on both surfaces ---

for my $name (qw( carol dave )) {
    my $uri = $name eq 'carol' ? '/inbox' : '/v1/inbox';
    my @posters = map { $t->child(sub { post('f', "$name-key") for 1 .. 15 }) }
                  1 .. 2;

    my ($end, @seen) = follow($uri, "$name-key", 30);
    waitpid $_, 0 for @posters;

    is(join(',', @seen),
       join(',', map { $_->{event_id} }
                 @{$t->get("$uri?order=asc&limit=1000", key => "$name-key")
                     ->{json}{events}}),
       "$uri: a follower has seen each event once, in order");

    my $next = poll("$uri?order=asc&limit=2&cursor=$end", "$name-key");
    ok(held($next), 'at the end it is held');
    my $new = post('f', "$name-key");
    $res = Triggers::Nginx::http_end($next, SOON);
    is(join(',', map { $_->{event_id} } @{$res->{json}{events}}), $new,
       'until there is another one');

    $end = $res->{json}{pagination}{end_cursor};
    $next = poll("$uri?order=asc&limit=2&cursor=$end", "$name-key");
    ok(held($next), 'which is not given again');
    close $next;
}

# --- changes of state ---

my $acked = poll('/inbox?status=acknowledged');
ok(held($acked), 'a poll for a state that nothing is in');
is($t->post("/v1/events/$id/ack", '')->{status}, 200, 'acknowledged');
is(answers($acked), $id, 'is answered by the change');

my $deleted = poll('/inbox?status=failed');
ok(held($deleted), 'held before an administrator changes something');
is($t->post("/v1/events/$last/ack", '', key => 'admin-key')->{status}, 409,
   'an administrator sees all');
is($t->delete("/v1/events/$last", key => 'admin-key')->{status}, 200,
   'and deletes');
ok(held($deleted), 'it is still held, nothing matches');
close $deleted;

# --- clients that leave ---

@polls = map { poll('/inbox?event_type=never') } 1 .. 50;
ok(held(@polls), 'held');
close $_ for splice @polls, 0, 25;
post('x');
ok(held(@polls), 'those that stayed are');

# --- the drainer's process dies ---

my $drainer = wait_for(sub { post('x'); $t->drainer() });
$t->kill9($drainer);
ok(wait_for(sub { my @left = grep { $_ != $drainer } $t->workers();
                  @left == 2 }), 'the worker that drains was replaced');

$id = post('never');
my @ids = split /,/, answers(@polls), -1;
is(scalar(grep { $_ ne $id && $_ ne 'gone' } @ids), 0,
   'polls of the worker that is left are woken by the new leader');

# --- another tree, as while a binary upgrade runs ---

my $other = Triggers::Nginx->new(db => $t->{db});
$other->ready();
my $foreign = poll('/inbox?event_type=foreign', 'admin-key');
ok(held($foreign), 'held beside another nginx on the same database');
$id = $other->post('/events', '{"event_type":"foreign","payload":{}}')
            ->{json}{event_id};
is(answers($foreign), $id, 'an event that came through that one');
$other->quit();

# --- reload and quit ---

@polls = map { poll('/inbox?event_type=nothing') } 1 .. 40;
ok(held(@polls), 'held before a reload');
$t->reload();
is(answers(@polls), join(',', ('empty') x @polls),
   'a reload answers them, with an empty page');
is($t->get('/inbox')->{status}, 200, 'the new workers serve');

@polls = map { poll('/inbox?event_type=nothing') } 1 .. 10;
ok(held(@polls), 'held before the end');
$t->quit();
is(answers(@polls), join(',', ('empty') x @polls), 'which answers them');


sub poll {
    my ($uri, $key) = @_;
    $uri .= ($uri =~ /\?/ ? '&' : '?') . 'wait=' . WAIT;
    return $t->http_start(Triggers::Nginx::text('GET', $uri,
                                                key => $key // 'test-key'));
}


# none of them is answered yet

sub held {
    my (@socks) = @_;
    return !IO::Select->new(@socks)->can_read(0.3);
}


# the newest event of each answer

sub answers {
    my (@socks) = @_;

    return join ',', map {
        my $res = Triggers::Nginx::http_end($_, SOON);
        $res->{status} eq '' ? 'gone'
            : $res->{status} ne '200' ? $res->{status}
            : $res->{json}{events}[0]{event_id} // 'empty';
    } @socks;
}


# reads pages of two until there are n events; ends where the last page does

sub follow {
    my ($uri, $key, $n) = @_;
    my ($end, @seen);

    while (@seen < $n) {
        my $json = $t->get("$uri?order=asc&limit=2&wait=" . WAIT
                           . (defined $end ? "&cursor=$end" : ''),
                           key => $key)->{json};

        push @seen, map { $_->{event_id} } @{$json->{events}} or last;
        $end = $json->{pagination}{end_cursor};
    }

    return ($end, @seen);
}


sub post {
    my ($type, $key) = @_;
    my $res = $t->post('/events',
                       qq({"event_type":"$type","payload":{"n":1}}),
                       key => $key // 'test-key');
    return $res->{json}{event_id};
}
