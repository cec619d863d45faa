package Triggers::Load;

# Load from many connections, and the proof that nothing was lost: every event
# whose acceptance was answered stands in the database exactly once, under the
# id of the answer; nothing stands there twice; the counters of the store
# agree with its rows.
#
#     my $load = Triggers::Load->start($t, seconds => 3, connections => 64);
#     ...
#     $load->finish();
#     is($load->losses(), '', 'every answered event is there once');
#     is(inconsistencies($t), '', 'counters agree');

use strict;
use warnings;

use base 'Exporter';

use Triggers::Nginx ();

our @EXPORT = qw( inconsistencies );

# numbers are never given twice, also not by several runs of one test

my $Next = 1;


sub start {
    my ($class, $t, %args) = @_;
    my $self = bless { t => $t, seconds => 3, connections => 64,
                       payload => 0, %args }, $class;
    my $tool = Triggers::Nginx::tool('load');

    $self->{out} = "$t->{dir}/load.$Next.out";
    $self->{err} = "$t->{dir}/load.$Next.err";

    my @cmd = ($tool, $t->port(), $self->{connections}, $self->{seconds},
               $Next, $Triggers::Nginx::Key, $self->{payload});

    $Next += 10_000_000;

    $self->{pid} = fork() // die "fork: $!";

    if ($self->{pid} == 0) {
        open STDOUT, '>', $self->{out};
        open STDERR, '>', $self->{err};
        exec @cmd or POSIX::_exit(127);
    }

    return $self;
}


# answered so far

sub accepted {
    my ($self) = @_;
    open my $in, '<', $self->{out} or return 0;
    my $n = 0;
    $n++ while <$in>;
    return $n;
}


sub end {
    my ($self) = @_;
    kill TERM => $self->{pid};
    return $self->finish();
}


# waits for the end of the run and reads its counters

sub finish {
    my ($self) = @_;

    waitpid $self->{pid}, 0;
    $self->{exit} = $?;

    open my $err, '<', $self->{err} or die "$self->{err}: $!";
    my $text = do { local $/; <$err> };

    $self->{$1} = $2 while $text =~ /(\w+)=(\d+)/g;
    $self->{messages} = $text;

    open my $out, '<', $self->{out} or die "$self->{out}: $!";

    while (<$out>) {
        my ($n, $id) = /^(\d+) (\S+)$/ or die "bad line of load: $_";
        $self->{events}{$n} = lc $id;
    }

    return $self;
}


# what is wrong with the events of this run in the database, '' if nothing

sub losses {
    my ($self, $db) = @_;
    my $events = $self->{events};
    my (%seen, @wrong);

    for my $row ($self->{t}->sql("SELECT json_extract(payload, '\$.n'), "
        . "lower(hex(id)) FROM events WHERE event_type = 'load'", $db))
    {
        my ($n, $id) = split /\|/, $row;

        push @wrong, "event $n is there twice" if $seen{$n}++;

        $id =~ s/^(.{8})(.{4})(.{4})(.{4})/$1-$2-$3-$4-/;
        push @wrong, "event $n has id $id, answered was $events->{$n}"
            if exists $events->{$n} && $events->{$n} ne $id;
    }

    push @wrong, map { "event $_ is lost" } grep { !$seen{$_} } keys %$events;

    my $count = @wrong;
    splice @wrong, 5;

    return $count ? "$count wrong: " . join(', ', @wrong) : '';
}


# what does not agree inside the database, '' if all does

