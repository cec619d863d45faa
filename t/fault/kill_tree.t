# The whole tree is killed at once under load and started again, five times.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw( sleep );
use Triggers::Load;
use Triggers::Nginx;

my $t = Triggers::Nginx->new()->plan(4);

$t->ready();

my $load = Triggers::Load->start($t, seconds => 60, connections => 64);
my $rounds = 0;

for (1 .. 5) {
    my $before = $load->accepted();

    wait_for(sub { $load->accepted() > $before + 1000 }) or last;
    sleep rand 0.2;
    $t->kill9();
    $rounds++;
    $t->start();
}

is($rounds, 5, 'killed five times');

wait_for(sub { $t->healthy() });
$load->end();

is($load->{other}, 0, 'no other answers') or diag($load->{messages});
is($load->losses(), '', 'every answered event is there once');
is(inconsistencies($t), '', 'counters agree');
