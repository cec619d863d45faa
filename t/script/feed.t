# What is in the live feed, read as a stream: what happens to events, after it
# has been committed, and what is done in the background.

use strict;
use warnings;

use Test::More;
use Triggers::Nginx;
use Triggers::Receiver;
use Triggers::Stream;

my $t = Triggers::Nginx->new()->plan(41);
my $r = Triggers::Receiver->new(dir => $t->{dir});

mkdir "$t->{dir}/backups";

$t->write_config(<<"END");
%%GLOBALS%%

events {
    worker_connections  512;
}

http {
    %%HTTP%%

    triggers_store  main  sqlite:%%DB%%  zone=16m;
    triggers_key    "test-key"   user=root   scopes=admin  rate=0;
    triggers_key    "alice-key"  user=alice  scopes=events:write,events:read,inbox:ack  rate=0;
    triggers_key    "bob-key"    user=bob    scopes=events:write,events:read,inbox:ack  rate=0;

    triggers_deliver  @{[ $r->url('/ok') ]}                      taken;
    triggers_deliver  @{[ $r->url('/status/500?secret=s3cr3t') ]}  broken;
    triggers_deliver  @{[ $r->url('/status/410') ]}              gone;

    triggers_delivery_schedule  100ms;
    triggers_retry_schedule     100ms;
    triggers_lease_attempts     2;
    triggers_retention          events=@{[ 2 * $Triggers::Nginx::Scale ]}s;
    triggers_backup_path        $t->{dir}/backups;

    server {
        listen  127.0.0.1:%%PORT%%;

        location / {
            triggers        main;
            triggers_debug  on;
        }
    }
}
END

$t->ready();

# --- nobody is there yet ---

post('alice', 'early');

my $events = stream('event', 'test-key');
my ($nonce) = $events->{last_id} =~ /^(\w+)-/;
my $first = stream('event', 'test-key', "$nonce-0");
my ($gap) = $first->until(sub { $_->{event} eq 'gap' });

is($gap->{json}{reason}, 'omitted',
   'changes are left out while nobody wants them, which is told');
$first->close();

# --- what happens to an event ---

my $alice = stream('event', 'alice-key');
my $bob = stream('event', 'bob-key');

my $requests = stream('log', 'test-key');
my $trace = '0af7651916cd43dd8448eb211c80319c';

$t->get('/inbox', traceparent => "00-$trace-b7ad6b7169203331-01");
my ($request) = grep { $_->{message} eq 'GET /inbox' }
                logs($requests, sub { $_ eq 'GET /inbox' });
is($request->{context}{trace_id}, $trace, 'a request, with its trace');
$requests->close();

my $id = post('alice', 'plain');
my $change = change($events, $id);

is(told($change), 'created pending plain alice', 'created');
is(change($alice, $id)->{user_id}, undef, 'its owner is told');

$t->post("/v1/events/$id/ack", undef, key => 'alice-key');
is(told(change($events, $id)), 'acknowledged acknowledged plain alice',
   'acknowledged');

$t->delete("/v1/events/$id");
is(told(change($events, $id)), 'deleted - plain alice', 'deleted by another');

$id = post('bob', 'taken');
is(told(change($events, $id)), 'created pending taken bob', 'to be pushed');
is(told(change($events, $id)), 'delivered delivered taken bob', 'delivered');

is(change($bob, $id)->{action}, 'created',
   'another sees its own, and nothing before');

my $logs = stream('log', 'test-key');

$id = post('alice', 'broken');
is(join(', ', map { told(change($events, $id)) } 1 .. 3),
   'created pending broken alice, retrying retrying broken alice, '
   . 'failed failed broken alice', 'deliveries that fail');

my @seen = logs($logs, sub { /^event failed/ });
my @failed = grep { $_->{message} =~ /^delivery to webhook/ } @seen;

