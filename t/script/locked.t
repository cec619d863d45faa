# A database that another process has locked: writes are refused after the
# commit timeout, reads go on, and all heals when the lock goes.

use strict;
use warnings;

use Test::More;
use Triggers::Load;
use Triggers::Nginx;

my $t = Triggers::Nginx->new(config => <<'END')->plan(14);
%%GLOBALS%%

events {
}

http {
    %%HTTP%%

    triggers_store  main  sqlite:%%DB%%  zone=16m;
    triggers_key    "test-key"  user=alice;

    server {
        listen  127.0.0.1:%%PORT%%;

        location / {
            triggers main;
            triggers_commit_timeout 500ms;

            location /patient/ {
                triggers main prefix=/patient;
                triggers_commit_timeout 30s;
            }
        }
    }
}
END

$t->ready();

is($t->post('/patient/events', '{"payload":{"n":1}}')->{status}, 200,
   'stored');

$t->lock_database();

my $res = $t->post('/events', '{"payload":{"n":2}}');

is($res->{status}, 503, 'refused after the timeout');
is($res->{json}{error}{code}, 'SERVICE_UNAVAILABLE', 'with its code');
like($res->{headers}{'retry-after'} // '', qr/^\d+$/, 'and Retry-After');

is($t->get('/inbox')->{json}{total}, 1, 'the inbox is read on');

ok(wait_for(sub { $t->get('/v1/health')->{status} eq '503' }),
   'unhealthy');

my $health = $t->get('/v1/health')->{json};

is($health->{status}, 'unhealthy', 'health says so');
unlike(join(',', values %{$health->{checks}}), qr/^(?:ok,?|disabled,?)+$/,
       'and why');

my $patient = $t->http_start(Triggers::Nginx::text('POST', '/patient/events',
    body => '{"payload":{"n":3}}'));

$t->unlock_database();

is(http_end($patient)->{status}, 200, 'a patient request is answered');
ok(wait_for(sub { $t->healthy() }), 'healthy again');
is($t->post('/patient/events', '{"payload":{"n":4}}')->{status}, 200,
   'events are stored again');

# the outcome of the refused one was unknown: it may be there, but once

my %count;
$count{$_->{payload}{n}}++ for $t->inbox();

is(join(',', @count{1, 3, 4}), '1,1,1', 'all answered events are there');
cmp_ok($count{2} // 0, '<=', 1, 'the refused one at most once');
is(inconsistencies($t), '', 'counters agree');
