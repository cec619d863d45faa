# The end of nginx: QUIT answers what waits, TERM cuts it but loses nothing
# that was answered, and what was stored is there at the next start.

use strict;
use warnings;

use Test::More;
use Triggers::Load;
use Triggers::Nginx;

my $t = Triggers::Nginx->new()->plan(19);

$t->ready();

is($t->post('/events', '{"payload":{"n":1}}')->{status}, 200, 'stored');

# a request that waits for its commit when QUIT comes

$t->lock_database();

my $sock = $t->http_start(Triggers::Nginx::text('POST', '/events',
                                                body => '{"payload":{"n":2}}'));

ok(!defined read_nothing($sock), 'the request waits');

$t->signal('QUIT');
$t->unlock_database();

is(http_end($sock)->{status}, 200, 'answered after QUIT');
ok(wait_for(sub { !$t->running() }), 'quit');
is($t->{status}, 0, 'with success');
is(inconsistencies($t), '', 'counters agree');

$t->ready();
is(join(',', map { $_->{payload}{n} } $t->inbox()), '1,2',
   'both are there after the start');

# TERM while clients post

my $load = Triggers::Load->start($t, seconds => 20, connections => 16);

ok(wait_for(sub { $load->accepted() > 100 }), 'load runs');
ok($t->term(10), 'terminated');

$load->end();

is($load->losses(), '', 'every answered event is there once');
is(inconsistencies($t), '', 'counters agree');

# an idle stop leaves the database complete: it may be copied without its WAL

for my $end (qw( quit term )) {
    $t->ready();

    my $before = $t->sql('SELECT count(*) FROM events');
    $t->post('/events', qq({"payload":{"end":"$end $_"}})) for 1 .. 50;

    ok(wait_for(sub { !$t->drainer() }), "$end: at rest");
    ok($t->$end(10), "$end: ended");
    ok(!-s "$t->{db}-wal", "$end: the WAL is gone or empty");
    is(copied('SELECT count(*) FROM events'), $before + 50,
       "$end: the database holds all");
}


# asks a copy of the database file alone

sub copied {
    my ($query) = @_;

    $t->write('copy.db', $t->read('events.db'));

    return $t->sql($query, "$t->{dir}/copy.db");
}


sub read_nothing {
    my ($sock) = @_;
    return IO::Select->new($sock)->can_read(0.3) ? 1 : undef;
}