is(scalar @failed, 2, 'two records of deliveries');
like($failed[0]{message},
     qr/^delivery to webhook [0-9a-f-]{36} failed: status 500, attempt 1, \d+ ms, next in \d+ ms$/,
     'the first of them');
like($failed[1]{message}, qr/attempt 2, \d+ ms, the last$/, 'the last one');
is($failed[0]{context}{event_id}, $id, 'which event');
is($failed[0]{context}{user_id}, 'alice', 'and whose it is');
is($failed[0]{level}, 'warn', 'a warning');
is($failed[0]{context}{kind}, 'background', 'of the background');

is($seen[-1]{message}, 'event failed: status 500', 'a dead letter');
is($seen[-1]{context}{event_id}, $id, 'which one');

unlike(join("\n", map { $_->{message} } @seen), qr/s3cr3t|127\.0\.0\.1/,
       'nothing of the URL');

my $stored = sub { grep { $_ =~ /^(?:event|delivery)/ }
                   map { $_->{message} }
                   @{$t->get("/logs?event_id=$id")->{json}{logs} || []} };

ok(wait_for(sub { $stored->() == 3 }), 'they are stored logs, too');
is(join("\n", sort $stored->()),
   join("\n", sort map { $_->{message} } @failed, $seen[-1]), 'the same');

$t->post("/inbox/$id/retry", undef, key => 'alice-key');
is(told(change($events, $id)), 'retried retrying broken alice',
   'retried by hand');

post('alice', 'broken') for 1 .. 5;
@seen = logs($logs, sub { /does not work/ });
is(scalar @seen && $seen[-1]{level}, 'warn', 'the breaker opens');

post('alice', 'gone');
@seen = logs($logs, sub { /answered 410/ });
like($seen[-1]{message}, qr/^webhook \S+ answered 410 and is disabled$/,
     'an endpoint is disabled');

# --- steps and leases ---

$id = $t->post('/events?debug=dlq_routing',
               '{"event_type":"step","payload":{}}',
               key => 'alice-key')->{json}{event_id};
is(join(', ', map { change($events, $id)->{action} } 1 .. 3),
   'created, retrying, failed', 'a step that fails');
@seen = logs($logs, sub { /^event failed: debug/ });
is($seen[-1]{context}{event_id}, $id, 'and its record');

$id = post('bob', 'leased');
change($events, $id);

my $lease = lease('leased', 60);
$t->post('/v1/inbox/release', qq({"lease_id":"$lease","event_ids":["$id"]}),
         key => 'bob-key');
is(told(change($events, $id)), 'retrying retrying leased bob',
   'a lease is given back');

lease('leased', 1);
is(told(change($events, $id)), 'failed failed leased bob', 'one runs out');
@seen = logs($logs, sub { /lease ran out/ });
is($seen[-1]{message}, 'event failed: the lease ran out', 'and its record');

# --- many, in their order ---

my $many = join ',', map { qq({"event_type":"many$_","payload":{}}) } 1 .. 500;
my $res = $t->post('/v1/events/batch', qq({"events":[$many]}),
                   key => 'alice-key');

is($res->{status}, 201, 'a batch') or diag($res->{body});

my @types = map { change($events)->{event_type} } 1 .. 500;
is(join(' ', @types), join(' ', map { "many$_" } 1 .. 500),
   'each of its events, in its order');

# --- retention, a backup ---

$id = post('alice', 'old');
$t->post("/v1/events/$id/ack", undef, key => 'alice-key');

@seen = $events->until(sub { $_->{json}{event_id} eq $id
                             && $_->{json}{action} eq 'expired' }, 30);
is($seen[-1]{json}{status}, undef, 'an event expires');
@seen = logs($logs, sub { /^events removed by retention: \d+$/ });
is($seen[-1]{level}, 'info', 'what retention has removed');

$res = $t->post('/v1/admin/backup');
@seen = logs($logs, sub { /^backup / });
like($seen[-1]{message},
     qr/^backup \Q$res->{json}{backup}\E has been made, \d+ bytes in \d+ ms$/,
     'a backup');

