# Clients that leave while they wait for their commit: their slots come back,
# their events stay accepted, once.

use strict;
use warnings;

use Test::More;
use Triggers::Load;
use Triggers::Nginx;

my $t = Triggers::Nginx->new(workers => 1, config => <<'END')->plan(9);
%%GLOBALS%%

events {
    worker_connections  512;
}

http {
    %%HTTP%%

    triggers_store  main  sqlite:%%DB%%  zone=16m  waiting=64;
    triggers_key    "test-key"  user=alice;

    server {
        listen  127.0.0.1:%%PORT%%;

        location / {
            triggers main;
            triggers_commit_timeout 30s;
        }
    }
}
END

$t->ready();

is($t->post('/events', '{"payload":{"n":0}}')->{status}, 200, 'stored');

my $n = 0;

for my $round (1 .. 3) {
    $t->lock_database();

    my @socks = map { start() } 1 .. 40;

    # answers to none of them

    ok(!IO::Select->new(@socks)->can_read(0.3), "round $round: all wait");

    close $_ for splice @socks, 0, 20;

    $t->unlock_database();

    is(join(',', map { http_end($_)->{status} } @socks),
       join(',', (200) x 20), "round $round: those that stayed are answered");
}

# an abandoned request was in the ring: it is committed with the others

my %count;
$count{$_->{payload}{n}}++ for $t->inbox();

is(scalar(grep { $_ > 1 } values %count), 0, 'none is there twice');
is(inconsistencies($t), '', 'counters agree');


sub start {
    my $body = sprintf '{"payload":{"n":%d}}', ++$n;
    return $t->http_start(Triggers::Nginx::text('POST', '/events',
                                                body => $body));
}
