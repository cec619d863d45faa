# A history of leases.  Consumers lease, acknowledge, release, extend, forget
# and leave, while events with and without ordering keys come in, workers and
# the one that drains are killed, nginx is reloaded and the whole tree killed
# once.  Everybody writes down what it was given and gave back, and when.
# Afterwards nothing was held by two at once, the order of every key was kept,
# and every event was acknowledged, once.

use strict;
use warnings;

use JSON::PP qw( encode_json );
use Test::More;
use Time::HiRes qw( CLOCK_MONOTONIC clock_gettime sleep time );
use Time::Local qw( timegm );
use Triggers::Load;
use Triggers::Nginx;

use constant CONSUMERS => 16;
use constant PRODUCERS => 3;
use constant KEYS => 4;                 # of each producer
use constant SECONDS => 8;

my $t = Triggers::Nginx->new(workers => 3, config => <<'END')->plan(13);
%%GLOBALS%%

events {
    worker_connections  4096;
}

http {
    %%HTTP%%

    triggers_store  main  sqlite:%%DB%%  zone=16m;
    triggers_key    "test-key"  user=alice  rate=0;
    triggers_lease_attempts     1000;

    server {
        listen  127.0.0.1:%%PORT%%;

        location / {
            triggers main;
        }
    }
}
END

$t->ready();

my $shift = clock_shift();

my @pids = ((map { my $i = $_; $t->child(sub { produce($i) }) }
                 1 .. PRODUCERS),
            (map { my $i = $_; $t->child(sub { consume($i) }) }
                 1 .. CONSUMERS));

my %done = (worker => 0, drainer => 0, reload => 0, tree => 0);
my $end = time() + SECONDS * $Triggers::Nginx::Scale;

for (my $i = 0; time() < $end; $i++) {
    sleep 0.4;
    fault(('worker', 'drainer', 'worker', 'reload')[$i % 4]);
    fault('tree') if $i == 6;
}

cmp_ok($done{$_}, '>', 0, "$_: $done{$_} times") for sort keys %done;

wait_for(sub { $t->healthy() });
$t->write('calm', 1);

