# What a new start finds: events of a tree that was killed, a database of a
# newer module, one that was deleted while nginx ran.

use strict;
use warnings;

use Test::More;
use Triggers::Load;
use Triggers::Nginx;

my $t = Triggers::Nginx->new()->plan(13);

$t->ready();

is($t->post('/events', '{"payload":{"n":1}}')->{status}, 200, 'stored');
is($t->post('/v1/events', '{"event_type":"t","payload":{"n":2}}')->{status},
   201, 'stored');

my $id = $t->get('/inbox')->{json}{events}[1]{event_id};
is($t->post("/v1/events/$id/ack", undef)->{status}, 200, 'acknowledged');

$t->kill9();
$t->ready();

is(join(',', map { "$_->{payload}{n} $_->{status}" } $t->inbox()),
   '1 acknowledged,2 pending', 'both are there after kill -9');
is($t->post("/v1/events/$id/ack", undef)->{status}, 409,
   'the acknowledgement too');
is(inconsistencies($t), '', 'counters agree');

# a database that is deleted under a running server must not take events into
# nothing

$t->allow(qr/\[alert\].*events\.db/);
rename $t->{db} . $_, $t->{db} . "-away$_" for '', '-wal', '-shm';

ok(wait_for(sub { !$t->healthy() }), 'unhealthy without its file')
    or diag($t->get('/v1/health')->{body});

rename $t->{db} . "-away$_", $t->{db} . $_ for '', '-wal', '-shm';

ok(wait_for(sub { $t->healthy() }), 'healthy again');
is($t->post('/events', '{"payload":{"n":3}}')->{status}, 200, 'stores again');
ok($t->quit(), 'quit');

# a newer schema is refused with a clear message and left as it is

my $version = $t->sql('PRAGMA user_version');
$t->sql('PRAGMA user_version = 1000000');
$t->start();

my $health;
ok(wait_for(sub { $health = $t->get('/v1/health');
                  $health->{status} eq '503'
                      && $t->read('error.log') =~ /version 1000000,/ }),
   'a newer database is refused');
is($t->post('/events', '{"payload":{}}')->{status}, 503, 'events too');
$t->quit();

$t->sql("PRAGMA user_version = $version");
$t->ready();
is(join(',', map { $_->{payload}{n} } $t->inbox()), '1,2,3',
   'nothing of it was touched');
