# What happens by itself: leases that have run out while nginx was away, and
# delays that are over later, are found without a request, by a leader that
# has only the database to know them from; whoever polls is told.  What is due
# is written into the database by hand.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw( time );
use Triggers::Load;
use Triggers::Nginx;

use constant EVENTS => 1000;     # several steps of the sweep

my $t = Triggers::Nginx->new()->plan(10);

$t->ready();

my $batch = '{"events":['
    . join(',', ('{"event_type":"t","payload":{}}') x EVENTS) . ']}';

is($t->post('/v1/events/batch', $batch)->{status}, 201, 'stored');
ok($t->quit(), 'quit');

# the first event is in a lease, the next one too, which may not be given again

my $now = int(time() * 1000);
my $past = $now - 1000;
my $later = $now + 1500;

$t->sql('INSERT INTO leases VALUES (1, zeroblob(16), 1, ' . $past
        . ", 5, 1, x'0000000000000001'), (2, x'01', 1, $past, 1, 1, "
        . "x'0000000000000002');"
        . 'INSERT INTO event_state (seq, status, updated_at, hold, lease, '
        . "leased_until) VALUES (1, 4, 1, 1, 1, $past), (2, 4, 1, 1, 2, "
        . "$past);"
        . "INSERT INTO due VALUES ($past, 1, 1), ($past, 1, 2);");

# the others are delayed, the last one for longer

$t->sql('INSERT INTO event_state (seq, status, updated_at, hold, due_at) '
        . 'SELECT seq, 3, 1, 2, '
        . "CASE seq WHEN @{[EVENTS]} THEN $later ELSE $past END FROM events "
        . 'WHERE seq > 2;'
        . 'INSERT INTO due SELECT due_at, 2, seq FROM event_state '
        . 'WHERE hold = 2;'
        . 'UPDATE inbox SET lane = iif(seq > 2, 3, 7);'
        . 'UPDATE owner_inbox SET lane = iif(seq > 2, 3, 7);'
        . 'DELETE FROM counts;'
        . 'INSERT INTO counts SELECT o.owner, s.status, s.n FROM '
        . '(SELECT status, count(*) AS n FROM event_state GROUP BY 1) s, '
        . '(SELECT 0 AS owner UNION SELECT 1) o;');

is(inconsistencies($t), '', 'the database is as a tree leaves it');

$t->start();

ok(wait_for(sub { $t->sql('SELECT count(*) FROM due') <= 1 }),
   'what is due is done by a new leader, without a request');
is($t->sql('SELECT count(*) FROM leases'), 0, 'leases are over');
is(join(' ', $t->sql('SELECT status, attempts, coalesce(error_message, 0) '
                     . 'FROM event_state WHERE seq < 3 ORDER BY seq')),
   '3|1|0 2|1|the lease ran out',
   'an attempt is counted, and the last one makes a dead letter');

ok(wait_for(sub { $t->sql('SELECT count(*) FROM due') == 0 }),
   'what is due later is done then');
cmp_ok(time() * 1000, '>=', $later, 'not before');

ok($t->quit(), 'quit');
is(inconsistencies($t), '', 'all tables agree');