# --- the store ---

$t->lock_database();
my $waits = $t->http_start(Triggers::Nginx::text('POST', '/events',
    body => '{"payload":{}}'));
@seen = logs($logs, sub { /^store: / });
is("$seen[-1]{level}: $seen[-1]{message}",
   'warn: store: locked, was ready', 'the store is locked');
$t->unlock_database();
@seen = logs($logs, sub { /^store: / });
is("$seen[-1]{level}: $seen[-1]{message}",
   'info: store: ready, was locked', 'and ready again');
http_end($waits);

# --- from the beginning ---

$logs->close();
my %pids = map { $_ => 1 } $t->workers();

$logs = stream('log', 'test-key', "$nonce-0");
@seen = map { $_->{json} } $logs->until(sub {
    ($_->{json}{message} // '') =~ /^store: ready, was starting/ });

my %slots = map { $_->{message} =~ /^worker process (\d+) has taken slot \d+$/
                  ? ($1 => 1) : () } @seen;
is(join(' ', sort keys %slots), join(' ', sort keys %pids),
   'every worker has come');
is(scalar(grep { $_->{message} =~ /^worker process \d+ writes now$/ } @seen),
   1, 'and one of them writes');
is(scalar(grep { $_->{message} eq '0 keys have been loaded' } @seen), 1,
   'keys are loaded');

# --- a reload ---

my $last = $logs->{last_id};
my ($leader) = map { $_->{message} =~ /^worker process (\d+) writes now/ }
               @seen;

$logs->close();
$_->close() for $events, $alice, $bob;

$t->reload();

$logs = stream('log', 'test-key', $last);
my %left;

$logs->until(sub {
    my $message = $_->{json}{message} // '';
    $left{$1}++ if $message =~ /^worker process (\d+) leaves slot/;
    $left{$1}++ if $message =~ /^worker process (\d+) writes no more$/;
    !grep { ($left{$_} // 0) < 1 + ($_ eq $leader) } keys %pids;
});

is(join(' ', map { $left{$_} // 0 } sort keys %pids),
   join(' ', map { 1 + ($_ eq $leader) } sort keys %pids),
   'the old ones leave, and the one that wrote does so no more');


sub post {
    my ($user, $type) = @_;
    my $res = $t->post('/events', qq({"event_type":"$type","payload":{}}),
                       key => "$user-key");
    return $res->{json}{event_id} // '';
}


sub stream {
    my ($types, $key, $id) = @_;
    my $s = Triggers::Stream->open($t, "/api/stream?types=$types",
                                   key => $key,
                                   defined $id ? ('Last-Event-ID' => $id)
                                               : ());

    # what comes before is not for us: it has begun when it has an id

    wait_for(sub {
        $s->start();
        $s->parse();
        !$s->{last_id} && $s->more(Triggers::Stream::deadline(1));
        $s->{last_id};
    });

    return $s;
}


# the next change, of one event

sub change {
    my ($s, $id) = @_;
    my @seen = $s->until(sub {
        $_->{event} eq 'event' && (!defined $id || $_->{json}{event_id} eq $id)
    });

    return @seen ? $seen[-1]{json} : {};
}


sub told {
    my ($c) = @_;
    return join ' ', map { $_ // '-' } @$c{qw( action status event_type
                                               user_id )};
}


# records up to the one whose message is told by the condition

sub logs {
    my ($s, $condition) = @_;
    my @seen = $s->until(sub {
        local $_ = $_->{json}{message} // '';
        $condition->();
    });

    return map { $_->{json} } @seen;
}


sub lease {
    my ($type, $seconds) = @_;
    my $body = qq({"event_type":"$type","lease_seconds":$seconds});

    return $t->post('/v1/inbox/lease', $body, key => 'bob-key')
             ->{json}{lease_id} // '';
}
