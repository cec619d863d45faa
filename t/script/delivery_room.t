# More is due than is held in memory at once: endpoints that find no room do
# not keep those that have some from sending, which is what makes room.

use strict;
use warnings;

use JSON::PP;
use Test::More;
use Triggers::Nginx;
use Triggers::Receiver;

# an endpoint that is new sends four messages at once and reads eight: with
# four that are long, sixteen endpoints hold the 64 MiB there are

my $Endpoints = 20;

my $t = Triggers::Nginx->new()->plan(2);
my $r = Triggers::Receiver->new(dir => $t->{dir});

my $Deliver = join "\n    ",
    map { "triggers_deliver  @{[ $r->url(qq(/sink/$_)) ]}  room;" }
    1 .. $Endpoints;

$t->write_config(<<"END");
%%GLOBALS%%

events {
    worker_connections  512;
}

http {
    %%HTTP%%

    triggers_store  main  sqlite:%%DB%%  zone=16m;
    triggers_key    "test-key"  user=alice  scopes=admin;

    $Deliver

    server {
        listen  127.0.0.1:%%PORT%%;

        location / {
            triggers  main;
        }
    }
}
END

$t->ready();

my $long = 'x' x (1024 * 1024 - 100);

my $res = $t->post('/v1/events/batch', encode_json({ events => [
    map +{ event_type => 'room', payload => { x => $_ } },
    ('') x 4, ($long) x 4
] }));

is($res->{json}{success_count}, 8, 'four short and four long events');

ok(wait_for(sub {
    $t->get('/inbox?limit=1&status=delivered')->{json}{total} == 8;
}, 30), 'all endpoints have got all of them');