ok(wait_for(sub {
    my $res = $t->get('/v1/inbox?limit=1');
    ($res->{json}{total} // 1) == 0;
}), 'all is acknowledged at last');

$t->write('stop', 1);
waitpid $_, 0 for @pids;

my %posted = map { $_->[1] => { n => $_->[2], key => $_->[3] } }
             grep { $_->[0] eq 'P' } records('producer', PRODUCERS);
my @log = sort { $a->[1] <=> $b->[1] } records('consumer', CONSUMERS);
my @given = map { { at => $_->[1], who => $_->[2], lease => $_->[3],
                    id => $_->[4], until => $_->[5], retries => $_->[6] } }
            grep { $_->[0] eq 'G' } @log;
my @back = map { { at => $_->[1], lease => $_->[3], id => $_->[4],
                   op => $_->[5], result => $_->[6] } }
           grep { $_->[0] eq 'B' } @log;

cmp_ok(scalar keys %posted, '>', 300, 'events were posted');
is(problems(held_twice()), '', 'no event was held by two at once');
is(problems(out_of_order()), '', 'the order of every key was kept');
is(problems(miscounted()), '', 'every hand-out but the first is a retry');
is(problems(acknowledged()), '', 'every event was acknowledged once');
is(problems(missing()), '', 'none is lost, none is there twice');
is($t->sql('SELECT count(*) FROM leases') . $t->sql('SELECT count(*) '
   . 'FROM ordering'), '00', 'no lease and no ordering key is left over');
is(inconsistencies($t), '', 'the tables agree');


sub fault {
    my ($what) = @_;
    my @workers = $t->workers();

    if ($what eq 'worker') {
        $t->kill9($workers[rand @workers]) or return;

    } elsif ($what eq 'drainer') {
        my $pid = $t->drainer() or return;
        $t->kill9($pid) or return;

    } elsif ($what eq 'reload') {
        $t->signal('HUP');

    } else {
        $t->kill9();
        $t->start();
    }

    $done{$what}++;
}


# a file with a line for each record, and the connection of a child

sub client {
    my ($name, $i) = @_;

    $SIG{PIPE} = 'IGNORE';
    srand($i);
    open my $out, '>', "$t->{dir}/$name.$i" or die "$name: $!";
    $out->autoflush(1);

    return { out => $out };
}


sub record { my $self = shift; print { $self->{out} } join("\t", @_), "\n" }


sub now { return clock_gettime(CLOCK_MONOTONIC) }


# What the wall clock, which is the server's, is ahead of the one that all
# notes are by; the two are read at once as far as that goes.

sub clock_shift {
    my ($best, $shift) = 9e99;

    for (1 .. 100) {
        my ($before, $wall, $after) = (now(), time(), now());

        ($best, $shift) = ($after - $before, $wall - $before)
            if $after - $before < $best;
    }

    return $shift;
}


# connects again where that is needed; the answer's status is '' without one

sub call {
    my ($self, $uri, $body, %headers) = @_;

    $self->{sock} //= $t->connect() // do { sleep 0.02; undef };

    my $res = $self->{sock}
              ? $t->post($uri, encode_json($body), sock => $self->{sock},
                         timeout => 15, %headers)
              : { status => '' };

    delete $self->{sock}
        if !$res->{json}
           || ($res->{headers}{connection} // '') eq 'close';

    return $res;
}


# its events follow each other, each is posted until it is answered

sub produce {
    my ($i) = @_;
    my $self = client('producer', $i);

    for (my $n = 0; !-e "$t->{dir}/calm"; $n++) {
        my $key = $n % 2 ? "key-$i-" . int rand KEYS : undef;
        my $body = { payload => { n => $n, key => $key // '' },
                     metadata => { $key ? (ordering_key => $key) : () } };

        for ( ;; ) {
            my $res = call($self, '/events', $body,
                           'Idempotency-Key' => "$i-$n");

            if ($res->{status} eq '200') {
                record($self, 'P', $res->{json}{event_id}, $n, $key // '');
                last;
            }

            sleep 0.01;
        }

        sleep 0.005;
    }
}


sub consume {
    my ($i) = @_;
    my $self = client('consumer', $i);

    $self->{name} = $i;

    while (!-e "$t->{dir}/stop") {
        $self->{calm} = -e "$t->{dir}/calm";

        if (!$self->{calm} && rand() < 0.08) {
            leave($self);
            next;
        }

        my $res = call($self, '/v1/inbox/lease',
                       { lease_limit => 1 + int rand 8, wait_seconds => 1,
                         lease_seconds => 1 });

        if ($res->{status} ne '200') {
            sleep 0.01;
            next;
        }

        use_lease($self, $res->{json}) if $res->{json}{lease_id};
    }
}


# asks and does not wait for the answer

sub leave {
    my ($self) = @_;

    my $sock = $t->http_start(Triggers::Nginx::text('POST',
                   '/v1/inbox/lease',
                   body => '{"wait_seconds":1,"lease_seconds":1}'));

    sleep rand 0.004;
    close $sock if $sock;
}


sub use_lease {
    my ($self, $lease) = @_;
    my $at = now();
    my @ids = map { $_->{event_id} } @{$lease->{events}};
    my $until = monotonic($lease->{leased_until});
    my $chance = $self->{calm} ? 1 : rand;

    record($self, 'G', $at, $self->{name}, $lease->{lease_id},
           $_->{event_id}, $until, $_->{retry_count})
        for @{$lease->{events}};

    if ($chance < 0.05) {
        return;

    } elsif ($chance < 0.1) {
        delete $self->{sock};
        return;

    } elsif ($chance < 0.2) {
        give_back($self, $lease, 'release', \@ids);
        return;

    } elsif ($chance < 0.35) {
        my @some = splice @ids, 0, 1 + int @ids / 2;
        give_back($self, $lease, 'ack', \@some, 1);
        give_back($self, $lease, 'release', \@ids, 1) if @ids;
        return;

    } elsif ($chance < 0.45) {
        sleep 0.3;
        extend($self, $lease);
    }

    give_back($self, $lease, 'ack', \@ids, rand() < 0.5);
}


sub give_back {
    my ($self, $lease, $op, $ids, $named) = @_;
    my $at = now();
    my $res = call($self, "/v1/inbox/$op",
                   { lease_id => $lease->{lease_id},
                     $named ? (event_ids => $ids) : (),
                     $op eq 'release' && rand() < 0.3
                         ? (delay_seconds => 1) : () });
    my %done = map { $_ => 1 }
               @{$res->{json}{$op eq 'ack' ? 'acknowledged' : 'released'}
                 // []};

    # without an answer, or with that of a commit that was not heard of, it
    # may have happened or not

    record($self, 'B', $at, $self->{name}, $lease->{lease_id}, $_, $op,
           $done{$_} ? 'done' : $res->{status} =~ /^(?:200|409)$/ ? 'refused'
                              : 'unknown')
        for @$ids;
}


# events that are in the lease no more are as they were

sub extend {
    my ($self, $lease) = @_;
    my $res = call($self, '/v1/inbox/extend',
                   { lease_id => $lease->{lease_id}, lease_seconds => 2 });

    return if $res->{status} ne '200';

    record($self, 'X', now(), $self->{name}, $lease->{lease_id},
           monotonic($res->{json}{leased_until}));
}


sub monotonic {
    my ($text) = @_;
    my ($year, $month, $rest, $ms) = $text =~ /^(\d+)-(\d+)-(.*)\.(\d+)Z$/;
    my ($day, $hour, $min, $sec) = split /[T:]/, $rest;

    return timegm($sec, $min, $hour, $day, $month - 1, $year) + $ms / 1000
           - $shift;
}


sub records {
    my ($name, $n) = @_;
    my @records;

    for my $i (1 .. $n) {
        open my $in, '<', "$t->{dir}/$name.$i" or die "$name.$i: $!";
        chomp(my @lines = <$in>);
        push @records, map { [split /\t/, $_, -1] } @lines;
    }

    return @records;
}


sub problems {
    my $n = @_;
    return $n ? "$n: " . join('; ', splice @_, 0, 5) : '';
}


# An event is held from when the answer is there until it is given back or the
# lease is over.  It may be free before, when what gives it back is on its way.

sub held {
    my %back = map { ("$_->{lease} $_->{id}" => $_->{at}) } reverse @back;
    my %until;

    $until{$_->[3]} = $_->[4] for grep { $_->[0] eq 'X' } @log;

    return map {
        my $end = $until{$_->{lease}} // $_->{until};
        my $back = $back{"$_->{lease} $_->{id}"};

        +{ %$_, end => defined $back && $back < $end ? $back : $end };
    } @given;
}


sub held_twice {
    my (%last, @wrong);

    for my $now (held()) {
        my $key = $posted{$now->{id}}{key};

        for my $name ($now->{id}, $key || ()) {
            my $before = $last{$name};

            push @wrong, "$name: $before->{who} until $before->{end}, "
                         . "$now->{who} at $now->{at}"
                if $before && $before->{end} > $now->{at}
                   && $before->{lease} ne $now->{lease};

            $last{$name} = $now
                if !$before || $now->{end} > $before->{end};
        }
    }

    return @wrong;
}


# what comes before an event of its key has been acknowledged, or may have
# been, when the event is handed out

sub out_of_order {
    my (%sent, %keys, @wrong);

    for my $b (@back) {
        $sent{$b->{id}} = $b->{at}
            if $b->{op} eq 'ack' && $b->{result} ne 'refused'
               && ($sent{$b->{id}} // 9e99) > $b->{at};
    }

    for my $id (keys %posted) {
        push @{$keys{$posted{$id}{key}}}, $id if $posted{$id}{key};
    }

    for my $ids (values %keys) {
        @$ids = sort { $posted{$a}{n} <=> $posted{$b}{n} } @$ids;
    }

    for my $now (grep { $posted{$_->{id}}{key} } @given) {
        for my $id (@{$keys{$posted{$now->{id}}{key}}}) {
            last if $id eq $now->{id};

            push @wrong, "$now->{id} before $id"
                if ($sent{$id} // 9e99) > $now->{at};
        }
    }

    return @wrong;
}


# leases that nobody got are among those that count, so that it may be more

sub miscounted {
    my (%last, @wrong);

    for my $now (@given) {
        my $before = $last{$now->{id}};

        push @wrong, "$now->{id}: $before, then $now->{retries}"
            if defined $before && $now->{retries} <= $before;

        $last{$now->{id}} = $now->{retries};
    }

    return @wrong;
}


sub acknowledged {
    my (%done, %tried);

    for my $b (grep { $_->{op} eq 'ack' } @back) {
        $done{$b->{id}}++ if $b->{result} eq 'done';
        $tried{$b->{id}}++ if $b->{result} ne 'refused';
    }

    return (map({ "$_ $done{$_} times" } grep { $done{$_} > 1 } keys %done),
            map({ "$_ by nobody" } grep { !$tried{$_} } keys %posted));
}


sub missing {
    my (%there, @wrong);

    for ($t->sql('SELECT lower(hex(id)), status FROM events JOIN event_state '
                 . 'USING (seq)'))
    {
        my ($id, $status) = split /\|/;

        $id =~ s/^(.{8})(.{4})(.{4})(.{4})/$1-$2-$3-$4-/;
        $there{$id}++;
        push @wrong, "$id has status $status" if $status != 0;
    }

    push @wrong, map { "$_ is lost" } grep { !$there{$_} } keys %posted;
    push @wrong, map { "$_ was never answered" }
                 grep { !$posted{$_} } keys %there;

    return @wrong;
}
