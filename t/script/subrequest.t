# Requests of the API that other modules make as subrequests: each has a
# context of its own, and may wait for a commit, a thread or an event while
# another one of its connection is the active one.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw( sleep );
use Triggers::Nginx;

my $t = Triggers::Nginx->new(config => <<'END')->plan(12);
%%GLOBALS%%

events {
}

http {
    %%HTTP%%

    triggers_store  main   sqlite:%%DB%%  zone=16m;
    triggers_store  other  sqlite:%%DB%%.other  zone=16m;
    triggers_key    "test-key"  user=alice;

    server {
        listen  127.0.0.1:%%PORT%%;

        location / {
            triggers main;
        }

        location /other {
            triggers other prefix=/other;
        }

        location = /poll.gif {
            mirror  /v1/inbox;
            empty_gif;
        }

        location /both {
            mirror    /other/events;
            triggers  main prefix=/both;
        }
    }
}
END

$t->ready();

# a poll beside a request that has no context

is($t->get('/poll.gif?wait=1')->{status}, 200,
   'a request whose mirror polls');
ok($t->running() && $t->healthy(), 'its time is over');

my $poll = $t->http_start(Triggers::Nginx::text('GET', '/poll.gif?wait=30'));
sleep 0.2;
is($t->post('/events', '{"payload":{}}')->{status}, 200, 'an event comes');
is(Triggers::Nginx::http_end($poll)->{status}, 200, 'the mirror has it');
ok($t->healthy(), 'the worker is there');

# an event into two stores

is($t->post('/both/events', '{"payload":{"n":1}}')->{status}, 200,
   'an event and its mirror');
is(wait_for(sub { $t->get('/other/inbox')->{json}{total} }), 1,
   'the other store has it too');
is($t->get('/inbox')->{json}{total}, 2, 'the first one has its own');

# the client goes while both wait for their commits

my @lockers = map { $t->lock_database($_); delete $t->{locker} }
                  $t->{db}, "$t->{db}.other";

my @gone = map {
    $t->http_start(Triggers::Nginx::text('POST', '/both/events',
                                         body => '{"payload":{"n":2}}'))
} 1 .. 5;

wait_for(sub { $t->taken_in() });
close $_ for @gone;
sleep 0.2;

for my $locker (@lockers) {
    $t->{locker} = $locker;
    $t->unlock_database();
}

is(wait_for(sub {
    my $total = $t->get('/other/inbox')->{json}{total};
    $total == 6 && $total;
}), 6, 'what was submitted is committed');
is(wait_for(sub {
    my $total = $t->get('/inbox')->{json}{total};
    $total == 7 && $total;
}), 7, 'in both');
ok($t->healthy(), 'the worker is there');
ok($t->quit(10), 'the process ends');
