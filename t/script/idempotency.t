# Idempotency keys under concurrency: requests with one key meet on several
# workers, alone and in batches; what they stand for outlives the event, a
# restart and a crash, and ends with its time.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw( time );
use Triggers::Load;
use Triggers::Nginx;

my $Config = <<'END';
%%GLOBALS%%

events {
    worker_connections  1024;
}

http {
    %%HTTP%%

    triggers_store  main  sqlite:%%DB%%  zone=16m;
    triggers_key    "test-key"  user=alice;

    server {
        listen  127.0.0.1:%%PORT%%  reuseport;

        location / {
            triggers main;
        }

        location /relaxed/ {
            triggers main;
            triggers_synchronous_commit off;
        }

        location /impatient/ {
            triggers main;
            triggers_commit_timeout 200ms;
        }
    }
}
END

my $t = Triggers::Nginx->new(workers => 4, config => $Config)->plan(46);

$t->ready();

# one request, a hundred times at once, on both surfaces

for my $prefix ('', '/relaxed') {
    my $body = qq({"event_type":"same","payload":{"p":"$prefix"}});
    my @answers = at_once(map {
        Triggers::Nginx::text('POST',
                              $prefix . ($_ % 2 ? '/v1/events' : '/events'),
                              'Idempotency-Key' => "same$prefix",
                              body => $body)
    } 1 .. 100);

    my @first = grep { !$_->{headers}{'idempotent-replayed'} } @answers;

    is(tally(map { $_->{status} } @answers), '200:50 201:50',
       "$prefix/: all are accepted");
    is(scalar @first, 1, 'only one of them is the first');
    is(tally(map { $_->{json}{event_id} } @answers),
       "$first[0]{json}{event_id}:100", 'all are answered with one event');
    is(scalar(unique(map { $_->{json}{timestamp} } @answers)), 1,
       'of one time');
    is(rows('same'), length $prefix ? 2 : 1, 'which is stored once');
}

# different requests with one key

for my $prefix ('', '/relaxed') {
    my @answers = at_once(map {
        Triggers::Nginx::text('POST', "$prefix/events",
                              'Idempotency-Key' => "differ$prefix",
                              body => qq({"event_type":"differ","payload":)
                                      . qq({"n":$_,"p":"$prefix"}}))
    } 0 .. 59);
    my ($won) = grep { $answers[$_]{status} eq '200' } 0 .. 59;

    is(tally(map { $_->{status} } @answers), '200:1 422:59',
       "$prefix/: one of different requests is accepted");
    is($t->get("/v1/events/$answers[$won]{json}{event_id}")
         ->{json}{payload}{n}, $won, 'and stored');
    is(rows('differ'), length $prefix ? 2 : 1, 'no other');
}

# batches that share keys: 30 with 50 of 200 keys, all of them several times

my @answers = at_once(map {
    my $i = $_;
    Triggers::Nginx::text('POST', '/v1/events/batch', body =>
                          batch(map { ($i * 13 + $_ * 7) % 200 } 0 .. 49))
} 1 .. 30);

my (%id, $wrong, $new);

