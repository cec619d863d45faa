# More is due than is held in memory at once: it does not become more than is
# allowed, and endpoints that find no room do not keep those that have some
# from sending, which is what makes room.  Nor do those that hang.

use strict;
use warnings;

use JSON::PP;
use List::Util qw( max );
use Test::More;
use Triggers::Nginx;
use Triggers::Receiver;

# an endpoint that is new sends four messages at once and reads eight: with
# four that are long, sixteen endpoints hold the 64 MiB there are

my $Endpoints = 20;

# more than 256 MiB of headers for all endpoints

my $Headers = 40;

# they would have four times as many messages on their way, of 256

my $Hanging = 70;

my $t = Triggers::Nginx->new()->plan(6);
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

    triggers_store  main  sqlite:%%DB%%  zone=24m;
    triggers_key    "test-key"  user=alice  scopes=admin;

    triggers_webhook_allow  127.0.0.1;

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
hanging();


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
    });

    SKIP: {
        skip 'memory is another one here', 1 if $Triggers::Nginx::Scale > 1;

        my $peak = max(map { status($_) =~ /^VmHWM:\s+(\d+) kB/m }
                       $t->workers());

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
    }), 'room: all endpoints have got all of them');
}


sub hanging {
    for my $n (1 .. $Hanging) {
        webhook("/hang/$n", 'hang');
    }

    webhook('/ok', 'ok');
    post('hanging', map +{ event_type => 'hang', payload => {} }, 1 .. 8);

    wait_for(sub { grep({ $_->{path} =~ /hang/ } $r->requests()) > 100 });

    my $res = $t->post('/events', '{"event_type":"ok","payload":{}}');
    my $id = $res->{json}{event_id};

    # they time out after 15 seconds

    ok(wait_for(sub {
        $t->get("/v1/events/$id")->{json}{status} eq 'delivered';
    }, 12), 'hanging: others have a place');
}


sub webhook {
    my ($path, $type) = @_;

    $t->post('/v1/webhooks', encode_json({ url => $r->url($path),
                                           event_types => [ $type ] }));
}