sub inconsistencies {
    my ($t, $db) = @_;
    my @wrong;

    # the lane that an event's state comes to, and the status of a lane

    my $lane = 'CASE coalesce(status, 4) '
        . 'WHEN 3 THEN CASE WHEN hold THEN 3 ELSE 4 + priority END '
        . 'WHEN 4 THEN CASE WHEN hold THEN 7 WHEN priority = 0 THEN 8 '
        . 'WHEN priority = 2 THEN 9 ELSE 10 END ELSE status END';
    my $status = 'CASE WHEN lane < 3 THEN lane WHEN lane < 7 THEN 3 '
        . 'ELSE 4 END';

    my %checks = (
        'events that are not in the lane of their state' =>
            "SELECT count(*) FROM (SELECT seq, owner, $lane FROM events "
            . 'LEFT JOIN event_state USING (seq) '
            . 'EXCEPT SELECT seq, owner, lane FROM inbox)',
        'inbox rows too many' =>
            'SELECT '
            . '(SELECT count(*) FROM inbox i WHERE NOT EXISTS '
            . '(SELECT 1 FROM events e WHERE e.seq = i.seq)) + '
            . '(SELECT count(*) - count(DISTINCT seq) FROM inbox)',
        'owner_inbox rows that differ from inbox' =>
            'SELECT count(*) FROM (SELECT owner, lane, seq FROM '
            . 'owner_inbox EXCEPT SELECT owner, lane, seq FROM inbox)',
        'merged events without an owner_inbox row' =>
            'SELECT count(*) FROM inbox WHERE seq <= (SELECT merged_through '
            . 'FROM store) AND NOT EXISTS (SELECT 1 FROM owner_inbox o WHERE '
            . 'o.owner = inbox.owner AND o.lane = inbox.lane AND '
            . 'o.seq = inbox.seq)',
        'counts of owners that differ' =>
            'SELECT count(*) FROM (SELECT owner, status, sum(n) AS s FROM ('
            . "SELECT owner, $status AS status, count(*) AS n FROM inbox "
            . 'GROUP BY 1, 2 '
            . 'UNION ALL SELECT owner, status, -n FROM counts '
            . 'WHERE owner > 0) GROUP BY 1, 2) WHERE s <> 0',
        'counts of all that differ' =>
            'SELECT count(*) FROM (SELECT status, sum(n) AS s FROM ('
            . "SELECT $status AS status, count(*) AS n FROM inbox "
            . 'GROUP BY 1 UNION ALL '
            . 'SELECT status, -n FROM counts WHERE owner = 0) GROUP BY 1) '
            . 'WHERE s <> 0',
        'total below the events that exist' =>
            'SELECT max(0, (SELECT count(*) FROM events) - '
            . '(SELECT total_events FROM store))',
        'next_seq at or below a seq in use' =>
            'SELECT count(*) FROM events WHERE seq >= '
            . '(SELECT next_seq FROM store)',
        'states that are not whole' =>
            'SELECT count(*) FROM event_state WHERE '
            . '(hold = 1) <> (lease IS NOT NULL) OR '
            . '(hold = 1) <> (leased_until IS NOT NULL) OR '
            . '(hold IN (2, 4)) <> (due_at IS NOT NULL) OR '
            . '(status < 3) <> (done_at IS NOT NULL) OR '
            . '(status < 3 AND hold <> 0)',
        'leases whose number of events differs' =>
            'SELECT count(*) FROM (SELECT lease, sum(n) AS s FROM ('
            . 'SELECT lease, remaining AS n FROM leases UNION ALL '
            . 'SELECT lease, -1 FROM event_state WHERE lease IS NOT NULL) '
            . 'GROUP BY 1) WHERE s <> 0',
        'leases or events without a row in due, or rows too many' =>
            'WITH d (at, kind, ref) AS ('
            . 'SELECT until, 1, lease FROM leases UNION ALL '
            . 'SELECT due_at, 2, seq FROM event_state '
            . 'WHERE due_at IS NOT NULL) '
            . 'SELECT (SELECT count(*) FROM (SELECT * FROM d EXCEPT '
            . 'SELECT at, kind, ref FROM due)) + '
            . '(SELECT count(*) FROM (SELECT at, kind, ref FROM due EXCEPT '
            . 'SELECT * FROM d))',
        'events that are done without a row in done' =>
            'SELECT count(*) FROM (SELECT done_at, seq FROM event_state '
            . 'WHERE done_at IS NOT NULL EXCEPT SELECT at, seq FROM done)',
        'events that differ in ordering' =>
            'WITH o (owner, ordering_key, seq, active) AS ('
            . 'SELECT owner, ordering_key, seq, coalesce(hold, 0) <> 3 '
            . 'FROM events LEFT JOIN event_state USING (seq) '
            . 'WHERE ordering_key IS NOT NULL AND coalesce(status, 4) > 2 '
            . 'AND coalesce(hold, 0) NOT IN (4, 5)) '
            . 'SELECT (SELECT count(*) FROM (SELECT * FROM o EXCEPT '
            . 'SELECT owner, ordering_key, seq, active FROM ordering)) + '
            . '(SELECT (SELECT count(*) FROM o) <> '
            . '(SELECT count(*) FROM ordering))',
        'ordering keys without exactly one active event' =>
            'SELECT count(*) FROM (SELECT 1 FROM ordering '
            . 'GROUP BY owner, ordering_key HAVING sum(active) <> 1)',
        'attempts of events that are not there' =>
            'SELECT count(*) FROM attempts '
            . 'WHERE seq NOT IN (SELECT seq FROM events)',
    );

    for my $name (sort keys %checks) {
        my $n = $t->sql($checks{$name}, $db);
        push @wrong, "$n $name" if $n ne '0';
    }

    my $check = $t->sql('PRAGMA integrity_check', $db);
    push @wrong, $check if $check ne 'ok';

    return join '; ', @wrong;
}


1;
