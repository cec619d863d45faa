# Endpoints that were named through the API: connected to only where their
# addresses are public or allowed, whatever their names say.

use strict;
use warnings;

use JSON::PP;
use Test::More;
use Triggers::Nginx;
use Triggers::Receiver;

my $t = Triggers::Nginx->new()->plan(11);
my $r = Triggers::Receiver->new(dir => $t->{dir});

my $Config = <<"END";
%%GLOBALS%%

events {
    worker_connections  512;
}

http {
    %%HTTP%%

    triggers_store  main  sqlite:%%DB%%  zone=16m;
    triggers_key    "test-key"  user=alice  scopes=admin;

    triggers_deliver  @{[ $r->url('/trusted') ]}  both;

    triggers_delivery_schedule  off;

    server {
        listen  127.0.0.1:%%PORT%%;

        location / {
            triggers  main;
        }

        location /allowed/ {
            triggers  main;
            # here
        }
    }
}
END

$t->write_config($Config);
$t->ready();

my $res = hook($r->url('/literal'), 'literal');
is($res->{status}, '400', 'an address that is not public is refused at once');

# a name is resolved when it is connected to

$res = hook("http://localhost:$r->{port}/name", 'name', 'both');
is($res->{status}, '201', 'a name is not looked at before');

my $event = event('name', 'failed');

is($event->{status}, 'failed', 'name: failed');
is($event->{error_message}, 'address is not allowed', 'name: error');

event('both', 'failed');
is(scalar $r->wait(1, path => '/trusted'), 1,
   'an endpoint of the configuration may be anywhere');
is(scalar $r->requests(path => '/name'), 0, 'name: nothing has come');

$t->write_config($Config =~ s/# here/triggers_webhook_allow  127.0.0.0\/8;/r);
$t->reload();

$res = hook($r->url('/literal'), 'literal');
is($res->{status}, '400', 'allowed: not in another location');
$res = hook($r->url('/literal'), 'literal2', undef, '/allowed');
is($res->{status}, '201', 'allowed: an address');

is(event('literal2', 'delivered')->{status}, 'delivered',
   'allowed: delivered');
is(event('name', 'delivered')->{status}, 'delivered',
   'allowed: it is the store that delivers');

my ($m) = $r->requests(path => '/name');
like($m->{headers}{'webhook-signature'}, qr/^v1,/, 'allowed: signed');


sub hook {
    my ($url, $type, $other, $location) = @_;
    my $body = encode_json({
        url => $url, event_types => [ grep { defined } $type, $other ]
    });

    return $t->post(($location // '') . '/v1/webhooks', $body);
}


sub event {
    my ($type, $status) = @_;
    my $res = $t->post('/events', qq({"event_type":"$type","payload":{}}));
    my $event;

    wait_for(sub {
        $event = $t->get("/v1/events/$res->{json}{event_id}")->{json};
        $event->{status} eq $status;
    });

    return $event;
}
