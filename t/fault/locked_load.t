# Another process locks the database again and again under load; once the
# worker that drains is killed and once nginx is reloaded meanwhile.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw( sleep );
use Triggers::Load;
use Triggers::Nginx;

(my $config = Triggers::Nginx::default_config())
    =~ s/triggers main;/triggers main;
            triggers_commit_timeout 1s;/;

my $t = Triggers::Nginx->new(config => $config)->plan(7);

$t->ready();

my $load = Triggers::Load->start($t, seconds => 60, connections => 32);

ok(wait_for(sub { $load->accepted() > 100 }), 'load runs');

my $healed = 0;

for my $round (1 .. 4) {
    $t->lock_database();
    sleep 0.2;

    if ($round == 2) {
        $t->kill9(grep { defined } $t->drainer() // ($t->workers())[0]);

    } elsif ($round == 3) {
        $t->signal('HUP');
    }

    sleep 1.5;
    $t->unlock_database();

    my $before = $load->accepted();
    $healed++ if wait_for(sub { $load->accepted() > $before + 100 });
}

is($healed, 4, 'heals every time');

$load->end();

cmp_ok($load->{refused}, '>', 0, 'events were refused');
is($load->{refused}, $load->{retry_after}, 'Retry-After in every refusal');
is($load->{other}, 0, 'no other answers') or diag($load->{messages});
is($load->losses(), '', 'every answered event is there once');
is(inconsistencies($t), '', 'counters agree');
