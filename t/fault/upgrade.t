# A binary upgrade under load (nginx.org/en/docs/control.html#upgrade): for
# a while two trees with a ring each take their turns on one database, and
# neither is refused or loses anything.

use strict;
use warnings;

use Test::More;
use Triggers::Load;
use Triggers::Nginx;

plan(skip_all => 'valgrind does not follow the new binary')
    if $ENV{TRIGGERS_VALGRIND};

my $t = Triggers::Nginx->new()->plan(12);

# a master whose parent is still the one that started it ignores USR2

$t->write('nginx.conf', $t->read('nginx.conf') =~ s/daemon +off/daemon on/r);
$t->start();
$t->adopt();
$t->ready();

my $load = Triggers::Load->start($t, seconds => 60, connections => 48);

ok(wait_for(sub { $load->accepted() > 500 }), 'load runs');

my $old = $t->{pid};

$t->signal('USR2');

ok(wait_for(sub { $t->read('nginx.pid.oldbin') =~ /^$old$/m
                  && $t->read('nginx.pid') =~ /^\d+$/m }),
   'a new master runs') or diag($t->read('error.log'));

# both accept connections, both commit

my %first;

ok(wait_for(sub { %first = positions(); keys %first == 2 }),
   'two rings');
ok(wait_for(sub {
    my %now = positions();
    keys %now == 2 && !grep { $now{$_} <= $first{$_} } keys %now;
}), 'both trees commit');

my $before = $load->accepted();
ok(wait_for(sub { $load->accepted() > $before + 2000 }),
   'events are accepted by both');

kill QUIT => $old;

ok(wait_for(sub { !$t->running() }), 'the old master quits');

$t->adopt();

$before = $load->accepted();
ok(wait_for(sub { $load->accepted() > $before + 500 }),
   'events are accepted as before');

$load->end();

is($load->{other} + $load->{refused}, 0, 'none refused')
    or diag($load->{messages});
is($load->losses(), '', 'every answered event is there once');
is(inconsistencies($t), '', 'counters agree');
unlike($t->read('error.log'), qr/database is locked|\[crit\]|\[error\]/,
       'they do not disturb each other');
ok($t->quit(), 'quits');


# how far the ring of each tree is committed

sub positions {
    return map { split /\|/ } $t->sql(<<'END');
SELECT nonce, max(position)
FROM (SELECT nonce, position FROM rings
      UNION ALL SELECT ring_nonce, ring_position FROM store)
GROUP BY nonce
END
}
