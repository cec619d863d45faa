# Clients that repeat what was not answered, with idempotency keys, single and
# in batches, while workers and drainers are killed, reloaded, and two trees
# of a binary upgrade take turns: every key has one event, which every answer
# names.

use strict;
use warnings;

use JSON::PP;
use Test::More;
use Time::HiRes qw( sleep time );
use Triggers::Load;
use Triggers::Nginx;

plan(skip_all => 'valgrind does not follow the new binary')
    if $ENV{TRIGGERS_VALGRIND};

my $t = Triggers::Nginx->new(workers => 3)->plan(10);

$t->write('nginx.conf', $t->read('nginx.conf') =~ s/daemon +off/daemon on/r);
$t->start();
$t->adopt();
$t->ready();

my @clients = map { my $i = $_; $t->child(sub { client($i) }) } 1 .. 6;

ok(wait_for(sub { answered() > 20 }), 'clients run');

my $killed = 0;

for (1 .. 12) {
    my $before = answered();

    $killed++ if $_ % 3 ? $t->kill_drainer() : $t->kill_worker();
    wait_for(sub { answered() > $before + 5 });
}

is($killed, 12, 'drainers and others killed');
ok($t->reload(), 'reloaded');

my $old = $t->{pid};
$t->signal('USR2');

ok(wait_for(sub { $t->read('nginx.pid.oldbin') =~ /^$old$/m
                  && $t->read('nginx.pid') =~ /^\d+$/m }),
   'a new master runs') or diag($t->read('error.log'));

for (1 .. 4) {
    my $before = answered();
    wait_for(sub { answered() > $before + 30 });
}

kill QUIT => $old;
ok(wait_for(sub { !$t->running() }), 'the old master quits');
$t->adopt();

my $before = answered();
ok(wait_for(sub { answered() > $before + 20 }), 'clients go on');

kill TERM => @clients;
waitpid $_, 0 for @clients;

# key, id: what clients were told, all of them and each time

my (%told, %stored, @wrong);

for my $i (1 .. 6) {
    for (split /\n/, $t->read("client.$i")) {
        my ($key, $id) = /^(\S+) (\S+)$/ or next;

        push @wrong, "$key was answered with $told{$key} and $id"
            if ($told{$key} //= $id) ne $id;
    }
}

for my $row ($t->sql("SELECT json_extract(payload, '\$.key'), lower(hex(id))"
                     . ' FROM events'))
{
    my ($key, $id) = split /\|/, $row;
    $id =~ s/^(.{8})(.{4})(.{4})(.{4})/$1-$2-$3-$4-/;

    push @wrong, "$key is there twice" if $stored{$key}++;
    push @wrong, "$key is $id, answered was $told{$key}"
        if exists $told{$key} && $told{$key} ne $id;
}

push @wrong, map { "$_ is lost" } grep { !$stored{$_} } keys %told;

my $count = @wrong;
cmp_ok(scalar keys %told, '>', 1000, 'many keys');
is(join(', ', splice @wrong, 0, 5), '', "one event for each key: $count wrong");
is(inconsistencies($t), '', 'counters agree');
ok($t->quit(), 'quits');


sub answered {
    return scalar map { split /\n\n/, $t->read("client.$_") } 1 .. 6;
}


# answers are told with an empty line after each request

sub client {
    my ($i) = @_;

    $SIG{TERM} = sub { POSIX::_exit(0) };
    srand($i);

    open my $out, '>', "$t->{dir}/client.$i" or die "client.$i: $!";
    $out->autoflush(1);

    my (@sent, $n);

    for ( ;; ) {
        my @keys;

        if (@sent && rand() < 0.3) {

            # one that has been answered, once more

            @keys = @{$sent[rand @sent]};

        } else {
            my $size = rand() < 0.5 ? 1 : 1 + int rand 200;
            @keys = map { "c$i-" . ++$n } 1 .. $size;
            push @keys, $keys[0] if $size > 100;
            push @sent, [@keys];
        }

        my $ids;
        sleep 0.002 until $ids = send_keys(@keys);

        print $out join('', map { "$keys[$_] $ids->[$_]\n" } 0 .. $#keys),
                   "\n";
    }
}


# the ids of the answer, nothing if there was none that tells

sub send_keys {
    my (@keys) = @_;

    my @events = map { +{ event_type => 'x', source => 'y',
                          payload => { key => $_ },
                          metadata => { idempotency_key => $_ } } } @keys;
    my $res = eval {
        @keys == 1 ? $t->post('/v1/events', encode_json($events[0]))
                   : $t->post('/v1/events/batch',
                              encode_json({ events => \@events }))
    };

    return if !$res || $res->{status} ne '201' || !$res->{json};
    return [ $res->{json}{event_id} ] if @keys == 1;
    return [ map { $_->{event_id} // 'none' } @{$res->{json}{results}} ];
}
