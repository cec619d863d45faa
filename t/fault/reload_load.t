# Reloads under load, also some at once: nothing is lost or refused, old
# workers go, and at no time do two processes hold the write lock.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw( sleep );
use Triggers::Load;
use Triggers::Nginx;

my $t = Triggers::Nginx->new()->plan(6);

$t->ready();

my $load = Triggers::Load->start($t, seconds => 60, connections => 64);

ok(wait_for(sub { $load->accepted() > 100 }), 'load runs');

my $reloads = 0;

for (1 .. 6) {
    my $before = $load->accepted();

    $reloads++ if $t->reload();
    wait_for(sub { $load->accepted() > $before + 1000 });
}

is($reloads, 6, 'old workers go six times');

for (1 .. 5) {
    $t->signal('HUP');
    sleep 0.05;
}

ok(wait_for(sub { $t->workers() == $t->{workers} }),
   'old workers of five quick ones are gone');

$load->end();

is($load->{other} + $load->{refused}, 0, 'none refused')
    or diag($load->{messages});
is($load->losses(), '', 'every answered event is there once');
is(inconsistencies($t), '', 'counters agree');
