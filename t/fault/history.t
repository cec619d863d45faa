# The history while the clock of nginx is the test's: real minutes end, whoever
# leads is killed, the clock jumps to and fro under load; what it has in the
# end is what was stored, each event once.

use strict;
use warnings;

use List::Util qw( sum0 );
use Test::More;
use Time::HiRes qw( sleep );
use Triggers::Load;
use Triggers::Nginx;

my $lib = Triggers::Nginx::library('clock');
my $t = Triggers::Nginx->new(workers => 2)->plan(17);
my $clock = 0;

$ENV{CLOCK_OFFSET} = "$t->{dir}/clock";
put(0);
start();

$t->post('/events', '{"payload":{}}') for 1 .. 5;

# a minute

forward(60);
ok(wait_for(sub { events() == 5 }), 'a minute that is over is there');

my ($point) = grep { $_->{events} } points();

is($point->{latency_ms}{ingest}{count}, 5, 'how long that took');
cmp_ok($point->{latency_ms}{commit}{p99}, '>', 0, 'and each commit');
cmp_ok($point->{events_per_second}, '>', 0, 'how many a second that were');
is($point->{pending}, 5, 'how many are there');
like($point->{timestamp}, qr/:00\.000Z$/, 'when that was');

# whoever leads is killed

$t->post('/events', '{"payload":{}}') for 1 .. 3;
kill_leader();
$t->post('/events', '{"payload":{}}') for 1 .. 2;
forward(60);
ok(wait_for(sub { events() == 10 }), 'a new leader goes on');

# a reload, and the clock is put back

$t->reload();
$t->post('/events', '{"payload":{}}');
forward(-600);
$t->post('/events', '{"payload":{}}');
forward(660);
ok(wait_for(sub { events() == 12 }), 'so it does after a reload');

# the minute that is not over goes with the last process

$t->post('/events', '{"payload":{}}') for 1 .. 4;
ok($t->quit(), 'quits');
start();
ok(wait_for(sub { events() == 16 }), 'a restart loses nothing');

# all of it at once

my $load = Triggers::Load->start($t, seconds => 60, connections => 32);
my $killed = 0;

for my $round (1 .. 20) {
    forward((60, 3600, -3600, 30, -90)[$round % 5]);
    sleep 0.3;
    $killed += kill_leader() if $round % 4 == 0;
}

is($killed, 5, 'leaders were killed under load');

$load->end();
is($load->losses(), '', 'every answered event is there once');

$t->quit();
start();

my $stored = $t->sql('SELECT total_events FROM store');

is(events(), $stored, "each of $stored events is in the history once");
is(scalar(grep { $_ < 0 } map { @$_{qw( requests errors events attempts )} }
          points()), 0, 'nothing is negative');
cmp_ok(sum0(map { $_->{requests} } points()), '>=', $stored - 6 * 32,
       'so is each request, but for those that died with their worker');
is(inconsistencies($t), '', 'counters agree');
cmp_ok(scalar $t->sql('SELECT count(*) FROM minutes', "$t->{db}.logs"), '<',
       80, 'there are not many minutes');


sub start {
    local $ENV{LD_PRELOAD} = $lib;
    $t->ready();
}


# the file is mapped: it is written to, not replaced

sub put {
    my ($seconds) = @_;
    open my $out, -e $ENV{CLOCK_OFFSET} ? '+<' : '>', $ENV{CLOCK_OFFSET}
        or die $!;
    syswrite $out, pack('q', $seconds);
}


sub forward { put($clock += shift) }


sub kill_leader {
    my $pid = $t->kill_drainer() or return 0;

    return wait_for(sub { my $now = $t->drainer(); $now && $now != $pid });
}


# all minutes that there are, also those that are ahead of the clock by now

sub points {
    my @days = map { substr($_->{timestamp}, 0, 10) }
               history('from=2025-01-01&to=2045-01-01&step=86400');

    return map { history("from=${_}T00:00:00Z&to=${_}T23:59:59Z&step=60") }
           @days;
}


sub history {
    my ($query) = @_;
    my $res = $t->get("/v1/metrics/history?$query");

    $res->{status} eq '200' or die "$res->{status} $res->{body}";

    return @{$res->{json}{points}};
}


sub events { sum0(map { $_->{events} } points()) }
