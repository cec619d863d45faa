# Clients that repeat each request until it is answered, while workers, the
# one that drains and the whole tree are killed: in the end each key has
# exactly one event, and every answer has named it.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw( sleep );
use Triggers::Load;
use Triggers::Nginx;

my $Clients = 8;

my $t = Triggers::Nginx->new(workers => 3)->plan(11);

$t->ready();

my @clients = map { my $i = $_; $t->child(sub { client($i) }) }
              1 .. $Clients;

ok(wait_for(sub { answered() > 500 }), 'requests are answered');

my $killed = 0;

for my $round (1 .. 6) {
    my $before = answered();

    sleep rand 0.05;
    $killed++ if $t->kill_worker();

    sleep rand 0.05;
    $killed++ if $t->kill_drainer();

    wait_for(sub { answered() > $before + 1500 }) or last;
}

is($killed, 12, 'workers were killed twelve times');

my $rounds = 0;

for my $round (1 .. 5) {
    my $before = answered();

    wait_for(sub { answered() > $before + 1500 }) or last;
    sleep rand 0.05;
    $t->kill9();
    $t->start();
    $rounds++;
}

is($rounds, 5, 'the whole tree was killed five times');

my $before = answered();
ok(wait_for(sub { answered() > $before + 1500 }),
   'requests are still answered');

$t->write('stop', '');
waitpid $_, 0 for @clients;

my (%named, %repeated, %new, @wrong);

for my $i (1 .. $Clients) {
    for my $line (split /\n/, $t->read("client.$i")) {
        my ($key, $id, $replayed, $tries) = split / /, $line;

        if ($id !~ /^[0-9a-f]{32}$/) {
            push @wrong, "$key: $line";
            next;
        }

        $named{$key}{$id}++;
        $new{$key}++ if !$replayed;
        $repeated{$key}++ if $tries > 1;
    }
}

is(list(@wrong), '', 'no other answers');
cmp_ok(scalar(keys %repeated), '>', 0, 'requests had to be repeated');
is(list(grep { keys %{$named{$_}} > 1 } keys %named), '',
   'all answers to a key name one event');
is(list(grep { $new{$_} > 1 } keys %new), '', 'which is new once at most');

my %rows;

for my $row ($t->sql("SELECT json_extract(payload, '\$.k'), lower(hex(id)) "
                     . 'FROM events'))
{
    my ($key, $id) = split /\|/, $row;
    push @{$rows{$key}}, $id;
}

is(list((grep { @{$rows{$_}} != 1 } keys %rows),
        grep { !$rows{$_} } keys %named), '', 'there is one event for each key');
is(list(grep { $named{$_} && !$named{$_}{$rows{$_}[0]} } keys %rows), '',
   'the one that was named');
is(inconsistencies($t), '', 'counters agree');


# Posts events, alone and in batches, with keys that it shares with the other
# clients, and tells what each answer has named and how often it was asked.

sub client {
    my ($i) = @_;

    srand $i;

    open my $out, '>', "$t->{dir}/client.$i" or die "client.$i: $!";
    $out->autoflush(1);

    for (my $n = 1; !-e "$t->{dir}/stop"; $n++) {
        my $batch = $n % 3 == 0;
        my @keys = map { key($i, $n) } 1 .. ($batch ? 20 : 1);
        my ($res, $tries) = ask($batch, @keys);

        my @results = $batch ? @{$res->{json}{results} // []}
                      : { event_id => $res->{json}{event_id},
                          idempotent_replayed =>
                              $res->{headers}{'idempotent-replayed'} };

        for my $k (0 .. $#keys) {
            my $result = $results[$k] // {};
            my $id = ($result->{event_id} // $res->{status}) =~ s/-//gr;

            print $out join(' ', $keys[$k], $id,
                            $result->{idempotent_replayed} ? 1 : 0, $tries),
                       "\n";
        }
    }
}


# one of its own, or one that others use about now

sub key {
    my ($i, $n) = @_;
    return rand() < 0.3 ? "c$i." . int(rand 1e9)
                        : 's' . (int($n / 10) * 20 + int rand 20);
}


# repeats a request until it is answered

sub ask {
    my ($batch, @keys) = @_;
    my @events = map {
        qq({"event_type":"t","payload":{"k":"$_"},)
        . qq("metadata":{"idempotency_key":"$_"}})
    } @keys;
    my @args = $batch ? ('/v1/events/batch',
                         '{"events":[' . join(',', @events) . ']}')
                      : ('/events', $events[0]);

    for (my $tries = 1; ; $tries++) {
        my $res = eval { $t->post(@args) } // { status => '' };

        return ($res, $tries)
            if $res->{status} !~ /^(?:|503|timeout)$/ || $tries == 2000;

        sleep 0.01;
    }
}


sub answered {
    my $n = 0;

    for my $i (1 .. $Clients) {
        $n += () = $t->read("client.$i") =~ /\n/g;
    }

    return $n;
}


# what is wrong, not more of it than can be read

sub list {
    my $n = @_;
    return join ', ', $n > 5 ? (@_[0 .. 4], "and others, $n in all") : @_;
}
