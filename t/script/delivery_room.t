# More is due than is held in memory at once: it does not become more than is
# allowed, and endpoints that find no room do not keep those that have some
# from sending, which is what makes room.

use strict;
use warnings;

use JSON::PP;
use Test::More;
use Triggers::Nginx;
use Triggers::Receiver;

# an endpoint that is new sends four messages at once and reads eight: with
# four that are long, sixteen endpoints hold the 64 MiB there are

my $Endpoints = 20;

# more than 256 MiB of headers for all endpoints

my $Headers = 40;

my $t = Triggers::Nginx->new()->plan(4);
my $r = Triggers::Receiver->new(dir => $t->{dir});

my $Deliver = join "\n    ",
    (map { "triggers_deliver  @{[ $r->url(qq(/sink/$_)) ]}  room;" }
     1 .. $Endpoints),
    (map { "triggers_deliver  @{[ $r->url(qq(/hang/$_)) ]}  headers"
           . '  format=cloudevents;' } 1 .. $Headers);

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

headers();
room();


sub post {
    my ($what, @events) = @_;
    my $res = $t->post('/v1/events/batch', encode_json({ events => \@events }));

    is($res->{json}{success_count}, 8, "$what: eight events");
}


# each character becomes three in a header

sub headers {
    my $long = ' ' x (300 * 1024);

    post('headers', map +{ event_type => 'headers', payload => {},
                           metadata => { long => $long } }, 1 .. 8);

    # a server that refuses them at once

    wait_for(sub {
        $t->get('/inbox?limit=1&status=retrying')->{json}{total} >= 4;
    }, 30);

    SKIP: {
        skip 'memory is another one here', 1 if $Triggers::Nginx::Scale > 1;

        my ($peak) = status($t->drainer()) =~ /^VmHWM:\s+(\d+) kB/m;

        cmp_ok($peak, '<', 200 * 1024, 'headers: memory is bounded');
    }
}


sub status {
    my ($pid) = @_;

    open my $in, '<', "/proc/$pid/status" or die "/proc/$pid/status: $!";
    local $/;

    return <$in>;
}


sub room {
    my $long = 'x' x (1024 * 1024 - 100);

    post('room', map +{ event_type => 'room', payload => { x => $_ } },
         ('') x 4, ($long) x 4);

    ok(wait_for(sub {
        $t->get('/inbox?limit=1&status=delivered')->{json}{total} == 8;
    }, 30), 'room: all endpoints have got all of them');
}