for my $i (0 .. 29) {
    for my $n (0 .. 49) {
        my $key = (($i + 1) * 13 + $n * 7) % 200;
        my $result = $answers[$i]{json}{results}[$n];

        $id{$key} //= $result->{event_id};
        $wrong++ if ($result->{event_id} // '') ne $id{$key};
        $new++ if !$result->{idempotent_replayed};
    }
}

is(tally(map { "$_->{status}/$_->{json}{success_count}" } @answers),
   '201/50:30', 'batches that share keys are accepted');
is($wrong, undef, 'each key is answered with one event');
is($new, scalar keys %id, 'which is new once');
is(rows('batch'), scalar keys %id, 'and stored once');

# a key of a batch that was used for another event before

my $res = $t->post('/v1/events/batch', batch(3, 3, 203, 4));

is(join(',', map { $_->{event_id} } @{$res->{json}{results}}[0, 1, 3]),
   "$id{3},$id{3},$id{4}", 'replays beside a new event');
ok(!exists $res->{json}{results}[2]{idempotent_replayed}, 'which is new');

# each is told its own time: the new one is the first, and all others are older

wait_for(sub {
    my $tick = $t->post('/events', '{"event_type":"tick","payload":{}}');
    $tick->{json}{timestamp} gt created($id{3});
});

$res = $t->post('/v1/events/batch', batch(204, 3, 4) =~ s/"k":4/"k":5/r);

is(join(' ', map { $_->{timestamp} // $_->{error}{code} }
             @{$res->{json}{results}}),
   join(' ', created($res->{json}{results}[0]{event_id}), created($id{3}),
        'IDEMPOTENCY_KEY_REUSED'),
   'the time of a new event, of a replay, and a key that was used');
cmp_ok($res->{json}{results}[0]{timestamp}, 'gt', created($id{3}),
       'that of the new one is later');

# who was told that the outcome is unknown, repeats, and has the same event

my @requests = (['/impatient/events', event('late')],
                ['/impatient/v1/events/batch', batch(301, 302)]);

$t->lock_database();

is(tally(map { $t->post(@$_)->{status} } (@requests) x 2), '503:4',
   'the outcome is unknown');

$t->unlock_database();

my @res = map {
    my ($uri, $body) = @$_;
    my $res;

    wait_for(sub {
        $res = $t->post($uri, $body);
        $res->{status} ne '503'
    });

    $res;
} @requests;

is($res[0]{headers}{'idempotent-replayed'}, 'true', 'it was stored');
is(scalar(grep { $_->{idempotent_replayed} } @{$res[1]{json}{results}}), 2,
   'those of a batch, too');
is(rows('late') . rows('batch'), '1' . (4 + keys %id), 'once');

# the event may be acknowledged or gone

my @gone = map { post("gone$_") } 1 .. 3;

is($t->post("/v1/events/$gone[0]/ack")->{status}, 200, 'acknowledged');
is($t->post("/inbox/$gone[1]/ack")->{status}, 200, 'acknowledged on root');
is($t->delete("/v1/events/$gone[2]")->{json}{deleted}, JSON::PP::true,
   'deleted');
is(join(',', map { post("gone$_") } 1 .. 3), join(',', @gone),
   'a repeat names the event that was');
is(rows('one'), 1, 'and stores none');

# nor does a restart make a difference, nor a crash

ok($t->quit(), 'quits');
$t->ready();
is(post('gone1'), $gone[0], 'the same after a restart');

$t->kill9();
$t->ready();
is(post('gone3'), $gone[2], 'and after a crash');
is($t->post('/v1/events/batch', batch(7))->{json}{results}[0]{event_id},
   $id{7}, 'of a batch too');
is(inconsistencies($t), '', 'counters agree');

# a time to live of a few seconds, as long as it takes to ask twice

my $ttl = 2 + int($Triggers::Nginx::Scale / 3);

(my $short = $Config) =~ s/zone=16m/zone=16m  idempotency_ttl=${ttl}s/;

my $long = $t;
$t = Triggers::Nginx->new(workers => 4, config => $short, checks => 0);

$t->ready();

my $since = time();
my $id = post('k');

ok(post('k') eq $id || time() - $since > $ttl, 'replayed while it is kept');
ok(wait_for(sub { post('k') ne $id }), 'forgotten after its time');
cmp_ok(time() - $since, '>=', $ttl - 0.1, 'but not before');
ok(wait_for(sub { $t->sql('SELECT count(*) FROM idempotency') == 0 }),
   'no row of it is left');

# A key that expires between the commit, which finds it, and the answer, for
# which it is looked up: the workers that do not drain are stopped meanwhile.

my $replays = batch(1, 2);

is($t->post('/v1/events/batch', $replays)->{status}, 201, 'stored');

$t->lock_database();

my @socks = map {
    $t->http_start(Triggers::Nginx::text('POST', '/v1/events/batch',
                                         body => $replays))
} 1 .. 24;

my $drainer = wait_for(sub { $t->drainer() });
my @others = grep { $_ != $drainer } $t->workers();

wait_for(sub { $t->taken_in() });
$t->signal('STOP', @others);
$t->unlock_database();

wait_for(sub { $t->sql('SELECT count(*) FROM idempotency') == 0 });
$t->signal('CONT', @others);

@answers = map { http_end($_) } @socks;

my %seen;

for my $item (map { @{$_->{json}{results}} } @answers) {
    $seen{$item->{error} ? $item->{error}{code} : 'replayed'}++;
    $seen{bad}++ if !$item->{error}
                    && ($item->{event_id} !~ /^01/
                        || $item->{timestamp} !~ /^2/);
}

is($seen{bad}, undef, 'no answer names an event that is not known');
cmp_ok($seen{SERVICE_UNAVAILABLE} // 0, '>', 0,
       'what has expired meanwhile is told so');
is($t->alerts() . Triggers::Nginx::reports("$t->{dir}/reports"), '',
   'no alerts or reports');


sub at_once {
    my @socks = map { $t->connect() } @_;

    print {$socks[$_]} $_[$_] for 0 .. $#socks;
    $_->flush for @socks;

    return map { http_end($_) } @socks;
}


# whether nginx has read all that came to its port: no queue has anything

sub post {
    my ($key) = @_;
    return $t->post('/events', '{"event_type":"one","payload":{}}',
                    'Idempotency-Key' => $key)->{json}{event_id};
}


sub created {
    return $t->get("/v1/events/$_[0]")->{json}{created_at};
}


sub event {
    my ($type) = @_;
    return qq({"event_type":"$type","payload":{},)
           . qq("metadata":{"idempotency_key":"$type"}});
}


sub batch {
    return '{"events":[' . join(',', map {
        qq({"event_type":"batch","payload":{"k":$_},)
        . qq("metadata":{"idempotency_key":"b$_"}})
    } @_) . ']}';
}


sub rows {
    my ($type) = @_;
    return $t->sql("SELECT count(*) FROM events WHERE event_type = '$type'");
}


sub unique {
    my %seen;
    return grep { !$seen{$_}++ } @_;
}


sub tally {
    my %n;
    $n{$_ // ''}++ for @_;
    return join ' ', map { "$_:$n{$_}" } sort keys %n;
}
