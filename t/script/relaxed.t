# triggers_synchronous_commit off: the answer comes when the event is queued,
# the commit follows.

use strict;
use warnings;

use Test::More;
use Triggers::Load;
use Triggers::Nginx;

my $t = Triggers::Nginx->new(config => <<'END')->plan(8);
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
            triggers_synchronous_commit off;
            triggers_commit_timeout 20s;
        }
    }
}
END

$t->ready();
$t->lock_database();

my $res = $t->post('/events', '{"payload":{"n":1}}');

is($res->{status}, 200, 'answered before the commit');
is($res->{json}{status}, 'accepted', 'accepted');

my $v1 = $t->post('/v1/events', '{"event_type":"t","payload":{"n":2}}');
is($v1->{status}, 201, 'on v1 too');
is($t->get('/inbox')->{json}{total}, 0, 'not yet in the inbox');

$t->unlock_database();

ok(wait_for(sub { $t->get('/inbox')->{json}{total} == 2 }),
   'committed when the lock is gone');
is($t->post("/v1/events/$v1->{json}{event_id}/ack", undef)->{json}{status},
   'acknowledged', 'an acknowledgement works');

# what was answered before QUIT is committed before the end

$t->post('/events', '{"payload":{}}') for 1 .. 20;
$t->quit();

is($t->sql('SELECT count(*) FROM events'), 22, 'all are stored at the end');
is(inconsistencies($t), '', 'counters agree');
