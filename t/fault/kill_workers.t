# Workers are killed under load, any and the one that drains: the others go
# on, nothing that was answered is lost, nothing is stored twice.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw( sleep );
use Triggers::Load;
use Triggers::Nginx;

my $t = Triggers::Nginx->new(workers => 3)->plan(9);

$t->ready();

my $load = Triggers::Load->start($t, seconds => 30, connections => 48);

ok(wait_for(sub { $load->accepted() > 100 }), 'load runs');

my $killed = 0;

for (1 .. 10) {
    my $before = $load->accepted();

    $killed++ if $t->kill_worker();
    wait_for(sub { $load->accepted() > $before + 500 });
}

is($killed, 10, 'any worker killed ten times');

my $drainers = 0;

for (1 .. 10) {
    my $before = $load->accepted();

    $drainers++ if $t->kill_drainer();
    wait_for(sub { $load->accepted() > $before + 500 });
}

is($drainers, 10, 'the one that drains killed ten times');

my $before = $load->accepted();
ok(wait_for(sub { $load->accepted() > $before + 500 }),
   'events are accepted as before');

$load->end();

is($load->{other}, 0, 'no other answers') or diag($load->{messages});
is($load->losses(), '', 'every answered event is there once');
is(inconsistencies($t), '', 'counters agree');
ok($t->healthy(), 'healthy');
ok($t->quit(), 'quits');
