# The end of nginx while another process holds the database: it waits no
# longer for the lock than its requests do.

use strict;
use warnings;

use Test::More;
use Triggers::Load;
use Triggers::Nginx;

(my $config = Triggers::Nginx::default_config())
    =~ s/triggers main;/triggers main;
            triggers_commit_timeout 2s;
        }

        location \/patient\/ {
            triggers main;/;

my $t = Triggers::Nginx->new(config => $config)->plan(13);

$t->ready();

is($t->post('/patient/events', '{"payload":{"n":1}}')->{status}, 200,
   'stored');

# a request whose time is over

$t->lock_database();

is($t->post('/events', '{"payload":{"n":2}}')->{status}, 503, 'refused');
ok($t->quit(), 'quits while the lock is held');

$t->unlock_database();
$t->ready();

# requests that wait when QUIT comes have the rest of their time

$t->lock_database();

my @socks = map { $t->http_start(Triggers::Nginx::text('POST', '/events',
                      body => qq({"payload":{"n":$_}}))) } 3 .. 8;

ok(!IO::Select->new(@socks)->can_read(0.3), 'requests wait');

$t->signal('QUIT');

is(join(',', map { http_end($_)->{status} } @socks), join(',', (503) x 6),
   'they were refused');
ok($t->quit(), 'quits after their time');

$t->unlock_database();
$t->ready();

# TERM waits for nobody

$t->lock_database();

my $sock = $t->http_start(Triggers::Nginx::text('POST', '/events',
                                                body => '{"payload":{"n":9}}'));

ok(!IO::Select->new($sock)->can_read(0.3), 'a request waits');
ok($t->term(), 'terminates while the lock is held');
is(http_end($sock)->{status}, '', 'without an answer');

$t->unlock_database();
$t->ready();

is($t->post('/patient/events', '{"payload":{"n":10}}')->{status}, 200,
   'stores again');

my %count;
$count{$_->{payload}{n}}++ for $t->inbox();

is("$count{1} $count{10}", '1 1', 'what was answered is there');
is(scalar(grep { $_ > 1 } values %count), 0, 'nothing is there twice');
is(inconsistencies($t), '', 'counters agree');
