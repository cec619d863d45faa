# nginx quits, and is terminated, under load, and is started again.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw( sleep );
use Triggers::Load;
use Triggers::Nginx;

my $t = Triggers::Nginx->new()->plan(5);

$t->ready();

my $load = Triggers::Load->start($t, seconds => 60, connections => 64);
my ($quits, $terms) = (0, 0);

for my $end (\$quits, \$terms, \$quits, \$terms) {
    my $before = $load->accepted();

    wait_for(sub { $load->accepted() > $before + 1000 }) or last;
    $$end++ if $end == \$quits ? $t->quit() : $t->term();
    $t->start();
}

is("$quits $terms", '2 2', 'two of each');

wait_for(sub { $t->healthy() });
$load->end();

is($load->{other}, 0, 'no other answers') or diag($load->{messages});
is($load->{refused}, $load->{retry_after}, 'Retry-After in every refusal');
is($load->losses(), '', 'every answered event is there once');
is(inconsistencies($t), '', 'counters agree');
